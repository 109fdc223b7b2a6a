//! Asking for fields and values.

use almandine_protocol::{Reply, Version, number::Itoa};
use almandine_storage::{Hash, StrRef};

use super::super::random::{Count, repeat};
use super::super::scan::{self, Options, Subject};
use super::super::{Call, Fault, Outcome, element};

pub(super) fn hget(call: &mut Call<'_>) -> Outcome {
    let hash = call.dbs[call.db].hash(call.args.at(1))?;
    let value = hash.and_then(|hash| hash.get(call.args.at(2)));
    element::bulk_or_null(&mut call.reply, value);
    Ok(())
}

pub(super) fn hmget(call: &mut Call<'_>) -> Outcome {
    let hash = call.dbs[call.db].hash(call.args.at(1))?;
    call.reply.array(call.args.len() - 2);
    for field in call.args.from(2) {
        let value = hash.and_then(|hash| hash.get(field));
        element::bulk_or_null(&mut call.reply, value);
    }
    Ok(())
}

pub(super) fn hexists(call: &mut Call<'_>) -> Outcome {
    let hash = call.dbs[call.db].hash(call.args.at(1))?;
    let exists = hash.is_some_and(|hash| hash.contains(call.args.at(2)));
    call.reply.length(usize::from(exists));
    Ok(())
}

pub(super) fn hlen(call: &mut Call<'_>) -> Outcome {
    let hash = call.dbs[call.db].hash(call.args.at(1))?;
    call.reply.length(hash.map_or(0, Hash::len));
    Ok(())
}

pub(super) fn hstrlen(call: &mut Call<'_>) -> Outcome {
    let hash = call.dbs[call.db].hash(call.args.at(1))?;
    let value = hash.and_then(|hash| hash.get(call.args.at(2)));
    call.reply.length(value.map_or(0, StrRef::len));
    Ok(())
}

pub(super) fn hgetall(call: &mut Call<'_>) -> Outcome {
    let Some(hash) = call.dbs[call.db].hash(call.args.at(1))? else {
        call.reply.map(0);
        return Ok(());
    };
    call.reply.map(hash.len());
    for (field, value) in hash {
        element::bulk(&mut call.reply, field);
        element::bulk(&mut call.reply, value);
    }
    Ok(())
}

pub(super) fn hkeys(call: &mut Call<'_>) -> Outcome {
    let Some(hash) = call.dbs[call.db].hash(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(hash.len());
    hash.iter()
        .for_each(|(field, _)| element::bulk(&mut call.reply, field));
    Ok(())
}

pub(super) fn hvals(call: &mut Call<'_>) -> Outcome {
    let Some(hash) = call.dbs[call.db].hash(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(hash.len());
    hash.iter()
        .for_each(|(_, value)| element::bulk(&mut call.reply, value));
    Ok(())
}

pub(super) fn hscan(call: &mut Call<'_>) -> Outcome {
    let cursor = scan::cursor(call.args.at(2))?;
    let Some(hash) = call.dbs[call.db].hash(call.args.at(1))? else {
        scan::no_page(&mut call.reply);
        return Ok(());
    };
    let options = Options::parse(call.args, 3, Subject::Fields)?;
    let mut digits = Itoa::new();
    options.page(&mut call.reply, cursor, |cursor, page| {
        hash.scan(cursor, &mut |field, value| {
            page.pair(field.bytes(&mut digits), |reply| {
                element::bulk(reply, value)
            });
        })
    });
    Ok(())
}

pub(super) fn hrandfield(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 2 {
        let hash = call.dbs[call.db].hash(call.args.at(1))?;
        let field = hash.and_then(|hash| hash.random(call.rng));
        element::bulk_or_null(&mut call.reply, field.map(|(field, _)| field));
        return Ok(());
    }
    let count = Count::parse(call.args, 2)?;
    let values = call.args.len() > 3;
    if values && (call.args.len() > 4 || !call.args.is(3, "withvalues")) {
        return Err(Fault::SYNTAX);
    }
    if values && count.size() > i64::MAX as usize / 2 {
        return Err(Fault::OUT_OF_RANGE);
    }
    let Some(hash) = call.dbs[call.db].hash(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let length = match count {
        Count::Distinct(count) => count.min(hash.len()),
        Count::Repeated(count) => count,
    };
    let shape = Shape::of(values, call.reply.version());
    shape.begin(&mut call.reply, length);
    match count {
        Count::Distinct(_) => {
            let reply = &mut call.reply;
            hash.sample(length, call.rng, &mut |(field, value)| {
                shape.write(reply, field, value)
            });
            Ok(())
        }
        Count::Repeated(_) => repeat(&mut call.reply, length, |reply| {
            if let Some((field, value)) = hash.random(call.rng) {
                shape.write(reply, field, value);
            }
        }),
    }
}

/// How HRANDFIELD lays fields and values out.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Fields,
    /// Fields and values in one row.
    Flat,
    /// An array of two for each field, as RESP3 has it.
    Pairs,
}

impl Shape {
    fn of(values: bool, version: Version) -> Self {
        match version {
            _ if !values => Shape::Fields,
            Version::Resp2 => Shape::Flat,
            Version::Resp3 => Shape::Pairs,
        }
    }

    fn begin(self, reply: &mut Reply<'_>, fields: usize) {
        match self {
            Shape::Fields | Shape::Pairs => reply.array(fields),
            Shape::Flat => reply.array(fields * 2),
        }
    }

    fn write(self, reply: &mut Reply<'_>, field: StrRef<'_>, value: StrRef<'_>) {
        if matches!(self, Shape::Pairs) {
            reply.array(2);
        }
        element::bulk(reply, field);
        if !matches!(self, Shape::Fields) {
            element::bulk(reply, value);
        }
    }
}
