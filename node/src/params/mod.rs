//! The parameters of a node: one entry each, from which flags, the configuration file, CONFIG and the README are made.
//!
//! ```text
//!   table.rs    every parameter, one line each
//!   entry.rs    the vocabulary of a line, and the macro that makes struct and table of them
//!   kind.rs     numbers, sizes, words: text <-> value        shapes.rs   values of several words
//!   words.rs    the words that the node acts on
//!   conf.rs     the syntax of configuration files            rewrite.rs  CONFIG REWRITE
//!   layers.rs   default < file < environment < flag
//! ```
//!
//! A value passes through its kind wherever it comes from, so what CONFIG GET prints CONFIG SET takes back.

pub mod conf;
mod entry;
pub mod kind;
pub mod layers;
pub mod rewrite;
pub mod shapes;
mod table;
pub mod words;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::thread::available_parallelism;

use almandine_protocol::Limits;
use almandine_storage::rdb::{Compression, Sum, Trust, Verify, Versions};
use almandine_storage::{Access, Thresholds};

use crate::journal::{Bounds, Demand};

pub use self::entry::{Change, Effect, Param};
pub use self::kind::{Bytes, MemoryOrPercent};
pub use self::shapes::{OutputLimit, OutputLimits, SavePoint, ShutdownOptions};
pub use self::table::{Params, TABLE};
pub use self::words::{Fsync, IoUring, LogFormat, LogLevel, Permission, Policy};

/// From the port of clients to that of nodes, as in Redis.
pub(crate) const BUS_OFFSET: u16 = 10_000;

/// Why a value is not taken, in Redis's words; fits after `CONFIG SET failed (...) - `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError(Cow<'static, str>);

impl Params {
    /// The entry called `name`, in any letter case, and the spelling of the table (an alias is found under its own name).
    pub fn find(name: &[u8]) -> Option<(&'static Param, &'static str)> {
        TABLE.iter().find_map(|param| {
            let is_it = |spelling: &&str| spelling.as_bytes().eq_ignore_ascii_case(name);
            Some((param, param.names().find(is_it)?))
        })
    }

    /// Sets one parameter.
    ///
    /// # Errors
    /// There is none of that name, or it does not take this value.
    pub fn set(&mut self, name: &str, words: &[&[u8]]) -> Result<(), ParamError> {
        match Params::find(name.as_bytes()) {
            Some((param, _)) => param.set(self, words),
            None => Err(ParamError::UNKNOWN),
        }
    }

