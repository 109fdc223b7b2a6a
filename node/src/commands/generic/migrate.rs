//! MIGRATE: keys move to another server.
//!
//! The shard sends what RESTORE needs and lets the client wait; nobody changes the keys until the other server has
//! answered. Then those that it has taken are removed here.

use almandine_protocol::write_request;
use almandine_storage::rdb;

use crate::actors::replication::messages::Migrate;
use crate::commands::call::Wait;
use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run, keys,
};
use crate::shard::migrations::Migration;

/// Milliseconds where the request names no time above zero.
const TIMEOUT_MS: u64 = 1000;

/// What stands behind the timeout.
#[derive(Debug, Default)]
struct Options<'a> {
    copies: bool,
    replaces: bool,
    auth: Option<Vec<&'a [u8]>>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Fault> {
        let (mut options, mut i) = (Options::default(), 6);
        while let Some(word) = args.get(i) {
            let more = args.len() - i - 1;
            if word.eq_ignore_ascii_case(b"copy") {
                options.copies = true;
            } else if word.eq_ignore_ascii_case(b"replace") {
                options.replaces = true;
            } else if word.eq_ignore_ascii_case(b"auth") && more > 0 {
                options.auth = Some(vec![b"AUTH", args.at(i + 1)]);
                i += 1;
            } else if word.eq_ignore_ascii_case(b"auth2") && more > 1 {
                options.auth = Some(vec![b"AUTH", args.at(i + 1), args.at(i + 2)]);
                i += 2;
            } else if word.eq_ignore_ascii_case(b"keys") {
                if !args.at(3).is_empty() {
                    return Err(Fault::new(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                break;
            } else {
                return Err(Fault::SYNTAX);
            }
            i += 1;
        }
        Ok(options)
    }
}

fn migrate(call: &mut Call<'_>) -> Outcome {
    let options = Options::parse(call.args)?;
    let timeout = call.args.integer(5)?;
    let target_db = call.args.integer(4)?;
    let mut found = Vec::new();
    let _ = keys::each(call.command, call.args, |key| found.push(key.at));
    let (args, db) = (call.args, call.db);
    found.retain(|at| call.dbs[db].get(args.at(*at)).is_some());
    if found.is_empty() {
        call.reply.simple("NOKEY");
        return Ok(());
    }
    if call.in_exec {
        return Err(Fault::new(
            "ERR MIGRATE is not possible inside a transaction",
        ));
    }
    let Some(replicator) = call.node.replicator.get() else {
        return Err(Fault::new(
            "IOERR error or timeout connecting to the client",
        ));
    };
    let (auth, select) = (options.auth.as_deref(), target_db.to_string());
    let mut requests = Vec::new();
    if let Some(auth) = auth {
        write_request(auth.iter().copied(), &mut requests);
    }
    write_request([b"SELECT", select.as_bytes()].into_iter(), &mut requests);
    let names: Vec<Vec<u8>> = found.iter().map(|at| args.at(*at).to_vec()).collect();
    for name in &names {
        restore(call, name, options.replaces, &mut requests);
    }
    let count = names.len();
    let ticket = call.migrations.begin(Migration {
        client: call.session.id(),
        db,
        keys: names,
        copies: options.copies,
    });
    replicator.do_send(Migrate {
        ticket,
        host: String::from_utf8_lossy(args.at(1)).into_owned(),
        port: String::from_utf8_lossy(args.at(2)).into_owned(),
        timeout_ms: u64::try_from(timeout)
            .ok()
            .filter(|ms| *ms > 0)
            .unwrap_or(TIMEOUT_MS),
        requests,
        prelude: 1 + usize::from(auth.is_some()),
        keys: count,
    });
    call.wait(Wait::for_others())
}

/// Appends the RESTORE of a key that is there.
fn restore(call: &mut Call<'_>, key: &[u8], replaces: bool, requests: &mut Vec<u8>) {
    let (compression, now_ms, db) = (
        call.params.rdb_compression(),
        call.now_ms,
        &mut call.dbs[call.db],
    );
    let ttl = match db.expire_at(key) {
        Some(Some(at)) => at.saturating_sub(now_ms).max(1),
        _ => 0,
    };
    let (ttl, mut payload) = (ttl.to_string(), Vec::new());
    if let Some(value) = db.view(key) {
        rdb::dump(value, compression, &mut payload);
    }
    // In a cluster the slot is on its way there, and not there yet.
    let name = match call.node.cluster {
        None => b"RESTORE".as_slice(),
        Some(_) => b"RESTORE-ASKING",
    };
    let mut words = vec![name, key, ttl.as_bytes(), &payload];
    words.extend(replaces.then_some(b"REPLACE".as_slice()));
    write_request(words.into_iter(), requests);
}

/// The entry.
pub(super) const MIGRATE: Command = Command {
    name: "migrate",
    arity: -6,
    flags: Flags::MOVABLEKEYS.union(Flags::WRITE),
    acl: Acl::DANGEROUS.union(Acl::KEYSPACE),
    keys: &[
        KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(3),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        },
        KeySpec {
            flags: KeyFlags::RW
                .union(KeyFlags::ACCESS)
                .union(KeyFlags::DELETE)
                .union(KeyFlags::INCOMPLETE),
            begin: Begin::Keyword("KEYS", -2),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        },
    ],
    group: Group::Generic,
    since: "2.6.0",
    summary: "Moves keys to another server.",
    complexity: "O(N) with the size of the values",
    args: "host port:integer key-selector=<key:key|empty-string=\"\"> destination-db:integer timeout:integer [COPY] [REPLACE] \
           [authentication=<AUTH auth|AUTH2 auth2=(username password)>] [KEYS keys:key...]",
    run: Run::Shard(migrate),
};
