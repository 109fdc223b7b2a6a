//! Publish and subscribe: channels, patterns, shard channels.

use almandine_cluster::frame::Publish;
use almandine_protocol::Reply;
use almandine_storage::glob;

use super::help::help;
use super::spec::{Begin, Find};
use super::table::wrong_subcommand_syntax;
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};
use crate::actors::config::messages::Broadcast;
use crate::pubsub::Kind;
use crate::session::Replies;

fn subscribe(call: &mut Call<'_>) -> Outcome {
    add(call, Kind::Channel);
    Ok(())
}

fn psubscribe(call: &mut Call<'_>) -> Outcome {
    add(call, Kind::Pattern);
    Ok(())
}

/// Redis allows SUBSCRIBE inside a transaction for old clients' sake only.
fn ssubscribe(call: &mut Call<'_>) -> Outcome {
    if call.in_exec {
        return Err(Fault::new(
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ));
    }
    add(call, Kind::Shard);
    Ok(())
}

fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    take_away(call, Kind::Channel);
    Ok(())
}

fn punsubscribe(call: &mut Call<'_>) -> Outcome {
    take_away(call, Kind::Pattern);
    Ok(())
}

fn sunsubscribe(call: &mut Call<'_>) -> Outcome {
    take_away(call, Kind::Shard);
    Ok(())
}

fn publish(call: &mut Call<'_>) -> Outcome {
    send(call, Kind::Channel)
}

fn spublish(call: &mut Call<'_>) -> Outcome {
    send(call, Kind::Shard)
}

fn send(call: &mut Call<'_>, kind: Kind) -> Outcome {
    let (channel, message) = (call.args.at(1), call.args.at(2));
    let receivers = call.publish(kind, channel, message);
    if call.node.replication.is_heard() {
        let words: Vec<&[u8]> = call.args.from(0).collect();
        call.changes.journal(&words);
    }
    broadcast(call, kind);
    call.reply.length(receivers);
    Ok(())
}

/// In a cluster those at other nodes hear it, too. What comes from the stream of the primary (whose
/// session has the number 0) was told to them by it.
fn broadcast(call: &Call<'_>, kind: Kind) {
    let Some(picture) = call.seat.picture() else {
        return;
    };
    let is_alone = picture.topology.members().len() == 1;
    if is_alone || call.session.id() == 0 {
        return;
    }
    let cluster = call.node.cluster.as_ref();
    if let Some(crier) = cluster.and_then(|cluster| cluster.crier.get()) {
        crier.do_send(Broadcast(Publish {
            is_shard: kind == Kind::Shard,
            channel: call.args.at(1).to_vec(),
            message: call.args.at(2).to_vec(),
        }));
    }
}

/// One confirmation per name, each with the number of subscriptions that the connection has then.
fn add(call: &mut Call<'_>, kind: Kind) {
    for name in call.args.from(1) {
        let session = &mut *call.session;
        call.pubsub
            .borrow_mut()
            .subscribe(&session.client, session.version, kind, name);
        confirm(call, kind, true, Some(name));
    }
}

/// Without names all of this kind end; if there was none, that is confirmed too.
fn take_away(call: &mut Call<'_>, kind: Kind) {
    let id = call.session.id();
    if call.args.len() > 1 {
        for name in call.args.from(1) {
            call.pubsub.borrow_mut().unsubscribe(id, kind, name);
            confirm(call, kind, false, Some(name));
        }
        return;
    }
    let names = call.pubsub.borrow().names(id, kind);
    for name in &names {
        call.pubsub.borrow_mut().unsubscribe(id, kind, name);
        confirm(call, kind, false, Some(name));
    }
    if names.is_empty() {
        confirm(call, kind, false, None);
    }
}

