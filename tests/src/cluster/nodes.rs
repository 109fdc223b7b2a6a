//! Nodes: started, killed, frozen, started again, asked.

use std::net::SocketAddr;

use almandine_node::probe::free_port;

use super::links::Links;
use super::topology;
use crate::process::{Break, Directory, Running, Server, Start, StartError, complaints, fail_for};
use crate::resp::{Client, Value};
use crate::sys;

/// Names a server that the nodes are instead of ours: whether a test asks too much is seen with `redis-server`.
const SERVER_VARIABLE: &str = "CLUSTER_SERVER";
/// How many shards nodes have that are not told; see `--shards`.
const SHARDS_VARIABLE: &str = "CLUSTER_SHARDS";
/// Another process may take a free port before the node does.
const START_ATTEMPTS: u32 = 5;
/// What a node may say when others are gone or come back, or where tests share a slow disk.
const ORDINARY: [&str; 5] = [
    "Connection with master lost",
    "Connection with replica lost",
    "MASTER <-> REPLICA sync",
    "the disk is slow",
    "What only this node had is set aside",
];

/// How nodes are started.
#[derive(Debug, Clone)]
pub struct Plan {
    server: Server,
    args: Vec<String>,
    has_links: bool,
    has_file_limits: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let server = std::env::var_os(SERVER_VARIABLE);
        let shards = std::env::var(SHARDS_VARIABLE).ok();
        let several = |shards: String| {
            let args = ["--shards", shards.as_str(), "--threads", shards.as_str()];
            args.map(str::to_owned).to_vec()
        };
        Plan {
            server: server.map_or(Server::Almandine, Server::at),
            args: shards.map(several).unwrap_or_default(),
            has_links: false,
            has_file_limits: false,
        }
    }
}

impl Plan {
    /// Nodes with default parameters.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// Adds command line arguments.
    pub fn args(mut self, args: &[&str]) -> Plan {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Lets links between nodes break: see [`Cluster::isolate`].
    pub fn links(mut self) -> Plan {
        self.has_links = true;
        self
    }

    /// Lets files of nodes be limited: see [`Cluster::limit_files`].
    pub fn file_limits(mut self) -> Plan {
        self.has_file_limits = true;
        self
    }

    /// Starts so many nodes that do not know each other.
    ///
    /// # Panics
    /// If one does not start.
    pub fn start(self, count: usize) -> Cluster {
        let mut cluster = Cluster {
            plan: self,
            nodes: Vec::new(),
            announced: ORDINARY.map(str::to_owned).to_vec(),
        };
        for _ in 0..count {
            cluster.add(&[]);
        }
        cluster
    }
}

/// Nodes, by number. When it is dropped their logs are read, as [`TestNode`](crate::process::TestNode) does.
pub struct Cluster {
    plan: Plan,
    nodes: Vec<Node>,
    announced: Vec<String>,
}

/// It keeps its directory and its ports when it is killed.
struct Node {
    start: Start,
    dir: Directory,
    port: u16,
    bus_port: u16,
    /// If links can break.
    links: Option<Links>,
    running: Option<Running>,
    is_frozen: bool,
}

impl Cluster {
    /// Starts one more node, which knows nobody unless `args` name somebody. Returns its number.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn add(&mut self, args: &[&str]) -> usize {
        let mut attempts = 0;
        let node = loop {
            attempts += 1;
            match self.start_one(args) {
                Ok(node) => break node,
                Err(StartError::Ended { log, .. })
                    if attempts < START_ATTEMPTS && log.contains("in use") => {}
                Err(error) => panic!("a node does not start: {error}"),
            }
        };
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn start_one(&self, args: &[&str]) -> Result<Node, StartError> {
        let (dir, port, bus_port) = (Directory::new(), free_port()?, free_port()?);
        // CONFIG REWRITE needs one.
        let config_file = dir.path("server.conf");
        std::fs::write(&config_file, "")?;
        let links = self.plan.has_links;
        let links = links.then(|| Links::to(self.nodes.len(), port, bus_port));
        let links = links.transpose()?;
        let mut start = Start::new(self.plan.server.clone())
            .config_file(config_file)
            .dir(&dir)
            .port(port)
            .args(["--cluster-enabled", "yes", "--cluster-port"])
            .args([bus_port.to_string()])
            .args(self.plan.args.iter().map(String::as_str))
            .args(links.iter().flat_map(Links::args))
            .args(args.iter().copied());
        if self.plan.has_file_limits {
            // Without a limit at the start, reaching one later would be a signal instead of an error.
            start = start.file_limit(u64::MAX);
        }
        Ok(Node {
            running: Some(start.clone().run()?),
            start,
            dir,
            port,
            bus_port,
            links,
            is_frozen: false,
        })
    }

