//! What COMMAND tells about commands beyond their table entries: tips for clients and proxies, deprecations, the versions
//! and display names of single arguments. Facts about the protocol, the same for every server that speaks it.

/// Since when not to use a command, and what to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecated {
    /// Version of Redis.
    pub since: &'static str,
    /// In the words of COMMAND DOCS.
    pub replaced_by: &'static str,
}

/// What is to be said of a single argument; mostly nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ArgumentFacts {
    /// The text to show where it is not the name.
    pub display: Option<&'static str>,
    /// The version that brought it, where it came later than the command.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// The key spec it belongs to, where counting arguments of type key does not tell.
    pub key_spec: Option<usize>,
}

/// The tips of a command, by its full name.
pub fn tips(name: &str) -> &'static [&'static str] {
    TIPS.iter()
        .find(|(_, names)| names.contains(&name))
        .map_or(&[], |(tips, _)| tips)
}

/// Whether and since when a command is deprecated.
pub fn deprecated(name: &str) -> Option<&'static Deprecated> {
    DEPRECATED
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, deprecated)| deprecated)
}

/// Commands for people who work on the server itself.
pub fn is_system_command(name: &str) -> bool {
    name == "debug"
}

/// Facts of the argument that `path` names, from the outermost argument inwards: `expiration/keepttl`.
pub fn argument(command: &str, path: &str) -> &'static ArgumentFacts {
    ARGUMENTS
        .iter()
        .find(|(known, of, _)| *known == command && *of == path)
        .map_or(&NOTHING, |(_, _, facts)| facts)
}

const NOTHING: ArgumentFacts = ArgumentFacts {
    display: None,
    since: None,
    deprecated_since: None,
    key_spec: None,
};

const fn since(version: &'static str) -> ArgumentFacts {
    ArgumentFacts {
        since: Some(version),
        ..NOTHING
    }
}

const fn display(text: &'static str) -> ArgumentFacts {
    ArgumentFacts {
        display: Some(text),
        ..NOTHING
    }
}

const fn key_spec(index: usize) -> ArgumentFacts {
    ArgumentFacts {
        key_spec: Some(index),
        ..NOTHING
    }
}

type Named = (&'static [&'static str], &'static [&'static str]);

/// Tips, and the commands that have exactly these, in this order.
static TIPS: &[Named] = &[
    (
        &["nondeterministic_output"],
        &[
            "client|info",
            "client|list",
            "cluster|bumpepoch",
            "cluster|count-failure-reports",
            "cluster|getkeysinslot",
            "cluster|info",
            "cluster|links",
            "cluster|myshardid",
            "cluster|nodes",
            "cluster|quarantine",
            "cluster|replicas",
            "cluster|shards",
            "cluster|slaves",
            "cluster|slots",
            "cluster|voters",
            "dump",
            "hrandfield",
            "hscan",
            "object|encoding",
            "object|freq",
            "object|idletime",
            "object|refcount",
            "pttl",
            "spop",
            "srandmember",
            "sscan",
            "time",
            "ttl",
            "zrandmember",
            "zscan",
        ],
    ),
    (
        &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        &[
            "latency|doctor",
            "latency|graph",
            "latency|histogram",
            "latency|history",
            "latency|latest",
        ],
    ),
    (
        &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        &[
            "info",
            "memory|doctor",
            "memory|malloc-stats",
            "memory|stats",
        ],
    ),
    (
        &[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ],
        &["scan"],
    ),
    (
        &["nondeterministic_output_order"],
        &[
            "command",
            "command|docs",
            "command|info",
            "command|list",
            "hgetall",
            "hkeys",
            "hvals",
            "sdiff",
            "sinter",
            "smembers",
            "sunion",
        ],
    ),
    (
        &["nondeterministic_output", "request_policy:all_shards"],
        &["cluster|slot-stats"],
    ),
    (
        &["request_policy:all_nodes", "nondeterministic_output"],
        &["commandlog|get", "slowlog|get"],
    ),
    (
        &["request_policy:all_nodes", "response_policy:agg_sum"],
        &["latency|reset"],
    ),
    (
        &[
            "request_policy:all_nodes",
            "response_policy:agg_sum",
            "nondeterministic_output",
        ],
        &["commandlog|len", "slowlog|len"],
    ),
    (
        &["request_policy:all_nodes", "response_policy:all_succeeded"],
        &[
            "client|setinfo",
            "client|setname",
            "commandlog|reset",
            "config|resetstat",
            "config|rewrite",
            "config|set",
            "slowlog|reset",
        ],
    ),
    (
        &["request_policy:all_shards", "nondeterministic_output_order"],
        &["keys"],
    ),
    (
        &["request_policy:all_shards", "response_policy:agg_min"],
        &["wait", "waitaof"],
    ),
    (
        &["request_policy:all_shards", "response_policy:agg_sum"],
        &["dbsize"],
    ),
    (
        &["request_policy:all_shards", "response_policy:all_succeeded"],
        &["flushall", "flushdb", "memory|purge", "ping"],
    ),
    (
        &[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ],
        &["randomkey"],
    ),
    (&["request_policy:multi_shard"], &["mget"]),
    (
        &["request_policy:multi_shard", "response_policy:agg_sum"],
        &["del", "exists", "touch", "unlink"],
    ),
    (
        &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        &["mset", "msetex"],
    ),
];