    /// One parameter as CONFIG GET prints it; `None` if there is none of that name.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        Params::find(name.as_bytes()).map(|(param, _)| param.get(self))
    }

    /// Looks at all values together, after every layer has been read; makes `dir` absolute.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn resolve(&mut self) -> Result<(), ParamError> {
        if self.port == 0 && self.unixsocket.is_empty() {
            return Err(ParamError::new(
                "there is nothing to listen on: port is 0 and there is no unixsocket",
            ));
        }
        if self.port != 0 && self.bind.is_empty() && self.unixsocket.is_empty() {
            return Err(ParamError::new(
                "there is nothing to listen on: bind is empty and there is no unixsocket",
            ));
        }
        match self.cluster_enabled {
            true => self.resolve_cluster()?,
            false if self.ack_mode == "durable" => {
                return Err(ParamError::new(
                    "ack-mode durable needs cluster-enabled: others must agree who has everything",
                ));
            }
            false => {}
        }
        let dir = Path::new(&self.dir).canonicalize();
        let dir = dir.map_err(|error| ParamError::text(format!("dir {}: {error}", self.dir)))?;
        self.dir = dir
            .into_os_string()
            .into_string()
            .map_err(|_| ParamError::new("the path of dir is not UTF-8"))?;
        Ok(())
    }

    fn resolve_cluster(&self) -> Result<(), ParamError> {
        if self.replicaof.is_some() {
            return Err(ParamError::new(
                "replicaof directive not allowed in cluster mode",
            ));
        }
        if self.port == 0 {
            return Err(ParamError::new(
                "a node of a cluster needs a port for its clients",
            ));
        }
        if self.shards > self.worker_threads() {
            return Err(ParamError::text(format!(
                "shards is {}, but there are {} threads: a shard has a thread of its own, see threads",
                self.shards,
                self.worker_threads()
            )));
        }
        if self.cluster_port == 0 && self.port.checked_add(BUS_OFFSET).is_none() {
            return Err(ParamError::new(
                "port + 10000 is no port: set cluster-port, the port between nodes",
            ));
        }
        if !self.cluster_announce_ip.is_empty()
            && self.cluster_announce_ip.parse::<IpAddr>().is_err()
        {
            return Err(ParamError::new("cluster-announce-ip is not an address"));
        }
        Ok(())
    }

    /// Parameters that somebody has set although nothing follows from them, and why.
    pub fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        TABLE.iter().filter_map(|param| match param.effect {
            Effect::Inert(why) if !param.is_default(self) => Some((param.name, why)),
            _ => None,
        })
    }

    /// Threads that carry connections.
    pub fn worker_threads(&self) -> usize {
        match self.threads {
            0 => available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// Shards of a node of a cluster.
    pub fn shard_count(&self) -> usize {
        match self.shards {
            0 => self.worker_threads(),
            shards => shards,
        }
    }

    /// Port between nodes.
    pub fn bus_port(&self) -> u16 {
        match self.cluster_port {
            0 => self.port.saturating_add(BUS_OFFSET),
            port => port,
        }
    }

    /// What the reply to a write waits for.
    pub fn durability(&self) -> Demand {
        match (self.appendonly, self.appendfsync) {
            (false, _) => Demand::Nothing,
            (true, Fsync::Always) => Demand::Synced,
            (true, Fsync::EverySecond | Fsync::No) => Demand::Written,
        }
    }

    /// How much memory the stream may take. A replica may always need as much as the backlog holds anyway.
    pub fn journal_bounds(&self) -> Bounds {
        let backlog = self.repl_backlog_size;
        Bounds {
            backlog: usize::try_from(backlog).unwrap_or(usize::MAX),
            reader: match self.client_output_buffer_limit.replica.hard {
                0 => u64::MAX,
                limit => limit.max(backlog),
            },
        }
    }

    /// How accesses to keys are remembered under the policy in force.
    pub fn access(&self, now_ms: i64, dice: u32) -> Access {
        let now_s = u64::try_from(now_ms / 1000).unwrap_or(0);
        match self.maxmemory_policy.is_lfu() {
            false => Access::Lru { now_s },
            true => Access::Lfu {
                now_s,
                log_factor: self.lfu_log_factor,
                decay_minutes: self.lfu_decay_time,
                dice,
            },
        }
    }

    /// `rdbcompression`.
    pub fn rdb_compression(&self) -> Compression {
        match self.rdbcompression {
            true => Compression::Lzf,
            false => Compression::None,
        }
    }

    /// `rdbchecksum` and `rdb-version-check`, for a file that is read.
    pub fn rdb_trust(&self) -> Trust {
        Trust {
            verify: match self.rdbchecksum {
                true => Verify::Yes,
                false => Verify::No,
            },
            versions: match self.rdb_version_check {
                "relaxed" => Versions::Any,
                _ => Versions::Known,
            },
        }
    }

    /// `rdbchecksum`, for a file that is written.
    pub fn rdb_sum(&self) -> Sum {
        match self.rdbchecksum {
            true => Sum::Crc64,
            false => Sum::Zeros,
        }
    }

    /// Where collections leave their packed form.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            list_max_listpack_size: self.list_max_listpack_size,
            hash_max_listpack_entries: self.hash_max_listpack_entries,
            hash_max_listpack_value: self.hash_max_listpack_value,
            set_max_intset_entries: self.set_max_intset_entries,
            set_max_listpack_entries: self.set_max_listpack_entries,
            set_max_listpack_value: self.set_max_listpack_value,
            zset_max_listpack_entries: self.zset_max_listpack_entries,
            zset_max_listpack_value: self.zset_max_listpack_value,
        }
    }

    /// How large a request may be.
    pub fn limits(&self) -> Limits {
        Limits {
            bulk: self.proto_max_bulk_len,
            ..Limits::default()
        }
    }

    /// How many bytes of replies a client may leave unread.
    pub fn output_limit(&self, is_subscribed: bool) -> OutputLimit {
        if is_subscribed {
            self.client_output_buffer_limit.pubsub
        } else {
            self.client_output_buffer_limit.normal
        }
    }
}

impl ParamError {
    /// Too few or too many words.
    pub const WORD_COUNT: ParamError = ParamError::new("wrong number of arguments");
    /// A negative number, or one beyond 63 bits, for a variable without a sign.
    pub const NEGATIVE: ParamError = ParamError::new("argument must be greater or equal to 0");
    /// No such parameter.
    pub const UNKNOWN: ParamError = ParamError::new("Bad directive or wrong number of arguments");

