//! Writes keys in parts, so that a long value stops nobody for long.

use super::Usage;
use super::encoder::{Compression, Encoder};
use super::length;
use super::list::alone;
use super::tag::node;
use crate::db::{Form, Position};
use crate::set::Packed;
use crate::{Hash, List, Set, Stored, StrRef, ValueRef, Zset};

/// Keys as RDB files hold them, one after the other.
#[derive(Debug)]
pub struct Entries {
    encoder: Encoder,
    usage: UsageKept,
}

/// Whether files tell how keys were used: only where a policy asks for it, as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageKept {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// Longer strings are never compressed, and may be written in parts.
const LONG: usize = 256 << 10;
/// What a string costs beside its bytes.
const PER_STRING: usize = 16;

impl Entries {
    /// Nothing is written by this.
    pub fn new(compression: Compression, usage: UsageKept) -> Self {
        Entries {
            encoder: Encoder::new(compression),
            usage,
        }
    }

    /// Whether the string was written whole; what is left of it comes next.
    fn text(
        &mut self,
        text: StrRef<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        if *work == 0 {
            return false;
        }
        let bytes = match text {
            StrRef::Bytes(bytes) if bytes.len() > LONG => bytes,
            _ => {
                *work = work.saturating_sub(text.len() + PER_STRING);
                self.encoder.string(text, out);
                return true;
            }
        };
        if at.offset == 0 {
            length::write(bytes.len() as u64, out);
        }
        let part = (bytes.len() - at.offset).min(*work);
        out.extend_from_slice(&bytes[at.offset..at.offset + part]);
        *work -= part;
        at.offset += part;
        if at.offset < bytes.len() {
            return false;
        }
        at.offset = 0;
        true
    }

    fn list(
        &mut self,
        list: &List,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let first = usize::try_from(at.unit).unwrap_or(usize::MAX);
        for pack in list.nodes().skip(first) {
            if *work == 0 {
                return false;
            }
            let (kind, bytes) = match alone(pack) {
                Some(element) => (node::PLAIN, element),
                None => (node::PACKED, pack.as_bytes()),
            };
            if at.offset == 0 {
                length::write(kind, out);
            }
            if !self.text(StrRef::Bytes(bytes), at, work, out) {
                return false;
            }
            at.unit += 1;
        }
        true
    }

    fn set(&mut self, set: &Set, at: &mut Position, work: &mut usize, out: &mut Vec<u8>) -> bool {
        loop {
            let (mut index, mut is_cut) = (0, false);
            let next = set.scan(at.unit, &mut |member| {
                is_cut |= !self.next_text(member, &mut index, is_cut, at, work, out);
            });
            if is_cut {
                return false;
            }
            (at.unit, at.skip) = (next, 0);
            if next == 0 {
                return true;
            }
        }
    }

    fn hash(
        &mut self,
        hash: &Hash,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        loop {
            let (mut index, mut is_cut) = (0, false);
            let next = hash.scan(at.unit, &mut |field, value| {
                for text in [field, value] {
                    is_cut |= !self.next_text(text, &mut index, is_cut, at, work, out);
                }
            });
            if is_cut {
                return false;
            }
            (at.unit, at.skip) = (next, 0);
            if next == 0 {
                return true;
            }
        }
    }

    /// String number `index` of a bucket: true if it is there, now or already; nothing follows what `is_cut`.
    fn next_text(
        &mut self,
        text: StrRef<'_>,
        index: &mut usize,
        is_cut: bool,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let (is_there, is_next) = (*index < at.skip, *index == at.skip);
        *index += 1;
        if is_there {
            return true;
        }
        if is_cut || !is_next || !self.text(text, at, work, out) {
            return false;
        }
        at.skip += 1;
        true
    }

    /// From the last member to the first, as Redis loads that faster.
    fn zset(
        &mut self,
        zset: &Zset,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let done = usize::try_from(at.unit).unwrap_or(usize::MAX);
        let Some(next) = (zset.len() - 1).checked_sub(done) else {
            return true;
        };
        for (member, score) in zset.iter_back_from(next) {
            if !self.text(member, at, work, out) {
                return false;
            }
            out.extend_from_slice(&score.to_le_bytes());
            at.unit += 1;
        }
        true
    }
}

