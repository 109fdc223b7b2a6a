//! DEBUG RELOAD: everything goes through a file. The keyspace stands still meanwhile.

use std::io::{self, BufWriter};
use std::path::Path;

use almandine_storage::disk::{Disk, DiskFile, RealDisk};
use almandine_storage::rdb::{Reader, Usage, Writer};
use tracing::{error, info};

use crate::commands::{Call, Fault, Outcome};
use crate::shard::loading::taking::Taking;

pub(super) fn reload(call: &mut Call<'_>) -> Outcome {
    let (mut saves, mut flushes, mut replaces) = (true, true, false);
    for i in 2..call.args.len() {
        match call.args.at(i).to_ascii_lowercase().as_slice() {
            b"merge" => replaces = true,
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
    if let Err(reason) = load(call, replaces) {
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

fn load(call: &mut Call<'_>, replaces: bool) -> Result<(), String> {
    let file = RealDisk.read(Path::new(&call.params.dbfilename));
    let file = file.map_err(|error| error.to_string())?;
    let reader = Reader::new(file, call.thresholds, call.rng, call.params.rdb_trust());
    let mut reader = reader.map_err(|error| error.to_string())?;
    let mut taking = Taking {
        expired_before: Some(call.now_ms),
        replaces,
        ..Taking::default()
    };
    while let Some(item) = reader.next_item().map_err(|error| error.to_string())? {
        taking.take(item, call.dbs)?;
    }
    call.node.saving.lock().functions = taking.functions;
    Ok(())
}
