//! Every parameter, once. A line: field (its name with dashes), `|` other names in Redis and
//! Valkey, `~` other names on the command line, type, default, what may be written, when it may be
//! changed, what it does in this version, and a sentence for people.

use super::Effect::{self, Inert, Refused, Works};
use super::entry::parameters;
use super::kind::{
    AnyBytes, Bytes, Choice, FileName, Int, MemoryOrPercent, MemoryShare, OneOf, Text, YesNo,
};
use super::shapes::{
    Addresses, ClassLimits, EventClasses, HostPort, OomScores, OutputLimits, Percentiles,
    SavePoint, SavePoints, Seeds, ShutdownOptions, ShutdownWords,
};
use super::words::{Fsync, IoUring, LogFormat, LogLevel, Permission, Policy};
use crate::commands::Class;

const I32: i64 = i32::MAX as i64;
const U32: i64 = u32::MAX as i64;
const I64: i64 = i64::MAX;

const CLUSTER: Effect = Inert("the cluster works without it");
const STREAMS: Effect = Inert("there are no streams yet");
const SCRIPTS: Effect = Inert("there are no scripts yet");
const TLS: Effect = Inert("there is no TLS yet");
const ALLOCATOR: Effect = Inert("the allocator keeps itself compact");
const TITLE: Effect = Inert("the process keeps the title it was started with");
const NO_TLS: Effect = Refused("TLS is not supported yet");
const NO_ACL_FILE: Effect = Refused("ACL files are not supported yet; set requirepass");
const NO_CPU_LIST: Effect = Inert("threads are not bound to processors; use taskset");

