//! A hash table of thin records that grows and shrinks one bucket at a time.
//!
//! Linear hashing (Litwin 1980): with `n = 2^level + split` buckets, a key belongs to bucket `hash mod 2^(level+1)`, or
//! `hash mod 2^level` where that bucket does not exist yet. Growing splits bucket `split` in two, so no insertion ever
//! pays for more than one bucket and the load stays even at every size.
//!
//! ```text
//! bucket = one cache line   | tags 7 x u8 | marks, chained: u8 | record | record | ... | record or child |
//! segments                  [0] [1] [2 3] [4 5 6 7] ...   doubling, never moved
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

mod scan;

use std::alloc::{self, Layout};
use std::hash::{BuildHasher, Hasher};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, size_of};
use std::ptr::{self, NonNull};

use foldhash::fast::FixedState;

use crate::Rng;

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

/// Places in a bucket; the last one gives way to the child pointer.
const PLACES: usize = 7;
/// Records per bucket, in quarters, above which a bucket is split (5.25) and below which two are merged (2).
const SPLIT_ABOVE_QUARTERS: usize = 21;
const MERGE_BELOW_QUARTERS: usize = 8;

/// Bytes of a record that [`Table::prefetch_record`] asks for; at most one line more than the first.
const RECORD_PREFETCHED: usize = 48;

/// Bytes of a huge page where there are some.
const HUGE_PAGE: usize = 2 << 20;

const TAGS: u64 = 0x00ff_ffff_ffff_ffff;
const LOW_BITS: u64 = 0x0001_0101_0101_0101;
const HIGH_BITS: u64 = 0x0080_8080_8080_8080;
const CHAINED: u64 = 1 << 63;
const MARKS_SHIFT: u32 = 56;

/// See the module.
pub struct Table<R: Record> {
    /// Segment `s` holds `2^(s-1)` buckets (segment 0: one); null = not in use any more.
    segments: Box<[*mut Bucket<R>]>,
    /// Number of buckets that are full of hashes of `level` bits.
    buckets: usize,
    /// `2^level - 1` where `2^level <= buckets < 2^(level+1)`.
    mask: u64,
    len: usize,
    marked: usize,
    chained: u32,
    /// Buckets in the longest chain there has been.
    depth: u32,
    hasher: FixedState,
    owns: PhantomData<R>,
}

#[repr(C, align(64))]
struct Bucket<R> {
    /// Seven tags, then the byte of marks (one bit a place) and the chained bit.
    meta: u64,
    places: [Place<R>; PLACES],
}

union Place<R> {
    record: ManuallyDrop<R>,
    child: *mut Bucket<R>,
}

/// Where a record stands.
struct Spot<R> {
    bucket: NonNull<Bucket<R>>,
    place: usize,
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
            segments: Box::new([allocate(1)]),
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

    /// Number of records.
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
    pub fn buckets(&self) -> usize {
        self.buckets
    }

    /// Bytes of the table itself, without its records. The last segment counts whole, however few of its buckets are in use.
    pub fn memory(&self) -> usize {
        let allocated = self.buckets.next_power_of_two() + self.chained as usize;
        allocated * size_of::<Bucket<R>>() + size_of_val(&*self.segments)
    }

