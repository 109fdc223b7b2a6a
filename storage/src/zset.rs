//! Sorted sets: a listpack of member and score pairs in order while they are small; beyond that a table from member to score
//! and a counted tree in the order of `(score, member)`.
//!
//! The tree does not hold the members but handles to the table's pairs. Invariant: the handles in the tree are those of the
//! pairs in the table, one each; a pair's block never moves, for only its score changes, in place.

use std::cmp::Ordering;
use std::ops::Range;

use crate::listpack::{At, Listpack};
use crate::pair::{Pair, PairRef};
use crate::table::Table;
use crate::tree::{self, Tree};
use crate::{Rng, Spread, StrRef, Thresholds};

/// See the module. Two words.
#[derive(Debug)]
pub enum Zset {
    /// `listpack`
    Packed(Listpack),
    /// `skiplist`, as Redis calls it.
    Indexed(Box<Indexed>),
}

/// A sorted set that outgrew the listpack.
#[derive(Debug)]
pub struct Indexed {
    scores: Table<Pair>,
    order: Tree<Item>,
}

/// A place in the order.
#[derive(Debug, Clone, Copy)]
struct Item {
    score: f64,
    member: PairRef,
}

impl Default for Zset {
    fn default() -> Self {
        Zset::Packed(Listpack::new())
    }
}

impl Zset {
    /// Number of members.
    pub fn len(&self) -> usize {
        match self {
            Zset::Packed(pack) => pack.len() / 2,
            Zset::Indexed(index) => index.scores.len(),
        }
    }

    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        match self {
            Zset::Packed(pack) => pack.is_empty(),
            Zset::Indexed(index) => index.scores.is_empty(),
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self {
            Zset::Packed(_) => "listpack",
            Zset::Indexed(_) => "skiplist",
        }
    }

    /// The packed bytes in Redis's format, if it has them.
    pub fn packed(&self) -> Option<&[u8]> {
        match self {
            Zset::Packed(pack) => Some(pack.as_bytes()),
            Zset::Indexed(_) => None,
        }
    }

    /// How the members are spread over the buckets of the table; none while they are packed.
    pub fn spread(&self, counted: bool) -> Option<Spread> {
        match self {
            Zset::Packed(_) => None,
            Zset::Indexed(index) => Some(index.scores.spread(counted)),
        }
    }