parameters! {
    "Network" {
        port: u16 = "6379", Int::new(0, 65535), Startup, Works, "TCP port to listen on; 0 = none.";
        bind: Vec<String> = "* -::*", Addresses, Startup, Works, "Addresses to listen on; `*` and `::*` = all; a leading `-` = may be missing.";
        unixsocket: String = "", Text::ANY, Startup, Works, "Path of a Unix socket to listen on; empty = none.";
        unixsocketperm: u32 = "0", Int::octal(0, 0o777), Startup, Works, "Rights of the Unix socket's file; 0 = the owner's only.";
        tcp_backlog: u32 = "511", Int::new(0, I32), Startup, Works, "Connections that may wait to be accepted.";
        tcp_keepalive: u64 = "300", Int::new(0, I32), Live, Works, "Seconds of silence before the system asks whether the peer is there; 0 = never.";
        timeout: u64 = "0", Int::new(0, I32), Live, Works, "Seconds after which an idle client is disconnected; 0 = never.";
        protected_mode: bool = "yes", YesNo, Live, Works, "Without a password, refuse connections from other machines.";
        maxclients ~ "network-connection-limit": usize = "10000", Int::unsigned(1, U32), Live, Works, "Connections at a time.";
        client_query_buffer_limit: u64 = "1073741824", Int::memory_from(1 << 20), Live, Works, "Bytes of an unfinished request.";
        client_output_buffer_limit: OutputLimits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", ClassLimits, Live, Works, "Bytes of unread replies, by class of clients: at once, or for so many seconds; 0 = no limit.";
        proto_max_bulk_len: u64 = "536870912", Int::memory_from(1 << 20), Live, Works, "Bytes of one argument or string.";
        max_new_connections_per_cycle: u32 = "10", Int::unsigned(1, 1000), Live, Inert("accepting is never a burden to those connected"), "Connections accepted before others are served.";
        max_new_tls_connections_per_cycle: u32 = "1", Int::unsigned(1, 1000), Live, TLS, "TLS connections accepted before others are served.";
        bind_source_addr: String = "", Text::ANY, Live, Works, "Address from which connections to other nodes are made.";
        socket_mark_id: u32 = "0", Int::unsigned(0, U32), Startup, Inert("sockets are not marked"), "Mark of the sockets for packet filters.";
        unixsocketgroup: String = "", Text::ANY, Startup, Refused("set the group of the directory instead"), "Group of the Unix socket's file.";
        mptcp: bool = "no", YesNo, Startup, Refused("Multipath TCP is not supported"), "Multipath TCP for clients.";
    }
    "General" {
        databases ~ "max-databases": usize = "16", Int::new(1, I32), Startup, Works, "Numbered databases.";
        threads | "io-threads": usize = "0", Int::new(0, 128), Startup, Works, "Threads that carry connections; 0 = one for each processor.";
        thread_busy_limit: u32 = "90", Int::new(0, 100), Live, Works, "Percent of its time from which a thread passes connections on to the next one, if a processor has as much to spare; 0 = all get equally many.";
        io_uring: IoUring = "auto", OneOf::ANY, Startup, Works, "Serve clients by io_uring: if the kernel grants it, or not without it, or never.";
        hz: u32 = "10", Int::new(0, I32).clamped(1, 500), Live, Works, "Rounds of housekeeping a second.";
        dynamic_hz: bool = "yes", YesNo, Live, Inert("housekeeping costs the same with any number of clients"), "More rounds with more clients.";
        dir ~ "checkpointdir": String = ".", Text::DIRECTORY, Protected, Works, "Working directory.";
        pidfile: String = "", Text::ANY, Startup, Works, "File that holds the process id while the node runs; empty = none.";
        daemonize: bool = "no", YesNo, Startup, Refused("run the node in the foreground under systemd, a container or `nohup ... &`"), "Go to the background.";
        supervised: &'static str = "no", Choice(&["upstart", "systemd", "auto", "no"]), Startup, Inert("the node does not talk to its supervisor yet"), "Tell the supervisor when the node is ready.";
        shutdown_timeout: u64 = "10", Int::new(0, I32), Live, Works, "Seconds that the end of the node may wait: for a replica to take over, for others to catch up; 0 = none.";
        shutdown_on_sigterm: ShutdownOptions = "default", ShutdownWords, Live, Works, "How to end after SIGTERM.";
        shutdown_on_sigint: ShutdownOptions = "default", ShutdownWords, Live, Works, "How to end after SIGINT.";
        busy_reply_threshold | "lua-time-limit": u64 = "5000", Int::new(0, I64), Live, SCRIPTS, "Milliseconds after which a script that still runs makes others be answered BUSY.";
        always_show_logo: bool = "no", YesNo, Startup, Inert("there is no logo"), "Show a logo.";
        set_proc_title: bool = "yes", YesNo, Startup, TITLE, "Show the state in the process title.";
        proc_title_template: String = "{title} {listen-addr} {server-mode}", Text::PROCESS_TITLE, Live, TITLE, "How the process title is made.";
        locale_collate: String = "", Text::LOCALE, Live, Works, "Collation by which SORT ALPHA compares; only that of bytes.";
        ignore_warnings: String = "", Text::ANY, Live, Inert("the node makes none of these checks"), "Warnings that do not stop the start.";
        availability_zone: String = "", Text::ANY, Live, CLUSTER, "Zone in which the node runs.";
        extended_redis_compatibility: bool = "no", YesNo, Live, Inert("the node always presents itself as Redis"), "Present the node as Redis.";
        import_mode: bool = "no", YesNo, Live, Inert("keys are always imported with their expiry"), "Keep expired keys while data is imported.";
        hash_seed: String = "", Text::ANY, Startup, Inert("every start draws its own seed"), "Seed of the hash function.";
    }
    "Logging" {
        loglevel ~ "log-level" ~ "logger-level": LogLevel = "notice", OneOf::ANY, Live, Works, "How much is logged.";
        log_format: LogFormat = "text", OneOf::ANY, Startup, Works, "Lines for people or objects for machines.";
        logfile ~ "file-logger": String = "", Text::ANY, Startup, Works, "File to log to, reopened on SIGHUP; empty = standard output.";
        log_timestamp_format: &'static str = "iso8601", Choice(&["legacy", "iso8601", "milliseconds"]), Live, Inert("times are always RFC 3339"), "How times are written.";
        syslog_enabled: bool = "no", YesNo, Startup, Refused("log to standard output and let the supervisor pass it on"), "Log to syslog.";
        syslog_ident: String = "almandine", Text::ANY, Startup, Inert("there is no syslog"), "Name in syslog.";
        syslog_facility: &'static str = "local0", Choice(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]), Startup, Inert("there is no syslog"), "Facility of syslog.";
        crash_log_enabled: bool = "yes", YesNo, Live, Inert("a panic is always logged"), "Report crashes in the log.";
        crash_memcheck_enabled: bool = "yes", YesNo, Live, Inert("memory is not tested after a crash"), "Test the memory after a crash.";
        hide_user_data_from_log: bool = "yes", YesNo, Live, Inert("user data is never logged"), "Keep user data out of the log.";
    }
    "Security" {
        requirepass ~ "password": Bytes = "", AnyBytes, Live, Works, "Password of the default user; empty = none.";
        enable_debug_command: Permission = "no", OneOf::ANY, Startup, Works, "Who may use DEBUG.";
        enable_protected_configs: Permission = "no", OneOf::ANY, Startup, Works, "Who may change protected parameters.";
        enable_module_command: &'static str = "no", Choice(&["no", "yes", "local"]), Startup, Inert("there are no modules"), "Who may use MODULE.";
        enable_debug_assert: bool = "no", YesNo, Startup, Inert("assertions are always on"), "Check assertions.";
        aclfile ~ "acl-file": String = "", Text::ANY, Startup, NO_ACL_FILE, "File of users.";
        acllog_max_len: i64 = "128", Int::new(0, I64), Live, Inert("there is one user"), "Entries of ACL LOG.";
        acl_pubsub_default: &'static str = "resetchannels", Choice(&["allchannels", "resetchannels"]), Live, Inert("there is one user"), "Channels of a new user.";
        sanitize_dump_payload: &'static str = "no", Choice(&["no", "yes", "clients"]), Live, Inert("payloads are always checked"), "Check payloads of RESTORE.";
    }
    "Memory" {
        maxmemory ~ "memory": u64 = "0", Int::memory(), Live, Works, "Bytes of data; 0 = no limit.";
        maxmemory_policy: Policy = "noeviction", OneOf::ANY, Live, Works, "Which keys go when memory is full.";
        maxmemory_samples: usize = "5", Int::new(1, 64), Live, Works, "Keys looked at to find one to evict.";
        maxmemory_clients: MemoryOrPercent = "0", MemoryShare, Live, Inert("buffers of clients are bounded one by one"), "Bytes of all clients' buffers; 0 = no limit.";
        maxmemory_eviction_tenacity: u32 = "10", Int::new(0, 100), Live, Inert("a write waits until there is room for it"), "Effort of one round of eviction.";
        lfu_log_factor: u32 = "10", Int::new(0, I32), Live, Works, "How slowly the access counter grows.";
        lfu_decay_time: u32 = "1", Int::new(0, I32), Live, Works, "Minutes after which the access counter is lowered; 0 = never.";
        active_expire_effort: u32 = "1", Int::new(1, 10), Live, Works, "Effort of the search for expired keys.";
        lazyfree_lazy_eviction: bool = "yes", YesNo, Live, Works, "Free evicted values in the background.";
        lazyfree_lazy_expire: bool = "yes", YesNo, Live, Works, "Free expired values in the background.";
        lazyfree_lazy_server_del: bool = "yes", YesNo, Live, Works, "Free overwritten values in the background.";
        lazyfree_lazy_user_del: bool = "yes", YesNo, Live, Works, "DEL frees in the background, as UNLINK.";
        lazyfree_lazy_user_flush: bool = "yes", YesNo, Live, Works, "FLUSHALL and FLUSHDB free in the background.";
        activerehashing: bool = "yes", YesNo, Live, Inert("tables grow a bucket at a time"), "Move tables while idle.";
        activedefrag: bool = "no", YesNo, Live, ALLOCATOR, "Compact memory while running.";
        active_defrag_ignore_bytes: u64 = "104857600", Int::memory_from(1), Live, ALLOCATOR, "Waste below this is left alone.";
        active_defrag_threshold_lower: u32 = "10", Int::new(0, 1000), Live, ALLOCATOR, "Waste in percent at which compacting begins.";
        active_defrag_threshold_upper: u32 = "100", Int::new(0, 1000), Live, ALLOCATOR, "Waste in percent at which most effort is used.";
        active_defrag_cycle_min: u32 = "1", Int::new(1, 99), Live, ALLOCATOR, "Least effort in percent.";
        active_defrag_cycle_max: u32 = "25", Int::new(1, 99), Live, ALLOCATOR, "Most effort in percent.";
        active_defrag_cycle_us: u32 = "500", Int::new(0, 100_000), Live, ALLOCATOR, "Microseconds of one round.";
        active_defrag_max_scan_fields: u64 = "1000", Int::new(1, I64), Live, ALLOCATOR, "Members of a collection compacted at once.";
        jemalloc_bg_thread: bool = "yes", YesNo, Live, ALLOCATOR, "Give memory back in the background.";
        disable_thp: bool = "yes", YesNo, Startup, Works, "All memory in small pages: clients do not wait for huge ones.";
        oom_score_adj: &'static str = "no", Choice(&["no", "yes", "relative", "absolute"]), Live, Inert("set it where the node is started"), "Adjust the kernel's out-of-memory score.";
        oom_score_adj_values: [i32; 3] = "0 200 800", OomScores, Live, Inert("set it where the node is started"), "Scores of a primary, a replica, a child.";
        tracking_table_max_keys: u64 = "1000000", Int::unsigned(0, I64), Live, Works, "Keys remembered for client-side caching.";
        prefetch_batch_max_size: u32 = "16", Int::new(0, 128), Live, Inert("batches are as large as what has arrived"), "Commands whose keys are fetched together.";
    }
    "Encodings" {
        list_max_listpack_size | "list-max-ziplist-size": i32 = "-2", Int::new(i32::MIN as i64, I32), Live, Works, "Elements of a packed list node, or -1 to -5 for 4 to 64 KiB.";
        list_compress_depth: u32 = "0", Int::new(0, I32), Live, Inert("lists are not compressed"), "List nodes at each end that are not compressed.";
        hash_max_listpack_entries | "hash-max-ziplist-entries": usize = "512", Int::unsigned(0, I64), Live, Works, "Fields of a packed hash.";
        hash_max_listpack_value | "hash-max-ziplist-value": usize = "64", Int::memory(), Live, Works, "Bytes of a field or value of a packed hash.";
        set_max_intset_entries: usize = "512", Int::unsigned(0, I64), Live, Works, "Members of a set of integers.";
        set_max_listpack_entries: usize = "128", Int::unsigned(0, I64), Live, Works, "Members of a packed set.";
        set_max_listpack_value: usize = "64", Int::unsigned(0, I64), Live, Works, "Bytes of a member of a packed set.";
        zset_max_listpack_entries | "zset-max-ziplist-entries": usize = "128", Int::unsigned(0, I64), Live, Works, "Members of a packed sorted set.";
        zset_max_listpack_value | "zset-max-ziplist-value": usize = "64", Int::memory(), Live, Works, "Bytes of a member of a packed sorted set.";
        hll_sparse_max_bytes: u64 = "3000", Int::memory(), Live, Inert("there is no HyperLogLog yet"), "Bytes of a sparse HyperLogLog.";
        stream_node_max_bytes: u64 = "4096", Int::memory(), Live, STREAMS, "Bytes of a node of a stream.";
        stream_node_max_entries: u64 = "100", Int::new(0, I64), Live, STREAMS, "Entries of a node of a stream.";
        vset_force_single_threaded_execution: bool = "no", YesNo, Live, Inert("there are no vector sets"), "Search vector sets with one thread.";
    }
    "Events, slow commands, latency" {
        notify_keyspace_events: Class = "", EventClasses, Live, Works, "Which changes of keys are published.";
        slowlog_log_slower_than | "commandlog-execution-slower-than": i64 = "10000", Int::new(-1, I64), Live, Works, "Microseconds from which a command is logged as slow; -1 = never.";
        slowlog_max_len | "commandlog-slow-execution-max-len": u64 = "128", Int::new(0, I64), Live, Works, "Slow commands kept.";
        commandlog_request_larger_than: i64 = "1048576", Int::new(-1, I64), Live, Works, "Bytes from which a request is logged as large; -1 = never.";
        commandlog_large_request_max_len: u64 = "128", Int::new(0, I64), Live, Works, "Large requests kept.";
        commandlog_reply_larger_than: i64 = "1048576", Int::new(-1, I64), Live, Works, "Bytes from which a reply is logged as large; -1 = never.";
        commandlog_large_reply_max_len: u64 = "128", Int::new(0, I64), Live, Works, "Large replies kept.";
        latency_monitor_threshold: u64 = "0", Int::new(0, I64), Live, Works, "Milliseconds from which an event is kept by LATENCY; 0 = never.";
        latency_tracking: bool = "yes", YesNo, Live, Works, "Count how long each command takes.";
        latency_tracking_info_percentiles: Vec<f64> = "50 99 99.9", Percentiles, Live, Works, "Percentiles of INFO latencystats.";
    }
    "Snapshots" {
        save: Vec<SavePoint> = "3600 1 300 100 60 10000", SavePoints, Live, Works, "Snapshots after so many seconds with so many changes, and at the end; empty = none.";
        dbfilename: String = "dump.rdb", FileName { what: "dbfilename", noun: "filename", is_required: false }, Protected, Works, "File of the snapshot.";
        rdbcompression: bool = "yes", YesNo, Live, Works, "Compress strings in snapshots and in the answers of DUMP.";
        rdbchecksum: bool = "yes", YesNo, Startup, Works, "End the file with a checksum, and look at it when loading.";
        rdb_save_incremental_fsync: bool = "yes", YesNo, Live, Works, "Write through while saving.";
        rdb_del_sync_files: bool = "no", YesNo, Live, Inert("such files are always removed"), "Remove files made only for replicas.";
        rdb_version_check: &'static str = "strict", Choice(&["strict", "relaxed"]), Live, Works, "Read files of later versions too (relaxed), as far as they hold nothing unknown.";
        stop_writes_on_bgsave_error: bool = "yes", YesNo, Live, Works, "Refuse writes after a snapshot failed.";
    }
    "Append-only file" {
        appendonly ~ "aof": bool = "no", YesNo, Live, Works, "Write every change to disk.";
        appendfilename: String = "appendonly.aof", FileName { what: "appendfilename", noun: "filename", is_required: true }, Startup, Works, "How its files begin.";
        appenddirname: String = "appendonlydir", FileName { what: "appenddirname", noun: "dirname", is_required: true }, Startup, Works, "Its directory.";
        appendfsync: Fsync = "everysec", OneOf::ANY, Live, Works, "When it is written through.";
        no_appendfsync_on_rewrite: bool = "no", YesNo, Live, Works, "Do not write through during a rewrite.";
        auto_aof_rewrite_percentage: u32 = "100", Int::new(0, I32), Live, Works, "Growth that starts a rewrite, per cent; 0 = never.";
        auto_aof_rewrite_min_size: u64 = "67108864", Int::memory_from(0), Live, Works, "Size below which no rewrite is started.";
        aof_load_truncated: bool = "yes", YesNo, Live, Works, "Cut a torn end.";
        aof_use_rdb_preamble: bool = "yes", YesNo, Live, Works, "Begin with a snapshot.";
        aof_timestamp_enabled: bool = "no", YesNo, Live, Inert("no time is noted"), "Note the time.";
        aof_rewrite_incremental_fsync: bool = "yes", YesNo, Live, Works, "Write through while rewriting.";
    }
    "Replication" {
        replicaof | "slaveof": Option<(String, u16)> = "", HostPort, Startup, Works, "Primary to copy.";
        masterauth | "primaryauth": Bytes = "", AnyBytes, Live, Works, "Password for the primary.";
        masteruser | "primaryuser": Bytes = "", AnyBytes, Live, Works, "User for the primary.";
        replica_serve_stale_data | "slave-serve-stale-data": bool = "yes", YesNo, Live, Works, "Answer while the primary is unreachable.";
        replica_read_only | "slave-read-only": bool = "yes", YesNo, Live, Works, "Refuse writes on a replica.";
        replica_priority | "slave-priority": u32 = "100", Int::new(0, I32), Live, Works, "Rank when a primary is chosen; 0 = never.";
        replica_announced: bool = "yes", YesNo, Live, Works, "Show this replica to Sentinel.";
        replica_announce_ip | "slave-announce-ip": String = "", Text::ANY, Live, Works, "Address told to the primary.";
        replica_announce_port | "slave-announce-port": u16 = "0", Int::new(0, 65535), Live, Works, "Port told to the primary.";
        replica_ignore_maxmemory | "slave-ignore-maxmemory": bool = "yes", YesNo, Live, Works, "A replica evicts nothing by itself.";
        replica_ignore_disk_write_errors: bool = "no", YesNo, Live, Inert("a replica whose disk is full waits for room"), "A replica goes on when its disk fails.";
        replica_lazy_flush | "slave-lazy-flush": bool = "yes", YesNo, Live, Inert("old data are always freed in the background"), "Free old data in the background before a full copy.";
        replica_full_sync_buffer_limit: u64 = "0", Int::memory(), Live, Inert("what follows a copy waits with the primary"), "Bytes kept for a full copy.";
        repl_backlog_size: u64 = "10485760", Int::memory_from(1), Live, Works, "Bytes kept for replicas that come back.";
        repl_backlog_ttl: u64 = "3600", Int::new(0, I64), Live, Works, "Seconds after which they are given up.";
        repl_timeout: u32 = "60", Int::new(1, I32), Live, Works, "Seconds after which a link is dead.";
        repl_ping_replica_period | "repl-ping-slave-period": u32 = "10", Int::new(1, I32), Live, Works, "Seconds between signs of life.";
        repl_disable_tcp_nodelay: bool = "no", YesNo, Live, Inert("the stream leaves in large pieces anyway"), "Collect bytes for larger packets.";
        repl_diskless_sync: bool = "yes", YesNo, Live, Inert("copies are always sent without a file"), "Send full copies without a file.";
        repl_diskless_sync_delay: u32 = "5", Int::new(0, I32), Live, Inert("no copy waits for other replicas"), "Seconds to wait for more replicas.";
        repl_diskless_sync_max_replicas: u32 = "0", Int::new(0, I32), Live, Inert("no copy waits for other replicas"), "Replicas not to wait beyond.";
        repl_diskless_load: &'static str = "disabled", Choice(&["disabled", "on-empty-db", "swapdb", "flush-before-load"]), Live, Works, "Load full copies without a file.";
        repl_mptcp: bool = "no", YesNo, Startup, Inert("Multipath TCP is not supported"), "Multipath TCP between nodes.";
        dual_channel_replication_enabled: bool = "no", YesNo, Live, Inert("a copy and the stream share a connection"), "Full copies on a connection of their own.";
        min_replicas_to_write | "min-slaves-to-write": u32 = "0", Int::new(0, I32), Live, Works, "Replicas without which writes are refused.";
        min_replicas_max_lag | "min-slaves-max-lag": u32 = "10", Int::new(0, I32), Live, Works, "Seconds of lag at which a replica counts.";
        propagation_error_behavior: &'static str = "ignore", Choice(&["ignore", "panic", "panic-on-replicas"]), Live, Inert("a change that cannot be repeated always breaks the link"), "What to do when a change cannot be repeated.";
    }
    "Cluster" {
        cluster_enabled ~ "cluster": bool = "no", YesNo, Startup, Works, "Be a node of a cluster.";
        shards: usize = "1", Int::new(0, 128), Startup, Works, "Shards among which a node of a cluster divides its slots, each on a thread of its own; 0 = one for each thread. Without a cluster there is one.";
        cluster_config_file: String = "nodes.conf", FileName { what: "cluster-config-file", noun: "filename", is_required: true }, Startup, Works, "File that shows the state of the cluster to people; the state itself is beside it, in a directory `.db`.";
        cluster_port | "bus-port": u16 = "0", Int::new(0, 65535), Startup, Works, "Port between nodes; 0 = port + 10000.";
        cluster_secret: Bytes = "", AnyBytes, Startup, Works, "What all nodes of the cluster know and nobody else; empty = whoever reaches the bus may be a node.";
        cluster_seeds: Vec<String> = "", Seeds, Live, Works, "`host:port` (or `host:port@bus-port`) of nodes that a node without others joins by itself.";
        clean_cluster_config: bool = "no", YesNo, Startup, Works, "Set the old state of the cluster aside and begin anew, under a new name.";
        witness: bool = "no", YesNo, Startup, Works, "Vote, but hold no data; clients do not see the node.";
        cluster_databases: u32 = "1", Int::new(1, I32), Startup, CLUSTER, "Numbered databases in cluster mode.";
        cluster_node_timeout: u64 = "2000", Int::new(0, I64), Live, Works, "Milliseconds of silence after which a node is suspected.";
        cluster_ping_interval: u64 = "1000", Int::new(1, I32), Live, CLUSTER, "Milliseconds between signs of life.";
        quarantine_max_bytes: u64 = "1073741824", Int::memory_from(0), Live, Works, "Bytes of files in `quarantine` (what a deposed primary had and nobody else) beyond which the oldest go; the newest stays.";
        two_node_policy: &'static str = "primary-survives", Choice(&["primary-survives", "consistent"]), Live, Works, "What a primary of two voters does at its start while the other is gone: go on with its data, or wait.";
        ack_mode: &'static str = "async", Choice(&["async", "durable"]), Live, Works, "When the primary of a shard answers a write: when it has it itself, or when every replica in sync has it too. Set it on every node; `async` in place of `durable` counts only if it is said to the primary by CONFIG SET.";
        min_insync: u32 = "1", Int::new(1, I32), Live, Works, "With ack-mode durable: nodes in sync, the primary included, without which writes are refused.";
        isr_timeout: u64 = "1000", Int::new(50, I64), Live, Works, "With ack-mode durable: milliseconds that a replica in sync may lag before the shard goes on without it.";
        ack_timeout: u64 = "5000", Int::new(1, I64), Live, Works, "With ack-mode durable: milliseconds after which a write that replicas have not confirmed is answered UNCERTAIN.";
        cluster_require_full_coverage: bool = "no", YesNo, Live, Works, "Refuse all requests while a slot has no owner.";
        cluster_migration_barrier: u32 = "1", Int::new(0, I32), Live, Works, "Working replicas that a shard keeps when one moves to a primary that has lost its own.";
        cluster_allow_replica_migration: bool = "yes", YesNo, Live, Works, "A shard whose last slot goes follows the new owner; replicas move to primaries that have lost theirs, if the leader of the log says yes.";
        cluster_replica_validity_factor | "cluster-slave-validity-factor": u32 = "10", Int::new(0, I32), Live, CLUSTER, "Lag at which a replica may no more be chosen.";
        cluster_replica_no_failover | "cluster-slave-no-failover": bool = "no", YesNo, Live, Works, "Never choose this replica.";
        cluster_allow_reads_when_down: bool = "no", YesNo, Live, Works, "Read while the cluster is down.";
        cluster_allow_pubsubshard_when_down: bool = "yes", YesNo, Live, Works, "Publish while the cluster is down.";
        cluster_link_sendbuf_limit: u64 = "0", Int::memory(), Live, CLUSTER, "Bytes that may wait for a node; 0 = no limit.";
        cluster_announce_ip: String = "", Text::ANY, Live, Works, "Address told to clients and nodes.";
        cluster_announce_port: u16 = "0", Int::new(0, 65535), Live, Works, "Port told to clients and nodes.";
        cluster_announce_bus_port: u16 = "0", Int::new(0, 65535), Live, Works, "Bus port told to nodes.";
        cluster_announce_tls_port: u16 = "0", Int::new(0, 65535), Live, CLUSTER, "TLS port told to clients and nodes.";
        cluster_announce_hostname: String = "", Text::HOSTNAME, Live, Works, "Host name told to clients.";
        cluster_announce_human_nodename: String = "", Text::NODE_NAME, Live, CLUSTER, "Name of the node in logs.";
        cluster_announce_client_ipv4: String = "", Text::ANY, Live, CLUSTER, "IPv4 address told to clients.";
        cluster_announce_client_ipv6: String = "", Text::ANY, Live, CLUSTER, "IPv6 address told to clients.";
        cluster_announce_client_port: u16 = "0", Int::new(0, 65535), Live, CLUSTER, "Port told to clients.";
        cluster_announce_client_tls_port: u16 = "0", Int::new(0, 65535), Live, CLUSTER, "TLS port told to clients.";
        cluster_preferred_endpoint_type: &'static str = "ip", Choice(&["ip", "hostname", "unknown-endpoint"]), Live, Works, "Which address clients are told.";
        cluster_compatibility_sample_ratio: u32 = "0", Int::new(0, 100), Live, CLUSTER, "Share of requests tested for cluster mode.";
        cluster_slot_stats_enabled: bool = "no", YesNo, Live, Refused("only the keys of a slot are counted"), "Count traffic by slot.";
        cluster_blacklist_ttl: u64 = "60", Int::unsigned(0, I64), Live, CLUSTER, "Seconds for which a forgotten node stays away.";
        cluster_config_save_behavior: &'static str = "sync", Choice(&["sync", "best-effort"]), Live, CLUSTER, "Whether the state must be on disk.";
        cluster_manual_failover_timeout: u64 = "5000", Int::new(1, I32), Live, CLUSTER, "Milliseconds of a failover by hand.";
        cluster_slot_migration_log_max_len: u64 = "1000", Int::new(0, I64), Live, CLUSTER, "Migrations remembered.";
        slot_migration_max_failover_repl_bytes: i64 = "0", Int::new(-1, I64), Live, CLUSTER, "Bytes left at which a migration may end.";
    }
    "TLS" {
        tls_port: u16 = "0", Int::new(0, 65535), Startup, NO_TLS, "Port for TLS.";
        tls_cluster: bool = "no", YesNo, Startup, NO_TLS, "TLS between nodes.";
        tls_replication: bool = "no", YesNo, Startup, NO_TLS, "TLS to the primary.";
        tls_cert_file: String = "", Text::ANY, Live, TLS, "Certificate.";
        tls_key_file: String = "", Text::ANY, Live, TLS, "Its key.";
        tls_key_file_pass: Bytes = "", AnyBytes, Live, TLS, "Password of the key.";
        tls_client_cert_file: String = "", Text::ANY, Live, TLS, "Certificate for connections to other nodes.";
        tls_client_key_file: String = "", Text::ANY, Live, TLS, "Its key.";
        tls_client_key_file_pass: Bytes = "", AnyBytes, Live, TLS, "Password of that key.";
        tls_dh_params_file: String = "", Text::ANY, Live, TLS, "Diffie-Hellman parameters.";
        tls_ca_cert_file: String = "", Text::ANY, Live, TLS, "Certificates of trusted authorities.";
        tls_ca_cert_dir: String = "", Text::ANY, Live, TLS, "Directory of them.";
        tls_auth_clients: &'static str = "yes", Choice(&["no", "yes", "optional"]), Live, TLS, "Whether clients need a certificate.";
        tls_auth_clients_user: &'static str = "off", Choice(&["CN", "URI", "off"]), Live, TLS, "User named by a client's certificate.";
        tls_auto_reload_interval: u32 = "0", Int::new(0, I32), Live, TLS, "Seconds between looks at the files.";
        tls_protocols: String = "", Text::ANY, Live, TLS, "Versions.";
        tls_ciphers: String = "", Text::ANY, Live, TLS, "Ciphers up to TLS 1.2.";
        tls_ciphersuites: String = "", Text::ANY, Live, TLS, "Ciphers of TLS 1.3.";
        tls_prefer_server_ciphers: bool = "no", YesNo, Live, TLS, "The node chooses the cipher.";
        tls_session_caching: bool = "yes", YesNo, Live, TLS, "Sessions may be resumed.";
        tls_session_cache_size: u32 = "20480", Int::new(0, I32), Live, TLS, "Sessions remembered.";
        tls_session_cache_timeout: u32 = "300", Int::new(0, I32), Live, TLS, "Seconds for which they are.";
    }
    "Processors" {
        server_cpulist | "server_cpulist": String = "", Text::ANY, Startup, NO_CPU_LIST, "Processors of the main thread.";
        bio_cpulist | "bio_cpulist": String = "", Text::ANY, Startup, NO_CPU_LIST, "Processors of background threads.";
        aof_rewrite_cpulist | "aof_rewrite_cpulist": String = "", Text::ANY, Startup, NO_CPU_LIST, "Processors of a rewrite.";
        bgsave_cpulist | "bgsave_cpulist": String = "", Text::ANY, Startup, NO_CPU_LIST, "Processors of a snapshot.";
    }
}
