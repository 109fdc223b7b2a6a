//! A snapshot of a database that goes on changing.
//!
//! Every entry carries one bit, its generation. While no snapshot is taken all entries are of the same generation. A walk
//! begins by making the other one the newest: from then on the entries of the old generation are those that existed at that
//! moment and were not saved yet. The walk saves them bucket by bucket; whoever is about to change or remove one saves it
//! first; new entries are of the newest generation and so no part of the snapshot. When the walk has been everywhere, all
//! entries are of one generation again. Nothing is copied but what is saved.
//!
//! A long value is saved in parts, between which others have their turn. Until it is saved whole nobody may change it
//! ([`Db::must_wait`]); whoever removes it, or empties the database, leaves it to the walk.

mod leaving;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::mem;

use super::{Db, Removed, Stored};
use crate::access::Access;
use crate::entry::{Entry, SAVED};
use crate::tables::Tables;

/// How keys are written into a snapshot.
pub trait Form: Debug + Send {
    /// Appends a key, or goes on with it, until about as much is done as `work` says, which is counted down in bytes looked
    /// at; at least a little. True once the key is there whole.
    fn write(
        &mut self,
        entry: Stored<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool;
}

/// How far a key has been written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// Whether everything before the value is there.
    pub(crate) is_begun: bool,
    /// The node, bucket or rank that is being written, ...
    pub(crate) unit: u64,
    /// ... the strings of it that are there, ...
    pub(crate) skip: usize,
    /// ... and bytes of the next one that are.
    pub(crate) offset: usize,
}

/// What is saved in one go, bytes looked at; a longer value is saved in parts.
const ONE_GO: usize = 64 << 10;
/// What is saved for others between two turns of the walk, bytes looked at.
const EFFORT_MAX: usize = 512 << 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Walk {
    form: Box<dyn Form>,
    pass: Pass,
    cursor: u64,
    /// Nobody wants the snapshot any more; the bits must become equal all the same.
    is_discarding: bool,
    /// Ends within the current value, if there is one.
    saved: Vec<u8>,
    /// Saved while the current value was under way, which it follows.
    behind: Vec<u8>,
    current: Option<Current>,
    /// Long values that somebody wants to change.
    wanted: VecDeque<Vec<u8>>,
    /// Long values that were removed before they were saved.
    aside: VecDeque<Entry>,
    /// What the database, or a slot of it, held when it was emptied: everything old of the slots that have a table here is here.
    detached: Option<Tables<Entry>>,
    /// Long values that were saved after they were removed.
    done: Vec<Entry>,
    /// Bytes looked at for others since the walk had its turn.
    effort: usize,
    /// Saved bytes that nobody has taken at which whoever would change an unsaved key waits.
    limit: usize,
    /// The number of the database when the walk began.
    number: usize,
}

/// A long value that is being saved in parts.
#[derive(Debug)]
struct Current {
    key: Vec<u8>,
    at: Position,
    /// Where it was removed meanwhile; else it is in the table.
    entry: Option<Entry>,
}

/// Where the walk goes: everywhere in the database, then everywhere in what it held when it was emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Database,
    Detached,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    Saved,
    /// It is long, and has become the current one.
    Begun,
    /// It is long, and another one is the current one.
    Postponed,
}

/// What the entries of a walk are compared with and read by.
#[derive(Debug, Clone, Copy)]
struct Lens {
    generation: u32,
    access: Access,
}

impl Lens {
    fn stored<'a>(&self, entry: &'a Entry) -> Stored<'a> {
        Stored {
            key: entry.key(),
            value: entry.lend(),
            expire_at: entry.expire_at(),
            usage: self.access.usage(entry.access()),
        }
    }
}

impl Walk {
    fn new(form: Box<dyn Form>, number: usize, limit: usize, pass: Pass) -> Self {
        Walk {
            form,
            pass,
            cursor: 0,
            is_discarding: false,
            saved: Vec::new(),
            behind: Vec::new(),
            current: None,
            wanted: VecDeque::new(),
            aside: VecDeque::new(),
            detached: None,
            done: Vec::new(),
            effort: 0,
            limit,
            number,
        }
    }