    /// Bytes on the heap; members are sampled (0 = all).
    pub fn memory(&self, samples: usize) -> usize {
        match self {
            Zset::Packed(pack) => pack.memory(),
            Zset::Indexed(index) => {
                let looked_at = if samples == 0 {
                    index.scores.len()
                } else {
                    samples.min(index.scores.len())
                };
                let sampled: usize = index.scores.iter().take(looked_at).map(Pair::memory).sum();
                let members = (sampled * index.scores.len())
                    .checked_div(looked_at)
                    .unwrap_or(0);
                size_of::<Indexed>() + index.scores.memory() + index.order.memory() + members
            }
        }
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Zset::Packed(pack) => {
                let at = pack.find(member, 2)?;
                Some(score_at(pack, pack.next(at)?))
            }
            Zset::Indexed(index) => index.scores.get(member).map(score_of),
        }
    }

    /// Sets the score of a member, which is added if it is new; returns the score it had. `score` is not NaN.
    pub fn set(
        &mut self,
        member: &[u8],
        score: f64,
        limits: &Thresholds,
        rng: &mut Rng,
    ) -> Option<f64> {
        debug_assert!(!score.is_nan());
        // The order knows one zero.
        let score = if score == 0.0 { 0.0 } else { score };
        if let Zset::Packed(pack) = self {
            let old = remove_from(pack, member);
            let count = pack.len() / 2;
            if old.is_some()
                || (count < limits.zset_max_listpack_entries
                    && member.len() <= limits.zset_max_listpack_value)
            {
                insert_into(pack, member, score);
                return old;
            }
        }
        self.index(rng).set(member, score)
    }

    /// Takes a member out; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Zset::Packed(pack) => remove_from(pack, member),
            Zset::Indexed(index) => index.remove(member),
        }
    }

    /// Takes out the members of a range of ranks.
    pub fn remove_range(&mut self, range: Range<usize>) {
        match self {
            Zset::Packed(pack) => {
                if let (Some(at), false) = (pack.seek(range.start * 2), range.is_empty()) {
                    pack.remove(at, range.len() * 2);
                }
            }
            Zset::Indexed(index) => {
                let scores = &mut index.scores;
                index
                    .order
                    .remove_range(range, |item| drop(scores.remove(item.name())));
            }
        }
    }

    /// How many members stand before this one; none if it is not there.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match self {
            Zset::Packed(pack) => {
                let mut digits = itoa::Buffer::new();
                pack.iter()
                    .step_by(2)
                    .position(|other| other.bytes(&mut digits) == member)
            }
            Zset::Indexed(index) => {
                let score = index.scores.get(member).map(score_of)?;
                Some(index.order.rank(|item| item.compare(score, member).is_lt()))
            }
        }
    }

    /// How many members stand before a place: `before` is true of a beginning of the order and false of the rest.
    pub fn rank_where(&self, mut before: impl FnMut(f64, StrRef<'_>) -> bool) -> usize {
        match self {
            Zset::Packed(_) => self
                .iter()
                .take_while(|(member, score)| before(*score, *member))
                .count(),
            Zset::Indexed(index) => {
                let before = std::cell::RefCell::new(before);
                index
                    .order
                    .rank(|item| before.borrow_mut()(item.score, StrRef::Bytes(item.name())))
            }
        }
    }

    /// All members with their scores, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// The members from rank `rank` on.
    pub fn iter_from(&self, rank: usize) -> Iter<'_> {
        match self {
            Zset::Packed(pack) => Iter(Walk::Packed {
                pack,
                next: pack.seek(rank * 2),
                backward: false,
            }),
            Zset::Indexed(index) => Iter(Walk::Forward(index.order.iter_from(rank))),
        }
    }

    /// The members from rank `rank` back to the first.
    pub fn iter_back_from(&self, rank: usize) -> Iter<'_> {
        match self {
            Zset::Packed(pack) => Iter(Walk::Packed {
                pack,
                next: pack.seek(rank * 2),
                backward: true,
            }),
            Zset::Indexed(index) => Iter(Walk::Backward(index.order.iter_back_from(rank))),
        }
    }

    /// Visits the members of one place and returns the cursor of the next, 0 at the end; see [`Table::scan`].
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(StrRef<'_>, f64)) -> u64 {
        match self {
            Zset::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Zset::Indexed(index) => index.scores.scan(cursor, &mut |pair| {
                visit(StrRef::Bytes(pair.key()), score_of(pair))
            }),
        }
    }

    /// The member at rank `rank`.
    pub fn get(&self, rank: usize) -> Option<(StrRef<'_>, f64)> {
        self.iter_from(rank).next()
    }

    /// A set of so many members, the longest of this length, is about to be made: one that will not stay small is indexed at
    /// once.
    pub fn expect(&mut self, members: usize, longest: usize, limits: &Thresholds, rng: &mut Rng) {
        if members > limits.zset_max_listpack_entries || longest > limits.zset_max_listpack_value {
            self.index(rng);
        }
    }

    /// The indexed form, converted to if need be.
    fn index(&mut self, rng: &mut Rng) -> &mut Indexed {
        if let Zset::Packed(pack) = self {
            let mut index = Indexed {
                scores: Table::new(rng.bits()),
                order: Tree::default(),
            };
            let mut next = pack.first();
            while let Some(at) = next {
                let Some(value) = pack.next(at) else { break };
                index.set(&pack.get(at).to_vec(), score_at(pack, value));
                next = pack.next(value);
            }
            *self = Zset::Indexed(Box::new(index));
        }
        match self {
            Zset::Indexed(index) => index,
            Zset::Packed(_) => unreachable!("converted a line above"),
        }
    }

    /// A sorted set that small commands have made large (ZINTERSTORE) goes back to the listpack if it fits.
    pub fn pack_if_small(&mut self, limits: &Thresholds) {
        let Zset::Indexed(index) = self else { return };
        let fits = index.scores.len() <= limits.zset_max_listpack_entries
            && index
                .scores
                .iter()
                .all(|pair| pair.key().len() <= limits.zset_max_listpack_value);
        if fits {
            let mut pack = Listpack::new();
            for item in index.order.iter_from(0) {
                push_pair(&mut pack, item.name(), item.score);
            }
            *self = Zset::Packed(pack);
        }
    }
}

