//! How a connection reaches a shard: directly on the shard's own thread, by message from any other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use almandine_protocol::Batch;

use super::ShardActor;
use super::messages::{ExecuteBatches, Forget, RemoteBatch};
use crate::journal::Awaited;
use crate::moment::Moment;
use crate::node::Node;
use crate::session::Session;
use crate::shard::share::{Place, place};
use crate::shard::{Parcel, Progress, Requests, Shard, Stop};

/// See the module.
#[derive(Clone)]
pub enum ShardHandle {
    /// The shard lives on this thread.
    Here(LocalShard),
    /// It lives on another one.
    There(Rc<ShardLink>),
}

/// The shard of this thread.
#[derive(Clone)]
pub struct LocalShard(pub(super) Rc<Local>);

pub(super) struct Local {
    pub(super) shard: RefCell<Shard>,
    pub(super) node: Arc<Node>,
    /// Whether the writer of the journal is about to be called.
    is_calling: Cell<bool>,
    /// The other shards, if it is the first.
    pub(super) others: RefCell<Vec<Addr<ShardActor>>>,
    /// When it gathered the slots last.
    pub(super) gathered: Cell<Instant>,
}

/// A shard of another thread. What the connections of this thread post during a turn of the event loop leaves as one
/// message at its end.
pub struct ShardLink {
    shard: Addr<ShardActor>,
    posted: RefCell<Vec<RemoteBatch>>,
    is_flushing: Cell<bool>,
    spare: RefCell<Vec<Parts>>,
}

/// Reusable buffers of a message.
#[derive(Debug, Default)]
pub struct Parts {
    /// For the requests' bytes; empty.
    pub buffer: Vec<u8>,
    /// For the requests; empty.
    pub batch: Batch,
    /// For the replies; empty.
    pub out: Vec<u8>,
}

/// How long effects are gathered before the writer is called, and after how many turns of the event loop without any it is
/// called at once. Two: with io_uring one may pass between the moment that a request is there and the turn of its connection.
const GATHER: Duration = Duration::from_micros(200);
const QUIET_TURNS: u32 = 2;
/// Spare buffers kept per thread, and the size beyond which one is not kept.
const SPARES: usize = 256;
const SPARE_BYTES: usize = 1 << 18;

/// How the connections of a thread reach the shards of the node, by number.
#[derive(Clone)]
pub struct Shards {
    first: ShardHandle,
    others: Rc<[ShardHandle]>,
}

impl Shards {
    /// From this thread, where one of them may live. The first one learns of the others on its own thread.
    pub fn from_here(shards: Vec<Addr<ShardActor>>) -> Self {
        let local = LOCAL.with(|local| local.borrow().clone());
        if let Some((0, first)) = &local {
            first.lead(shards[1..].to_vec());
        }
        let handles = shards.into_iter().enumerate();
        let mut handles = handles.map(|(number, shard)| match &local {
            Some((here, local)) if *here == number => ShardHandle::Here(local.clone()),
            _ => ShardHandle::There(ShardLink::new(shard)),
        });
        let first = handles.next();
        Shards {
            first: first.expect("a node has a shard"),
            others: handles.collect(),
        }
    }

    /// The shard of this number.
    #[inline]
    pub fn get(&self, number: usize) -> &ShardHandle {
        let other = number.checked_sub(1).and_then(|n| self.others.get(n));
        other.unwrap_or(&self.first)
    }

    /// The number of the shard that is to run request `i`, as far as is known here.
    #[inline]
    pub fn number(
        &self,
        node: &Node,
        requests: Requests<'_>,
        i: usize,
        session: &Session,
    ) -> usize {
        match self.others.is_empty() {
            true => 0,
            false => find(node, requests, i, session),
        }
    }

    /// The connection is over.
    pub fn forget(&self, client: u64) {
        match &self.first {
            ShardHandle::Here(shard) => shard.forget(client),
            ShardHandle::There(link) => link.shard.do_send(Forget(client)),
        }
    }
}

fn find(node: &Node, requests: Requests<'_>, i: usize, session: &Session) -> usize {
    let stretches = node.spread.stretches();
    match &*stretches {
        Some(stretches) if i < requests.len() => match place(requests.args(i), session) {
            Place::Slot(slot) => stretches.shard_of(slot),
            Place::First | Place::Gathered => 0,
        },
        _ => 0,
    }
}

thread_local! {
    /// The shard of this thread, and its number.
    static LOCAL: RefCell<Option<(usize, LocalShard)>> = const { RefCell::new(None) };
}

/// Connections of this thread have received `bytes`, no more than [`Db::TOGETHER`](almandine_storage::Db::TOGETHER) of them at
/// once; see [`Shard::glance`].
pub fn glance<'b>(bytes: impl Iterator<Item = &'b [u8]>) {
    LOCAL.with_borrow(|local| {
        if let Some((_, local)) = local {
            local.0.shard.borrow().glance(bytes);
        }
    });
}

impl LocalShard {
    /// Says that it is the shard `number`, and lives on this thread.
    pub fn settle(self, number: usize) {
        LOCAL.with(|local| *local.borrow_mut() = Some((number, self)));
    }

    /// Shares `shard` with its thread.
    pub fn new(node: Arc<Node>, shard: Shard) -> Self {
        LocalShard(Rc::new(Local {
            shard: RefCell::new(shard),
            node,
            is_calling: Cell::new(false),
            others: RefCell::default(),
            gathered: Cell::new(Instant::now()),
        }))
    }