    fn is_whole(&self) -> bool {
        self.pass == Pass::Over && !self.is_urgent()
    }

    fn is_urgent(&self) -> bool {
        self.current.is_some() || !self.wanted.is_empty() || !self.aside.is_empty()
    }

    fn is_current(&self, key: &[u8]) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.entry.is_none() && current.key == key)
    }

    /// Saves an entry of the old generation that is not the current one, if it is not long.
    fn visit(&mut self, entry: &mut Entry, lens: Lens, work: &mut usize) -> Visit {
        if entry.generation() == lens.generation {
            return Visit::Saved;
        }
        if self.is_discarding {
            entry.set_generation(lens.generation);
            return Visit::Saved;
        }
        let out = match &self.current {
            None => &mut self.saved,
            Some(_) => &mut self.behind,
        };
        let (start, mut at) = (out.len(), Position::default());
        if self.form.write(lens.stored(entry), &mut at, work, out) {
            entry.set_generation(lens.generation);
            return Visit::Saved;
        }
        if self.current.is_some() {
            self.behind.truncate(start);
            return Visit::Postponed;
        }
        self.current = Some(Current {
            key: entry.key().to_vec(),
            at,
            entry: None,
        });
        Visit::Begun
    }

    /// As [`Walk::visit`] of whatever a bucket holds.
    fn pass(&mut self, entry: &mut Entry, lens: Lens, work: &mut usize) {
        let mut most = ONE_GO;
        if entry.generation() != lens.generation
            && !self.is_current(entry.key())
            && self.visit(entry, lens, &mut most) == Visit::Postponed
        {
            self.want(entry.key());
        }
        *work = work.saturating_sub(ONE_GO - most);
    }

    fn want(&mut self, key: &[u8]) {
        if !self.wanted.iter().any(|wanted| wanted == key) {
            self.wanted.push_back(key.to_vec());
        }
    }

    /// Saves an entry that must be saved here and now, however long it is.
    fn save_whole(&mut self, entry: &mut Entry, lens: Lens) {
        let mut work = usize::MAX;
        if !self.is_current(entry.key()) {
            self.visit(entry, lens, &mut work);
        } else if let Some(mut current) = self.current.take() {
            let (stored, out) = (lens.stored(entry), &mut self.saved);
            while !self.form.write(stored, &mut current.at, &mut work, out) {
                work = usize::MAX;
            }
            entry.set_generation(lens.generation);
            self.saved.append(&mut self.behind);
        }
        self.effort = self.effort.saturating_add(usize::MAX - work);
    }

    /// Whether whoever wants to change the entry must wait until it is saved.
    fn holds(&mut self, entry: &mut Entry, lens: Lens) -> bool {
        if entry.generation() == lens.generation || self.is_discarding {
            return false;
        }
        let key = entry.key();
        let is_full = self.saved.len() + self.behind.len() > self.limit;
        if is_full || self.effort > EFFORT_MAX || self.is_current(key) {
            return true;
        }
        if self.wanted.iter().any(|wanted| wanted == key) {
            return true;
        }
        let mut work = ONE_GO;
        let visit = self.visit(entry, lens, &mut work);
        self.effort += ONE_GO - work;
        if visit == Visit::Postponed {
            self.want(entry.key());
        }
        visit != Visit::Saved
    }

    /// An entry has left the table.
    fn take_over(&mut self, mut entry: Entry, lens: Lens) {
        if entry.generation() == lens.generation || self.is_discarding {
            return;
        }
        let mut work = ONE_GO;
        let visit = match self.is_current(entry.key()) {
            true => Visit::Begun,
            false => self.visit(&mut entry, lens, &mut work),
        };
        self.effort += ONE_GO - work;
        match (visit, &mut self.current) {
            (Visit::Begun, Some(current)) => current.entry = Some(entry),
            (Visit::Postponed, _) => self.aside.push_back(entry),
            _ => {}
        }
    }

    /// The database is empty; what it held is kept here, but for what is known to be new.
    fn detach(&mut self, tables: Tables<Entry>) -> Option<Tables<Entry>> {
        if self.is_discarding {
            self.pass = Pass::Over;
            return Some(tables);
        }
        if self.pass == Pass::Database {
            (self.pass, self.cursor) = (Pass::Detached, 0);
        }
        match &mut self.detached {
            Some(detached) => Some(detached.absorb(tables)),
            None => {
                self.detached = Some(tables);
                None
            }
        }
    }

    /// A little more of the walk.
    fn advance(&mut self, tables: &mut Tables<Entry>, lens: Lens, work: &mut usize) {
        if self.current.is_some() {
            self.go_on(tables, lens, work);
        } else if let Some(entry) = self.aside.pop_front() {
            self.current = Some(Current {
                key: entry.key().to_vec(),
                at: Position::default(),
                entry: Some(entry),
            });
        } else if let Some(key) = self.wanted.pop_front() {
            let entry = holder(tables, &mut self.detached, &key);
            if entry.is_some_and(|entry| entry.generation() != lens.generation) {
                self.current = Some(Current {
                    key,
                    at: Position::default(),
                    entry: None,
                });
            }
        } else {
            self.look_around(tables, lens, work);
        }
    }

    /// Visits one bucket.
    fn look_around(&mut self, tables: &mut Tables<Entry>, lens: Lens, work: &mut usize) {
        let mut detached = self.detached.take();
        let (tables, next) = match (self.pass, &mut detached) {
            (Pass::Database, Some(_)) if !self.is_discarding => (Some(tables), Pass::Detached),
            (Pass::Database, _) => (Some(tables), Pass::Over),
            (Pass::Detached, detached) => (detached.as_mut(), Pass::Over),
            (Pass::Over, _) => (None, Pass::Over),
        };
        self.cursor = tables.map_or(0, |tables| {
            tables.scan_mut(self.cursor, &mut |entry| self.pass(entry, lens, work))
        });
        self.detached = detached;
        *work = work.saturating_sub(size_of::<usize>());
        if self.cursor == 0 {
            self.pass = next;
        }
    }

    /// Goes on with the current value.
    fn go_on(&mut self, tables: &mut Tables<Entry>, lens: Lens, work: &mut usize) {
        let Some(mut current) = self.current.take() else {
            return;
        };
        let entry = match &mut current.entry {
            Some(entry) => Some(entry),
            None => holder(tables, &mut self.detached, &current.key),
        };
        let Some(entry) = entry else {
            unreachable!("whoever removes the current value hands it over");
        };
        let stored = lens.stored(entry);
        if !self
            .form
            .write(stored, &mut current.at, work, &mut self.saved)
        {
            self.current = Some(current);
            return;
        }
        entry.set_generation(lens.generation);
        self.done.extend(current.entry);
        self.saved.append(&mut self.behind);
    }
}

