//! A key with its value, in one heap block where the value is small.
//!
//! ```text
//! | access 24 bits, kind 6, saved 1, timed 1 | key length u32 | expiry i64, if timed | payload | key bytes | inline value bytes |
//!
//! payload   int: i64        embstr, raw: value length u32        big: Long           list, set, hash, zset: the handle
//! ```
//! The block's size follows from these fields alone, rounded up to a size that the allocator would use anyway, so a value
//! is overwritten in place whenever the new one fits.
#![expect(
    unsafe_code,
    reason = "one pointer and one block per key instead of four"
)]

use std::alloc::{self, Layout};
use std::mem::{ManuallyDrop, size_of};
use std::ptr::{self, NonNull};
use std::{fmt, slice};

use crate::long::Long;
use crate::table::Record;
use crate::value::{Kind, Value, ValueRef};
use crate::{Hash, List, Set, StrRef, StringEncoding, Zset};

/// Strings longer than this have a block of their own, so that APPEND need not copy them; bytes.
const INLINE_MAX: usize = 1280;
/// Longest `embstr`, bytes.
const EMBSTR_MAX: usize = 44;
/// Longest decimal form of an `i64`.
const INT_DIGITS: usize = 20;

const HEADER: usize = 8;
const TIMED: u32 = 1 << 31;
const KIND_SHIFT: u32 = 24;
/// Whether the entry belongs to the newest generation of snapshots; see `db/walk.rs`.
pub(crate) const SAVED: u32 = 1 << 30;
const ACCESS: u32 = (1 << KIND_SHIFT) - 1;

/// See the module. One pointer wide.
#[repr(transparent)]
pub(crate) struct Entry(NonNull<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    Int,
    Embstr,
    Raw,
    Big,
    List,
    Set,
    Hash,
    Zset,
}

const FORMS: [Form; 8] = [
    Form::Int,
    Form::Embstr,
    Form::Raw,
    Form::Big,
    Form::List,
    Form::Set,
    Form::Hash,
    Form::Zset,
];

// SAFETY: the block is owned by the entry alone, and every payload is Send.
unsafe impl Send for Entry {}

// SAFETY: one non-null pointer; nothing changes the key of an entry.
unsafe impl Record for Entry {
    #[inline]
    fn key(&self) -> &[u8] {
        Entry::key(self)
    }
}

/// Gives an entry its collection of one type.
macro_rules! collection {
    ($form:ident, $type:ty, $name:ident) => {
        /// The value if it is of this type, to be changed.
        #[inline]
        pub(crate) fn $name(&mut self) -> Option<&mut $type> {
            // SAFETY: the form says what the payload is; the loan is exclusive.
            (self.form() == Form::$form).then(|| unsafe { &mut *self.payload().cast::<$type>() })
        }
    };
}

impl Entry {
    /// A key with a value.
    pub(crate) fn new(key: &[u8], value: Value, expire_at: Option<i64>, access: u32) -> Self {
        // SAFETY: each payload is written exactly once, as its form says.
        unsafe {
            match value {
                Value::String(bytes) if bytes.len() > INLINE_MAX => {
                    let entry = Entry::allocate(key, Form::Big, 0, expire_at, access);
                    entry.payload().cast::<Long>().write(Long::Own(bytes));
                    entry
                }
                Value::String(bytes) => Entry::string(key, &bytes, expire_at, access),
                Value::Text(bytes) => Entry::text(key, &bytes, expire_at, access),
                Value::Edited(bytes) => Entry::raw(key, bytes, expire_at, access),
                Value::Shared(bytes) if bytes.len() <= INLINE_MAX => {
                    Entry::string(key, &bytes, expire_at, access)
                }
                Value::Shared(bytes) => {
                    Entry::holding(key, Form::Big, Long::Shared(bytes), expire_at, access)
                }
                Value::List(value) => Entry::holding(key, Form::List, value, expire_at, access),
                Value::Set(value) => Entry::holding(key, Form::Set, value, expire_at, access),
                Value::Hash(value) => Entry::holding(key, Form::Hash, value, expire_at, access),
                Value::Zset(value) => Entry::holding(key, Form::Zset, value, expire_at, access),
            }
        }
    }

    /// A key with a string: as an integer if it is the canonical form of one.
    pub(crate) fn string(key: &[u8], bytes: &[u8], expire_at: Option<i64>, access: u32) -> Self {
        match canonical_int(bytes) {
            Some(n) => Entry::int(key, n, expire_at, access),
            None => Entry::text(key, bytes, expire_at, access),
        }
    }

