//! Writes keys and values as RDB files of version 10 hold them, which every Redis from 7.0 on and every Valkey reads.
//!
//! Each call appends one whole piece to a buffer of the caller, so pieces can be made between other work, by several
//! encoders, and put together in any order. How each type is stored says the file of that type.

use super::lzf::Compressor;
use super::tag::{Type, opcode};
use super::{Usage, length};
use crate::entry::canonical_int;
use crate::{Stored, StrRef, ValueRef};

/// Whether strings are compressed where that makes them shorter (`rdbcompression`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Strings of more than 20 bytes are tried.
    Lzf,
    /// All strings are written as they are.
    None,
}

/// Shorter strings are never compressed.
const COMPRESSED_ABOVE: usize = 20;
/// Bytes that compression must save.
const SAVED_MIN: usize = 4;
/// Longest decimal form of an integer that has a short form.
const SHORT_DIGITS: usize = 11;

/// See the module.
#[derive(Debug)]
pub struct Encoder {
    compression: Compression,
    /// Made when the first string is long enough, and the place for its output.
    compressor: Option<Compressor>,
    compressed: Vec<u8>,
}

impl Encoder {
    /// Nothing is written by this.
    pub fn new(compression: Compression) -> Self {
        Encoder {
            compression,
            compressor: None,
            compressed: Vec::new(),
        }
    }

    /// The beginning of a file.
    pub fn header(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"REDIS");
        out.extend_from_slice(format!("{:04}", super::VERSION).as_bytes());
    }

    /// Says something of the file: `redis-ver`, `ctime`, `repl-id`, ...
    pub fn aux(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        out.push(opcode::AUX);
        self.bytes(name, out);
        self.bytes(value, out);
    }

    /// A library of functions.
    pub fn function(&mut self, code: &[u8], out: &mut Vec<u8>) {
        out.push(opcode::FUNCTION);
        self.bytes(code, out);
    }

    /// The keys that follow are in database `db`.
    pub fn select(&mut self, db: usize, out: &mut Vec<u8>) {
        out.push(opcode::SELECT);
        length::write(db as u64, out);
    }

    /// So many keys of the database that was selected follow, so many of them with an expiry; for the reader's tables.
    pub fn sizes(&mut self, keys: usize, expiring: usize, out: &mut Vec<u8>) {
        out.push(opcode::SIZES);
        length::write(keys as u64, out);
        length::write(expiring as u64, out);
    }

    /// A key. Its usage is written where it is known.
    pub fn entry(&mut self, entry: Stored<'_>, out: &mut Vec<u8>) {
        self.before_value(entry, out);
        self.value(entry.value, out);
    }

    /// A key without its value.
    pub(super) fn before_value(&mut self, entry: Stored<'_>, out: &mut Vec<u8>) {
        if let Some(at) = entry.expire_at {
            out.push(opcode::EXPIRE_MS);
            out.extend_from_slice(&at.to_le_bytes());
        }
        match entry.usage {
            Usage::Unknown => {}
            Usage::Idle(seconds) => {
                out.push(opcode::IDLE);
                length::write(seconds, out);
            }
            Usage::Frequency(counter) => out.extend([opcode::FREQUENCY, counter]),
        }
        out.push(value_type(entry.value) as u8);
        self.bytes(entry.key, out);
    }

    /// A value behind its type, as in DUMP payloads.
    pub(super) fn typed_value(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        out.push(value_type(value) as u8);
        self.value(value, out);
    }

    fn value(&mut self, value: ValueRef<'_>, out: &mut Vec<u8>) {
        match value {
            ValueRef::String(value) => self.string(value, out),
            ValueRef::List(value) => self.list(value, out),
            ValueRef::Set(value) => self.set(value, out),
            ValueRef::Hash(value) => self.hash(value, out),
            ValueRef::Zset(value) => self.zset(value, out),
        }
    }

    /// A string that may be an integer.
    pub(super) fn string(&mut self, value: StrRef<'_>, out: &mut Vec<u8>) {
        match value {
            StrRef::Int(n) => {
                if !length::write_int(n, out) {
                    plain(itoa::Buffer::new().format(n).as_bytes(), out);
                }
            }
            StrRef::Bytes(bytes) => self.bytes(bytes, out),
        }
    }

    /// A string in its shortest form.
    pub(super) fn bytes(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.len() <= SHORT_DIGITS {
            let is_written = canonical_int(bytes).is_some_and(|n| length::write_int(n, out));
            if is_written {
                return;
            }
        }
        if bytes.len() > COMPRESSED_ABOVE && self.compression == Compression::Lzf {
            let compressor = self.compressor.get_or_insert_default();
            self.compressed.clear();
            if compressor.compress(bytes, bytes.len() - SAVED_MIN, &mut self.compressed) {
                length::write_compressed(self.compressed.len(), bytes.len(), out);
                out.extend_from_slice(&self.compressed);
                return;
            }
        }
        plain(bytes, out);
    }
}

pub(super) fn plain(bytes: &[u8], out: &mut Vec<u8>) {
    length::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn value_type(value: ValueRef<'_>) -> Type {
    match value {
        ValueRef::String(_) => Type::String,
        ValueRef::List(_) => Type::ListListpacks,
        ValueRef::Set(value) => Encoder::set_type(value),
        ValueRef::Hash(value) => Encoder::hash_type(value),
        ValueRef::Zset(value) => Encoder::zset_type(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8], compression: Compression) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::new(compression).bytes(bytes, &mut out);
        out
    }

    #[test]
    fn strings_take_their_shortest_form() {
        for (text, expected) in [
            (&b""[..], &b"\0"[..]),
            (b"-1", b"\xc0\xff"),
            (b"1000", b"\xc1\xe8\x03"),
            (b"-2147483648", b"\xc2\0\0\0\x80"),
            (b"2147483648", b"\x0a2147483648"),
            (b"007", b"\x03007"),
        ] {
            assert_eq!(encoded(text, Compression::Lzf), expected, "{text:?}");
        }
        let repeated = [b'a'; 100];
        assert_eq!(
            encoded(&repeated, Compression::Lzf),
            b"\xc3\x05\x40\x64\0a\xe0\x5a\0"
        );
        assert_eq!(encoded(&repeated, Compression::None).len(), 102);
        assert_eq!(encoded(&repeated[..20], Compression::Lzf).len(), 21);
    }
}
