//! Who is in the cluster, who follows whom, epochs.

use std::net::IpAddr;

use almandine_cluster::topology::Change;
use almandine_protocol::number;

use super::{myself, named, propose, topology, unknown};
use crate::actors::config::messages::{Force, Wanted};
use crate::commands::table::wrong_subcommand_syntax;
use crate::commands::{Call, Fault, Outcome};
use crate::params::BUS_OFFSET;

/// Inside a transaction the other node is not in the draft: whether it comes is decided by both.
pub(super) fn meet(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    let args = call.args;
    if args.len() > 5 {
        return Err(wrong_subcommand_syntax(args));
    }
    let port = number::parse_i64(args.at(3))
        .ok_or_else(|| Fault::quoting("ERR Invalid base port specified: ", args.at(3), ""))?;
    let bus_port = match args.get(4) {
        None => port.checked_add(BUS_OFFSET.into()),
        Some(text) => Some(
            number::parse_i64(text)
                .ok_or_else(|| Fault::quoting("ERR Invalid bus port specified: ", text, ""))?,
        ),
    };
    let ip = std::str::from_utf8(args.at(2)).ok();
    let ip = ip.and_then(|text| text.parse::<IpAddr>().ok());
    let is_port = (1..=i64::from(u16::MAX)).contains(&port);
    let bus_port = bus_port.and_then(|port| u16::try_from(port).ok());
    let bus_port = bus_port.filter(|port| *port > 0 && is_port);
    let Some((ip, bus_port)) = ip.zip(bus_port) else {
        let place = [args.at(2), b":", args.at(3)].concat();
        return Err(Fault::quoting(
            "ERR Invalid node address specified: ",
            &place,
            "",
        ));
    };
    call.seat.want(Wanted::Meet { ip, bus_port });
    call.reply.ok();
    Ok(())
}

pub(super) fn forget(call: &mut Call<'_>) -> Outcome {
    let by = myself(call)?;
    let node = named(call.args, 2).ok_or_else(|| unknown(call.args, 2))?;
    call.seat.forget(by, node)?;
    call.reply.ok();
    Ok(())
}

pub(super) fn replicate(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    let primary = named(call.args, 2).ok_or_else(|| unknown(call.args, 2))?;
    let topology = topology(call)?;
    let is_another = node != primary && topology.leads(primary);
    if is_another && topology.owns_keys(node) && !call.dbs[0].is_empty() {
        return Err(Fault::new(
            "ERR To set a master the node must be empty and without assigned slots.",
        ));
    }
    propose(call, Change::Replicate { node, primary })
}

/// A transaction cannot go on in a cluster that its node has left.
pub(super) fn reset(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    let args = call.args;
    let is_hard = match args.len() {
        2 => false,
        3 if args.is(2, "hard") => true,
        3 if args.is(2, "soft") => false,
        3 => return Err(Fault::SYNTAX),
        _ => return Err(wrong_subcommand_syntax(args)),
    };
    if call.in_exec {
        let text = "ERR CLUSTER RESET is not allowed in transactions";
        return Err(Fault::new(text));
    }
    let owns_keys = topology(call)?.owns_keys(node);
    if owns_keys && !call.dbs[0].is_empty() {
        return Err(Fault::new(
            "ERR CLUSTER RESET can't be called with master nodes containing keys",
        ));
    }
    call.seat.want(Wanted::Reset {
        is_hard,
        gives_keys_up: !owns_keys,
    });
    call.reply.ok();
    Ok(())
}

/// The answer comes when it is done: `+OK` means that this node leads.
pub(super) fn failover(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    let args = call.args;
    let force = match args.len() {
        2 => Force::None,
        3 if args.is(2, "force") => Force::Force,
        3 if args.is(2, "takeover") => Force::Takeover,
        3 if args.is(2, "abort") => {
            // Either end of a hand-over may give it up.
            call.seat.want(Wanted::AbortFailover);
            call.reply.ok();
            return Ok(());
        }
        3 => return Err(Fault::SYNTAX),
        _ => return Err(wrong_subcommand_syntax(args)),
    };
    // A primary that has lost the majority goes on alone if it is told to take over.
    if topology(call)?.leads(node) && force != Force::Takeover {
        let text = "ERR You should send CLUSTER FAILOVER to a replica";
        return Err(Fault::new(text));
    }
    call.seat.want(Wanted::FailOver(force));
    call.reply.ok();
    Ok(())
}

pub(super) fn set_config_epoch(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    let epoch = call.args.integer(2)?;
    let Ok(epoch) = u64::try_from(epoch) else {
        return Err(Fault::text(format!(
            "ERR Invalid config epoch specified: {epoch}"
        )));
    };
    propose(call, Change::SetConfigEpoch { node, epoch })
}

pub(super) fn bumpepoch(call: &mut Call<'_>) -> Outcome {
    let node = myself(call)?;
    propose(call, Change::BumpEpoch { node })
}

pub(super) fn saveconfig(call: &mut Call<'_>) -> Outcome {
    myself(call)?;
    call.seat.want(Wanted::Save);
    call.reply.ok();
    Ok(())
}
