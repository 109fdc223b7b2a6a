//! What DEBUG does to the node: sleep, crash, switch things off, make keys.

use std::alloc::Layout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use almandine_protocol::number;
use almandine_storage::Ttl;
use tracing::{error, info, warn};

use crate::commands::{Call, Fault, Outcome};
use crate::journal::Id;
use crate::params::kind::memory;
use crate::params::rewrite::{Extent, rewrite};

/// The thread of the keyspace sleeps. What is no number is no time, as in Redis.
pub(super) fn sleep(call: &mut Call<'_>) -> Outcome {
    let seconds = number::parse_double(call.args.at(2)).unwrap_or(0.0);
    if let Ok(time) = Duration::try_from_secs_f64(seconds) {
        std::thread::sleep(time);
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn set_active_expire(call: &mut Call<'_>) -> Outcome {
    switch_off(call, |call| &call.node.switches.expiry_is_off, |on| !on)
}

pub(super) fn pause_cron(call: &mut Call<'_>) -> Outcome {
    switch_off(call, |call| &call.node.switches.cron_is_off, |on| on)
}

/// Argument 2 is a number; everything else counts as 0, as in Redis.
fn switch_off<'a>(
    call: &mut Call<'a>,
    switch: impl Fn(&Call<'a>) -> &'a AtomicBool,
    is_off: impl Fn(bool) -> bool,
) -> Outcome {
    let is_set = call.args.integer(2).is_ok_and(|n| n != 0);
    switch(call).store(is_off(is_set), Ordering::Relaxed);
    call.reply.ok();
    Ok(())
}

pub(super) fn dict_resizing(call: &mut Call<'_>) -> Outcome {
    without_effect(call, "tables grow a bucket at a time")
}

pub(super) fn packed_threshold(call: &mut Call<'_>) -> Outcome {
    const LARGEST: u64 = (u32::MAX - (1 << 20)) as u64;
    let size = memory(call.args.at(2)).filter(|size| *size <= LARGEST);
    size.ok_or(Fault::new(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    without_effect(call, "every node of a list is packed")
}

pub(super) fn reply_buffer(call: &mut Call<'_>) -> Outcome {
    if call.args.is(2, "peak-reset-time") {
        if !call.args.is(3, "never") && !call.args.is(3, "reset") {
            call.args.integer(3)?;
        }
    } else if !call.args.is(2, "resizing") {
        return Err(Fault::new(
            "ERR unknown subcommand or wrong number of arguments for 'REPLYBUFFER'. Try DEBUG HELP.",
        ));
    }
    without_effect(call, "a connection keeps no buffer for replies")
}

fn without_effect(call: &mut Call<'_>, reason: &str) -> Outcome {
    let name = String::from_utf8_lossy(call.args.at(1)).to_ascii_uppercase();
    info!("DEBUG {name} has no effect: {reason}");
    call.reply.ok();
    Ok(())
}

pub(super) fn rewrite_all(call: &mut Call<'_>) -> Outcome {
    let failed = |reason: &dyn std::fmt::Display| {
        Fault::text(format!("ERR CONFIG-REWRITE-FORCE-ALL failed: {reason}"))
    };
    let path = call.node.origin.config_file.as_ref();
    let path = path.ok_or_else(|| failed(&"The server is running without a config file"))?;
    rewrite(path, &call.node.params(), Extent::All).map_err(|error| failed(&error))?;
    call.reply.ok();
    Ok(())
}

pub(super) fn client_eviction(_: &mut Call<'_>) -> Outcome {
    Err(Fault::new("ERR maxmemory-clients is disabled."))
}

pub(super) fn cluster_link(_: &mut Call<'_>) -> Outcome {
    Err(Fault::new(
        "ERR Debug option only available for cluster mode enabled setup!",
    ))
}

pub(super) fn error(call: &mut Call<'_>) -> Outcome {
    call.reply.error(call.args.at(2));
    Ok(())
}

/// At the level of warnings, so that a test finds its mark in any log.
pub(super) fn log(call: &mut Call<'_>) -> Outcome {
    warn!("DEBUG LOG: {}", String::from_utf8_lossy(call.args.at(2)));
    call.reply.ok();
    Ok(())
}

/// The command goes to the journal as if it had been executed.
pub(super) fn replicate(call: &mut Call<'_>) -> Outcome {
    let command: Vec<&[u8]> = call.args.from(2).collect();
    call.changes.journal(&command);
    call.reply.ok();
    Ok(())
}

pub(super) fn change_replication_id(call: &mut Call<'_>) -> Outcome {
    call.node.journal.rename(Id::new(call.rng.bits()));
    call.reply.ok();
    Ok(())
}

/// Keys that are there stay as they are. Nothing is journalled.
pub(super) fn populate(call: &mut Call<'_>) -> Outcome {
    let positive = |i: usize| {
        let count = call.args.integer(i).ok();
        count
            .and_then(|count| usize::try_from(count).ok())
            .ok_or(Fault::NOT_POSITIVE)
    };
    let count = positive(2)?;
    let prefix = call.args.get(3).unwrap_or(b"key");
    let size = match call.args.len() {
        5 => Some(positive(4)?),
        _ => None,
    };
    for n in 0..count {
        let key = [prefix, format!(":{n}").as_bytes()].concat();
        if call.dbs[call.db].contains(&key) {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if let Some(size) = size.filter(|size| *size > 0) {
            value.resize(size, 0);
        }
        call.dbs[call.db].set_string(&key, &value, Ttl::Clear);
        call.changes.touch(call.db, &key);
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn assert(_: &mut Call<'_>) -> Outcome {
    panic!("ASSERTION FAILED: asked for by DEBUG ASSERT");
}

pub(super) fn panic(_: &mut Call<'_>) -> Outcome {
    panic!("Software Failure: asked for by DEBUG PANIC");
}

pub(super) fn out_of_memory(_: &mut Call<'_>) -> Outcome {
    error!("Out Of Memory: asked for by DEBUG OOM");
    std::alloc::handle_alloc_error(Layout::new::<u64>())
}

#[expect(unsafe_code, reason = "there is no safe way to die of this signal")]
pub(super) fn segfault(call: &mut Call<'_>) -> Outcome {
    error!(
        "Almandine {} crashed by signal: {}: asked for by DEBUG SEGFAULT",
        crate::VERSION,
        libc::SIGSEGV
    );
    // SAFETY: the default action of the signal needs nothing; the process ends within `raise`.
    unsafe {
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::raise(libc::SIGSEGV);
    }
    call.reply.ok();
    Ok(())
}
