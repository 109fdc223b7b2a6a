//! Programs that we did not write, used against a server.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::server::find_in_path;
use super::spawn::spawn;
use super::wait_for;

/// How long a program may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program and its first arguments.
#[derive(Debug, Clone)]
pub struct Tool {
    program: PathBuf,
    args: Vec<OsString>,
}

/// What a program did.
#[derive(Debug)]
pub struct Run {
    /// How it ended; none if it was stopped, as [`Tool::run_for`] does.
    pub status: Option<ExitStatus>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Tool {
    /// The program called `name` in PATH.
    pub fn find(name: &str) -> Option<Tool> {
        let program = find_in_path(name)?;
        Some(Tool {
            program,
            args: Vec::new(),
        })
    }

    /// The same. Without it the caller's check is left out and this says so, except where the variable `CI` promises that
    /// everything is installed.
    ///
    /// # Panics
    /// If it is missing where `CI` is set.
    pub fn if_installed(name: &str) -> Option<Tool> {
        said_if_missing(Tool::find(name), name)
    }

    /// An interpreter of Python that has redis-py; see [`Tool::if_installed`].
    ///
    /// # Panics
    /// If there is none where `CI` is set.
    pub fn python_with_redis_if_installed() -> Option<Tool> {
        // The one of the system has the system's packages, whatever PATH prefers.
        let system = Tool {
            program: "/usr/bin/python3".into(),
            args: Vec::new(),
        };
        let candidates = Tool::find("python3").into_iter().chain([system]);
        let found = candidates
            .filter(|python| python.program.is_file())
            .find(|python| python.can(&["-c", "import redis"]));
        said_if_missing(found, "redis-py")
    }

    /// Node.js with ioredis, if that is in a directory that NODE_PATH names; see [`Tool::if_installed`].
    ///
    /// # Panics
    /// If it is missing where `CI` is set.
    pub fn node_with_ioredis_if_installed() -> Option<Tool> {
        let found = Tool::find("node").filter(|node| node.can(&["-e", "require('ioredis')"]));
        said_if_missing(found, "ioredis")
    }

    /// strace, where it may trace; see [`Tool::if_installed`].
    ///
    /// # Panics
    /// If it is missing or may not where `CI` is set.
    pub fn strace_if_usable() -> Option<Tool> {
        let usable = Tool::find("strace").filter(|it| it.can(&["-o", "/dev/null", "true"]));
        said_if_missing(usable, "a strace that may trace")
    }

    /// Whether it ends well with these arguments.
    fn can(&self, args: &[&str]) -> bool {
        let trial = self.clone().args(args.iter().copied()).run(b"");
        trial.status.is_some_and(|status| status.success())
    }

    /// Adds arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Tool {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts it; nobody reads what it says.
    ///
    /// # Panics
    /// If it does not start.
    pub(super) fn start(&self) -> Child {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        spawn(command, None).unwrap_or_else(|error| panic!("{self:?} does not start: {error}"))
    }

    /// Runs it with this standard input until it ends.
    ///
    /// # Panics
    /// If it does not start or does not end.
    pub fn run(&self, input: &[u8]) -> Run {
        let run = self.run_at_most(input, PATIENCE);
        assert!(run.status.is_some(), "{self:?} does not end: {run:?}");
        run
    }

    /// Runs it for a while: a program that goes on for ever is stopped.
    ///
    /// # Panics
    /// If it does not start.
    pub fn run_for(&self, time: Duration) -> Run {
        self.run_at_most(b"", time)
    }

    fn run_at_most(&self, input: &[u8], time: Duration) -> Run {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            // A file of the user's must not change what redis-cli does.
            .env("REDISCLI_RCFILE", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child =
            spawn(command, None).unwrap_or_else(|error| panic!("{self:?} does not start: {error}"));
        let out = read(child.stdout.take());
        let err = read(child.stderr.take());
        let (stdin, input) = (child.stdin.take(), input.to_vec());
        let written = std::thread::spawn(move || {
            // A program that ends before it has read everything is judged by its output.
            let _ = stdin.map(|mut stdin| stdin.write_all(&input));
        });
        let status = wait(&mut child, time);
        let join = |thread: JoinHandle<Vec<u8>>| {
            let bytes = thread.join().expect("reading does not panic");
            String::from_utf8_lossy(&bytes).into_owned()
        };
        written.join().expect("writing does not panic");
        Run {
            status,
            out: join(out),
            err: join(err),
        }
    }
}

impl Run {
    /// Standard output of a run that ended well and complained about nothing.
    ///
    /// # Panics
    /// If it did not end well.
    #[track_caller]
    pub fn success(self) -> String {
        let ended_well = self.status.is_some_and(|status| status.success());
        assert!(ended_well && self.err.is_empty(), "{self:?}");
        self.out
    }
}

/// Passes `found` on; if there is nothing, says that `what` is missing, and does not go on where `CI` is set.
pub(super) fn said_if_missing<T>(found: Option<T>, what: &str) -> Option<T> {
    if found.is_none() {
        let missing = format!("{what} is not installed: nothing was compared or tried with it");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        eprintln!("{missing}");
    }
    found
}

fn read(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is what there is.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        bytes
    })
}

/// The status of a child that ends in time; any other is killed.
fn wait(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let ended = || child.try_wait().expect("a child can be waited for");
    let status = wait_for(time, ended);
    if status.is_some() {
        return status;
    }
    // It may have ended meanwhile.
    let _ = child.kill();
    let _ = child.wait();
    None
}
