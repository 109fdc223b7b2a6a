//! Set values: a sorted array of integers, a listpack, or a table.
//!
//! ```text
//! intset ──(a member that is no integer)──▶ listpack ──(too many, or too long)──▶ hashtable
//!    └─────────────────────(too many)───────────────────────────────────────────────▲
//! ```
//! A set never goes back, except that SPOP leaves a new one when it takes most of a table.

use std::collections::HashSet;

use crate::entry::canonical_int;
use crate::listpack;
use crate::{Intset, Listpack, Member, Rng, Spread, StrRef, Table, Thresholds, table};

/// Picking single members of a table beats walking through it as long as fewer than one in this many are wanted.
const SPARSE: usize = 3;
/// SPOP makes a new set when it leaves less than one member for this many taken.
const MOSTLY_TAKEN: usize = 5;

/// A set of byte strings.
#[derive(Debug, Clone)]
pub struct Set(Form);

#[derive(Debug, Clone)]
enum Form {
    Ints(Intset),
    Pack(Listpack),
    Table(Box<Table<Member>>),
}

impl Default for Set {
    fn default() -> Self {
        Set(Form::Ints(Intset::new()))
    }
}

impl Set {
    /// A set from an intset, as an RDB file holds one; the limits may ask for another form.
    pub fn from_intset(ints: Intset, limits: &Thresholds, rng: &mut Rng) -> Self {
        let mut set = Set(Form::Ints(ints));
        set.leave_intset_if_full(limits, rng);
        set
    }