fn confirm(call: &mut Call<'_>, kind: Kind, is_added: bool, name: Option<&[u8]>) {
    let counts = call.pubsub.borrow().counts(call.session.id());
    let [channels, patterns, shards] = counts;
    call.session.subscriptions = counts.iter().sum();
    call.session.client.profile().subscriptions = counts;
    let word = match (kind, is_added) {
        (Kind::Channel, true) => "subscribe",
        (Kind::Pattern, true) => "psubscribe",
        (Kind::Shard, true) => "ssubscribe",
        (Kind::Channel, false) => "unsubscribe",
        (Kind::Pattern, false) => "punsubscribe",
        (Kind::Shard, false) => "sunsubscribe",
    };
    let count = match kind {
        Kind::Shard => shards,
        Kind::Channel | Kind::Pattern => channels + patterns,
    };
    let write = |reply: &mut Reply<'_>| {
        reply.push(3);
        reply.bulk(word.as_bytes());
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.length(count);
    };
    // A confirmation is a message rather than a reply: CLIENT REPLY OFF and SKIP do not silence it.
    match call.session.replies {
        Replies::On | Replies::SkipNext => write(&mut call.reply),
        Replies::Off | Replies::SkipThis => {
            let version = call.session.version;
            write(&mut Reply::new(call.outgoing.own(), version));
        }
    }
}

fn pubsub_channels(call: &mut Call<'_>) -> Outcome {
    list_active(call, Kind::Channel)
}

fn pubsub_shardchannels(call: &mut Call<'_>) -> Outcome {
    list_active(call, Kind::Shard)
}

fn list_active(call: &mut Call<'_>, kind: Kind) -> Outcome {
    if call.args.len() > 3 {
        return Err(wrong_subcommand_syntax(call.args));
    }
    let (pattern, place, mut count) = (call.args.get(2), call.reply.reserve(), 0);
    for name in call.pubsub.borrow().active(kind) {
        if pattern.is_none_or(|pattern| glob::matches(pattern, name)) {
            call.reply.bulk(name);
            count += 1;
        }
    }
    call.reply.fill_array(place, count);
    Ok(())
}

fn pubsub_numsub(call: &mut Call<'_>) -> Outcome {
    count_listeners(call, Kind::Channel);
    Ok(())
}

fn pubsub_shardnumsub(call: &mut Call<'_>) -> Outcome {
    count_listeners(call, Kind::Shard);
    Ok(())
}

fn count_listeners(call: &mut Call<'_>, kind: Kind) {
    let names = call.args.from(2);
    call.reply.array(names.len() * 2);
    for name in names {
        call.reply.bulk(name);
        call.reply
            .length(call.pubsub.borrow().listener_count(kind, name));
    }
}

fn pubsub_numpat(call: &mut Call<'_>) -> Outcome {
    call.reply.length(call.pubsub.borrow().pattern_count());
    Ok(())
}

fn pubsub_help(call: &mut Call<'_>) -> Outcome {
    help(&mut call.reply, "PUBSUB", HELP);
    Ok(())
}

