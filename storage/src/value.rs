//! What a key holds, as an owned value and as a loan.

use crate::{Hash, List, Set, Shared, StrRef, Zset};

/// An owned value on its way into or out of a [`crate::Db`].
#[derive(Debug)]
pub enum Value {
    /// Any bytes; stored as an integer where they are one.
    String(Vec<u8>),
    /// Bytes that are no integer even where they could be one: what INCRBYFLOAT leaves.
    Text(Vec<u8>),
    /// Bytes that were edited in place: `raw`, however few.
    Edited(Vec<u8>),
    /// Many bytes that others may hold too.
    Shared(Shared),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    Zset(Zset),
}

/// A value lent by a [`crate::Db`].
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// Any bytes.
    String(StrRef<'a>),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A hash.
    Hash(&'a Hash),
    /// A sorted set.
    Zset(&'a Zset),
}

/// The type of a value, as TYPE names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `string`
    String,
    /// `list`
    List,
    /// `set`
    Set,
    /// `hash`
    Hash,
    /// `zset`
    Zset,
}

/// The key holds another kind of value than the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

impl Kind {
    /// The name that TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Hash => "hash",
            Kind::Zset => "zset",
        }
    }
}

impl Value {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::String(_) | Value::Text(_) | Value::Edited(_) | Value::Shared(_) => Kind::String,
            Value::List(_) => Kind::List,
            Value::Set(_) => Kind::Set,
            Value::Hash(_) => Kind::Hash,
            Value::Zset(_) => Kind::Zset,
        }
    }
}

impl Value {
    /// Elements or members; 1 for a string. What it costs to drop.
    pub fn len(&self) -> usize {
        match self {
            Value::String(_) | Value::Text(_) | Value::Edited(_) | Value::Shared(_) => 1,
            Value::List(value) => value.len(),
            Value::Set(value) => value.len(),
            Value::Hash(value) => value.len(),
            Value::Zset(value) => value.len(),
        }
    }

    /// A collection without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ValueRef<'_> {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            ValueRef::String(_) => Kind::String,
            ValueRef::List(_) => Kind::List,
            ValueRef::Set(_) => Kind::Set,
            ValueRef::Hash(_) => Kind::Hash,
            ValueRef::Zset(_) => Kind::Zset,
        }
    }
}