    /// A key with a string that is no integer, or shall not be one.
    pub(crate) fn text(key: &[u8], bytes: &[u8], expire_at: Option<i64>, access: u32) -> Self {
        if bytes.len() > INLINE_MAX {
            Entry::new(key, Value::String(bytes.to_vec()), expire_at, access)
        } else {
            Entry::inline(key, bytes, bytes.len() > EMBSTR_MAX, expire_at, access)
        }
    }

    /// A key with an integer.
    pub(crate) fn int(key: &[u8], n: i64, expire_at: Option<i64>, access: u32) -> Self {
        let entry = Entry::allocate(key, Form::Int, 0, expire_at, access);
        // SAFETY: the payload of this form is an i64.
        unsafe { entry.payload().cast::<i64>().write(n) };
        entry
    }

    /// A key with bytes that were edited: `raw` whatever they are.
    pub(crate) fn raw(key: &[u8], bytes: Vec<u8>, expire_at: Option<i64>, access: u32) -> Self {
        if bytes.len() > INLINE_MAX {
            Entry::new(key, Value::String(bytes), expire_at, access)
        } else {
            Entry::inline(key, &bytes, true, expire_at, access)
        }
    }

    fn inline(key: &[u8], bytes: &[u8], raw: bool, expire_at: Option<i64>, access: u32) -> Self {
        let form = if raw { Form::Raw } else { Form::Embstr };
        let entry = Entry::allocate(key, form, bytes.len(), expire_at, access);
        // SAFETY: the block has room for the value behind the key.
        unsafe {
            entry
                .inline_start()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
        entry
    }

    /// # Safety
    /// `T` is the payload type of `form`.
    unsafe fn holding<T>(
        key: &[u8],
        form: Form,
        value: T,
        expire_at: Option<i64>,
        access: u32,
    ) -> Self {
        debug_assert_eq!(payload_size(form), size_of::<T>());
        let entry = Entry::allocate(key, form, 0, expire_at, access);
        // SAFETY: the caller's promise.
        unsafe { entry.payload().cast::<T>().write(value) };
        entry
    }

    /// A block whose payload is still to be written.
    fn allocate(
        key: &[u8],
        form: Form,
        inline: usize,
        expire_at: Option<i64>,
        access: u32,
    ) -> Self {
        let key_len = u32::try_from(key.len()).expect("the protocol lets no key above 512 MiB in");
        let layout = layout(form, key.len(), inline, expire_at.is_some());
        let timed = if expire_at.is_some() { TIMED } else { 0 };
        // SAFETY: the layout covers the header, the expiry, the payload, the key and the inline value, in this order.
        unsafe {
            let Some(block) = NonNull::new(alloc::alloc(layout)) else {
                alloc::handle_alloc_error(layout)
            };
            block
                .cast::<u32>()
                .write((access & (ACCESS | SAVED)) | u32::from(form as u8) << KIND_SHIFT | timed);
            block.cast::<u32>().add(1).write(key_len);
            if let Some(at) = expire_at {
                block.cast::<i64>().add(1).write(at);
            }
            let entry = Entry(block);
            if matches!(form, Form::Embstr | Form::Raw) {
                entry.payload().cast::<u32>().write(inline as u32);
            }
            entry
                .key_start()
                .copy_from_nonoverlapping(key.as_ptr(), key.len());
            entry
        }
    }

    /// The key.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        // SAFETY: the block holds as many bytes of key as its header says.
        unsafe { slice::from_raw_parts(self.key_start(), self.key_len()) }
    }

    /// Unix time in milliseconds; none = lives for ever.
    #[inline]
    pub(crate) fn expire_at(&self) -> Option<i64> {
        // SAFETY: a timed block holds its expiry behind the header.
        self.is_timed()
            .then(|| unsafe { self.0.cast::<i64>().add(1).read() })
    }

    /// Whether its time is up.
    #[inline]
    pub(crate) fn is_over(&self, now_ms: i64) -> bool {
        self.expire_at().is_some_and(|at| at <= now_ms)
    }

    /// Another time of expiry; the block moves when there was none before or is none now.
    pub(crate) fn set_expire_at(&mut self, expire_at: Option<i64>) {
        if let (true, Some(at)) = (self.is_timed(), expire_at) {
            // SAFETY: as in `expire_at`.
            unsafe { self.0.cast::<i64>().add(1).write(at) };
        } else if self.is_timed() != expire_at.is_some() {
            self.rebuild(expire_at);
        }
    }

    /// 24 bits that the access policy reads and writes.
    #[inline]
    pub(crate) fn access(&self) -> u32 {
        self.word() & ACCESS
    }

