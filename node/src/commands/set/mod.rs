//! The set commands.
//!
//! ```text
//!   members.rs  one set: adding, removing, asking, SSCAN
//!   random.rs   SPOP, SRANDMEMBER
//!   algebra.rs  intersection, union, difference
//! ```

mod algebra;
mod members;
mod random;
#[cfg(test)]
mod tests;

use super::spec::{Begin, Find};
use super::{Acl, Command, Flags, Group, KeyFlags, KeySpec, Run};
use algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
use members::{sadd, scard, sismember, smembers, smismember, smove, srem, sscan};
use random::{spop, srandmember};

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::INSERT),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Adds members to a set, and makes the set if there is none.",
        complexity: "O(1) for each member",
        args: "key:key member...",
        run: Run::Shard(sadd),
    },
    Command {
        name: "scard",
        arity: 2,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Counts the members of a set.",
        complexity: "O(1)",
        args: "key:key",
        run: Run::Shard(scard),
    },
    Command {
        name: "sdiff",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Returns the members of the first set that no other set has.",
        complexity: "O(N) where N is the number of members of all sets",
        args: "key:key...",
        run: Run::Shard(sdiff),
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "Stores the members of the first set that no other set has.",
        complexity: "O(N) where N is the number of members of all sets",
        args: "destination:key key:key...",
        run: Run::Shard(sdiffstore),
    },
    Command {
        name: "sinter",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Returns the members that all sets have.",
        complexity: "O(N*M) at worst where N is the size of the smallest set and M is the number of sets",
        args: "key:key...",
        run: Run::Shard(sinter),
    },
    Command {
        name: "sintercard",
        arity: -3,
        flags: Flags::MOVABLEKEYS.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }],
        group: Group::Set,
        since: "7.0.0",
        summary: "Counts the members that all sets have.",
        complexity: "O(N*M) at worst where N is the size of the smallest set and M is the number of sets",
        args: "numkeys:integer key:key... [LIMIT limit:integer]",
        run: Run::Shard(sintercard),
    },
    Command {
        name: "sinterstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "Stores the members that all sets have.",
        complexity: "O(N*M) at worst where N is the size of the smallest set and M is the number of sets",
        args: "destination:key key:key...",
        run: Run::Shard(sinterstore),
    },
    Command {
        name: "sismember",
        arity: 3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO,
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Says whether a set has a member.",
        complexity: "O(1)",
        args: "key:key member",
        run: Run::Shard(sismember),
    },
    Command {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Returns all members of a set.",
        complexity: "O(N) where N is the size of the set",
        args: "key:key",
        run: Run::Shard(smembers),
    },
    Command {
        name: "smismember",
        arity: -3,
        flags: Flags::FAST.union(Flags::READONLY),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "6.2.0",
        summary: "Says of each of several members whether a set has it.",
        complexity: "O(N) where N is the number of members asked for",
        args: "key:key member...",
        run: Run::Shard(smismember),
    },
    Command {
        name: "smove",
        arity: 4,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RW.union(KeyFlags::INSERT),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "Moves a member from one set to another.",
        complexity: "O(1)",
        args: "source:key destination:key member",
        run: Run::Shard(smove),
    },
    Command {
        name: "spop",
        arity: -2,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Takes random members out of a set and returns them.",
        complexity: "O(N) where N is the number of members taken",
        args: "key:key [count:integer]",
        run: Run::Shard(spop),
    },
    Command {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Returns random members of a set.",
        complexity: "O(N) where N is the number of members returned",
        args: "key:key [count:integer]",
        run: Run::Shard(srandmember),
    },
    Command {
        name: "srem",
        arity: -3,
        flags: Flags::FAST.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::DELETE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Takes members out of a set, and deletes the set when none is left.",
        complexity: "O(N) where N is the number of members to take out",
        args: "key:key member...",
        run: Run::Shard(srem),
    },
    Command {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "2.8.0",
        summary: "Returns the members of a set page by page.",
        complexity: "O(1) for each call, O(N) for a full walk through N members",
        args: "key:key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        run: Run::Shard(sscan),
    },
    Command {
        name: "sunion",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::SET,
        keys: &[KeySpec {
            flags: KeyFlags::RO.union(KeyFlags::ACCESS),
            begin: Begin::Index(1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::Set,
        since: "1.0.0",
        summary: "Returns the members that any of the sets has.",
        complexity: "O(N) where N is the number of members of all sets",
        args: "key:key...",
        run: Run::Shard(sunion),
    },
    Command {
        name: "sunionstore",
        arity: -3,
        flags: Flags::DENYOOM.union(Flags::WRITE),
        acl: Acl::SET,
        keys: &[
            KeySpec {
                flags: KeyFlags::OW.union(KeyFlags::UPDATE),
                begin: Begin::Index(1),
                find: Find::Range {
                    last: 0,
                    step: 1,
                    limit: 0,
                },
            },
            KeySpec {
                flags: KeyFlags::RO.union(KeyFlags::ACCESS),
                begin: Begin::Index(2),
                find: Find::Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
            },
        ],
        group: Group::Set,
        since: "1.0.0",
        summary: "Stores the members that any of the sets has.",
        complexity: "O(N) where N is the number of members of all sets",
        args: "destination:key key:key...",
        run: Run::Shard(sunionstore),
    },
];
