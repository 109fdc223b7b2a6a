//! Hashes: a listpack of fields and values in turn (before version 10 a ziplist, of old a zipmap), or one by one.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::Flaw;
use super::input::Input;
use super::length;
use super::tag::Type;
use super::zipmap;
use crate::{Hash, Rng};

impl<I: Input> Decoder<I> {
    /// A hash of one of the four types of hashes.
    pub(super) fn hash(&mut self, kind: Type) -> Result<Hash, Flaw> {
        let pack = match kind {
            Type::HashListpack => self.listpack()?,
            Type::HashZiplist => self.ziplist()?,
            Type::HashZipmap => zipmap::to_listpack(self.text()?)
                .ok_or(Flaw::Damaged("a zipmap that is damaged"))?,
            _ => return self.plain_hash(),
        };
        if pack.is_empty() {
            return Err(Flaw::Empty);
        }
        Hash::from_listpack(pack, &self.limits, &mut self.rng).ok_or(TWICE)
    }

    fn plain_hash(&mut self) -> Result<Hash, Flaw> {
        let (mut hash, limits) = (Hash::default(), self.limits);
        let count = self.count()?;
        let expected = usize::try_from(count).unwrap_or(usize::MAX);
        let mut rng = Rng::new(self.rng.bits());
        hash.expect(expected, 0, &limits, &mut rng);
        for _ in 0..count {
            self.read_first()?;
            let field = std::mem::take(&mut self.first);
            let is_new = hash.set(&field, self.text()?, &limits, &mut rng);
            self.first = field;
            if !is_new {
                return Err(TWICE);
            }
        }
        Ok(hash)
    }
}

const TWICE: Flaw = Flaw::Damaged("a hash that holds a field twice or without a value");

impl Encoder {
    /// The type that a hash is written as.
    pub(super) fn hash_type(hash: &Hash) -> Type {
        match hash.packed() {
            Some(_) => Type::HashListpack,
            None => Type::Hash,
        }
    }

    /// Writes a hash.
    pub(super) fn hash(&mut self, hash: &Hash, out: &mut Vec<u8>) {
        if let Some(bytes) = hash.packed() {
            return self.bytes(bytes, out);
        }
        length::write(hash.len() as u64, out);
        for (field, value) in hash {
            self.string(field, out);
            self.string(value, out);
        }
    }
}
