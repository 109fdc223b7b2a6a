//! Flags of Microsoft Garnet. Those that mean the same as a parameter of ours stand in the table of parameters; here are
//! the few that need a thought, and those that we refuse, each with the reason.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::{Arg, ArgMatches};

use crate::cli::{occurrences, words};

const AUTH: &str = "auth";
const PASSWORD: &str = "requirepass";
const IMPORT_PATH: &str = "config-import-path";
const IMPORT_FORMAT: &str = "config-import-format";

/// The flag that one letter stands for.
pub(crate) fn long(short: u8) -> Option<&'static str> {
    Some(match short {
        b'm' => "--memory",
        b'c' => "--checkpointdir",
        b'q' => "--quiet",
        b'p' => "--page",
        b's' => "--segment",
        b'i' => "--index",
        b'l' => "--logdir",
        b'r' => "--recover",
        _ => return None,
    })
}

/// What clap must know beside the parameters.
pub(crate) fn args() -> impl Iterator<Item = Arg> {
    let refused = REFUSED.iter().flat_map(|(_, names)| names.iter().copied());
    [AUTH, IMPORT_PATH, IMPORT_FORMAT]
        .into_iter()
        .chain(refused)
        .map(|name| words(name).num_args(0..).hide(true))
}

/// Refuses what would mislead.
///
/// # Errors
/// The flag and the reason.
pub(crate) fn check(matches: &ArgMatches) -> Result<(), (&'static str, String)> {
    for (reason, names) in REFUSED {
        for name in *names {
            if occurrences(matches, name).next().is_some() {
                return Err((name, format!("not supported: {reason}")));
            }
        }
    }
    match single(matches, AUTH).map(OsStr::to_ascii_lowercase) {
        None => Ok(()),
        Some(mode) if mode == "noauth" => Ok(()),
        Some(mode) if mode == "password" => match occurrences(matches, PASSWORD).next() {
            Some(_) => Ok(()),
            None => Err((AUTH, "Password needs --password".to_owned())),
        },
        Some(mode) => {
            let mode = mode.to_string_lossy().into_owned();
            Err((
                AUTH,
                format!("'{mode}' is not supported, only NoAuth and Password are"),
            ))
        }
    }
}

/// The file of `--config-import-path`, which must be said to be in the syntax of redis.conf.
///
/// # Errors
/// It is not said to be.
pub(crate) fn import(matches: &ArgMatches) -> Result<Option<PathBuf>, String> {
    let Some(path) = single(matches, IMPORT_PATH) else {
        return Ok(None);
    };
    let format = single(matches, IMPORT_FORMAT);
    if format.is_some_and(|format| format.eq_ignore_ascii_case("RedisConf")) {
        return Ok(Some(PathBuf::from(path)));
    }
    Err(
        "only files in the syntax of redis.conf are read; add --config-import-format RedisConf"
            .to_owned(),
    )
}

fn single<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a OsStr> {
    occurrences(matches, name).last()?.first().copied()
}

