//! The listening sockets. Started by `NodeActor` on the control thread; owns nothing but the sockets; accepts, refuses
//! what must be refused, hands the rest to a worker.

mod balance;
mod patience;
mod workers;

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Recipient, WrapFuture};
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tracing::{info, warn};

use self::balance::Balance;
pub use self::workers::{Seat, Worker, set_shards};
use super::connection::{ConnectionActor, Socket};
use super::lifeline::{Child, ChildExited, Lifeline};
use super::shard::handle::Shards;
use crate::clients::{Client, Identity};
use crate::moment::now_ms;
use crate::node::Node;
use crate::params::Params;
use crate::session::Session;

/// Pause after an accept that failed (out of descriptors): accepting at once would spin.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How often clients are looked at that may have to be closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bound sockets of a node.
#[derive(Debug, Default)]
pub struct Sockets {
    tcp: Vec<std::net::TcpListener>,
    unix: Vec<std::os::unix::net::UnixListener>,
}

/// See the module.
pub struct ListenerActor {
    node: Arc<Node>,
    sockets: Option<Sockets>,
    workers: Vec<Worker>,
    parent: Recipient<ChildExited>,
    _lifeline: Lifeline,
}

impl Sockets {
    /// Binds every address of `bind` and the unix socket. An address with a leading `-` may be missing on this machine.
    ///
    /// # Errors
    /// The address that could not be bound, and why.
    pub fn bind(params: &Params) -> Result<Self, String> {
        let mut sockets = Sockets::default();
        if params.port != 0 {
            sockets.tcp = bind_all(params, params.port)?;
        }
        if !params.unixsocket.is_empty() {
            let socket = bind_unix(params).map_err(|error| {
                format!("Failed opening Unix socket {}: {error}", params.unixsocket)
            })?;
            sockets.unix.push(socket);
        }
        if sockets.tcp.is_empty() && sockets.unix.is_empty() {
            return Err("Configured to not listen anywhere, exiting.".into());
        }
        Ok(sockets)
    }

    /// The same sockets once more, for a listener that is started again.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Sockets {
            tcp: self
                .tcp
                .iter()
                .map(|socket| socket.try_clone())
                .collect::<io::Result<_>>()?,
            unix: self
                .unix
                .iter()
                .map(|socket| socket.try_clone())
                .collect::<io::Result<_>>()?,
        })
    }

    /// The kinds of sockets there are: `tcp`, `unix`.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> + use<> {
        let tcp = (!self.tcp.is_empty()).then_some("tcp");
        tcp.into_iter()
            .chain((!self.unix.is_empty()).then_some("unix"))
    }

    /// The addresses, for people.
    pub fn addresses(&self) -> Vec<String> {
        self.tcp
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .map(|address| address.to_string())
            .collect()
    }
}

impl ListenerActor {
    /// Accepts on `sockets` once it is started.
    pub fn new(
        node: Arc<Node>,
        sockets: Sockets,
        workers: Vec<Worker>,
        parent: Recipient<ChildExited>,
    ) -> Self {
        let _lifeline = Lifeline::new(Child::Listener, parent.clone());
        ListenerActor {
            node,
            sockets: Some(sockets),
            workers,
            parent,
            _lifeline,
        }
    }

    fn accept_on(&self, sockets: Sockets, ctx: &mut Context<Self>) -> io::Result<()> {
        for socket in sockets.tcp {
            let door = Door {
                node: self.node.clone(),
                workers: self.workers.clone(),
                name: socket.local_addr()?.to_string(),
                parent: self.parent.clone(),
            };
            let listener = TcpListener::from_std(socket)?;
            ctx.spawn(async move { door.accept_tcp(listener).await }.into_actor(self));
        }
        for socket in sockets.unix {
            let name = self.node.params().unixsocket.clone();
            let door = Door {
                node: self.node.clone(),
                workers: self.workers.clone(),
                name,
                parent: self.parent.clone(),
            };
            let listener = UnixListener::from_std(socket)?;
            ctx.spawn(async move { door.accept_unix(listener).await }.into_actor(self));
        }
        Ok(())
    }
}

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let sockets = self.sockets.take().unwrap_or_default();
        info!(addresses = sockets.addresses().join(" "), "listening");
        if let Err(error) = self.accept_on(sockets, ctx) {
            warn!(%error, "a listening socket cannot be used");
            ctx.stop();
        }
        ctx.run_interval(PATIENCE, |me, _| {
            patience::close_overdue(&me.node, now_ms())
        });
        let mut balance = Balance::new(self.workers.clone());
        ctx.run_interval(balance::INTERVAL, move |me, _| {
            balance.look(&me.node, &me.parent)
        });
    }
}

