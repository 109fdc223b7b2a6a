//! Keys as the requests that make them: the base of an append-only file without RDB (`aof-use-rdb-preamble no`).

use crate::db::{Form, Position};
use crate::{Stored, StrRef, ValueRef};

/// See the module. The parts of a long value are requests of their own; one element is never divided.
#[derive(Debug, Default)]
pub struct MakingRequests {
    /// The words that the next request adds, ends of them in `ends`.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// Elements of a request, as in Redis.
const ELEMENTS: usize = 64;
/// What a string costs beside its bytes.
const PER_STRING: usize = 16;

impl MakingRequests {
    /// The keys that follow are in database `db`.
    pub fn select(db: usize, out: &mut Vec<u8>) {
        header(out, b'*', 2);
        bulk(out, b"SELECT");
        bulk(out, itoa::Buffer::new().format(db).as_bytes());
    }

    fn add(&mut self, text: StrRef<'_>) {
        match text {
            StrRef::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
            StrRef::Int(n) => {
                let mut digits = itoa::Buffer::new();
                self.bytes.extend_from_slice(digits.format(n).as_bytes());
            }
        }
        self.ends.push(self.bytes.len());
    }

    fn add_score(&mut self, score: f64) {
        // The shortest form that reads as the same number.
        let text = match score {
            f64::INFINITY => "inf".to_owned(),
            f64::NEG_INFINITY => "-inf".to_owned(),
            score => score.to_string(),
        };
        self.add(StrRef::Bytes(text.as_bytes()));
    }

    /// Writes the request that adds what has been collected.
    fn flush(&mut self, name: &[u8], key: &[u8], work: &mut usize, out: &mut Vec<u8>) {
        if self.ends.is_empty() {
            return;
        }
        *work = work.saturating_sub(self.bytes.len() + self.ends.len() * PER_STRING);
        header(out, b'*', 2 + self.ends.len());
        bulk(out, name);
        bulk(out, key);
        let mut start = 0;
        for end in self.ends.drain(..) {
            bulk(out, &self.bytes[start..end]);
            start = end;
        }
        self.bytes.clear();
    }

    /// Goes on with a collection, `ELEMENTS` at a time; true at its end.
    fn collection(
        &mut self,
        entry: Stored<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let name: &[u8] = match entry.value {
            ValueRef::List(_) => b"RPUSH",
            ValueRef::Set(_) => b"SADD",
            ValueRef::Hash(_) => b"HMSET",
            ValueRef::Zset(_) => b"ZADD",
            ValueRef::String(_) => unreachable!("a string is no collection"),
        };
        loop {
            let is_over = self.gather(entry.value, at);
            self.flush(name, entry.key, work, out);
            if is_over || *work == 0 {
                return is_over;
            }
        }
    }

    /// Collects the next elements; true if they are the last ones.
    fn gather(&mut self, value: ValueRef<'_>, at: &mut Position) -> bool {
        match value {
            ValueRef::String(_) => true,
            ValueRef::List(list) => {
                let first = usize::try_from(at.unit).unwrap_or(usize::MAX);
                list.iter_from(first)
                    .take(ELEMENTS)
                    .for_each(|element| self.add(element));
                at.unit += ELEMENTS as u64;
                at.unit >= list.len() as u64
            }
            ValueRef::Zset(zset) => {
                let first = usize::try_from(at.unit).unwrap_or(usize::MAX);
                for (member, score) in zset.iter_from(first).take(ELEMENTS) {
                    self.add_score(score);
                    self.add(member);
                }
                at.unit += ELEMENTS as u64;
                at.unit >= zset.len() as u64
            }
            ValueRef::Set(set) => self.scan(at, &mut |this, unit| {
                set.scan(unit, &mut |member| this.add(member))
            }),
            ValueRef::Hash(hash) => self.scan(at, &mut |this, unit| {
                hash.scan(unit, &mut |field, value| {
                    this.add(field);
                    this.add(value);
                })
            }),
        }
    }

