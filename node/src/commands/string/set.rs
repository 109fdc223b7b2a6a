//! SET and the commands that are short for it.

use almandine_storage::{StrRef, Ttl, WrongType};

use super::SHARED_FROM;
use crate::commands::expiry::{self, Form};
use crate::commands::{Args, Call, Class, Fault, Outcome};

/// When SET writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition<'a> {
    Always,
    IfMissing,
    IfPresent,
    IfEqual(&'a [u8]),
}

/// What follows the value.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pub(super) condition: Condition<'a>,
    pub(super) get: bool,
    pub(super) ttl: Ttl,
}

impl<'a> Options<'a> {
    /// The options from argument `i` on; `command` is named by errors. GET and IFEQ are SET's alone.
    pub(super) fn parse(
        args: Args<'a>,
        mut i: usize,
        now_ms: i64,
        command: &str,
    ) -> Result<Self, Fault> {
        let is_set = command == "set";
        let (mut condition, mut get, mut keep, mut time) = (Condition::Always, false, false, None);
        while i < args.len() {
            // An option may be said twice; only different ones exclude each other.
            let is_free = |wanted| condition == Condition::Always || condition == wanted;
            if args.is(i, "nx") && is_free(Condition::IfMissing) {
                condition = Condition::IfMissing;
            } else if args.is(i, "xx") && is_free(Condition::IfPresent) {
                condition = Condition::IfPresent;
            } else if args.is(i, "ifeq")
                && is_free(Condition::Always)
                && is_set
                && i + 1 < args.len()
            {
                condition = Condition::IfEqual(args.at(i + 1));
                i += 1;
            } else if args.is(i, "get") && is_set {
                get = true;
            } else if args.is(i, "keepttl") && time.is_none() {
                keep = true;
            } else if let Some(form) = Form::parse(args, i)
                && !keep
                && time.is_none_or(|(other, _)| other == form)
                && i + 1 < args.len()
            {
                time = Some((form, i + 1));
                i += 1;
            } else {
                return Err(Fault::SYNTAX);
            }
            i += 1;
        }
        let ttl = match time {
            Some((form, at)) => Ttl::At(expiry::positive(args, at, form, now_ms, command)?),
            None if keep => Ttl::Keep,
            None => Ttl::Clear,
        };
        Ok(Options {
            condition,
            get,
            ttl,
        })
    }
}

/// SET key value, the common case, has no options to parse.
pub(super) fn set(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 3 {
        store(call, call.args.at(1), call.args.at(2), Ttl::Clear);
        call.reply.ok();
        return Ok(());
    }
    let options = Options::parse(call.args, 3, call.now_ms, "set")?;
    let (key, value) = (call.args.at(1), call.args.at(2));
    let db = &mut call.dbs[call.db];
    let is_allowed = match options.condition {
        Condition::Always => true,
        Condition::IfMissing => !db.touch(key),
        Condition::IfPresent => db.contains(key),
        Condition::IfEqual(expected) => holds(db.string(key)?, expected),
    };
    if options.get {
        match db.string(key)? {
            None => call.reply.null(),
            Some(StrRef::Int(n)) => call.reply.bulk_integer(n),
            Some(StrRef::Bytes(bytes)) => call.reply.bulk(bytes),
        }
    }
    if is_allowed {
        store(call, key, value, options.ttl);
        // Redis before 8.4 does not know the condition, and an absolute time is journalled already.
        let is_journalled = matches!(options.ttl, Ttl::At(_));
        if matches!(options.condition, Condition::IfEqual(_)) && !is_journalled {
            journal(call, key, value, options.ttl);
        }
    }
    match (options.get, is_allowed) {
        (true, _) => {}
        (false, true) => call.reply.ok(),
        (false, false) => call.reply.null(),
    }
    Ok(())
}