/// One listening socket.
struct Door {
    node: Arc<Node>,
    workers: Vec<Worker>,
    /// Its own address.
    name: String,
    parent: Recipient<ChildExited>,
}

impl Door {
    async fn accept_tcp(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit_tcp(stream, peer),
                Err(error) => self.rest(&error).await,
            }
        }
    }

    async fn accept_unix(self, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => self.admit_unix(stream),
                Err(error) => self.rest(&error).await,
            }
        }
    }

    async fn rest(&self, error: &io::Error) {
        warn!(%error, "Accepting client connection");
        tokio::time::sleep(ACCEPT_RETRY).await;
    }

    fn admit_tcp(&self, stream: TcpStream, peer: SocketAddr) {
        let params = self.node.params();
        let local = stream
            .local_addr()
            .map_or_else(|_| self.name.clone(), |address| address.to_string());
        if let Err(error) = prepare(&stream, &params) {
            warn!(%error, "Error setting up a connection");
            return;
        }
        let Ok(mut stream) = stream.into_std() else {
            return;
        };
        let refusal = self.refusal(&params, Some(peer.ip()));
        if let Some(refusal) = refusal {
            self.node.traffic.doors.refuse();
            // The peer may be gone already; then nobody needs the reason.
            let _ = stream.write_all(refusal.as_bytes());
            return;
        }
        self.hand_over(peer.to_string(), local, stream.as_raw_fd(), move || {
            Socket::tcp(stream)
        });
    }

    fn admit_unix(&self, stream: UnixStream) {
        let Ok(mut stream) = stream.into_std() else {
            return;
        };
        if let Some(refusal) = self.refusal(&self.node.params(), None) {
            self.node.traffic.doors.refuse();
            // As above.
            let _ = stream.write_all(refusal.as_bytes());
            return;
        }
        let name = format!("{}:0", self.name);
        self.hand_over(name.clone(), name, stream.as_raw_fd(), move || {
            Socket::unix(stream)
        });
    }

    /// Why this client is not let in.
    fn refusal(&self, params: &Params, peer: Option<IpAddr>) -> Option<&'static str> {
        // Those handed over and not finished: a worker may not have come to register the last ones.
        let connections: usize = self.workers.iter().map(Worker::connections).sum();
        if connections >= params.maxclients {
            return Some("-ERR max number of clients reached\r\n");
        }
        let is_foreign = peer.is_some_and(|ip| !ip.to_canonical().is_loopback());
        (is_foreign && params.protected_mode && params.requirepass.is_empty()).then_some(PROTECTED)
    }

    /// Gives the connection to a worker.
    fn hand_over(
        &self,
        peer: String,
        local: String,
        fd: i32,
        open: impl FnOnce() -> io::Result<Socket> + Send + 'static,
    ) {
        let limit = self.node.params().thread_busy_limit;
        let Some(worker) = balance::choose(&self.workers, limit) else {
            return;
        };
        self.node.traffic.doors.accept();
        let (node, parent) = (self.node.clone(), self.parent.clone());
        let identity = Identity {
            id: node.clients.next_id(),
            peer,
            local,
            fd,
            worker: worker.number(),
        };
        let is_running = worker.seat().run(move |shards, seat| match open() {
            Ok(socket) => start(node, shards, socket, identity, parent, seat),
            Err(error) => warn!(%error, "a connection could not be moved to its thread"),
        });
        if !is_running {
            warn!("a connection is dropped, its thread has ended");
        }
    }
}

