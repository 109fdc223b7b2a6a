//! What a connection has told the node about itself, and what it is in the middle of.
//!
//! The session travels with the connection's batches: whoever executes a request holds the session alone.

use std::sync::Arc;

use almandine_protocol::{Span, Version};

use crate::clients::Client;
use crate::commands::Args;
use crate::commands::table::CommandId;
use crate::shard::Tracks;

/// The state of one connection that commands read and change.
#[derive(Debug, Clone)]
pub struct Session {
    /// The connection as others see it (CLIENT LIST, CLIENT KILL); its id is never reused.
    pub client: Arc<Client>,
    /// Number of the selected database.
    pub db: usize,
    /// Chosen by HELLO.
    pub version: Version,
    /// True when no password is set, or AUTH or HELLO AUTH has succeeded.
    pub authenticated: bool,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// CLIENT NO-TOUCH: reads leave the access clock alone.
    pub no_touch: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT TRACKING.
    pub tracking: Tracks,
    /// Between MULTI and EXEC.
    pub transaction: Option<Transaction>,
    /// How many keys are watched.
    pub watched: usize,
    /// How many channels, patterns and shard channels are subscribed.
    pub subscriptions: usize,
    /// Whether others see that it is between MULTI and EXEC.
    pub shows_multi: bool,
    /// Close the connection once the reply is out.
    pub closing: bool,
}

/// CLIENT REPLY ON, OFF, SKIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// Every reply is sent.
    On,
    /// None is.
    Off,
    /// Not the one of the next command (set by SKIP, which itself is silent).
    SkipNext,
    /// Not the one of this command.
    SkipThis,
}

/// The requests between MULTI and EXEC.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    /// In order.
    pub queued: Vec<Queued>,
    /// Bytes that they hold.
    pub memory: usize,
    /// A request could not be queued: EXEC answers EXECABORT.
    pub aborted: bool,
}

/// A request that waits for EXEC.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The number of its command.
    pub id: CommandId,
    /// Its arguments.
    pub request: OwnedRequest,
}

/// A request that outlives the read buffer.
#[derive(Debug, Clone)]
pub struct OwnedRequest {
    buffer: Vec<u8>,
    spans: Vec<Span>,
}

impl Session {
    /// A new connection. `authenticated` = no password is asked.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Session {
            client,
            db: 0,
            version: Version::Resp2,
            authenticated,
            replies: Replies::On,
            no_touch: false,
            no_evict: false,
            tracking: Tracks::Nothing,
            transaction: None,
            watched: 0,
            subscriptions: 0,
            shows_multi: false,
            closing: false,
        }
    }

    /// The state behind requests that no client has sent: those of files and of a primary.
    pub fn internal() -> Self {
        Session::new(Arc::new(Client::internal()), true)
    }

    /// The number of the connection.
    pub fn id(&self) -> u64 {
        self.client.id
    }

    /// Whether only the commands of subscribers are allowed: RESP2 cannot tell a message from a reply.
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions > 0 && self.version == Version::Resp2
    }
}

impl OwnedRequest {
    /// Copies the arguments.
    pub fn copy(args: Args<'_>) -> Self {
        let (mut buffer, mut spans) = (Vec::new(), Vec::with_capacity(args.len()));
        for arg in args.from(0) {
            let start = buffer.len() as u32;
            buffer.extend_from_slice(arg);
            spans.push(Span {
                start,
                end: buffer.len() as u32,
            });
        }
        OwnedRequest { buffer, spans }
    }

    /// The arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.spans)
    }

    /// Bytes it has on the wire as an array of bulk strings.
    pub fn wire_size(&self) -> usize {
        let header = |n: usize| 3 + n.checked_ilog10().unwrap_or(0) as usize + 1;
        let args = self.spans.iter().map(|span| span.range().len());
        header(self.spans.len())
            + args
                .map(|length| header(length) + length + 2)
                .sum::<usize>()
    }

    /// Bytes it holds.
    pub fn memory(&self) -> usize {
        self.buffer.len() + self.spans.len() * size_of::<Span>()
    }
}
