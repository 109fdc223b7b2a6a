//! What the drill is asked for.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::story::Story;

/// See the module.
#[derive(Debug)]
pub(super) struct Options {
    /// In the order in which they are played.
    pub(super) stories: Vec<Story>,
    pub(super) rounds: usize,
    pub(super) writers: usize,
    /// The automatic story has one replica and a witness instead of two replicas.
    pub(super) has_witness: bool,
    pub(super) keeps_dir: bool,
    /// Decides the moments of the kills.
    pub(super) seed: u64,
}

const STORY: &str = "story";
const ROUNDS: &str = "rounds";
const WRITERS: &str = "writers";
const WITNESS: &str = "witness";
const KEEP: &str = "keep";
const SEED: &str = "seed";

/// Reads the words after `drill`.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Options, clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let number = |name: &str| matches.get_one::<u64>(name).copied();
    let size = |name: &str| number(name).map_or(1, |number| number as usize);
    Ok(Options {
        stories: stories(&matches),
        rounds: size(ROUNDS),
        writers: size(WRITERS),
        has_witness: matches.get_flag(WITNESS),
        keeps_dir: matches.get_flag(KEEP),
        seed: number(SEED).unwrap_or_else(|| RandomState::new().hash_one(std::process::id())),
    })
}

fn stories(matches: &ArgMatches) -> Vec<Story> {
    match matches.get_one::<String>(STORY).map(String::as_str) {
        Some("reverse") => vec![Story::Reverse],
        Some("automatic") => vec![Story::Automatic],
        _ => vec![Story::Reverse, Story::Automatic],
    }
}

fn command() -> Command {
    let number = |name: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .value_parser(value_parser!(u64))
    };
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("almandine drill")
        .no_binary_name(true)
        .about(
            "Starts a throw-away cluster of real processes on this machine, kills its primaries under load, and tells step by \
             step what happens.",
        )
        .after_help(
            "reverse: of two nodes the primary is killed, CLUSTER FAILOVER FORCE makes the replica lead, the killed one comes back \
             and follows by itself; then the other way round.\n\
             automatic: the primary of three nodes is killed, and nobody does anything about it.\n\
             Exit code 0: nothing that was confirmed is lost and every step came in its time. Otherwise 1; then the directory \
             with the logs is kept.",
        )
        .arg(
            Arg::new(STORY)
                .long(STORY)
                .value_parser(["reverse", "automatic", "all"])
                .default_value("all")
                .help("What is played"),
        )
        .arg(
            number(ROUNDS)
                .value_parser(value_parser!(u64).range(1..=100_000))
                .default_value("1")
                .help("How often each story is played"),
        )
        .arg(
            number(WRITERS)
                .value_parser(value_parser!(u64).range(1..=1000))
                .default_value("4")
                .help("Clients that write all the time"),
        )
        .arg(switch(WITNESS).help("One replica and a witness instead of two replicas, in the automatic story"))
        .arg(switch(KEEP).help("Keep the directory with logs and data"))
        .arg(number(SEED).help("Decides the moments of the kills"))
}