    /// See [`Entry::access`]. Writes only what changes, to leave the cache line clean.
    #[inline]
    pub(crate) fn set_access(&mut self, access: u32) {
        let word = (self.word() & !ACCESS) | (access & ACCESS);
        if word != self.word() {
            // SAFETY: the block begins with this word.
            unsafe { self.0.cast::<u32>().write(word) };
        }
    }

    /// The generation bit, in place ([`SAVED`] or 0).
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.word() & SAVED
    }

    /// The access clock and the generation, for the entry that takes its place.
    #[inline]
    pub(crate) fn stamp(&self) -> u32 {
        self.word() & (ACCESS | SAVED)
    }

    /// See [`Entry::generation`].
    pub(crate) fn set_generation(&mut self, generation: u32) {
        let word = (self.word() & !SAVED) | (generation & SAVED);
        // SAFETY: the block begins with this word.
        unsafe { self.0.cast::<u32>().write(word) };
    }

    /// The value.
    #[inline]
    pub(crate) fn lend(&self) -> ValueRef<'_> {
        // SAFETY: the form says what the payload is.
        unsafe {
            match self.form() {
                Form::Int => ValueRef::String(StrRef::Int(self.payload().cast::<i64>().read())),
                Form::Embstr | Form::Raw => ValueRef::String(StrRef::Bytes(self.inline_bytes())),
                Form::Big => {
                    ValueRef::String(StrRef::Bytes((*self.payload().cast::<Long>()).as_slice()))
                }
                Form::List => ValueRef::List(&*self.payload().cast()),
                Form::Set => ValueRef::Set(&*self.payload().cast()),
                Form::Hash => ValueRef::Hash(&*self.payload().cast()),
                Form::Zset => ValueRef::Zset(&*self.payload().cast()),
            }
        }
    }

    /// What OBJECT ENCODING says of a string.
    pub(crate) fn string_encoding(&self) -> Option<StringEncoding> {
        match self.form() {
            Form::Int => Some(StringEncoding::Int),
            Form::Embstr => Some(StringEncoding::Embstr),
            Form::Raw | Form::Big => Some(StringEncoding::Raw),
            _ => None,
        }
    }

    /// The type of the value.
    pub(crate) fn kind(&self) -> Kind {
        self.lend().kind()
    }

    collection!(List, List, list_mut);
    collection!(Set, Set, set_mut);
    collection!(Hash, Hash, hash_mut);
    collection!(Zset, Zset, zset_mut);
    collection!(Big, Long, long_mut);

    /// Writes a string over a string without a new block; false if it does not fit or the key must change its expiry.
    #[inline]
    pub(crate) fn overwrite(&mut self, bytes: &[u8]) -> bool {
        let form = self.form();
        if !matches!(form, Form::Embstr | Form::Raw) || bytes.len() > INLINE_MAX {
            return false;
        }
        let timed = self.is_timed();
        let (old, new) = (self.inline_len(), bytes.len());
        if block_size(form, self.key_len(), old, timed)
            != block_size(form, self.key_len(), new, timed)
            || (new <= INT_DIGITS && canonical_int(bytes).is_some())
        {
            return false;
        }
        let form = if new > EMBSTR_MAX {
            Form::Raw
        } else {
            Form::Embstr
        };
        // SAFETY: the block is as large as the new lengths say, and the loan is exclusive.
        unsafe {
            let word =
                (self.word() & (ACCESS | SAVED | TIMED)) | u32::from(form as u8) << KIND_SHIFT;
            self.0.cast::<u32>().write(word);
            self.payload().cast::<u32>().write(new as u32);
            self.inline_start()
                .copy_from_nonoverlapping(bytes.as_ptr(), new);
        }
        true
    }

    /// Writes an integer over an integer; false if the value is not one.
    #[inline]
    pub(crate) fn overwrite_int(&mut self, n: i64) -> bool {
        let is_int = self.form() == Form::Int;
        if is_int {
            // SAFETY: the payload of this form is an i64.
            unsafe { self.payload().cast::<i64>().write(n) };
        }
        is_int
    }

    /// Takes the value out.
    pub(crate) fn into_value(self) -> Value {
        let entry = ManuallyDrop::new(self);
        // SAFETY: the payload is moved out once, then the block is freed without dropping it.
        unsafe {
            let payload = entry.payload();
            let value = match entry.form() {
                Form::Int | Form::Embstr | Form::Raw => entry.duplicate(),
                Form::Big => match payload.cast::<Long>().read() {
                    Long::Own(bytes) => Value::String(bytes),
                    Long::Shared(bytes) => Value::Shared(bytes),
                },
                Form::List => Value::List(payload.cast::<List>().read()),
                Form::Set => Value::Set(payload.cast::<Set>().read()),
                Form::Hash => Value::Hash(payload.cast::<Hash>().read()),
                Form::Zset => Value::Zset(payload.cast::<Zset>().read()),
            };
            entry.free();
            value
        }
    }

    /// A copy of the value.
    pub(crate) fn duplicate(&self) -> Value {
        match self.lend() {
            ValueRef::String(value) => match self.form() {
                Form::Raw => Value::Edited(value.to_vec()),
                Form::Embstr => Value::Text(value.to_vec()),
                _ => Value::String(value.to_vec()),
            },
            ValueRef::List(value) => Value::List(value.clone()),
            ValueRef::Set(value) => Value::Set(value.clone()),
            ValueRef::Hash(value) => Value::Hash(value.clone()),
            ValueRef::Zset(value) => Value::Zset(value.clone()),
        }
    }

    /// Bytes of its block, without what a collection or a big string holds beside it.
    pub(crate) fn block_memory(&self) -> usize {
        self.layout().size()
    }

    /// Bytes that the value holds beside the block; members of a large collection are counted by a sample (0 = all).
    pub(crate) fn heap_memory(&self, samples: usize) -> usize {
        match self.lend() {
            // SAFETY: the form says what the payload is.
            ValueRef::String(_) if self.form() == Form::Big => unsafe {
                (*self.payload().cast::<Long>()).memory()
            },
            ValueRef::String(_) => 0,
            ValueRef::List(value) => value.memory(),
            ValueRef::Set(value) => value.memory(samples),
            ValueRef::Hash(value) => value.memory(samples),
            ValueRef::Zset(value) => value.memory(samples),
        }
    }

    /// Where its block stands, for people.
    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Moves everything into a block with or without room for an expiry.
    fn rebuild(&mut self, expire_at: Option<i64>) {
        let (form, inline) = (self.form(), self.inline_len());
        let new = Entry::allocate(self.key(), form, inline, expire_at, self.stamp());
        // SAFETY: payload and inline bytes are moved bit by bit; the old block is freed without dropping them.
        unsafe {
            ptr::copy_nonoverlapping(self.payload(), new.payload(), payload_size(form));
            ptr::copy_nonoverlapping(self.inline_start(), new.inline_start(), inline);
            let old = ManuallyDrop::new(std::mem::replace(self, new));
            old.free();
        }
    }

    #[inline]
    fn word(&self) -> u32 {
        // SAFETY: the block begins with this word.
        unsafe { self.0.cast::<u32>().read() }
    }

    #[inline]
    fn form(&self) -> Form {
        FORMS[(self.word() >> KIND_SHIFT & 7) as usize]
    }

    #[inline]
    fn is_timed(&self) -> bool {
        self.word() & TIMED != 0
    }

    #[inline]
    fn key_len(&self) -> usize {
        // SAFETY: the second word of the block.
        unsafe { self.0.cast::<u32>().add(1).read() as usize }
    }

    #[inline]
    fn inline_len(&self) -> usize {
        match self.form() {
            // SAFETY: the payload of these forms is the length.
            Form::Embstr | Form::Raw => unsafe { self.payload().cast::<u32>().read() as usize },
            _ => 0,
        }
    }

    #[inline]
    fn payload(&self) -> *mut u8 {
        let offset = if self.is_timed() { HEADER + 8 } else { HEADER };
        // SAFETY: within the block.
        unsafe { self.0.as_ptr().add(offset) }
    }

    #[inline]
    fn key_start(&self) -> *mut u8 {
        // SAFETY: within the block.
        unsafe { self.payload().add(payload_size(self.form())) }
    }

    #[inline]
    fn inline_start(&self) -> *mut u8 {
        // SAFETY: within the block, or one past it where nothing is inline.
        unsafe { self.key_start().add(self.key_len()) }
    }

    #[inline]
    fn inline_bytes(&self) -> &[u8] {
        // SAFETY: the block holds as many bytes of value as its payload says.
        unsafe { slice::from_raw_parts(self.inline_start(), self.inline_len()) }
    }

    /// Bytes of the block, which holds small values.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.layout().size()
    }

    fn layout(&self) -> Layout {
        layout(
            self.form(),
            self.key_len(),
            self.inline_len(),
            self.is_timed(),
        )
    }

    /// # Safety
    /// The payload was moved out or dropped; the entry is never used again.
    unsafe fn free(&self) {
        // SAFETY: allocated with this layout.
        unsafe { alloc::dealloc(self.0.as_ptr(), self.layout()) };
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: the payload is dropped once, as its form says, and then the block is freed.
        unsafe {
            match self.form() {
                Form::Int | Form::Embstr | Form::Raw => {}
                Form::Big => ptr::drop_in_place(self.payload().cast::<Long>()),
                Form::List => ptr::drop_in_place(self.payload().cast::<List>()),
                Form::Set => ptr::drop_in_place(self.payload().cast::<Set>()),
                Form::Hash => ptr::drop_in_place(self.payload().cast::<Hash>()),
                Form::Zset => ptr::drop_in_place(self.payload().cast::<Zset>()),
            }
            self.free();
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.key().escape_ascii(), self.form())
    }
}

