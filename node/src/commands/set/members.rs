//! Members of one set: adding, removing, asking.

use super::super::scan::{self, Options, Subject};
use super::super::{Call, Class, Outcome, element};

pub(super) fn sadd(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.args.at(1), call.args.from(2));
    let set = call.dbs[call.db].set_or_create(key)?;
    let (limits, rng) = (call.thresholds, &mut *call.rng);
    set.expect(call.args.at(2), members.len(), limits, rng);
    let added = members
        .filter(|member| set.add(member, limits, rng))
        .count();
    if added > 0 {
        call.changes
            .modified_by(added, call.db, key, Class::SET, "sadd");
    }
    call.reply.length(added);
    Ok(())
}

pub(super) fn srem(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(1);
    let db = &mut call.dbs[call.db];
    let Some(set) = db.set_mut(key)? else {
        call.reply.length(0);
        return Ok(());
    };
    let removed = call
        .args
        .from(2)
        .filter(|member| set.remove(member))
        .count();
    let is_empty = set.is_empty();
    if removed > 0 {
        call.changes
            .modified_by(removed, call.db, key, Class::SET, "srem");
    }
    if is_empty && db.remove_if_empty(key) {
        call.changes.notify(call.db, key, Class::GENERIC, "del");
    }
    call.reply.length(removed);
    Ok(())
}

pub(super) fn smove(call: &mut Call<'_>) -> Outcome {
    let (source, destination, member) = (call.args.at(1), call.args.at(2), call.args.at(3));
    let db = &mut call.dbs[call.db];
    let Some(set) = db.set_mut(source)? else {
        call.reply.length(0);
        return Ok(());
    };
    let is_member = set.contains(member);
    db.set_mut(destination)?;
    if source == destination || !is_member {
        call.reply.length(usize::from(is_member));
        return Ok(());
    }
    if let Some(set) = db.set_mut(source)? {
        set.remove(member);
    }
    call.changes.modified(call.db, source, Class::SET, "srem");
    if db.remove_if_empty(source) {
        call.changes.notify(call.db, source, Class::GENERIC, "del");
    }
    let set = db.set_or_create(destination)?;
    set.expect(member, 1, call.thresholds, call.rng);
    if set.add(member, call.thresholds, call.rng) {
        call.changes
            .modified(call.db, destination, Class::SET, "sadd");
    }
    call.reply.length(1);
    Ok(())
}

pub(super) fn scard(call: &mut Call<'_>) -> Outcome {
    let set = call.dbs[call.db].set(call.args.at(1))?;
    call.reply.length(set.map_or(0, |set| set.len()));
    Ok(())
}

pub(super) fn sismember(call: &mut Call<'_>) -> Outcome {
    let set = call.dbs[call.db].set(call.args.at(1))?;
    let is_member = set.is_some_and(|set| set.contains(call.args.at(2)));
    call.reply.length(usize::from(is_member));
    Ok(())
}

pub(super) fn smismember(call: &mut Call<'_>) -> Outcome {
    let set = call.dbs[call.db].set(call.args.at(1))?;
    let members = call.args.from(2);
    call.reply.array(members.len());
    for member in members {
        let is_member = set.is_some_and(|set| set.contains(member));
        call.reply.length(usize::from(is_member));
    }
    Ok(())
}

pub(super) fn smembers(call: &mut Call<'_>) -> Outcome {
    let Some(set) = call.dbs[call.db].set(call.args.at(1))? else {
        call.reply.set(0);
        return Ok(());
    };
    call.reply.set(set.len());
    set.iter()
        .for_each(|member| element::bulk(&mut call.reply, member));
    Ok(())
}

pub(super) fn sscan(call: &mut Call<'_>) -> Outcome {
    let cursor = scan::cursor(call.args.at(2))?;
    let Some(set) = call.dbs[call.db].set(call.args.at(1))? else {
        scan::no_page(&mut call.reply);
        return Ok(());
    };
    let options = Options::parse(call.args, 3, Subject::Members)?;
    let mut digits = almandine_protocol::number::Itoa::new();
    options.page(&mut call.reply, cursor, |cursor, page| {
        set.scan(cursor, &mut |member| page.member(member.bytes(&mut digits)))
    });
    Ok(())
}
