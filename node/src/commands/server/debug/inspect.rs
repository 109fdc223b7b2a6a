//! How a key or a table is held, for people and for tests of other servers that look for these texts.

use std::fmt::Write;
use std::mem::size_of;

use almandine_storage::{
    Hash, Intset, List, Listpack, Set, Spread, StringEncoding, Table, ValueRef, Zset,
};
use tracing::info;

use crate::commands::generic::encoding;
use crate::commands::{Call, Fault, Outcome};

/// The first line of a table's statistics; there is never a second table, for none is ever moved.
const MAIN_TABLE: &str = "Hash table 0 stats (main hash table):\n";

pub(super) fn object(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(2);
    let db = &mut call.dbs[call.db];
    let idle = db.idle_seconds(key).unwrap_or_default();
    let encoding = encoding(db, key).ok_or(Fault::NO_SUCH_KEY)?;
    // Nothing is counted: one sample.
    let details = db.details(key, 1).ok_or(Fault::NO_SUCH_KEY)?;
    let mut text = format!(
        "Value at:{:#x} refcount:1 encoding:{encoding} serializedlength:{} lru:{} lru_seconds_idle:{idle}",
        details.address,
        almandine_storage::serialized_len(details.value),
        details.access,
    );
    if let ValueRef::List(list @ List::Chain(_)) = details.value {
        let (mut nodes, mut bytes) = (0, 0);
        for node in list.nodes() {
            nodes += 1;
            bytes += node.size();
        }
        let average = list.len() as f64 / nodes.max(1) as f64;
        let limit = call.thresholds.list_max_listpack_size;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{limit} ql_compressed:0 \
             ql_uncompressed_size:{bytes}",
        );
    }
    call.reply.simple(&text);
    Ok(())
}

