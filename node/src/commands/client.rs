//! CLIENT: what connections say of themselves and of each other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use almandine_protocol::{Reply, number};

use super::help::help;
use super::table::{CommandId, wrong_subcommand_syntax};
use super::{Args, Call, Fault, Outcome};
use crate::clients::{Client, Profile};
use crate::session::Replies;

/// Bytes that a connection holds for itself, for `tot-mem`: its actor, its session, its entry.
const CONNECTION_MEMORY: u64 = 2048;

pub(super) fn id(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(call.session.id() as i64);
    Ok(())
}

pub(super) fn getname(call: &mut Call<'_>) -> Outcome {
    match call.session.client.profile().name.as_slice() {
        [] => call.reply.null(),
        name => call.reply.bulk(name),
    }
    Ok(())
}

pub(super) fn setname(call: &mut Call<'_>) -> Outcome {
    rename(call, call.args.at(2))?;
    call.reply.ok();
    Ok(())
}

/// CLIENT SETNAME and HELLO SETNAME.
pub(super) fn rename(call: &Call<'_>, name: &[u8]) -> Result<(), Fault> {
    check_name(name)?;
    call.session.client.profile().name = name.to_vec();
    Ok(())
}

/// Whether `name` may be a name.
pub(super) fn check_name(name: &[u8]) -> Result<(), Fault> {
    if is_plain(name) {
        return Ok(());
    }
    Err(Fault::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

pub(super) fn setinfo(call: &mut Call<'_>) -> Outcome {
    let (option, value) = (call.args.at(2), call.args.at(3));
    let is_name = call.args.is(2, "lib-name");
    if !is_name && !call.args.is(2, "lib-ver") {
        return Err(Fault::text(format!(
            "ERR Unrecognized option '{}'",
            String::from_utf8_lossy(option)
        )));
    }
    if !is_plain(value) {
        return Err(Fault::text(format!(
            "ERR {} cannot contain spaces, newlines or special characters.",
            String::from_utf8_lossy(option)
        )));
    }
    let mut profile = call.session.client.profile();
    *if is_name {
        &mut profile.lib_name
    } else {
        &mut profile.lib_ver
    } = value.to_vec();
    call.reply.ok();
    Ok(())
}

pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    let client = &call.session.client;
    let line = describe(call, client, &client.profile());
    call.reply.verbatim(b"txt", line.as_bytes());
    Ok(())
}

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
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

pub(super) fn kill(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 3 {
        let filter = Filter {
            addr: Some(call.args.at(2).to_vec()),
            ..Filter::default()
        };
        if kill_matching(call, &filter, false) == 0 {
            return Err(Fault::new("ERR No such client"));
        }
        call.reply.ok();
        return Ok(());
    }
    let (filter, skip_me) = parse_kill(call.args)?;
    let killed = kill_matching(call, &filter, skip_me);
    call.reply.length(killed);
    Ok(())
}

fn parse_kill(args: Args<'_>) -> Result<(Filter, bool), Fault> {
    let (mut filter, mut skip_me, mut i) = (Filter::default(), true, 2);
    while i < args.len() {
        let value = args.get(i + 1).ok_or(Fault::SYNTAX)?;
        if args.is(i, "id") {
            let id = number::parse_i64(value).filter(|id| *id > 0);
            filter.ids = vec![id.ok_or(Fault::new("ERR client-id should be greater than 0"))?];
            filter.has_ids = true;
        } else if args.is(i, "maxage") {
            let age = number::parse_i64(value)
                .ok_or(Fault::new("ERR maxage is not an integer or out of range"))?;
            if age <= 0 {
                return Err(Fault::new("ERR maxage should be greater than 0"));
            }
            filter.min_age_s = Some(age);
        } else if args.is(i, "type") {
            filter.kind = Some(parse_kind(value)?);
        } else if args.is(i, "addr") {
            filter.addr = Some(value.to_vec());
        } else if args.is(i, "laddr") {
            filter.laddr = Some(value.to_vec());
        } else if args.is(i, "user") {
            if value != b"default" {
                return Err(Fault::text(format!(
                    "ERR No such user '{}'",
                    String::from_utf8_lossy(value)
                )));
            }
            filter.user = Some(value.to_vec());
        } else if args.is(i, "skipme") {
            skip_me = match value {
                yes if yes.eq_ignore_ascii_case(b"yes") => true,
                no if no.eq_ignore_ascii_case(b"no") => false,
                _ => return Err(Fault::SYNTAX),
            };
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 2;
    }
    Ok((filter, skip_me))
}

fn kill_matching(call: &mut Call<'_>, filter: &Filter, skip_me: bool) -> usize {
    let mut killed = 0;
    for client in call.node.clients.all() {
        let is_me = client.id == call.session.id();
        if (is_me && skip_me) || !filter.matches(&client, &client.profile(), call.now_ms) {
            continue;
        }
        killed += 1;
        if is_me {
            call.session.closing = true;
        } else {
            // It closes a little later; what is pushed until then must not be given to it.
            if let Some(waiter) = call.blocked.remove(client.id) {
                waiter.stop_waiting(call.dbs);
            }
            client.kill();
            forget(call, client.id);
        }
    }
    killed
}

/// Nothing that follows may reach a killed connection, though its thread may hear of its end a little later. What it
/// watches stays watched: an EXEC of it that is on the way must still fail.
fn forget(call: &mut Call<'_>, id: u64) {
    call.node.clients.remove(id);
    call.pubsub.borrow_mut().drop_client(id);
    if let Some(waiter) = call.blocked.remove(id) {
        waiter.stop_waiting(call.dbs);
    }
}

pub(super) fn pause(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 4 {
        return Err(wrong_subcommand_syntax(call.args));
    }
    let only_writes = match call.args.get(3) {
        None => false,
        Some(_) if call.args.is(3, "write") => true,
        Some(_) if call.args.is(3, "all") => false,
        Some(_) => return Err(Fault::new("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let invalid = Fault::new("ERR timeout is not an integer or out of range");
    let millis = call.args.integer(2).map_err(|_| invalid.clone())?;
    if millis < 0 {
        return Err(Fault::new("ERR timeout is negative"));
    }
    let until_ms = call
        .now_ms
        .checked_add(millis)
        .ok_or(Fault::new("ERR timeout is out of range"))?;
    call.node.pause.begin(until_ms, only_writes, call.now_ms);
    call.reply.ok();
    Ok(())
}

pub(super) fn unpause(call: &mut Call<'_>) -> Outcome {
    call.node.pause.end();
    call.reply.ok();
    Ok(())
}

pub(super) fn reply(call: &mut Call<'_>) -> Outcome {
    if call.args.is(2, "on") {
        call.session.replies = Replies::On;
        call.reply.ok();
    } else if call.args.is(2, "off") {
        call.session.replies = Replies::Off;
    } else if call.args.is(2, "skip") {
        if call.session.replies != Replies::Off {
            call.session.replies = Replies::SkipNext;
        }
    } else {
        return Err(Fault::SYNTAX);
    }
    Ok(())
}

pub(super) fn no_evict(call: &mut Call<'_>) -> Outcome {
    call.session.no_evict = on_or_off(call.args)?;
    call.session.client.profile().no_evict = call.session.no_evict;
    call.reply.ok();
    Ok(())
}

pub(super) fn no_touch(call: &mut Call<'_>) -> Outcome {
    call.session.no_touch = on_or_off(call.args)?;
    call.session.client.profile().no_touch = call.session.no_touch;
    call.dbs.set_touches(!call.session.no_touch);
    call.reply.ok();
    Ok(())
}

/// Valkey's import mode keeps expired and evictable keys while a data set is loaded; this node has no such mode yet, so
/// only switching it off is possible.
pub(super) fn import_source(call: &mut Call<'_>) -> Outcome {
    if !call.args.is(2, "off") {
        return Err(Fault::new("ERR Server is not in import mode"));
    }
    call.reply.ok();
    Ok(())
}

/// Capabilities that a client announces; unknown ones are ignored by contract.
pub(super) fn capa(call: &mut Call<'_>) -> Outcome {
    call.reply.ok();
    Ok(())
}

pub(super) fn unblock(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 4 {
        return Err(wrong_subcommand_syntax(call.args));
    }
    let with_error = match call.args.get(3) {
        None => false,
        Some(_) if call.args.is(3, "timeout") => false,
        Some(_) if call.args.is(3, "error") => true,
        Some(_) => {
            return Err(Fault::new(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = call.args.integer(2)?;
    let waiter = u64::try_from(id)
        .ok()
        .and_then(|id| call.blocked.remove(id));
    call.reply.integer(i64::from(waiter.is_some()));
    if let Some(waiter) = waiter {
        waiter.stop_waiting(call.dbs);
        let mut answer = Vec::new();
        let mut reply = Reply::new(&mut answer, waiter.session.version);
        let failed = if with_error {
            reply.error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK");
            Some("UNBLOCKED")
        } else {
            reply.null_array();
            None
        };
        waiter.book(call.stats, answer.len(), failed, call.now_ms);
        call.outgoing.unblock(&waiter.session.client, answer);
    }
    Ok(())
}

pub(super) fn client_help(call: &mut Call<'_>) -> Outcome {
    help(&mut call.reply, "CLIENT", HELP);
    Ok(())
}

/// What CLIENT LIST and CLIENT KILL select by.
#[derive(Debug, Default)]
struct Filter {
    ids: Vec<i64>,
    has_ids: bool,
    kind: Option<&'static str>,
    addr: Option<Vec<u8>>,
    laddr: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    min_age_s: Option<i64>,
}

impl Filter {
    fn matches(&self, client: &Client, profile: &Profile, now_ms: i64) -> bool {
        let is = |wanted: &Option<Vec<u8>>, value: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted == value.as_bytes())
        };
        (!self.has_ids || self.ids.contains(&(client.id as i64)))
            && self.kind.is_none_or(|kind| kind == kind_of(profile))
            && is(&self.addr, &client.peer)
            && is(&self.laddr, &client.local)
            && is(&self.user, &profile.user)
            && self
                .min_age_s
                .is_none_or(|age| (now_ms - client.created_ms) / 1000 >= age)
    }
}

/// The class by which clients are filtered and limited.
fn kind_of(profile: &Profile) -> &'static str {
    if profile.is_subscribed() {
        "pubsub"
    } else {
        "normal"
    }
}

fn parse_kind(name: &[u8]) -> Result<&'static str, Fault> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok("normal"),
        b"pubsub" => Ok("pubsub"),
        b"master" | b"primary" => Ok("master"),
        b"replica" | b"slave" => Ok("replica"),
        _ => Err(Fault::text(format!(
            "ERR Unknown client type '{}'",
            String::from_utf8_lossy(name)
        ))),
    }
}

fn on_or_off(args: Args<'_>) -> Result<bool, Fault> {
    if args.is(2, "on") {
        Ok(true)
    } else if args.is(2, "off") {
        Ok(false)
    } else {
        Err(Fault::SYNTAX)
    }
}

/// Printable ASCII without blanks.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_graphic())
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
    let [channels, patterns, shards] = profile.subscriptions;
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={channels} psub={patterns} ssub={shards} \
         multi={} watch={} qbuf={query} qbuf-free=0 argv-mem={arguments} multi-mem={} rbs=0 rbp=0 obl={output} oll=0 omem={output} \
         tot-mem={total} events={} cmd={command} user={} redir=-1 resp={} lib-name={} lib-ver={} io-thread={} \
         tot-net-in={} tot-net-out={} tot-cmds={}\n",
        client.id,
        client.peer,
        client.local,
        client.fd,
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
        profile.resp,
        String::from_utf8_lossy(&profile.lib_name),
        String::from_utf8_lossy(&profile.lib_ver),
        client.worker,
        load(&client.bytes_in),
        load(&client.bytes_out),
        load(&client.commands),
    )
}

/// Bytes that a connection holds.
pub(super) fn memory_of(client: &Client, profile: &Profile) -> u64 {
    let buffers =
        [&client.query_buffer, &client.output_buffer].map(|size| size.load(Ordering::Relaxed));
    let requests = profile.multi_memory + profile.blocked_memory;
    CONNECTION_MEMORY + buffers.iter().sum::<u64>() + requests as u64
}

/// The letters of `flags=`; N = nothing special.
fn flags(client: &Client, profile: &Profile) -> String {
    let letters = [
        (profile.is_subscribed(), 'P'),
        (profile.multi.is_some(), 'x'),
        (profile.blocked, 'b'),
        (client.is_unix(), 'U'),
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

const HELP: &[(&str, &[&str])] = &[
    (
        "CACHING (YES|NO)",
        &["Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes."],
    ),
    (
        "GETREDIR",
        &["Return the client ID we are redirecting to when tracking is enabled."],
    ),
    ("GETNAME", &["Return the name of the current connection."]),
    ("ID", &["Return the ID of the current connection."]),
    (
        "INFO",
        &["Return information about the current client connection."],
    ),
    ("KILL <ip:port>", &["Kill connection made from <ip:port>."]),
    (
        "KILL <option> <value> [<option> <value> [...]]",
        &[
            "Kill connections. Options are:",
            "* ADDR (<ip:port>|<unixsocket>:0)",
            "  Kill connections made from the specified address",
            "* LADDR (<ip:port>|<unixsocket>:0)",
            "  Kill connections made to specified local address",
            "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "  Kill connections by type.",
            "* USER <username>",
            "  Kill connections authenticated by <username>.",
            "* SKIPME (YES|NO)",
            "  Skip killing current connection (default: yes).",
            "* ID <client-id>",
            "  Kill connections by client id.",
            "* MAXAGE <maxage>",
            "  Kill connections older than the specified age.",
        ],
    ),
    (
        "LIST [options ...]",
        &[
            "Return information about client connections. Options:",
            "* TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "  Return clients of specified type.",
        ],
    ),
    (
        "UNPAUSE",
        &["Stop the current client pause, resuming traffic."],
    ),
    (
        "PAUSE <timeout> [WRITE|ALL]",
        &["Suspend all, or just write, clients for <timeout> milliseconds."],
    ),
    (
        "REPLY (ON|OFF|SKIP)",
        &["Control the replies sent to the current connection."],
    ),
    (
        "SETNAME <name>",
        &["Assign the name <name> to the current connection."],
    ),
    (
        "SETINFO <option> <value>",
        &[
            "Set client meta attr. Options are:",
            "* LIB-NAME: the client lib name.",
            "* LIB-VER: the client lib version.",
        ],
    ),
    (
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        &["Unblock the specified blocked client."],
    ),
    (
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        &[
            "     [OPTIN] [OPTOUT] [NOLOOP]",
            "Control server assisted client side caching.",
        ],
    ),
    (
        "TRACKINGINFO",
        &["Report tracking status for the current connection."],
    ),
    (
        "NO-EVICT (ON|OFF)",
        &["Protect current client connection from eviction."],
    ),
    (
        "NO-TOUCH (ON|OFF)",
        &["Will not touch LRU/LFU stats when this mode is on."],
    ),
];
