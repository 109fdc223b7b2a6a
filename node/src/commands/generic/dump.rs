//! DUMP and RESTORE: values on their way between servers.

use almandine_storage::rdb::{self, Verify};
use almandine_storage::{Usage, Value};

use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

const BUSY: Fault = Fault::new("BUSYKEY Target key name already exists.");
const NEGATIVE_TTL: Fault = Fault::new("ERR Invalid TTL value, must be >= 0");
const NEGATIVE_IDLE: Fault = Fault::new("ERR Invalid IDLETIME value, must be >= 0");
const NO_FREQUENCY: Fault = Fault::new("ERR Invalid FREQ value, must be >= 0 and <= 255");
const BAD_FOOTER: Fault = Fault::new("ERR DUMP payload version or checksum are wrong");
const BAD_VALUE: Fault = Fault::new("ERR Bad data format");

pub(super) fn dump(call: &mut Call<'_>) -> Outcome {
    let compression = call.params.rdb_compression();
    let Some(value) = call.dbs[call.db].get(call.args.at(1)) else {
        call.reply.null();
        return Ok(());
    };
    let mut payload = Vec::new();
    rdb::dump(value, compression, &mut payload);
    call.reply.bulk(&payload);
    Ok(())
}

/// What may stand behind the payload.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    usage: Usage,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Fault> {
        let (mut options, mut i) = (Options::default(), 4);
        while i < args.len() {
            let has_value = i + 1 < args.len();
            if args.is(i, "replace") {
                options.replaces = true;
            } else if args.is(i, "absttl") {
                options.is_absolute = true;
            } else if args.is(i, "idletime")
                && has_value
                && !matches!(options.usage, Usage::Frequency(_))
            {
                let seconds = u64::try_from(args.integer(i + 1)?);
                options.usage = Usage::Idle(seconds.map_err(|_| NEGATIVE_IDLE)?);
                i += 1;
            } else if args.is(i, "freq") && has_value && !matches!(options.usage, Usage::Idle(_)) {
                let counter = u8::try_from(args.integer(i + 1)?);
                options.usage = Usage::Frequency(counter.map_err(|_| NO_FREQUENCY)?);
                i += 1;
            } else {
                return Err(Fault::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

pub(super) fn restore(call: &mut Call<'_>) -> Outcome {
    let (key, options) = (call.args.at(1), Options::parse(call.args)?);
    let was_there = call.dbs[call.db].contains(key);
    if was_there && !options.replaces {
        return Err(BUSY);
    }
    let ttl = call.args.integer(2)?;
    if ttl < 0 {
        return Err(NEGATIVE_TTL);
    }
    let payload = call.args.at(3);
    let value =
        rdb::restore(payload, call.thresholds, call.rng, Verify::Yes).map_err(
            |error| match error {
                rdb::DumpError::Footer(_) => BAD_FOOTER,
                rdb::DumpError::Value(_) => BAD_VALUE,
            },
        )?;
    let expire_at = match (ttl, options.is_absolute) {
        (0, _) => None,
        (at, true) => Some(at),
        // As in Redis, a time beyond the end of time has been.
        (ttl, false) => Some(call.now_ms.wrapping_add(ttl)),
    };
    match expire_at {
        Some(at) if at <= call.now_ms => {
            if was_there {
                call.dbs[call.db].delete(key);
                call.changes.modified(call.db, key, Class::GENERIC, "del");
                call.changes.journal(&[b"DEL", key]);
            }
        }
        _ => put(call, value, expire_at, options),
    }
    call.reply.ok();
    Ok(())
}

fn put(call: &mut Call<'_>, value: Value, expire_at: Option<i64>, options: Options) {
    let (key, payload) = (call.args.at(1), call.args.at(3));
    let compression = call.params.rdb_compression();
    let db = &mut call.dbs[call.db];
    // Nothing of the old key stays, not even how often it was used.
    db.delete(key);
    db.insert(key, value, expire_at);
    db.set_usage(key, options.usage);
    call.changes
        .modified(call.db, key, Class::GENERIC, "restore");
    let counts_from_now = expire_at.is_some() && !options.is_absolute;
    let is_portable = rdb::payload_version(payload).is_some_and(|version| version <= rdb::VERSION);
    if !counts_from_now && is_portable {
        return;
    }
    // Who follows the journal may be older than the server that has made this payload, and has another clock.
    let mut own = Vec::new();
    if !is_portable && let Some(value) = db.view(key) {
        rdb::dump(value, compression, &mut own);
    }
    let mut digits = itoa::Buffer::new();
    let at = digits.format(expire_at.unwrap_or(0)).as_bytes();
    let mut command: Vec<&[u8]> = call.args.from(0).collect();
    command[2] = at;
    if !is_portable {
        command[3] = &own;
    }
    if counts_from_now {
        command.push(b"ABSTTL");
    }
    call.changes.journal(&command);
}

/// RESTORE.
pub(super) const RESTORE: Command = Command {
    name: "restore",
    arity: -4,
    flags: Flags::DENYOOM.union(Flags::WRITE),
    acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
    keys: &[KeySpec {
        flags: KeyFlags::OW.union(KeyFlags::UPDATE),
        begin: Begin::Index(1),
        find: Find::Range {
            last: 0,
            step: 1,
            limit: 0,
        },
    }],
    group: Group::Generic,
    since: "2.6.0",
    summary: "Makes a key from what DUMP has serialized.",
    complexity: "O(N) where N is the size of the value; O(N*log(N)) for sorted sets",
    args: "key:key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ frequency:integer]",
    run: Run::Shard(restore),
};

/// What MIGRATE of another server says in place of RESTORE: the slot of the key is on its way here.
pub(super) const RESTORE_ASKING: Command = Command {
    name: "restore-asking",
    flags: RESTORE.flags.union(Flags::ASKING),
    group: Group::Server,
    since: "3.0.0",
    summary: "As RESTORE, in a slot that is on its way here.",
    ..RESTORE
};

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    /// `10`, as Redis 7.0 and Redis 8.2 dump it.
    const TEN: &str = r#""\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb""#;
    const TEN_OF_82: &str = r#""\x00\xc0\n\x0c\x00\xa5\xe9c\x85\xf4\x84\xfd\xf2""#;
    const TOLD: &str = r"\x00\xc0\n\n\x00n\x9fWE\x0e\xaec\xbb";

    #[test]
    fn the_journal_gets_absolute_times_and_payloads_that_everybody_reads() {
        let mut bench = Bench::new();
        let now_ms = bench.now_ms;
        for (line, expected) in [
            (format!("RESTORE k 0 {TEN}"), "1 | restore k".to_owned()),
            (format!("RESTORE k 0 {TEN}"), "0 | ".to_owned()),
            (
                format!("RESTORE k 0 {TEN_OF_82} REPLACE"),
                format!("1 | restore k | RESTORE k 0 {TOLD} REPLACE"),
            ),
            (
                format!("RESTORE k 500 {TEN_OF_82} REPLACE IDLETIME 7"),
                format!(
                    "1 | restore k | RESTORE k {} {TOLD} REPLACE IDLETIME 7 ABSTTL",
                    now_ms + 500
                ),
            ),
            (
                format!("RESTORE k {} {TEN} absttl replace", now_ms + 500),
                "1 | restore k".to_owned(),
            ),
            (
                format!("RESTORE k {} {TEN_OF_82} absttl replace", now_ms + 500),
                format!(
                    "1 | restore k | RESTORE k {} {TOLD} absttl replace",
                    now_ms + 500
                ),
            ),
            (
                format!("RESTORE k {now_ms} {TEN} absttl replace"),
                "1 | del k | DEL k".to_owned(),
            ),
            (
                format!("RESTORE k {now_ms} {TEN} absttl replace"),
                "0 | ".to_owned(),
            ),
            (format!("RESTORE k {} {TEN}", i64::MAX), "0 | ".to_owned()),
        ] {
            assert_eq!(bench.told(&line), expected, "{line}");
        }
    }

    #[test]
    fn usage_is_restored_where_the_policy_remembers_it() {
        let mut bench = Bench::new();
        bench.run(&format!("RESTORE k 0 {TEN} IDLETIME 1000"));
        assert_eq!(bench.run("OBJECT IDLETIME k"), ":1000\r\n");
        bench.run(&format!("RESTORE k 0 {TEN} REPLACE FREQ 9"));
        assert_eq!(bench.run("OBJECT IDLETIME k"), ":0\r\n");
    }
}
