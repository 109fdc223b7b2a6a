//! What can be started, and a running one.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use almandine_node::probe::free_port;

use super::build;
use super::spawn::spawn;
use super::tool::said_if_missing;
use super::{wait_for, wait_until};
use crate::resp::{Client, Protocol, Value, info_field};
use crate::sys;

/// How long a server may take until it answers PING.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Another process may take the free port that we found before the server binds it.
const START_ATTEMPTS: u32 = 5;

/// `yes` or `no`: whether every node that tests start serves its clients by io_uring.
const TRANSPORT_VARIABLE: &str = "ALMANDINE_IO_URING";
/// The parameter by which the connections of tests are carried by all threads alike.
const PLACEMENT_VARIABLE: &str = "ALMANDINE_THREAD_BUSY_LIMIT";

/// A server program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Our node, built by the harness.
    Almandine,
    /// Another build of our node.
    AlmandineAt(PathBuf),
    /// Redis or one of its kin; a name is looked up in PATH.
    Peer(PathBuf),
}

impl Server {
    /// `redis-server` of this machine, if installed.
    pub fn redis() -> Option<Server> {
        find_in_path("redis-server").map(Server::Peer)
    }

    /// `redis-server` of this machine. Without one the comparison is left out and says so, except where the variable `CI`
    /// promises that everything is installed.
    ///
    /// # Panics
    /// If it is missing where `CI` is set.
    pub fn redis_if_installed() -> Option<Server> {
        said_if_missing(Server::redis(), "redis-server")
    }

    /// Redis 8.2, if `ALMANDINE_PEER_REDIS82` names it.
    pub fn redis82() -> Option<Server> {
        peer_from_variable("ALMANDINE_PEER_REDIS82")
    }

    /// Valkey, if `ALMANDINE_PEER_VALKEY` names it.
    pub fn valkey() -> Option<Server> {
        peer_from_variable("ALMANDINE_PEER_VALKEY")
    }

    /// Those of Redis 8.2 and Valkey that variables name; says so if none does.
    pub fn newer_peers() -> Vec<Server> {
        let peers = [Server::redis82(), Server::valkey()];
        let peers: Vec<Server> = peers.into_iter().flatten().collect();
        if peers.is_empty() {
            eprintln!(
                "neither ALMANDINE_PEER_REDIS82 nor ALMANDINE_PEER_VALKEY names a server to compare with"
            );
        }
        peers
    }

    /// Every server of others that this machine has.
    pub fn peers() -> Vec<Server> {
        let redis = Server::redis_if_installed().into_iter();
        redis.chain(Server::newer_peers()).collect()
    }

    /// The server that the program at `path` is: our node by its name, everything else a peer.
    pub fn at(path: impl Into<PathBuf>) -> Server {
        let path = path.into();
        match path.file_name().and_then(OsStr::to_str) {
            Some("almandine") => Server::AlmandineAt(path),
            _ => Server::Peer(path),
        }
    }

    fn program(&self) -> &Path {
        match self {
            Server::Almandine => build::almandine(),
            Server::AlmandineAt(path) | Server::Peer(path) => path,
        }
    }

    fn is_ours(&self) -> bool {
        !matches!(self, Server::Peer(_))
    }
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Start {
    server: Server,
    args: Vec<OsString>,
    cpu: Option<usize>,
    dir: Option<PathBuf>,
    file_limit: Option<u64>,
    keeps_together: bool,
    port: Option<u16>,
    config_file: Option<PathBuf>,
}

/// A directory in which one server after the other may be started; removed when this is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// An empty one.
    ///
    /// # Panics
    /// If there can be none.
    pub fn new() -> Directory {
        Directory(fresh_dir().unwrap_or_else(|error| panic!("no directory: {error}")))
    }

