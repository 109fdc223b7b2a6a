//! Sets: an intset, a listpack (from version 11 on, so that we only read it), or the members one by one.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::Flaw;
use super::input::Input;
use super::length;
use super::tag::Type;
use crate::set::Packed;
use crate::{Intset, Set};

impl<I: Input> Decoder<I> {
    /// A set of one of the three types of sets.
    pub(super) fn set(&mut self, kind: Type) -> Result<Set, Flaw> {
        let limits = self.limits;
        match kind {
            Type::SetIntset => {
                let ints = Intset::from_bytes(self.text()?)
                    .ok_or(Flaw::Damaged("an intset that is damaged"))?;
                match ints.is_empty() {
                    true => Err(Flaw::Empty),
                    false => Ok(Set::from_intset(ints, &limits, &mut self.rng)),
                }
            }
            Type::SetListpack => {
                let pack = self.listpack()?;
                if pack.is_empty() {
                    return Err(Flaw::Empty);
                }
                Set::from_listpack(pack, &limits, &mut self.rng).ok_or(TWICE)
            }
            _ => self.plain_set(),
        }
    }

    fn plain_set(&mut self) -> Result<Set, Flaw> {
        let (mut set, limits) = (Set::default(), self.limits);
        let count = self.count()?;
        for n in 0..count {
            self.read_first()?;
            if n == 0 {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                set.expect(&self.first, count, &limits, &mut self.rng);
            }
            if !set.add(&self.first, &limits, &mut self.rng) {
                return Err(TWICE);
            }
        }
        Ok(set)
    }
}

const TWICE: Flaw = Flaw::Damaged("a set that holds a member twice");

impl Encoder {
    /// The type that a set is written as.
    pub(super) fn set_type(set: &Set) -> Type {
        match set.packed() {
            Some(Packed::Intset(_)) => Type::SetIntset,
            Some(Packed::Listpack(_)) | None => Type::Set,
        }
    }

    /// Writes a set.
    pub(super) fn set(&mut self, set: &Set, out: &mut Vec<u8>) {
        if let Some(Packed::Intset(bytes)) = set.packed() {
            return self.bytes(bytes, out);
        }
        length::write(set.len() as u64, out);
        for member in set {
            self.string(member, out);
        }
    }
}