impl Indexed {
    fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let hash = self.scores.hash(member);
        let Some(pair) = self.scores.get_mut_hashed(hash, member) else {
            let pair = self
                .scores
                .insert_new(hash, Pair::new(member, &score.to_le_bytes()));
            let item = Item {
                score,
                member: pair.handle(),
            };
            self.order
                .insert(item, |other| other.compare(score, member).is_lt());
            return None;
        };
        let old = score_of(pair);
        if old != score {
            pair.value_mut().copy_from_slice(&score.to_le_bytes());
            let item = Item {
                score,
                member: pair.handle(),
            };
            self.order
                .remove(|other| other.compare(old, member).is_lt());
            self.order
                .insert(item, |other| other.compare(score, member).is_lt());
        }
        Some(old)
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.get(member).map(score_of)?;
        self.order
            .remove(|other| other.compare(score, member).is_lt());
        self.scores.remove(member);
        Some(score)
    }
}

impl Clone for Indexed {
    /// The handles of the copy are those of the copied pairs.
    fn clone(&self) -> Self {
        let (scores, mut order) = (self.scores.clone(), Tree::default());
        for item in self.order.iter_from(0) {
            if let Some(pair) = scores.get(item.name()) {
                order.insert(
                    Item {
                        score: item.score,
                        member: pair.handle(),
                    },
                    |_| true,
                );
            }
        }
        Indexed { scores, order }
    }
}

impl Clone for Zset {
    fn clone(&self) -> Self {
        match self {
            Zset::Packed(pack) => Zset::Packed(pack.clone()),
            Zset::Indexed(index) => Zset::Indexed(index.clone()),
        }
    }
}

impl Item {
    /// The member's bytes.
    #[expect(
        unsafe_code,
        reason = "the handle of a pair that lives as long as the item is in the tree"
    )]
    fn name<'a>(self) -> &'a [u8] {
        // SAFETY: items exist only inside this module, and only while their pair is in the table (see the module's
        // invariant); no slice made here outlives the loan of the sorted set, whose methods hand it on with that loan.
        unsafe { self.member.key() }
    }

    fn compare(self, score: f64, member: &[u8]) -> Ordering {
        self.score
            .partial_cmp(&score)
            .unwrap_or(Ordering::Equal)
            .then_with(|| self.name().cmp(member))
    }
}

/// See [`Zset::iter_from`].
#[derive(Debug)]
pub struct Iter<'a>(Walk<'a>);

#[derive(Debug)]
enum Walk<'a> {
    Packed {
        pack: &'a Listpack,
        next: Option<At>,
        backward: bool,
    },
    Forward(tree::Iter<'a, Item>),
    Backward(tree::Back<'a, Item>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (StrRef<'a>, f64);

    fn next(&mut self) -> Option<(StrRef<'a>, f64)> {
        match &mut self.0 {
            Walk::Packed {
                pack,
                next,
                backward,
            } => {
                let at = (*next)?;
                let value = pack.next(at)?;
                *next = if *backward {
                    pack.previous(at).and_then(|at| pack.previous(at))
                } else {
                    pack.next(value)
                };
                Some((pack.get(at), score_at(pack, value)))
            }
            Walk::Forward(items) => items
                .next()
                .map(|item| (StrRef::Bytes(item.name()), item.score)),
            Walk::Backward(items) => items
                .next()
                .map(|item| (StrRef::Bytes(item.name()), item.score)),
        }
    }
}

fn score_of(pair: &Pair) -> f64 {
    f64::from_le_bytes(pair.value().try_into().unwrap_or_default())
}

/// The score at a place of a listpack: an integer, or the shortest decimal that reads back the same.
fn score_at(pack: &Listpack, at: At) -> f64 {
    match pack.get(at) {
        StrRef::Int(n) => n as f64,
        StrRef::Bytes(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0.0),
    }
}

fn remove_from(pack: &mut Listpack, member: &[u8]) -> Option<f64> {
    let at = pack.find(member, 2)?;
    let score = score_at(pack, pack.next(at)?);
    pack.remove(at, 2);
    Some(score)
}

