//! CLIENT LIST and CLIENT INFO.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use almandine_protocol::number;

use super::filter::{Filter, parse_kind};
use crate::clients::{Client, Peer, Profile};
use crate::commands::table::CommandId;
use crate::commands::{Call, Fault, Outcome};

/// Bytes that a connection holds for itself, for `tot-mem`: its actor, its session, its entry.
const CONNECTION_MEMORY: u64 = 2048;

pub(in crate::commands) fn info(call: &mut Call<'_>) -> Outcome {
    let client = &call.session.client;
    let line = describe(call, client, &client.profile());
    call.reply.verbatim(b"txt", line.as_bytes());
    Ok(())
}

pub(in crate::commands) fn list(call: &mut Call<'_>) -> Outcome {
    let filter = match call.args.len() {
        2 => Filter::default(),
        4 if call.args.is(2, "type") => Filter {
            kind: Some(parse_kind(call.args.at(3))?),
            ..Filter::default()
        },
        count if count > 3 && call.args.is(2, "id") => {
            let invalid = Fault::new("ERR Invalid client ID");
            let ids = call
                .args
                .from(3)
                .map(|id| number::parse_i64(id).ok_or(invalid.clone()));
            Filter {
                ids: ids.collect::<Result<_, _>>()?,
                has_ids: true,
                ..Filter::default()
            }
        }
        _ => return Err(Fault::SYNTAX),
    };
    let mut text = String::new();
    for client in call.node.clients.all() {
        let profile = client.profile();
        if filter.matches(&client, &profile, call.now_ms) {
            text.push_str(&describe(call, &client, &profile));
        }
    }
    call.reply.verbatim(b"txt", text.as_bytes());
    Ok(())
}

/// A line of CLIENT LIST.
fn describe(call: &Call<'_>, client: &Arc<Client>, profile: &Profile) -> String {
    let now_ms = call.now_ms;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let last = client.last_command.load(Ordering::Relaxed);
    let command = CommandId::from_index(last as usize).map_or("NULL", |id| id.command().name);
    let (query, output) = (load(&client.query_buffer), load(&client.output_buffer));
    let arguments = match client.id == call.session.id() {
        true => call.args.from(0).map(<[u8]>::len).sum(),
        false => profile.blocked_memory,
    };
    let total = memory_of(client, profile);
    let redirect = profile.tracking.map_or(-1, |how| how.redirect as i64);
    let [channels, patterns, shards] = profile.subscriptions;
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={channels} psub={patterns} ssub={shards} \
         multi={} watch={} qbuf={query} qbuf-free=0 argv-mem={arguments} multi-mem={} rbs=0 rbp=0 obl={output} oll=0 omem={output} \
         tot-mem={total} events={} cmd={command} user={} redir={} resp={} lib-name={} lib-ver={} io-thread={} \
         tot-net-in={} tot-net-out={} tot-cmds={}\n",
        client.id,
        client.peer,
        client.local,
        client.fd.load(Ordering::Relaxed),
        String::from_utf8_lossy(&profile.name),
        (now_ms - client.created_ms).max(0) / 1000,
        (now_ms - client.active_ms.load(Ordering::Relaxed)).max(0) / 1000,
        flags(client, profile),
        profile.db,
        profile.multi.map_or(-1, |queued| queued as i64),
        profile.watched,
        profile.multi_memory,
        if output > 0 { "rw" } else { "r" },
        profile.user,
        redirect,
        profile.resp,
        String::from_utf8_lossy(&profile.lib_name),
        String::from_utf8_lossy(&profile.lib_ver),
        client.worker.load(Ordering::Relaxed),
        load(&client.bytes_in),
        load(&client.bytes_out),
        load(&client.commands),
    )
}

/// Bytes that a connection holds.
pub(in crate::commands) fn memory_of(client: &Client, profile: &Profile) -> u64 {
    let buffers =
        [&client.query_buffer, &client.output_buffer].map(|size| size.load(Ordering::Relaxed));
    let requests = profile.multi_memory + profile.blocked_memory;
    CONNECTION_MEMORY + buffers.iter().sum::<u64>() + requests as u64
}

/// The letters of `flags=`; N = nothing special.
fn flags(client: &Client, profile: &Profile) -> String {
    let letters = [
        (profile.monitors, 'O'),
        (profile.peer == Peer::Replica, 'S'),
        (profile.peer == Peer::Primary, 'M'),
        (profile.is_subscribed(), 'P'),
        (profile.multi.is_some(), 'x'),
        (profile.blocked, 'b'),
        (profile.tracking.is_some(), 't'),
        (profile.tracking.is_some_and(|how| how.is_broken), 'R'),
        (profile.tracking.is_some_and(|how| how.broadcast), 'B'),
        (client.is_unix(), 'U'),
        (profile.is_readonly, 'r'),
        (profile.no_evict, 'e'),
        (profile.no_touch, 'T'),
    ];
    let flags: String = letters
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, letter)| *letter)
        .collect();
    if flags.is_empty() { "N".into() } else { flags }
}
