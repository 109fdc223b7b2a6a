//! The pubsub commands.

use super::spec::{Begin, Find};
use super::{Acl, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run};

fn psubscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn publish(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_channels(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_help(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_numpat(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_numsub(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_shardchannels(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn pubsub_shardnumsub(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn punsubscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn spublish(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn ssubscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn subscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn sunsubscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

fn unsubscribe(_call: &mut Call<'_>) -> Outcome {
    Err(Fault::UNFINISHED)
}

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
        summary: "",
        complexity: "",
        args: "pattern:pattern...",
        run: Run::Shard(psubscribe),
    },
    Command {
        name: "publish",
        arity: 3,
        flags: Flags::FAST
            .union(Flags::LOADING)
            .union(Flags::PUBSUB)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
                summary: "",
                complexity: "",
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
        summary: "",
        complexity: "",
        args: "[pattern:pattern...]",
        run: Run::Shard(punsubscribe),
    },
    Command {
        name: "spublish",
        arity: 3,
        flags: Flags::FAST
            .union(Flags::LOADING)
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
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
        summary: "",
        complexity: "",
        args: "[channel...]",
        run: Run::Shard(unsubscribe),
    },
];
