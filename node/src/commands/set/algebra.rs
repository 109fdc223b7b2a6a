//! Intersection, union and difference of sets.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ptr;

use almandine_protocol::number::Itoa;
use almandine_storage::{Db, Rng, Set, StrRef, Thresholds, Value, ValueRef};

use super::super::{Args, Call, Class, Fault, Outcome, element};

/// A union of so few sets asks those already written about each member; one of more sets remembers what was written.
const ASKED_MAX: usize = 4;

const NUMKEYS_NOT_POSITIVE: Fault = Fault::new("ERR numkeys should be greater than 0");
const TOO_FEW_KEYS: Fault = Fault::new("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: Fault = Fault::new("ERR LIMIT can't be negative");

/// The sets that a command names; none where there is no key.
type Operands<'a> = Vec<Option<&'a Set>>;

#[derive(Debug, Clone, Copy)]
enum Operation {
    Intersection,
    Difference,
    Union,
}

pub(super) fn sinter(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Intersection)
}

pub(super) fn sinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Intersection, "sinterstore")
}

pub(super) fn sdiff(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Difference)
}

pub(super) fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Difference, "sdiffstore")
}

pub(super) fn sunion(call: &mut Call<'_>) -> Outcome {
    answer(call, Operation::Union)
}

pub(super) fn sunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, Operation::Union, "sunionstore")
}

pub(super) fn sintercard(call: &mut Call<'_>) -> Outcome {
    let count = call
        .args
        .integer(1)
        .ok()
        .and_then(|count| usize::try_from(count).ok());
    let count = count
        .filter(|count| *count > 0)
        .ok_or(NUMKEYS_NOT_POSITIVE)?;
    if count > call.args.len() - 2 {
        return Err(TOO_FEW_KEYS);
    }
    let limit = limit(call.args, 2 + count)?;
    let sets = operands(&mut call.dbs[call.db], call.args.from(2).take(count))?;
    let mut length = 0;
    intersect(sets, &mut |_| {
        length += 1;
        length != limit
    });
    call.reply.length(length);
    Ok(())
}

/// LIMIT among the arguments from `at` on; 0 = none.
fn limit(args: Args<'_>, mut at: usize) -> Result<usize, Fault> {
    let mut limit = 0;
    while at < args.len() {
        if !args.is(at, "limit") || at + 1 == args.len() {
            return Err(Fault::SYNTAX);
        }
        let number = args.integer(at + 1).ok();
        limit = number
            .and_then(|n| usize::try_from(n).ok())
            .ok_or(NEGATIVE_LIMIT)?;
        at += 2;
    }
    Ok(limit)
}

/// The reply of a command whose keys are all arguments.
fn answer(call: &mut Call<'_>, operation: Operation) -> Outcome {
    let sets = operands(&mut call.dbs[call.db], call.args.from(1))?;
    let place = call.reply.reserve();
    let mut length = 0;
    let mut write = |member: StrRef<'_>| {
        element::bulk(&mut call.reply, member);
        length += 1;
        true
    };
    match operation {
        Operation::Intersection => intersect(sets, &mut write),
        Operation::Difference => subtract(sets, &mut write),
        Operation::Union => unite(sets, &mut write),
    }
    call.reply.fill_set(place, length);
    Ok(())
}

/// The result goes over whatever the first key holds.
fn store(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Outcome {
    let destination = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let sets = operands(db, call.args.from(2))?;
    let result = evaluate(operation, sets, call.thresholds, call.rng);
    let length = result.len();
    if length > 0 {
        db.insert(destination, Value::Set(result), None);
        call.changes
            .modified(call.db, destination, Class::SET, event);
    } else if db.delete(destination) {
        call.changes
            .modified(call.db, destination, Class::GENERIC, "del");
    }
    call.reply.length(length);
    Ok(())
}

fn evaluate(operation: Operation, sets: Operands<'_>, limits: &Thresholds, rng: &mut Rng) -> Set {
    let mut result = Set::default();
    if matches!(operation, Operation::Union) {
        let least = sets
            .iter()
            .flatten()
            .map(|set| set.len())
            .max()
            .unwrap_or(0);
        if least
            > limits
                .set_max_intset_entries
                .max(limits.set_max_listpack_entries)
        {
            result.expect(b"", least, limits, rng);
        }
    }
    let mut digits = Itoa::new();
    if let Operation::Difference = operation
        && let Some((first, others)) = minuend(&sets)
        && !asks(first, &others)
    {
        for member in first.iter() {
            result.add(member.bytes(&mut digits), limits, rng);
        }
        for member in others.into_iter().flat_map(Set::iter) {
            result.remove(member.bytes(&mut digits));
        }
        return result;
    }
    let mut add = |member: StrRef<'_>| {
        result.add(member.bytes(&mut digits), limits, rng);
        true
    };
    match operation {
        Operation::Intersection => intersect(sets, &mut add),
        Operation::Difference => subtract(sets, &mut add),
        Operation::Union => {
            sets.into_iter().flatten().flat_map(Set::iter).all(add);
        }
    }
    result
}

