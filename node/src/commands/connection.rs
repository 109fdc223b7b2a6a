//! The connection commands: who is there, in which version and database, and when it ends.

use almandine_protocol::{Version, number};

use super::client;
use super::{Acl, Call, Command, Fault, Flags, Group, Outcome, Run};
use crate::clients::Profile;
use crate::session::Replies;
use crate::shard::Tracks;

fn auth(call: &mut Call<'_>) -> Outcome {
    let (user, password) = match call.args.len() {
        2 if call.params.requirepass.is_empty() => {
            return Err(Fault::new(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        2 => (b"default".as_slice(), call.args.at(1)),
        3 => (call.args.at(1), call.args.at(2)),
        _ => return Err(Fault::SYNTAX),
    };
    log_in(call, user, password)?;
    call.reply.ok();
    Ok(())
}

/// AUTH and HELLO AUTH. There is one user, `default`; without `requirepass` it takes any password.
fn log_in(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), Fault> {
    let expected = call.params.requirepass.as_bytes();
    if user != b"default" || !(expected.is_empty() || same(expected, password)) {
        call.stats.auth_denied += 1;
        return Err(Fault::new(
            "WRONGPASS invalid username-password pair or user is disabled.",
        ));
    }
    call.session.authenticated = true;
    Ok(())
}

/// Compares in a time that does not tell where the first difference is.
fn same(expected: &[u8], given: &[u8]) -> bool {
    let differences = expected
        .iter()
        .zip(given)
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differences) == 0 && expected.len() == given.len()
}

/// Nothing is changed unless every option is right.
fn hello(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let version = match args.get(1) {
        None => call.session.version,
        Some(version) => match number::parse_i64(version) {
            Some(2) => Version::Resp2,
            Some(3) => Version::Resp3,
            Some(_) => return Err(Fault::new("NOPROTO unsupported protocol version")),
            None => {
                return Err(Fault::new(
                    "ERR Protocol version is not an integer or out of range",
                ));
            }
        },
    };
    let (mut login, mut name, mut i) = (None, None, 2);
    while i < args.len() {
        match (args.get(i + 1), args.get(i + 2)) {
            (Some(user), Some(password)) if args.is(i, "auth") => {
                (login, i) = (Some((user, password)), i + 3)
            }
            (Some(wanted), _) if args.is(i, "setname") => {
                client::check_name(wanted)?;
                (name, i) = (Some(wanted), i + 2);
            }
            _ => {
                let option = args.at(i);
                return Err(Fault::quoting(
                    "ERR Syntax error in HELLO option '",
                    option,
                    "'",
                ));
            }
        }
    }
    if let Some((user, password)) = login {
        log_in(call, user, password)?;
    }
    if !call.session.authenticated {
        return Err(Fault::new(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        client::rename(call, name)?;
    }
    speak(call, version);
    introduce(call);
    Ok(())
}

/// Switches the version of the protocol; this reply is the first in it.
fn speak(call: &mut Call<'_>, version: Version) {
    call.session.version = version;
    call.session.client.profile().resp = version.number();
    call.pubsub
        .borrow_mut()
        .set_version(call.session.id(), version);
    call.reply.set_version(version);
}

/// Clients choose features by these fields: we are a Redis to them.
fn introduce(call: &mut Call<'_>) {
    let (id, version) = (call.session.id() as i64, call.session.version);
    call.reply.map(7);
    for (name, value) in [("server", "redis"), ("version", crate::REDIS_VERSION)] {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    call.reply.bulk(b"proto");
    call.reply.integer(version.number().into());
    call.reply.bulk(b"id");
    call.reply.integer(id);
    let role = match call.node.replication.is_replica() {
        true => "replica",
        false => "master",
    };
    for (name, value) in [("mode", call.node.mode()), ("role", role)] {
        call.reply.bulk(name.as_bytes());
        call.reply.bulk(value.as_bytes());
    }
    call.reply.bulk(b"modules");
    call.reply.array(0);
}

fn ping(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 2 {
        return Err(Fault::arity("ping"));
    }
    let message = call.args.get(1);
    if call.session.is_subscriber() {
        call.reply.array(2);
        call.reply.bulk(b"pong");
        call.reply.bulk(message.unwrap_or_default());
    } else {
        match message {
            None => call.reply.simple("PONG"),
            Some(message) => call.reply.bulk(message),
        }
    }
    Ok(())
}

fn echo(call: &mut Call<'_>) -> Outcome {
    call.reply.bulk(call.args.at(1));
    Ok(())
}

fn quit(call: &mut Call<'_>) -> Outcome {
    call.session.closing = true;
    call.reply.ok();
    Ok(())
}

/// The connection is as if it had just been accepted, but for its id and what library it is.
fn reset(call: &mut Call<'_>) -> Outcome {
    call.session.transaction = None;
    super::transactions::forget_watched(call);
    let id = call.session.id();
    call.pubsub.borrow_mut().drop_client(id);
    call.tracking.disable(id);
    call.outgoing.monitors.remove(id);
    call.session.tracking = Tracks::Nothing;
    call.session.subscriptions = 0;
    call.session.replies = Replies::On;
    (call.session.no_touch, call.session.no_evict) = (false, false);
    (call.session.is_readonly, call.session.is_asking) = (false, false);
    call.dbs.set_touches(true);
    call.session.authenticated = call.params.requirepass.is_empty();
    call.session.db = 0;
    {
        let mut profile = call.session.client.profile();
        let Profile {
            lib_name, lib_ver, ..
        } = std::mem::take(&mut *profile);
        *profile = Profile {
            lib_name,
            lib_ver,
            ..Profile::fresh()
        };
    }
    speak(call, Version::Resp2);
    call.reply.simple("RESET");
    Ok(())
}

fn select(call: &mut Call<'_>) -> Outcome {
    let index = call.args.integer(1)?;
    if i32::try_from(index).is_err() {
        return Err(Fault::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        ));
    }
    if index != 0 && call.node.cluster.is_some() {
        return Err(Fault::new("ERR SELECT is not allowed in cluster mode"));
    }
    let db = usize::try_from(index)
        .ok()
        .filter(|db| *db < call.dbs.count());
    call.session.db = db.ok_or(Fault::DB_OUT_OF_RANGE)?;
    call.session.client.profile().db = call.session.db;
    call.reply.ok();
    Ok(())
}

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "auth",
        arity: -2,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Logs the connection in.",
        complexity: "O(N) where N is the length of the password",
        args: "[username] password",
        run: Run::Session(auth),
    },
    client::CLIENT,
    Command {
        name: "echo",
        arity: 2,
        flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Returns its argument.",
        complexity: "O(1)",
        args: "message",
        run: Run::Session(echo),
    },
    Command {
        name: "hello",
        arity: -1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "6.0.0",
        summary: "Chooses the version of the protocol, logs in, names the connection.",
        complexity: "O(1)",
        args: "[arguments=(protover:integer [AUTH auth=(username password)] [SETNAME clientname])]",
        run: Run::Session(hello),
    },
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST,
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Answers, if the server is alive.",
        complexity: "O(1)",
        args: "[message]",
        run: Run::Session(ping),
    },
    Command {
        name: "quit",
        arity: -1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Closes the connection.",
        complexity: "O(1)",
        args: "",
        run: Run::Session(quit),
    },
    Command {
        name: "reset",
        arity: 1,
        flags: Flags::ALLOW_BUSY
            .union(Flags::FAST)
            .union(Flags::LOADING)
            .union(Flags::NO_AUTH)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "6.2.0",
        summary: "Makes the connection as good as new.",
        complexity: "O(1)",
        args: "",
        run: Run::Session(reset),
    },
    Command {
        name: "select",
        arity: 2,
        flags: Flags::FAST.union(Flags::LOADING).union(Flags::STALE),
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Chooses the database of the connection.",
        complexity: "O(1)",
        args: "index:integer",
        run: Run::Session(select),
    },
];