/// The one string that a value is written as, or else how many pieces it has.
fn whole(value: ValueRef<'_>) -> Result<StrRef<'_>, usize> {
    match value {
        ValueRef::String(text) => Ok(text),
        ValueRef::List(list) => Err(list.nodes().len()),
        ValueRef::Set(set) => match set.packed() {
            Some(Packed::Intset(bytes)) => Ok(StrRef::Bytes(bytes)),
            _ => Err(set.len()),
        },
        ValueRef::Hash(hash) => hash.packed().map(StrRef::Bytes).ok_or(hash.len()),
        ValueRef::Zset(zset) => zset.packed().map(StrRef::Bytes).ok_or(zset.len()),
    }
}

impl Form for Entries {
    fn write(
        &mut self,
        mut entry: Stored<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let whole = whole(entry.value);
        if !at.is_begun {
            at.is_begun = true;
            if self.usage == UsageKept::No {
                entry.usage = Usage::Unknown;
            }
            self.encoder.before_value(entry, out);
            *work = work.saturating_sub(entry.key.len() + PER_STRING).max(1);
            if let Err(pieces) = whole {
                length::write(pieces as u64, out);
            }
        }
        match (whole, entry.value) {
            (Ok(text), _) | (_, ValueRef::String(text)) => self.text(text, at, work, out),
            (_, ValueRef::List(list)) => self.list(list, at, work, out),
            (_, ValueRef::Set(set)) => self.set(set, at, work, out),
            (_, ValueRef::Hash(hash)) => self.hash(hash, at, work, out),
            (_, ValueRef::Zset(zset)) => self.zset(zset, at, work, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::End;
    use crate::{Rng, Thresholds};

    fn stored(value: ValueRef<'_>) -> Stored<'_> {
        Stored {
            key: b"key",
            value,
            expire_at: Some(1 << 40),
            usage: Usage::Frequency(7),
        }
    }

    /// Written in parts of about `work` bytes.
    fn written(value: ValueRef<'_>, most: usize) -> (Vec<u8>, usize) {
        let mut form = Entries::new(Compression::None, UsageKept::Yes);
        let (mut out, mut at, mut parts) = (Vec::new(), Position::default(), 1);
        loop {
            let (mut work, before) = (most, out.len());
            if form.write(stored(value), &mut at, &mut work, &mut out) {
                return (out, parts);
            }
            assert!(out.len() > before, "each part is a little more");
            parts += 1;
        }
    }

    fn in_one_go(value: ValueRef<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        Encoder::new(Compression::None).entry(stored(value), &mut out);
        out
    }

    #[test]
    fn parts_are_together_what_is_written_in_one_go() {
        let (limits, mut rng) = (Thresholds::default(), Rng::new(5));
        let long = vec![b'x'; LONG + 1];
        let mut texts: Vec<Vec<u8>> = (0..1000)
            .map(|n| format!("text {n}").into_bytes())
            .collect();
        texts[500] = long.clone();
        let (mut list, mut set) = (List::default(), Set::default());
        let (mut hash, mut zset) = (Hash::default(), Zset::default());
        for (n, text) in texts.iter().enumerate() {
            list.push(End::Right, text, &limits);
            set.add(text, &limits, &mut rng);
            hash.set(text, text, &limits, &mut rng);
            zset.set(text, n as f64, &limits, &mut rng);
        }
        let (mut packed, mut ints) = (Hash::default(), Set::default());
        packed.set(b"f", b"v", &limits, &mut rng);
        ints.add(b"12", &limits, &mut rng);
        for value in [
            ValueRef::String(StrRef::Bytes(&long)),
            ValueRef::String(StrRef::Int(77)),
            ValueRef::List(&list),
            ValueRef::Set(&set),
            ValueRef::Hash(&hash),
            ValueRef::Zset(&zset),
            ValueRef::Hash(&packed),
            ValueRef::Set(&ints),
        ] {
            for most in [1, 100, 70_000, usize::MAX] {
                let (parts, count) = written(value, most);
                match value {
                    // The order of a table is the walk's, not the iterator's.
                    ValueRef::Set(_) | ValueRef::Hash(_) => {
                        let mut restored = parts.clone();
                        let mut expected = in_one_go(value);
                        assert_eq!(restored.len(), expected.len());
                        restored.sort_unstable();
                        expected.sort_unstable();
                        assert!(restored == expected);
                    }
                    _ => assert!(parts == in_one_go(value)),
                }
                let is_long = parts.len() > LONG;
                assert_eq!(count > 1, is_long && most < usize::MAX, "{count} parts");
            }
        }
    }
}