/// Looks all keys up, so that types are checked and the expired are gone, and then lends all sets at once.
fn operands<'d, 'k>(
    db: &'d mut Db,
    keys: impl Iterator<Item = &'k [u8]> + Clone,
) -> Result<Operands<'d>, Fault> {
    for key in keys.clone() {
        db.set(key)?;
    }
    let db: &'d Db = db;
    Ok(keys
        .map(|key| match db.view(key) {
            Some(ValueRef::Set(set)) => Some(set),
            _ => None,
        })
        .collect())
}

fn intersect(sets: Operands<'_>, visit: &mut dyn FnMut(StrRef<'_>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else {
        return;
    };
    sets.sort_by_key(|set| set.len());
    sets.dedup_by(|a, b| ptr::eq(*a, *b));
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    let mut common = smallest
        .iter()
        .filter(|member| others.iter().all(|set| set.holds(*member)));
    while common.next().is_some_and(&mut *visit) {}
}

/// A set, and those whose members it loses; none if it is empty or loses all.
fn minuend<'a>(sets: &[Option<&'a Set>]) -> Option<(&'a Set, Vec<&'a Set>)> {
    let (first, others) = sets.split_first()?;
    let first = (*first)?;
    let others: Vec<&Set> = others.iter().copied().flatten().collect();
    let is_first = |set: &&Set| ptr::eq(*set, first);
    (!others.iter().any(is_first)).then_some((first, others))
}

/// Whether to ask all other sets about each member of the first looks like less work than to go through the members of all.
/// Redis's reckoning, for what is stored keeps the form that the first set needed where its members are gone through.
fn asks(first: &Set, others: &[&Set]) -> bool {
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    let all = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    asking <= all
}

fn subtract(sets: Operands<'_>, visit: &mut dyn FnMut(StrRef<'_>) -> bool) {
    let Some((first, mut others)) = minuend(&sets) else {
        return;
    };
    if asks(first, &others) {
        others.sort_by_key(|set| Reverse(set.len()));
        let mut rest = first
            .iter()
            .filter(|member| !others.iter().any(|set| set.holds(*member)));
        while rest.next().is_some_and(&mut *visit) {}
        return;
    }
    let members = others.iter().flat_map(|set| set.iter());
    let gone: HashSet<Vec<u8>> = members
        .filter(|member| first.holds(*member))
        .map(StrRef::to_vec)
        .collect();
    let mut digits = Itoa::new();
    let mut rest = first
        .iter()
        .filter(|member| !gone.contains(member.bytes(&mut digits)));
    while rest.next().is_some_and(&mut *visit) {}
}

/// Each member once.
fn unite(sets: Operands<'_>, visit: &mut dyn FnMut(StrRef<'_>) -> bool) {
    let mut sets: Vec<&Set> = sets.into_iter().flatten().collect();
    sets.sort_by_key(|set| Reverse(set.len()));
    if sets.len() <= ASKED_MAX {
        for (at, set) in sets.iter().enumerate() {
            let is_new = |member: &StrRef<'_>| !sets[..at].iter().any(|set| set.holds(*member));
            set.iter().filter(is_new).all(&mut *visit);
        }
        return;
    }
    let mut written = HashSet::new();
    for member in sets.iter().skip(1).flat_map(|set| set.iter()) {
        if !sets[0].holds(member) && written.insert(member.to_vec()) {
            visit(member);
        }
    }
    sets[0].iter().all(visit);
}
