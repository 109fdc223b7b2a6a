//! The command line: flags made from the table of parameters by one loop, and Garnet's flags where they mean the same.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use almandine_node::params::layers::Layers;
use almandine_node::params::{Effect, Param, Params, TABLE};
use clap::builder::OsStringValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::garnet;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Start {
    /// All layers together.
    pub(crate) params: Params,
    /// What the operator should know about them.
    pub(crate) notes: Vec<String>,
    /// Where CONFIG REWRITE writes.
    pub(crate) config_file: Option<PathBuf>,
}

/// A text to print instead of starting a node.
#[derive(Debug)]
pub(crate) enum Instead {
    /// Help, version, or what is wrong with the command line; clap knows the stream and the exit code (0 or 2).
    Usage(clap::Error),
    /// A configuration that cannot be used: exit code 1.
    Configuration(String),
}

impl From<clap::Error> for Instead {
    fn from(error: clap::Error) -> Self {
        Instead::Usage(error)
    }
}

/// Reads the command line (without the program's name), the file it names, and the environment.
///
/// # Errors
/// What to print instead of starting.
pub(crate) fn start(
    args: impl Iterator<Item = OsString>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Start, Instead> {
    let matches = command().try_get_matches_from(gather(args))?;
    let config_file = config_file(&matches)?;
    let mut layers = Layers::new();
    let configuration = |error: &dyn std::fmt::Display| Instead::Configuration(error.to_string());
    if let Some(path) = &config_file {
        layers.file(path).map_err(|error| configuration(&error))?;
    }
    if matches.get_flag(STDIN) {
        layers.stdin().map_err(|error| configuration(&error))?;
    }
    layers
        .environment(environment)
        .map_err(|error| configuration(&error))?;
    flags(&mut layers, &matches)?;
    garnet::check(&matches).map_err(|(flag, reason)| usage(&format!("--{flag}"), &reason))?;
    let (params, notes) = layers.finish().map_err(|error| configuration(&error))?;
    Ok(Start {
        params,
        notes,
        config_file: config_file.map(|path| path.canonicalize().unwrap_or(path)),
    })
}

/// Ids of the arguments that are no parameters.
const FILE: &str = "FILE";
const STDIN: &str = "stdin";
const QUIET: &str = "quiet";

/// Separates the words of one flag between [`gather`] and clap; no argument can hold it.
const SEPARATOR: char = '\0';

/// Joins the words of a flag: `--save 60 1 --port 7000` to `--save=60\01 --port=7000`. So a word may begin with a dash
/// (`--bind 127.0.0.1 -::1`), and clap needs to know no flag's number of words.
fn gather(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut gathered = vec![OsString::from("almandine")];
    let mut has_words = false;
    let mut in_flag = false;
    for arg in args {
        match arg.as_bytes() {
            b"-" => {
                gathered.push("--stdin".into());
                in_flag = false;
            }
            [b'-', b'-', _, ..] => {
                has_words = arg.as_bytes().contains(&b'=');
                in_flag = true;
                gathered.push(arg);
            }
            [b'-', short] if garnet::long(*short).is_some() || b"hvV".contains(short) => {
                in_flag = garnet::long(*short).is_some();
                has_words = false;
                gathered.push(garnet::long(*short).map_or(arg, OsString::from));
            }
            _ if in_flag => {
                let flag = gathered.last_mut().expect("a flag was pushed");
                flag.push(if has_words { "\0" } else { "=" });
                flag.push(arg);
                has_words = true;
            }
            _ => gathered.push(arg),
        }
    }
    gathered
}

fn command() -> Command {
    let mut command = Command::new("almandine")
        .version(almandine_node::VERSION)
        .about("A Redis-protocol server: one process is one node.")
        .override_usage("almandine [FILE] [--PARAMETER VALUE...]... [-]\n       almandine drill [--help]")
        .after_help(
            "Values come from FILE, then the environment (ALMANDINE_MAXMEMORY=1gb), then flags; the last one wins.\n\
             Sizes take k, kb, m, mb, g, gb. `-h` lists what most people need, `--help` everything.\n\
             `almandine drill` starts a cluster on this machine and shows how it heals.",
        )
        .disable_version_flag(true)
        .arg(
            Arg::new("version")
                .short('v')
                .visible_short_alias('V')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version"),
        )
        .arg(
            Arg::new(FILE)
                .value_parser(OsStringValueParser::new())
                .help("A configuration file in the syntax of redis.conf; `-` as the last argument = more of it on standard input"),
        )
        .arg(Arg::new(STDIN).long(STDIN).hide(true).action(ArgAction::SetTrue))
        .arg(Arg::new(QUIET).long(QUIET).hide(true).action(ArgAction::SetTrue))
        .args(garnet::args());
    for param in TABLE {
        command = command.arg(flag(param));
    }
    command
}

fn flag(param: &'static Param) -> Arg {
    let mut help = param.doc.to_owned();
    if !param.default.is_empty() {
        help.push_str(&format!(" [default: {}]", param.default));
    }
    if let Effect::Inert(why) | Effect::Refused(why) = param.effect {
        help.push_str(&format!(" [no effect: {why}]"));
    }
    let synopsis = param.synopsis();
    let flag = if is_yes_no(param) {
        // The flag alone means yes, as in Garnet.
        words(param.name)
            .num_args(0..=1)
            .default_missing_value("yes")
    } else {
        words(param.name)
    };
    flag.aliases(param.aliases.iter().chain(param.flags).copied())
        .value_name(synopsis)
        .help(help)
        .help_heading(param.section)
        .hide_short_help(param.effect != Effect::Works)
}

fn is_yes_no(param: &Param) -> bool {
    param.synopsis() == "yes|no"
}

/// A flag with any number of words, which [`gather`] has joined.
pub(crate) fn words(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .num_args(1)
        .value_delimiter(SEPARATOR)
        .action(ArgAction::Append)
        .value_parser(OsStringValueParser::new())
}

/// The words of every time a flag was given.
pub(crate) fn occurrences<'a>(
    matches: &'a ArgMatches,
    name: &str,
) -> impl Iterator<Item = Vec<&'a OsStr>> + use<'a> {
    let occurrences = matches.get_occurrences::<OsString>(name);
    occurrences
        .into_iter()
        .flatten()
        .map(|words| words.map(OsString::as_os_str).collect())
}

fn flags(layers: &mut Layers, matches: &ArgMatches) -> Result<(), Instead> {
    layers.begin_flags();
    for param in TABLE {
        for words in occurrences(matches, param.name) {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let outcome = layers.flag(param.name, &words);
            outcome.map_err(|reason| usage(&format!("--{}", param.name), &reason))?;
        }
    }
    Ok(())
}

/// The positional file, or the one that Garnet's flags name.
fn config_file(matches: &ArgMatches) -> Result<Option<PathBuf>, Instead> {
    let file = matches.get_one::<OsString>(FILE).map(PathBuf::from);
    let imported =
        garnet::import(matches).map_err(|reason| usage("--config-import-path", &reason))?;
    match (file, imported) {
        (Some(_), Some(_)) => Err(usage("--config-import-path", "there is a FILE already").into()),
        (file, imported) => Ok(file.or(imported)),
    }
}

fn usage(flag: &str, reason: &str) -> clap::Error {
    command().error(ErrorKind::ValueValidation, format!("{flag}: {reason}"))
}