    /// A fixed text.
    pub const fn new(text: &'static str) -> Self {
        ParamError(Cow::Borrowed(text))
    }

    /// A text made for the occasion.
    pub fn text(text: impl Into<String>) -> Self {
        ParamError(Cow::Owned(text.into()))
    }

    /// None of these words.
    pub fn not_one_of<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let words: Vec<&str> = words.collect();
        let words = words.join(", ");
        ParamError::text(format!("argument(s) must be one of the following: {words}"))
    }
}

impl fmt::Display for ParamError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for ParamError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<String, String> {
        let mut params = Params::default();
        params
            .set(name, &[value.as_bytes()])
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(params.get(name).unwrap()).unwrap())
    }

    #[test]
    fn a_default_is_printed_as_it_stands_in_the_table() {
        let params = Params::default();
        for param in TABLE {
            let text = String::from_utf8(param.get(&params)).unwrap();
            assert_eq!(text, param.default, "{}", param.name);
        }
    }

    #[test]
    fn what_get_prints_set_takes_back() {
        let defaults = Params::default();
        for param in TABLE {
            let mut params = defaults.clone();
            let text = param.get(&params);
            assert_eq!(param.set(&mut params, &[&text]), Ok(()), "{}", param.name);
            assert_eq!(params, defaults, "{}", param.name);
        }
    }

    #[test]
    fn no_name_is_used_twice() {
        let mut names: Vec<&str> = TABLE
            .iter()
            .flat_map(|param| param.names().chain(param.flags.iter().copied()))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn sizes_have_units_and_numbers_have_ranges() {
        assert_eq!(set("maxmemory", "1kb"), Ok("1024".into()));
        assert_eq!(set("maxmemory", "2K"), Ok("2000".into()));
        assert_eq!(set("maxmemory", "3GB"), Ok("3221225472".into()));
        assert_eq!(set("maxmemory", ""), Ok("0".into()));
        for bad in ["-1", "1.5gb", "1t", " 10", "1 0", "0x10", "1xb"] {
            let error = Err("argument must be a memory value".into());
            assert_eq!(set("maxmemory", bad), error, "{bad}");
        }
        for huge in ["18446744073709551616", "18446744073709551615k"] {
            let error = Err("argument must be greater or equal to 0".into());
            assert_eq!(set("maxmemory", huge), error, "{huge}");
        }
        for (name, value, error) in [
            ("hz", "foo", "argument couldn't be parsed into an integer"),
            ("hz", "+15", "argument couldn't be parsed into an integer"),
            (
                "hz",
                "-1",
                "argument must be between 0 and 2147483647 inclusive",
            ),
            ("maxclients", "-1", "argument must be greater or equal to 0"),
            (
                "maxclients",
                "0",
                "argument must be between 1 and 4294967295 inclusive",
            ),
            (
                "proto-max-bulk-len",
                "1",
                "argument must be between 1048576 and 9223372036854775807 inclusive",
            ),
            (
                "repl-backlog-size",
                "9223372036854775808",
                "argument must be between 1 and 9223372036854775807 inclusive",
            ),
            (
                "unixsocketperm",
                "8",
                "argument couldn't be parsed as an octal number",
            ),
            (
                "unixsocketperm",
                "1000",
                "argument must be between 0 and 777 inclusive",
            ),
            (
                "maxmemory-clients",
                "101%",
                "percentage argument must be less or equal to 100",
            ),
            (
                "maxmemory-clients",
                "-5%",
                "argument must be a memory or percent value",
            ),
            (
                "appendfsync",
                "",
                "argument(s) must be one of the following: everysec, always, no",
            ),
            ("appendonly", "true", "argument must be 'yes' or 'no'"),
        ] {
            assert_eq!(set(name, value), Err(error.into()), "{name} {value}");
        }
        assert_eq!(set("hz", "1000"), Ok("500".into()));
        assert_eq!(set("hz", "0"), Ok("1".into()));
        assert_eq!(set("maxmemory-clients", "5%"), Ok("5%".into()));
        assert_eq!(set("unixsocketperm", "0700"), Ok("700".into()));
    }

    #[test]
    fn shapes_print_as_redis_prints_them() {
        for (name, value, expect) in [
            ("save", "60 1 300 10", "60 1 300 10"),
            ("save", "", ""),
            ("notify-keyspace-events", "AKEz", "AKE"),
            ("notify-keyspace-events", "gKEnm", "gnKEm"),
            ("notify-keyspace-events", "KEg$lszhxetdmn", "AKEm"),
            (
                "latency-tracking-info-percentiles",
                "1 50.50 99.9999",
                "1 50.5 99.9999",
            ),
            (
                "shutdown-on-sigterm",
                "force now nosave",
                "nosave now force",
            ),
            ("shutdown-on-sigint", "now default", "now"),
            ("oom-score-adj-values", "-2000 0 2000", "-2000 0 2000"),
            ("maxmemory-policy", "allkeys-LRU", "allkeys-lru"),
            (
                "client-output-buffer-limit",
                "replica 1mb 2kb 3",
                "normal 0 0 0 slave 1048576 2048 3 pubsub 33554432 8388608 60",
            ),
        ] {
            assert_eq!(set(name, value), Ok(expect.into()), "{name} {value}");
        }
    }

    #[test]
    fn shapes_refuse_in_redis_words() {
        for (name, value, error) in [
            ("save", "1", "Invalid save parameters"),
            ("save", " 60   1 ", "Invalid save parameters"),
            ("save", "0 1", "Invalid save parameters"),
            (
                "client-output-buffer-limit",
                "normal 1 2",
                "Wrong number of arguments in buffer limit configuration.",
            ),
            (
                "client-output-buffer-limit",
                "master 1 2 3",
                "Invalid client class specified in buffer limit configuration.",
            ),
            (
                "client-output-buffer-limit",
                "normal -1 2 3",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            ),
            (
                "notify-keyspace-events",
                "q",
                "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
            ),
            (
                "latency-tracking-info-percentiles",
                "1 2 101",
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
            ),
            (
                "latency-tracking-info-percentiles",
                "nan",
                "Invalid latency-tracking-info-percentiles parameters",
            ),
            (
                "shutdown-on-sigterm",
                "save nosave",
                "shutdown options SAVE and NOSAVE can't be used simultaneously",
            ),
            ("oom-score-adj-values", "1 2", "wrong number of arguments"),
            (
                "oom-score-adj-values",
                "1 a 3",
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
            ),
            (
                "proc-title-template",
                "{foo}",
                "template format is invalid or contains unknown variables",
            ),
            ("dir", "/nonexistent", "No such file or directory"),
            (
                "dbfilename",
                "a/b",
                "dbfilename can't be a path, just a filename",
            ),
            (
                "cluster-announce-hostname",
                "a_b",
                "Hostnames may only contain alphanumeric characters, hyphens or dots",
            ),
        ] {
            assert_eq!(set(name, value), Err(error.into()), "{name} {value}");
        }
    }

    #[test]
    fn what_would_mislead_is_refused_and_what_does_nothing_is_named() {
        assert!(set("tls-port", "6380").is_err());
        assert_eq!(set("tls-port", "0"), Ok("0".into()));
        let mut params = Params::default();
        params.set("ack-mode", &[b"durable"]).unwrap();
        assert!(params.resolve().is_err());
        params.set("cluster-enabled", &[b"yes"]).unwrap();
        assert!(params.resolve().is_ok());
        let mut params = Params::default();
        assert_eq!(params.without_effect().count(), 0);
        params.set("activedefrag", &[b"yes"]).unwrap();
        let named: Vec<_> = params.without_effect().map(|(name, _)| name).collect();
        assert_eq!(named, ["activedefrag"]);
    }

    #[test]
    fn every_shard_needs_a_thread_of_its_own_where_there_is_a_cluster() {
        let resolved = |is_cluster: &[u8], shards: &[u8]| {
            let mut params = Params::default();
            params.set("cluster-enabled", &[is_cluster]).unwrap();
            params.set("threads", &[b"3"]).unwrap();
            params.set("shards", &[shards]).unwrap();
            params.resolve().map(|()| params.shard_count())
        };
        assert_eq!(resolved(b"yes", b"1"), Ok(1));
        assert_eq!(resolved(b"yes", b"3"), Ok(3));
        assert_eq!(resolved(b"yes", b"0"), Ok(3));
        let refused = resolved(b"yes", b"4").unwrap_err().to_string();
        assert!(refused.contains("there are 3 threads"), "{refused}");
        assert!(resolved(b"no", b"4").is_ok());
    }
}
