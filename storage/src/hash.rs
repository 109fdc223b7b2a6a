//! Hash values: a listpack of fields and values in turn, or a table.
//!
//! ```text
//! listpack ──(too many fields, or a field or value too long)──▶ hashtable, for good
//! ```

use std::collections::HashSet;

use crate::packed::{Form, FormMut, Packed};
use crate::set::choose;
use crate::{Listpack, Pair, Rng, Spread, StrRef, Table, Thresholds, listpack, table};

/// Picking single fields of a table beats walking through it as long as fewer than one in this many are wanted.
const SPARSE: usize = 3;

/// A map from byte strings to byte strings.
#[derive(Debug, Clone)]
pub struct Hash(Packed<Table<Pair>>);

/// A field and its value.
pub type Entry<'a> = (StrRef<'a>, StrRef<'a>);

impl Default for Hash {
    fn default() -> Self {
        Hash(Packed::pack(Listpack::new()))
    }
}

impl Hash {
    /// A hash from a listpack of fields and values, as an RDB file holds one: none if a field occurs twice or has no value
    /// or there is none.
    pub fn from_listpack(pack: Listpack, limits: &Thresholds, rng: &mut Rng) -> Option<Self> {
        let len = pack.len();
        if len == 0 || len % 2 == 1 || !pack.all_differ(2) {
            return None;
        }
        let longest = pack.iter().map(StrRef::len).max().unwrap_or(0);
        let mut hash = Hash(Packed::pack(pack));
        hash.expect(len / 2, longest, limits, rng);
        Some(hash)
    }

    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Pack(pack) => pack.len() / 2,
            Form::Large(table) => table.len(),
        }
    }

    /// Whether nothing is left, so that the key must go.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match self.0.get() {
            Form::Pack(pack) => pack.is_empty(),
            Form::Large(table) => table.is_empty(),
        }
    }

    /// What OBJECT ENCODING calls the form.
    pub fn encoding(&self) -> &'static str {
        match self.0.get() {
            Form::Pack(_) => "listpack",
            Form::Large(_) => "hashtable",
        }
    }

    /// The packed bytes in Redis's format, if it has them.
    pub fn packed(&self) -> Option<&[u8]> {
        match self.0.get() {
            Form::Pack(pack) => Some(pack.as_bytes()),
            Form::Large(_) => None,
        }
    }

    /// How the fields are spread over the buckets of a table; none while they are packed.
    pub fn spread(&self, counted: bool) -> Option<Spread> {
        match self.0.get() {
            Form::Large(table) => Some(table.spread(counted)),
            Form::Pack(_) => None,
        }
    }

    /// Bytes on the heap; fields of a table are counted by a sample of at most `samples` (0 = all).
    pub fn memory(&self, samples: usize) -> usize {
        match self.0.get() {
            Form::Pack(pack) => pack.memory(),
            Form::Large(table) => {
                size_of::<Table<Pair>>() + table.memory() + pairs_memory(table, samples)
            }
        }
    }

    /// Prepares for `count` more fields, fields and values at most `longest` bytes long: leaves the packed form if they
    /// could never fit. What Redis does before it sets the arguments of an HSET.
    #[inline]
    pub fn expect(&mut self, count: usize, longest: usize, limits: &Thresholds, rng: &mut Rng) {
        let fits =
            count <= limits.hash_max_listpack_entries && longest <= limits.hash_max_listpack_value;
        if !fits && matches!(self.0.get(), Form::Pack(_)) {
            self.become_table(rng);
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<StrRef<'_>> {
        match self.0.get() {
            Form::Pack(pack) => {
                let value = pack.next(pack.find(field, 2)?)?;
                Some(pack.get(value))
            }
            Form::Large(table) => table.get(field).map(|pair| StrRef::Bytes(pair.value())),
        }
    }

    /// Whether there is such a field.
    #[inline]
    pub fn contains(&self, field: &[u8]) -> bool {
        match self.0.get() {
            Form::Pack(pack) => pack.find(field, 2).is_some(),
            Form::Large(table) => table.get(field).is_some(),
        }
    }

    /// Sets a field; true if it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Thresholds, rng: &mut Rng) -> bool {
        self.expect(0, field.len().max(value.len()), limits, rng);
        match self.0.get_mut() {
            FormMut::Pack(pack) => {
                if let Some(at) = pack.find(field, 2).and_then(|at| pack.next(at)) {
                    pack.replace(at, value);
                    return false;
                }
                pack.push_pair(field, value);
                if pack.len() / 2 > limits.hash_max_listpack_entries {
                    self.become_table(rng);
                }
                true
            }
            FormMut::Large(table) => {
                let hash = table.hash(field);
                if let Some(pair) = table.get_mut_hashed(hash, field) {
                    pair.set_value(value);
                    return false;
                }
                table.insert_new(hash, Pair::new(field, value));
                true
            }
        }
    }

    /// Takes a field out; false if it was not there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self.0.get_mut() {
            FormMut::Pack(pack) => pack
                .find(field, 2)
                .is_some_and(|at| pack.remove(at, 2) == 2),
            FormMut::Large(table) => table.remove(field).is_some(),
        }
    }

    /// All fields with their values.
    pub fn iter(&self) -> Iter<'_> {
        match self.0.get() {
            Form::Pack(pack) => Iter::Pack(pack.iter()),
            Form::Large(table) => Iter::Table(table.iter()),
        }
    }

    /// Visits some fields and returns the next cursor, 0 at the end; a packed form is visited in one go. A field that is
    /// there from the first call (cursor 0) to the last is visited, unless the hash leaves its packed form before.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(StrRef<'_>, StrRef<'_>)) -> u64 {
        match self.0.get() {
            Form::Large(table) => table.scan(cursor, &mut |pair| {
                visit(StrRef::Bytes(pair.key()), StrRef::Bytes(pair.value()));
            }),
            Form::Pack(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
        }
    }

    /// A field chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<Entry<'_>> {
        match self.0.get() {
            Form::Pack(pack) if pack.is_empty() => None,
            Form::Pack(pack) => {
                let field = pack.seek(rng.below(pack.len() / 2) * 2)?;
                Some((pack.get(field), pack.get(pack.next(field)?)))
            }
            Form::Large(table) => table.random(rng).map(entry),
        }
    }

    /// Visits `count` different fields (or all if there are fewer), every such choice having the same chance.
    pub fn sample<'a>(&'a self, count: usize, rng: &mut Rng, visit: &mut dyn FnMut(Entry<'a>)) {
        match self.0.get() {
            Form::Large(table) if count <= table.len() / SPARSE => {
                let mut chosen = HashSet::with_capacity(count);
                while chosen.len() < count {
                    let Some(pair) = table.random(rng) else {
                        return;
                    };
                    if chosen.insert(pair.key().as_ptr()) {
                        visit(entry(pair));
                    }
                }
            }
            _ => choose(self.len(), count, rng, self.iter(), &mut |entry, chosen| {
                if chosen {
                    visit(entry);
                }
            }),
        }
    }

    fn become_table(&mut self, rng: &mut Rng) {
        let mut table = Table::new(rng.bits());
        let (mut digits, mut more_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
        for (field, value) in self.iter() {
            let pair = Pair::new(field.bytes(&mut digits), value.bytes(&mut more_digits));
            table.insert_new(table.hash(pair.key()), pair);
        }
        self.0 = Packed::large(table);
    }
}

/// See [`Hash::iter`].
#[derive(Debug, Clone)]
pub enum Iter<'a> {
    /// Of a listpack.
    Pack(listpack::Iter<'a>),
    /// Of a table.
    Table(table::Iter<'a, Pair>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        match self {
            Iter::Pack(pack) => Some((pack.next()?, pack.next()?)),
            Iter::Table(table) => table.next().map(entry),
        }
    }
}

impl<'a> IntoIterator for &'a Hash {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

fn entry(pair: &Pair) -> Entry<'_> {
    (StrRef::Bytes(pair.key()), StrRef::Bytes(pair.value()))
}

/// Bytes of the pairs, from the average of the first `samples` (0 = all).
fn pairs_memory(table: &Table<Pair>, samples: usize) -> usize {
    let looked_at = if samples == 0 {
        table.len()
    } else {
        samples.min(table.len())
    };
    let sum: usize = table.iter().take(looked_at).map(Pair::memory).sum();
    sum * table.len() / looked_at.max(1)
}

#[cfg(test)]
mod tests;
