//! Sorted sets made from many members at once, as RDB files bring them.

use std::cmp::Ordering;

use super::{Indexed, Item, Zset, parse};
use crate::listpack::Listpack;
use crate::pair::Pair;
use crate::table::Table;
use crate::tree::Tree;
use crate::{Rng, StrRef, Thresholds};

/// Members that come in any order: put in order once, when all are there. Files hold them in order or in reverse.
#[derive(Debug)]
pub struct Gathered {
    scores: Table<Pair>,
    items: Vec<Item>,
}

impl Gathered {
    /// No members yet.
    pub fn new(rng: &mut Rng) -> Self {
        Gathered {
            scores: Table::new(rng.bits()),
            items: Vec::new(),
        }
    }

    /// Adds a member; false if it was there, which leaves everything as it was. `score` is not NaN.
    pub fn add(&mut self, member: &[u8], score: f64) -> bool {
        debug_assert!(!score.is_nan());
        let hash = self.scores.hash(member);
        if self.scores.get_hashed(hash, member).is_some() {
            return false;
        }
        let pair = self
            .scores
            .insert_new(hash, Pair::new(member, &score.to_le_bytes()));
        let member = pair.handle();
        self.items.push(Item { score, member });
        true
    }

    /// The sorted set, in the encoding that the limits want.
    pub fn finish(mut self, limits: &Thresholds) -> Zset {
        if self.items.first().map(|item| item.score) > self.items.last().map(|item| item.score) {
            self.items.reverse();
        }
        if !self.items.is_sorted_by(|a, b| compare(a, b).is_lt()) {
            self.items.sort_unstable_by(compare);
        }
        let mut order = Tree::default();
        for item in self.items {
            order.insert(item, |_| true);
        }
        let scores = self.scores;
        let mut zset = Zset::Indexed(Box::new(Indexed { scores, order }));
        zset.pack_if_small(limits);
        zset
    }
}

impl Zset {
    /// A sorted set from a listpack of members and scores, as an RDB file holds one: none if a member occurs twice, a score
    /// is no number, or there is nothing.
    pub fn from_listpack(pack: Listpack, limits: &Thresholds, rng: &mut Rng) -> Option<Self> {
        let len = pack.len();
        if len == 0 || len % 2 == 1 || !pack.all_differ(2) {
            return None;
        }
        let (mut elements, mut longest, mut is_sorted) = (pack.iter(), 0, true);
        let mut before: Option<(f64, StrRef<'_>)> = None;
        while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
            let score = match score {
                StrRef::Int(n) => n as f64,
                StrRef::Bytes(text) => parse(text).filter(|score| !score.is_nan())?,
            };
            longest = longest.max(member.len());
            is_sorted &= before.is_none_or(|before| stand_in_order(before, (score, member)));
            before = Some((score, member));
        }
        let mut zset = Zset::Packed(pack);
        if !is_sorted {
            zset = zset.sorted(limits, rng);
        }
        zset.expect(len / 2, longest, limits, rng);
        Some(zset)
    }

    /// The same members in order.
    fn sorted(&self, limits: &Thresholds, rng: &mut Rng) -> Self {
        let (mut gathered, mut digits) = (Gathered::new(rng), itoa::Buffer::new());
        for (member, score) in self.iter() {
            gathered.add(member.bytes(&mut digits), score);
        }
        gathered.finish(limits)
    }
}

fn compare(a: &Item, b: &Item) -> Ordering {
    a.compare(b.score, b.name())
}

fn stand_in_order(a: (f64, StrRef<'_>), b: (f64, StrRef<'_>)) -> bool {
    let (mut digits, mut more_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    a.0 < b.0 || (a.0 == b.0 && a.1.bytes(&mut digits) < b.1.bytes(&mut more_digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(zset: &Zset) -> Vec<(Vec<u8>, f64)> {
        zset.iter()
            .map(|(member, score)| (member.to_vec(), score))
            .collect()
    }

    /// Members whose order is neither that of their scores nor that of their names.
    fn members(count: usize) -> Vec<(Vec<u8>, f64)> {
        (0..count)
            .map(|n| (n.to_string().into_bytes(), ((n * 7) % 10) as f64 / 2.0))
            .collect()
    }

    #[test]
    fn members_in_any_order_make_the_set_that_adding_them_makes() {
        let limits = Thresholds::default();
        for count in [1, 2, 127, 128, 129, 3_000] {
            let mut rng = Rng::new(count as u64);
            let mut expected = Zset::default();
            for (member, score) in members(count) {
                expected.set(&member, score, &limits, &mut rng);
            }
            let mut orders = vec![members(count), contents(&expected), contents(&expected)];
            orders[2].reverse();
            for order in orders {
                let mut gathered = Gathered::new(&mut rng);
                assert!(
                    order
                        .iter()
                        .all(|(member, score)| gathered.add(member, *score))
                );
                assert!(!gathered.add(b"0", 77.0));
                let zset = gathered.finish(&limits);
                assert_eq!(contents(&zset), contents(&expected));
                assert_eq!(zset.encoding(), expected.encoding());
                assert!(
                    order
                        .iter()
                        .all(|(member, score)| zset.score(member) == Some(*score))
                );
                let middle = &contents(&expected)[count / 2].0;
                assert_eq!(zset.rank(middle), Some(count / 2));
            }
        }
    }

    #[test]
    fn a_listpack_is_put_in_order_and_moved_to_where_it_belongs() {
        let (limits, mut rng) = (Thresholds::default(), Rng::new(1));
        let mut load =
            |elements: &[&str]| Zset::from_listpack(elements.iter().collect(), &limits, &mut rng);
        let names = |zset: &Zset| -> Vec<String> {
            contents(zset)
                .iter()
                .map(|(member, score)| format!("{}={score}", member.escape_ascii()))
                .collect()
        };
        let zset = load(&["c", "1.5", "a", "-inf", "b", "1.5", "z", "-0", "y", "0"]).unwrap();
        assert_eq!(names(&zset), ["a=-inf", "y=0", "z=0", "b=1.5", "c=1.5"]);
        assert_eq!(zset.encoding(), "listpack");
        let long = "x".repeat(65);
        let zeros = load(&[&long, "-0", "y", "0", "z", "-0"]).unwrap();
        assert_eq!(names(&zeros), [&format!("{long}=-0"), "y=0", "z=-0"]);
        let tidy = load(&["a", "1", "10", "2", "9", "2"]).unwrap();
        assert_eq!(names(&tidy), ["a=1", "10=2", "9=2"]);
        for bad in [
            &[][..],
            &["a"],
            &["a", "1", "a", "2"],
            &["a", "nan"],
            &["a", "one"],
            &["a", ""],
        ] {
            assert!(load(bad).is_none(), "{bad:?}");
        }
        assert_eq!(load(&[&long, "1"]).unwrap().encoding(), "skiplist");
        let many: Vec<String> = (0..129)
            .flat_map(|n| [format!("m{n}"), "5".to_owned()])
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let large = load(&many).unwrap();
        assert_eq!((large.encoding(), large.len()), ("skiplist", 129));
    }
}
