//! The connections of this node as others see them: CLIENT LIST, CLIENT KILL, INFO clients.
//!
//! A connection writes its own entry with plain stores, once per batch; readers see values that are at most a batch old.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::Recipient;
use almandine_protocol::Version;

use crate::actors::connection::messages::{Deliver, Kill, Move};
use crate::journal::Awaited;
use crate::moment::now_ms;
use crate::shard::Next;

/// One connection.
#[derive(Debug)]
pub struct Client {
    /// Rises with every connection, never reused.
    pub id: u64,
    /// Address of the peer as CLIENT LIST prints it: `ip:port`, or `path:0` of a unix socket.
    pub peer: String,
    /// Address at this end.
    pub local: String,
    /// File descriptor, for people.
    pub fd: AtomicI32,
    /// Number of the thread that carries it.
    pub worker: AtomicUsize,
    /// Unix time in milliseconds.
    pub created_ms: i64,
    /// Unix time in milliseconds of the last batch.
    pub active_ms: AtomicI64,
    /// Index in the command table of the last command, or `u32::MAX`.
    pub last_command: AtomicU32,
    /// Commands executed.
    pub commands: AtomicU64,
    /// Bytes read.
    pub bytes_in: AtomicU64,
    /// Bytes written.
    pub bytes_out: AtomicU64,
    /// Bytes of the query buffer that wait to be parsed.
    pub query_buffer: AtomicU64,
    /// Bytes of replies that the socket has not taken yet.
    pub output_buffer: AtomicU64,
    /// Unix time in milliseconds since when more replies wait than the soft limit of its class allows; 0 = fewer wait.
    pub backlog_since_ms: AtomicI64,
    /// What changes rarely.
    pub profile: Mutex<Profile>,
    /// Where messages for this connection go; a client made by a test has none.
    mailbox: Mutex<Option<Mailbox>>,
}

/// The parts of a [`Client`] that change rarely. Written by the session's commands.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
    /// The user of AUTH.
    pub user: String,
    /// Number of the database.
    pub db: usize,
    /// 2 or 3.
    pub resp: u8,
    /// Channels, patterns, shard channels.
    pub subscriptions: [usize; 3],
    /// Queued commands; none outside of MULTI.
    pub multi: Option<usize>,
    /// Bytes of queued commands.
    pub multi_memory: usize,
    /// Watched keys.
    pub watched: usize,
    /// Waits in a blocking command.
    pub blocked: bool,
    /// Bytes of the arguments of that command.
    pub blocked_memory: usize,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// READONLY.
    pub is_readonly: bool,
    /// MONITOR.
    pub monitors: bool,
    /// Whether another node is behind it, and which.
    pub peer: Peer,
    /// CLIENT TRACKING.
    pub tracking: Option<Tracking>,
}

/// How a client tracks the keys it reads.
#[derive(Debug, Clone, Copy)]
pub struct Tracking {
    /// Id of the client that is told in its place; 0 = none.
    pub redirect: u64,
    /// BCAST.
    pub broadcast: bool,
    /// The client that was to be told is gone.
    pub is_broken: bool,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Peer {
    /// A client.
    #[default]
    Client,
    /// A replica of ours.
    Replica,
    /// Our primary.
    Primary,
}

/// How a connection is reached from any thread.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Bytes out of band, or the answer to a blocked command.
    pub deliver: Recipient<Deliver>,
    /// CLIENT KILL.
    pub kill: Recipient<Kill>,
    /// To another thread; the links of replication do not move.
    pub relocate: Option<Recipient<Move>>,
}

/// All connections of the node.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: Mutex<BTreeMap<u64, Arc<Client>>>,
    last_id: AtomicU64,
}

/// What is known of a connection when it is accepted; see [`Client`].
#[derive(Debug)]
pub struct Identity {
    /// See [`Client::id`].
    pub id: u64,
    /// See [`Client::peer`].
    pub peer: String,
    /// See [`Client::local`].
    pub local: String,
    /// See [`Client::fd`].
    pub fd: i32,
    /// See [`Client::worker`].
    pub worker: usize,
}

