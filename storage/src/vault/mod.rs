//! What a node must not forget of its cluster: a few keys, each change of which is on the disk before anybody hears of it.
//!
//! ```text
//!   cluster.db/          sled: mod.rs reads and writes it, birth.rs makes it and moves it
//!   cluster.db.tmp/      one that is being made; nobody has relied on it
//!   cluster.db.last/     the one whose place it is about to take
//!   cluster.db.copy/     what was read when the vault was opened
//!   cluster.db.lock      held while a process uses the vault
//!   cluster.db.ballast   room that is given up when the disk is full
//!   cluster.db.old-<t>   what was set aside
//! ```
//!
//! A value is framed (`frame.rs`) and cut into pieces (`pieces.rs`). Five habits of sled 0.34.7 are dealt with here: its `flush`
//! does not sync, so the vault does; it reads half-written snapshots of its own, so they are removed before it opens; it
//! overwrites what it still needs, so it is read from a copy and made anew before it grows long (`birth.rs`); it syncs no page
//! that is too large for a segment, so the pieces are small; and it remembers an error for ever, so a vault that has met one is
//! done.

mod birth;
mod error;
mod export;
mod frame;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use sled::transaction::{ConflictableTransactionError, TransactionError};

pub use self::birth::set_aside;
pub use self::error::{Damage, VaultError};
pub use self::export::export;
use self::frame::{deframe, frame};
use self::pieces::Piece;

/// Bytes kept so that a full disk can be lived through once.
pub const BALLAST: u64 = 8 << 20;

/// Bytes that may be appended to a store before another takes its place: two of sled's segments, so none is cut off.
const LONG: usize = 1 << 20;

/// One change of a commit: what a key holds from now on, none = nothing.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// A key of the vault's own: without it the directory holds no vault, or not all of one.
const FORMAT_KEY: &[u8] = b"\0format";
const FORMAT: &[u8] = b"almandine vault 1";

/// See the module.
#[derive(Debug)]
pub struct Vault {
    dir: PathBuf,
    /// None once an error has made it useless.
    store: Option<Store>,
    /// Of each key, how many pieces there are.
    pieces: BTreeMap<Vec<u8>, u32>,
    ballast: u64,
    /// Held for the life of the vault.
    _lock: File,
}

/// sled, and a descriptor of its log to sync it by.
#[derive(Debug)]
struct Store {
    db: sled::Db,
    log: File,
    /// Bytes that were appended to its log since it was opened.
    written: usize,
}

impl Vault {
    /// Opens the vault at `dir`, or makes an empty one if there is none.
    ///
    /// # Errors
    /// Another process has it, the disk fails, or it is damaged: then nothing is repaired and nothing guessed.
    pub fn open(dir: &Path) -> Result<Vault, VaultError> {
        Vault::open_with_ballast(dir, BALLAST)
    }

    /// [`Vault::open`] with another amount of ballast than [`BALLAST`].
    ///
    /// # Errors
    /// As for [`Vault::open`].
    pub fn open_with_ballast(dir: &Path, ballast: u64) -> Result<Vault, VaultError> {
        let lock = birth::lock(dir)?;
        let opened = match open_store(dir) {
            // sled cannot even read without room to write.
            Err(VaultError::Full { .. }) if birth::drop_ballast(dir)? => open_store(dir),
            opened => opened,
        };
        let (store, pieces) = opened?;
        birth::keep_ballast(dir, ballast)?;
        Ok(Vault {
            dir: dir.to_owned(),
            store: Some(store),
            pieces,
            ballast,
            _lock: lock,
        })
    }

