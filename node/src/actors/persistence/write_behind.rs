//! A file that grows is given to the disk as it grows, so that the sync at its end has not to wait for all of it.
//!
//! ```text
//!   given before    given last       new
//!   ──────────────┼────────────────┼────────────▶
//!   on the disk     on its way       in memory
//! ```
//! A sync each time would do that too, but the file system commits and the disk empties its cache for each of them, which
//! whoever shares the machine notices. Nothing counts as durable before the sync at the end.

#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "a system call that no library offers")
)]

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;

/// Bytes that are given to the disk together (`rdb-save-incremental-fsync`, `aof-rewrite-incremental-fsync`). Giving them is
/// work in the kernel that nobody interrupts: with the 4 MiB of Redis a node on a busy processor serves nobody for that long.
const STEP: u64 = 512 << 10;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct WriteBehind {
    /// Before this offset all is on the disk.
    done: u64,
    /// Before this one it is there or on its way.
    given: u64,
}

impl WriteBehind {
    /// The file is `size` bytes long now. Waits while the disk is more than one step behind.
    ///
    /// # Errors
    /// The disk could not take what it was given.
    pub(super) fn grown(&mut self, file: &mut File, size: u64) -> io::Result<()> {
        if size - self.given < STEP {
            return Ok(());
        }
        write_out(file, self.done, self.given, Until::Done)?;
        write_out(file, self.given, size, Until::Begun)?;
        (self.done, self.given) = (self.given, size);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Begun,
    Done,
}

#[cfg(target_os = "linux")]
fn write_out(file: &mut File, from: u64, to: u64, until: Until) -> io::Result<()> {
    // A length of 0 would mean all that follows.
    if from == to {
        return Ok(());
    }
    let range = i64::try_from(from).and_then(|from| Ok((from, i64::try_from(to)? - from)));
    let (from, length) = range.map_err(io::Error::other)?;
    let flags = match until {
        Until::Begun => libc::SYNC_FILE_RANGE_WRITE,
        Until::Done => {
            libc::SYNC_FILE_RANGE_WAIT_BEFORE
                | libc::SYNC_FILE_RANGE_WRITE
                | libc::SYNC_FILE_RANGE_WAIT_AFTER
        }
    };
    // SAFETY: it only reads numbers.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), from, length, flags) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Unsupported => file.sync_data(),
            error => Err(error),
        },
    }
}

#[cfg(not(target_os = "linux"))]
fn write_out(file: &mut File, _: u64, _: u64, until: Until) -> io::Result<()> {
    match until {
        Until::Begun => file.sync_data(),
        Until::Done => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_given_to_the_disk_step_by_step_and_is_whole() {
        let path = std::env::temp_dir().join(format!("write-behind-{}", std::process::id()));
        let mut file = File::create(&path).expect("a file");
        let mut behind = WriteBehind::default();
        let (part, mut size) = (vec![7; 128 << 10], 0);
        let mut seen = Vec::new();
        for _ in 0..10 {
            file.write_all(&part).expect("written");
            size += part.len() as u64;
            behind.grown(&mut file, size).expect("given");
            seen.push((behind.done >> 10, behind.given >> 10));
        }
        let expected = [(0, 0), (0, 512), (512, 1024)]
            .map(|step| [step; 4])
            .concat();
        assert_eq!(seen, expected[1..11]);
        let length = std::fs::metadata(&path).expect("there").len();
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(length, size);
    }
}
