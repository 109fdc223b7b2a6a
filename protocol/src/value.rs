//! A reply as whoever asked has it.

use crate::reply::Version;

/// One reply with everything that the wire distinguishes: the three nulls are three values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR ...`, without the minus
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3 abc`
    Bulk(Vec<u8>),
    /// `$-1`
    NilBulk,
    /// `*-1`
    NilArray,
    /// `_`
    Null,
    /// `*2 ...`
    Array(Vec<Value>),
    /// `,1.5`: the text, because its form is part of the contract
    Double(Vec<u8>),
    /// `#t`
    Boolean(bool),
    /// `(123`
    BigNumber(Vec<u8>),
    /// `!5 ...`
    BulkError(Vec<u8>),
    /// `=7 txt:abc`
    Verbatim([u8; 3], Vec<u8>),
    /// `%1 ...`
    Map(Vec<(Value, Value)>),
    /// `~2 ...`
    Set(Vec<Value>),
    /// `>2 ...`
    Push(Vec<Value>),
    /// `|1 ...` and the reply that it stands before
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// A bulk string.
    pub fn bulk(text: impl AsRef<[u8]>) -> Value {
        Value::Bulk(text.as_ref().to_vec())
    }

    /// `+OK`
    pub fn ok() -> Value {
        Value::Simple(b"OK".to_vec())
    }

    /// Whether this is an error reply.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_) | Value::BulkError(_))
    }

    /// Whether this is one of the nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::NilBulk | Value::NilArray | Value::Null)
    }

    /// The number of an integer reply.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of a reply that is one string of some kind; of an error its text.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(text)
            | Value::Error(text)
            | Value::Bulk(text)
            | Value::Double(text)
            | Value::BigNumber(text)
            | Value::BulkError(text)
            | Value::Verbatim(_, text) => Some(text),
            _ => None,
        }
    }

    /// [`Value::bytes`] for people.
    pub fn text(&self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The elements of an array, set or push; of a map keys and values in turn.
    pub fn elements(self) -> Option<Vec<Value>> {
        match self {
            Value::Array(elements) | Value::Set(elements) | Value::Push(elements) => Some(elements),
            Value::Map(pairs) => Some(pairs.into_iter().flat_map(<[Value; 2]>::from).collect()),
            _ => None,
        }
    }

    /// Whether a server may say this in `version`: RESP2 has no types of RESP3, RESP3 has one null only.
    pub fn fits(&self, version: Version) -> bool {
        let resp3 = version == Version::Resp3;
        match self {
            Value::Simple(_) | Value::Error(_) | Value::Integer(_) | Value::Bulk(_) => true,
            Value::NilBulk | Value::NilArray => !resp3,
            Value::Array(elements) => elements.iter().all(|element| element.fits(version)),
            Value::Null
            | Value::Double(_)
            | Value::Boolean(_)
            | Value::BigNumber(_)
            | Value::BulkError(_)
            | Value::Verbatim(..) => resp3,
            Value::Set(elements) | Value::Push(elements) => {
                resp3 && elements.iter().all(|element| element.fits(version))
            }
            Value::Map(pairs) => resp3 && pairs_fit(pairs, version),
            Value::Attribute(pairs, value) => {
                resp3 && pairs_fit(pairs, version) && value.fits(version)
            }
        }
    }
}

fn pairs_fit(pairs: &[(Value, Value)], version: Version) -> bool {
    pairs
        .iter()
        .all(|(key, value)| key.fits(version) && value.fits(version))
}