    /// Everything that the vault holds.
    ///
    /// # Errors
    /// A value is damaged, or the disk fails.
    pub fn load(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, VaultError> {
        let mut values = BTreeMap::new();
        let held = self.store()?.held(&self.dir)?;
        for (key, (framed, _)) in pieces::gather(&held, &self.dir)? {
            if key != FORMAT_KEY {
                let value = deframe(&key, &framed);
                let value = value.map_err(|why| VaultError::damaged(&self.dir, &key, why))?;
                values.insert(key, value.to_vec());
            }
        }
        Ok(values)
    }

    /// Makes all of `changes` or, if the machine dies, none of them. When it returns, they are on the disk. Of several
    /// changes of one key the last counts.
    ///
    /// # Errors
    /// The changes may or may not be on the disk, and the vault is of no more use: the process must end.
    pub fn commit(&mut self, changes: &[Change]) -> Result<(), VaultError> {
        let outcome = match self.write(changes) {
            Err(VaultError::Full { .. }) if self.make_room()? => self.write(changes),
            outcome => outcome,
        };
        let outcome = outcome.and_then(|()| self.shorten());
        if outcome.is_err() {
            self.store = None;
        }
        outcome
    }

    /// Puts a new store in the place of one that has grown long, unless the disk has no room for it now.
    fn shorten(&mut self) -> Result<(), VaultError> {
        if self.store()?.written < LONG {
            return Ok(());
        }
        let held = self.store()?.held(&self.dir)?;
        match birth::prepare(&self.dir, held) {
            // It is tried again when as much more has been written.
            Err(VaultError::Full { .. }) => self.store_mut()?.written = 0,
            prepared => {
                prepared?;
                self.store = None;
                self.store = Some(birth::replace(&self.dir)?);
            }
        }
        Ok(())
    }

    /// Whether the room is still there that is kept for a full disk; without it the next full disk ends the process.
    pub fn has_ballast(&self) -> bool {
        self.ballast == 0 || birth::has_ballast(&self.dir, self.ballast)
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), VaultError> {
        let changes: BTreeMap<&[u8], Option<&[u8]>> = changes
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_deref()))
            .collect();
        let mut batch = sled::Batch::default();
        for (key, value) in &changes {
            assert!(*key != FORMAT_KEY, "this key is the vault's own");
            let framed = value.map(|value| frame(key, value));
            let before = self.pieces.get(*key).copied().unwrap_or(0);
            let after = pieces::put(key, framed.as_deref(), before, &mut batch);
            match after {
                0 => self.pieces.remove(*key),
                after => self.pieces.insert(key.to_vec(), after),
            };
        }
        let dir = self.dir.clone();
        self.store_mut()?.write(&batch, &dir)
    }

    /// Gives the ballast up and opens the store anew, which remembers that it had no room. False if the ballast is gone.
    fn make_room(&mut self) -> Result<bool, VaultError> {
        self.store = None;
        if !birth::drop_ballast(&self.dir)? {
            return Ok(false);
        }
        let (store, pieces) = open_store(&self.dir)?;
        (self.store, self.pieces) = (Some(store), pieces);
        Ok(true)
    }

    fn store(&self) -> Result<&Store, VaultError> {
        self.store.as_ref().ok_or_else(|| VaultError::Done {
            path: self.dir.clone(),
        })
    }

    fn store_mut(&mut self) -> Result<&mut Store, VaultError> {
        self.store.as_mut().ok_or_else(|| VaultError::Done {
            path: self.dir.clone(),
        })
    }
}

/// A new store that holds what the vault at `dir` held, and of each key how many pieces there are. Everything is read once before:
/// what is damaged must be known before anybody relies on the rest, and is left as it is.
fn open_store(dir: &Path) -> Result<(Store, BTreeMap<Vec<u8>, u32>), VaultError> {
    let held = birth::held(dir)?;
    let mut found = pieces::gather(&held, dir)?;
    let damaged = |key: &[u8], why| VaultError::damaged(dir, key, why);
    let format = found.remove(FORMAT_KEY);
    let format = format.ok_or_else(|| damaged(FORMAT_KEY, Damage::Missing))?;
    match deframe(FORMAT_KEY, &format.0) {
        Ok(FORMAT) => {}
        Ok(_) => return Err(damaged(FORMAT_KEY, Damage::Version)),
        Err(why) => return Err(damaged(FORMAT_KEY, why)),
    }
    for (key, (framed, _)) in &found {
        deframe(key, framed).map_err(|why| damaged(key, why))?;
    }
    birth::prepare(dir, held)?;
    let pieces = found.into_iter().map(|(key, (_, pieces))| (key, pieces));
    Ok((birth::replace(dir)?, pieces.collect()))
}

impl Store {
    /// Everything in it, in pieces.
    fn held(&self, dir: &Path) -> Result<Vec<Piece>, VaultError> {
        let held: sled::Result<_> = self.db.iter().collect();
        held.map_err(|error| VaultError::of_sled("read", dir, &error))
    }

    /// One transaction, then everything that sled has written is synced.
    fn write(&mut self, batch: &sled::Batch, dir: &Path) -> Result<(), VaultError> {
        let done = self.db.transaction(|keys| {
            keys.apply_batch(batch)?;
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        match done {
            Ok(()) => {}
            Err(TransactionError::Storage(error)) => {
                return Err(VaultError::of_sled("write to", dir, &error));
            }
            Err(TransactionError::Abort(())) => unreachable!("nothing above aborts"),
        }
        let flushed = self.db.flush();
        self.written += flushed.map_err(|error| VaultError::of_sled("write to", dir, &error))?;
        self.sync(dir)
    }

    fn sync(&self, dir: &Path) -> Result<(), VaultError> {
        let synced: io::Result<()> = self.log.sync_data();
        synced.map_err(|error| VaultError::of_disk("sync", dir, error))
    }
}
