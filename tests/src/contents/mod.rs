//! What servers hold, in a form that can be compared: as replies tell it, and as RDB files hold it.
//!
//! ```text
//!   samples.rs   keys of every type in every encoding
//!   server.rs    commands that make contents, replies that tell them
//!   file.rs      contents in RDB files
//! ```

mod file;
mod samples;
mod server;

use std::collections::{BTreeMap, BTreeSet};

pub use file::{File, encodings, read_file, write_file};
pub use samples::{LIBRARY, samples};
pub use server::{fill, held_by};

/// All keys of a server, by database and name.
pub type Contents = BTreeMap<(usize, Vec<u8>), Held>;

/// A key.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its value.
    pub content: Content,
    /// Unix time in milliseconds.
    pub expire_at: Option<i64>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `string`
    String(Vec<u8>),
    /// `list`
    List(Vec<Vec<u8>>),
    /// `set`
    Set(BTreeSet<Vec<u8>>),
    /// `hash`
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    /// `zset`
    Zset(BTreeMap<Vec<u8>, f64>),
}

/// The keys that are not the same, in a form that can be read; empty if there is none.
pub fn differences(expected: &Contents, found: &Contents) -> Vec<String> {
    let keys: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
    keys.into_iter()
        .filter(|key| expected.get(*key) != found.get(*key))
        .map(|key| {
            let [expected, found] = [expected, found].map(|all| shown(all.get(key)));
            let name = key.1.escape_ascii();
            format!(
                "db {} key {name}: expected {expected}, found {found}",
                key.0
            )
        })
        .collect()
}

fn shown(held: Option<&Held>) -> String {
    held.map_or("nothing".to_owned(), |held| format!("{held:.200?}"))
        .chars()
        .take(200)
        .collect()
}
