//! Many files against one server.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::Conversation;
use super::play::{is_death, mismatches, play};
use super::rewrite::rewritten;
use crate::process::{Identity, Running, Start, StartError};
use crate::resp::Protocol;

/// What a suite showed.
#[derive(Debug, Default)]
pub struct Report {
    /// Sections that went as written.
    pub passed: usize,
    /// Sections that this server is not compared in, with the reason.
    pub skipped: Vec<String>,
    /// One text for each file, section or request that did not go as written.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        write!(
            f,
            "{} sections passed, {} failed, {} skipped",
            self.passed,
            self.failures.len(),
            self.skipped.len()
        )
    }
}

/// A server on which conversations are played one after the other.
pub struct Stage {
    start: Start,
    server: Running,
    identity: Identity,
}

impl Stage {
    /// Starts the server.
    pub fn open(start: Start) -> Result<Stage, StartError> {
        let server = start.clone().run()?;
        let identity = server.identity();
        Ok(Stage {
            start,
            server,
            identity,
        })
    }

    /// Which server plays.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Plays the file at `path` over `protocol`.
    pub fn play_file(&mut self, path: &Path, protocol: Protocol, report: &mut Report) {
        let conversation = match Conversation::read(path) {
            Ok(conversation) => conversation,
            Err(bad) => return report.failures.push(bad.to_string()),
        };
        if let Some(bad) = conversation.unanswered() {
            report.failures.push(bad.to_string());
            return;
        }
        for section in conversation.sections_for(protocol) {
            let heading = format!(
                "{}:{} ({protocol:?}, {})",
                path.display(),
                section.span.0 + 1,
                self.identity
            );
            if let Some(reason) = section.skipped_for(&self.identity) {
                report.skipped.push(format!("{heading}: {reason}"));
                continue;
            }
            match play(section, protocol, &self.server, false) {
                Ok(played) => match mismatches(section, played).as_slice() {
                    [] => report.passed += 1,
                    found => {
                        let found: String = found.iter().map(ToString::to_string).collect();
                        report.failures.push(format!("{heading}\n{found}"));
                    }
                },
                Err(error) => {
                    report.failures.push(format!("{heading}\n  {error}"));
                    if is_death(&error) {
                        self.raise_the_dead(report);
                    }
                }
            }
        }
    }

    /// Rewrites the file at `path` with this server's answers. `true` if that changed it.
    pub fn rewrite_file(&mut self, path: &Path) -> io::Result<bool> {
        let conversation = Conversation::read(path).map_err(io::Error::other)?;
        let text = rewritten(&conversation, &self.server).map_err(io::Error::other)?;
        let changed = fs::read_to_string(path)? != text;
        if changed {
            fs::write(path, text)?;
        }
        Ok(changed)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// A server that has died is a failure, and the rest of the conversations deserve another one.
    fn raise_the_dead(&mut self, report: &mut Report) {
        let Some(status) = self.server.wait_for_end() else {
            return;
        };
        let log = self.server.log();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        report.failures.push(format!(
            "the server has died ({status}):\n{}",
            tail.join("\n")
        ));
        match self.start.clone().run() {
            Ok(server) => self.server = server,
            Err(error) => report
                .failures
                .push(format!("the server does not start again: {error}")),
        }
    }
}

/// The conversation files at or below `path`, sorted.
pub fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(files);
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "conv")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
