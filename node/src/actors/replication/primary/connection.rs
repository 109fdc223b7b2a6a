//! The socket to the primary: lines during the handshake, bytes afterwards. CLIENT LIST shows it, CLIENT KILL ends it.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler};
use almandine_protocol::write_request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::LinkError;
use crate::actors::connection::messages::{Deliver, Kill};
use crate::actors::dial::connect;
use crate::clients::{Client, Identity, Mailbox, Peer};
use crate::node::Node;
use crate::stats::bump;

/// Longest line of a handshake, bytes.
const LINE_MAX: usize = 4096;
/// Room for one read, bytes.
const READ: usize = 256 << 10;

/// See the module.
pub(super) struct Connection {
    stream: TcpStream,
    /// Received and not looked at.
    pub(super) unread: Vec<u8>,
    patience: Duration,
    client: Arc<Client>,
    node: Arc<Node>,
    killed: Arc<Notify>,
    _killer: Addr<Killer>,
}

/// Hears of CLIENT KILL.
struct Killer(Arc<Notify>);

impl Actor for Killer {
    type Context = Context<Self>;
}

impl Handler<Kill> for Killer {
    type Result = ();

    fn handle(&mut self, _: Kill, _: &mut Context<Self>) {
        self.0.notify_one();
    }
}

impl Handler<Deliver> for Killer {
    type Result = ();

    /// A primary subscribes to nothing and waits for nothing.
    fn handle(&mut self, _: Deliver, _: &mut Context<Self>) {}
}

impl Connection {
    /// Connects to the primary that the node follows.
    pub(super) async fn open(node: &Arc<Node>) -> Result<Self, LinkError> {
        let params = node.params();
        let patience = Duration::from_secs(u64::from(params.repl_timeout));
        let upstream = node.replication.upstream().clone();
        let upstream = upstream.ok_or(LinkError::Outdated)?;
        let address = (upstream.host.as_str(), upstream.port);
        let stream = timeout(patience, connect(address, &params.bind_source_addr)).await;
        let stream = stream.map_err(|_| LinkError::Silence)??;
        stream.set_nodelay(true)?;
        let killed = Arc::new(Notify::new());
        let killer = Killer(killed.clone()).start();
        let mailbox = Mailbox {
            deliver: killer.clone().recipient(),
            kill: killer.clone().recipient(),
            relocate: None,
        };
        let identity = Identity {
            id: node.clients.next_id(),
            peer: stream.peer_addr()?.to_string(),
            local: stream.local_addr()?.to_string(),
            fd: stream.as_raw_fd(),
            worker: 0,
        };
        let client = Arc::new(Client::new(identity, Some(mailbox)));
        client.profile().peer = Peer::Primary;
        node.clients.add(client.clone());
        Ok(Connection {
            stream,
            unread: Vec::new(),
            patience,
            client,
            node: node.clone(),
            killed,
            _killer: killer,
        })
    }

    /// Sends a request.
    pub(super) async fn request(&mut self, words: &[&[u8]]) -> Result<(), LinkError> {
        let mut bytes = Vec::new();
        write_request(words.iter().copied(), &mut bytes);
        self.send(&bytes).await
    }

    /// Sends bytes.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        bump(&self.client.bytes_out, bytes.len() as u64);
        let sent = timeout(self.patience, self.stream.write_all(bytes)).await;
        Ok(sent.map_err(|_| LinkError::Silence)??)
    }

    /// The next line, without its end. Empty ones are signs of life.
    pub(super) async fn line(&mut self) -> Result<String, LinkError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = line.trim_ascii_end();
                if !line.is_empty() {
                    return Ok(line.escape_ascii().to_string());
                }
                continue;
            }
            if self.unread.len() > LINE_MAX {
                return Err(LinkError::Refused("a line without an end".into()));
            }
            let read = timeout(self.patience, self.read()).await;
            read.map_err(|_| LinkError::Silence)??;
        }
    }

    /// Reads more. May be given up at any time without loss.
    pub(super) async fn read(&mut self) -> Result<usize, LinkError> {
        self.unread.reserve(READ);
        let count = tokio::select! {
            biased;
            () = self.killed.notified() => return Err(LinkError::Killed),
            count = self.stream.read_buf(&mut self.unread) => count?,
        };
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        bump(&self.client.bytes_in, count as u64);
        let counters = &self.node.replication.counters;
        counters.received.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.node.clients.remove(self.client.id);
    }
}
