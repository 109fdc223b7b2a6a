//! Setting, counting up and deleting fields.

use almandine_protocol::number::{self, Infinite, Itoa, LongDouble};
use almandine_storage::StrRef;

use super::super::{Call, Class, Fault, Outcome, element};

const NOT_INTEGER: Fault = Fault::new("ERR hash value is not an integer");
const NOT_FLOAT: Fault = Fault::new("ERR hash value is not a float");
const INFINITE: Fault = Fault::new("ERR value is NaN or Infinity");
const FIELDS_MISSING: Fault =
    Fault::new("ERR Mandatory argument FIELDS is missing or not at the right position");
const NUMFIELDS_NOT_POSITIVE: Fault = Fault::new("ERR Number of fields must be a positive integer");
const NUMFIELDS_MISMATCH: Fault =
    Fault::new("ERR The `numfields` parameter must match the number of arguments");

pub(super) fn hset(call: &mut Call<'_>) -> Outcome {
    let added = set_fields(call)?;
    call.reply.length(added);
    Ok(())
}

pub(super) fn hmset(call: &mut Call<'_>) -> Outcome {
    set_fields(call)?;
    call.reply.ok();
    Ok(())
}

/// Sets the fields and values from argument 2 on, and says how many fields are new.
fn set_fields(call: &mut Call<'_>) -> Result<usize, Fault> {
    let (key, count) = (call.args.at(1), call.args.len() - 2);
    if count % 2 == 1 {
        return Err(Fault::arity(call.command.name));
    }
    let (limits, rng) = (call.thresholds, &mut *call.rng);
    let hash = call.dbs[call.db].hash_or_create(key)?;
    let longest = call.args.from(2).map(<[u8]>::len).max().unwrap_or(0);
    hash.expect(count / 2, longest, limits, rng);
    let mut added = 0;
    for at in (2..call.args.len()).step_by(2) {
        let is_new = hash.set(call.args.at(at), call.args.at(at + 1), limits, rng);
        added += usize::from(is_new);
    }
    call.changes
        .modified_by(count / 2, call.db, key, Class::HASH, "hset");
    Ok(added)
}

pub(super) fn hsetnx(call: &mut Call<'_>) -> Outcome {
    let (key, field, value) = (call.args.at(1), call.args.at(2), call.args.at(3));
    let hash = call.dbs[call.db].hash_or_create(key)?;
    let is_new = !hash.contains(field);
    if is_new {
        hash.set(field, value, call.thresholds, call.rng);
        call.changes.modified(call.db, key, Class::HASH, "hset");
    }
    call.reply.length(usize::from(is_new));
    Ok(())
}

pub(super) fn hincrby(call: &mut Call<'_>) -> Outcome {
    let (key, field, increment) = (call.args.at(1), call.args.at(2), call.args.integer(3)?);
    let hash = call.dbs[call.db].hash_or_create(key)?;
    let old = match hash.get(field) {
        None => 0,
        Some(StrRef::Int(n)) => n,
        Some(StrRef::Bytes(bytes)) => number::parse_i64(bytes).ok_or(NOT_INTEGER)?,
    };
    let new = old
        .checked_add(increment)
        .ok_or(Fault::INCREMENT_OVERFLOW)?;
    hash.set(
        field,
        Itoa::new().format(new).as_bytes(),
        call.thresholds,
        call.rng,
    );
    call.changes.modified(call.db, key, Class::HASH, "hincrby");
    call.reply.integer(new);
    Ok(())
}

pub(super) fn hincrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, field, increment) = (call.args.at(1), call.args.at(2), call.args.at(3));
    if LongDouble::is_infinity(increment) {
        return Err(INFINITE);
    }
    let increment = LongDouble::parse(increment).ok_or(Fault::NOT_FLOAT)?;
    let hash = call.dbs[call.db].hash_or_create(key)?;
    let sum = match hash.get(field) {
        None => increment,
        Some(old) => {
            let mut digits = Itoa::new();
            let old = old.bytes(&mut digits);
            if LongDouble::is_infinity(old) {
                return Err(Fault::INCREMENT_NAN);
            }
            let old = LongDouble::parse(old).ok_or(NOT_FLOAT)?;
            old.plus(increment)
                .map_err(|Infinite| Fault::INCREMENT_NAN)?
        }
    };
    let new = sum.to_string();
    hash.set(field, new.as_bytes(), call.thresholds, call.rng);
    call.changes
        .modified(call.db, key, Class::HASH, "hincrbyfloat");
    call.changes.journal(&[b"HSET", key, field, new.as_bytes()]);
    call.reply.bulk(new.as_bytes());
    Ok(())
}

pub(super) fn hdel(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    let Some(hash) = call.dbs[call.db].hash_mut(key)? else {
        call.reply.length(0);
        return Ok(());
    };
    let deleted = call.args.from(2).filter(|field| hash.remove(field)).count();
    deleted_fields(call, deleted);
    call.reply.length(deleted);
    Ok(())
}

pub(super) fn hgetdel(call: &mut Call<'_>) -> Outcome {
    let (key, args) = (call.args.at(1), call.args);
    let hash = call.dbs[call.db].hash_mut(key)?;
    if !args.is(2, "fields") {
        return Err(FIELDS_MISSING);
    }
    let count = args
        .integer(3)
        .ok()
        .filter(|count| *count > 0)
        .ok_or(NUMFIELDS_NOT_POSITIVE)?;
    if usize::try_from(count) != Ok(args.len() - 4) {
        return Err(NUMFIELDS_MISMATCH);
    }
    call.reply.array(args.len() - 4);
    let Some(hash) = hash else {
        args.from(4).for_each(|_| call.reply.null());
        return Ok(());
    };
    let mut deleted = 0;
    for field in args.from(4) {
        element::bulk_or_null(&mut call.reply, hash.get(field));
        deleted += usize::from(hash.remove(field));
    }
    deleted_fields(call, deleted);
    if deleted > 0 {
        let command: Vec<&[u8]> = [b"HDEL", key].into_iter().chain(args.from(4)).collect();
        call.changes.journal(&command);
    }
    Ok(())
}

/// Fields of the hash at argument 1 were deleted; so is the hash when none is left.
fn deleted_fields(call: &mut Call<'_>, deleted: usize) {
    let key = call.args.at(1);
    if deleted > 0 {
        call.changes
            .modified_by(deleted, call.db, key, Class::HASH, "hdel");
        if call.dbs[call.db].remove_if_empty(key) {
            call.changes.notify(call.db, key, Class::GENERIC, "del");
        }
    }
}
