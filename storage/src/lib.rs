//! The keyspace of one shard: what a key holds, when it expires, what is evicted.
//!
//! ```text
//!            Databases ──── Db 0..15 ──── table of entries (key, value, expiry, access clock),
//!                                            │       or one for each slot
//!                 ┌──────────┬───────────┬───┴──────┬──────────┐
//!              string      List         Set       Hash       Zset
//!                        (listpacks) (intset,   (listpack, (listpack,
//!                                     listpack,  table)     table + tree)
//!                                     table)
//! ```
//!
//! Beside it the formats (`rdb`, `aof`), the disk they are written to (`disk`), and the `vault`, which holds what a node must not
//! forget of its cluster.
//!
//! Architecture invariant: `storage` knows no socket, no RESP connection and no cluster. Time and randomness are arguments.

pub mod access;
pub mod aof;
pub mod blob;
pub mod db;
pub mod disk;
mod entry;
pub mod glob;
pub mod hash;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod long;
pub mod member;
mod packed;
pub mod pair;
pub mod rdb;
pub mod rng;
pub mod serialized;
pub mod set;
pub mod spread;
pub mod string;
pub mod table;
mod tables;
pub mod thresholds;
pub mod tree;
pub mod value;
pub mod vault;
pub mod zset;

pub use access::{Access, Usage};
pub use blob::Blob;
pub use db::{Candidate, Databases, Db, Details, Form, Portion, Position, Removed, Stored, Ttl};
pub use hash::Hash;
pub use intset::Intset;
pub use list::List;
pub use listpack::Listpack;
pub use long::Shared;
pub use member::Member;
pub use pair::{Pair, PairRef};
pub use rng::Rng;
pub use serialized::serialized_len;
pub use set::Set;
pub use spread::Spread;
pub use string::{StrRef, StringEncoding};
pub use table::{Record, Table};
pub use tables::{Layout, SLOTS, SlotOf};
pub use thresholds::Thresholds;
pub use value::{Kind, Value, ValueRef, WrongType};
pub use zset::Zset;
