//! Our node in a test.

use std::ops::{Deref, DerefMut};

use super::server::{Directory, Running, Server, Start};

/// A node of our own that a test has started. When it is dropped its log is read: a line of level ERROR or WARN that the
/// test did not announce, or a panic, fails the test.
pub struct TestNode {
    running: Running,
    announced: Vec<String>,
}

impl TestNode {
    /// Starts a node with default parameters.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start() -> TestNode {
        TestNode::start_with(&[])
    }

    /// Starts a node with these command line arguments.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_with(args: &[&str]) -> TestNode {
        let running = Start::new(Server::Almandine).args(args).run();
        TestNode {
            running: running.unwrap_or_else(|error| panic!("the node does not start: {error}")),
            announced: Vec::new(),
        }
    }

    /// Starts a node in a directory that stays, with these command line arguments.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_in(dir: &Directory, args: &[&str]) -> TestNode {
        let running = Start::new(Server::Almandine).dir(dir).args(args).run();
        TestNode {
            running: running.unwrap_or_else(|error| panic!("the node does not start: {error}")),
            announced: Vec::new(),
        }
    }

    /// Permits ERROR and WARN lines that contain `text`.
    pub fn announce(&mut self, text: &str) {
        self.announced.push(text.to_owned());
    }

    /// Permits what a node says when its links to others break.
    pub fn announce_lost_links(&mut self) {
        for text in [
            "Connection with master lost",
            "Connection with replica lost",
        ] {
            self.announce(text);
        }
    }

    /// Permits what a node says of requests that were run elsewhere and are refused here: Redis passes on what it has refused
    /// itself, if it has found a key expired on the way.
    pub fn announce_refused_requests(&mut self) {
        self.announce("a request that was run elsewhere is refused here");
    }

    /// Permits what a node says that was killed while it wrote.
    pub fn announce_torn_end(&mut self) {
        self.announce("the end of the append-only file was not written whole");
    }

    fn complaints(&self) -> Vec<String> {
        complaints(&self.running.log(), &self.announced)
    }
}

impl Deref for TestNode {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for TestNode {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        fail_for(&self.complaints(), "the node's log says");
    }
}

/// The end of a test whose nodes have complained; if it fails already, only tells of it.
pub(crate) fn fail_for(complaints: &[String], whose: &str) {
    if complaints.is_empty() {
        return;
    }
    let complaints = complaints.join("\n");
    if std::thread::panicking() {
        eprintln!("{whose}:\n{complaints}");
    } else {
        panic!("{whose} what no test announced:\n{complaints}");
    }
}

/// Lines of `log` that no healthy node writes, except those that contain an announced text.
pub(crate) fn complaints<A: AsRef<str>>(log: &str, announced: &[A]) -> Vec<String> {
    log.lines()
        .filter(|line| is_complaint(line))
        .filter(|line| !announced.iter().any(|text| line.contains(text.as_ref())))
        .map(str::to_owned)
        .collect()
}

fn is_complaint(line: &str) -> bool {
    let line = &without_colours(line);
    // The level is a word of its own near the line's beginning, after a time or a date.
    let level = line.split_whitespace().take(6).any(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
        word == "ERROR" || word == "WARN"
    });
    level
        || line.contains("panicked at")
        || line.contains("\"level\":\"ERROR\"")
        || line.contains("\"level\":\"WARN\"")
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_errors_and_panics_are_complaints_unless_announced() {
        let log = "2026-01-01T00:00:00Z  INFO almandine: ready\n\
                   2026-01-01T00:00:00Z  WARN almandine: slow disk\n\
                   2026-01-01T00:00:00Z ERROR almandine: lost\n\
                   thread 'main' panicked at src/x.rs:1:1:\n";
        assert_eq!(complaints::<&str>(log, &[]).len(), 3);
        let coloured = "\x1b[2m12:00\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mx\x1b[0m: slow";
        assert_eq!(complaints::<&str>(coloured, &[]), [coloured]);
        assert_eq!(complaints(log, &["slow disk"]).len(), 2);
    }
}
