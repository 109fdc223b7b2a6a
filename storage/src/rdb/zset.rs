//! Sorted sets: a listpack of members and scores in turn (before version 10 a ziplist), or one by one, the score as eight
//! bytes or, of old, as text.

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::Flaw;
use super::input::Input;
use super::length;
use super::tag::Type;
use crate::Zset;
use crate::zset::Gathered;

impl<I: Input> Decoder<I> {
    /// A sorted set of one of the four types of sorted sets.
    pub(super) fn zset(&mut self, kind: Type) -> Result<Zset, Flaw> {
        let pack = match kind {
            Type::ZsetListpack => self.listpack()?,
            Type::ZsetZiplist => self.ziplist()?,
            _ => return self.plain_zset(kind),
        };
        if pack.is_empty() {
            return Err(Flaw::Empty);
        }
        Zset::from_listpack(pack, &self.limits, &mut self.rng).ok_or(Flaw::Damaged(
            "a sorted set that holds a member twice or without a score",
        ))
    }

    fn plain_zset(&mut self, kind: Type) -> Result<Zset, Flaw> {
        let mut gathered = Gathered::new(&mut self.rng);
        for _ in 0..self.count()? {
            self.read_first()?;
            let score = match kind {
                Type::ZsetText => self.score_text()?,
                _ => f64::from_le_bytes(self.input.array()?),
            };
            if score.is_nan() {
                return Err(Flaw::Damaged("a score that is no number"));
            }
            if !gathered.add(&self.first, score) {
                return Err(Flaw::Damaged("a sorted set that holds a member twice"));
            }
        }
        Ok(gathered.finish(&self.limits))
    }

    fn score_text(&mut self) -> Result<f64, Flaw> {
        match self.input.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Ok(f64::NAN),
            len => std::str::from_utf8(self.input.bytes(usize::from(len))?)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or(Flaw::Damaged("a score that is no number")),
        }
    }
}

impl Encoder {
    /// The type that a sorted set is written as.
    pub(super) fn zset_type(zset: &Zset) -> Type {
        match zset {
            Zset::Packed(_) => Type::ZsetListpack,
            Zset::Indexed(_) => Type::Zset,
        }
    }

    /// Writes a sorted set: from the last member to the first where they come one by one, as Redis loads that faster.
    pub(super) fn zset(&mut self, zset: &Zset, out: &mut Vec<u8>) {
        if let Zset::Packed(pack) = zset {
            return self.bytes(pack.as_bytes(), out);
        }
        length::write(zset.len() as u64, out);
        for (member, score) in zset.iter_back_from(zset.len().saturating_sub(1)) {
            self.string(member, out);
            out.extend_from_slice(&score.to_le_bytes());
        }
    }
}
