//! The entries of this family.

use super::{acknowledged, attach, failover, follow, role};
use crate::commands::{Acl, Command, Flags, Group, Run};

/// REPLICAOF and the rest.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "failover",
        arity: -1,
        flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "6.2.0",
        summary: "Hands the place of a primary over to one of its replicas.",
        complexity: "O(1)",
        args: "[TO target=(host port:integer [FORCE])] [ABORT] [TIMEOUT milliseconds:integer]",
        run: Run::Node(failover::failover),
    },
    Command {
        name: "psync",
        arity: -3,
        flags: Flags::ADMIN
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NO_MULTI)
            .union(Flags::NOSCRIPT),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.8.0",
        summary: "Begins the stream to a replica, where it has stopped or with a copy.",
        complexity: "O(N) with N keys to copy, else O(1)",
        args: "replicationid offset:integer",
        run: Run::Session(attach::psync),
    },
    Command {
        name: "replconf",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::ALLOW_BUSY)
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "3.0.0",
        summary: "What a replica says of itself.",
        complexity: "O(1)",
        args: "",
        run: Run::Session(attach::replconf),
    },
    Command {
        name: "replicaof",
        arity: 3,
        flags: Flags::ADMIN
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "5.0.0",
        summary: "Makes the server a replica of another one, or a primary.",
        complexity: "O(1)",
        args: "args=<host-port=(host port:integer)|no-one=(NO ONE)>",
        run: Run::Node(follow::replicaof),
    },
    Command {
        name: "role",
        arity: 1,
        flags: Flags::FAST
            .union(Flags::LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::ADMIN.union(Acl::DANGEROUS),
        keys: &[],
        group: Group::Server,
        since: "2.8.12",
        summary: "Tells whether the server is a primary or a replica, and of whom.",
        complexity: "O(1)",
        args: "",
        run: Run::Node(role::role),
    },
    Command {
        name: "slaveof",
        arity: 3,
        flags: Flags::ADMIN
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NOSCRIPT)
            .union(Flags::STALE),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "The old name of REPLICAOF.",
        complexity: "O(1)",
        args: "args=<host-port=(host port:integer)|no-one=(NO ONE)>",
        run: Run::Node(follow::replicaof),
    },
    Command {
        name: "sync",
        arity: 1,
        flags: Flags::ADMIN
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NO_MULTI)
            .union(Flags::NOSCRIPT),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "1.0.0",
        summary: "The old form of PSYNC: a copy, then the stream.",
        complexity: "O(N) with N keys",
        args: "",
        run: Run::Session(attach::sync),
    },
    Command {
        name: "wait",
        arity: 3,
        flags: Flags::BLOCKING,
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Generic,
        since: "3.0.0",
        summary: "Waits until replicas have what this connection has written.",
        complexity: "O(1)",
        args: "numreplicas:integer timeout:integer",
        run: Run::Session(acknowledged::wait),
    },
    Command {
        name: "waitaof",
        arity: 4,
        flags: Flags::BLOCKING,
        acl: Acl::CONNECTION,
        keys: &[],
        group: Group::Generic,
        since: "7.2.0",
        summary: "Waits until what this connection has written is on disk here and with replicas.",
        complexity: "O(1)",
        args: "numlocal:integer numreplicas:integer timeout:integer",
        run: Run::Session(acknowledged::waitaof),
    },
];