    /// How many nodes were ever started.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The numbers of those that run and are not frozen.
    pub fn running(&self) -> Vec<usize> {
        let numbered = self.nodes.iter().enumerate();
        let running = numbered.filter(|(_, node)| node.running.is_some() && !node.is_frozen);
        running.map(|(number, _)| number).collect()
    }

    /// A node that runs.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn node(&self, number: usize) -> &Running {
        let running = self.nodes[number].running.as_ref();
        running.unwrap_or_else(|| panic!("node {number} does not run"))
    }

    /// Where a node listens for clients, whether it runs or not.
    pub fn port(&self, number: usize) -> u16 {
        self.nodes[number].port
    }

    /// Where clients and nodes are told that they find a node.
    pub fn address(&self, number: usize) -> SocketAddr {
        let node = &self.nodes[number];
        let port = node.links.as_ref().map_or(node.port, Links::port);
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// Where a node listens for nodes.
    pub fn bus(&self, number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.nodes[number].bus_port))
    }

    /// The directory of a node.
    pub fn dir(&self, number: usize) -> &Directory {
        &self.nodes[number].dir
    }

    /// `127.0.0.1:port`, as redis-cli wants it.
    pub fn place(&self, number: usize) -> String {
        format!("127.0.0.1:{}", self.port(number))
    }

    /// `kill -9`.
    pub fn kill(&mut self, number: usize) {
        // What it was goes with it; its directory stays.
        self.nodes[number].running = None;
        self.nodes[number].is_frozen = false;
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// If the node does not run.
    #[track_caller]
    pub fn signal(&self, number: usize, signal: i32) {
        sys::signal(self.node(number).pid(), signal).expect("the node runs");
    }

    /// Waits for the end of a node that was told to end; its exit code. None = it was ended by a signal.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn wait_for_end(&mut self, number: usize) -> Option<i32> {
        let running = self.nodes[number].running.as_mut();
        let status = running.and_then(Running::wait_for_end);
        let Some(status) = status else {
            panic!("node {number} does not end\n{}", self.logs());
        };
        self.nodes[number].running = None;
        status.code()
    }

    /// Stops a node until [`Cluster::thaw`].
    #[track_caller]
    pub fn freeze(&mut self, number: usize) {
        self.node(number).freeze();
        self.nodes[number].is_frozen = true;
    }

    /// Lets a frozen node go on.
    #[track_caller]
    pub fn thaw(&mut self, number: usize) {
        self.node(number).thaw();
        self.nodes[number].is_frozen = false;
    }

    /// Breaks all links between a node and the others; clients reach all of them.
    pub fn isolate(&self, number: usize, how: Break) {
        let links = self.nodes.iter().map(|node| node.links.as_ref());
        let (mine, others): (Vec<_>, Vec<_>) = links
            .enumerate()
            .filter_map(|(other, links)| Some((other, links?)))
            .partition(|(other, _)| *other == number);
        let sources: Vec<_> = others.iter().map(|(_, links)| links.source()).collect();
        for (_, links) in mine {
            links.break_from(&sources, how);
            for (_, other) in &others {
                other.break_from(&[links.source()], how);
            }
        }
    }

    /// Undoes [`Cluster::isolate`].
    pub fn mend(&self) {
        for links in self.nodes.iter().filter_map(|node| node.links.as_ref()) {
            links.mend();
        }
    }

    /// Lets no file of a node grow beyond so many bytes, as if the disk were full.
    ///
    /// # Panics
    /// If the node does not run.
    #[track_caller]
    pub fn limit_files(&self, number: usize, bytes: u64) {
        let pid = self.node(number).pid();
        sys::change_file_limit(pid, bytes).expect("a limit can be changed");
    }

    /// How large the append-only file is that a node writes to.
    ///
    /// # Errors
    /// It has none.
    pub fn log_size(&self, number: usize) -> std::io::Result<u64> {
        let mut size = 0;
        for file in std::fs::read_dir(self.nodes[number].dir.path("appendonlydir"))? {
            size = size.max(file?.metadata()?.len());
        }
        Ok(size)
    }

    /// Whether a node that was not killed has ended all the same.
    pub fn has_ended(&mut self, number: usize) -> bool {
        let running = self.nodes[number].running.as_mut();
        running.is_some_and(|running| running.has_ended().is_some())
    }

    /// Removes the data of a killed node, but not what it knows of the cluster and of itself.
    ///
    /// # Errors
    /// Why that fails.
    pub fn wipe(&mut self, number: usize) -> Result<(), String> {
        let dir = &self.nodes[number].dir;
        let removed = [
            std::fs::remove_dir_all(dir.path("appendonlydir")),
            std::fs::remove_dir_all(dir.path("quarantine")),
            std::fs::remove_file(dir.path("dump.rdb")),
        ];
        let mut failed = removed.into_iter().filter_map(Result::err);
        match failed.find(|error| error.kind() != std::io::ErrorKind::NotFound) {
            Some(error) => Err(format!("node {number} cannot be wiped: {error}")),
            None => Ok(()),
        }
    }

    /// Starts a killed node again: the same directory, ports and arguments.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn restart(&mut self, number: usize) -> Result<(), String> {
        self.kill(number);
        let node = &mut self.nodes[number];
        let again = node.start.clone().run();
        node.running = Some(again.map_err(|error| format!("node {number}: {error}"))?);
        Ok(())
    }

    /// The same, with arguments that count more than those of before.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn restart_with(&mut self, number: usize, args: &[&str]) -> Result<(), String> {
        let node = &mut self.nodes[number];
        node.start = node.start.clone().args(args.iter().copied());
        self.restart(number)
    }

    /// A connection to a node.
    #[track_caller]
    pub fn client(&self, number: usize) -> Client {
        self.node(number).client()
    }

    /// The answer of a node to the words of `line`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn call(&self, number: usize, line: &str) -> Value {
        self.try_call(number, line)
            .unwrap_or_else(|error| panic!("{error}\n{}", self.logs()))
    }

    /// The same, as a result: no answer is an error, an error that is answered is not.
    pub fn try_call(&self, number: usize, line: &str) -> Result<Value, String> {
        let told = |error: &dyn std::fmt::Display| format!("node {number}: {line}: {error}");
        let running = self.nodes[number].running.as_ref();
        let running = running.ok_or_else(|| told(&"it does not run"))?;
        let client = Client::connect(running.address());
        let answer = client.map_err(|error| told(&error))?.line(line);
        answer.map_err(|error| told(&error))
    }

    /// Has a node do something that it must agree to.
    ///
    /// # Panics
    /// If it answers an error.
    #[track_caller]
    pub fn order(&self, number: usize, line: &str) -> Value {
        let answer = self.call(number, line);
        assert!(
            !answer.is_error(),
            "node {number}: {line}: {answer:?}\n{}",
            self.logs()
        );
        answer
    }

    /// What a node calls itself.
    #[track_caller]
    pub fn id(&self, number: usize) -> String {
        let id = self.order(number, "CLUSTER MYID").text();
        id.expect("a name is text")
    }

    /// Marks like `[3300->-id]` that a node shows of itself.
    ///
    /// # Panics
    /// If it shows nothing.
    #[track_caller]
    pub fn open_slots(&self, number: usize) -> Vec<String> {
        let nodes = self.order(number, "CLUSTER NODES");
        let report = topology::parse(&nodes);
        report.unwrap_or_else(|error| panic!("{error}")).open_slots
    }

    /// Brings two nodes together.
    #[track_caller]
    pub fn meet(&self, number: usize, other: usize) {
        let port = self.address(other).port();
        let node = &self.nodes[other];
        let bus_port = node.links.as_ref().map_or(node.bus_port, Links::bus_port);
        let line = format!("CLUSTER MEET 127.0.0.1 {port} {bus_port}");
        self.order(number, &line);
    }

    /// Permits ERROR and WARN lines that contain `text`.
    pub fn announce(&mut self, text: &str) {
        self.announced.push(text.to_owned());
    }

    /// What all nodes have said, for whoever must find out why.
    pub fn logs(&self) -> String {
        let log = |(number, node): (usize, &Node)| {
            let said = std::fs::read(node.dir.path("log")).unwrap_or_default();
            let state = if node.running.is_some() {
                "runs"
            } else {
                "dead"
            };
            format!(
                "--- node {number} (port {}, {state}):\n{}",
                node.port,
                String::from_utf8_lossy(&said)
            )
        };
        self.nodes.iter().enumerate().map(log).collect()
    }

    fn complaints(&self) -> Vec<String> {
        let of = |(number, node): (usize, &Node)| {
            let said = std::fs::read(node.dir.path("log")).unwrap_or_default();
            let found = complaints(&String::from_utf8_lossy(&said), &self.announced);
            let named = move |line: String| format!("node {number}: {line}");
            found.into_iter().map(named).collect::<Vec<_>>()
        };
        self.nodes.iter().enumerate().flat_map(of).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        fail_for(&self.complaints(), "logs say");
    }
}
