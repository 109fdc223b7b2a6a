//! Commands that change the cluster: the client gets its reply when the change is decided, for then all nodes know of it.
//!
//! ```text
//!   handler ── propose ──▶ draft, orders        refused at once: that is the reply
//!   end of the command, or of EXEC ── Wish ──▶ ConfigActor        the reply is held back, the client waits
//!   Decided ──▶ the next wish, or the reply; a refusal in its place
//! ```

use std::collections::VecDeque;

use almandine_cluster::topology::{Applied, Refusal};
use almandine_protocol::Reply;

use super::Shard;
use crate::actors::config::messages::{Wanted, Wish};
use crate::actors::shard::messages::Decided;
use crate::commands::Wait;
use crate::commands::table::CommandId;
use crate::session::{OwnedRequest, Session};

/// A client whose wishes are under way.
#[derive(Debug)]
pub(super) struct Awaiting {
    client: u64,
    held: Held,
    /// What is told when this one is done, in order.
    rest: VecDeque<Wanted>,
    /// See [`Wanted::Reset`].
    gives_keys_up: bool,
}

/// What a client gets when all is done.
#[derive(Debug)]
enum Held {
    /// The outcome itself.
    Outcome,
    /// What EXEC has answered.
    Reply(Vec<u8>),
}

impl Shard {
    /// The command that has run, whose reply begins at `start`, has made a draft: what it wants goes out, and the draft ends.
    /// None if there is nothing, or nobody who could carry it out.
    #[cold]
    pub(super) fn begin_wishes(
        &mut self,
        id: CommandId,
        session: &mut Session,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Option<Wait> {
        let rest = VecDeque::from(self.seat.take_wanted());
        if rest.is_empty() {
            return None;
        }
        let reply = session.attached.cut_off(out, start);
        let held = match id.command().name {
            "exec" => Held::Reply(reply),
            _ => Held::Outcome,
        };
        let is_sent = self.send_next(Awaiting {
            client: session.id(),
            held,
            rest,
            gives_keys_up: false,
        });
        if !is_sent {
            let text = b"ERR The cluster cannot be changed before the node has started";
            Reply::new(out, session.version).error(text);
        }
        is_sent.then(Wait::for_others)
    }

    /// Sends the next wish; false if there is none, or nobody to send it to.
    fn send_next(&mut self, mut awaiting: Awaiting) -> bool {
        let config = self.node.cluster.as_ref();
        let config = config.and_then(|cluster| cluster.config.get());
        let (Some(config), Some(wanted)) = (config, awaiting.rest.pop_front()) else {
            return false;
        };
        awaiting.gives_keys_up = matches!(
            wanted,
            Wanted::Reset {
                gives_keys_up: true,
                ..
            }
        );
        self.seat.last_ticket += 1;
        let ticket = self.seat.last_ticket;
        config.do_send(Wish { ticket, wanted });
        self.seat.awaiting.insert(ticket, awaiting);
        true
    }

    /// A wish is done, or refused. What it was before the refused one stays, as in the file of a transaction that was cut.
    pub fn decide(&mut self, Decided { ticket, outcome }: Decided) {
        let Some(mut awaiting) = self.seat.awaiting.remove(&ticket) else {
            return;
        };
        if outcome.is_ok() && std::mem::take(&mut awaiting.gives_keys_up) {
            self.give_keys_up();
        }
        if outcome.is_ok() && !awaiting.rest.is_empty() {
            self.send_next(awaiting);
            return;
        }
        self.answer_wish(awaiting, outcome);
    }

    fn answer_wish(&mut self, awaiting: Awaiting, outcome: Result<Applied, Refusal>) {
        let Some(waiter) = self.blocked.get(awaiting.client) else {
            return;
        };
        let mut answer = Vec::new();
        let mut reply = Reply::new(&mut answer, waiter.session.version);
        let mut failed = None;
        match (outcome, awaiting.held) {
            (Err(Refusal(text)), _) => {
                reply.error(text.as_bytes());
                failed = text.split(' ').next().map(str::to_owned);
            }
            (Ok(applied), Held::Outcome) => reply.simple(&applied.to_string()),
            (Ok(_), Held::Reply(held)) => answer = held,
        }
        self.release_as(awaiting.client, answer, failed.as_deref());
    }

    fn give_keys_up(&mut self) {
        let words = [b"FLUSHALL".as_slice(), b"ASYNC"];
        let request = OwnedRequest::new(words.into_iter());
        // FLUSHALL in this form refuses nothing.
        let _ = self.replay(request.args(), &mut Session::internal(), &mut Vec::new());
    }
}
