//! A bench for handlers: databases and all else that a [`Call`] lends, without sockets and actors. Tests only.

use std::cell::RefCell;
use std::sync::Arc;

use almandine_protocol::{Reply, reply::Version};
use almandine_storage::{Access, Databases, Rng, SLOTS, Thresholds};

use super::call::{Args, Call, Span, Wait};
use super::changes::{Changes, Class};
use super::table;
use crate::clients::{Client, Identity};
use crate::cluster::Picture;
use crate::node::Node;
use crate::params::Params;
use crate::pubsub::Subscriptions;
use crate::session::Session;
use crate::shard::{Blocked, Migrations, Outgoing, Seat, Tracking, Watches};
use crate::stats::Stats;

/// Runs one command after the other on its own databases.
pub(crate) struct Bench {
    /// The databases.
    pub dbs: Databases,
    /// What the last command changed.
    pub changes: Changes,
    /// Limits of the packed encodings.
    pub thresholds: Thresholds,
    /// Unix time in milliseconds.
    pub now_ms: i64,
    /// The dice.
    pub rng: Rng,
    /// Number of the database.
    pub db: usize,
    /// Of the replies.
    pub version: Version,
    /// What the last command waits for.
    pub waiting: Option<Wait>,
    /// The client; its database and version are those above.
    pub session: Session,
    /// What the threads of a node share.
    pub node: Node,
    /// WATCH.
    pub watches: Watches,
    /// CLIENT TRACKING.
    pub tracking: Tracking,
    /// Clients in blocking commands.
    pub blocked: Blocked,
    /// Keys on their way to other servers.
    pub migrations: Migrations,
    /// The cluster.
    pub seat: Seat,
    /// Who listens to which channel.
    pub pubsub: RefCell<Subscriptions>,
    /// Bytes for other connections.
    pub outgoing: Outgoing,
    /// What is counted.
    pub stats: Stats,
}

/// A slot for a key. Not the one that a cluster would say: the keyspace takes any.
pub(crate) fn some_slot(key: &[u8]) -> u16 {
    let sum = key.iter().fold(1, |sum: usize, &byte| {
        sum.wrapping_mul(257).wrapping_add(byte.into())
    });
    (sum % SLOTS) as u16
}

impl Bench {
    /// Sixteen empty databases in 2001.
    pub(crate) fn new() -> Self {
        Bench::with_peer("127.0.0.1:50000")
    }

    /// One database that keeps its keys by slot.
    pub(crate) fn by_slot() -> Self {
        let mut bench = Bench::new();
        bench.node = bench.node.by_slot(some_slot);
        bench.dbs = bench.node.empty_databases(1);
        bench
    }

    /// A node of a cluster.
    pub(crate) fn in_cluster(picture: Picture) -> Self {
        let mut bench = Bench::new();
        bench.node = bench.node.in_cluster(picture, true);
        bench.dbs = bench.node.empty_databases(1);
        bench.seat = Seat::of(&bench.node);
        bench
    }

    /// The same, used from this address.
    pub(crate) fn with_peer(peer: &str) -> Self {
        let (peer, local) = (peer.to_owned(), "127.0.0.1:6379".to_owned());
        let identity = Identity {
            id: 1,
            peer,
            local,
            fd: 7,
            worker: 0,
        };
        let node = Node::new(Params::default(), 1);
        Bench {
            dbs: node.empty_databases(1),
            changes: Changes::default(),
            thresholds: Thresholds::default(),
            now_ms: 1_000_000_000_000,
            rng: Rng::new(1),
            db: 0,
            version: Version::Resp2,
            waiting: None,
            session: Session::new(Arc::new(Client::new(identity, None)), true),
            node,
            watches: Watches::default(),
            tracking: Tracking::default(),
            blocked: Blocked::default(),
            migrations: Migrations::default(),
            seat: Seat::default(),
            pubsub: RefCell::default(),
            outgoing: Outgoing::default(),
            stats: Stats::new(&Params::default()),
        }
    }

