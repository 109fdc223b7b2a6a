//! What a replica says before the stream flows to it: REPLCONF, PSYNC, SYNC.

use almandine_cluster::id::NodeId;
use almandine_protocol::number;

use crate::commands::{Call, Fault, Outcome};
use crate::journal::Id;
use crate::replication::{Announced, Attachment, Start};
use crate::shard::role::RoleChange;

/// Longest address that a replica may announce, bytes.
const ADDRESS_MAX: usize = 256;

pub(super) fn replconf(call: &mut Call<'_>) -> Outcome {
    if call.args.len().is_multiple_of(2) {
        return Err(Fault::SYNTAX);
    }
    if call.args.is(1, "history") {
        return tell_common(call);
    }
    for i in (1..call.args.len()).step_by(2) {
        // These two are no business of a client's, and never answered.
        if call.args.is(i, "ack") || call.args.is(i, "getack") {
            return Ok(());
        }
        note(call, i)?;
    }
    call.reply.ok();
    Ok(())
}

/// A node that wants to follow asks up to where its stream and ours are the same: what it has beyond that it will lose.
fn tell_common(call: &mut Call<'_>) -> Outcome {
    let printed = std::str::from_utf8(call.args.at(2)).map_err(|_| Fault::SYNTAX)?;
    let journal = &call.node.journal;
    let common = journal.history().common(journal.offset(), printed);
    match common.map_err(|_| Fault::SYNTAX)? {
        Some(offset) => call.reply.simple(&offset.to_string()),
        None => call.reply.simple("none"),
    }
    Ok(())
}

/// The option at argument `i` and its value.
fn note(call: &mut Call<'_>, i: usize) -> Outcome {
    let (args, value) = (call.args, call.args.at(i + 1));
    let announced = call.session.announced.get_or_insert_default();
    if args.is(i, "listening-port") {
        let port = args.integer(i + 1)?;
        announced.port = u16::try_from(port).map_err(|_| Fault::NOT_INTEGER)?;
    } else if args.is(i, "ip-address") {
        if value.len() >= ADDRESS_MAX {
            return Err(Fault::text(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
        let ip = String::from_utf8_lossy(value).into_owned();
        announced.ip = (!ip.is_empty()).then_some(ip);
    } else if args.is(i, "capa") {
        // Those that are not known are those of later versions.
        announced.finds_end |= value.eq_ignore_ascii_case(b"eof");
        announced.takes_id |= value.eq_ignore_ascii_case(b"psync2");
    } else if args.is(i, "node-id") && call.node.cluster.is_some() {
        let name = std::str::from_utf8(value).ok();
        let name = name.and_then(|name| name.parse::<NodeId>().ok());
        announced.node = Some(name.ok_or(Fault::SYNTAX)?);
    } else if args.is(i, "rdb-only") {
        let wanted = args.integer(i + 1)?;
        if !(0..=1).contains(&wanted) {
            return Err(Fault::text(
                "ERR value is out of range, value must between 0 and 1",
            ));
        }
        announced.only_copy = wanted == 1;
    } else if !args.is(i, "version") {
        let quoted = String::from_utf8_lossy(args.at(i));
        return Err(Fault::text(format!(
            "ERR Unrecognized REPLCONF option: {quoted}"
        )));
    }
    Ok(())
}

pub(super) fn sync(call: &mut Call<'_>) -> Outcome {
    attach(call, Start::Plain)
}

pub(super) fn psync(call: &mut Call<'_>) -> Outcome {
    let id = std::str::from_utf8(call.args.at(1)).ok();
    let id = id.and_then(|id| id.parse::<Id>().ok());
    if call.args.is(3, "failover") {
        take_over(call, id)?;
    }
    let next = number::parse_i64(call.args.at(2)).ok_or(Fault::NOT_INTEGER)?;
    // The first byte has the number 1.
    let offset = u64::try_from(next)
        .ok()
        .and_then(|next| next.checked_sub(1));
    attach(
        call,
        match id.zip(offset) {
            Some((id, offset)) => Start::At(id, offset),
            None => Start::Copy,
        },
    )
}

/// Our primary wants us in its place: it has stopped, and we have all that it had.
fn take_over(call: &mut Call<'_>, id: Option<Id>) -> Outcome {
    if !call.node.replication.is_replica() {
        return Err(Fault::new("ERR PSYNC FAILOVER can't be sent to a master."));
    }
    if id != Some(call.node.journal.history().id()) {
        return Err(Fault::new(
            "ERR PSYNC FAILOVER replid must match my replid.",
        ));
    }
    tracing::info!("Failover request was accepted, this node is a primary now");
    RoleChange::of(call).lead();
    Ok(())
}

/// The connection ends as that of a client, and goes on as that of a replica.
fn attach(call: &mut Call<'_>, start: Start) -> Outcome {
    if call.node.replication.is_failing_over() {
        return Err(Fault::new("NOMASTERLINK Can't SYNC while failing over"));
    }
    if call.node.replication.standing().is_cut_off {
        return Err(Fault::new(
            "NOMASTERLINK Can't SYNC while not connected with my master",
        ));
    }
    let cluster = call.node.cluster.as_ref();
    if cluster.is_some_and(|cluster| cluster.is_whole() == Some(false)) {
        // Nobody is to copy what is left: others have more.
        return Err(Fault::new(
            "NOMASTERLINK Can't SYNC while the data of this node is incomplete",
        ));
    }
    let announced = call.session.announced.take();
    call.session.attachment = Some(Box::new(Attachment {
        announced: announced.map_or_else(Announced::default, |announced| *announced),
        start,
    }));
    call.session.closing = true;
    Ok(())
}