    /// Where a file of it is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Default for Directory {
    fn default() -> Self {
        Directory::new()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What remains is in the target directory, where `cargo clean` finds it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Start {
    /// Starts `server` with nothing but a port and a directory of its own.
    pub fn new(server: Server) -> Start {
        Start {
            server,
            args: Vec::new(),
            cpu: None,
            dir: None,
            file_limit: None,
            keeps_together: false,
            port: None,
            config_file: None,
        }
    }

    /// Lets the server listen at this port and no other.
    pub fn port(mut self, port: u16) -> Start {
        self.port = Some(port);
        self
    }

    /// Lets our node place connections as it does for users: with the keys while their thread has time. In tests half of
    /// them are elsewhere, so that both ways to the keys are taken.
    pub fn keeps_together(mut self) -> Start {
        self.keeps_together = true;
        self
    }

    /// Gives the server a file of parameters, which it may write anew; what it is started with comes first all the same.
    pub fn config_file(mut self, path: PathBuf) -> Start {
        self.config_file = Some(path);
        self
    }

    /// Adds command line arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Start {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts the server in this directory, which stays when it has ended.
    pub fn dir(mut self, dir: &Directory) -> Start {
        self.dir = Some(dir.0.clone());
        self
    }

    /// Lets all threads of the server run on `cpu` only.
    pub fn cpu(mut self, cpu: Option<usize>) -> Start {
        self.cpu = cpu;
        self
    }

    /// Lets no file of the server grow beyond so many bytes; see [`sys::limit_files`].
    pub fn file_limit(mut self, bytes: u64) -> Start {
        self.file_limit = Some(bytes);
        self
    }

    /// Starts the server and waits until it answers.
    pub fn run(self) -> Result<Running, StartError> {
        for attempt in 1.. {
            match self.attempt() {
                Err(StartError::Ended { log, .. })
                    if attempt < START_ATTEMPTS
                        && self.port.is_none()
                        && log.contains("in use") => {}
                done => return done,
            }
        }
        unreachable!("the last attempt returns")
    }

    fn attempt(&self) -> Result<Running, StartError> {
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => fresh_dir()?,
        };
        let port = self.port.map_or_else(free_port, Ok)?;
        self.attempt_in(dir, port)
    }

    fn attempt_in(&self, dir: PathBuf, port: u16) -> Result<Running, StartError> {
        let log_path = dir.join("log");
        let log = File::options().create(true).append(true).open(&log_path)?;
        let mut command = Command::new(self.server.program());
        command
            .args(&self.config_file)
            .arg("--port")
            .arg(port.to_string())
            .arg("--dir")
            .arg(&dir)
            .args(["--enable-debug-command", "yes", "--save", ""])
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        // The node reads its parameters from such variables too: tests must not depend on whose shell they run in. Which
        // way to the clients all tests shall take may be chosen so.
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("ALMANDINE_") && name_text != TRANSPORT_VARIABLE {
                command.env_remove(name);
            }
        }
        if !self.keeps_together {
            command.env(PLACEMENT_VARIABLE, "0");
        }
        if !self.server.is_ours() {
            command.args(["--daemonize", "no", "--bind", "127.0.0.1"]);
        }
        command.args(&self.args);
        if let Some(bytes) = self.file_limit {
            sys::limit_files(&mut command, bytes);
        }
        let child = spawn(command, self.cpu).map_err(|error| StartError::Program {
            program: self.server.program().to_owned(),
            error,
        })?;
        let mut running = Running {
            start: self.clone(),
            server: self.server.clone(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            child,
            dir,
            keeps_dir: self.dir.is_some(),
            log_path,
        };
        running.wait_until_ready()?;
        Ok(running)
    }
}

/// Why a server could not be started.
#[derive(Debug)]
pub enum StartError {
    /// Files or ports failed.
    Io(io::Error),
    /// The program cannot be run.
    Program {
        /// Its path.
        program: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It ended before it answered.
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// All that it said.
        log: String,
    },
    /// It runs but does not answer.
    Silent {
        /// All that it said.
        log: String,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Io(error) => error.fmt(f),
            StartError::Program { program, error } => {
                write!(f, "cannot run {}: {error}", program.display())
            }
            StartError::Ended { status, log } => write!(f, "ended at once ({status}):\n{log}"),
            StartError::Silent { log } => write!(f, "does not answer:\n{log}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        StartError::Io(error)
    }
}

/// Which server answers, in the words of conversation headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `redis`, `valkey` or `almandine`.
    pub family: String,
    /// Major and minor version.
    pub version: (u32, u32),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}.{}", self.family, self.version.0, self.version.1)
    }
}