    /// Runs a line of words (`"a b"` is one word; `\"`, `\n`, `\xff` inside quotes) and returns the reply as it would go
    /// over the wire; of a command that waits, nothing.
    pub(crate) fn run(&mut self, line: &str) -> String {
        String::from_utf8_lossy(&self.request(&words(line))).into_owned()
    }

    /// Runs a line and returns what it told: `changes counted | events | journal`. Without the last the request itself is
    /// journalled.
    pub(crate) fn told(&mut self, line: &str) -> String {
        self.changes.classes = Class::all();
        self.run(line);
        let events = self.changes.notifications.iter();
        let events: Vec<_> = events
            .map(|told| format!("{} {}", told.event, told.key.escape_ascii()))
            .collect();
        let mut told = format!("{} | {}", self.changes.dirty, events.join(", "));
        for command in self.changes.instead.iter().flatten() {
            let words = command.iter().map(|word| word.escape_ascii().to_string());
            told += &format!(" | {}", words.collect::<Vec<_>>().join(" "));
        }
        told
    }

    /// Runs a request and returns the bytes of the reply.
    pub(crate) fn request(&mut self, words: &[Vec<u8>]) -> Vec<u8> {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            let start = buffer.len() as u32;
            buffer.extend_from_slice(word);
            let end = buffer.len() as u32;
            spans.push(Span { start, end });
        }
        self.changes = Changes {
            classes: self.changes.classes,
            watched: self.changes.watched,
            effects: self.changes.effects.take(),
            ..Changes::default()
        };
        self.waiting = None;
        let now_s = u64::try_from(self.now_ms / 1000).expect("after 1970");
        self.dbs.set_now(self.now_ms, Access::Lru { now_s });
        (self.session.db, self.session.version) = (self.db, self.version);
        let params = self.node.params();
        let mut out = Vec::new();
        let args = Args::new(&buffer, &spans);
        let outcome = table::resolve(args).and_then(|id| {
            table::check_arity(id.command(), args.len())?;
            let handler = id.command().handler().expect("a handler, not a container");
            handler(&mut Call {
                command: id.command(),
                args,
                reply: Reply::new(&mut out, self.version),
                dbs: &mut self.dbs,
                db: self.db,
                changes: &mut self.changes,
                thresholds: &self.thresholds,
                now_ms: self.now_ms,
                rng: &mut self.rng,
                waiting: &mut self.waiting,
                in_exec: false,
                session: &mut self.session,
                node: &self.node,
                params: &params,
                watches: &mut self.watches,
                tracking: &mut self.tracking,
                blocked: &mut self.blocked,
                migrations: &mut self.migrations,
                seat: &mut self.seat,
                pubsub: &self.pubsub,
                outgoing: &mut self.outgoing,
                stats: &mut self.stats,
            })
        });
        (self.db, self.version) = (self.session.db, self.session.version);
        if let Err(fault) = outcome {
            out.clear();
            Reply::new(&mut out, self.version).error(fault.text_bytes());
        }
        out
    }
}

/// The words of a line; see [`Bench::run`].
pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, end) = match first {
            '"' => quoted(rest),
            _ => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), end)
            }
        };
        words.push(word);
        rest = rest[end..].trim_start();
    }
    words
}

/// The word in quotes at the start of `text`, and where it ends.
fn quoted(text: &str) -> (Vec<u8>, usize) {
    let bytes = text.as_bytes();
    let mut word = Vec::new();
    let mut at = 1;
    while bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            word.push(bytes[at]);
            at += 1;
            continue;
        }
        match bytes[at + 1] {
            b'n' => word.push(b'\n'),
            b'r' => word.push(b'\r'),
            b't' => word.push(b'\t'),
            b'x' => {
                let digits = &text[at + 2..at + 4];
                word.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                at += 2;
            }
            other => word.push(other),
        }
        at += 2;
    }
    (word, at + 1)
}