static DEPRECATED: &[(&str, Deprecated)] = &[
    (
        "cluster|slaves",
        Deprecated {
            since: "5.0.0",
            replaced_by: "`CLUSTER REPLICAS`",
        },
    ),
    (
        "cluster|slots",
        Deprecated {
            since: "7.0.0",
            replaced_by: "`CLUSTER SHARDS`",
        },
    ),
    (
        "brpoplpush",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
        },
    ),
    (
        "getset",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`SET` with the `!GET` argument",
        },
    ),
    (
        "hmset",
        Deprecated {
            since: "4.0.0",
            replaced_by: "`HSET` with multiple field-value pairs",
        },
    ),
    (
        "psetex",
        Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with the `PX` argument",
        },
    ),
    (
        "quit",
        Deprecated {
            since: "7.2.0",
            replaced_by: "just closing the connection",
        },
    ),
    (
        "rpoplpush",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
        },
    ),
    (
        "setex",
        Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with the `EX` argument",
        },
    ),
    (
        "setnx",
        Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with the `NX` argument",
        },
    ),
    (
        "substr",
        Deprecated {
            since: "2.0.0",
            replaced_by: "`GETRANGE`",
        },
    ),
    (
        "zrangebylex",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `BYLEX` argument",
        },
    ),
    (
        "zrangebyscore",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `BYSCORE` argument",
        },
    ),
    (
        "zrevrange",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `REV` argument",
        },
    ),
    (
        "zrevrangebylex",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `REV` and `BYLEX` arguments",
        },
    ),
    (
        "zrevrangebyscore",
        Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
        },
    ),
];

