//! The numbered databases of a shard.

use std::mem;

use super::{Db, Removed};
use crate::access::Access;
use crate::tables::Layout;

/// The numbered databases of a shard.
#[derive(Debug)]
pub struct Databases {
    dbs: Vec<Db>,
    now_ms: i64,
    access: Access,
    touches: bool,
    keeps_expired: bool,
    /// Databases that were lent to be changed since [`Databases::take_lent`], one bit each (the last for all above 62).
    lent: u64,
}

impl Databases {
    /// `count` empty databases. The seed keeps clients from choosing keys that collide.
    pub fn new(count: usize, layout: Layout, seed: u64) -> Self {
        let dbs = (0..count as u64)
            .map(|n| Db::new(layout, seed.wrapping_add(n)))
            .collect();
        Databases {
            dbs,
            now_ms: 0,
            access: Access::default(),
            touches: true,
            keeps_expired: false,
            lent: 0,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.dbs.len()
    }

    /// Unix time in milliseconds for all lookups until the next call, and how accesses are remembered.
    pub fn set_now(&mut self, now_ms: i64, access: Access) {
        (self.now_ms, self.access) = (now_ms, access);
    }

    /// Whether reads move the access clock until the next call (CLIENT NO-TOUCH).
    pub fn set_touches(&mut self, touches: bool) {
        self.touches = touches;
    }

    /// Whether [`Databases::take_lent`] has anything to tell of keys found expired. The common case, that one database was
    /// lent and nothing in it has expired, is settled at once.
    #[inline]
    pub fn may_have_expired(&mut self) -> bool {
        let db = self.lent.trailing_zeros() as usize;
        if db < 63 && self.lent == 1 << db && !self.dbs[db].has_expired() {
            self.lent = 0;
        }
        self.lent != 0
    }

    /// Whether keys whose time is up are hidden and stay, instead of being removed, until the next call.
    pub fn set_keeps_expired(&mut self, keeps_expired: bool) {
        self.keeps_expired = keeps_expired;
    }

    /// These databases hold what `copy` holds; what they held is handed out. Whoever waits for keys goes on waiting, and is
    /// told of those that are there now. Databases that `copy` has beyond ours must be empty; all are of one layout.
    pub fn adopt(&mut self, copy: Databases) -> Vec<Removed> {
        let old: Vec<Removed> = self.iter_mut().map(Db::take_all).collect();
        for (db, other) in self.iter_mut().zip(copy.dbs) {
            db.adopt(other);
        }
        old
    }

    /// Numbers of the databases that were lent to be changed since the last call.
    #[inline]
    pub fn take_lent(&mut self) -> impl Iterator<Item = usize> + use<> {
        let (mut lent, count, mut next) = (mem::take(&mut self.lent), self.dbs.len(), 0);
        std::iter::from_fn(move || {
            if lent == 0 {
                return None;
            }
            // The last bit stays: it stands for all databases from its own on.
            let lowest = lent.trailing_zeros() as usize;
            if lowest < 63 {
                lent &= lent - 1;
                next = lowest;
            } else {
                next = lowest.max(next + 1);
            }
            (next < count).then_some(next)
        })
    }

    /// `key` will be looked up more than once in a database, and this is its hash: to say so saves making it again. It must
    /// be forgotten before something else may stand where the key stands.
    #[inline]
    pub fn foresee(&mut self, db: usize, key: &[u8], hash: u64) {
        self.dbs[db].foresee(key, hash);
    }

    /// Ends [`Databases::foresee`].
    #[inline]
    pub fn forget_foreseen(&mut self, db: usize) {
        self.dbs[db].forget_foreseen();
    }

    /// Exchanges the contents of two databases. Whoever waits for keys goes on waiting under the same number, and is told
    /// of the keys that are there now.
    pub fn swap(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        self.dbs.swap(a, b);
        let [left, right] = self
            .dbs
            .get_disjoint_mut([a, b])
            .expect("two databases that were just exchanged");
        mem::swap(&mut left.waiting, &mut right.waiting);
        mem::swap(&mut left.ready, &mut right.ready);
        left.announce_all();
        right.announce_all();
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Db> {
        self.dbs.iter()
    }

    /// All of them in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Db> {
        let (now_ms, access, touches) = (self.now_ms, self.access, self.touches);
        self.lent = u64::MAX;
        for db in &mut self.dbs {
            (db.now_ms, db.access, db.touches) = (now_ms, access, touches);
            db.keeps_expired = self.keeps_expired;
        }
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
    #[inline]
    fn index_mut(&mut self, db: usize) -> &mut Db {
        self.lent |= 1 << db.min(63);
        let lent = &mut self.dbs[db];
        (lent.now_ms, lent.access, lent.touches) = (self.now_ms, self.access, self.touches);
        lent.keeps_expired = self.keeps_expired;
        lent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ttl;

    #[test]
    fn only_databases_that_were_lent_are_named_and_those_above_62_together() {
        let mut dbs = Databases::new(66, Layout::Whole, 1);
        let lent = |dbs: &mut Databases| dbs.take_lent().collect::<Vec<_>>();
        assert_eq!(lent(&mut dbs), []);
        for db in [7, 0, 62] {
            dbs[db].set_string(b"k", b"v", Ttl::Clear);
        }
        assert_eq!(lent(&mut dbs), [0, 7, 62]);
        assert_eq!(lent(&mut dbs), [], "they are named once");
        dbs[64].set_string(b"k", b"v", Ttl::Clear);
        assert_eq!(lent(&mut dbs), [63, 64, 65]);
        dbs[62].set_string(b"k", b"v", Ttl::Clear);
        dbs[65].set_string(b"k", b"v", Ttl::Clear);
        assert_eq!(lent(&mut dbs), [62, 63, 64, 65]);
        assert!(dbs.iter_mut().all(|db| db.len() <= 1));
        assert_eq!(lent(&mut dbs), (0..66).collect::<Vec<_>>());
        let mut few = Databases::new(2, Layout::Whole, 1);
        assert_eq!(few.iter_mut().count(), 2);
        assert_eq!(lent(&mut few), [0, 1]);
    }
}
