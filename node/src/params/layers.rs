//! Where values come from: default < file < environment < flag.

use std::fmt;
use std::path::Path;

use super::conf::{self, ConfError, Directive};
use super::{ParamError, Params, TABLE};

/// What precedes the name of a parameter in the environment: `ALMANDINE_MAXMEMORY_POLICY`.
pub const ENV_PREFIX: &str = "ALMANDINE_";

/// Parameters being put together, one layer over the other.
#[derive(Debug, Default)]
pub struct Layers {
    params: Params,
    /// Words of every `save` of this layer: they add up, and the first replaces those of the layer below.
    saves: Vec<Vec<u8>>,
    notes: Vec<String>,
}

/// A parameter of the environment that is unknown or does not take its value.
#[derive(Debug, PartialEq, Eq)]
pub struct EnvError {
    variable: String,
    reason: String,
}

impl Layers {
    /// Only defaults.
    pub fn new() -> Self {
        Layers::default()
    }

    /// The file at `path`.
    ///
    /// # Errors
    /// What cannot be read, the line that is wrong.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfError> {
        self.directives(conf::read_file(path)?)
    }

    /// More lines from standard input.
    ///
    /// # Errors
    /// As [`Layers::file`].
    pub fn stdin(&mut self) -> Result<(), ConfError> {
        self.directives(conf::read_stdin()?)
    }

    /// The lines of a file.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn directives(&mut self, directives: Vec<Directive>) -> Result<(), ConfError> {
        self.saves.clear();
        for Directive { place, name, words } in directives {
            let name = String::from_utf8_lossy(&name).to_lowercase();
            if OBSOLETE.contains(&name.as_str()) {
                let line = place.line;
                self.notes
                    .push(format!("'{name}' at line {line} has no effect any more"));
                continue;
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            self.set(&name, &words)
                .map_err(|reason| ConfError::Line(place, reason))?;
        }
        Ok(())
    }

    /// The variables that begin with [`ENV_PREFIX`]. A value is cut into words as a line of a file.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), EnvError> {
        self.saves.clear();
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let name = name.to_lowercase().replace('_', "-");
            if is_service_link(&name, &value) {
                self.notes.push(format!(
                    "{variable} is taken for a service link of Kubernetes and not for a parameter"
                ));
                continue;
            }
            let in_error = |reason| EnvError {
                variable: variable.clone(),
                reason,
            };
            let words = conf::split(value.as_bytes())
                .ok_or_else(|| in_error("Unbalanced quotes".to_owned()))?;
            let mut words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            if words.is_empty() {
                words.push(b"");
            }
            self.set(&name, &words).map_err(in_error)?;
        }
        Ok(())
    }

    /// Flags begin: what they say replaces what the other layers said.
    pub fn begin_flags(&mut self) {
        self.saves.clear();
    }

    /// One flag, without its dashes.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn flag(&mut self, name: &str, words: &[&[u8]]) -> Result<(), String> {
        self.set(name, words)
    }

    /// All layers together, and what the operator should know about them.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn finish(mut self) -> Result<(Params, Vec<String>), ParamError> {
        self.params.resolve()?;
        for (name, why) in self.params.without_effect() {
            self.notes.push(format!("'{name}' has no effect: {why}"));
        }
        Ok((self.params, self.notes))
    }

    fn set(&mut self, name: &str, words: &[&[u8]]) -> Result<(), String> {
        if let Some((_, why)) = UNSUPPORTED.iter().find(|(other, _)| *other == name) {
            return Err((*why).to_owned());
        }
        let Some((param, _)) = Params::find(name.as_bytes()) else {
            return Err(match closest(name) {
                Some(known) => format!("{}; did you mean '{known}'?", ParamError::UNKNOWN),
                None => ParamError::UNKNOWN.to_string(),
            });
        };
        let outcome = if param.name == "save" && words != [b""] {
            let blanks = |byte: &u8| *byte == b' ';
            let cut = words.iter().flat_map(|word| word.split(blanks));
            self.saves.extend(cut.map(<[u8]>::to_vec));
            let all: Vec<&[u8]> = self.saves.iter().map(Vec::as_slice).collect();
            param.set(&mut self.params, &all)
        } else {
            if param.name == "save" {
                self.saves.clear();
            }
            param.set(&mut self.params, words)
        };
        outcome.map_err(|error| error.to_string())
    }
}

impl fmt::Display for EnvError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EnvError { variable, reason } = self;
        write!(out, "environment variable {variable}: {reason}")
    }
}

impl std::error::Error for EnvError {}

/// Directives of old files that redis-server reads and ignores.
const OBSOLETE: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// Directives of redis-server that we refuse.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("user", "ACL users are not supported yet; set requirepass"),
    ("rename-command", "rename-command is not supported"),
    ("loadmodule", "modules are not supported"),
    ("loadmodule-ex", "modules are not supported"),
    ("sentinel", "sentinel directive while not in sentinel mode"),
];

/// Kubernetes tells a pod about a service called `almandine` in variables that look like ours.
fn is_service_link(name: &str, value: &str) -> bool {
    name.starts_with("service-")
        || name.starts_with("port-")
        || (name == "port" && (value.starts_with("tcp://") || value.starts_with("udp://")))
}

