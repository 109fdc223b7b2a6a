//! Keys that hold strings.

use super::{Db, Ttl, touch};
use crate::entry::Entry;
use crate::{Shared, StrRef, StringEncoding, Value, ValueRef, WrongType};

impl Db {
    /// Read lookup of a string.
    #[inline]
    pub fn string(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(ValueRef::String(value)) => Ok(Some(value)),
            Some(_) => Err(WrongType),
        }
    }

    /// The bytes of a long string, to be read when the key may have changed; none if the string is short or no string.
    pub fn share_string(&mut self, key: &[u8]) -> Option<Shared> {
        let long = self.tables.get_mut(key)?.long_mut()?;
        Some(long.share())
    }

    /// What OBJECT ENCODING says of a string.
    pub fn string_encoding(&mut self, key: &[u8]) -> Option<StringEncoding> {
        self.live(key)?.string_encoding()
    }

    /// Writes a string over whatever the key held.
    #[inline]
    pub fn set_string(&mut self, key: &[u8], bytes: &[u8], ttl: Ttl) {
        let hash = self.settle_for_write(key);
        let (access, touches, generation) = (self.access, self.touches, self.generation);
        let Some(entry) = self.tables.get_mut_hashed(hash, key) else {
            let expire_at = if let Ttl::At(ms) = ttl {
                Some(ms)
            } else {
                None
            };
            let initial = self.stamp();
            return self.add(hash, key, Entry::string(key, bytes, expire_at, initial));
        };
        // A key that is written often is used often: the new value inherits what is known of the old one.
        let used = touch(access, touches, entry.access());
        let old = entry.expire_at();
        let new = match ttl {
            Ttl::Clear => None,
            Ttl::Keep => old,
            Ttl::At(ms) => Some(ms),
        };
        if old.is_some() == new.is_some() && entry.overwrite(bytes) {
            entry.set_access(used);
            entry.set_expire_at(new);
        } else {
            *entry = Entry::string(key, bytes, new, used | generation);
            self.mark(hash, key, old.is_some(), new.is_some());
        }
        self.announce(key);
    }

    /// As [`Db::set_string`], without a copy.
    pub fn set_shared(&mut self, key: &[u8], bytes: Shared, ttl: Ttl) {
        let expire_at = match ttl {
            Ttl::Clear => None,
            Ttl::Keep => self.expire_at(key).flatten(),
            Ttl::At(ms) => Some(ms),
        };
        self.insert(key, Value::Shared(bytes), expire_at);
    }

    /// Writes an integer over a string or nothing; the time to live stays.
    #[inline]
    pub fn set_int(&mut self, key: &[u8], n: i64) {
        let hash = self.settle_for_write(key);
        let initial = self.stamp();
        match self.tables.get_mut_hashed(hash, key) {
            Some(entry) => {
                if !entry.overwrite_int(n) {
                    *entry = Entry::int(key, n, entry.expire_at(), entry.stamp());
                }
            }
            None => self.add(hash, key, Entry::int(key, n, None, initial)),
        }
    }

    /// Writes the text of a float over a string or nothing, never as an integer; the time to live stays.
    pub fn set_float(&mut self, key: &[u8], text: &[u8]) {
        let hash = self.settle_for_write(key);
        let initial = self.stamp();
        match self.tables.get_mut_hashed(hash, key) {
            Some(entry) => *entry = Entry::text(key, text, entry.expire_at(), entry.stamp()),
            None => self.add(hash, key, Entry::text(key, text, None, initial)),
        }
    }

    /// Lets `edit` change the bytes of a string in place (created empty if there is no key); the time to live stays and
    /// the encoding becomes `raw`.
    pub fn edit_string<T>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut Vec<u8>) -> T,
    ) -> Result<T, WrongType> {
        let hash = self.settle_for_write(key);
        let initial = self.stamp();
        let Some(entry) = self.tables.get_mut_hashed(hash, key) else {
            let mut bytes = Vec::new();
            let outcome = edit(&mut bytes);
            self.add(hash, key, Entry::raw(key, bytes, None, initial));
            return Ok(outcome);
        };
        if let Some(long) = entry.long_mut() {
            return Ok(long.edit(edit));
        }
        let ValueRef::String(value) = entry.lend() else {
            return Err(WrongType);
        };
        let mut bytes = value.to_vec();
        let outcome = edit(&mut bytes);
        *entry = Entry::raw(key, bytes, entry.expire_at(), entry.stamp());
        Ok(outcome)
    }
}
