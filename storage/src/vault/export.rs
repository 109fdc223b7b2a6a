//! A second copy of what the vault holds, for people: written after it, never read by the node.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::disk::sync_parent;

/// Replaces the file at `path` by `text`: whoever looks sees the old text or the new one.
///
/// # Errors
/// The disk fails; the old text is still there.
pub fn export(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}
