//! A hash table of thin records that grows and shrinks one bucket at a time.
//!
//! Linear hashing (Litwin 1980): with `n = 2^level + split` buckets, a key belongs to bucket `hash mod 2^(level+1)`, or
//! `hash mod 2^level` where that bucket does not exist yet. Growing splits bucket `split` in two, so no insertion ever
//! pays for more than one bucket, and the load stays even at every size. Only a small table moves when it doubles: so all
//! that leads to its buckets stands in one cache line.
//!
//! ```text
//! bucket = one cache line   | tags 7 x u8 | marks, chained: u8 | record | record | ... | record or child |
//! block                     [0 1 2 3 ... up to 1023]      doubling, moved
//! segments                  [1024 ... 2047] [2048 ... ]   small ones, then large ones; never moved
//! ```
//!
//! A tag is a byte of the hash (0 = free place), so a look-up rarely touches a record that is not the one it wants. A full
//! bucket hangs a child bucket into its last place. A mark is one bit beside the tag that the owner gives a meaning
//! (a key of a database is marked when it has a time to live).
//!
//! Cursors of [`Table::scan`] count through the reversed bits of the hash, as Redis's dictionaries do: a cursor says which
//! hashes have been visited, not which buckets, so splitting and merging in between loses nothing.
#![expect(
    unsafe_code,
    reason = "records are one pointer wide and share their place with the child pointer"
)]

mod ahead;
mod bucket;
mod growth;
mod iter;
mod marks;
mod random;
mod scan;
mod segments;

use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;
use std::mem::size_of;
use std::ptr::NonNull;

use foldhash::fast::FixedState;

use self::bucket::{Bucket, CHAINED, PLACES, Spot, TAGS, matches, tag};
pub use self::iter::Iter;
use self::segments::{BLOCK_MAX, allocate, block_of, place_of, release, size_of_segment};

/// What a [`Table`] holds: one pointer to a heap block that begins with everything a comparison needs.
///
/// # Safety
/// The type must be exactly one non-null pointer wide, and its key must not change while it is in a table.
pub unsafe trait Record: Sized {
    /// The bytes by which it is found.
    fn key(&self) -> &[u8];

    /// Whether it is the one of `key`.
    #[inline]
    fn has_key(&self, key: &[u8]) -> bool {
        same_bytes(self.key(), key)
    }
}

/// Equality of short byte strings without a call: eight bytes at a time, the last eight overlap those before.
#[inline]
fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    const WORD: usize = size_of::<u64>();
    if a.len() != b.len() {
        return false;
    }
    if a.len() > 64 || a.len() < WORD {
        return a == b;
    }
    let word = |bytes: &[u8], at: usize| {
        let word = bytes[at..at + WORD].try_into();
        u64::from_le_bytes(word.expect("eight bytes"))
    };
    let last = a.len() - WORD;
    let mut at = 0;
    while at < last {
        if word(a, at) != word(b, at) {
            return false;
        }
        at += WORD;
    }
    word(a, last) == word(b, last)
}

/// Records per bucket, in quarters, above which a bucket is split (5.25) and below which two are merged (2).
const SPLIT_ABOVE_QUARTERS: usize = 21;
const MERGE_BELOW_QUARTERS: usize = 8;

/// See the module.
pub struct Table<R: Record> {
    /// The first buckets, as many as [`block_of`] says.
    block: NonNull<Bucket<R>>,
    /// Which of the other buckets each holds is said by [`place_of`]; null = not in use any more.
    segments: Box<[*mut Bucket<R>]>,
    /// Number of buckets that are full of hashes of `level` bits.
    buckets: u32,
    /// `2^level - 1` where `2^level <= buckets < 2^(level+1)`.
    mask: u32,
    len: usize,
    marked: usize,
    chained: u32,
    /// Buckets in the longest chain there has been.
    depth: u32,
    hasher: FixedState,
    owns: PhantomData<R>,
}

// SAFETY: a table owns its records and buckets; nothing in it is shared.
unsafe impl<R: Record + Send> Send for Table<R> {}

impl<R: Record> std::fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