    /// A set from a listpack of members, as an RDB file holds one: none if a member occurs twice or there is none.
    pub fn from_listpack(pack: Listpack, limits: &Thresholds, rng: &mut Rng) -> Option<Self> {
        let mut seen = HashSet::new();
        if pack.is_empty() || !pack.iter().all(|member| seen.insert(member.to_vec())) {
            return None;
        }
        let fits = seen.len() <= limits.set_max_listpack_entries
            && seen
                .iter()
                .all(|member| member.len() <= limits.set_max_listpack_value);
        let mut set = Set(Form::Pack(pack));
        if !fits {
            set.become_table(rng);
        }
        Some(set)
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Ints(ints) => ints.len(),
            Form::Pack(pack) => pack.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether nothing is left, so that the key must go.
    #[inline]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Ints(ints) => ints.is_empty(),
            Form::Pack(pack) => pack.is_empty(),
            Form::Table(table) => table.is_empty(),
        }
    }

    /// What OBJECT ENCODING calls the form.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Ints(_) => "intset",
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// The packed bytes in Redis's format, if it has any.
    pub fn packed(&self) -> Option<Packed<'_>> {
        match &self.0 {
            Form::Ints(ints) => Some(Packed::Intset(ints.as_bytes())),
            Form::Pack(pack) => Some(Packed::Listpack(pack.as_bytes())),
            Form::Table(_) => None,
        }
    }

    /// How the members are spread over the buckets of a table; none while they are packed.
    pub fn spread(&self, counted: bool) -> Option<Spread> {
        match &self.0 {
            Form::Table(table) => Some(table.spread(counted)),
            Form::Ints(_) | Form::Pack(_) => None,
        }
    }

    /// Bytes on the heap; members of a table are counted by a sample of at most `samples` (0 = all).
    pub fn memory(&self, samples: usize) -> usize {
        match &self.0 {
            Form::Ints(ints) => ints.memory(),
            Form::Pack(pack) => pack.memory(),
            Form::Table(table) => {
                size_of::<Table<Member>>() + table.memory() + members_memory(table, samples)
            }
        }
    }

    /// Prepares for `count` members, of which `first` is one: an empty set takes the form that suits them, another one
    /// leaves its packed form if they could never fit. What Redis does before it adds the arguments of an SADD.
    pub fn expect(&mut self, first: &[u8], count: usize, limits: &Thresholds, rng: &mut Rng) {
        let packs = count <= limits.set_max_listpack_entries;
        let is_empty = self.is_empty();
        match &self.0 {
            Form::Ints(_) if count <= limits.set_max_intset_entries => {
                if is_empty && canonical_int(first).is_none() {
                    self.0 = Form::Pack(Listpack::new());
                    self.leave_listpack_unless(packs, rng);
                }
            }
            Form::Ints(_) if is_empty && packs => self.0 = Form::Pack(Listpack::new()),
            Form::Ints(_) => self.become_table(rng),
            Form::Pack(_) => self.leave_listpack_unless(packs, rng),
            Form::Table(_) => {}
        }
    }

    /// Whether `member` is in the set.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Ints(ints) => canonical_int(member).is_some_and(|n| ints.contains(n)),
            Form::Pack(pack) => pack.find(member, 1).is_some(),
            Form::Table(table) => table.get(member).is_some(),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    #[inline]
    pub fn holds(&self, member: StrRef<'_>) -> bool {
        match (&self.0, member) {
            (Form::Ints(ints), StrRef::Int(n)) => ints.contains(n),
            _ => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// Adds a member; false if it was there.
    pub fn add(&mut self, member: &[u8], limits: &Thresholds, rng: &mut Rng) -> bool {
        match &mut self.0 {
            Form::Table(table) => {
                let hash = table.hash(member);
                if table.get_hashed(hash, member).is_some() {
                    return false;
                }
                table.insert_new(hash, Member::new(member));
                true
            }
            Form::Pack(pack) => {
                if pack.find(member, 1).is_some() {
                    return false;
                }
                if pack.len() < limits.set_max_listpack_entries
                    && member.len() <= limits.set_max_listpack_value
                {
                    pack.push_back(member);
                    return true;
                }
                self.become_table(rng);
                self.add(member, limits, rng)
            }
            Form::Ints(ints) => {
                let Some(n) = canonical_int(member) else {
                    self.leave_intset_for(member, limits, rng);
                    return self.add(member, limits, rng);
                };
                let is_new = ints.add(n);
                if is_new {
                    self.leave_intset_if_full(limits, rng);
                }
                is_new
            }
        }
    }

    /// Takes a member out; false if it was not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Ints(ints) => canonical_int(member).is_some_and(|n| ints.remove(n)),
            Form::Pack(pack) => pack
                .find(member, 1)
                .is_some_and(|at| pack.remove(at, 1) == 1),
            Form::Table(table) => table.remove(member).is_some(),
        }
    }

    /// All members; in ascending order where all are integers in packed form.
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Form::Ints(ints) => Iter::Ints(ints, 0),
            Form::Pack(pack) => Iter::Pack(pack.iter()),
            Form::Table(table) => Iter::Table(table.iter()),
        }
    }

    /// Visits some members and returns the next cursor, 0 at the end; a packed form is visited in one go. A member that
    /// is there from the first call (cursor 0) to the last is visited, unless the set leaves its packed form before.
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(StrRef<'_>)) -> u64 {
        match &self.0 {
            Form::Table(table) => {
                table.scan(cursor, &mut |member| visit(StrRef::Bytes(member.bytes())))
            }
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// A member chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<StrRef<'_>> {
        match &self.0 {
            Form::Ints(ints) => ints.random(rng).map(StrRef::Int),
            Form::Pack(pack) if pack.is_empty() => None,
            Form::Pack(pack) => pack.seek(rng.below(pack.len())).map(|at| pack.get(at)),
            Form::Table(table) => table
                .random(rng)
                .map(|member| StrRef::Bytes(member.bytes())),
        }
    }

    /// Visits `count` different members (or all if there are fewer), every such choice having the same chance.
    pub fn sample<'a>(&'a self, count: usize, rng: &mut Rng, visit: &mut dyn FnMut(StrRef<'a>)) {
        match &self.0 {
            Form::Table(table) if count <= table.len() / SPARSE => {
                let mut chosen = HashSet::with_capacity(count);
                while chosen.len() < count {
                    let Some(member) = table.random(rng) else {
                        return;
                    };
                    if chosen.insert(member.bytes().as_ptr()) {
                        visit(StrRef::Bytes(member.bytes()));
                    }
                }
            }
            _ => choose(
                self.len(),
                count,
                rng,
                self.iter(),
                &mut |member, chosen| {
                    if chosen {
                        visit(member);
                    }
                },
            ),
        }
    }

    /// Takes out a member chosen with equal chances and shows it to `visit`; none if there is none.
    pub fn pop<T>(&mut self, rng: &mut Rng, visit: impl FnOnce(StrRef<'_>) -> T) -> Option<T> {
        match &mut self.0 {
            Form::Ints(ints) => {
                let n = ints.random(rng)?;
                ints.remove(n);
                Some(visit(StrRef::Int(n)))
            }
            Form::Pack(pack) if pack.is_empty() => None,
            Form::Pack(pack) => {
                let at = pack.seek(rng.below(pack.len()))?;
                let outcome = visit(pack.get(at));
                pack.remove(at, 1);
                Some(outcome)
            }
            Form::Table(table) => {
                let member = table.take_random(rng)?;
                Some(visit(StrRef::Bytes(member.bytes())))
            }
        }
    }

    /// Takes out `count` members (or all if there are fewer) and shows them to `visit`, every choice with equal chances.
    pub fn pop_many(
        &mut self,
        count: usize,
        limits: &Thresholds,
        rng: &mut Rng,
        visit: &mut dyn FnMut(StrRef<'_>),
    ) {
        let left = self.len().saturating_sub(count);
        if matches!(self.0, Form::Table(_)) && left.saturating_mul(MOSTLY_TAKEN) > count {
            for _ in 0..count {
                self.pop(rng, &mut *visit);
            }
            return;
        }
        let mut rest = match self.0 {
            Form::Ints(_) => Set::default(),
            Form::Pack(_) | Form::Table(_) => Set(Form::Pack(Listpack::new())),
        };
        let mut kept = Vec::with_capacity(left);
        choose(
            self.len(),
            count,
            rng,
            self.iter(),
            &mut |member, chosen| {
                if chosen {
                    visit(member);
                } else {
                    kept.push(member);
                }
            },
        );
        for member in kept {
            rest.add(member.bytes(&mut itoa::Buffer::new()), limits, rng);
        }
        *self = rest;
    }

    fn leave_intset_if_full(&mut self, limits: &Thresholds, rng: &mut Rng) {
        if let Form::Ints(ints) = &self.0
            && ints.len() > limits.set_max_intset_entries
        {
            self.become_table(rng);
        }
    }

    /// A member came that is no integer: a listpack if it and all others fit there.
    fn leave_intset_for(&mut self, member: &[u8], limits: &Thresholds, rng: &mut Rng) {
        let Form::Ints(ints) = &self.0 else { return };
        let ends = [
            ints.get(0),
            ints.len().checked_sub(1).and_then(|last| ints.get(last)),
        ];
        let longest = ends
            .into_iter()
            .flatten()
            .map(|n| StrRef::Int(n).len())
            .max();
        let fits = ints.len() < limits.set_max_listpack_entries
            && member.len() <= limits.set_max_listpack_value
            && longest.unwrap_or(0) <= limits.set_max_listpack_value;
        if !fits {
            return self.become_table(rng);
        }
        let mut pack = Listpack::new();
        let mut digits = itoa::Buffer::new();
        ints.iter()
            .for_each(|n| pack.push_back(digits.format(n).as_bytes()));
        self.0 = Form::Pack(pack);
    }

    fn leave_listpack_unless(&mut self, fits: bool, rng: &mut Rng) {
        if !fits {
            self.become_table(rng);
        }
    }

    fn become_table(&mut self, rng: &mut Rng) {
        let mut table = Table::new(rng.bits());
        let mut digits = itoa::Buffer::new();
        for member in self.iter() {
            let bytes = member.bytes(&mut digits);
            table.insert_new(table.hash(bytes), Member::new(bytes));
        }
        self.0 = Form::Table(Box::new(table));
    }
}

/// The bytes of a packed form, each as Redis writes it into an RDB file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed<'a> {
    /// All members are integers.
    Intset(&'a [u8]),
    /// Members of any kind.
    Listpack(&'a [u8]),
}

/// See [`Set::iter`].
#[derive(Debug, Clone)]
pub enum Iter<'a> {
    /// Of an intset, from an index on.
    Ints(&'a Intset, usize),
    /// Of a listpack.
    Pack(listpack::Iter<'a>),
    /// Of a table.
    Table(table::Iter<'a, Member>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = StrRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<StrRef<'a>> {
        match self {
            Iter::Ints(ints, at) => {
                *at += 1;
                ints.get(*at - 1).map(StrRef::Int)
            }
            Iter::Pack(pack) => pack.next(),
            Iter::Table(table) => table.next().map(|member| StrRef::Bytes(member.bytes())),
        }
    }
}

impl<'a> IntoIterator for &'a Set {
    type Item = StrRef<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Bytes of the members, from the average of the first `samples` (0 = all).
fn members_memory(table: &Table<Member>, samples: usize) -> usize {
    let looked_at = if samples == 0 {
        table.len()
    } else {
        samples.min(table.len())
    };
    let sum: usize = table.iter().take(looked_at).map(Member::memory).sum();
    sum * table.len() / looked_at.max(1)
}

/// Says of each of `population` elements whether it is among the `count` chosen ones: one walk, no memory, every choice
/// with the same chance (selection sampling, Knuth volume 2, algorithm S).
pub(crate) fn choose<T>(
    population: usize,
    count: usize,
    rng: &mut Rng,
    elements: impl Iterator<Item = T>,
    visit: &mut dyn FnMut(T, bool),
) {
    let mut wanted = count.min(population);
    for (seen, element) in elements.enumerate().take(population) {
        let chosen = wanted > 0 && rng.below(population - seen) < wanted;
        wanted -= usize::from(chosen);
        visit(element, chosen);
    }
}

#[cfg(test)]
mod tests;
