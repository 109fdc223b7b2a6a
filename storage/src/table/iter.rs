//! All records of a table.

use std::ptr::NonNull;

use super::bucket::{Bucket, PLACES};
use super::{Record, Table};

/// See [`Table::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a, R: Record> {
    pub(super) table: &'a Table<R>,
    pub(super) index: usize,
    pub(super) bucket: Option<NonNull<Bucket<R>>>,
    pub(super) place: usize,
}

impl<'a, R: Record> Iterator for Iter<'a, R> {
    type Item = &'a R;

    fn next(&mut self) -> Option<&'a R> {
        loop {
            // SAFETY: a bucket of the table, which is lent for 'a; set tags mean records.
            let this: &'a Bucket<R> = unsafe { &*self.bucket?.as_ptr() };
            while self.place < PLACES {
                let place = self.place;
                self.place += 1;
                if this.tag(place) != 0 {
                    return Some(unsafe { &this.places[place].record });
                }
            }
            self.place = 0;
            self.bucket = this.child().or_else(|| {
                self.index += 1;
                (self.index < self.table.buckets()).then(|| self.table.bucket(self.index))
            });
        }
    }
}

impl<'a, R: Record> IntoIterator for &'a Table<R> {
    type Item = &'a R;
    type IntoIter = Iter<'a, R>;

    fn into_iter(self) -> Iter<'a, R> {
        self.iter()
    }
}
