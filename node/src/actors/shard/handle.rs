//! How a connection reaches the shard: directly on the shard's own thread, by message from any other.

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
use crate::shard::{Parcel, Progress, Requests, Shard};

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
pub struct LocalShard(Rc<Local>);

struct Local {
    shard: RefCell<Shard>,
    node: Arc<Node>,
    /// Whether the writer of the journal is about to be called.
    is_calling: Cell<bool>,
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

impl ShardHandle {
    /// The connection is over.
    pub fn forget(&self, client: u64) {
        match self {
            ShardHandle::Here(shard) => shard.forget(client),
            ShardHandle::There(link) => link.shard.do_send(Forget(client)),
        }
    }
}

impl LocalShard {
    /// Shares `shard` with its thread.
    pub fn new(node: Arc<Node>, shard: Shard) -> Self {
        LocalShard(Rc::new(Local {
            shard: RefCell::new(shard),
            node,
            is_calling: Cell::new(false),
        }))
    }

    /// Runs a batch, and sends what it has for other connections. Returns with the progress what the replies must wait for, if
    /// the batch has changed anything or has seen what is not confirmed yet, and when it began.
    pub fn run(
        &self,
        requests: Requests<'_>,
        first: usize,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> (Progress, Option<Awaited>, Moment) {
        let ((progress, now, seen), written) = self.with(|shard| {
            shard.foresee(requests, first, session);
            let now = Moment::now();
            shard.begin(now.ms);
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
        self.with(|shard| shard.forget(client));
    }

    /// Lends the shard; a panic meanwhile is the end of the node, for the data may be half changed. What the work has
    /// changed goes to the journal; returns what to wait for until it is safe, if there was anything.
    pub fn with<T>(&self, work: impl FnOnce(&mut Shard) -> T) -> (T, Option<Awaited>) {
        let guard = DiesWithTheShard;
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
struct DiesWithTheShard;

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
