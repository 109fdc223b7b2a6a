//! Nodes as processes of their own, which end with the drill however it ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use almandine_node::probe::{Client, Value, free_port, wait_for};

use super::{NAME, NODE};

/// How long a node may take until it answers.
const START_MAX: Duration = Duration::from_secs(30);
/// Another process may take a free port before the node does.
const START_ATTEMPTS: usize = 5;
/// How the log of a node that could not have its ports ends.
const PORT_TAKEN: &str = "in use";

/// Processes that run now.
#[derive(Debug, Clone, Default)]
pub(super) struct Processes(Arc<Mutex<Vec<Child>>>);

impl Processes {
    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        // Every change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills all. While the caller holds what this returns nobody starts another one.
    pub(super) fn end(&self) -> MutexGuard<'_, Vec<Child>> {
        let mut children = self.lock();
        children.drain(..).for_each(kill);
        children
    }

    fn start(&self, command: &mut Command) -> io::Result<u32> {
        let mut children = self.lock();
        let child = command.spawn()?;
        let id = child.id();
        children.push(child);
        Ok(id)
    }

    fn kill(&self, id: u32) {
        let mut children = self.lock();
        if let Some(index) = children.iter().position(|child| child.id() == id) {
            kill(children.swap_remove(index));
        }
    }

    fn has_ended(&self, id: u32) -> bool {
        let mut children = self.lock();
        let child = children.iter_mut().find(|child| child.id() == id);
        child.is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }
}

/// `kill -9`.
fn kill(mut child: Child) {
    // It may have ended already, which is as good.
    let _ = child.kill();
    let _ = child.wait();
}

/// Ends this process, a node of a drill, when the drill has ended: then nobody holds the other end of standard input.
pub(crate) fn end_with_drill() {
    thread::spawn(|| {
        // Nothing is ever written to it.
        let _ = io::stdin().read(&mut [0]);
        process::exit(1);
    });
}

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Data,
    Witness,
}

/// A node, which keeps its directory and its ports when it is killed.
#[derive(Debug)]
struct Node {
    name: String,
    duty: Duty,
    dir: PathBuf,
    port: u16,
    bus_port: u16,
    process: Option<u32>,
}

/// The nodes of a story, by number.
#[derive(Debug)]
pub(super) struct Nodes {
    dir: PathBuf,
    processes: Processes,
    nodes: Vec<Node>,
}

impl Nodes {
    /// None; those that are added have their directories in `dir`.
    pub(super) fn new(dir: &Path, processes: &Processes) -> Self {
        Nodes {
            dir: dir.to_owned(),
            processes: processes.clone(),
            nodes: Vec::new(),
        }
    }

    /// Starts one more.
    pub(super) fn add(&mut self, name: &str, duty: Duty) -> Result<(), String> {
        let number = self.nodes.len();
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let port = || free_port().map_err(|error| format!("no port is free: {error}"));
        self.nodes.push(Node {
            name: name.to_owned(),
            duty,
            dir,
            port: port()?,
            bus_port: port()?,
            process: None,
        });
        for _ in 1..START_ATTEMPTS {
            match self.start(number) {
                Err(reason) if reason.contains(PORT_TAKEN) => {
                    self.nodes[number].port = port()?;
                    self.nodes[number].bus_port = port()?;
                }
                started => return started,
            }
        }
        self.start(number)
    }

    /// Starts a node that does not run, and waits until it answers.
    pub(super) fn start(&mut self, number: usize) -> Result<(), String> {
        let id = self.spawn(number).map_err(|error| {
            let name = &self.nodes[number].name;
            format!("{name} cannot be started: {error}")
        })?;
        self.nodes[number].process = Some(id);
        let started = wait_for(START_MAX, || match self.processes.has_ended(id) {
            true => Some(false),
            false => self.answers(number).then_some(true),
        });
        let name = &self.nodes[number].name;
        match started {
            Some(true) => Ok(()),
            Some(false) => Err(format!(
                "{name} has ended at once: {}",
                self.last_line(number)
            )),
            None => Err(format!(
                "{name} does not answer: {}",
                self.last_line(number)
            )),
        }
    }

    fn spawn(&self, number: usize) -> io::Result<u32> {
        let node = &self.nodes[number];
        let output = File::options()
            .create(true)
            .append(true)
            .open(node.dir.join("output"))?;
        let mut command = Command::new(std::env::current_exe()?);
        // Ours are the only parameters, whatever the shell says; and an interrupt from the keyboard is for the drill, which
        // ends its nodes itself.
        let foreign = std::env::vars_os().map(|(name, _)| name);
        let is_foreign = |name: &OsString| {
            let name = name.to_string_lossy();
            name.starts_with("ALMANDINE_") || name == "RUST_LOG"
        };
        foreign.filter(is_foreign).for_each(|name| {
            command.env_remove(name);
        });
        command
            .args([NAME, NODE, "--dir"])
            .arg(&node.dir)
            .args(["--port", &node.port.to_string()])
            .args(["--cluster-port", &node.bus_port.to_string()])
            .args(["--bind", "127.0.0.1", "--cluster-enabled", "yes"])
            .args(["--logfile", "log", "--save", "", "--appendonly", "yes"])
            .args(["--enable-debug-command", "local"])
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        if node.duty == Duty::Witness {
            command.args(["--witness", "yes"]);
        }
        self.processes.start(&mut command)
    }

    fn answers(&self, number: usize) -> bool {
        matches!(self.ask(number, &["PING"]), Ok(Value::Simple(_)))
    }

    fn last_line(&self, number: usize) -> String {
        let dir = &self.nodes[number].dir;
        let said =
            ["output", "log"].map(|name| fs::read_to_string(dir.join(name)).unwrap_or_default());
        let lines = said.iter().flat_map(|text| text.lines());
        lines.last().unwrap_or("it has said nothing").to_owned()
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(id) = self.nodes[number].process.take() {
            self.processes.kill(id);
        }
    }

    /// What a node is called.
    pub(super) fn name(&self, number: usize) -> &str {
        &self.nodes[number].name
    }

    /// Where it listens for clients.
    pub(super) fn address(&self, number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.nodes[number].port))
    }

    /// Where it listens for nodes.
    pub(super) fn bus_port(&self, number: usize) -> u16 {
        self.nodes[number].bus_port
    }

    /// The numbers of those that hold data.
    pub(super) fn with_data(&self) -> impl Iterator<Item = usize> + use<'_> {
        let numbered = self.nodes.iter().enumerate();
        let with_data = numbered.filter(|(_, node)| node.duty == Duty::Data);
        with_data.map(|(number, _)| number)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// A new connection.
    pub(super) fn client(&self, number: usize) -> Result<Client, String> {
        let client = Client::connect(self.address(number));
        client.map_err(|error| format!("{}: {error}", self.name(number)))
    }

    /// The answer of a node, which is no error.
    pub(super) fn ask(&self, number: usize, words: &[&str]) -> Result<Value, String> {
        let name = self.name(number);
        let failed = |reason: &str| format!("{name}: {}: {reason}", words.join(" "));
        let answer = self.client(number)?.call(words);
        match answer.map_err(|error| failed(&error.to_string()))? {
            Value::Error(reason) => Err(failed(&String::from_utf8_lossy(&reason))),
            answer => Ok(answer),
        }
    }
}
