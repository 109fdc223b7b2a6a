//! How long keys live.

use crate::commands::expiry::Form;
use crate::commands::{Args, Call, Class, Fault, Outcome};

/// NX, XX, GT, LT.
#[derive(Debug, Clone, Copy, Default)]
struct Conditions {
    if_none: bool,
    if_some: bool,
    if_later: bool,
    if_earlier: bool,
}

pub(super) fn expire(call: &mut Call<'_>) -> Outcome {
    set(call, Form::Seconds)
}

pub(super) fn pexpire(call: &mut Call<'_>) -> Outcome {
    set(call, Form::Millis)
}

pub(super) fn expireat(call: &mut Call<'_>) -> Outcome {
    set(call, Form::UnixSeconds)
}

pub(super) fn pexpireat(call: &mut Call<'_>) -> Outcome {
    set(call, Form::UnixMillis)
}

fn set(call: &mut Call<'_>, form: Form) -> Outcome {
    let key = call.args.at(1);
    let conditions = Conditions::parse(call.args)?;
    let time = call.args.integer(2)?;
    let at = form
        .unix_ms(time, call.now_ms)
        .ok_or_else(|| Fault::invalid_expire(call.command.name))?;
    let db = &mut call.dbs[call.db];
    let is_wanted = db
        .expire_at_to_change(key)
        .is_some_and(|old| conditions.allow(old, at));
    call.reply.integer(i64::from(is_wanted));
    if !is_wanted {
        return Ok(());
    }
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

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Self, Fault> {
        let mut conditions = Conditions::default();
        for i in 3..args.len() {
            let flag = if args.is(i, "nx") {
                &mut conditions.if_none
            } else if args.is(i, "xx") {
                &mut conditions.if_some
            } else if args.is(i, "gt") {
                &mut conditions.if_later
            } else if args.is(i, "lt") {
                &mut conditions.if_earlier
            } else {
                let option = String::from_utf8_lossy(args.at(i));
                return Err(Fault::text(format!("ERR Unsupported option {option}")));
            };
            *flag = true;
        }
        if conditions.if_none
            && (conditions.if_some || conditions.if_later || conditions.if_earlier)
        {
            return Err(Fault::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if conditions.if_later && conditions.if_earlier {
            return Err(Fault::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(conditions)
    }

    /// A key without expiry lives longer than any.
    fn allow(self, old: Option<i64>, new: i64) -> bool {
        let forbidden = [
            self.if_none && old.is_some(),
            self.if_some && old.is_none(),
            self.if_later && old.is_none_or(|old| new <= old),
            self.if_earlier && old.is_some_and(|old| new >= old),
        ];
        !forbidden.contains(&true)
    }
}

pub(super) fn persist(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let had_expiry = db.expire_at_to_change(key).flatten().is_some();
    if had_expiry {
        db.set_expire_at(key, None);
        call.changes
            .modified(call.db, key, Class::GENERIC, "persist");
    }
    call.reply.integer(i64::from(had_expiry));
    Ok(())
}

pub(super) fn ttl(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.now_ms;
    answer(call, |at| (at - now_ms + 500) / 1000)
}

pub(super) fn pttl(call: &mut Call<'_>) -> Outcome {
    let now_ms = call.now_ms;
    answer(call, |at| at - now_ms)
}

pub(super) fn expiretime(call: &mut Call<'_>) -> Outcome {
    answer(call, |at| (at.saturating_add(500)) / 1000)
}

pub(super) fn pexpiretime(call: &mut Call<'_>) -> Outcome {
    answer(call, |at| at)
}

/// -2 = no such key, -1 = it lives for ever.
fn answer(call: &mut Call<'_>, of: impl Fn(i64) -> i64) -> Outcome {
    let time = match call.dbs[call.db].expire_at(call.args.at(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => of(at),
    };
    call.reply.integer(time);
    Ok(())
}
