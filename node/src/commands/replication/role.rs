//! ROLE: who this node is to others.

use crate::commands::{Call, Outcome};
use crate::replication::{LinkState, ReplicaState};

pub(super) fn role(call: &mut Call<'_>) -> Outcome {
    let upstream = call.node.replication.upstream().clone();
    let offset = call.node.journal.offset() as i64;
    let Some(upstream) = upstream else {
        let replicas = call.node.replication.replicas();
        let online = replicas
            .iter()
            .filter(|replica| replica.state() == ReplicaState::Online);
        call.reply.array(3);
        call.reply.bulk(b"master");
        call.reply.integer(offset);
        call.reply.array(online.clone().count());
        for replica in online {
            call.reply.array(3);
            call.reply.bulk(replica.ip.as_bytes());
            call.reply.bulk(replica.port.to_string().as_bytes());
            call.reply
                .bulk(replica.acknowledged().to_string().as_bytes());
        }
        return Ok(());
    };
    let is_connected = upstream.state == LinkState::Connected;
    call.reply.array(5);
    call.reply.bulk(b"slave");
    call.reply.bulk(upstream.host.as_bytes());
    call.reply.integer(i64::from(upstream.port));
    call.reply.bulk(upstream.state.name().as_bytes());
    call.reply.integer(if is_connected { offset } else { -1 });
    Ok(())
}