    /// Runs a batch, and sends what it has for other connections. Returns with the progress what the replies must wait for, if
    /// the batch has changed anything or has seen what is not confirmed yet, and when it began. It goes no further than to a
    /// request for another shard; the first shard gathers the slots if that is the next one, for nobody knows better whose it is.
    pub fn run(
        &self,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> (Progress, Option<Awaited>, Moment) {
        let mut outcome = self.run_share(requests, first, session, out);
        if outcome.0.stop == Stop::Elsewhere && outcome.0.done == first && self.gather() {
            let before = outcome.1;
            outcome = self.run_share(requests, first, session, out);
            outcome.1 = outcome.1.or(before);
        }
        outcome
    }

    /// As [`LocalShard::run`], of what the shard may run with the slots that it has.
    fn run_share(
        &self,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> (Progress, Option<Awaited>, Moment) {
        let ((progress, now, seen), written) = self.with_share(|shard| {
            shard.foresee(requests, first, session);
            let now = Moment::now();
            shard.foresee_more(session);
            shard.begin(now);
            let progress = shard.run(now.at, requests, first, session, out);
            (progress, now, shard.seen_reign())
        });
        if let Some(written) = written {
            session.written = written.offset;
        }
        let awaits = written.or_else(|| {
            let offset = self.0.node.journal.offset();
            seen.map(|reign| Awaited { offset, reign })
        });
        (progress, awaits, now)
    }

    /// The connection is over.
    pub fn forget(&self, client: u64) {
        self.with_share(|shard| shard.forget(client));
    }

    /// Lends the shard with all slots of the node, if it is the first one; see [`LocalShard::with_share`].
    pub fn with<T>(&self, work: impl FnOnce(&mut Shard) -> T) -> (T, Option<Awaited>) {
        self.gather();
        self.with_share(work)
    }

    /// Lends the shard with the slots that it has; a panic meanwhile is the end of the node, for the data may be half
    /// changed. What the work has changed goes to the journal; returns what to wait for until it is safe, if there was anything.
    pub fn with_share<T>(&self, work: impl FnOnce(&mut Shard) -> T) -> (T, Option<Awaited>) {
        let guard = DiesWithTheShard;
        let must_gather = {
            let shard = self.0.shard.borrow();
            shard.is_spread() && shard.must_gather()
        };
        if must_gather {
            self.gather();
        }
        let (outcome, parcels, awaited) = {
            let mut shard = self.0.shard.borrow_mut();
            let outcome = work(&mut shard);
            let parcels = shard.take_parcels();
            let reign = shard.reign();
            let offset = shard.journal();
            let awaited = offset.map(|offset| Awaited { offset, reign });
            (outcome, parcels, awaited)
        };
        std::mem::forget(guard);
        if awaited.is_some() {
            self.call_writer();
        }
        send(parcels, awaited);
        (outcome, awaited)
    }

    /// Calls the writer of the journal when the connections that are ready have had their turn, and those that become ready
    /// meanwhile: the larger the group that it writes, the less it costs.
    fn call_writer(&self) {
        if !self.0.is_calling.replace(true) {
            let local = self.0.clone();
            actix_rt::spawn(async move {
                local.gather().await;
                local.is_calling.set(false);
                local.node.call_writer();
            });
        }
    }
}

impl Local {
    /// Until nothing more comes, or for [`GATHER`].
    async fn gather(&self) {
        let (began, mut quiet) = (Instant::now(), 0);
        let mut offset = self.node.journal.offset();
        while quiet < QUIET_TURNS && began.elapsed() < GATHER {
            tokio::task::yield_now().await;
            let now = self.node.journal.offset();
            quiet = match now == offset {
                true => quiet + 1,
                false => 0,
            };
            offset = now;
        }
    }
}

/// Ends the process when it is dropped by a panic.
pub(super) struct DiesWithTheShard;

impl Drop for DiesWithTheShard {
    fn drop(&mut self) {
        tracing::error!("the shard has panicked, its data cannot be trusted: the node stops");
        std::process::exit(1);
    }
}

impl ShardLink {
    /// A way to `shard`.
    pub fn new(shard: Addr<ShardActor>) -> Rc<Self> {
        Rc::new(ShardLink {
            shard,
            posted: RefCell::default(),
            is_flushing: Cell::new(false),
            spare: RefCell::default(),
        })
    }

    /// Empty buffers.
    pub fn parts(&self) -> Parts {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    /// Buffers that are free again.
    pub fn give_back(&self, mut buffer: Vec<u8>, mut batch: Batch, mut out: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARES && buffer.capacity() + out.capacity() < SPARE_BYTES {
            buffer.clear();
            batch.clear();
            out.clear();
            spare.push(Parts { buffer, batch, out });
        }
    }

    /// Posts a batch; it leaves when the connections that are ready have had their turn.
    pub fn post(self: &Rc<Self>, batch: RemoteBatch) {
        self.posted.borrow_mut().push(batch);
        if !self.is_flushing.replace(true) {
            let link = self.clone();
            actix_rt::spawn(async move {
                link.is_flushing.set(false);
                link.shard.do_send(ExecuteBatches(link.posted.take()));
            });
        }
    }
}

/// Hands parcels to their connections, which keep them back until the journal is safe as `awaited` says.
fn send(parcels: Vec<Parcel>, awaited: Option<Awaited>) {
    for Parcel {
        client,
        bytes,
        next,
    } in parcels
    {
        client.deliver(bytes, next, awaited);
    }
}
