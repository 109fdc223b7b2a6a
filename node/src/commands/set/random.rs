//! SPOP and SRANDMEMBER: members by chance.

use almandine_protocol::{Reply, number::Itoa};

use super::super::random::{Count, repeat};
use super::super::{Call, Changes, Class, Fault, Outcome, element};

/// Members in one SREM of the journal.
const JOURNALLED_AT_ONCE: usize = 1024;

pub(super) fn spop(call: &mut Call<'_>) -> Outcome {
    match call.args.len() {
        2 => spop_one(call),
        3 => {
            let count = call
                .args
                .integer(2)
                .ok()
                .and_then(|count| usize::try_from(count).ok());
            spop_many(call, count.ok_or(Fault::NOT_POSITIVE)?)
        }
        _ => Err(Fault::SYNTAX),
    }
}

fn spop_one(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let Some(set) = db.set_mut(key)? else {
        call.reply.null();
        return Ok(());
    };
    let (reply, changes) = (&mut call.reply, &mut *call.changes);
    set.pop(call.rng, |member| {
        element::bulk(reply, member);
        changes.journal(&[b"SREM", key, member.bytes(&mut Itoa::new())]);
    });
    changes.modified(call.db, key, Class::SET, "spop");
    if set.is_empty() && db.remove_if_empty(key) {
        changes.notify(call.db, key, Class::GENERIC, "del");
    }
    Ok(())
}

fn spop_many(call: &mut Call<'_>, count: usize) -> Outcome {
    let key = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let set = db.set_mut(key)?;
    let Some(set) = set.filter(|_| count > 0) else {
        call.reply.set(0);
        return Ok(());
    };
    let popped = count.min(set.len());
    call.reply.set(popped);
    if popped == set.len() {
        set.iter()
            .for_each(|member| element::bulk(&mut call.reply, member));
        db.delete(key);
        call.changes.journal(&[b"DEL", key]);
        call.changes
            .modified_by(popped, call.db, key, Class::SET, "spop");
        call.changes.notify(call.db, key, Class::GENERIC, "del");
        return Ok(());
    }
    let mut journal = Removals::new(call.changes, key);
    set.pop_many(popped, call.thresholds, call.rng, &mut |member| {
        element::bulk(&mut call.reply, member);
        journal.add(member.bytes(&mut Itoa::new()));
    });
    journal.finish();
    call.changes
        .modified_by(popped, call.db, key, Class::SET, "spop");
    Ok(())
}

/// What was popped, as SREMs of bounded length.
struct Removals<'a> {
    changes: &'a mut Changes,
    key: &'a [u8],
    members: Vec<Vec<u8>>,
}

impl<'a> Removals<'a> {
    fn new(changes: &'a mut Changes, key: &'a [u8]) -> Self {
        Removals {
            changes,
            key,
            members: Vec::new(),
        }
    }

    fn add(&mut self, member: &[u8]) {
        self.members.push(member.to_vec());
        if self.members.len() == JOURNALLED_AT_ONCE {
            self.write();
        }
    }

    fn finish(mut self) {
        if !self.members.is_empty() {
            self.write();
        }
    }

    fn write(&mut self) {
        let members = self.members.iter().map(Vec::as_slice);
        let command: Vec<&[u8]> = [b"SREM", self.key].into_iter().chain(members).collect();
        self.changes.journal(&command);
        self.members.clear();
    }
}

pub(super) fn srandmember(call: &mut Call<'_>) -> Outcome {
    let count = match call.args.len() {
        2 => None,
        3 => Some(Count::parse(call.args, 2)?),
        _ => return Err(Fault::SYNTAX),
    };
    let set = call.dbs[call.db].set(call.args.at(1))?;
    match (set, count) {
        (None, None) => call.reply.null(),
        (None, Some(_)) => call.reply.array(0),
        (Some(set), None) => element::bulk_or_null(&mut call.reply, set.random(call.rng)),
        (Some(set), Some(Count::Distinct(count))) => {
            call.reply.array(count.min(set.len()));
            let reply = &mut call.reply;
            set.sample(count, call.rng, &mut |member| element::bulk(reply, member));
        }
        (Some(set), Some(Count::Repeated(count))) => {
            call.reply.array(count);
            let draw = |reply: &mut Reply<'_>| {
                if let Some(member) = set.random(call.rng) {
                    element::bulk(reply, member);
                }
            };
            repeat(&mut call.reply, count, draw)?;
        }
    }
    Ok(())
}
