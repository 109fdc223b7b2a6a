//! What a connection has told the node about itself, and what it is in the middle of.
//!
//! The session travels with the connection's batches: whoever executes a request holds the session alone.

use std::sync::Arc;

use almandine_protocol::{Span, Version};
use almandine_storage::Shared;

use crate::clients::Client;
use crate::commands::Args;
use crate::commands::table::CommandId;
use crate::replication::{Announced, Attachment};
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
    /// READONLY: a replica may answer what its primary would.
    pub is_readonly: bool,
    /// ASKING: the next command is about a slot on its way here.
    pub is_asking: bool,
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
    /// While the first request of a batch has an argument so long that whoever keeps it should not copy it.
    pub whole: Option<Whole>,
    /// Parts of the replies of the batch that runs.
    pub attached: Attached,
    /// The offset of the journal after the last batch of this connection that has changed anything.
    pub written: u64,
    /// REPLCONF.
    pub announced: Option<Box<Announced>>,
    /// Set by PSYNC, with `closing`: the connection goes on as that of a replica.
    pub attachment: Option<Box<Attachment>>,
}

/// A request that begins with its longest argument, in a block of its own:
/// `argument \r\n | what precedes it in the request | what follows it`.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The block.
    pub block: Arc<Vec<u8>>,
    /// Bytes of the argument.
    pub length: usize,
    /// Bytes of what precedes it.
    pub before: usize,
}

/// Long values that are not copied into the replies to which they belong.
#[derive(Debug, Clone, Default)]
pub struct Attached(Vec<(usize, Shared)>);

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
            is_readonly: false,
            is_asking: false,
            tracking: Tracks::Nothing,
            transaction: None,
            watched: 0,
            subscriptions: 0,
            shows_multi: false,
            closing: false,
            whole: None,
            attached: Attached::default(),
            written: 0,
            announced: None,
            attachment: None,
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

    /// Whether the shard knows nothing of the connection: it may go to another thread.
    pub fn is_plain(&self) -> bool {
        self.transaction.is_none()
            && self.watched == 0
            && self.subscriptions == 0
            && self.tracking == Tracks::Nothing
            && self.attachment.is_none()
            && !self.closing
            && !self.client.profile().monitors
    }

    /// Whether only the commands of subscribers are allowed: RESP2 cannot tell a message from a reply.
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions > 0 && self.version == Version::Resp2
    }
}

impl Whole {
    /// `argument` without a copy, if it is the one that the block begins with.
    pub fn share(&self, argument: &[u8]) -> Option<Shared> {
        let is_first = std::ptr::eq(argument.as_ptr(), self.block.as_ptr());
        (is_first && argument.len() == self.length)
            .then(|| Shared::beginning_of(&self.block, self.length))?
    }

    /// The first `end` bytes in the order in which they came.
    pub fn in_order(&self, end: usize) -> Vec<u8> {
        let (argument, others) = self.block[..end].split_at(self.length + 2);
        let (before, after) = others.split_at(self.before);
        [before, argument, after].concat()
    }
}

impl Attached {
    /// `bytes` belong at `position` of the replies.
    pub fn push(&mut self, position: usize, bytes: Shared) {
        self.0.push((position, bytes));
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes belong behind `position`.
    #[inline]
    pub fn len_from(&self, position: usize) -> usize {
        let behind = self.0.iter().filter(|(at, _)| *at >= position);
        behind.map(|(_, bytes)| bytes.len()).sum()
    }

    /// The replies end at `position`.
    pub fn truncate(&mut self, position: usize) {
        self.0.retain(|(at, _)| *at < position);
    }

    /// Cuts the replies from `start` on off `out`: whole, with what belongs to them.
    pub fn cut_off(&mut self, out: &mut Vec<u8>, start: usize) -> Vec<u8> {
        let (mut whole, mut from) = (Vec::new(), start);
        for (at, bytes) in self.0.iter().filter(|(at, _)| *at >= start) {
            whole.extend_from_slice(&out[from..*at]);
            whole.extend_from_slice(bytes);
            from = *at;
        }
        whole.extend_from_slice(&out[from..]);
        self.truncate(start);
        out.truncate(start);
        whole
    }

    /// Takes them, in order.
    pub fn take(&mut self) -> Vec<(usize, Shared)> {
        std::mem::take(&mut self.0)
    }
}

impl OwnedRequest {
    /// Copies the arguments.
    pub fn copy(args: Args<'_>) -> Self {
        OwnedRequest::new(args.from(0))
    }

    /// A request of these arguments.
    pub fn new<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let (mut buffer, mut spans) = (Vec::new(), Vec::with_capacity(args.len()));
        for arg in args {
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
