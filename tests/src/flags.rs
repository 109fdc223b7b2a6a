//! Flags of the tools: `--name value`, `--switch`, and what remains.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Parsed arguments. A flag that nobody asked for is an error: see [`Flags::finish`].
pub struct Flags {
    values: BTreeMap<String, Vec<String>>,
    rest: Vec<String>,
}

impl Flags {
    /// Reads `args`; the flags named in `switches` take no value.
    pub fn parse(args: &[String], switches: &[&str]) -> Result<Flags, String> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut rest = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.strip_prefix("--") {
                None => rest.push(arg.clone()),
                Some(name) if switches.contains(&name) => {
                    values.entry(name.to_owned()).or_default();
                }
                Some(name) => {
                    let value = args.next().ok_or(format!("--{name} needs a value"))?;
                    values
                        .entry(name.to_owned())
                        .or_default()
                        .push(value.clone());
                }
            }
        }
        Ok(Flags { values, rest })
    }

    /// Whether a switch was given.
    pub fn switch(&mut self, name: &str) -> bool {
        self.values.remove(name).is_some()
    }

    /// The value of a flag, `default` if it was not given.
    pub fn value<T: FromStr>(&mut self, name: &str, default: T) -> Result<T, String> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    /// The value of a flag.
    pub fn optional<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(texts) = self.values.remove(name) else {
            return Ok(None);
        };
        let text = texts.last().ok_or(format!("--{name} needs a value"))?;
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(format!("--{name} {text}: not a value of this flag")),
        }
    }

    /// The values of a flag that are separated by commas; `default` if it was not given.
    pub fn list<T: FromStr>(&mut self, name: &str, default: &str) -> Result<Vec<T>, String> {
        let text = self.value(name, default.to_owned())?;
        text.split(',')
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().map_err(|_| format!("--{name}: {part}?")))
            .collect()
    }

    /// All values of a flag that may be repeated.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        self.values.remove(name).unwrap_or_default()
    }

    /// Takes the first word that is no flag, `default` if there is none.
    pub fn rest_word(&mut self, default: &str) -> String {
        match self.rest.is_empty() {
            true => default.to_owned(),
            false => self.rest.remove(0),
        }
    }

    /// What is no flag; an error if there are flags left.
    pub fn finish(self) -> Result<Vec<String>, String> {
        match self.values.keys().next() {
            Some(name) => Err(format!("--{name} is no flag of this tool")),
            None => Ok(self.rest),
        }
    }
}
