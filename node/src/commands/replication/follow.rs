//! REPLICAOF: the node follows another one, or none any more.

use almandine_protocol::{Reply, number};

use crate::actors::replication::messages::RoleChanged;
use crate::commands::{Call, Fault, Outcome};
use crate::journal::Id;
use crate::params::Params;
use crate::replication::Failover;
use crate::session::Replies;

pub(super) fn replicaof(call: &mut Call<'_>) -> Outcome {
    if *call.node.replication.failover() != Failover::None {
        return Err(Fault::new("ERR REPLICAOF not allowed while failing over."));
    }
    if call.args.is(1, "no") && call.args.is(2, "one") {
        lead(call);
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
    follow(call, &host, port);
    call.reply.ok();
    Ok(())
}

/// The node is a replica from now on. Clients that wait in a blocking command wait for what only a primary can give them.
pub(super) fn follow(call: &mut Call<'_>, host: &str, port: u16) {
    if !call.node.replication.is_replica() {
        release_blocked(call);
    }
    call.node.replication.follow(host, port, call.now_ms);
    tell(call, Some((host.to_owned(), port)));
}

/// The node is a primary from now on: a new term of the stream begins.
pub(super) fn lead(call: &mut Call<'_>) {
    if !call.node.replication.lead() {
        return;
    }
    call.node.journal.begin_term(Id::new(call.rng.bits()));
    if call.node.journal.is_on() {
        // What follows in this very batch is ours to journal already.
        call.changes.effects.get_or_insert_default();
    }
    tell(call, None);
}

/// CONFIG GET and CONFIG REWRITE know of it, and the links follow.
fn tell(call: &mut Call<'_>, replicaof: Option<(String, u16)>) {
    call.node.publish(Params {
        replicaof,
        ..Params::clone(&call.node.params())
    });
    if let Some(replicator) = call.node.replicator.get() {
        replicator.do_send(RoleChanged);
    }
}

fn release_blocked(call: &mut Call<'_>) {
    const REASON: &[u8] = b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    for client in call.blocked.who_wait_for_data() {
        let Some(waiter) = call.blocked.remove(client) else {
            continue;
        };
        waiter.stop_waiting(call.dbs);
        let mut answer = Vec::new();
        if matches!(waiter.session.replies, Replies::On) {
            Reply::new(&mut answer, waiter.session.version).error(REASON);
        }
        waiter.book(call.stats, answer.len(), Some("UNBLOCKED"), call.now_ms);
        call.outgoing.send_off(&waiter.session.client, answer);
    }
    call.node
        .replication
        .set_waiting(call.blocked.acknowledgement_count());
}