/// Flags that cannot mean anything here, by reason.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "all data is in memory, there is no log on a second tier; see --maxmemory",
        &[
            "page",
            "pagecount",
            "segment",
            "object-log-segment",
            "index",
            "index-max-size",
            "index-resize-freq",
            "index-resize-threshold",
            "mutable-percent",
            "max-inline-key-size",
            "max-inline-value-size",
            "initial-io-record-size",
            "no-obj",
            "sg-get",
            "readcache",
            "readcache-memory",
            "readcache-page",
            "readcache-pagecount",
            "use-native-allocator",
            "use-legacy-buffer-pool",
            "buffer-pool-memory-budget",
            "reviv",
            "reviv-bin-record-sizes",
            "reviv-bin-record-counts",
            "reviv-fraction",
            "reviv-search-next-higher-bins",
            "reviv-bin-best-fit-scan-limit",
            "reviv-in-chain-only",
            "storage-tier",
            "logdir",
            "copy-reads-to-tail",
            "device-type",
            "device-io-backend",
            "device-completion-threads",
            "device-throttle-limit",
            "device-io-contexts",
            "device-queue-depth",
            "device-uring-sqpoll",
            "device-uring-sqpoll-idle-ms",
            "device-aio-max-devices",
            "use-native-device-linux",
            "use-azure-storage",
            "storage-string",
            "storage-service-uri",
            "storage-managed-identity",
            "compaction-freq",
            "compaction-type",
            "compaction-force-delete",
            "compaction-max-segments",
        ],
    ),
    (
        "files are those of Redis: see appendonly and save",
        &[
            "recover",
            "fail-on-recovery-error",
            "checkpoint-throttle-delay",
            "aof-memory",
            "aof-page-size",
            "aof-segment-size",
            "aof-commit-freq",
            "aof-commit-wait",
            "aof-size-limit",
            "aof-size-limit-enforce-frequency",
            "aof-null-device",
            "fast-aof-truncate",
            "main-memory-replication",
            "fast-commit-throttle",
            "aof-physical-sublog-count",
            "aof-replay-task-count",
            "aof-tail-witness-freq",
            "aof-replay-drift-threshold",
            "aof-replay-drift-check-freq",
            "aof-replay-barrier-spin-us",
        ],
    ),
    (
        "nodes do not gossip, an ordered log says what all agree on; see --cluster-node-timeout and --cluster-secret",
        &[
            "cluster-timeout",
            "gossip-delay",
            "gossip-sp",
            "cluster-config-flush-frequency",
            "cluster-username",
            "cluster-password",
            "cluster-tls-client-target-host",
            "pmt",
            "fast-migrate",
        ],
    ),
    (
        "replication needs no such limit",
        &[
            "on-demand-checkpoint",
            "repl-diskless-sync-full-sync-aof-threshold",
            "repl-attach-timeout",
            "repl-sync-timeout",
            "replica-sync-delay",
            "aof-replay-max-lag-bytes",
            "aof-sync-max-lag-bytes",
            "cluster-replication-reestablishment-timeout",
            "cluster-replica-resume-with-data",
        ],
    ),
    (
        "TLS is not supported yet",
        &[
            "tls",
            "cert-file-name",
            "cert-password",
            "cert-subject-name",
            "cert-refresh-freq",
            "client-certificate-required",
            "server-certificate-required",
            "certificate-revocation-check-mode",
            "issuer-certificate-path",
        ],
    ),
    (
        "only NoAuth and Password are supported",
        &[
            "acl-strict-custom-commands",
            "aad-authority",
            "aad-audiences",
            "aad-issuers",
            "aad-authorized-app-ids",
            "aad-validate-acl-username",
        ],
    ),
    (
        "there are no scripts yet",
        &[
            "lua",
            "lua-transaction-mode",
            "lua-memory-management-mode",
            "lua-script-memory-limit",
            "lua-script-timeout",
            "lua-logging-mode",
            "lua-allowed-functions",
        ],
    ),
    (
        "there are no modules and no vector sets",
        &[
            "extension-bin-paths",
            "extension-allow-unsigned",
            "loadmodulecs",
            "enable-vector-set-preview",
            "vector-set-replay-task-count",
            "vector-set-quantization-task-count",
            "enable-range-index-preview",
        ],
    ),
    (
        "the number of threads is set by --threads",
        &["minthreads", "maxthreads", "miniothreads", "maxiothreads"],
    ),
    (
        "replies are bounded by --client-output-buffer-limit",
        &["network-send-throttle"],
    ),
    (
        "publish and subscribe are always there",
        &["no-pubsub", "pubsub-pagesize"],
    ),
    (
        "expired keys are always searched for; see --active-expire-effort",
        &[
            "expired-key-deletion-scan-freq",
            "expired-object-collection-freq",
        ],
    ),
    ("SCAN takes COUNT", &["object-scan-count-limit"]),
    (
        "statistics are always kept; see --latency-tracking",
        &[
            "latency-monitor",
            "commandstats-monitor",
            "metrics-sampling-freq",
        ],
    ),
    (
        "the log goes to standard output or to --logfile",
        &["logger-freq", "disable-console-logger"],
    ),
    (
        "the configuration is exported by CONFIG REWRITE",
        &[
            "config-export-path",
            "config-export-format",
            "use-azure-storage-for-config-import",
            "use-azure-storage-for-config-export",
        ],
    ),
];
