//! How the records of a table are spread over its buckets: what DEBUG HTSTATS shows.

use crate::{Record, Table};

/// The load of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Number of buckets that a hash chooses from.
    pub buckets: usize,
    /// Number of records.
    pub records: usize,
    /// How many buckets hold `i` records, those chained to them included. Empty = not counted.
    pub buckets_of: Vec<usize>,
}

impl Spread {
    /// Of two tables together.
    #[must_use]
    pub fn plus(mut self, other: Spread) -> Spread {
        self.buckets += other.buckets;
        self.records += other.records;
        let count = self.buckets_of.len().max(other.buckets_of.len());
        self.buckets_of.resize(count, 0);
        for (all, more) in self.buckets_of.iter_mut().zip(other.buckets_of) {
            *all += more;
        }
        self
    }
}

impl<R: Record> Table<R> {
    /// Its size alone, or (`counted`) every bucket looked at.
    pub fn spread(&self, counted: bool) -> Spread {
        let buckets_of = match counted {
            true => self.buckets_of(),
            false => Vec::new(),
        };
        Spread {
            buckets: self.buckets(),
            records: self.len(),
            buckets_of,
        }
    }

    fn buckets_of(&self) -> Vec<usize> {
        let (mut counts, mut cursor) = (Vec::new(), 0);
        loop {
            let mut held = 0;
            cursor = self.scan(cursor, &mut |_| held += 1);
            if held >= counts.len() {
                counts.resize(held + 1, 0);
            }
            counts[held] += 1;
            if cursor == 0 {
                return counts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Member, Table};

    #[test]
    fn every_bucket_and_every_record_is_counted_once() {
        let mut table: Table<Member> = Table::new(7);
        for n in 0..1000 {
            table.insert(Member::new(format!("member {n}").as_bytes()));
            let spread = table.spread(true);
            let (buckets, records) = (table.buckets(), table.len());
            assert_eq!(
                (spread.buckets, spread.buckets_of.iter().sum()),
                (buckets, buckets)
            );
            let held = spread.buckets_of.iter().enumerate();
            assert_eq!(held.map(|(i, count)| i * count).sum::<usize>(), records);
        }
        assert!(table.spread(false).buckets_of.is_empty());
    }
}