/// Whether a string is there and has these bytes.
pub(super) fn holds(value: Option<StrRef<'_>>, expected: &[u8]) -> bool {
    value.is_some_and(|value| value.bytes(&mut itoa::Buffer::new()) == expected)
}

/// Writes a string and tells everybody; a relative time is journalled as an absolute one.
pub(super) fn store(call: &mut Call<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    let db = &mut call.dbs[call.db];
    match &call.session.whole {
        Some(whole) if value.len() >= SHARED_FROM => match whole.share(value) {
            Some(value) => db.set_shared(key, value, ttl),
            None => db.set_string(key, value, ttl),
        },
        _ => db.set_string(key, value, ttl),
    }
    call.changes.modified(call.db, key, Class::STRING, "set");
    if matches!(ttl, Ttl::At(_)) {
        call.changes.notify(call.db, key, Class::GENERIC, "expire");
        journal(call, key, value, ttl);
    }
}

/// A write in words that every server knows, whatever the request was.
fn journal(call: &mut Call<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    match ttl {
        Ttl::At(at) => call.changes.journal(&[
            b"SET",
            key,
            value,
            b"PXAT",
            itoa::Buffer::new().format(at).as_bytes(),
        ]),
        Ttl::Keep => call.changes.journal(&[b"SET", key, value, b"KEEPTTL"]),
        Ttl::Clear => call.changes.journal(&[b"SET", key, value]),
    }
}

pub(super) fn setnx(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.args.at(1), call.args.at(2));
    let is_missing = !call.db().touch(key);
    if is_missing {
        store(call, key, value, Ttl::Clear);
    }
    call.reply.integer(i64::from(is_missing));
    Ok(())
}

pub(super) fn setex(call: &mut Call<'_>) -> Outcome {
    set_for(call, Form::Seconds)
}

pub(super) fn psetex(call: &mut Call<'_>) -> Outcome {
    set_for(call, Form::Millis)
}

fn set_for(call: &mut Call<'_>, form: Form) -> Outcome {
    let at = expiry::positive(call.args, 2, form, call.now_ms, call.command.name)?;
    store(call, call.args.at(1), call.args.at(3), Ttl::At(at));
    call.reply.ok();
    Ok(())
}

pub(super) fn getset(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.args.at(1), call.args.at(2));
    super::get(call)?;
    store(call, key, value, Ttl::Clear);
    call.changes.journal(&[b"SET", key, value]);
    Ok(())
}

pub(super) fn getdel(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    super::get(call)?;
    if call.db().delete(key) {
        call.changes.modified(call.db, key, Class::GENERIC, "del");
        call.changes.journal(&[b"DEL", key]);
    }
    Ok(())
}

pub(super) fn getex(call: &mut Call<'_>) -> Outcome {
    let (args, key) = (call.args, call.args.at(1));
    let wish = Wish::parse(args)?;
    super::get(call)?;
    let db = &mut call.dbs[call.db];
    let Some(old) = db.expire_at(key) else {
        return Ok(());
    };
    let at = match wish {
        Wish::Keep => return Ok(()),
        Wish::Persist if old.is_none() => return Ok(()),
        Wish::Persist => {
            db.set_expire_at(key, None);
            call.changes
                .modified(call.db, key, Class::GENERIC, "persist");
            call.changes.journal(&[b"PERSIST", key]);
            return Ok(());
        }
        Wish::Time(form, i) => expiry::positive(args, i, form, call.now_ms, "getex")?,
    };
    if at <= call.now_ms {
        db.delete(key);
        call.changes.modified(call.db, key, Class::GENERIC, "del");
        call.changes.journal(&[b"DEL", key]);
    } else {
        db.set_expire_at(key, Some(at));
        call.changes
            .modified(call.db, key, Class::GENERIC, "expire");
        call.changes
            .journal(&[b"PEXPIREAT", key, itoa::Buffer::new().format(at).as_bytes()]);
    }
    Ok(())
}

