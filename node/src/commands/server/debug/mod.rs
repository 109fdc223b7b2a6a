//! DEBUG: for tests of the server itself; guarded by `enable-debug-command`.
//!
//! ```text
//!   inspect.rs   how a key or a table is held
//!   digest.rs    a fingerprint of values, the same whatever their encoding
//!   orders.rs    sleep, crash, switch things off, make keys
//!   reload.rs    everything through a file
//!   protocol.rs  a sample of every type of reply
//! ```

mod digest;
mod inspect;
mod orders;
mod protocol;
mod reload;

use std::ops::RangeInclusive;

use super::saves;
use crate::commands::help::help;
use crate::commands::spec::Handler;
use crate::commands::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};
use crate::params::Params;
use crate::session::Session;

/// A subcommand. They are no entries of the command table: COMMAND does not list them, as in Redis.
struct Subcommand {
    name: &'static str,
    /// Numbers of arguments, DEBUG and the name included.
    arity: RangeInclusive<usize>,
    run: Handler,
    synopsis: &'static str,
    explanation: &'static [&'static str],
}

const fn subcommand(
    name: &'static str,
    arity: RangeInclusive<usize>,
    run: Handler,
    synopsis: &'static str,
    explanation: &'static [&'static str],
) -> Subcommand {
    Subcommand {
        name,
        arity,
        run,
        synopsis,
        explanation,
    }
}

const MANY: usize = usize::MAX;

#[rustfmt::skip]
const SUBCOMMANDS: &[Subcommand] = &[
    subcommand("assert", 2..=MANY, orders::assert, "ASSERT", &["Fail an assertion, which ends the node."]),
    subcommand("change-repl-id", 2..=2, orders::change_replication_id, "CHANGE-REPL-ID", &["Another name for the history of the data, as if it had begun anew."]),
    subcommand("client-eviction", 2..=MANY, orders::client_eviction, "CLIENT-EVICTION", &["Show which clients would be evicted."]),
    subcommand("clusterlink", 3..=MANY, orders::cluster_link, "CLUSTERLINK KILL <to|from|all> <node-id>", &["Cut the links to a node of the cluster."]),
    subcommand("config-rewrite-force-all", 2..=2, orders::rewrite_all, "CONFIG-REWRITE-FORCE-ALL", &["As CONFIG REWRITE, with all parameters."]),
    subcommand("dict-resizing", 3..=3, orders::dict_resizing, "DICT-RESIZING <0|1>", &["Accepted without effect: tables grow a bucket at a time."]),
    subcommand("digest", 2..=2, digest::digest, "DIGEST", &["A fingerprint of all keys and values."]),
    subcommand("digest-value", 2..=MANY, digest::digest_value, "DIGEST-VALUE <key> [<key> ...]", &["A fingerprint of each value; zeros stand for no such key."]),
    subcommand("error", 3..=3, orders::error, "ERROR <text>", &["Answer with this error."]),
    subcommand("htstats", 3..=4, inspect::htstats, "HTSTATS <dbid> [full]", &["How full the table of a database is."]),
    subcommand("htstats-key", 3..=4, inspect::htstats_key, "HTSTATS-KEY <key> [full]", &["How full the table of a value is."]),
    subcommand("listpack", 3..=3, inspect::listpack, "LISTPACK <key>", &["Write the layout of a packed value into the log."]),
    subcommand("loadaof", 2..=2, saves::load_log, "LOADAOF", &["Forget all keys and load the append-only file."]),
    subcommand("log", 3..=3, orders::log, "LOG <message>", &["Write <message> into the log."]),
    subcommand("object", 3..=3, inspect::object, "OBJECT <key>", &["How a value is held."]),
    subcommand("oom", 2..=MANY, orders::out_of_memory, "OOM", &["End the node as if memory had run out."]),
    subcommand("panic", 2..=MANY, orders::panic, "PANIC", &["Panic, which ends the node."]),
    subcommand("pause-cron", 3..=3, orders::pause_cron, "PAUSE-CRON <0|1>", &["Stop the periodic work."]),
    subcommand("populate", 3..=5, orders::populate, "POPULATE <count> [<prefix>] [<size>]", &[
        "Make <count> strings <prefix>:<n> (the prefix is `key` unless given) of <size> bytes.",
        "They are not replicated.",
    ]),
    subcommand("protocol", 3..=3, protocol::protocol, "PROTOCOL <type>", &[
        "Answer with a sample of a type: string, integer, double, bignum, null, array, set, map, attrib, push,",
        "verbatim, true, false.",
    ]),
    subcommand("quicklist", 3..=4, inspect::quicklist, "QUICKLIST <key> [<0|1>]", &["Write the layout of a long list into the log."]),
    subcommand("quicklist-packed-threshold", 3..=3, orders::packed_threshold, "QUICKLIST-PACKED-THRESHOLD <size>", &["Accepted without effect: every node of a list is packed."]),
    subcommand("reload", 2..=MANY, reload::reload, "RELOAD [MERGE] [NOFLUSH] [NOSAVE]", &[
        "Save all keys, forget them and load them. MERGE replaces keys that are there, NOFLUSH forgets none, NOSAVE loads",
        "the file as it is.",
    ]),
    subcommand("replicate", 3..=MANY, orders::replicate, "REPLICATE <command> [<arg> ...]", &["Journal a command that is not executed here."]),
    subcommand("replybuffer", 4..=4, orders::reply_buffer, "REPLYBUFFER <PEAK-RESET-TIME <NEVER|RESET|ms> | RESIZING <0|1>>", &["Accepted without effect: a connection keeps no buffer for replies."]),
    subcommand("sdslen", 3..=3, inspect::sdslen, "SDSLEN <key>", &["Lengths of a key and a string, and what they occupy."]),
    subcommand("segfault", 2..=MANY, orders::segfault, "SEGFAULT", &["End the node by SIGSEGV."]),
    subcommand("set-active-expire", 3..=3, orders::set_active_expire, "SET-ACTIVE-EXPIRE <0|1>", &["Whether keys expire though nobody asks for them."]),
    subcommand("sleep", 3..=3, orders::sleep, "SLEEP <seconds>", &["Stop the keyspace for a time; decimals are allowed."]),
    subcommand("structsize", 2..=2, inspect::structsize, "STRUCTSIZE", &["Sizes of the structures that hold data."]),
];

