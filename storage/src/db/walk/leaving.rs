//! Keys that change or leave the database while a snapshot is taken.

use super::super::{Db, Removed};
use crate::Table;
use crate::entry::Entry;
use crate::tables::Tables;

impl Db {
    /// Saves `key`, which is about to change, if it is part of the snapshot and was not saved yet.
    #[cold]
    pub(in crate::db) fn preserve_hashed(&mut self, hash: u64, key: &[u8]) {
        let lens = self.lens();
        if let Some(walk) = &mut self.walk
            && let Some(entry) = self.tables.get_mut_hashed(hash, key)
            && entry.generation() != lens.generation
        {
            walk.save_whole(entry, lens);
        }
    }

    /// A key has left the table; the walk keeps it if it has not saved it and that would take long.
    #[inline]
    pub(in crate::db) fn let_go(&mut self, entry: Option<Entry>) {
        let lens = self.lens();
        if let Some(walk) = &mut self.walk
            && let Some(entry) = entry
        {
            walk.take_over(entry, lens);
        }
    }

    /// The database was emptied; the walk keeps what it has not saved.
    pub(in crate::db) fn let_all_go(&mut self, tables: Tables<Entry>) -> Removed {
        let walk = self.walk.as_mut().filter(|walk| !walk.is_whole());
        let rest = match walk {
            Some(walk) => walk.detach(tables),
            None => Some(tables),
        };
        Removed {
            tables: rest,
            ..Removed::default()
        }
    }

    /// A slot was emptied; the walk keeps what it has not saved.
    pub(in crate::db) fn let_slot_go(&mut self, slot: u16, table: Table<Entry>) -> Removed {
        let walk = self.walk.as_mut();
        let rest = match walk.filter(|walk| !walk.is_whole() && !walk.is_discarding) {
            Some(walk) => {
                let none = || self.tables.fresh();
                let detached = walk.detached.get_or_insert_with(none);
                detached.absorb_slot(slot, table)
            }
            None => Some(table),
        };
        Removed {
            slot: rest,
            ..Removed::default()
        }
    }
}
