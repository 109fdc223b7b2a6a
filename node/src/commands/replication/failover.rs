//! FAILOVER: one of the replicas takes the node's place.

use crate::actors::replication::messages::FailOver;
use crate::commands::{Call, Fault, Outcome};
use crate::replication::{Plan, ReplicaState};
use crate::shard::role::RoleChange;

pub(super) fn failover(call: &mut Call<'_>) -> Outcome {
    if call.node.cluster.is_some() {
        return Err(Fault::new(
            "ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
        ));
    }
    let is_on = call.node.replication.is_failing_over();
    if call.args.len() == 2 && call.args.is(1, "abort") {
        if !is_on {
            return Err(Fault::new("ERR No failover in progress."));
        }
        RoleChange::of(call).abort_failover("Failover manually aborted");
        call.reply.ok();
        return Ok(());
    }
    let (target, timeout_ms, is_forced) = parse(call)?;
    if is_on {
        return Err(Fault::new("ERR FAILOVER already in progress."));
    }
    let replication = &call.node.replication;
    if replication.is_replica() {
        return Err(Fault::new(
            "ERR FAILOVER is not valid when server is a replica.",
        ));
    }
    if !replication.has_replicas() {
        return Err(Fault::new("ERR FAILOVER requires connected replicas."));
    }
    if is_forced && (timeout_ms.is_none() || target.is_none()) {
        return Err(Fault::new(
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
        ));
    }
    let target = target
        .map(|(host, port)| check(call, host, port))
        .transpose()?;
    let plan = Plan {
        target,
        deadline_ms: timeout_ms.map(|timeout_ms| call.now_ms.saturating_add(timeout_ms)),
        is_forced,
    };
    RoleChange::of(call).begin_failover(plan);
    if let Some(replicator) = call.node.replicator.get() {
        replicator.do_send(FailOver);
    }
    call.reply.ok();
    Ok(())
}

/// `[TO host port [FORCE]] [TIMEOUT ms]`, in any order as Redis takes them.
type Options = (Option<(String, i64)>, Option<i64>, bool);

fn parse(call: &Call<'_>) -> Result<Options, Fault> {
    let args = call.args;
    let (mut target, mut timeout_ms, mut is_forced) = (None, None, false);
    let mut i = 1;
    while i < args.len() {
        if args.is(i, "timeout") && i + 1 < args.len() && timeout_ms.is_none() {
            let timeout = args.integer(i + 1)?;
            if timeout <= 0 {
                return Err(Fault::new("ERR FAILOVER timeout must be greater than 0"));
            }
            timeout_ms = Some(timeout);
            i += 2;
        } else if args.is(i, "to") && i + 2 < args.len() && target.is_none() {
            let port = args.integer(i + 2)?;
            let host = String::from_utf8_lossy(args.at(i + 1)).into_owned();
            target = Some((host, port));
            i += 3;
        } else if args.is(i, "force") && !is_forced {
            is_forced = true;
            i += 1;
        } else {
            return Err(Fault::SYNTAX);
        }
    }
    Ok((target, timeout_ms, is_forced))
}

/// Whether a replica listens there and has the stream.
fn check(call: &Call<'_>, host: String, port: i64) -> Result<(String, u16), Fault> {
    let port = u16::try_from(port).ok();
    let found = port.and_then(|port| Some((port, call.node.replication.find(&host, port)?)));
    match found {
        Some((port, ReplicaState::Online)) => Ok((host, port)),
        Some(_) => Err(Fault::new("ERR FAILOVER target replica is not online.")),
        None => Err(Fault::new(
            "ERR FAILOVER target HOST and PORT is not a replica.",
        )),
    }
}
