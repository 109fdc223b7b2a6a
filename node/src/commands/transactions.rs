//! MULTI, EXEC, WATCH: several commands as one.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};
use crate::session::{Queued, Transaction};
use crate::shard::dispatch::perform_in_sight;
use crate::stats::Done;

fn multi(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(Fault::new("ERR MULTI calls can not be nested"));
    }
    call.session.transaction = Some(Transaction::default());
    call.reply.ok();
    Ok(())
}

fn discard(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.take().is_none() {
        return Err(Fault::new("ERR DISCARD without MULTI"));
    }
    forget_watched(call);
    call.reply.ok();
    Ok(())
}

/// Runs the queue as one: nothing of another client comes between, and the effects are one transaction for the journal.
fn exec(call: &mut Call<'_>) -> Outcome {
    let Some(transaction) = call.session.transaction.take() else {
        return Err(Fault::new("ERR EXEC without MULTI"));
    };
    look_at_watched(call);
    let is_broken = forget_watched(call);
    if transaction.aborted {
        return Err(Fault::new(
            "EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if is_broken {
        call.reply.null_array();
        return Ok(());
    }
    call.reply.array(transaction.queued.len());
    call.changes.begin_transaction();
    let mut began = call.stats.now();
    for Queued { id, request } in &transaction.queued {
        let (args, start) = (request.args(), call.reply.position());
        let mut nested = call.nested(id.command(), args);
        perform_in_sight(&mut nested);
        let db = nested.db;
        nested.changes.note_expired(nested.dbs);
        nested.changes.settle(db, args);
        let now = call.stats.now();
        call.stats.executed(Done {
            id: *id,
            args,
            client: &call.session.client,
            took: now.saturating_duration_since(began),
            request_bytes: request.wire_size(),
            reply_bytes: call.reply.position() - start,
            now_ms: call.now_ms,
        });
        began = now;
    }
    call.changes.end_transaction();
    Ok(())
}

fn watch(call: &mut Call<'_>) -> Outcome {
    if call.session.transaction.is_some() {
        return Err(Fault::new("ERR WATCH inside MULTI is not allowed"));
    }
    for key in call.args.from(1) {
        // A key that has expired already is absent when watched, and does not break the watch by being removed.
        call.dbs[call.db].contains(key);
        call.session.watched = call.watches.watch(call.session.id(), call.db, key);
    }
    call.session.client.profile().watched = call.session.watched;
    // The batch may have begun before anybody watched, and may still change what is watched now.
    call.changes.watched = true;
    call.reply.ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_>) -> Outcome {
    forget_watched(call);
    call.reply.ok();
    Ok(())
}

/// A watched key whose time is up counts as changed: looking at it removes it, and tells the watchers.
fn look_at_watched(call: &mut Call<'_>) {
    for (db, key) in call.watches.keys_of_client(call.session.id()) {
        call.dbs[db].contains(&key);
    }
    call.changes.note_expired(call.dbs);
    // Others hear of them with what the transaction changes.
    for (db, key) in &call.changes.touched {
        call.watches.touch(*db, key.clone());
    }
}

/// Ends all watches of the client; says whether a watched key has changed.
pub(super) fn forget_watched(call: &mut Call<'_>) -> bool {
    if call.session.watched == 0 {
        return false;
    }
    call.session.watched = 0;
    call.session.client.profile().watched = 0;
    call.watches.unwatch(call.session.id())
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "discard",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "2.0.0",
        summary: "Forgets the queued commands.",
        complexity: "O(N) where N is the number of queued commands",
        args: "",
        run: Run::Session(discard),
    },
    Command {
        name: "exec",
        arity: 1,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::SKIP_SLOWLOG)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Runs the queued commands as one.",
        complexity: "Depends on the commands.",
        args: "",
        run: Run::Session(exec),
    },
    Command {
        name: "multi",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Queues the commands that follow.",
        complexity: "O(1)",
        args: "",
        run: Run::Session(multi),
    },
    Command {
        name: "unwatch",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Watches no key any more.",
        complexity: "O(1)",
        args: "",
        run: Run::Session(unwatch),
    },
    Command {
        name: "watch",
        arity: -2,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::TRANSACTION,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Lets the next transaction fail if one of these keys changes.",
        complexity: "O(1) for each key",
        args: "key:key...",
        run: Run::Shard(watch),
    },
];

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::commands::call::{Args, Span};
    use crate::commands::changes::Effects;
    use crate::commands::testing::{Bench, words};
    use crate::commands::{Class, table};
    use crate::session::OwnedRequest;

    fn queued(line: &str) -> Queued {
        let words = words(line);
        let buffer = words.concat();
        let mut start = 0;
        let spans: Vec<Span> = words
            .iter()
            .map(|word| {
                let end = start + word.len() as u32;
                std::mem::replace(&mut start, end)..end
            })
            .map(|Range { start, end }| Span { start, end })
            .collect();
        let args = Args::new(&buffer, &spans);
        Queued {
            id: table::resolve(args).expect("a command"),
            request: OwnedRequest::copy(args),
        }
    }

    fn journal(bench: &mut Bench) -> String {
        let effects = bench.changes.effects.as_mut().expect("effects are kept");
        let text = String::from_utf8(effects.bytes().to_vec()).expect("text");
        effects.clear();
        let words = text.lines().filter(|line| !line.starts_with(['*', '$']));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Otherwise a replica would remove what the transaction has just written.
    #[test]
    fn a_key_that_a_transaction_finds_expired_is_removed_before_it_is_written() {
        let mut bench = Bench::new();
        bench.run("SET gone v PX 10");
        bench.now_ms += 10;
        bench.changes.effects = Some(Effects::default());
        bench.changes.classes = Class::all();
        bench.session.transaction = Some(Transaction {
            queued: vec![queued("SET first v"), queued("SET gone w")],
            aborted: false,
            memory: 0,
        });
        assert_eq!(bench.run("EXEC"), "*2\r\n+OK\r\n+OK\r\n");
        let events = bench.changes.take_notifications();
        let events: Vec<_> = events
            .iter()
            .map(|told| (told.event, told.key.escape_ascii().to_string()))
            .collect();
        let expected = [("set", "first"), ("expired", "gone"), ("set", "gone")];
        assert_eq!(events, expected.map(|(event, key)| (event, key.to_owned())));
        assert_eq!(bench.changes.expired, 1);
        assert_eq!(
            journal(&mut bench),
            "SELECT 0 MULTI SET first v DEL gone SET gone w EXEC"
        );
    }

    #[test]
    fn a_change_in_the_batch_that_began_to_watch_breaks_the_watch() {
        let mut bench = Bench::new();
        assert!(!bench.changes.watched);
        bench.run("WATCH k");
        bench.run("SET k v");
        assert_eq!(bench.changes.touched, [(0, b"k".to_vec())]);
    }

    #[test]
    fn a_watched_key_whose_time_is_up_breaks_the_watch() {
        let mut bench = Bench::new();
        bench.run("SET k v PX 10");
        bench.run("WATCH k");
        bench.now_ms += 10;
        bench.session.transaction = Some(Transaction::default());
        assert_eq!(bench.run("EXEC"), "*-1\r\n");
        bench.run("WATCH k");
        bench.session.transaction = Some(Transaction::default());
        assert_eq!(bench.run("EXEC"), "*0\r\n");
    }
}
