//! What is combined: sorted sets, and sets whose members score 1.

use almandine_storage::{Db, Set, StrRef, ValueRef};

use crate::commands::Fault;

/// How the scores of one member are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Min,
    Max,
}

/// One of the keys, with its number of members.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    key: &'a [u8],
    pub(super) size: usize,
    pub(super) weight: f64,
}

impl Aggregate {
    /// Opposite infinities add up to zero; of equal scores, and beside NaN, the first one stays.
    pub(super) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => {
                let sum = a + b;
                if sum.is_nan() { 0.0 } else { sum }
            }
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

impl<'a> Input<'a> {
    /// The input of weight 1 behind `key`; a key that is not there has no members.
    pub(super) fn find(db: &mut Db, key: &'a [u8]) -> Result<Self, Fault> {
        let size = match db.get(key) {
            None => 0,
            Some(ValueRef::Zset(zset)) => zset.len(),
            Some(ValueRef::Set(set)) => Set::len(set),
            Some(_) => return Err(Fault::WRONG_TYPE),
        };
        Ok(Input {
            key,
            size,
            weight: 1.0,
        })
    }

    /// All members with their scores.
    pub(super) fn visit(&self, db: &mut Db, with: &mut dyn FnMut(StrRef<'_>, f64)) {
        match db.peek(self.key) {
            Some(ValueRef::Zset(zset)) => {
                zset.iter().for_each(|(member, score)| with(member, score));
            }
            Some(ValueRef::Set(set)) => set.iter().for_each(|member| with(member, 1.0)),
            _ => {}
        }
    }

    /// The score of one member, if it is one.
    pub(super) fn score(&self, db: &mut Db, member: &[u8]) -> Option<f64> {
        match db.peek(self.key)? {
            ValueRef::Zset(zset) => zset.score(member),
            ValueRef::Set(set) => set.contains(member).then_some(1.0),
            _ => None,
        }
    }
}

/// Infinity times zero counts as zero.
pub(super) fn weighted(score: f64, weight: f64) -> f64 {
    let product = score * weight;
    if product.is_nan() { 0.0 } else { product }
}
