//! System calls of a running server that fail or take long, as strace makes them.

use std::fs;
use std::process::Child;
use std::time::Duration;

use super::server::Running;
use super::tool::Tool;
use super::wait_until;
use crate::sys;

const PATIENCE: Duration = Duration::from_secs(30);

/// Lasts until it is dropped, or the server ends.
pub struct Trouble(Child);

impl Trouble {
    /// `args` say which calls fail and how. None where nobody may trace.
    ///
    /// # Panics
    /// If the server is not traced in time.
    pub fn begin(server: &Running, args: &[&str]) -> Option<Trouble> {
        let pid = server.pid().to_string();
        let tool = Tool::strace_if_usable()?.args(args.iter().copied());
        let tool = tool.args(["-f", "-q", "-o", "/dev/null", "-p", &pid]);
        let trouble = Trouble(tool.start());
        let is_traced = || {
            let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
                return true;
            };
            tasks.flatten().all(|task| {
                let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            })
        };
        assert!(wait_until(PATIENCE, is_traced), "the server is not traced");
        Some(trouble)
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        // It lets go of the server first, if that has not ended; then neither can fail.
        let _ = sys::signal(self.0.id(), libc::SIGTERM);
        let _ = self.0.wait();
    }
}
