//! Replies that wait until the journal is safe. Started by `NodeActor`, one on each worker's thread; owns the list of the
//! connections of this thread that hold replies back; hears of every advance of the watermarks and wakes who may go on.

pub mod messages;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use actix::{Actor, Context, Handler};

use self::messages::Advanced;
use super::lifeline::Lifeline;
use crate::node::Node;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;

thread_local! {
    /// In the order of the offsets, but for batches that overtook each other between threads, which then wait a little
    /// longer than they must.
    static WAITING: RefCell<VecDeque<(u64, Waker)>> = const { RefCell::new(VecDeque::new()) };
}

/// The connection behind `waker` holds replies back until the journal is safe up to `offset`.
pub fn wait(offset: u64, waker: Waker) {
    WAITING.with_borrow_mut(|waiting| waiting.push_back((offset, waker)));
}

/// See the module.
pub struct GateActor {
    node: Arc<Node>,
    _lifeline: Lifeline,
}

impl GateActor {
    /// The gate of one worker.
    pub fn new(node: Arc<Node>, lifeline: Lifeline) -> Self {
        GateActor {
            node,
            _lifeline: lifeline,
        }
    }
}

impl Actor for GateActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Advanced> for GateActor {
    type Result = ();

    fn handle(&mut self, _: Advanced, _: &mut Context<Self>) {
        let demand = self.node.params().durability();
        WAITING.with_borrow_mut(|waiting| {
            while let Some((offset, _)) = waiting.front()
                && self.node.journal.meets(demand, *offset)
                && let Some((_, waker)) = waiting.pop_front()
            {
                waker.wake();
            }
        });
    }
}
