//! Numbered databases and the operations on their keys.
//!
//! Every lookup takes the time from the database's clock (set once per batch) and removes a key that has expired; what
//! was removed that way is collected in [`Db::drain_expired`] for the journal and the notifications.
//! Read lookups (`string`, `list`, ..., `get`) count as hits and misses and touch the access clock; `peek`, `kind` and
//! `expire_at` leave no trace.

use std::collections::HashMap;
use std::mem;

use crate::{Hash, Kind, List, Rng, Set, StrRef, StringEncoding, Value, ValueRef, WrongType, Zset};

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

#[derive(Debug)]
enum Stored {
    Int(i64),
    Bytes { bytes: Vec<u8>, raw: bool },
    List(List),
    Set(Set),
    Hash(Hash),
    Zset(Zset),
}

#[derive(Debug)]
struct Slot {
    stored: Stored,
    expire_at: Option<i64>,
}

/// The numbered databases of a shard.
#[derive(Debug)]
pub struct Databases {
    dbs: Vec<Db>,
}

/// One database.
#[derive(Debug, Default)]
pub struct Db {
    keys: HashMap<Vec<u8>, Slot>,
    now_ms: i64,
    expired: Vec<Vec<u8>>,
    waiting: HashMap<Vec<u8>, usize>,
    ready: Vec<Vec<u8>>,
}

impl Databases {
    /// `count` empty databases.
    pub fn new(count: usize) -> Self {
        Databases {
            dbs: (0..count).map(|_| Db::default()).collect(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.dbs.len()
    }

    /// Unix time in milliseconds for all lookups until the next call.
    pub fn set_now(&mut self, now_ms: i64) {
        for db in &mut self.dbs {
            db.now_ms = now_ms;
        }
    }

    /// Exchanges the contents of two databases. Whoever waits for keys goes on waiting under the same number.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// All of them in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Db> {
        self.dbs.iter_mut()
    }
}

impl std::ops::Index<usize> for Databases {
    type Output = Db;
    fn index(&self, db: usize) -> &Db {
        &self.dbs[db]
    }
}

impl std::ops::IndexMut<usize> for Databases {
    fn index_mut(&mut self, db: usize) -> &mut Db {
        &mut self.dbs[db]
    }
}

/// The four accessors of a collection type.
macro_rules! collection {
    ($variant:ident, $type:ty, $read:ident, $write:ident, $create:ident) => {
        /// Read lookup: the collection, none if there is no key.
        pub fn $read(&mut self, key: &[u8]) -> Result<Option<&$type>, WrongType> {
            match self.live(key) {
                None => Ok(None),
                Some(Slot {
                    stored: Stored::$variant(value),
                    ..
                }) => Ok(Some(value)),
                Some(_) => Err(WrongType),
            }
        }

        /// Write lookup: the collection to change, none if there is no key. Call [`Db::remove_if_empty`] afterwards.
        pub fn $write(&mut self, key: &[u8]) -> Result<Option<&mut $type>, WrongType> {
            match self.live(key) {
                None => Ok(None),
                Some(Slot {
                    stored: Stored::$variant(value),
                    ..
                }) => Ok(Some(value)),
                Some(_) => Err(WrongType),
            }
        }

        /// Write lookup that makes an empty collection if there is no key. The caller must add to it.
        pub fn $create(&mut self, key: &[u8]) -> Result<&mut $type, WrongType> {
            if self.live(key).is_none() {
                self.put(key, Stored::$variant(<$type>::default()), None);
            }
            self.$write(key)
                .map(|value| value.expect("it was just created"))
        }
    };
}

impl Db {
    /// Number of keys, expired ones not yet removed included.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of keys with a time to live.
    pub fn expires(&self) -> usize {
        self.keys
            .values()
            .filter(|slot| slot.expire_at.is_some())
            .count()
    }

    /// Read lookup of any type.
    pub fn get(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.live(key).map(|slot| slot.stored.lend())
    }

    /// As [`Db::get`], but neither statistics nor the access clock notice.
    pub fn peek(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        self.live(key).map(|slot| slot.stored.lend())
    }

    /// The type of a key; leaves no trace.
    pub fn kind(&mut self, key: &[u8]) -> Option<Kind> {
        self.peek(key).map(|value| value.kind())
    }

    /// Whether the key exists; leaves no trace.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.live(key).is_some()
    }

