//! Strings as a key holds them: an integer or bytes.

/// A string value, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StrRef<'a> {
    /// A value that is the canonical decimal form of an `i64`.
    Int(i64),
    /// Any other bytes.
    Bytes(&'a [u8]),
}

/// What OBJECT ENCODING calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringEncoding {
    /// `int`.
    Int,
    /// `embstr`: at most 44 bytes, never edited in place.
    Embstr,
    /// `raw`.
    Raw,
}

impl<'a> StrRef<'a> {
    /// The bytes; an integer is printed into `digits`.
    pub fn bytes(self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            StrRef::Int(n) => digits.format(n).as_bytes(),
            StrRef::Bytes(bytes) => bytes,
        }
    }

    /// An owned copy of the bytes.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }

    /// Length in bytes, as STRLEN counts.
    pub fn len(self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self == StrRef::Bytes(b"")
    }
}
