//! What a node has of its shard's data: numbered writes in their order, whom it copies them from and who copies them from it, and
//! which of them it has acknowledged. The order of things is that of the product's journal and of its replicas; every write is on
//! disk at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use almandine_cluster::id::NodeId;

/// The numbers of writes, ascending: a later one was begun later.
pub(super) type Log = Rc<Vec<u64>>;

/// What primary and replica say to each other. `link` names a connection.
#[derive(Debug, Clone)]
pub(super) enum Packet {
    /// A replica wants to have everything.
    Attach { link: u64 },
    /// All of it, as it is now.
    Stream { link: u64, log: Log },
    /// A replica has so much.
    Confirm { link: u64, offset: usize },
}

/// A replica of this node.
#[derive(Debug)]
pub(super) struct Copier {
    pub(super) host: usize,
    pub(super) link: u64,
    /// What it has, by its own word over this connection.
    pub(super) confirmed: Option<usize>,
    /// What it was sent, and when.
    pub(super) sent: Option<(usize, u64)>,
}

/// The primary of this node.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) host: usize,
    pub(super) link: u64,
    pub(super) is_linked: bool,
    /// A copy of everything comes in until then.
    pub(super) copies_until: Option<u64>,
    pub(super) heard_at: u64,
}

/// A client that waits until its write is safe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) write: u64,
    offset: usize,
    reign: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Data {
    pub(super) log: Log,
    /// Not while a copy comes in, nor after a start without what there was.
    pub(super) is_whole: bool,
    pub(super) copiers: BTreeMap<NodeId, Copier>,
    pub(super) upstream: Option<Upstream>,
    awaited: BTreeSet<NodeId>,
    /// Up to where all who are waited for have it; none = nobody is waited for.
    confirmed: Option<usize>,
    /// How often what was not acknowledged was given up.
    reign: u64,
    waiting: VecDeque<Waiting>,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data")
            .field("offset", &self.log.len())
            .field("is_whole", &self.is_whole)
            .field("copiers", &self.copiers)
            .field("upstream", &self.upstream)
            .field("awaited", &self.awaited)
            .field("confirmed", &self.confirmed)
            .finish_non_exhaustive()
    }
}

impl Data {
    /// Of a node that has nothing, as there is nothing yet.
    pub(super) fn new() -> Data {
        Data {
            is_whole: true,
            ..Data::default()
        }
    }

    /// What a process finds when it starts again; `keeps` = its files are there.
    pub(super) fn restart(&mut self, keeps: bool) {
        let log = std::mem::take(&mut self.log);
        *self = Data {
            is_whole: self.is_whole && keeps,
            log: if keeps { log } else { Log::default() },
            ..Data::default()
        };
    }

    pub(super) fn is_linked(&self) -> bool {
        self.upstream.as_ref().is_some_and(|up| up.is_linked)
    }

    /// A client writes.
    pub(super) fn append(&mut self, write: u64) {
        Rc::make_mut(&mut self.log).push(write);
        self.waiting.push_back(Waiting {
            write,
            offset: self.log.len(),
            reign: self.reign,
        });
    }

    /// Those whose clients hear by now that they are done.
    pub(super) fn acknowledge(&mut self) -> Vec<u64> {
        let reign = self.reign;
        self.waiting.retain(|waiting| waiting.reign == reign);
        let safe = self.confirmed.unwrap_or(self.log.len());
        let count = self.waiting.partition_point(|of| of.offset <= safe);
        self.waiting.drain(..count).map(|of| of.write).collect()
    }

    pub(super) fn give_up(&mut self) {
        self.reign += 1;
        self.confirmed = Some(0);
    }

    pub(super) fn wait_for(&mut self, replicas: BTreeSet<NodeId>) {
        match replicas.is_empty() {
            true => self.confirmed = None,
            // What was written before may have been acknowledged.
            false => self.confirmed = self.confirmed.or(Some(self.log.len())),
        }
        self.awaited = replicas;
        self.confirm();
    }

    /// How far those are who are linked.
    pub(super) fn confirmed(&self) -> BTreeMap<NodeId, u64> {
        let copiers = self.copiers.iter();
        copiers
            .filter_map(|(&node, copier)| Some((node, copier.confirmed? as u64)))
            .collect()
    }

    /// Somebody has confirmed something, or others are waited for.
    fn confirm(&mut self) {
        let of = |node: &NodeId| self.copiers.get(node).and_then(|copier| copier.confirmed);
        let least = self.awaited.iter().map(of).min().flatten();
        if let (Some(confirmed), Some(least)) = (&mut self.confirmed, least) {
            *confirmed = least.max(*confirmed);
        }
    }

    pub(super) fn note_confirmed(&mut self, node: NodeId, link: u64, offset: usize) {
        if let Some(copier) = self.copiers.get_mut(&node)
            && copier.link == link
        {
            copier.confirmed = copier.confirmed.max(Some(offset));
            self.confirm();
        }
    }

    /// Takes what the primary has; `rewinds` = what it does not have is cut off, rather than everything copied, which takes
    /// until `copied_at`. Whether the stream flows.
    pub(super) fn take(&mut self, log: &Log, rewinds: bool, copied_at: u64, now: u64) -> bool {
        let Some(upstream) = &mut self.upstream else {
            return false;
        };
        upstream.heard_at = now;
        match upstream.copies_until {
            Some(until) if now < until => return false,
            None if !upstream.is_linked && !rewinds && !log.starts_with(&self.log) => {
                upstream.copies_until = Some(copied_at);
                self.is_whole = false;
                self.log = Log::default();
                return false;
            }
            _ => {}
        }
        upstream.copies_until = None;
        upstream.is_linked = true;
        self.log = log.clone();
        self.is_whole = true;
        true
    }
}