impl Client {
    /// A connection that has said nothing yet.
    pub fn new(
        Identity {
            id,
            peer,
            local,
            fd,
            worker,
        }: Identity,
        mailbox: Option<Mailbox>,
    ) -> Self {
        let created_ms = now_ms();
        Client {
            id,
            peer,
            local,
            fd: AtomicI32::new(fd),
            worker: AtomicUsize::new(worker),
            created_ms,
            active_ms: AtomicI64::new(created_ms),
            last_command: AtomicU32::new(u32::MAX),
            commands: AtomicU64::default(),
            bytes_in: AtomicU64::default(),
            bytes_out: AtomicU64::default(),
            query_buffer: AtomicU64::default(),
            output_buffer: AtomicU64::default(),
            backlog_since_ms: AtomicI64::default(),
            profile: Mutex::new(Profile::fresh()),
            mailbox: Mutex::new(mailbox),
        }
    }

    /// From now on another actor has the connection, on the thread `worker`; none = nobody.
    pub fn settle(&self, worker: usize, fd: i32, mailbox: Option<Mailbox>) {
        self.fd.store(fd, Ordering::Relaxed);
        self.worker.store(worker, Ordering::Relaxed);
        *self.mailbox() = mailbox;
    }

    /// Nobody: for requests of the node itself. Id 0, which no connection has.
    pub fn internal() -> Self {
        let identity = Identity {
            id: 0,
            peer: String::new(),
            local: String::new(),
            fd: -1,
            worker: 0,
        };
        Client::new(identity, None)
    }

    /// Whether it came by a unix socket.
    pub fn is_unix(&self) -> bool {
        self.peer.ends_with(":0")
    }

    /// Whether the peer is on this machine.
    pub fn is_local(&self) -> bool {
        let peer = self.peer.parse::<std::net::SocketAddr>();
        self.is_unix() || peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Sends it bytes, and says what follows; `awaits` = what of the journal must be safe before they leave.
    pub fn deliver(&self, bytes: Vec<u8>, next: Next, awaits: Option<Awaited>) {
        if let Some(mailbox) = &*self.mailbox() {
            mailbox.deliver.do_send(Deliver {
                bytes,
                next,
                awaits,
            });
        }
    }

    /// Closes it.
    pub fn kill(&self) {
        if let Some(mailbox) = &*self.mailbox() {
            mailbox.kill.do_send(Kill);
        }
    }

    /// Asks it to go to another thread.
    pub fn relocate(&self, order: Move) {
        if let Some(Mailbox {
            relocate: Some(relocate),
            ..
        }) = &*self.mailbox()
        {
            relocate.do_send(order);
        }
    }

    fn mailbox(&self) -> MutexGuard<'_, Option<Mailbox>> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rarely changing parts, locked.
    pub fn profile(&self) -> MutexGuard<'_, Profile> {
        self.profile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Profile {
    /// Of a connection that has said nothing yet.
    pub fn fresh() -> Self {
        Profile {
            resp: 2,
            user: "default".into(),
            ..Profile::default()
        }
    }

    /// The version of the protocol.
    pub fn version(&self) -> Version {
        match self.resp {
            3 => Version::Resp3,
            _ => Version::Resp2,
        }
    }

    /// Whether it listens to anything.
    pub fn is_subscribed(&self) -> bool {
        self.subscriptions.iter().any(|count| *count > 0)
    }
}

impl Clients {
    /// The next id.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A connection begins.
    pub fn add(&self, client: Arc<Client>) {
        self.lock().insert(client.id, client);
    }

    /// A connection is over.
    pub fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.lock().get(&id).cloned()
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A connection that nobody has made.
    pub(crate) fn client(id: u64) -> Arc<Client> {
        let identity = Identity {
            id,
            peer: "127.0.0.1:5".into(),
            local: "127.0.0.1:6".into(),
            fd: 3,
            worker: 0,
        };
        Arc::new(Client::new(identity, None))
    }
}