/// The entry of a key of which something old may be unsaved.
fn holder<'a>(
    tables: &'a mut Tables<Entry>,
    detached: &'a mut Option<Tables<Entry>>,
    key: &[u8],
) -> Option<&'a mut Entry> {
    let hash = tables.hash(key);
    match detached {
        Some(detached) if detached.covers(hash) => detached.get_mut_hashed(hash, key),
        _ => tables.get_mut_hashed(hash, key),
    }
}

impl Db {
    /// The keys that exist now are the snapshot; `form` writes each of them once. The database is known as `number` until the
    /// end, wherever it stands then. While more than `limit` bytes wait to be taken, whoever would change an unsaved key waits.
    ///
    /// # Panics
    /// If a walk is under way.
    pub fn begin_walk(&mut self, number: usize, form: Box<dyn Form>, limit: usize) {
        assert!(self.walk.is_none(), "one walk at a time");
        self.generation ^= SAVED;
        let pass = match self.is_empty() {
            true => Pass::Over,
            false => Pass::Database,
        };
        let walk = Walk::new(form, number, limit, pass);
        self.walk = Some(Box::new(walk));
    }

    /// The number by which the walk knows the database; none without a walk.
    pub fn walk_number(&self) -> Option<usize> {
        self.walk.as_ref().map(|walk| walk.number)
    }

