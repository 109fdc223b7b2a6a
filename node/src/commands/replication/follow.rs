//! REPLICAOF: the node follows another one, or none any more.

use almandine_protocol::number;

use crate::commands::{Call, Fault, Outcome};
use crate::shard::role::RoleChange;

pub(super) fn replicaof(call: &mut Call<'_>) -> Outcome {
    if call.node.cluster.is_some() {
        return Err(Fault::new("ERR REPLICAOF not allowed in cluster mode."));
    }
    if call.node.replication.is_failing_over() {
        return Err(Fault::new("ERR REPLICAOF not allowed while failing over."));
    }
    if call.args.is(1, "no") && call.args.is(2, "one") {
        RoleChange::of(call).lead();
        call.reply.ok();
        return Ok(());
    }
    let port = number::parse_i64(call.args.at(2)).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(Fault::new("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(call.args.at(1)).into_owned();
    let is_known = call
        .node
        .replication
        .upstream()
        .as_ref()
        .is_some_and(|known| known.host.eq_ignore_ascii_case(&host) && known.port == port);
    if is_known {
        call.reply
            .simple("OK Already connected to specified master");
        return Ok(());
    }
    RoleChange::of(call).follow(&host, port);
    call.reply.ok();
    Ok(())
}
