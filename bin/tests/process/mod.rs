//! Runs the program. Nodes listen on a Unix socket in a directory of their own, so no port is shared.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a run ended and what it printed.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program until it ends by itself.
pub(crate) fn almandine(args: &[&str]) -> Run {
    almandine_in(&[], args, "")
}

/// The same with these variables and this standard input.
pub(crate) fn almandine_in(environment: &[(&str, &str)], args: &[&str], input: &str) -> Run {
    let child = spawn(environment, args, input, Stdio::piped());
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn spawn(environment: &[(&str, &str)], args: &[&str], input: &str, out: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_almandine"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ALMANDINE_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args(args)
        .envs(environment.iter().copied())
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that does not read its input has closed it.
    let _ = stdin.write_all(input.as_bytes());
    child
}

/// A directory that is removed again.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("almandine-{}-{number}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Left-overs in the temporary directory harm nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until `is_so`.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not seen in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    stream: UnixStream,
    pub(crate) dir: Directory,
}

impl Node {
    /// Starts a node with `node.conf` in a directory of its own and waits until it answers.
    pub(crate) fn start(
        name: &str,
        file: &str,
        environment: &[(&str, &str)],
        args: &[&str],
        input: &str,
    ) -> Self {
        let dir = Directory::new(name);
        dir.write("node.conf", file);
        Node::start_in(dir, environment, args, input)
    }

    /// Ends a node and starts another from the same file.
    pub(crate) fn restart(node: Node) -> Node {
        Node::restart_after(node, "TERM", Some(0))
    }

    /// The same, where the node ends by this signal and with this code.
    pub(crate) fn restart_after(mut node: Node, signal: &str, code: Option<i32>) -> Node {
        node.signal(signal);
        assert_eq!(node.wait(), code, "{signal}");
        let dir = std::mem::replace(&mut node.dir, Directory::new("moved"));
        Node::start_in(dir, &[], &[], "")
    }

    fn start_in(dir: Directory, environment: &[(&str, &str)], args: &[&str], input: &str) -> Self {
        let file = dir.path("node.conf").to_str().unwrap().to_owned();
        let (directory, socket) = (dir.0.to_str().unwrap(), dir.path("node.sock"));
        let fixed = [
            &file,
            "--port",
            "0",
            "--unixsocket",
            socket.to_str().unwrap(),
            "--dir",
            directory,
        ];
        let log = fs::File::create(dir.path("out")).unwrap();
        let mut child = spawn(environment, &[&fixed, args].concat(), input, log.into());
        let began = Instant::now();
        let stream = loop {
            if let Ok(stream) = UnixStream::connect(&socket) {
                break stream;
            }
            if let Some(status) = child.try_wait().unwrap() {
                let mut reason = String::new();
                child
                    .stderr
                    .take()
                    .unwrap()
                    .read_to_string(&mut reason)
                    .unwrap();
                panic!("the node has ended: {status}: {reason}");
            }
            assert!(began.elapsed() < PATIENCE, "the node does not answer");
            thread::sleep(Duration::from_millis(5));
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut node = Node { child, stream, dir };
        // The socket takes connections before anybody serves them.
        node.stream.write_all(b"PING\r\n").unwrap();
        node.read_until(|reply| reply.ends_with(b"\r\n"));
        node
    }

    /// Sends a line that nobody will answer.
    pub(crate) fn send(&mut self, line: &str) {
        write!(self.stream, "{line}\r\n").unwrap();
    }

    /// Sends a line and returns the raw reply. A node that still reads its files is asked again.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        const END: &[u8] = b"+PONG\r\n";
        const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";
        loop {
            write!(self.stream, "{line}\r\nPING\r\n").unwrap();
            let mut reply = self.read_until(|replies| {
                let is_second = replies.len() > LOADING.len();
                replies.ends_with(END) || (is_second && replies.ends_with(LOADING))
            });
            if !reply.starts_with(LOADING) && !reply.ends_with(LOADING) {
                reply.truncate(reply.len() - END.len());
                return String::from_utf8(reply).unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn read_until(&mut self, is_end: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut reply = Vec::new();
        while !is_end(&reply) {
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).unwrap();
            assert!(count > 0, "the node has closed the connection");
            reply.extend_from_slice(&bytes[..count]);
        }
        reply
    }

    /// CONFIG GET of one parameter.
    pub(crate) fn get(&mut self, name: &str) -> String {
        let reply = self.ask(&format!("CONFIG GET {name}"));
        reply.split("\r\n").nth(4).unwrap_or_default().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
    }

    /// The exit code, once the node has ended.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "the node does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path("out")).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
