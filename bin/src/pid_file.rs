//! The file that holds the process id while the node runs.

use std::fs;
use std::path::PathBuf;

use tracing::warn;

/// Removed when dropped, if it was written.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    is_written: std::cell::Cell<bool>,
}

impl PidFile {
    /// The file at `path`, not written yet; an empty path means none.
    pub(crate) fn new(path: &str) -> Self {
        PidFile {
            path: PathBuf::from(path),
            is_written: false.into(),
        }
    }

    /// Writes the id of this process. Called once the sockets are bound: a node that found its port busy must not touch
    /// the file of the one that runs.
    pub(crate) fn write(&self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        match fs::write(&self.path, format!("{}\n", std::process::id())) {
            Ok(()) => self.is_written.set(true),
            Err(error) => warn!(%error, "Failed to write PID file {}", self.path.display()),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.is_written.get() {
            // Nothing depends on it any more; who starts next overwrites it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