/// What other servers offer and we cannot, and why.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "there is no switch for it",
        &["aof-flush-sleep", "set-skip-checksum-validation"],
    ),
    (
        "there is no replication yet",
        &[
            "repl-pause",
            "pause-after-fork",
            "delay-rdb-client-free-second",
            "delay-rdb-client-free-seconds",
        ],
    ),
    (
        "there is no cluster mode yet",
        &[
            "drop-cluster-packet-filter",
            "close-cluster-link-on-packet-drop",
        ],
    ),
    ("there are no scripts yet", &["set-disable-deny-scripts"]),
];

/// Refuses DEBUG to clients that `enable-debug-command` does not allow it. A check of the dispatcher, so that MULTI does
/// not queue it either.
///
/// # Errors
/// The client may not.
pub(crate) fn guard(command: &Command, session: &Session, params: &Params) -> Result<(), Fault> {
    if command.name != DEBUG.name
        || params
            .enable_debug_command
            .allows(session.client.is_local())
    {
        return Ok(());
    }
    Err(Fault::new(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
         local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
    ))
}

fn debug(call: &mut Call<'_>) -> Outcome {
    let name = call.args.at(1);
    let is_named = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if call.args.len() == 2 && is_named("help") {
        return explain(call);
    }
    let found = SUBCOMMANDS.iter().find(|subcommand| {
        is_named(subcommand.name) && subcommand.arity.contains(&call.args.len())
    });
    if let Some(subcommand) = found {
        return (subcommand.run)(call);
    }
    for (reason, names) in REFUSED {
        if let Some(name) = names.iter().find(|name| is_named(name)) {
            let name = name.to_ascii_uppercase();
            return Err(Fault::text(format!(
                "ERR DEBUG {name} is not supported: {reason}"
            )));
        }
    }
    let name = &name[..name.len().min(QUOTED_MAX)];
    Err(Fault::quoting(
        "ERR unknown subcommand or wrong number of arguments for '",
        name,
        "'. Try DEBUG HELP.",
    ))
}

