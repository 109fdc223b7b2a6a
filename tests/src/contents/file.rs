//! Contents in RDB files.

use std::collections::BTreeMap;

use almandine_storage::list::End;
use almandine_storage::rdb::{Compression, Error, Item, Reader, Sum, Verify, Writer};
use almandine_storage::{
    Hash, List, Rng, Set, Stored, StrRef, Thresholds, Usage, Value, ValueRef, Zset,
};

use super::{Content, Contents, Held};

/// What an RDB file holds.
#[derive(Debug, Default)]
pub struct File {
    /// The keys.
    pub contents: Contents,
    /// What is known of their use.
    pub usage: BTreeMap<(usize, Vec<u8>), Usage>,
    /// The libraries of functions.
    pub functions: Vec<Vec<u8>>,
    /// What the file says of itself.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Reads a file.
pub fn read_file(bytes: &[u8], verify: Verify) -> Result<File, Error> {
    let (limits, mut file) = (Thresholds::default(), File::default());
    let mut reader = Reader::new(bytes, &limits, &mut Rng::new(1), verify)?;
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Entry(entry) => {
                let key = (
                    usize::try_from(entry.db).unwrap_or(usize::MAX),
                    entry.key.to_vec(),
                );
                let held = Held {
                    content: content_of(&entry.value),
                    expire_at: entry.expire_at,
                };
                file.usage.insert(key.clone(), entry.usage);
                file.contents.insert(key, held);
            }
            Item::Function(code) => file.functions.push(code.to_vec()),
            Item::Aux { name, value } => file.aux.push((name.to_vec(), value.to_vec())),
            Item::Sizes { .. } | Item::SlotImport { .. } => {}
        }
    }
    Ok(file)
}

/// Writes a file of our own.
///
/// # Panics
/// Never: it goes into memory.
pub fn write_file(contents: &Contents, functions: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), Compression::Lzf, Sum::Crc64);
    let mut write = || -> std::io::Result<()> {
        writer.aux(b"redis-ver", b"7.4.0")?;
        for code in functions {
            writer.function(code.as_bytes())?;
        }
        let mut selected = None;
        for ((db, name), held) in contents {
            if selected.replace(*db) != Some(*db) {
                let keys = contents.iter().filter(|(key, _)| key.0 == *db);
                let expiring = keys.clone().filter(|(_, held)| held.expire_at.is_some());
                writer.select(*db, keys.clone().count(), expiring.count())?;
            }
            let value = value_of(&held.content);
            writer.entry(Stored {
                key: name,
                value: lend(&value),
                expire_at: held.expire_at,
                usage: Usage::Unknown,
            })?;
        }
        Ok(())
    };
    write()
        .and_then(|()| writer.finish())
        .expect("memory can be written")
}

/// How the values of collections are stored in memory, as OBJECT ENCODING names it.
pub fn encodings(contents: &Contents) -> Vec<((usize, Vec<u8>), &'static str)> {
    let encoding = |content: &Content| match lend(&value_of(content)) {
        ValueRef::String(_) => None,
        ValueRef::List(value) => Some(value.encoding()),
        ValueRef::Set(value) => Some(value.encoding()),
        ValueRef::Hash(value) => Some(value.encoding()),
        ValueRef::Zset(value) => Some(value.encoding()),
    };
    contents
        .iter()
        .filter_map(|(key, held)| Some((key.clone(), encoding(&held.content)?)))
        .collect()
}

fn content_of(value: &Value) -> Content {
    match lend(value) {
        ValueRef::String(text) => Content::String(text.to_vec()),
        ValueRef::List(list) => Content::List(list.iter().map(StrRef::to_vec).collect()),
        ValueRef::Set(set) => Content::Set(set.iter().map(StrRef::to_vec).collect()),
        ValueRef::Hash(hash) => Content::Hash(
            hash.iter()
                .map(|(field, value)| (field.to_vec(), value.to_vec()))
                .collect(),
        ),
        ValueRef::Zset(zset) => Content::Zset(
            zset.iter()
                .map(|(member, score)| (member.to_vec(), score))
                .collect(),
        ),
    }
}

fn value_of(content: &Content) -> Value {
    let (limits, mut rng) = (Thresholds::default(), Rng::new(4));
    match content {
        Content::String(text) => Value::String(text.clone()),
        Content::List(elements) => {
            let mut list = List::default();
            for element in elements {
                list.push(End::Right, element, &limits);
            }
            Value::List(list)
        }
        Content::Set(members) => {
            let mut set = Set::default();
            for member in members {
                set.add(member, &limits, &mut rng);
            }
            Value::Set(set)
        }
        Content::Hash(pairs) => {
            let mut hash = Hash::default();
            for (field, value) in pairs {
                hash.set(field, value, &limits, &mut rng);
            }
            Value::Hash(hash)
        }
        Content::Zset(members) => {
            let mut zset = Zset::default();
            for (member, score) in members {
                zset.set(member, *score, &limits, &mut rng);
            }
            Value::Zset(zset)
        }
    }
}

fn lend(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(text) | Value::Text(text) | Value::Edited(text) => {
            ValueRef::String(StrRef::Bytes(text))
        }
        Value::Shared(text) => ValueRef::String(StrRef::Bytes(text)),
        Value::List(list) => ValueRef::List(list),
        Value::Set(set) => ValueRef::Set(set),
        Value::Hash(hash) => ValueRef::Hash(hash),
        Value::Zset(zset) => ValueRef::Zset(zset),
    }
}
