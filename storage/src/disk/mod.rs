//! The file operations that durability rests on, behind one interface: the real disk, and a model of one that forgets
//! whatever was not synced.
//!
//! A name is durable once its directory is synced, bytes once their file is. Everything above this module is tested
//! against [`CrashDisk`], which forgets the rest.

mod crash;
mod real;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use crash::CrashDisk;
pub use real::RealDisk;

/// Makes the name `path` durable on the real disk: that of a file or directory that was made, renamed or removed.
///
/// # Errors
/// The disk fails, or the directory is gone.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    RealDisk.sync_dir(parent.unwrap_or(Path::new(".")))
}

/// A disk.
pub trait Disk: Debug + Clone {
    /// A file of it, open for writing at its end.
    type File: DiskFile;
    /// A file of it, open for reading from its start.
    type Reader: io::Read;

    /// A new, empty file; one of that name is replaced.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// The file at `path`, to go on writing at its end.
    fn append(&self, path: &Path) -> io::Result<Self::File>;
    /// The file at `path`.
    fn read(&self, path: &Path) -> io::Result<Self::Reader>;
    /// Bytes of the file at `path`.
    fn length(&self, path: &Path) -> io::Result<u64>;
    /// Cuts the file at `path` to its first `length` bytes, durably.
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;
    /// Gives a file another name, in place of the file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Whether there is a file at `path`.
    fn exists(&self, path: &Path) -> bool;
    /// Makes a directory if there is none.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A file that is being written.
pub trait DiskFile: Debug + Send + Sized {
    /// The same file once more, for a thread that syncs it.
    fn try_clone(&self) -> io::Result<Self>;
    /// Appends all of `bytes`. After an error some of them may have been appended.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to its first `length` bytes, to take back a write that failed half-way.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}