    /// The hash by which this table finds `key`; good for the `*_hashed` calls of this table only.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// Asks the processor for the bucket of `hash`, to be there some 50 ns later.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        prefetch(self.bucket(self.index(hash)).as_ptr().cast());
    }

    /// Asks the processor for the records that may be the one of `hash`. Cheap once the bucket is there.
    #[inline]
    pub fn prefetch_record(&self, hash: u64) {
        let bucket = self.bucket(self.index(hash));
        // SAFETY: a bucket of the table; places whose tag is set hold a record.
        unsafe {
            let meta = bucket.as_ref().meta;
            let mut hits = matches(meta, tag(hash));
            while hits != 0 {
                let place = (hits.trailing_zeros() / 8) as usize;
                let record = &raw const bucket.as_ref().places[place];
                let start = *record.cast::<*const u8>();
                prefetch(start);
                // A small record may lie across two lines.
                prefetch(start.wrapping_add(RECORD_PREFETCHED - 1));
                hits &= hits - 1;
            }
        }
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
        if (self.len + 1) * 4 > self.buckets * SPLIT_ABOVE_QUARTERS {
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

    /// Whether the record of `key` is marked.
    pub fn is_marked(&self, hash: u64, key: &[u8]) -> bool {
        // SAFETY: `find` returns buckets of the table.
        self.find(hash, key)
            .is_some_and(|spot| unsafe { spot.bucket.as_ref() }.is_marked(spot.place))
    }

    /// Marks the record of `key`, or takes the mark away.
    pub fn mark(&mut self, hash: u64, key: &[u8], on: bool) {
        if let Some(mut spot) = self.find(hash, key) {
            // SAFETY: as above; the loan of `self` is exclusive.
            let bucket = unsafe { spot.bucket.as_mut() };
            match (bucket.is_marked(spot.place), on) {
                (false, true) => self.marked += 1,
                (true, false) => self.marked -= 1,
                _ => return,
            }
            bucket.meta ^= 1 << (MARKS_SHIFT + spot.place as u32);
        }
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

    /// A record chosen with equal chances.
    pub fn random(&self, rng: &mut Rng) -> Option<&R> {
        // SAFETY: `choose` returns places that hold a record, and the loan of `self` keeps it there.
        self.choose(rng, false)
            .map(|(_, spot)| unsafe { spot.record() })
    }

    /// Takes out a record chosen with equal chances.
    pub fn take_random(&mut self, rng: &mut Rng) -> Option<R> {
        let (head, spot) = self.choose(rng, false)?;
        let record = self.take(head, spot);
        self.merge_if_sparse();
        Some(record)
    }

    /// A marked record chosen with equal chances.
    pub fn random_marked(&self, rng: &mut Rng) -> Option<&R> {
        // SAFETY: as in `random`.
        self.choose(rng, true)
            .map(|(_, spot)| unsafe { spot.record() })
    }

    /// Takes out the marked records of `count` buckets from bucket `start` on for which `is_over` is true, and returns
    /// the bucket at which to go on (0 after the last).
    pub fn drain_marked(
        &mut self,
        start: usize,
        count: usize,
        is_over: &mut dyn FnMut(&R) -> bool,
        out: &mut Vec<R>,
    ) -> usize {
        let start = if start < self.buckets { start } else { 0 };
        let end = (start + count).min(self.buckets);
        for index in start..end {
            let head = self.bucket(index);
            while let Some(spot) = self.find_marked(head, is_over) {
                out.push(self.take(head, spot));
            }
        }
        for _ in 0..out.len() {
            self.merge_if_sparse();
        }
        if end >= self.buckets { 0 } else { end }
    }

    #[inline]
    fn index(&self, hash: u64) -> usize {
        let wide = (hash & (self.mask << 1 | 1)) as usize;
        if wide < self.buckets {
            wide
        } else {
            (hash & self.mask) as usize
        }
    }

    /// The bits of the hash that choose bucket `index`.
    fn mask_of(&self, index: usize) -> u64 {
        let half = self.mask as usize + 1;
        let is_split = index >= half || index + half < self.buckets;
        if is_split {
            self.mask << 1 | 1
        } else {
            self.mask
        }
    }

    #[inline]
    fn bucket(&self, index: usize) -> NonNull<Bucket<R>> {
        debug_assert!(index < self.buckets);
        let segment = (usize::BITS - index.leading_zeros()) as usize;
        let first = if segment == 0 { 0 } else { 1 << (segment - 1) };
        // SAFETY: segment `s` was allocated with its first bucket and holds indexes `first..2 * first` (0: only 0), and
        // `index` is below `buckets`.
        unsafe { NonNull::new_unchecked(self.segments[segment].add(index - first)) }
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

    fn find_marked(
        &self,
        head: NonNull<Bucket<R>>,
        is_over: &mut dyn FnMut(&R) -> bool,
    ) -> Option<Spot<R>> {
        let mut bucket = head;
        loop {
            // SAFETY: as in `find`.
            let this = unsafe { bucket.as_ref() };
            for place in 0..PLACES {
                if this.is_marked(place) && is_over(unsafe { &this.places[place].record }) {
                    return Some(Spot { bucket, place });
                }
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
            unsafe { release(child.as_ptr(), 1) };
            return;
        }
    }

    /// Adds one bucket and moves into it what belongs there.
    fn split(&mut self) {
        let new = self.buckets;
        let segment = (usize::BITS - new.leading_zeros()) as usize;
        let half = self.mask as usize + 1;
        let old = new - half;
        if segment == self.segments.len() {
            let known = self.segments.iter().copied();
            self.segments = known.chain([ptr::null_mut()]).collect();
        }
        if self.segments[segment].is_null() {
            self.segments[segment] = allocate(1 << (segment - 1));
        }
        self.buckets += 1;
        let wide = self.mask << 1 | 1;
        if self.buckets == half * 2 {
            self.mask = wide;
        }
        let chain = self.unload(old);
        for (record, tag, is_marked) in chain {
            let home = (self.hash(record.key()) & wide) as usize;
            debug_assert!(home == old || home == new);
            self.add(self.bucket(home), tag, is_marked, record);
        }
    }

    /// Takes away the last bucket while the table is sparse, and moves what it held to the one it was split from.
    fn merge_if_sparse(&mut self) {
        if self.buckets == 1 || self.len * 4 >= self.buckets * MERGE_BELOW_QUARTERS {
            return;
        }
        let last = self.buckets - 1;
        let chain = self.unload(last);
        let segment = (usize::BITS - last.leading_zeros()) as usize;
        let first = 1 << (segment - 1);
        self.buckets = last;
        if last == first {
            // SAFETY: the segment's only bucket in use is `first`, which is empty now.
            unsafe { release(self.segments[segment], first) };
            self.segments[segment] = ptr::null_mut();
        }
        if (last as u64) <= self.mask {
            self.mask >>= 1;
        }
        for (record, tag, is_marked) in chain {
            let home = self.index(self.hash(record.key()));
            self.add(self.bucket(home), tag, is_marked, record);
        }
    }

    /// Takes everything out of one bucket and frees its children. The count of records does not change.
    fn unload(&mut self, index: usize) -> Vec<(R, u8, bool)> {
        let head = self.bucket(index);
        let mut chain = Vec::with_capacity(PLACES * 2);
        let mut bucket = Some(head);
        while let Some(mut this) = bucket {
            // SAFETY: buckets of one chain, exclusively lent.
            let this = unsafe { this.as_mut() };
            for place in 0..PLACES {
                if this.tag(place) != 0 {
                    // SAFETY: a set tag means that the place holds a record.
                    prefetch(unsafe { *(&raw const this.places[place]).cast::<*const u8>() });
                }
            }
            for place in 0..PLACES {
                let tag = this.tag(place);
                if tag != 0 {
                    // SAFETY: as above.
                    let (record, was_marked) = unsafe { this.clear(place) };
                    self.marked -= usize::from(was_marked);
                    chain.push((record, tag, was_marked));
                }
            }
            bucket = this.child();
        }
        self.free_children(head);
        chain
    }

    fn free_children(&mut self, mut head: NonNull<Bucket<R>>) {
        // SAFETY: the children are empty and linked from nowhere else.
        unsafe {
            let mut child = head.as_ref().child();
            head.as_mut().meta &= !CHAINED;
            while let Some(bucket) = child {
                child = bucket.as_ref().child();
                release(bucket.as_ptr(), 1);
                self.chained -= 1;
            }
        }
    }

    /// Draws a bucket and a place in the longest possible chain until there is a record: equal chances for all.
    fn choose(&self, rng: &mut Rng, marked: bool) -> Option<(NonNull<Bucket<R>>, Spot<R>)> {
        let population = if marked { self.marked } else { self.len };
        if population == 0 {
            return None;
        }
        for _ in 0..64 {
            let head = self.bucket(rng.below(self.buckets));
            let wanted = rng.below(PLACES * self.depth as usize);
            if let Some(spot) = self.spots(head, marked).nth(wanted) {
                return Some((head, spot));
            }
        }
        self.first_from(rng.below(self.buckets), marked)
    }

    /// The first record at or after bucket `start`, around the end if need be; for tables where few are marked.
    fn first_from(&self, start: usize, marked: bool) -> Option<(NonNull<Bucket<R>>, Spot<R>)> {
        (0..self.buckets).find_map(|step| {
            let head = self.bucket((start + step) % self.buckets);
            Some((head, self.spots(head, marked).next()?))
        })
    }

    /// The places of a chain that hold a record, or a marked one.
    fn spots(&self, head: NonNull<Bucket<R>>, marked: bool) -> impl Iterator<Item = Spot<R>> {
        // SAFETY: buckets of one chain of the table, which is lent.
        let chain = std::iter::successors(Some(head), |bucket| unsafe { bucket.as_ref() }.child());
        chain.flat_map(move |bucket| {
            let this = unsafe { bucket.as_ref() };
            (0..PLACES)
                .filter(move |place| this.tag(*place) != 0 && (!marked || this.is_marked(*place)))
                .map(move |place| Spot { bucket, place })
        })
    }
}

impl<R: Record + Clone> Clone for Table<R> {
    /// The same records, found by the same hash; without marks.
    fn clone(&self) -> Self {
        let mut table = Table::new(0);
        table.hasher = self.hasher.clone();
        for record in self {
            table.insert_new(table.hash(record.key()), record.clone());
        }
        table
    }
}

impl<'a, R: Record> IntoIterator for &'a Table<R> {
    type Item = &'a R;
    type IntoIter = Iter<'a, R>;

    fn into_iter(self) -> Iter<'a, R> {
        self.iter()
    }
}

impl<R: Record> Drop for Table<R> {
    fn drop(&mut self) {
        for index in 0..self.buckets {
            drop(self.unload(index));
        }
        for (segment, buckets) in self
            .segments
            .iter()
            .enumerate()
            .filter(|(_, buckets)| !buckets.is_null())
        {
            let count = if segment == 0 { 1 } else { 1 << (segment - 1) };
            // SAFETY: every segment was allocated with this size and its buckets are empty now.
            unsafe { release(*buckets, count) };
        }
    }
}

impl<R> Bucket<R> {
    fn tag(&self, place: usize) -> u8 {
        (self.meta >> (place * 8)) as u8
    }

    fn is_marked(&self, place: usize) -> bool {
        self.meta >> (MARKS_SHIFT as usize + place) & 1 == 1
    }

    #[inline]
    fn child(&self) -> Option<NonNull<Bucket<R>>> {
        if self.meta & CHAINED == 0 {
            return None;
        }
        // SAFETY: the chained bit says that the last place holds the child.
        NonNull::new(unsafe { self.places[PLACES - 1].child })
    }

    fn free_place(&self) -> Option<usize> {
        let places = if self.meta & CHAINED == 0 {
            PLACES
        } else {
            PLACES - 1
        };
        (0..places).find(|place| self.tag(*place) == 0)
    }

    fn fill(&mut self, place: usize, tag: u8, is_marked: bool, record: R) {
        debug_assert!(tag != 0 && self.tag(place) == 0);
        self.places[place].record = ManuallyDrop::new(record);
        self.meta |=
            u64::from(tag) << (place * 8) | u64::from(is_marked) << (MARKS_SHIFT as usize + place);
    }

    /// # Safety
    /// The place must hold a record.
    unsafe fn clear(&mut self, place: usize) -> (R, bool) {
        let was_marked = self.is_marked(place);
        self.meta &= !(0xff << (place * 8) | 1 << (MARKS_SHIFT as usize + place));
        // SAFETY: the caller's promise; the tag is gone, so nobody takes it a second time.
        (
            unsafe { ManuallyDrop::take(&mut self.places[place].record) },
            was_marked,
        )
    }

    /// Hangs an empty child into the last place and moves that place's record into it.
    fn chain(&mut self) -> NonNull<Bucket<R>> {
        let last = PLACES - 1;
        let tag = self.tag(last);
        let child = allocate::<R>(1);
        // SAFETY: only a full bucket is chained, so the last place holds a record; the child is a fresh empty bucket.
        unsafe {
            let (record, was_marked) = self.clear(last);
            (*child).fill(0, tag, was_marked, record);
            self.places[last].child = child;
            self.meta |= CHAINED;
            NonNull::new_unchecked(child)
        }
    }
}

impl<R> Spot<R> {
    /// # Safety
    /// The place holds a record and nobody changes the table during `'a`.
    unsafe fn record<'a>(self) -> &'a R {
        unsafe { &(*self.bucket.as_ptr()).places[self.place].record }
    }

    /// # Safety
    /// As [`Spot::record`], and nobody else has a loan of the record during `'a`.
    unsafe fn record_mut<'a>(&mut self) -> &'a mut R {
        unsafe { &mut *(&raw mut (*self.bucket.as_ptr()).places[self.place].record).cast::<R>() }
    }
}

/// See [`Table::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a, R: Record> {
    table: &'a Table<R>,
    index: usize,
    bucket: Option<NonNull<Bucket<R>>>,
    place: usize,
}

impl<'a, R: Record> Iterator for Iter<'a, R> {
    type Item = &'a R;

    fn next(&mut self) -> Option<&'a R> {
        loop {
            // SAFETY: a bucket of the table, which is lent for 'a; set tags mean records.
            let this: &'a Bucket<R> = unsafe { &*self.bucket?.as_ptr() };
            while self.place < PLACES {
                let place = self.place;
                self.place += 1;
                if this.tag(place) != 0 {
                    return Some(unsafe { &this.places[place].record });
                }
            }
            self.place = 0;
            self.bucket = this.child().or_else(|| {
                self.index += 1;
                (self.index < self.table.buckets).then(|| self.table.bucket(self.index))
            });
        }
    }
}

/// The byte of the hash that a bucket keeps; the low bits choose the bucket.
#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

/// A word with the high bit set of each byte of `meta` that equals `tag`, and of no other.
#[inline]
fn matches(meta: u64, tag: u8) -> u64 {
    let difference = (meta & TAGS) ^ (LOW_BITS * u64::from(tag));
    let low_seven = HIGH_BITS - LOW_BITS;
    !(((difference & low_seven) + low_seven) | difference) & HIGH_BITS
}

fn allocate<R>(count: usize) -> *mut Bucket<R> {
    let layout = segment_layout::<R>(count);
    // SAFETY: the layout is not empty, and a bucket of zeros is an empty bucket.
    let buckets = unsafe { alloc::alloc_zeroed(layout) };
    if buckets.is_null() {
        alloc::handle_alloc_error(layout);
    }
    #[cfg(target_os = "linux")]
    if layout.align() == HUGE_PAGE {
        // SAFETY: whole pages of a block that is ours. The advice may be refused, and then nothing changes.
        unsafe { libc::madvise(buckets.cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    buckets.cast()
}

/// # Safety
/// `buckets` comes from [`allocate`] with the same count, and its records were taken out.
unsafe fn release<R>(buckets: *mut Bucket<R>, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { alloc::dealloc(buckets.cast(), segment_layout::<R>(count)) };
}

/// Large segments consist of huge pages: random look-ups then miss the address cache less.
fn segment_layout<R>(count: usize) -> Layout {
    let layout = Layout::array::<Bucket<R>>(count).expect("a table smaller than the address space");
    match layout.size() >= HUGE_PAGE {
        true => layout
            .align_to(HUGE_PAGE)
            .expect("a power of two, far below the limit"),
        false => layout,
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
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::pair::Pair;

    fn key(n: u64) -> Vec<u8> {
        format!("key:{n}").into_bytes()
    }

    #[test]
    fn a_table_behaves_like_a_map_through_growth_and_shrinking() {
        for seed in 0..4 {
            let (mut rng, mut table, mut model) =
                (Rng::new(seed), Table::<Pair>::new(seed), BTreeMap::new());
            for step in 0..40_000_u64 {
                let k = key(rng.bits() % 3_000);
                let growing = (step / 8_000) % 2 == 0;
                if (rng.below(10) < 7) == growing {
                    let value = step.to_string().into_bytes();
                    let old = table
                        .insert(Pair::new(&k, &value))
                        .map(|pair| pair.value().to_vec());
                    assert_eq!(old, model.insert(k, value), "seed {seed} step {step}");
                } else {
                    let old = table.remove(&k).map(|pair| pair.value().to_vec());
                    assert_eq!(old, model.remove(&k), "seed {seed} step {step}");
                }
                assert_eq!(table.len(), model.len());
            }
            let all: BTreeMap<_, _> = table
                .iter()
                .map(|pair| (pair.key().to_vec(), pair.value().to_vec()))
                .collect();
            assert_eq!(all, model, "seed {seed}");
        }
    }

    #[test]
    fn a_scan_returns_every_key_that_stays_while_others_come_and_go() {
        for seed in 0..20 {
            let (mut rng, mut table) = (Rng::new(seed), Table::<Pair>::new(seed));
            let staying = 500;
            for n in 0..staying {
                table.insert(Pair::new(&key(n), b""));
            }
            let (mut seen, mut cursor, mut fresh) = (BTreeSet::new(), 0, staying);
            loop {
                cursor = table.scan(cursor, &mut |pair| {
                    seen.insert(pair.key().to_vec());
                });
                for _ in 0..rng.below(80) {
                    if rng.below(3) < 2 {
                        fresh += 1;
                        table.insert(Pair::new(&key(fresh), b""));
                    } else {
                        table.remove(&key(staying + 1 + rng.bits() % (fresh - staying + 1)));
                    }
                }
                if cursor == 0 {
                    break;
                }
                if table.len() > 8_000 {
                    (staying + 1..=fresh).for_each(|n| drop(table.remove(&key(n))));
                }
            }
            assert!((0..staying).all(|n| seen.contains(&key(n))), "seed {seed}");
        }
    }

    #[test]
    fn marks_follow_their_records_and_are_drained() {
        let mut table = Table::<Pair>::new(7);
        for n in 0..5_000 {
            table.insert(Pair::new(&key(n), b""));
            let hash = table.hash(&key(n));
            table.mark(hash, &key(n), n % 3 == 0);
        }
        assert_eq!(table.marked(), 1_667);
        assert!((0..5_000).all(|n| table.is_marked(table.hash(&key(n)), &key(n)) == (n % 3 == 0)));
        let mut rng = Rng::new(1);
        assert!((0..100).all(|_| {
            let name = table.random_marked(&mut rng).unwrap().key().to_vec();
            std::str::from_utf8(&name[4..])
                .unwrap()
                .parse::<u64>()
                .unwrap()
                % 3
                == 0
        }));
        let (mut at, mut out) = (0, Vec::new());
        loop {
            at = table.drain_marked(at, 10, &mut |_| true, &mut out);
            if at == 0 {
                break;
            }
        }
        while table.marked() > 0 {
            at = table.drain_marked(at, 10, &mut |_| true, &mut out);
        }
        assert_eq!((out.len(), table.len()), (1_667, 3_333));
    }

    #[test]
    fn random_records_have_equal_chances_in_long_chains_too() {
        for count in [1, 3, 100, 997, 3_000] {
            let mut table = Table::<Pair>::new(3);
            (0..count).for_each(|n| drop(table.insert(Pair::new(&key(n), b""))));
            let (mut rng, mut counts) = (Rng::new(9), BTreeMap::<Vec<u8>, u64>::new());
            for _ in 0..count * 200 {
                let name = table.random(&mut rng).unwrap().key().to_vec();
                *counts.entry(name).or_default() += 1;
            }
            assert_eq!(counts.len() as u64, count);
            let squares: f64 = counts
                .values()
                .map(|n| (*n as f64 - 200.0).powi(2) / 200.0)
                .sum();
            let freedom = (count - 1) as f64;
            assert!(
                squares <= freedom + 5.0 * (2.0 * freedom).sqrt(),
                "chi square {squares} of {freedom}"
            );
        }
    }

    #[test]
    fn taking_random_records_empties_the_table() {
        let mut table = Table::<Pair>::new(5);
        (0..2_000).for_each(|n| drop(table.insert(Pair::new(&key(n), b""))));
        let (mut rng, mut taken) = (Rng::new(2), BTreeSet::new());
        while let Some(pair) = table.take_random(&mut rng) {
            assert!(taken.insert(pair.key().to_vec()));
            assert_eq!(table.len() + taken.len(), 2_000);
        }
        assert_eq!((taken.len(), table.buckets()), (2_000, 1));
    }

    #[test]
    fn a_clone_holds_the_same_and_lives_on_its_own() {
        let mut table = Table::<Pair>::new(5);
        (0..5_000).for_each(|n| drop(table.insert(Pair::new(&key(n), &key(n + 1)))));
        let copy = table.clone();
        (0..5_000).for_each(|n| drop(table.remove(&key(n))));
        assert_eq!((table.len(), copy.len()), (0, 5_000));
        assert!((0..5_000).all(|n| copy.get(&key(n)).unwrap().value() == key(n + 1)));
        assert!(copy.memory() < 5_000 * 20, "{}", copy.memory());
    }
}
