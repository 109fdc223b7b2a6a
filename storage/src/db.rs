//! Numbered databases and the operations on their keys.
//!
//! Every lookup takes the time from the database's clock (set once per batch) and removes a key that has expired; what
//! was removed that way is collected in [`Db::drain_expired`] for the journal and the notifications.
//! Read lookups (`string`, `list`, ..., `get`) count as hits and misses and touch the access clock; `peek`, `kind` and
//! `expire_at` leave no trace.

mod ahead;
mod copied;
mod crowd;
mod databases;
mod portion;
mod stored;
mod strings;
mod waiting;
mod walk;

use std::collections::HashMap;
use std::mem;

use self::walk::Walk;
use crate::access::Access;
use crate::entry::Entry;
use crate::tables::{Layout, Tables};
use crate::{Hash, Kind, List, Set, Table, Value, ValueRef, WrongType, Zset};

pub use crowd::Candidate;
pub use databases::Databases;
pub use portion::Portion;
pub use stored::Stored;
pub use walk::{Form, Position};

/// What a write does with the time to live of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The key lives for ever.
    Clear,
    /// As it was.
    Keep,
    /// Unix time in milliseconds.
    At(i64),
}

/// One database.
#[derive(Debug)]
pub struct Db {
    tables: Tables<Entry>,
    now_ms: i64,
    access: Access,
    /// CLIENT NO-TOUCH: reads leave the access clock alone.
    touches: bool,
    /// Keys whose time is up are hidden from look-ups, but stay: on a replica, whose primary says when they go.
    keeps_expired: bool,
    hits: u64,
    misses: u64,
    /// The bit of the entries that belong to the newest snapshot or are younger; all do while no walk is under way.
    generation: u32,
    walk: Option<Box<Walk>>,
    /// Where the expiry cycle goes on.
    cycle_at: usize,
    expired: Vec<Vec<u8>>,
    waiting: HashMap<Vec<u8>, usize>,
    ready: Vec<Vec<u8>>,
}

/// What a database held, to be dropped where it costs nobody time.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "it is only ever dropped")]
pub struct Removed {
    tables: Option<Tables<Entry>>,
    slot: Option<Table<Entry>>,
    entries: Vec<Entry>,
}

/// How a key is held.
#[derive(Debug)]
pub struct Details<'a> {
    /// What it holds.
    pub value: ValueRef<'a>,
    /// Where its block stands in memory, for people.
    pub address: usize,
    /// The access clock, 24 bits.
    pub access: u32,
    /// Bytes of the block with the key and a small value.
    pub block: usize,
    /// Bytes that the value holds beside the block.
    pub heap: usize,
}

impl Details<'_> {
    /// All bytes that would be free without the key: block, value, and its place in the table.
    pub fn memory(&self) -> usize {
        self.block + self.heap + size_of::<usize>()
    }
}

/// The three accessors of a collection type.
macro_rules! collection {
    ($variant:ident, $type:ty, $read:ident, $write:ident, $create:ident) => {
        /// Read lookup: the collection, none if there is no key.
        pub fn $read(&mut self, key: &[u8]) -> Result<Option<&$type>, WrongType> {
            match self.get(key) {
                None => Ok(None),
                Some(ValueRef::$variant(value)) => Ok(Some(value)),
                Some(_) => Err(WrongType),
            }
        }

        /// Write lookup: the collection to change, none if there is no key. Call [`Db::remove_if_empty`] afterwards.
        pub fn $write(&mut self, key: &[u8]) -> Result<Option<&mut $type>, WrongType> {
            self.preserve(key);
            match self.touched(key) {
                None => Ok(None),
                Some(entry) => entry.$write().map(Some).ok_or(WrongType),
            }
        }

        /// Write lookup that makes an empty collection if there is no key. The caller must add to it.
        pub fn $create(&mut self, key: &[u8]) -> Result<&mut $type, WrongType> {
            let hash = self.settle_for_write(key);
            if self.tables.get_hashed(hash, key).is_none() {
                let value = Value::$variant(<$type>::default());
                let entry = Entry::new(key, value, None, self.stamp());
                self.announce(key);
                return self
                    .tables
                    .insert_new(hash, entry)
                    .$write()
                    .ok_or(WrongType);
            }
            self.$write(key)
                .map(|value| value.expect("it was there a line above"))
        }
    };
}

impl Db {
    /// An empty database. The seed keeps clients from choosing keys that collide.
    pub fn new(layout: Layout, seed: u64) -> Self {
        Db {
            tables: Tables::new(layout, seed),
            now_ms: 0,
            access: Access::default(),
            touches: true,
            keeps_expired: false,
            hits: 0,
            misses: 0,
            generation: 0,
            walk: None,
            cycle_at: 0,
            expired: Vec::new(),
            waiting: HashMap::new(),
            ready: Vec::new(),
        }
    }