/// The integer whose canonical decimal form these bytes are.
#[inline]
pub(crate) fn canonical_int(bytes: &[u8]) -> Option<i64> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_plausible = matches!(digits, [b'1'..=b'9', ..]) || bytes == b"0";
    if !is_plausible || bytes.len() > INT_DIGITS {
        return None;
    }
    let magnitude = digits.iter().try_fold(0_u64, |n, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            None
        } else {
            n.checked_mul(10)?.checked_add(u64::from(digit))
        }
    })?;
    if digits.len() < bytes.len() {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

const fn payload_size(form: Form) -> usize {
    match form {
        Form::Int => 8,
        Form::Embstr | Form::Raw => 4,
        Form::Big => size_of::<Long>(),
        Form::List => size_of::<List>(),
        Form::Set => size_of::<Set>(),
        Form::Hash => size_of::<Hash>(),
        Form::Zset => size_of::<Zset>(),
    }
}

/// Bytes of a block: multiples of 8 up to 64, of 16 up to 128, then four sizes to each doubling.
#[inline]
fn block_size(form: Form, key: usize, inline: usize, timed: bool) -> usize {
    let used = HEADER + if timed { 8 } else { 0 } + payload_size(form) + key + inline;
    if used <= 64 {
        return used.next_multiple_of(8);
    }
    let step = (used - 1).next_power_of_two() / 8;
    used.next_multiple_of(step.max(16))
}

fn layout(form: Form, key: usize, inline: usize, timed: bool) -> Layout {
    Layout::from_size_align(block_size(form, key, inline, timed), 8)
        .expect("lengths of 32 bits fit the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_as_they_went_in_whatever_their_form() {
        let samples = [
            "",
            "0",
            "-1",
            "007",
            "+1",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
        ];
        let long = [
            "x".repeat(44),
            "x".repeat(45),
            "x".repeat(1280),
            "x".repeat(1281),
            "x".repeat(100_000),
        ];
        for sample in samples.into_iter().chain(long.iter().map(String::as_str)) {
            for expire_at in [None, Some(77)] {
                let mut entry = Entry::string(b"key", sample.as_bytes(), expire_at, 5);
                entry.set_expire_at(Some(78));
                assert_eq!(
                    (entry.expire_at(), entry.key(), entry.access()),
                    (Some(78), b"key".as_slice(), 5)
                );
                entry.set_expire_at(None);
                assert_eq!(entry.expire_at(), None);
                let ValueRef::String(value) = entry.lend() else {
                    panic!("a string")
                };
                assert_eq!(value.to_vec(), sample.as_bytes());
                let (Value::String(bytes) | Value::Text(bytes) | Value::Edited(bytes)) =
                    entry.into_value()
                else {
                    panic!("a string")
                };
                assert_eq!(bytes, sample.as_bytes());
            }
        }
    }

    #[test]
    fn overwriting_in_place_keeps_key_and_expiry() {
        let mut entry = Entry::string(b"some key", b"abcdefgh", Some(9), 1);
        assert!(
            entry.overwrite(b"ABCDEFGHI")
                && !entry.overwrite(b"12")
                && !entry.overwrite(&[b'x'; 100])
        );
        assert_eq!(
            (entry.key(), entry.expire_at()),
            (b"some key".as_slice(), Some(9))
        );
        assert!(matches!(
            entry.lend(),
            ValueRef::String(StrRef::Bytes(b"ABCDEFGHI"))
        ));
        let mut int = Entry::string(b"k", b"12", None, 0);
        assert!(int.overwrite_int(-5) && !int.overwrite(b"abc"));
        assert!(matches!(int.lend(), ValueRef::String(StrRef::Int(-5))));
    }

    #[test]
    fn only_canonical_decimals_are_integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", None),
            ("00", None),
            ("-", None),
            ("", None),
            ("1a", None),
            ("-7", Some(-7)),
        ] {
            assert_eq!(canonical_int(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(canonical_int(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(canonical_int(b"18446744073709551616"), None);
    }
}