/// The layout goes into the log, sizes only: user data is never logged.
pub(super) fn listpack(call: &mut Call<'_>) -> Outcome {
    const WRONG: Fault = Fault::new("ERR Not a listpack encoded object.");
    let key = call.args.at(2);
    let Some(value) = call.dbs[call.db].peek(key) else {
        return Err(Fault::NO_SUCH_KEY);
    };
    let packed = match value {
        ValueRef::List(List::Packed(pack)) => Some(pack.as_bytes()),
        ValueRef::Hash(hash) => hash.packed(),
        ValueRef::Zset(zset) => zset.packed(),
        ValueRef::Set(set) => match set.packed() {
            Some(almandine_storage::set::Packed::Listpack(bytes)) => Some(bytes),
            _ => None,
        },
        ValueRef::List(List::Chain(_)) | ValueRef::String(_) => None,
    };
    let pack = Listpack::from_bytes(packed.ok_or(WRONG)?).ok_or(WRONG)?;
    log_listpack(&pack);
    call.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

pub(super) fn quicklist(call: &mut Call<'_>) -> Outcome {
    let is_full = call.args.len() == 4 && call.args.integer(3)? != 0;
    let key = call.args.at(2);
    let Some(value) = call.dbs[call.db].peek(key) else {
        return Err(Fault::NO_SUCH_KEY);
    };
    let ValueRef::List(list @ List::Chain(_)) = value else {
        return Err(Fault::new("ERR Not a quicklist encoded object."));
    };
    let nodes = list.nodes().count();
    info!(elements = list.len(), nodes, "quicklist");
    for (number, node) in list.nodes().enumerate() {
        info!(number, elements = node.len(), bytes = node.size(), "node");
        if is_full {
            log_listpack(node);
        }
    }
    call.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

fn log_listpack(pack: &Listpack) {
    info!(elements = pack.len(), bytes = pack.size(), "listpack");
    for (number, element) in pack.iter().enumerate() {
        info!(number, bytes = element.len(), "element");
    }
}

pub(super) fn sdslen(call: &mut Call<'_>) -> Outcome {
    let key = call.args.at(2);
    let db = &mut call.dbs[call.db];
    let encoding = db.string_encoding(key);
    let details = db.details(key, 1).ok_or(Fault::NO_SUCH_KEY)?;
    let (ValueRef::String(value), Some(StringEncoding::Embstr | StringEncoding::Raw)) =
        (details.value, encoding)
    else {
        return Err(Fault::new("ERR Not an sds encoded string."));
    };
    let spare = details.heap.saturating_sub(value.len());
    call.reply.simple(&format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{}, val_sds_avail:{spare}, val_zmalloc: {}",
        key.len(),
        details.block,
        value.len(),
        details.heap,
    ));
    Ok(())
}

pub(super) fn structsize(call: &mut Call<'_>) -> Outcome {
    let sizes = [
        ("list", size_of::<List>()),
        ("set", size_of::<Set>()),
        ("hash", size_of::<Hash>()),
        ("zset", size_of::<Zset>()),
        ("listpack", size_of::<Listpack>()),
        ("intset", size_of::<Intset>()),
        ("table", size_of::<Table<almandine_storage::Pair>>()),
    ];
    let mut text = format!("bits:{}", usize::BITS);
    for (name, size) in sizes {
        text.push_str(&format!(" {name}:{size}"));
    }
    call.reply.simple(&text);
    Ok(())
}

pub(super) fn htstats(call: &mut Call<'_>) -> Outcome {
    let number = call.args.integer(2)?;
    let is_counted = call.args.is(3, "full");
    let number = usize::try_from(number).ok();
    let number = number
        .filter(|number| *number < call.dbs.count())
        .ok_or(Fault::new("ERR Out of range database"))?;
    let db = &call.dbs[number];
    let mut text = String::from("[Dictionary HT]\n");
    if !db.is_empty() {
        describe(&db.spread(is_counted), &mut text);
    }
    text.push_str("[Expires HT]\n");
    if db.expires() > 0 {
        // Times to live are marks in the one table, and cost none of their own.
        let marked = Spread {
            buckets: 0,
            records: db.expires(),
            buckets_of: Vec::new(),
        };
        describe(&marked, &mut text);
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

pub(super) fn htstats_key(call: &mut Call<'_>) -> Outcome {
    let is_counted = call.args.is(3, "full");
    let Some(value) = call.dbs[call.db].peek(call.args.at(2)) else {
        return Err(Fault::NO_SUCH_KEY);
    };
    let spread = match value {
        ValueRef::Hash(hash) => hash.spread(is_counted),
        ValueRef::Set(set) => set.spread(is_counted),
        ValueRef::Zset(zset) => zset.spread(is_counted),
        ValueRef::String(_) | ValueRef::List(_) => None,
    };
    let spread = spread.ok_or(Fault::new(
        "ERR The value stored at the specified key is not represented using an hash table",
    ))?;
    let mut text = String::new();
    describe(&spread, &mut text);
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// In Redis's words, of buckets where Redis has chains.
fn describe(spread: &Spread, text: &mut String) {
    text.push_str(MAIN_TABLE);
    let mut line = |name: &str, value: &str| text.push_str(&format!(" {name}: {value}\n"));
    line("table size", &spread.buckets.to_string());
    line("number of elements", &spread.records.to_string());
    let Some(empty) = spread.buckets_of.first() else {
        return;
    };
    let used = spread.buckets - empty;
    let average = format!("{:.2}", spread.records as f64 / used.max(1) as f64);
    line("different slots", &used.to_string());
    line(
        "max chain length",
        &(spread.buckets_of.len() - 1).to_string(),
    );
    line("avg chain length (counted)", &average);
    line("avg chain length (computed)", &average);
    text.push_str(" Chain length distribution:\n");
    let counts = spread.buckets_of.iter().enumerate();
    for (length, count) in counts.filter(|(_, count)| **count > 0) {
        let share = *count as f64 * 100.0 / spread.buckets as f64;
        text.push_str(&format!("   {length}: {count} ({share:.2}%)\n"));
    }
}
