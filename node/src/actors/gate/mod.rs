//! Replies that wait until the journal is safe. Started by `NodeActor`, one on each worker's thread; owns the list of the
//! connections of this thread that hold replies back; hears of every advance of the watermarks and wakes who may go on.

pub mod messages;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::Waker;

use actix::{Actor, Context, Handler};

use self::messages::Advanced;
use super::lifeline::Lifeline;
use crate::node::Node;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;

thread_local! {
    static WAITING: RefCell<Waiting> = RefCell::default();
}

/// The connections of this thread that hold replies back.
#[derive(Default)]
struct Waiting {
    /// In the order of the offsets, but for batches that overtook each other between threads, which then wait a little
    /// longer than they must.
    list: VecDeque<(u64, Waker)>,
    awaited: Awaited,
}

/// Whether connections of a thread hold replies back: the threads of others need not be woken for nothing.
#[derive(Debug, Clone, Default)]
pub struct Awaited(Arc<AtomicBool>);

impl Awaited {
    /// Asked after a watermark has moved. Whoever is not seen here looks at the watermarks after [`wait`], and sees it.
    pub fn get(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, is_awaited: bool) {
        self.0.store(is_awaited, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

/// The connection behind `waker` holds replies back until the journal is safe up to `offset`. It may have become so by now,
/// which the caller looks at next.
pub fn wait(offset: u64, waker: Waker) {
    WAITING.with_borrow_mut(|waiting| {
        waiting.list.push_back((offset, waker));
        waiting.awaited.set(true);
    });
}

/// See the module.
pub struct GateActor {
    node: Arc<Node>,
    awaited: Awaited,
    _lifeline: Lifeline,
}

impl GateActor {
    /// The gate of one worker, which shows in `awaited` whether anybody waits.
    pub fn new(node: Arc<Node>, awaited: Awaited, lifeline: Lifeline) -> Self {
        GateActor {
            node,
            awaited,
            _lifeline: lifeline,
        }
    }
}

impl Actor for GateActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        WAITING.with_borrow_mut(|waiting| {
            waiting.awaited = self.awaited.clone();
            waiting.awaited.set(!waiting.list.is_empty());
        });
    }
}

impl Handler<Advanced> for GateActor {
    type Result = ();

    fn handle(&mut self, _: Advanced, _: &mut Context<Self>) {
        let demand = self.node.params().durability();
        WAITING.with_borrow_mut(|waiting| {
            while let Some((offset, _)) = waiting.list.front()
                && self.node.journal.meets(demand, *offset)
                && let Some((_, waker)) = waiting.list.pop_front()
            {
                waker.wake();
            }
            if waiting.list.is_empty() {
                waiting.awaited.set(false);
            }
        });
    }
}