fn prepare(stream: &TcpStream, params: &Params) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if params.tcp_keepalive > 0 {
        let idle = Duration::from_secs(params.tcp_keepalive);
        let probes = TcpKeepalive::new()
            .with_time(idle)
            .with_interval((idle / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        SockRef::from(stream).set_tcp_keepalive(&probes)?;
    }
    Ok(())
}

/// Starts the connection on the current thread.
fn start(
    node: Arc<Node>,
    shards: Shards,
    socket: Socket,
    identity: Identity,
    parent: Recipient<ChildExited>,
    seat: Seat,
) {
    let lifeline = Lifeline::new(Child::Connection(identity.id), parent);
    let needs_no_password = node.params().requirepass.is_empty();
    ConnectionActor::create(|ctx| {
        let mailbox = ConnectionActor::mailbox(ctx);
        let client = Arc::new(Client::new(identity, Some(mailbox)));
        node.clients.add(client.clone());
        let session = Box::new(Session::new(client, needs_no_password));
        ConnectionActor::new(node, shards, socket, session, seat, lifeline)
    });
}

/// Binds a port on every address of `bind`. An address with a leading `-` may be missing on this machine.
///
/// # Errors
/// The address that could not be bound, and why.
pub fn bind_all(params: &Params, port: u16) -> Result<Vec<std::net::TcpListener>, String> {
    let mut sockets = Vec::new();
    for address in &params.bind {
        let (name, is_optional) = match address.strip_prefix('-') {
            Some(name) => (name, true),
            None => (address.as_str(), false),
        };
        match bind_tcp(name, port, params.tcp_backlog) {
            Ok(bound) => sockets.extend(bound),
            Err(error) if is_optional && is_absent(&error) => {}
            Err(error) => {
                return Err(format!(
                    "Failed listening on port {port} (tcp), aborting: {name}: {error}"
                ));
            }
        }
    }
    Ok(sockets)
}

fn bind_tcp(name: &str, port: u16, backlog: u32) -> io::Result<Vec<std::net::TcpListener>> {
    let addresses: Vec<SocketAddr> = match name {
        "*" => vec![SocketAddr::from(([0, 0, 0, 0], port))],
        "::*" => vec![SocketAddr::from(([0_u16; 8], port))],
        name => std::net::ToSocketAddrs::to_socket_addrs(&(name, port))?.collect(),
    };
    addresses
        .into_iter()
        .map(|address| listen(address, backlog))
        .collect()
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<std::net::TcpListener> {
    let socket = RawSocket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// The socket file is made with the rights of `unixsocketperm` from its first moment: the directory entry appears under a
/// private name, gets its rights, and only then its own name.
fn bind_unix(params: &Params) -> io::Result<std::os::unix::net::UnixListener> {
    let path = std::path::Path::new(&params.unixsocket);
    let private = path.with_extension(format!("{}.tmp", std::process::id()));
    let socket = std::os::unix::net::UnixListener::bind(&private)?;
    let rights = if params.unixsocketperm == 0 {
        0o700
    } else {
        params.unixsocketperm
    };
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(rights))?;
    std::fs::rename(&private, path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// This machine has no such address, or not this kind of addresses.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    ) || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

/// What a client from elsewhere reads while there is no password.
const PROTECTED: &str = "-DENIED Almandine is running in protected mode because protected mode is enabled and no password \
    is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to \
    connect from external computers, you may adopt one of the following solutions: 1) Disable protected mode by sending \
    the command 'CONFIG SET protected-mode no' from the loopback interface, when the node is not reachable from the \
    internet. 2) Set 'protected-mode no' in the configuration file and restart the node. 3) Start the node with the \
    '--protected-mode no' option. 4) Set a password with 'requirepass'.\r\n";