/// The name that a mistyped one may have meant.
pub fn closest(name: &str) -> Option<&'static str> {
    let names = TABLE.iter().flat_map(|param| param.names());
    names
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 6)
        .min()
        .map(|(_, known)| known)
}

/// Letters to insert, remove, replace or swap with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len().abs_diff(right.len()) > 4 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Layers, String> {
        let mut layers = Layers::new();
        let directives = conf::directives(text.as_bytes()).map_err(|error| error.to_string())?;
        layers
            .directives(directives)
            .map_err(|error| error.to_string())?;
        Ok(layers)
    }

    fn get(layers: &Layers, name: &str) -> String {
        String::from_utf8(layers.params.get(name).unwrap()).unwrap()
    }

    #[test]
    fn later_layers_win() {
        let mut layers = from_text("hz 20\ntimeout 5\nmaxmemory 1gb").unwrap();
        let variables = [
            ("ALMANDINE_HZ", "30"),
            ("ALMANDINE_TIMEOUT", "6"),
            ("HZ", "40"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        layers.environment(variables.into_iter()).unwrap();
        layers.begin_flags();
        layers.flag("hz", &[b"50"]).unwrap();
        assert_eq!(get(&layers, "hz"), "50");
        assert_eq!(get(&layers, "timeout"), "6");
        assert_eq!(get(&layers, "maxmemory"), "1073741824");
    }

    #[test]
    fn save_adds_up_within_a_layer_and_replaces_the_layer_below() {
        let mut layers = from_text("save 60 1\nsave 300 10 5 5").unwrap();
        assert_eq!(get(&layers, "save"), "60 1 300 10 5 5");
        layers.begin_flags();
        layers.flag("save", &[b"7 8"]).unwrap();
        assert_eq!(get(&layers, "save"), "7 8");
        assert_eq!(get(&from_text("save 60 1\nsave ''").unwrap(), "save"), "");
        assert_eq!(
            get(&from_text("save ''\nsave 60 1").unwrap(), "save"),
            "60 1"
        );
        assert!(
            from_text("save 60")
                .unwrap_err()
                .ends_with("Invalid save parameters")
        );
    }

    #[test]
    fn buffer_limits_of_several_lines_are_merged() {
        let text =
            "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit replica 4 5 6";
        let limits = get(&from_text(text).unwrap(), "client-output-buffer-limit");
        assert_eq!(
            limits,
            "normal 1 2 3 slave 4 5 6 pubsub 33554432 8388608 60"
        );
    }

    #[test]
    fn old_names_work_and_obsolete_ones_are_noted() {
        let layers = from_text("hash-max-ziplist-entries 9\nlist-max-ziplist-value 1").unwrap();
        assert_eq!(get(&layers, "hash-max-listpack-entries"), "9");
        assert_eq!(layers.notes.len(), 1);
    }

    #[test]
    fn a_wrong_line_says_why() {
        for (text, reason) in [
            ("maxmemry 1gb", "did you mean 'maxmemory'?"),
            ("xyzzy 1", "Bad directive or wrong number of arguments"),
            ("port", "wrong number of arguments"),
            ("port 1 2", "wrong number of arguments"),
            (
                "port 70000",
                "argument must be between 0 and 65535 inclusive",
            ),
            ("rename-command get ''", "rename-command is not supported"),
            (
                "user default on",
                "ACL users are not supported yet; set requirepass",
            ),
            ("tls-port 6380", "TLS is not supported yet"),
        ] {
            let error = from_text(&format!("\n{text}")).unwrap_err();
            assert!(error.ends_with(reason), "{error}");
            assert!(error.contains("at line 2\n"), "{error}");
        }
    }

    #[test]
    fn a_wrong_variable_is_named_and_a_service_link_is_none() {
        let env = |name: &str, value: &str| {
            let mut layers = Layers::new();
            let variables = [(name.to_owned(), value.to_owned())].into_iter();
            layers
                .environment(variables)
                .map(|()| layers)
                .map_err(|error| error.to_string())
        };
        let error = env("ALMANDINE_MAXMEMRY", "1").unwrap_err();
        assert!(error.contains("ALMANDINE_MAXMEMRY") && error.contains("'maxmemory'"));
        let error = env("ALMANDINE_PORT", "x").unwrap_err();
        assert!(error.ends_with("argument couldn't be parsed into an integer"));
        for (name, value) in [
            ("ALMANDINE_PORT", "tcp://10.0.0.1:6379"),
            ("ALMANDINE_SERVICE_HOST", "10.0.0.1"),
            ("ALMANDINE_PORT_6379_TCP_ADDR", "10.0.0.1"),
        ] {
            let layers = env(name, value).unwrap();
            assert_eq!((layers.params.port, layers.notes.len()), (6379, 1));
        }
        assert_eq!(
            env("ALMANDINE_BIND", "127.0.0.1 -::1")
                .unwrap()
                .params
                .bind
                .len(),
            2
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let error = from_text("port 0").unwrap().finish().unwrap_err();
        assert!(error.to_string().contains("nothing to listen on"));
        let (params, notes) = from_text("activedefrag yes").unwrap().finish().unwrap();
        assert!(params.activedefrag && Path::new(&params.dir).is_absolute());
        assert_eq!(
            notes,
            ["'activedefrag' has no effect: the allocator keeps itself compact"]
        );
    }
}