const HELP: &[(&str, &[&str])] = &[
    (
        "CHANNELS [<pattern>]",
        &["Return the currently active channels matching a <pattern> (default: '*')."],
    ),
    ("NUMPAT", &["Return number of subscriptions to patterns."]),
    (
        "NUMSUB [<channel> ...]",
        &[
            "Return the number of subscribers for the specified channels, excluding",
            "pattern subscriptions(default: no channels).",
        ],
    ),
    (
        "SHARDCHANNELS [<pattern>]",
        &["Return the currently active shard level channels matching a <pattern> (default: '*')."],
    ),
    (
        "SHARDNUMSUB [<shardchannel> ...]",
        &["Return the number of subscribers for the specified shard level channel(s)"],
    ),
];

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "psubscribe",
        arity: -2,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Listens to all channels that match patterns.",
        complexity: "O(N) where N is the number of patterns",
        args: "pattern:pattern...",
        run: Run::Shard(psubscribe),
    },
    Command {
        name: "publish",
        arity: 3,
        flags: Flags::FAST
            .union(Flags::LOADING)
            .union(Flags::MAY_REPLICATE)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Sends a message to a channel.",
        complexity: "O(N+M) where N is the number of subscribers and M the number of patterns",
        args: "channel message",
        run: Run::Shard(publish),
    },
    Command {
        name: "pubsub",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.8.0",
        summary: "Who listens to what.",
        complexity: "Depends on the subcommand.",
        args: "",
        run: Run::Container(&[
            Command {
                name: "pubsub|channels",
                arity: -2,
                flags: Flags::LOADING.union(Flags::PUBSUB).union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "Lists the channels with subscribers.",
                complexity: "O(N) where N is the number of channels",
                args: "[pattern:pattern]",
                run: Run::Shard(pubsub_channels),
            },
            Command {
                name: "pubsub|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "6.2.0",
                summary: "Lists the subcommands.",
                complexity: "O(1)",
                args: "",
                run: Run::Shard(pubsub_help),
            },
            Command {
                name: "pubsub|numpat",
                arity: 2,
                flags: Flags::LOADING.union(Flags::PUBSUB).union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "Counts the subscribed patterns.",
                complexity: "O(1)",
                args: "",
                run: Run::Shard(pubsub_numpat),
            },
            Command {
                name: "pubsub|numsub",
                arity: -2,
                flags: Flags::LOADING.union(Flags::PUBSUB).union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "Counts the subscribers of channels.",
                complexity: "O(N) for N channels",
                args: "[channel...]",
                run: Run::Shard(pubsub_numsub),
            },
            Command {
                name: "pubsub|shardchannels",
                arity: -2,
                flags: Flags::LOADING.union(Flags::PUBSUB).union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "7.0.0",
                summary: "Lists the shard channels with subscribers.",
                complexity: "O(N) where N is the number of shard channels",
                args: "[pattern:pattern]",
                run: Run::Shard(pubsub_shardchannels),
            },
            Command {
                name: "pubsub|shardnumsub",
                arity: -2,
                flags: Flags::LOADING.union(Flags::PUBSUB).union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Pubsub,
                since: "7.0.0",
                summary: "Counts the subscribers of shard channels.",
                complexity: "O(N) for N shard channels",
                args: "[shardchannel...]",
                run: Run::Shard(pubsub_shardnumsub),
            },
        ]),
    },
    Command {
        name: "punsubscribe",
        arity: -1,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Stops listening to patterns.",
        complexity: "O(N) where N is the number of patterns",
        args: "[pattern:pattern...]",
        run: Run::Shard(punsubscribe),
    },
    Command {
        name: "spublish",
        arity: 3,
        flags: Flags::FAST
            .union(Flags::LOADING)
            .union(Flags::MAY_REPLICATE)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[KeySpec {
            flags: KeyFlags::NOT_KEY,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Pubsub,
        since: "7.0.0",
        summary: "Sends a message to a shard channel.",
        complexity: "O(N) where N is the number of subscribers",
        args: "shardchannel message",
        run: Run::Shard(spublish),
    },
    Command {
        name: "ssubscribe",
        arity: -2,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[KeySpec {
            flags: KeyFlags::NOT_KEY,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Pubsub,
        since: "7.0.0",
        summary: "Listens to shard channels.",
        complexity: "O(N) where N is the number of channels",
        args: "shardchannel...",
        run: Run::Shard(ssubscribe),
    },
    Command {
        name: "subscribe",
        arity: -2,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Listens to channels.",
        complexity: "O(N) where N is the number of channels",
        args: "channel...",
        run: Run::Shard(subscribe),
    },
    Command {
        name: "sunsubscribe",
        arity: -1,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[KeySpec {
            flags: KeyFlags::NOT_KEY,
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Pubsub,
        since: "7.0.0",
        summary: "Stops listening to shard channels.",
        complexity: "O(N) where N is the number of channels",
        args: "[shardchannel...]",
        run: Run::Shard(sunsubscribe),
    },
    Command {
        name: "unsubscribe",
        arity: -1,
        flags: Flags::LOADING
            .union(Flags::NOSCRIPT)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Stops listening to channels.",
        complexity: "O(N) where N is the number of channels",
        args: "[channel...]",
        run: Run::Shard(unsubscribe),
    },
];