    /// Read lookup of a string.
    pub fn string(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(ValueRef::String(value)) => Ok(Some(value)),
            Some(_) => Err(WrongType),
        }
    }

    /// What OBJECT ENCODING says of a string.
    pub fn string_encoding(&mut self, key: &[u8]) -> Option<StringEncoding> {
        match &self.live(key)?.stored {
            Stored::Int(_) => Some(StringEncoding::Int),
            Stored::Bytes { raw: true, .. } => Some(StringEncoding::Raw),
            Stored::Bytes { bytes, .. } if bytes.len() > 44 => Some(StringEncoding::Raw),
            Stored::Bytes { .. } => Some(StringEncoding::Embstr),
            _ => None,
        }
    }

    /// Writes a string over whatever the key held.
    pub fn set_string(&mut self, key: &[u8], bytes: &[u8], ttl: Ttl) {
        let kept = self.expire_at(key).flatten();
        let expire_at = match ttl {
            Ttl::Clear => None,
            Ttl::Keep => kept,
            Ttl::At(ms) => Some(ms),
        };
        self.put(key, Stored::string(bytes.to_vec()), expire_at);
    }

    /// Writes an integer over a string or nothing; the time to live stays.
    pub fn set_int(&mut self, key: &[u8], n: i64) {
        let kept = self.expire_at(key).flatten();
        self.put(key, Stored::Int(n), kept);
    }

    /// Lets `edit` change the bytes of a string in place (created empty if there is no key); the time to live stays and
    /// the encoding becomes `raw`.
    pub fn edit_string<T>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Result<T, WrongType> {
        let mut bytes = self.string(key)?.map(StrRef::to_vec).unwrap_or_default();
        let kept = self.expire_at(key).flatten();
        let outcome = edit(&mut bytes);
        self.put(key, Stored::Bytes { bytes, raw: true }, kept);
        Ok(outcome)
    }

    collection!(List, List, list, list_mut, list_or_create);
    collection!(Set, Set, set, set_mut, set_or_create);
    collection!(Hash, Hash, hash, hash_mut, hash_or_create);
    collection!(Zset, Zset, zset, zset_mut, zset_or_create);

    /// Writes `value` over whatever the key held. `expire_at` is Unix time in milliseconds.
    pub fn insert(&mut self, key: &[u8], value: Value, expire_at: Option<i64>) {
        let stored = match value {
            Value::String(bytes) => Stored::string(bytes),
            Value::List(value) => Stored::List(value),
            Value::Set(value) => Stored::Set(value),
            Value::Hash(value) => Stored::Hash(value),
            Value::Zset(value) => Stored::Zset(value),
        };
        self.put(key, stored, expire_at);
    }

    /// Takes the value out of the database.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.live(key)?;
        self.keys.remove(key).map(|slot| match slot.stored {
            Stored::Int(n) => Value::String(n.to_string().into_bytes()),
            Stored::Bytes { bytes, .. } => Value::String(bytes),
            Stored::List(value) => Value::List(value),
            Stored::Set(value) => Value::Set(value),
            Stored::Hash(value) => Value::Hash(value),
            Stored::Zset(value) => Value::Zset(value),
        })
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
        empty && self.remove(key).is_some()
    }

    /// When the key expires: `None` = no such key, `Some(None)` = never, else Unix time in milliseconds. No trace.
    pub fn expire_at(&mut self, key: &[u8]) -> Option<Option<i64>> {
        self.live(key).map(|slot| slot.expire_at)
    }

    /// Sets or clears the time of expiry; false if there is no such key.
    pub fn set_expire_at(&mut self, key: &[u8], expire_at: Option<i64>) -> bool {
        self.live(key)
            .map(|slot| slot.expire_at = expire_at)
            .is_some()
    }

    /// A random living key.
    pub fn random_key(&mut self, rng: &mut Rng) -> Option<&[u8]> {
        if self.keys.is_empty() {
            return None;
        }
        self.keys
            .keys()
            .nth(rng.below(self.keys.len()))
            .map(Vec::as_slice)
    }

    /// Visits the keys of one place of the table and returns the cursor of the next, 0 at the end. A key that is there
    /// from the first call to the last is visited at least once.
    pub fn scan(&mut self, _cursor: u64, visit: &mut dyn FnMut(&[u8], ValueRef<'_>)) -> u64 {
        self.for_each(visit);
        0
    }

    /// Visits every living key.
    pub fn for_each(&mut self, visit: &mut dyn FnMut(&[u8], ValueRef<'_>)) {
        let now_ms = self.now_ms;
        for (key, slot) in self
            .keys
            .iter()
            .filter(|(_, slot)| slot.expire_at.is_none_or(|at| at > now_ms))
        {
            visit(key, slot.stored.lend());
        }
    }

    /// Empties the database and hands out what it held, to be dropped here or on another thread.
    pub fn take_all(&mut self) -> impl Send + 'static {
        mem::take(&mut self.keys).len()
    }

    /// Keys that lookups have found expired since the last call, in the order of their removal.
    pub fn drain_expired(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.expired)
    }

    /// Somebody waits for `key` to be made; every [`Db::wait_for`] is undone by one [`Db::wait_no_more`].
    pub fn wait_for(&mut self, key: &[u8]) {
        *self.waiting.entry(key.to_vec()).or_default() += 1;
    }

    /// See [`Db::wait_for`].
    pub fn wait_no_more(&mut self, key: &[u8]) {
        if let Some(count) = self.waiting.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(key);
            }
        }
    }

    /// Keys that somebody waits for and that were made since the last call, in the order of their making.
    pub fn drain_ready(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.ready)
    }

    fn live(&mut self, key: &[u8]) -> Option<&mut Slot> {
        if self
            .keys
            .get(key)
            .is_some_and(|slot| slot.expire_at.is_some_and(|at| at <= self.now_ms))
        {
            self.keys.remove(key);
            self.expired.push(key.to_vec());
        }
        self.keys.get_mut(key)
    }

    fn put(&mut self, key: &[u8], stored: Stored, expire_at: Option<i64>) {
        if self.waiting.contains_key(key) {
            self.ready.push(key.to_vec());
        }
        self.keys.insert(key.to_vec(), Slot { stored, expire_at });
    }
}

impl Stored {
    fn string(bytes: Vec<u8>) -> Self {
        match std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.parse::<i64>().ok())
        {
            Some(n) if n.to_string().as_bytes() == bytes => Stored::Int(n),
            _ => Stored::Bytes { bytes, raw: false },
        }
    }

    fn lend(&self) -> ValueRef<'_> {
        match self {
            Stored::Int(n) => ValueRef::String(StrRef::Int(*n)),
            Stored::Bytes { bytes, .. } => ValueRef::String(StrRef::Bytes(bytes)),
            Stored::List(value) => ValueRef::List(value),
            Stored::Set(value) => ValueRef::Set(value),
            Stored::Hash(value) => ValueRef::Hash(value),
            Stored::Zset(value) => ValueRef::Zset(value),
        }
    }
}