    /// Number of keys, expired ones not yet removed included.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.tables.len() == 0
    }

    /// Number of keys with a time to live.
    pub fn expires(&self) -> usize {
        self.tables.marked()
    }

    /// Bytes of the tables, without the keys.
    pub fn table_memory(&self) -> usize {
        self.tables.memory()
    }

    /// Number of buckets of the tables.
    pub fn buckets(&self) -> usize {
        self.tables.buckets()
    }

    /// Read lookups that found a key and that did not, since the last call.
    pub fn take_hits_and_misses(&mut self) -> (u64, u64) {
        (mem::take(&mut self.hits), mem::take(&mut self.misses))
    }

    /// The slot of a key by its hash; none where keys are not kept by slot.
    #[inline]
    pub fn slot_in(&self, hash: u64) -> Option<u16> {
        self.tables.slot_in(hash)
    }

    /// Read lookup of any type.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        let hash = self.settle(key);
        let (access, touches) = (self.access, self.touches);
        match self.tables.get_mut_hashed(hash, key) {
            Some(entry) if !(self.keeps_expired && entry.is_over(self.now_ms)) => {
                self.hits += 1;
                entry.set_access(touch(access, touches, entry.access()));
                Some(entry.lend())
            }
            _ => {
                self.misses += 1;
                None
            }
        }
    }

    /// Read lookup that leaves the access clock alone, for EXISTS.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        let is_there = self.contains(key);
        self.hits += u64::from(is_there);
        self.misses += u64::from(!is_there);
        is_there
    }

    /// The value of a key that a lookup of this command has found alive, for commands that need several at once. Removes
    /// nothing and leaves no trace; a key whose time is up is not there.
    pub fn view(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        let entry = self.tables.get(key)?;
        (!entry.is_over(self.now_ms)).then(|| entry.lend())
    }

    /// As [`Db::get`], but neither statistics nor the access clock notice.
    pub fn peek(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.live(key).map(|entry| entry.lend())
    }

    /// The type of a key; leaves no trace.
    pub fn kind(&mut self, key: &[u8]) -> Option<Kind> {
        self.live(key).map(|entry| entry.kind())
    }

    /// Whether the key exists; leaves no trace.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some()
    }

    /// Write lookup of any type, and TOUCH: moves the access clock of a key; false if there is no such key.
    pub fn touch(&mut self, key: &[u8]) -> bool {
        self.touched(key).is_some()
    }

    /// Seconds since the last access; only with a policy that remembers times (not LFU).
    pub fn idle_seconds(&mut self, key: &[u8]) -> Option<u64> {
        let access = self.access;
        self.live(key)
            .map(|entry| access.idle_seconds(entry.access()))
    }

    /// The logarithmic counter of accesses; only with an LFU policy.
    pub fn frequency(&mut self, key: &[u8]) -> Option<u8> {
        let access = self.access;
        self.live(key).map(|entry| access.frequency(entry.access()))
    }

    collection!(List, List, list, list_mut, list_or_create);
    collection!(Set, Set, set, set_mut, set_or_create);
    collection!(Hash, Hash, hash, hash_mut, hash_or_create);
    collection!(Zset, Zset, zset, zset_mut, zset_or_create);

    /// Writes `value` over whatever the key held. `expire_at` is Unix time in milliseconds.
    pub fn insert(&mut self, key: &[u8], value: Value, expire_at: Option<i64>) {
        let hash = self.settle_for_write(key);
        let (access, touches, generation) = (self.access, self.touches, self.generation);
        let Some(entry) = self.tables.get_mut_hashed(hash, key) else {
            let fresh = Entry::new(key, value, expire_at, self.stamp());
            return self.add(hash, key, fresh);
        };
        let was_timed = entry.expire_at().is_some();
        let used = touch(access, touches, entry.access());
        *entry = Entry::new(key, value, expire_at, used | generation);
        self.mark(hash, key, was_timed, expire_at.is_some());
        self.announce(key);
    }

    /// Takes the value out of the database.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let hash = self.settle_for_write(key);
        self.tables.remove_hashed(hash, key).map(Entry::into_value)
    }

    /// Takes the value and its time of expiry out of the database.
    pub fn take(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        let hash = self.settle_for_write(key);
        let entry = self.tables.remove_hashed(hash, key)?;
        let expire_at = entry.expire_at();
        Some((entry.into_value(), expire_at))
    }

    /// A copy of the value and its time of expiry; leaves no trace.
    pub fn duplicate(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        self.live(key)
            .map(|entry| (entry.duplicate(), entry.expire_at()))
    }

    /// Removes a key without looking at what it holds; says whether it was there.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let hash = self.settle(key);
        let removed = self.tables.remove_hashed(hash, key);
        let was_there = removed.is_some();
        self.let_go(removed);
        was_there
    }

    /// Removes a key whose collection has become empty; says whether it did.
    pub fn remove_if_empty(&mut self, key: &[u8]) -> bool {
        let empty = match self.peek(key) {
            None | Some(ValueRef::String(_)) => false,
            Some(ValueRef::List(value)) => value.is_empty(),
            Some(ValueRef::Set(value)) => value.is_empty(),
            Some(ValueRef::Hash(value)) => value.is_empty(),
            Some(ValueRef::Zset(value)) => value.is_empty(),
        };
        empty && self.delete(key)
    }

    /// When the key expires: `None` = no such key, `Some(None)` = never, else Unix time in milliseconds. No trace.
    pub fn expire_at(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.live(key).map(|entry| entry.expire_at())
    }

    /// As [`Db::expire_at`], for those who may change it: touches the access clock.
    pub fn expire_at_to_change(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.touched(key).map(|entry| entry.expire_at())
    }

    /// Sets or clears the time of expiry; false if there is no such key.
    pub fn set_expire_at(&mut self, key: &[u8], expire_at: Option<i64>) -> bool {
        let hash = self.settle_for_write(key);
        let Some(entry) = self.tables.get_mut_hashed(hash, key) else {
            return false;
        };
        let was_timed = entry.expire_at().is_some();
        entry.set_expire_at(expire_at);
        self.mark(hash, key, was_timed, expire_at.is_some());
        true
    }

    /// How a key is held; leaves no trace. `samples` bounds the members of a large collection that are counted (0 = all).
    pub fn details(&mut self, key: &[u8], samples: usize) -> Option<Details<'_>> {
        self.live(key).map(|entry| Details {
            address: entry.address(),
            access: entry.access(),
            block: entry.block_memory(),
            heap: entry.heap_memory(samples),
            value: entry.lend(),
        })
    }

    /// Whether look-ups have found keys expired since the last [`Db::drain_expired`].
    #[inline]
    pub fn has_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// Keys that lookups have found expired since the last call, in the order of their removal.
    pub fn drain_expired(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.expired)
    }

    /// The hash of `key`, after the key was removed if its time is up.
    #[inline]
    fn settle(&mut self, key: &[u8]) -> u64 {
        let hash = self.tables.hash(key);
        if self.tables.marked() > 0 && !self.keeps_expired {
            self.remove_if_over(hash, key);
        }
        hash
    }

    /// As [`Db::settle`], of a key that is about to change: a snapshot that is being taken sees it as it was.
    #[inline]
    fn settle_for_write(&mut self, key: &[u8]) -> u64 {
        let hash = self.settle(key);
        if self.walk.is_some() {
            self.preserve_hashed(hash, key);
        }
        hash
    }

    #[inline]
    fn preserve(&mut self, key: &[u8]) {
        if self.walk.is_some() {
            self.preserve_hashed(self.tables.hash(key), key);
        }
    }

    /// The access clock and the generation of an entry that is made now.
    #[inline]
    fn stamp(&self) -> u32 {
        self.access.initial() | self.generation
    }

    fn remove_if_over(&mut self, hash: u64, key: &[u8]) {
        if self
            .tables
            .get_hashed(hash, key)
            .is_some_and(|entry| entry.is_over(self.now_ms))
        {
            let removed = self.tables.remove_hashed(hash, key);
            self.let_go(removed);
            self.expired.push(key.to_vec());
        }
    }

    fn live(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let hash = self.settle(key);
        let (keeps_expired, now_ms) = (self.keeps_expired, self.now_ms);
        let entry = self.tables.get_mut_hashed(hash, key)?;
        (!(keeps_expired && entry.is_over(now_ms))).then_some(entry)
    }

    #[inline]
    fn touched(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let (access, touches) = (self.access, self.touches);
        let entry = self.live(key)?;
        entry.set_access(touch(access, touches, entry.access()));
        Some(entry)
    }

    #[inline]
    fn add(&mut self, hash: u64, key: &[u8], entry: Entry) {
        let is_timed = entry.expire_at().is_some();
        self.tables.insert_new(hash, entry);
        self.mark(hash, key, false, is_timed);
        self.announce(key);
    }

    #[inline]
    fn mark(&mut self, hash: u64, key: &[u8], was_timed: bool, is_timed: bool) {
        if was_timed != is_timed {
            self.tables.mark(hash, key, is_timed);
        }
    }
}

/// The access bits of a key after one more access, if the client's accesses count.
#[inline]
fn touch(access: Access, touches: bool, bits: u32) -> u32 {
    if touches { access.touch(bits) } else { bits }
}

#[cfg(test)]
mod tests;