fn insert_into(pack: &mut Listpack, member: &[u8], score: f64) {
    let mut digits = itoa::Buffer::new();
    let mut next = pack.first();
    while let Some(at) = next {
        let Some(value) = pack.next(at) else { break };
        let other = score_at(pack, value);
        if other > score || (other == score && pack.get(at).bytes(&mut digits) > member) {
            pack.insert_before(at, &print(score));
            pack.insert_before(at, member);
            return;
        }
        next = pack.next(value);
    }
    push_pair(pack, member, score);
}

fn push_pair(pack: &mut Listpack, member: &[u8], score: f64) {
    pack.push_pair(member, &print(score));
}

fn print(score: f64) -> Vec<u8> {
    if score.fract() == 0.0 && score.abs() < 1e17 {
        return itoa::Buffer::new().format(score as i64).as_bytes().to_vec();
    }
    if score.is_infinite() {
        return if score < 0.0 {
            b"-inf".to_vec()
        } else {
            b"inf".to_vec()
        };
    }
    // Both forms read back the same; this is where the first one is the shorter, nearly always.
    let text = match (1e-5..1e17).contains(&score.abs()) {
        true => format!("{score}"),
        false => format!("{score:e}"),
    };
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn ordered(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = model
            .iter()
            .map(|(member, score)| (member.clone(), *score))
            .collect();
        all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
        all
    }

    fn contents(zset: &Zset) -> Vec<(Vec<u8>, f64)> {
        zset.iter()
            .map(|(member, score)| (member.to_vec(), score))
            .collect()
    }

    #[test]
    fn a_sorted_set_behaves_like_a_sorted_map_in_both_encodings() {
        for seed in 0..8_u64 {
            let limits = Thresholds {
                zset_max_listpack_entries: if seed % 2 == 0 { 4000 } else { 20 },
                ..Thresholds::default()
            };
            let (mut rng, mut zset, mut model) = (Rng::new(seed), Zset::default(), BTreeMap::new());
            for step in 0..4_000 {
                let member = format!("m{}", rng.below(300)).into_bytes();
                let score = match rng.below(4) {
                    0 => rng.below(10) as f64,
                    1 => f64::INFINITY,
                    2 => -0.0,
                    _ => rng.below(1_000) as f64 / 7.0,
                };
                if rng.below(3) > 0 {
                    assert_eq!(
                        zset.set(&member, score, &limits, &mut rng),
                        model.insert(member.clone(), score)
                    );
                } else {
                    assert_eq!(zset.remove(&member), model.remove(&member));
                }
                if step % 100 == 0 {
                    let all = ordered(&model);
                    assert_eq!(contents(&zset), all, "seed {seed} step {step}");
                    assert_eq!(
                        zset.rank(&member),
                        all.iter().position(|(name, _)| *name == member)
                    );
                    assert_eq!(zset.score(&member), model.get(&member).copied());
                    let rank = rng.below(all.len() + 1);
                    let back: Vec<_> = zset
                        .iter_back_from(rank)
                        .map(|(member, score)| (member.to_vec(), score))
                        .collect();
                    let expected: Vec<_> = all.iter().take(rank + 1).rev().cloned().collect();
                    assert!(rank == all.len() || back == expected);
                    assert_eq!(
                        zset.rank_where(|score, _| score < 5.0),
                        all.iter().filter(|(_, score)| *score < 5.0).count()
                    );
                    assert_eq!(contents(&zset.clone()), all);
                }
            }
            let mut all = ordered(&model);
            let range = all.len() / 3..all.len() / 2;
            zset.remove_range(range.clone());
            all.drain(range);
            assert_eq!(contents(&zset), all);
        }
    }

    #[test]
    fn the_encoding_follows_the_limits() {
        let (limits, mut rng, mut zset) = (Thresholds::default(), Rng::new(1), Zset::default());
        for n in 0..128 {
            zset.set(n.to_string().as_bytes(), f64::from(n), &limits, &mut rng);
        }
        assert_eq!(zset.encoding(), "listpack");
        zset.set(b"5", 1000.0, &limits, &mut rng);
        assert_eq!(zset.encoding(), "listpack");
        zset.set(b"more", 1.0, &limits, &mut rng);
        assert_eq!(zset.encoding(), "skiplist");
        let mut long = Zset::default();
        long.set(&[b'x'; 65], 1.0, &limits, &mut rng);
        assert_eq!((long.encoding(), long.len()), ("skiplist", 1));
    }
}