/// What GETEX does to the time to live.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Keep,
    Persist,
    /// The time in this argument, which is read only if there is a key.
    Time(Form, usize),
}

impl Wish {
    fn parse(args: Args<'_>) -> Result<Self, Fault> {
        let (mut wish, mut i) = (Wish::Keep, 2);
        while i < args.len() {
            wish = match (wish, Form::parse(args, i)) {
                (Wish::Keep | Wish::Persist, None) if args.is(i, "persist") => Wish::Persist,
                (Wish::Keep, Some(form)) if i + 1 < args.len() => Wish::Time(form, i + 1),
                (Wish::Time(other, _), Some(form)) if form == other && i + 1 < args.len() => {
                    Wish::Time(form, i + 1)
                }
                _ => return Err(Fault::SYNTAX),
            };
            i += if matches!(wish, Wish::Time(..)) { 2 } else { 1 };
        }
        Ok(wish)
    }
}

pub(super) fn mset(call: &mut Call<'_>) -> Outcome {
    check_pairs(call)?;
    set_pairs(call);
    call.reply.ok();
    Ok(())
}

pub(super) fn msetnx(call: &mut Call<'_>) -> Outcome {
    check_pairs(call)?;
    let (args, db) = (call.args, &mut call.dbs[call.db]);
    let is_free = args.from(1).step_by(2).all(|key| !db.touch(key));
    if is_free {
        set_pairs(call);
    }
    call.reply.integer(i64::from(is_free));
    Ok(())
}

fn check_pairs(call: &Call<'_>) -> Result<(), Fault> {
    if call.args.len() % 2 == 1 {
        Ok(())
    } else {
        Err(Fault::arity(call.command.name))
    }
}

fn set_pairs(call: &mut Call<'_>) {
    call.for_keys(1, 2, |call, key, i| {
        call.dbs[call.db].set_string(key, call.args.at(i + 1), Ttl::Clear);
        call.changes.modified(call.db, key, Class::STRING, "set");
    });
}

/// Valkey 9.1: MSET with the conditions and the time to live of SET, all keys or none.
pub(super) fn msetex(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let count = args
        .integer(1)
        .ok()
        .filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(Fault::new("ERR invalid numkeys value or out of range"))? as usize;
    let options_at = count
        .checked_mul(2)
        .and_then(|words| words.checked_add(2))
        .filter(|at| *at <= args.len());
    let options_at = options_at.ok_or(Fault::SYNTAX)?;
    let options = Options::parse(args, options_at, call.now_ms, "msetex")?;
    let db = &mut call.dbs[call.db];
    let is_allowed = (2..options_at).step_by(2).all(|i| match options.condition {
        Condition::IfMissing => !db.touch(args.at(i)),
        Condition::IfPresent => db.contains(args.at(i)),
        _ => true,
    });
    for i in (2..options_at).step_by(2).filter(|_| is_allowed) {
        let (key, value) = (args.at(i), args.at(i + 1));
        call.dbs[call.db].set_string(key, value, options.ttl);
        call.changes.modified(call.db, key, Class::STRING, "set");
        if matches!(options.ttl, Ttl::At(_)) {
            call.changes.notify(call.db, key, Class::GENERIC, "expire");
        }
        journal(call, key, value, options.ttl);
    }
    call.reply.integer(i64::from(is_allowed));
    Ok(())
}

/// Valkey 9.0: removes a string that has these bytes.
pub(super) fn delifeq(call: &mut Call<'_>) -> Outcome {
    let (key, expected) = (call.args.at(1), call.args.at(2));
    let db = &mut call.dbs[call.db];
    let is_equal = holds(
        db.string(key).map_err(|WrongType| Fault::WRONG_TYPE)?,
        expected,
    );
    if is_equal {
        db.delete(key);
        call.changes.modified(call.db, key, Class::GENERIC, "del");
        call.changes.journal(&[b"DEL", key]);
    }
    call.reply.integer(i64::from(is_equal));
    Ok(())
}
