//! CLIENT: what connections say of themselves and of each other.

mod entries;
mod filter;
mod kill;
mod list;
mod tracking;

use almandine_protocol::Reply;

pub(super) use self::entries::CLIENT;
pub(super) use self::list::memory_of;
use super::help::help;
use super::table::wrong_subcommand_syntax;
use super::{Args, Call, Fault, Outcome};
use crate::pause::{Purpose, Whom};
use crate::session::Replies;
use crate::shard::Waiter;

pub(in crate::commands) fn id(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(call.session.id() as i64);
    Ok(())
}

pub(in crate::commands) fn getname(call: &mut Call<'_>) -> Outcome {
    match call.session.client.profile().name.as_slice() {
        [] => call.reply.null(),
        name => call.reply.bulk(name),
    }
    Ok(())
}

pub(in crate::commands) fn setname(call: &mut Call<'_>) -> Outcome {
    rename(call, call.args.at(2))?;
    call.reply.ok();
    Ok(())
}

/// CLIENT SETNAME and HELLO SETNAME.
pub(in crate::commands) fn rename(call: &Call<'_>, name: &[u8]) -> Result<(), Fault> {
    check_name(name)?;
    call.session.client.profile().name = name.to_vec();
    Ok(())
}

/// Whether `name` may be a name.
pub(in crate::commands) fn check_name(name: &[u8]) -> Result<(), Fault> {
    if is_plain(name) {
        return Ok(());
    }
    Err(Fault::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

pub(in crate::commands) fn setinfo(call: &mut Call<'_>) -> Outcome {
    let (option, value) = (call.args.at(2), call.args.at(3));
    let is_name = call.args.is(2, "lib-name");
    if !is_name && !call.args.is(2, "lib-ver") {
        return Err(Fault::quoting("ERR Unrecognized option '", option, "'"));
    }
    if !is_plain(value) {
        return Err(Fault::quoting(
            "ERR ",
            option,
            " cannot contain spaces, newlines or special characters.",
        ));
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

pub(in crate::commands) fn pause(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 4 {
        return Err(wrong_subcommand_syntax(call.args));
    }
    let whom = match call.args.get(3) {
        None => Whom::All,
        Some(_) if call.args.is(3, "write") => Whom::Writers,
        Some(_) if call.args.is(3, "all") => Whom::All,
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
    let pause = &call.node.pause;
    pause.begin(Purpose::Client, until_ms, whom, call.now_ms);
    call.reply.ok();
    Ok(())
}

pub(in crate::commands) fn unpause(call: &mut Call<'_>) -> Outcome {
    call.node.pause.end(Purpose::Client);
    call.reply.ok();
    Ok(())
}

pub(in crate::commands) fn reply(call: &mut Call<'_>) -> Outcome {
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

pub(in crate::commands) fn no_evict(call: &mut Call<'_>) -> Outcome {
    call.session.no_evict = on_or_off(call.args)?;
    call.session.client.profile().no_evict = call.session.no_evict;
    call.reply.ok();
    Ok(())
}

pub(in crate::commands) fn no_touch(call: &mut Call<'_>) -> Outcome {
    call.session.no_touch = on_or_off(call.args)?;
    call.session.client.profile().no_touch = call.session.no_touch;
    call.dbs.set_touches(!call.session.no_touch);
    call.reply.ok();
    Ok(())
}

/// Valkey's import mode keeps expired and evictable keys while a data set is loaded; this node has no such mode yet, so
/// only switching it off is possible.
pub(in crate::commands) fn import_source(call: &mut Call<'_>) -> Outcome {
    if !call.args.is(2, "off") {
        return Err(Fault::new("ERR Server is not in import mode"));
    }
    call.reply.ok();
    Ok(())
}

/// Capabilities that a client announces; unknown ones are ignored by contract.
pub(in crate::commands) fn capa(call: &mut Call<'_>) -> Outcome {
    call.reply.ok();
    Ok(())
}

pub(in crate::commands) fn unblock(call: &mut Call<'_>) -> Outcome {
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
        .filter(|id| call.blocked.get(*id).is_some_and(Waiter::may_give_up))
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
            match waiter.waiting.wait.acknowledgements {
                None => reply.null_array(),
                Some(wanted) => wanted.answer(call.node, &mut reply),
            }
            None
        };
        waiter.book(call.stats, answer.len(), failed, call.now_ms);
        call.outgoing.unblock(&waiter.session.client, answer);
    }
    Ok(())
}

pub(in crate::commands) fn client_help(call: &mut Call<'_>) -> Outcome {
    help(&mut call.reply, "CLIENT", HELP);
    Ok(())
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
