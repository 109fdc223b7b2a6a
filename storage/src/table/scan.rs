//! Visiting a table bucket by bucket while it grows and shrinks.

use super::{PLACES, Record, Table};

impl<R: Record> Table<R> {
    /// Visits the records of one bucket and returns the cursor of the next, 0 after the last. A record that is there
    /// from the first call (cursor 0) to the last is visited at least once, whatever comes and goes in between.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(&R)) -> u64 {
        let index = self.index(cursor);
        self.visit_bucket(index, visit);
        self.next_cursor(cursor, index)
    }

    fn next_cursor(&self, cursor: u64, index: usize) -> u64 {
        let mask = self.mask_of(index);
        let next = (cursor | !mask).reverse_bits().wrapping_add(1);
        next.reverse_bits()
    }

    /// As [`Table::scan`]; the records may be changed in anything but their key.
    pub fn scan_mut(&mut self, cursor: u64, visit: &mut dyn FnMut(&mut R)) -> u64 {
        let index = self.index(cursor);
        let mut bucket = Some(self.bucket(index));
        while let Some(mut this) = bucket {
            // SAFETY: a bucket of the table, lent with it exclusively; set tags mean records.
            let this = unsafe { this.as_mut() };
            for place in 0..PLACES {
                if this.tag(place) != 0 {
                    visit(unsafe { &mut this.places[place].record });
                }
            }
            bucket = this.child();
        }
        self.next_cursor(cursor, index)
    }

    fn visit_bucket(&self, index: usize, visit: &mut dyn FnMut(&R)) {
        let mut bucket = Some(self.bucket(index));
        while let Some(this) = bucket {
            // SAFETY: a bucket of the table, lent with it; set tags mean records.
            let this = unsafe { this.as_ref() };
            for place in 0..PLACES {
                if this.tag(place) != 0 {
                    visit(unsafe { &this.places[place].record });
                }
            }
            bucket = this.child();
        }
    }
}
