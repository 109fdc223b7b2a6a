//! DEBUG RELOAD: everything goes through a file. The keyspace stands still meanwhile.

use std::io::{self, BufWriter};
use std::path::Path;

use almandine_storage::disk::{Disk, DiskFile, RealDisk};
use almandine_storage::rdb::{Entry, Item, Reader, Usage, Writer};
use tracing::{error, info};

use crate::commands::{Call, Fault, Outcome};

/// Keys of a file that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duplicates {
    Refused,
    Replaced,
}

pub(super) fn reload(call: &mut Call<'_>) -> Outcome {
    let (mut saves, mut flushes, mut duplicates) = (true, true, Duplicates::Refused);
    for i in 2..call.args.len() {
        match call.args.at(i).to_ascii_lowercase().as_slice() {
            b"merge" => duplicates = Duplicates::Replaced,
            b"noflush" => flushes = false,
            b"nosave" => saves = false,
            _ => {
                return Err(Fault::new(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if saves && let Err(error) = save(call) {
        error!(%error, "DEBUG RELOAD cannot save");
        return Err(Fault::new("ERR"));
    }
    if flushes {
        for db in call.dbs.iter_mut() {
            drop(db.take_all());
        }
    }
    if let Err(reason) = load(call, duplicates) {
        error!(reason, "DEBUG RELOAD cannot load");
        return Err(Fault::new(
            "ERR Error trying to load the RDB dump, check server logs.",
        ));
    }
    info!("DB reloaded by DEBUG RELOAD");
    call.reply.ok();
    Ok(())
}

fn save(call: &Call<'_>) -> io::Result<()> {
    let temporary = format!("temp-{}-reload.rdb", std::process::id());
    let (temporary, name) = (Path::new(&temporary), Path::new(&call.params.dbfilename));
    let (compression, sum) = (call.params.rdb_compression(), call.params.rdb_sum());
    let file = BufWriter::new(RealDisk.create(temporary)?);
    let mut writer = Writer::new(file, compression, sum);
    writer.aux(b"redis-ver", crate::REDIS_VERSION.as_bytes())?;
    for code in &call.node.saving.lock().functions {
        writer.function(code)?;
    }
    let remembers = call.params.maxmemory_policy.remembers();
    for (number, db) in call.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        writer.select(number, db.len(), db.expires())?;
        let (mut cursor, mut outcome) = (0, Ok(()));
        loop {
            cursor = db.scan_stored(cursor, &mut |mut stored| {
                if !remembers {
                    stored.usage = Usage::Unknown;
                }
                if outcome.is_ok() {
                    outcome = writer.entry(stored);
                }
            });
            if cursor == 0 {
                break;
            }
        }
        outcome?;
    }
    let mut file = writer.finish()?.into_inner()?;
    file.sync()?;
    RealDisk.rename(temporary, name)
}

fn load(call: &mut Call<'_>, duplicates: Duplicates) -> Result<(), String> {
    let file = RealDisk.read(Path::new(&call.params.dbfilename));
    let file = file.map_err(|error| error.to_string())?;
    let reader = Reader::new(file, call.thresholds, call.rng, call.params.rdb_verify());
    let mut reader = reader.map_err(|error| error.to_string())?;
    let mut functions = Vec::new();
    while let Some(item) = reader.next_item().map_err(|error| error.to_string())? {
        match item {
            Item::Entry(entry) => take(call, entry, duplicates)?,
            Item::Function(code) => functions.push(code.to_vec()),
            Item::Aux { .. } | Item::Sizes { .. } | Item::SlotImport { .. } => {}
        }
    }
    call.node.saving.lock().functions = functions;
    Ok(())
}

fn take(call: &mut Call<'_>, entry: Entry<'_>, duplicates: Duplicates) -> Result<(), String> {
    if entry.expire_at.is_some_and(|at| at < call.now_ms) {
        return Ok(());
    }
    let number = usize::try_from(entry.db).ok();
    let number = number.filter(|number| *number < call.dbs.count());
    let number = number.ok_or_else(|| format!("there is no database {}", entry.db))?;
    let db = &mut call.dbs[number];
    if duplicates == Duplicates::Replaced {
        db.delete(entry.key);
    }
    match db.load(entry.key, entry.value, entry.expire_at, entry.usage) {
        true => Ok(()),
        false => Err(format!(
            "key '{}' is there already",
            entry.key.escape_ascii()
        )),
    }
}