impl<R: Record> Table<R> {
    /// An empty table of one bucket. The seed keeps clients from choosing keys that collide.
    pub fn new(seed: u64) -> Self {
        const {
            assert!(
                size_of::<R>() == size_of::<usize>(),
                "a record is one pointer"
            )
        };
        Table {
            block: allocate(1),
            segments: Box::default(),
            buckets: 1,
            mask: 0,
            len: 0,
            marked: 0,
            chained: 0,
            depth: 1,
            hasher: FixedState::with_seed(seed),
            owns: PhantomData,
        }
    }

    /// An empty table with the same hash.
    pub fn fresh(&self) -> Self {
        let mut table = Table::new(0);
        table.hasher = self.hasher.clone();
        table
    }

    /// Number of records.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of records with a mark.
    pub fn marked(&self) -> usize {
        self.marked
    }

    /// Number of buckets, chained ones not counted.
    #[inline]
    pub fn buckets(&self) -> usize {
        self.buckets as usize
    }

    /// Bytes of the table itself, without its records. The last segment counts whole, however few of its buckets are in use.
    pub fn memory(&self) -> usize {
        let segments = self.segments.iter().enumerate();
        let used = segments.filter(|(_, buckets)| !buckets.is_null());
        let segments: usize = used.map(|(segment, _)| size_of_segment(segment)).sum();
        let allocated = block_of(self.buckets()) + segments;
        (allocated + self.chained as usize) * size_of::<Bucket<R>>() + size_of_val(&*self.segments)
    }