    /// Goes on with the walk until about so much is done as `work` says, in bytes looked at, or a long value is whole.
    /// True once everything is saved, and without a walk.
    pub fn walk_some(&mut self, mut work: usize) -> bool {
        let lens = self.lens();
        let Some(walk) = &mut self.walk else {
            return true;
        };
        while work > 0 && !walk.is_whole() {
            let was_inside = walk.current.is_some();
            walk.advance(&mut self.tables, lens, &mut work);
            if was_inside && walk.current.is_none() {
                break;
            }
        }
        walk.is_whole()
    }

    /// What was saved since the last call; it may end within a value, see [`Db::is_inside_value`].
    pub fn take_saved(&mut self) -> Vec<u8> {
        let Some(walk) = &mut self.walk else {
            return Vec::new();
        };
        walk.effort = 0;
        mem::take(&mut walk.saved)
    }

    /// Whether something waits to be taken.
    pub fn has_saved(&self) -> bool {
        self.walk
            .as_ref()
            .is_some_and(|walk| !walk.saved.is_empty())
    }

    /// Whether what was saved so far ends within a value, so that nothing but its rest may follow.
    pub fn is_inside_value(&self) -> bool {
        let walk = self.walk.as_ref();
        walk.is_some_and(|walk| walk.current.is_some())
    }

    /// Whether everything is saved; so it is without a walk.
    pub fn walk_is_over(&self) -> bool {
        self.walk.as_ref().is_none_or(|walk| walk.is_whole())
    }

    /// Whether somebody waits for a long value to be saved.
    pub fn walk_is_urgent(&self) -> bool {
        self.walk.as_ref().is_some_and(|walk| walk.is_urgent())
    }

    /// Whether whoever wants to change `key` must wait until the walk has saved it. Asked before a command runs; a change
    /// that did not ask is made to save the key first, however long that takes.
    pub fn must_wait(&mut self, key: &[u8]) -> bool {
        let lens = self.lens();
        let Some(walk) = &mut self.walk else {
            return false;
        };
        let entry = self.tables.get_mut(key);
        entry.is_some_and(|entry| walk.holds(entry, lens))
    }

    /// Nobody wants the snapshot any more. The walk has to go on to its end, but saves nothing.
    pub fn discard_walk(&mut self) {
        let Some(walk) = &mut self.walk else { return };
        walk.is_discarding = true;
        walk.saved = Vec::new();
        walk.behind = Vec::new();
        walk.wanted.clear();
        let current = walk.current.take();
        let entries = current.and_then(|current| current.entry);
        walk.done
            .extend(entries.into_iter().chain(walk.aside.drain(..)));
        // What was passed over as long stands behind the cursor. What is detached will not be seen again.
        (walk.pass, walk.cursor) = (Pass::Database, 0);
    }

    /// The walk has been everywhere and everything saved was taken. Hands out what was removed meanwhile.
    ///
    /// # Panics
    /// If it has not: the entries would be of two generations.
    pub fn end_walk(&mut self) -> Removed {
        let Some(walk) = self.walk.take() else {
            return Removed::default();
        };
        assert!(walk.is_whole(), "the walk has been everywhere");
        Removed {
            tables: walk.detached,
            slot: None,
            entries: walk.done,
        }
    }

    fn lens(&self) -> Lens {
        Lens {
            generation: self.generation,
            access: self.access,
        }
    }
}

#[cfg(test)]
mod tests;
