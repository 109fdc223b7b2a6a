//! WAIT and WAITAOF: until enough replicas, and our own disk, have what this connection has written.

use almandine_protocol::Reply;
use almandine_storage::Kind;

use crate::actors::replication::messages::AskForAcknowledgements;
use crate::commands::call::{Acknowledgements, Nothing, Wait};
use crate::commands::wait::after;
use crate::commands::{Args, Call, Fault, Outcome};
use crate::node::Node;

pub(super) fn wait(call: &mut Call<'_>) -> Outcome {
    if call.node.replication.is_replica() {
        return Err(Fault::new(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured \
             to be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let replicas = call.args.integer(1)?;
    let deadline_ms = deadline(call.args, 2, call.now_ms)?;
    await_all(call, None, replicas, deadline_ms)
}

pub(super) fn waitaof(call: &mut Call<'_>) -> Outcome {
    let local = call.args.integer(1)?;
    if !(0..=1).contains(&local) {
        return Err(Fault::text(
            "ERR value is out of range, value must between 0 and 1",
        ));
    }
    let replicas = call.args.integer(2).ok().filter(|count| *count >= 0);
    let replicas = replicas.ok_or(Fault::NOT_POSITIVE)?;
    let deadline_ms = deadline(call.args, 3, call.now_ms)?;
    if call.node.replication.is_replica() {
        return Err(Fault::new(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and \
             are not propagated.",
        ));
    }
    if local > 0 && !call.params.appendonly {
        return Err(Fault::new(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    await_all(call, Some(local > 0), replicas, deadline_ms)
}

fn await_all(
    call: &mut Call<'_>,
    on_disk: Option<bool>,
    replicas: i64,
    deadline_ms: Option<i64>,
) -> Outcome {
    // What this batch has changed has no offset yet.
    let is_unwritten = call
        .changes
        .effects
        .as_ref()
        .is_some_and(|effects| !effects.is_empty());
    let wanted = Acknowledgements {
        on_disk,
        replicas: usize::try_from(replicas).unwrap_or(0),
        offset: (!is_unwritten).then_some(call.session.written),
    };
    if call.in_exec || wanted.are_here(call.node) {
        wanted.answer(call.node, &mut call.reply);
        return Ok(());
    }
    if let Some(replicator) = call.node.replicator.get() {
        replicator.do_send(AskForAcknowledgements);
    }
    call.wait(Wait {
        keys: Vec::new(),
        kind: Kind::String,
        deadline_ms,
        in_exec: Nothing::Value,
        acknowledgements: Some(wanted),
    })
}

/// The deadline in argument `i`, milliseconds; none for 0.
fn deadline(args: Args<'_>, i: usize, now_ms: i64) -> Result<Option<i64>, Fault> {
    let millis = args
        .integer(i)
        .map_err(|_| Fault::new("ERR timeout is not an integer or out of range"))?;
    after(millis, now_ms)
}

impl Acknowledgements {
    /// Whether there are enough.
    pub fn are_here(&self, node: &Node) -> bool {
        let Some(offset) = self.offset else {
            return false;
        };
        let on_disk = self.on_disk.is_some();
        let is_synced = self.on_disk != Some(true) || node.journal.is_synced(offset);
        is_synced && node.replication.count_acknowledged(offset, on_disk) >= self.replicas
    }

    /// Says how many there are.
    pub fn answer(&self, node: &Node, reply: &mut Reply<'_>) {
        let offset = self.offset.unwrap_or_else(|| node.journal.offset());
        let replicas = node
            .replication
            .count_acknowledged(offset, self.on_disk.is_some());
        if self.on_disk.is_some() {
            reply.array(2);
            reply.integer(i64::from(node.journal.is_synced(offset)));
        }
        reply.length(replicas);
    }
}
