//! Reads values from any input. How each type is stored says the file of that type.

use super::error::{Flaw, Foreign};
use super::input::{Input, string_len};
use super::length::{self, Length};
use super::lzf;
use super::tag::Type;
use crate::{Rng, Thresholds, Value};

/// An input, and what making values takes.
#[derive(Debug)]
pub(super) struct Decoder<I> {
    /// Where the bytes come from.
    pub(super) input: I,
    /// Where collections leave their packed form.
    pub(super) limits: Thresholds,
    /// The seeds of tables.
    pub(super) rng: Rng,
    /// The first string of a pair while the second is being read.
    pub(super) first: Vec<u8>,
    /// The last string that was not as it is in the input.
    unpacked: Vec<u8>,
}

impl<I: Input> Decoder<I> {
    /// Nothing is read yet.
    pub(super) fn new(input: I, limits: &Thresholds, rng: &mut Rng) -> Self {
        Decoder {
            input,
            limits: *limits,
            rng: Rng::new(rng.bits()),
            first: Vec::new(),
            unpacked: Vec::new(),
        }
    }

    /// The value that is stored as the type of this number.
    pub(super) fn value(&mut self, number: u8) -> Result<Value, Flaw> {
        let Some(kind) = Type::of(number) else {
            return Err(Flaw::Foreign(Foreign::Type(number)));
        };
        match kind {
            Type::String => self.string_value(),
            Type::List | Type::ListZiplist | Type::ListZiplists | Type::ListListpacks => {
                self.list(kind).map(Value::List)
            }
            Type::Set | Type::SetIntset | Type::SetListpack => self.set(kind).map(Value::Set),
            Type::Hash | Type::HashZipmap | Type::HashZiplist | Type::HashListpack => {
                self.hash(kind).map(Value::Hash)
            }
            Type::Zset | Type::ZsetText | Type::ZsetZiplist | Type::ZsetListpack => {
                self.zset(kind).map(Value::Zset)
            }
            Type::Stream1 | Type::Stream2 | Type::Stream3 => Err(Flaw::Foreign(Foreign::Stream)),
            Type::HashExpiring1
            | Type::HashExpiring2
            | Type::HashExpiring3
            | Type::HashExpiring4 => Err(Flaw::Foreign(Foreign::FieldExpiry)),
            Type::OldModule => Err(Flaw::Foreign(Foreign::OldModule)),
            Type::Module => Err(self.module()),
        }
    }

    /// The number of elements of a collection, which is not empty. No memory is reserved for them.
    pub(super) fn count(&mut self) -> Result<u64, Flaw> {
        match length::read_plain(&mut self.input)? {
            0 => Err(Flaw::Empty),
            count => Ok(count),
        }
    }

    /// A string, lent until the next call.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&[u8], Flaw> {
        match length::read(&mut self.input)? {
            Length::Of(length) => self.input.bytes(string_len(length)?),
            Length::Int(n) => {
                let mut digits = itoa::Buffer::new();
                self.unpacked.clear();
                self.unpacked.extend_from_slice(digits.format(n).as_bytes());
                Ok(&self.unpacked)
            }
            Length::Compressed => {
                self.unpack()?;
                Ok(&self.unpacked)
            }
        }
    }

    /// A string to keep.
    pub(super) fn owned(&mut self) -> Result<Vec<u8>, Flaw> {
        match length::read(&mut self.input)? {
            Length::Of(length) => self.input.owned(string_len(length)?),
            Length::Int(n) => Ok(itoa::Buffer::new().format(n).as_bytes().to_vec()),
            Length::Compressed => {
                self.unpack()?;
                Ok(std::mem::take(&mut self.unpacked))
            }
        }
    }

    /// Reads a string into [`Decoder::first`].
    pub(super) fn read_first(&mut self) -> Result<(), Flaw> {
        let mut first = std::mem::take(&mut self.first);
        first.clear();
        let read = self.text().map(|text| first.extend_from_slice(text));
        self.first = first;
        read
    }

    fn string_value(&mut self) -> Result<Value, Flaw> {
        self.owned().map(Value::String)
    }

    /// A compressed string, from its two lengths on.
    fn unpack(&mut self) -> Result<(), Flaw> {
        let compressed = string_len(length::read_plain(&mut self.input)?)?;
        let original = string_len(length::read_plain(&mut self.input)?)?;
        let bytes = self.input.bytes(compressed)?;
        // What a long string has taken is not kept for short ones.
        if self.unpacked.capacity() > KEPT {
            self.unpacked = Vec::new();
        }
        match lzf::decompress(bytes, original, &mut self.unpacked) {
            true => Ok(()),
            false => Err(Flaw::Damaged("a compressed string that is damaged")),
        }
    }

    /// The name of the module that a value or other data belongs to.
    pub(super) fn module(&mut self) -> Flaw {
        match length::read_plain(&mut self.input) {
            Ok(id) => Flaw::Foreign(Foreign::Module(module_name(id))),
            Err(flaw) => flaw,
        }
    }
}

/// Bytes that are kept for the next string.
const KEPT: usize = 64 << 10;

/// Nine characters of six bits each, then ten bits of version.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9)
        .map(|place| char::from(LETTERS[(id >> (58 - 6 * place) & 0x3f) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::input::Slice;
    use super::*;

    #[test]
    fn strings_that_claim_too_much_are_refused_before_memory_is() {
        let limits = Thresholds::default();
        for (bytes, message) in [
            (&[0x80, 0xff, 0, 0, 0][..], "ends too early"),
            (
                &[0x81, 0, 0, 0, 1, 0, 0, 0, 0],
                "a string of more than 4 GiB",
            ),
            (
                &[0x81, 255, 255, 255, 255, 255, 255, 255, 255],
                "more than 4 GiB",
            ),
            (
                &[0xc3, 1, 0x80, 0xff, 0, 0, 0, 0],
                "compressed string that is damaged",
            ),
            (&[0xc3, 0x80, 0xff, 0, 0, 0, 1, 0], "ends too early"),
            (&[0xc3, 0xc0, 1, 1], "a string instead of a length"),
        ] {
            let mut decoder = Decoder::new(Slice::new(bytes), &limits, &mut Rng::new(1));
            let flaw = decoder.value(0).expect_err("damaged");
            assert!(flaw.to_string().contains(message), "{flaw}");
        }
    }
}