/// Most bytes of a request that an error repeats.
const QUOTED_MAX: usize = 128;

fn explain(call: &mut Call<'_>) -> Outcome {
    let explained: Vec<(&str, &[&str])> = SUBCOMMANDS
        .iter()
        .map(|subcommand| (subcommand.synopsis, subcommand.explanation))
        .collect();
    help(&mut call.reply, "DEBUG", &explained);
    Ok(())
}

/// DEBUG.
pub(super) const DEBUG: Command = Command {
    name: "debug",
    arity: -2,
    flags: Flags::ADMIN
        .union(Flags::LOADING)
        .union(Flags::NOSCRIPT)
        .union(Flags::STALE),
    acl: Acl::empty(),
    keys: &[],
    group: Group::Server,
    since: "1.0.0",
    summary: "Contains the commands for tests of the server itself.",
    complexity: "Depends on the subcommand.",
    args: "",
    run: Run::EveryShard(debug),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::Bench;

    #[test]
    fn names_are_in_order_and_found_in_one_list_only() {
        let names: Vec<&str> = SUBCOMMANDS
            .iter()
            .map(|subcommand| subcommand.name)
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        for (_, refused) in REFUSED {
            assert!(refused.iter().all(|name| !names.contains(name)));
        }
        for subcommand in SUBCOMMANDS {
            let word = subcommand.synopsis.split(' ').next();
            assert_eq!(word, Some(subcommand.name.to_ascii_uppercase().as_str()));
        }
    }

    #[test]
    fn it_is_guarded() {
        let (bench, mut params) = (Bench::new(), Params::default());
        let guarded = |bench: &Bench, params: &Params| guard(&DEBUG, &bench.session, params);
        assert!(guarded(&bench, &params).is_err_and(|fault| {
            fault.text_bytes().starts_with(b"ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you")
        }));
        for (value, from_afar) in [("yes", true), ("local", false)] {
            params
                .set("enable-debug-command", &[value.as_bytes()])
                .unwrap();
            assert_eq!(guarded(&bench, &params), Ok(()));
            let afar = Bench::with_peer("192.0.2.7:50000");
            assert_eq!(guarded(&afar, &params).is_ok(), from_afar, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_reason() {
        let mut bench = Bench::new();
        assert_eq!(
            bench.run("debug loadaof"),
            "-ERR there is no append-only file to load\r\n"
        );
        assert_eq!(
            bench.run("debug repl-pause clear"),
            "-ERR DEBUG REPL-PAUSE is not supported: there is no replication yet\r\n"
        );
    }

    #[test]
    fn replicate_journals_another_command_and_populate_none() {
        let mut bench = Bench::new();
        assert_eq!(bench.told("DEBUG REPLICATE SET a b"), "0 |  | SET a b");
        assert_eq!(bench.run("EXISTS a"), ":0\r\n");
        assert_eq!(bench.told("DEBUG POPULATE 3"), "0 | ");
        assert_eq!(bench.run("EXISTS key:0 key:1 key:2"), ":3\r\n");
    }

    #[test]
    fn the_replication_id_changes() {
        let mut bench = Bench::new();
        let shown = |bench: &mut Bench| {
            let info = bench.run("INFO replication");
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("master_replid:"));
            line.expect("a line").to_owned()
        };
        let before = shown(&mut bench);
        assert_eq!(bench.run("DEBUG CHANGE-REPL-ID"), "+OK\r\n");
        let after = shown(&mut bench);
        assert_ne!(before, after);
        assert_eq!((before.len(), after.len()), (40, 40));
    }

    #[test]
    fn switches_are_kept_for_the_housekeeping() {
        let mut bench = Bench::new();
        assert!(bench.node.switches.allow_expiry());
        for (line, allows) in [
            ("DEBUG SET-ACTIVE-EXPIRE 0", false),
            ("DEBUG SET-ACTIVE-EXPIRE 1", true),
            ("DEBUG PAUSE-CRON 1", false),
            ("DEBUG PAUSE-CRON 0", true),
        ] {
            assert_eq!(bench.run(line), "+OK\r\n");
            assert_eq!(bench.node.switches.allow_expiry(), allows, "{line}");
        }
    }
}
