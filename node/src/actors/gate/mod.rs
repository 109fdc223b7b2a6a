//! Replies that wait until the journal is safe. Started by `NodeActor`, one on each worker's thread; owns the list of the
//! connections of this thread that hold replies back; hears of every advance of the watermarks and wakes who may go on, and from
//! time to time those who wait for long.

pub mod messages;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Recipient};

use self::messages::Advanced;
use super::lifeline::Lifeline;
use crate::journal::{Awaited, Verdict};
use crate::node::Node;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 1024;
/// How often the clock goes on by which replies wait, and after how many times they are looked at.
const TICK: Duration = Duration::from_millis(250);

thread_local! {
    static WAITING: RefCell<Waiting> = RefCell::default();
}

/// The connections of this thread that hold replies back.
#[derive(Default)]
struct Waiting {
    /// In the order of the offsets, but for batches that overtook each other between threads, which then wait a little
    /// longer than they must.
    list: VecDeque<Waits>,
    shown: Shown,
    /// [`TICK`]s since the start.
    clock: u64,
}

struct Waits {
    awaited: Awaited,
    since: u64,
    waker: Waker,
}

/// Whether connections of a thread hold replies back: the threads of others need not be woken for nothing.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<AtomicBool>);

impl Shown {
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

/// The connection behind `waker` holds replies back until the journal is safe as `awaited` says. It may have become so by now,
/// which the caller looks at next. Returns the moment, for [`oldest`].
pub fn wait(awaited: Awaited, waker: Option<&Waker>) -> u64 {
    WAITING.with_borrow_mut(|waiting| {
        let since = waiting.clock;
        waiting.list.extend(waker.map(|waker| Waits {
            awaited,
            since,
            waker: waker.clone(),
        }));
        waiting.shown.set(true);
        since
    })
}

/// What waits since before this moment waits for longer than `timeout_ms`.
pub fn oldest(timeout_ms: u64) -> u64 {
    let ticks = timeout_ms.div_ceil(TICK.as_millis() as u64);
    WAITING.with_borrow(|waiting| waiting.clock.saturating_sub(ticks))
}

/// The gates of all threads.
#[derive(Debug, Default)]
pub struct Gates(OnceLock<Vec<Gate>>);

/// One of them.
#[derive(Debug)]
pub struct Gate {
    /// The gate.
    pub gate: Recipient<Advanced>,
    /// Whether anybody waits there.
    pub shown: Shown,
}

impl Gates {
    /// All threads stand.
    pub fn set(&self, gates: Vec<Gate>) {
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.0.set(gates);
    }

    /// A watermark of the journal has moved, or what replies wait for has changed: whoever waits looks at it.
    pub fn tell(&self) {
        let gates = self.0.get().into_iter().flatten();
        for gate in gates.filter(|gate| gate.shown.get()) {
            gate.gate.do_send(Advanced);
        }
    }
}

/// See the module.
pub struct GateActor {
    node: Arc<Node>,
    shown: Shown,
    _lifeline: Lifeline,
}

impl GateActor {
    /// The gate of one worker, which shows in `shown` whether anybody waits.
    pub fn new(node: Arc<Node>, shown: Shown, lifeline: Lifeline) -> Self {
        GateActor {
            node,
            shown,
            _lifeline: lifeline,
        }
    }
}

impl GateActor {
    /// Those who wait for replicas for long may have to give up. They stay in the list: it may be something else that they wait
    /// for.
    fn tick(&self) {
        let timeout_ms = self.node.params().ack_timeout;
        WAITING.with_borrow_mut(|waiting| waiting.clock += 1);
        if !self.node.journal.awaits_replicas() {
            return;
        }
        let oldest = oldest(timeout_ms);
        WAITING.with_borrow(|waiting| {
            let late = waiting.list.iter();
            let late = late.take_while(|waits| waits.since < oldest);
            late.for_each(|waits| waits.waker.wake_by_ref());
        });
    }
}

impl Actor for GateActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        WAITING.with_borrow_mut(|waiting| {
            waiting.shown = self.shown.clone();
            waiting.shown.set(!waiting.list.is_empty());
        });
        ctx.run_interval(TICK, |me, _| me.tick());
    }
}

impl Handler<Advanced> for GateActor {
    type Result = ();

    fn handle(&mut self, _: Advanced, _: &mut Context<Self>) {
        let (demand, journal) = (self.node.params().durability(), &self.node.journal);
        WAITING.with_borrow_mut(|waiting| {
            while let Some(first) = waiting.list.front()
                && journal.verdict(demand, first.awaited) != Verdict::Waits
                && let Some(first) = waiting.list.pop_front()
            {
                first.waker.wake();
            }
            if waiting.list.is_empty() {
                waiting.shown.set(false);
            }
        });
    }
}
