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

impl Aggregate {
    /// Opposite infinities add up to zero.
    pub(super) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => {
                let sum = a + b;
                if sum.is_nan() { 0.0 } else { sum }
            }
            Aggregate::Min => a.min(b),
            Aggregate::Max => a.max(b),
        }
    }
}

/// The input with the fewest members; none if one is empty.
pub(super) fn smallest(db: &mut Db, keys: &[&[u8]]) -> Result<Option<usize>, Fault> {
    let mut best = (usize::MAX, None);
    for (i, key) in keys.iter().enumerate() {
        let size = size(db, key)?;
        if size < best.0 {
            best = (size, Some(i));
        }
    }
    Ok(best.1.filter(|_| best.0 > 0))
}

pub(super) fn size(db: &mut Db, key: &[u8]) -> Result<usize, Fault> {
    match db.get(key) {
        None => Ok(0),
        Some(ValueRef::Zset(zset)) => Ok(zset.len()),
        Some(ValueRef::Set(set)) => Ok(Set::len(set)),
        Some(_) => Err(Fault::WRONG_TYPE),
    }
}

pub(super) fn visit(
    db: &mut Db,
    key: &[u8],
    with: &mut dyn FnMut(StrRef<'_>, f64),
) -> Result<(), Fault> {
    match db.peek(key) {
        None => {}
        Some(ValueRef::Zset(zset)) => zset.iter().for_each(|(member, score)| with(member, score)),
        Some(ValueRef::Set(set)) => set.iter().for_each(|member| with(member, 1.0)),
        Some(_) => return Err(Fault::WRONG_TYPE),
    }
    Ok(())
}

pub(super) fn score(db: &mut Db, key: &[u8], member: &[u8]) -> Option<f64> {
    match db.peek(key)? {
        ValueRef::Zset(zset) => zset.score(member),
        ValueRef::Set(set) => set.contains(member).then_some(1.0),
        _ => None,
    }
}

/// Infinity times zero counts as zero.
pub(super) fn weighted(score: f64, weight: f64) -> f64 {
    let product = score * weight;
    if product.is_nan() { 0.0 } else { product }
}
