//! A copy of another node's databases takes the place of one's own.

use super::Db;

impl Db {
    /// The keys of `other` are here, in place of none.
    pub(super) fn adopt(&mut self, mut other: Db) {
        if self.walk.is_none() {
            self.generation = other.generation;
        } else if self.generation != other.generation {
            other.rejuvenate(self.generation);
        }
        self.tables = other.tables;
        self.cycle_at = 0;
        self.announce_all();
    }

    /// No key is part of the snapshot that is being taken.
    fn rejuvenate(&mut self, generation: u32) {
        let mut cursor = 0;
        loop {
            cursor = self
                .tables
                .scan_mut(cursor, &mut |entry| entry.set_generation(generation));
            if cursor == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rdb::{Compression, Entries, UsageKept};
    use crate::tables::tests::LAYOUTS;
    use crate::{Access, Databases, Layout, Ttl};

    #[test]
    fn a_copy_replaces_everything_and_tells_who_waits() {
        LAYOUTS.into_iter().for_each(a_copy_replaces_everything);
    }

    fn a_copy_replaces_everything(layout: Layout) {
        let mut dbs = Databases::new(2, layout, 1);
        dbs.set_now(5, Access::default());
        dbs[0].set_string(b"old", b"v", Ttl::At(100));
        dbs[1].wait_for(b"new");
        dbs[1].wait_for(b"absent");
        let mut copy = Databases::new(2, layout, 9);
        copy[1].set_string(b"new", b"w", Ttl::At(50));
        assert_eq!(dbs.adopt(copy).len(), 2);
        assert!(!dbs[0].contains(b"old"));
        assert_eq!((dbs[0].expires(), dbs[1].expires()), (0, 1));
        assert_eq!(dbs[1].drain_ready(), [b"new".to_vec()]);
        dbs.set_now(51, Access::default());
        assert!(!dbs[1].contains(b"new"));
    }

    /// It shows what was there when it began.
    #[test]
    fn a_copy_does_not_get_into_a_snapshot_that_is_being_taken() {
        for (begins, layout) in [0, 1]
            .into_iter()
            .flat_map(|begins| LAYOUTS.map(|layout| (begins, layout)))
        {
            let mut dbs = Databases::new(1, layout, 1);
            for walk in 0..=begins {
                dbs[0].set_string(b"old", b"v", Ttl::Clear);
                let entries = Entries::new(Compression::None, UsageKept::No);
                dbs[0].begin_walk(0, Box::new(entries), 1 << 20);
                if walk < begins {
                    while !dbs[0].walk_some(1 << 20) {}
                    assert!(!dbs[0].take_saved().is_empty());
                    dbs[0].end_walk();
                }
            }
            let mut copy = Databases::new(1, layout, 9);
            copy[0].set_string(b"new", b"w", Ttl::Clear);
            dbs.adopt(copy);
            dbs[0].set_string(b"new", b"x", Ttl::Clear);
            while !dbs[0].walk_some(1 << 20) {}
            let saved = dbs[0].take_saved().escape_ascii().to_string();
            assert!(saved.contains("old") && !saved.contains("new"), "{saved}");
            dbs[0].end_walk();
            let entries = Entries::new(Compression::None, UsageKept::No);
            dbs[0].begin_walk(0, Box::new(entries), 1 << 20);
            while !dbs[0].walk_some(1 << 20) {}
            let saved = dbs[0].take_saved().escape_ascii().to_string();
            assert!(saved.contains("new") && !saved.contains("old"), "{saved}");
        }
    }

    #[test]
    fn on_a_replica_keys_whose_time_is_up_are_hidden_and_stay() {
        LAYOUTS
            .into_iter()
            .for_each(keys_whose_time_is_up_are_hidden);
    }

    fn keys_whose_time_is_up_are_hidden(layout: Layout) {
        let mut dbs = Databases::new(1, layout, 1);
        dbs.set_now(5, Access::default());
        dbs[0].set_string(b"k", b"v", Ttl::At(100));
        dbs.set_now(200, Access::default());
        dbs.set_keeps_expired(true);
        let db = &mut dbs[0];
        assert!(db.get(b"k").is_none() && !db.exists(b"k") && db.kind(b"k").is_none());
        assert_eq!(db.random_key(&mut crate::Rng::new(1)), Some(b"k".to_vec()));
        assert_eq!((db.len(), db.has_expired()), (1, false));
        dbs.set_now(0, Access::default());
        assert!(dbs[0].get(b"k").is_some(), "the primary sees it");
        dbs.set_now(200, Access::default());
        dbs.set_keeps_expired(false);
        assert!(!dbs[0].contains(b"k"));
        assert_eq!(dbs[0].drain_expired(), [b"k".to_vec()]);
        assert!(dbs[0].ready.is_empty());
    }
}