    /// The hash by which this table finds `key`; good for the `*_hashed` calls of this table only.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// The record of `key`.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<&R> {
        self.get_hashed(self.hash(key), key)
    }

    /// As [`Table::get`] when the hash is known.
    #[inline]
    pub fn get_hashed(&self, hash: u64, key: &[u8]) -> Option<&R> {
        // SAFETY: `find` returns places that hold a record, and the loan of `self` keeps it there.
        self.find(hash, key).map(|spot| unsafe { spot.record() })
    }

    /// The record of `key`, to change anything but its key. It may be replaced by a record of the same key.
    #[inline]
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut R> {
        self.get_mut_hashed(self.hash(key), key)
    }

    /// As [`Table::get_mut`] when the hash is known.
    #[inline]
    pub fn get_mut_hashed(&mut self, hash: u64, key: &[u8]) -> Option<&mut R> {
        // SAFETY: as in `get_hashed`; the exclusive loan of `self` is the only one.
        self.find(hash, key)
            .map(|mut spot| unsafe { spot.record_mut() })
    }

    /// Puts `record` in, in place of the one with an equal key, which is handed back. A mark stays as it was.
    pub fn insert(&mut self, record: R) -> Option<R> {
        let hash = self.hash(record.key());
        match self.get_mut_hashed(hash, record.key()) {
            Some(old) => Some(std::mem::replace(old, record)),
            None => {
                self.insert_new(hash, record);
                None
            }
        }
    }

    /// Puts a record in whose key is not in the table yet; unmarked. Returns it where it stands.
    pub fn insert_new(&mut self, hash: u64, record: R) -> &mut R {
        debug_assert!(self.find(hash, record.key()).is_none());
        if (self.len + 1) * 4 > self.buckets() * SPLIT_ABOVE_QUARTERS {
            self.split();
        }
        self.len += 1;
        let mut spot = self.add(self.bucket(self.index(hash)), tag(hash), false, record);
        // SAFETY: the record was just put there, and the loan of `self` is exclusive.
        unsafe { spot.record_mut() }
    }

    /// Takes the record of `key` out.
    pub fn remove(&mut self, key: &[u8]) -> Option<R> {
        self.remove_hashed(self.hash(key), key)
    }

    /// As [`Table::remove`] when the hash is known.
    pub fn remove_hashed(&mut self, hash: u64, key: &[u8]) -> Option<R> {
        let spot = self.find(hash, key)?;
        let head = self.bucket(self.index(hash));
        let record = self.take(head, spot);
        self.merge_if_sparse();
        Some(record)
    }

    /// All records, bucket by bucket.
    pub fn iter(&self) -> Iter<'_, R> {
        Iter {
            table: self,
            index: 0,
            bucket: Some(self.bucket(0)),
            place: 0,
        }
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        let mask = u64::from(self.mask);
        let wide = (hash & (mask << 1 | 1)) as usize;
        if wide < self.buckets() {
            wide
        } else {
            (hash & mask) as usize
        }
    }

    /// The bits of the hash that choose bucket `index`.
    fn mask_of(&self, index: usize) -> u64 {
        let mask = u64::from(self.mask);
        let half = self.mask as usize + 1;
        let is_split = index >= half || index + half < self.buckets();
        if is_split { mask << 1 | 1 } else { mask }
    }

    #[inline]
    fn bucket(&self, index: usize) -> NonNull<Bucket<R>> {
        debug_assert!(index < self.buckets());
        if index < BLOCK_MAX {
            // SAFETY: the block holds all buckets below `buckets` and this limit.
            return unsafe { self.block.add(index) };
        }
        let (segment, offset) = place_of(index);
        // SAFETY: the segment was allocated with its first bucket, and `index` is below `buckets`.
        unsafe { NonNull::new_unchecked(self.segments[segment].add(offset)) }
    }

    #[inline]
    fn find(&self, hash: u64, key: &[u8]) -> Option<Spot<R>> {
        let tag = tag(hash);
        let mut bucket = self.bucket(self.index(hash));
        loop {
            // SAFETY: a bucket of the table; places whose tag is set hold a record, which lives as long as it is there.
            let this = unsafe { bucket.as_ref() };
            let mut hits = matches(this.meta, tag);
            while hits != 0 {
                let place = (hits.trailing_zeros() / 8) as usize;
                if unsafe { &this.places[place].record }.has_key(key) {
                    return Some(Spot { bucket, place });
                }
                hits &= hits - 1;
            }
            bucket = this.child()?;
        }
    }

    /// Puts a record into a free place of the chain that begins at `head`.
    fn add(&mut self, head: NonNull<Bucket<R>>, tag: u8, is_marked: bool, record: R) -> Spot<R> {
        self.marked += usize::from(is_marked);
        let (mut bucket, mut depth) = (head, 1);
        loop {
            // SAFETY: a bucket of the table, exclusively lent.
            let this = unsafe { bucket.as_mut() };
            if let Some(place) = this.free_place() {
                this.fill(place, tag, is_marked, record);
                return Spot { bucket, place };
            }
            bucket = match this.child() {
                Some(child) => child,
                None => {
                    self.chained += 1;
                    this.chain()
                }
            };
            depth += 1;
            self.depth = self.depth.max(depth);
        }
    }

    /// Empties a place, drops the chain's last bucket if that leaves it empty.
    fn take(&mut self, head: NonNull<Bucket<R>>, mut spot: Spot<R>) -> R {
        self.len -= 1;
        // SAFETY: the spot holds a record and its bucket belongs to the chain of `head`, exclusively lent.
        let (record, was_marked) = unsafe { spot.bucket.as_mut().clear(spot.place) };
        self.marked -= usize::from(was_marked);
        self.trim(head);
        record
    }

    /// Frees empty children of a chain.
    fn trim(&mut self, head: NonNull<Bucket<R>>) {
        let mut bucket = head;
        loop {
            // SAFETY: buckets of one chain, exclusively lent; an empty child is unlinked before it is freed.
            let this = unsafe { bucket.as_mut() };
            let Some(child) = this.child() else { return };
            let below = unsafe { child.as_ref() };
            if below.meta & TAGS != 0 || below.child().is_some() {
                bucket = child;
                continue;
            }
            this.meta &= !CHAINED;
            self.chained -= 1;
            unsafe { release(child, 1) };
            return;
        }
    }
}

impl<R: Record + Clone> Clone for Table<R> {
    /// The same records, found by the same hash; without marks.
    fn clone(&self) -> Self {
        let mut table = self.fresh();
        for record in self {
            table.insert_new(table.hash(record.key()), record.clone());
        }
        table
    }
}

impl<R: Record> Drop for Table<R> {
    fn drop(&mut self) {
        for index in 0..self.buckets() {
            drop(self.unload(index));
        }
        // SAFETY: the block was allocated with this size and its buckets are empty now.
        unsafe { release(self.block, block_of(self.buckets())) };
        for (segment, buckets) in self
            .segments
            .iter()
            .enumerate()
            .filter(|(_, buckets)| !buckets.is_null())
        {
            // SAFETY: as of the block; the null ones were left out.
            unsafe { release(NonNull::new_unchecked(*buckets), size_of_segment(segment)) };
        }
    }
}

#[inline]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint and touches nothing, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch(address.cast(), _MM_HINT_T0);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests;