static ARGUMENTS: &[(&str, &str, ArgumentFacts)] = &[
    ("auth", "username", since("6.0.0")),
    (
        "client|kill",
        "filter/old-format",
        ArgumentFacts {
            display: Some("ip:port"),
            deprecated_since: Some("2.8.12"),
            ..NOTHING
        },
    ),
    (
        "client|kill",
        "filter/new-format/client-id",
        since("2.8.12"),
    ),
    (
        "client|kill",
        "filter/new-format/client-type",
        since("2.8.12"),
    ),
    (
        "client|kill",
        "filter/new-format/client-type/master",
        since("3.2.0"),
    ),
    (
        "client|kill",
        "filter/new-format/client-type/replica",
        since("5.0.0"),
    ),
    ("client|kill", "filter/new-format/addr", display("ip:port")),
    (
        "client|kill",
        "filter/new-format/laddr",
        ArgumentFacts {
            display: Some("ip:port"),
            since: Some("6.2.0"),
            ..NOTHING
        },
    ),
    ("client|kill", "filter/new-format/maxage", since("7.4.0")),
    ("client|list", "client-type", since("5.0.0")),
    ("client|list", "client-id", since("6.2.0")),
    ("client|pause", "mode", since("6.2.0")),
    ("expire", "condition", since("7.0.0")),
    ("expireat", "condition", since("7.0.0")),
    ("flushall", "flush-type/async", since("4.0.0")),
    ("flushall", "flush-type/sync", since("6.2.0")),
    ("flushdb", "flush-type/async", since("4.0.0")),
    ("flushdb", "flush-type/sync", since("6.2.0")),
    ("lpop", "count", since("6.2.0")),
    ("pexpire", "condition", since("7.0.0")),
    ("pexpireat", "condition", since("7.0.0")),
    ("cluster|meet", "cluster-bus-port", since("4.0.0")),
    ("restore", "replace", since("3.0.0")),
    ("restore", "absttl", since("5.0.0")),
    ("restore", "seconds", since("5.0.0")),
    ("restore", "frequency", since("5.0.0")),
    ("restore-asking", "replace", since("3.0.0")),
    ("restore-asking", "absttl", since("5.0.0")),
    ("restore-asking", "seconds", since("5.0.0")),
    ("restore-asking", "frequency", since("5.0.0")),
    ("rpop", "count", since("6.2.0")),
    ("scan", "type", since("6.0.0")),
    ("set", "condition", since("2.6.12")),
    ("set", "get", since("6.2.0")),
    ("set", "expiration/seconds", since("2.6.12")),
    ("set", "expiration/milliseconds", since("2.6.12")),
    ("set", "expiration/unix-time-seconds", since("6.2.0")),
    ("set", "expiration/unix-time-milliseconds", since("6.2.0")),
    ("set", "expiration/keepttl", since("6.0.0")),
    ("shutdown", "now", since("7.0.0")),
    ("shutdown", "force", since("7.0.0")),
    ("shutdown", "abort", since("7.0.0")),
    (
        "sort",
        "by-pattern",
        ArgumentFacts {
            display: Some("pattern"),
            key_spec: Some(1),
            ..NOTHING
        },
    ),
    (
        "sort",
        "get-pattern",
        ArgumentFacts {
            display: Some("pattern"),
            key_spec: Some(1),
            ..NOTHING
        },
    ),
    (
        "sort_ro",
        "by-pattern",
        ArgumentFacts {
            display: Some("pattern"),
            key_spec: Some(1),
            ..NOTHING
        },
    ),
    (
        "sort_ro",
        "get-pattern",
        ArgumentFacts {
            display: Some("pattern"),
            key_spec: Some(1),
            ..NOTHING
        },
    ),
    ("spop", "count", since("3.2.0")),
    ("srandmember", "count", since("2.6.0")),
    ("zadd", "condition", since("3.0.2")),
    ("zadd", "comparison", since("6.2.0")),
    ("zadd", "change", since("3.0.2")),
    ("zadd", "increment", since("3.0.2")),
    ("zrange", "sortby", since("6.2.0")),
    ("zrange", "rev", since("6.2.0")),
    ("zrange", "limit", since("6.2.0")),
    ("zrangebyscore", "withscores", since("2.0.0")),
    ("sort", "destination", key_spec(2)),
];

#[cfg(test)]
mod tests {
    use super::super::docs::{self, Argument};
    use super::super::table;
    use super::*;

    fn has(arguments: &[Argument], path: &str) -> bool {
        let (name, inner) = path.split_once('/').unwrap_or((path, ""));
        arguments.iter().any(|argument| {
            argument.name == name && (inner.is_empty() || has(&argument.parts, inner))
        })
    }

    #[test]
    fn facts_are_told_of_commands_that_exist() {
        let named = TIPS.iter().flat_map(|(_, names)| names.iter().copied());
        let deprecated = DEPRECATED.iter().map(|(name, _)| *name);
        for name in named.chain(deprecated) {
            assert!(table::find_full(name.as_bytes()).is_some(), "{name}");
        }
        for (name, path, _) in ARGUMENTS {
            let id = table::find_full(name.as_bytes()).expect(name);
            let arguments = docs::arguments(id.command().args).expect(name);
            assert!(has(&arguments, path), "{name} {path}");
        }
    }

    #[test]
    fn nobody_is_listed_twice() {
        let mut names: Vec<_> = TIPS.iter().flat_map(|(_, names)| names.iter()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