/// A running server. It is killed, and its directory removed, when this is dropped.
pub struct Running {
    start: Start,
    server: Server,
    address: SocketAddr,
    child: Child,
    dir: PathBuf,
    keeps_dir: bool,
    log_path: PathBuf,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote to stdout and stderr.
    pub fn log(&self) -> String {
        let log = fs::read(&self.log_path).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// A new RESP2 connection.
    ///
    /// # Panics
    /// If the server accepts none: the test cannot go on.
    pub fn client(&self) -> Client {
        self.client_with(Protocol::Resp2)
    }

    /// A new connection that speaks `protocol`.
    ///
    /// # Panics
    /// If the server accepts none: the test cannot go on.
    pub fn client_with(&self, protocol: Protocol) -> Client {
        Client::connect_with(self.address, protocol)
            .unwrap_or_else(|error| panic!("no connection to {:?}: {error}", self.server))
    }

    /// Memory that the process holds, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("a running process has VmRSS") * 1024
    }

    /// How many files and sockets the process has open.
    pub fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid()));
        files.expect("a running process has files").count()
    }

    /// Which server this is.
    pub fn identity(&self) -> Identity {
        self.identity_told_to(&mut self.client())
    }

    /// [`Running::identity`] of a server that does not talk to every client.
    pub fn identity_told_to(&self, client: &mut Client) -> Identity {
        if self.server.is_ours() {
            let version = (0, 0);
            let family = "almandine".to_owned();
            return Identity { family, version };
        }
        let info = client.call(&["INFO", "server"]);
        let info = info.ok().and_then(|info| info.text()).unwrap_or_default();
        let field = |name: &str| info_field(&info, name).map(str::to_owned);
        let (family, version) = match (field("valkey_version"), field("redis_version")) {
            (Some(version), _) => ("valkey", version),
            (None, Some(version)) => ("redis", version),
            (None, None) => ("unknown", String::new()),
        };
        let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
        Identity {
            family: family.to_owned(),
            version: (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        }
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for the process to end.
    pub fn wait_for_end(&mut self) -> Option<ExitStatus> {
        wait_for(STOP_TIMEOUT, || self.has_ended())
    }

    /// Kills the process as `kill -9` does and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops the process until [`Running::thaw`]. None of its threads runs any more when this returns.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn freeze(&self) {
        sys::signal(self.pid(), libc::SIGSTOP).expect("it runs");
        let tasks = format!("/proc/{}/task", self.pid());
        let stands_still = || {
            let mut tasks = fs::read_dir(&tasks).expect("a running process has threads");
            // The state follows the name, which is in brackets; a thread that is gone stands still too.
            tasks.all(|task| {
                let stat = task.and_then(|task| fs::read_to_string(task.path().join("stat")));
                stat.map_or(true, |stat| stat.contains(") T "))
            })
        };
        assert!(wait_until(STOP_TIMEOUT, stands_still), "it does not stop");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        sys::signal(self.pid(), libc::SIGCONT).expect("it runs");
    }

    /// Kills the process and starts it again in its directory, at its address, with its arguments and `more`.
    ///
    /// # Panics
    /// If it does not start again.
    pub fn restart(&mut self, more: &[&str]) {
        self.kill();
        let start = self.start.clone().args(more);
        let dir = std::mem::take(&mut self.dir);
        let again = start.attempt_in(dir, self.address.port());
        *self = again.unwrap_or_else(|error| panic!("it does not start again: {error}"));
    }

    fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let state = wait_for(START_TIMEOUT, || match self.has_ended() {
            Some(status) => Some(Err(status)),
            None => self.answers_ping().then_some(Ok(())),
        });
        let log = || self.log();
        match state {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => Err(StartError::Ended { status, log: log() }),
            None => Err(StartError::Silent { log: log() }),
        }
    }

    fn answers_ping(&self) -> bool {
        let Ok(mut client) = Client::connect(self.address) else {
            return false;
        };
        client.timeout(Duration::from_secs(1));
        match client.call(&["PING"]) {
            Ok(Value::Simple(_)) => true,
            // A password is asked for before anything else: only the log tells whether it is still loading.
            Ok(Value::Error(text)) if text.starts_with(b"NOAUTH") => {
                self.log().contains("Ready to accept connections")
            }
            _ => false,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // What remains is in the target directory, where `cargo clean` finds it. A server that was started again has left its
        // directory to its successor.
        if !self.keeps_dir && !self.dir.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn fresh_dir() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = build::scratch_dir().join(format!("{}-{number}", std::process::id()));
    // A process with our id may have been killed before it could clean up.
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

pub(super) fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

fn peer_from_variable(variable: &str) -> Option<Server> {
    std::env::var_os(variable).map(|path| Server::Peer(PathBuf::from(path)))
}