    fn scan(&mut self, at: &mut Position, bucket: &mut dyn FnMut(&mut Self, u64) -> u64) -> bool {
        while self.ends.len() < ELEMENTS {
            at.unit = bucket(self, at.unit);
            if at.unit == 0 {
                return true;
            }
        }
        false
    }

    /// `SET key value`; a long value in parts.
    fn string(
        &mut self,
        key: &[u8],
        text: StrRef<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut digits = itoa::Buffer::new();
        let bytes = match text {
            StrRef::Bytes(bytes) => bytes,
            StrRef::Int(n) => digits.format(n).as_bytes(),
        };
        if !at.is_begun {
            at.is_begun = true;
            header(out, b'*', 3);
            bulk(out, b"SET");
            bulk(out, key);
            header(out, b'$', bytes.len());
            *work = work.saturating_sub(key.len() + PER_STRING).max(1);
        }
        let part = (bytes.len() - at.offset).min(*work);
        out.extend_from_slice(&bytes[at.offset..at.offset + part]);
        at.offset += part;
        *work -= part;
        let is_over = at.offset == bytes.len();
        if is_over {
            out.extend_from_slice(b"\r\n");
        }
        is_over
    }
}

impl Form for MakingRequests {
    fn write(
        &mut self,
        entry: Stored<'_>,
        at: &mut Position,
        work: &mut usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let is_over = match entry.value {
            ValueRef::String(text) => self.string(entry.key, text, at, work, out),
            _ => self.collection(entry, at, work, out),
        };
        if let (true, Some(ms)) = (is_over, entry.expire_at) {
            header(out, b'*', 3);
            bulk(out, b"PEXPIREAT");
            bulk(out, entry.key);
            bulk(out, itoa::Buffer::new().format(ms).as_bytes());
        }
        is_over
    }
}

fn header(out: &mut Vec<u8>, kind: u8, count: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hash, Rng, Thresholds, Usage, Zset};

    fn written(value: ValueRef<'_>, most: usize) -> (String, usize) {
        let stored = Stored {
            key: b"key",
            value,
            expire_at: Some(77),
            usage: Usage::Unknown,
        };
        let (mut form, mut at) = (MakingRequests::default(), Position::default());
        let (mut out, mut parts) = (Vec::new(), 1);
        let mut work = most;
        while !form.write(stored, &mut at, &mut work, &mut out) {
            (work, parts) = (most, parts + 1);
        }
        (String::from_utf8_lossy(&out).replace("\r\n", " "), parts)
    }

    #[test]
    fn a_string_is_one_request_however_many_parts_it_has() {
        let value = ValueRef::String(StrRef::Bytes(b"some text"));
        let expected = "*3 $3 SET $3 key $9 some text *3 $9 PEXPIREAT $3 key $2 77 ";
        assert_eq!(written(value, usize::MAX), (expected.to_owned(), 1));
        let (text, parts) = written(value, 1);
        assert_eq!((text.as_str(), parts), (expected, 9));
    }

    #[test]
    fn elements_come_by_many_and_every_one_comes() {
        let (limits, mut rng) = (Thresholds::default(), Rng::new(1));
        let (mut hash, mut zset) = (Hash::default(), Zset::default());
        for n in 0..1000 {
            let name = format!("name{n}");
            hash.set(name.as_bytes(), b"value", &limits, &mut rng);
            zset.set(name.as_bytes(), f64::from(n) / 4.0, &limits, &mut rng);
        }
        for value in [ValueRef::Hash(&hash), ValueRef::Zset(&zset)] {
            let (text, parts) = written(value, 500);
            assert!(parts > 5, "{parts}");
            for n in 0..1000 {
                assert_eq!(text.matches(&format!(" name{n} ")).count(), 1, "name{n}");
            }
        }
        let (text, _) = written(ValueRef::Zset(&zset), usize::MAX);
        assert!(text.starts_with("*130 $4 ZADD $3 key $1 0 $5 name0 $4 0.25 $5 name1 "));
    }
}
