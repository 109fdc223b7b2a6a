//! A suffix becomes a file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use almandine_storage::disk::sync_parent;

use super::requests::{Cutter, Next};
use super::{Kept, Quarantine, Suffix};

/// What has become of a suffix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the disk, with so many requests.
    Kept(Kept, u64),
    /// It was before.
    Known(Kept),
    /// It changes nothing: the stream was only kept alive by it.
    Idle,
}

/// How a file is called while it is written.
const BEGUN: &str = ".begun-";

impl Quarantine {
    /// Writes what `read` has of `suffix`, and comes back when the disk has it. `read` is asked for bytes from an offset on, and
    /// appends at least one.
    ///
    /// # Errors
    /// The disk, or `read`.
    pub fn keep(
        &self,
        suffix: Suffix,
        time_ms: u64,
        read: impl FnMut(u64, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<Outcome> {
        let known = self.list()?.into_iter();
        if let Some(kept) = known.into_iter().find(|kept| kept.suffix == suffix) {
            return Ok(Outcome::Known(kept));
        }
        match fs::create_dir(&self.dir) {
            Ok(()) => sync_parent(&self.dir)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let begun = Begun::create(&self.dir)?;
        let (bytes, requests) = begun.fill(&suffix, read)?;
        if requests == 0 {
            return Ok(Outcome::Idle);
        }
        let kept = Kept {
            suffix,
            time_ms,
            bytes,
        };
        let path = self.path(&kept);
        fs::rename(&begun.path, &path)?;
        sync_parent(&path)?;
        Ok(Outcome::Kept(kept, requests))
    }
}

/// A file that is removed unless it has got another name.
struct Begun {
    path: PathBuf,
    file: File,
}

impl Begun {
    fn create(dir: &Path) -> io::Result<Begun> {
        // Two links may do this at once, if the primary changes meanwhile.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{BEGUN}{number}"));
        let file = File::create(&path)?;
        Ok(Begun { path, file })
    }

    /// Returns how many bytes and how many requests that change something were written.
    fn fill(
        &self,
        suffix: &Suffix,
        mut read: impl FnMut(u64, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<(u64, u64)> {
        let (mut bytes, mut requests) = (0, 0);
        let (mut cutter, mut piece) = (Cutter::default(), Vec::new());
        let (mut at, mut is_cut) = (suffix.from, true);
        while at < suffix.to {
            piece.clear();
            read(at, &mut piece)?;
            let left = usize::try_from(suffix.to - at).unwrap_or(usize::MAX);
            piece.truncate(left);
            at += piece.len() as u64;
            if !is_cut {
                bytes += piece.len() as u64;
                (&self.file).write_all(&piece)?;
                continue;
            }
            let cut = cutter.add(&piece, |args, raw| {
                if !["ping", "replconf"].iter().any(|word| args.is(0, word)) {
                    requests += u64::from(!args.is(0, "select"));
                    bytes += raw.len() as u64;
                    (&self.file).write_all(raw)?;
                }
                Ok(Next::More)
            });
            match cut {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => is_cut = false,
                cut => drop(cut?),
            }
            if !is_cut || at == suffix.to {
                // What nobody understands, or the beginning of a request, is kept as it is.
                let rest = cutter.rest();
                requests += u64::from(!rest.is_empty());
                bytes += rest.len() as u64;
                (&self.file).write_all(&rest)?;
            }
        }
        self.file.sync_all()?;
        Ok((bytes, requests))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // It has been renamed, or nobody needs it.
        let _ = fs::remove_file(&self.path);
    }
}
