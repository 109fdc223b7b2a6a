//! Keys as snapshots see them: with their expiry and their usage, whether or not their time is up.

use super::{Db, Entry};
use crate::access::Usage;
use crate::{Value, ValueRef};

/// A key and all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// What it holds.
    pub value: ValueRef<'a>,
    /// Unix time in milliseconds; none = lives for ever.
    pub expire_at: Option<i64>,
    /// How it was used, as the policy in force remembers.
    pub usage: Usage,
}

impl Db {
    /// As [`Db::scan`], with all that is known of the keys; those whose time is up are shown as well.
    pub fn scan_stored(&self, cursor: u64, visit: &mut dyn FnMut(Stored<'_>)) -> u64 {
        self.tables.scan(cursor, &mut |entry| {
            visit(Stored {
                key: entry.key(),
                value: entry.lend(),
                expire_at: entry.expire_at(),
                usage: self.access.usage(entry.access()),
            });
        })
    }

    /// Puts a key from a snapshot in; false if there is one of this name, which stays. Nobody is told of it.
    pub fn load(&mut self, key: &[u8], value: Value, expire_at: Option<i64>, usage: Usage) -> bool {
        let hash = self.tables.hash(key);
        if self.tables.get_hashed(hash, key).is_some() {
            return false;
        }
        let recalled = self.access.recall(usage);
        let access = recalled.map_or_else(|| self.stamp(), |access| access | self.generation);
        let entry = Entry::new(key, value, expire_at, access);
        self.tables.insert_new(hash, entry);
        self.mark(hash, key, false, expire_at.is_some());
        true
    }

    /// Lets a key look as if it had been used so; does nothing if there is no such key or the policy does not remember this.
    pub fn set_usage(&mut self, key: &[u8], usage: Usage) {
        let recalled = self.access.recall(usage);
        if let (Some(bits), Some(entry)) = (recalled, self.live(key)) {
            entry.set_access(bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::tests::LAYOUTS;
    use crate::{Access, Databases, Layout};

    #[test]
    fn loaded_keys_are_scanned_with_all_that_is_known_of_them() {
        LAYOUTS.into_iter().for_each(loaded_keys_are_scanned);
    }

    fn loaded_keys_are_scanned(layout: Layout) {
        let mut dbs = Databases::new(1, layout, 7);
        dbs.set_now(5_000_000, Access::Lru { now_s: 5_000 });
        let db = &mut dbs[0];
        let text = || Value::String(b"text".to_vec());
        assert!(db.load(b"over", text(), Some(1), Usage::Idle(40)));
        assert!(db.load(b"plain", text(), None, Usage::Frequency(3)));
        assert!(!db.load(b"plain", Value::String(Vec::new()), Some(1), Usage::Unknown));
        db.set_usage(b"plain", Usage::Frequency(9));
        let (mut seen, mut cursor) = (Vec::new(), 0);
        loop {
            cursor = db.scan_stored(cursor, &mut |stored| {
                let key = String::from_utf8_lossy(stored.key).into_owned();
                seen.push((key, stored.value.kind(), stored.expire_at, stored.usage));
            });
            if cursor == 0 {
                break;
            }
        }
        seen.sort_by(|a, b| a.0.cmp(&b.0));
        let kind = crate::Kind::String;
        let expected = [
            ("over".to_owned(), kind, Some(1), Usage::Idle(40)),
            ("plain".to_owned(), kind, None, Usage::Idle(0)),
        ];
        assert_eq!(seen, expected);
        assert_eq!((db.len(), db.expires()), (2, 1));
        db.set_usage(b"plain", Usage::Idle(12));
        assert_eq!(db.idle_seconds(b"plain"), Some(12));
        assert!(!db.contains(b"over"));
    }
}
