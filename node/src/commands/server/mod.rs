//! The server commands, a file for each noun.

use super::{Acl, Command, Flags, Group, Run, config};

mod command;
mod database;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod process;
mod saves;
mod slowlog;
mod usage;

pub(crate) use debug::guard as guard_debug;

/// The entries of this family.
pub static COMMANDS: &[Command] = &[
    saves::BGREWRITEAOF,
    saves::BGSAVE,
    command::COMMAND,
    slowlog::COMMANDLOG,
    Command {
        name: "config",
        arity: -2,
        flags: Flags::empty(),
        acl: Acl::empty(),
        keys: &[],
        group: Group::Server,
        since: "2.0.0",
        summary: "Contains the commands around the parameters of the server.",
        complexity: "Depends on the subcommand.",
        args: "",
        run: Run::Container(&[
            Command {
                name: "config|get",
                arity: -3,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "Returns the parameters that match the given names or patterns.",
                complexity: "O(N) with N names and patterns",
                args: "parameter...",
                run: Run::Node(config::get),
            },
            Command {
                name: "config|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "5.0.0",
                summary: "Explains the subcommands.",
                complexity: "O(1)",
                args: "",
                run: Run::Node(config::help_text),
            },
            Command {
                name: "config|resetstat",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "Sets the counters of INFO back to zero.",
                complexity: "O(1)",
                args: "",
                run: Run::Node(config::resetstat),
            },
            Command {
                name: "config|rewrite",
                arity: 2,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.8.0",
                summary: "Writes the parameters in force into the configuration file.",
                complexity: "O(1)",
                args: "",
                run: Run::Node(config::rewrite),
            },
            Command {
                name: "config|set",
                arity: -4,
                flags: Flags::ADMIN
                    .union(Flags::LOADING)
                    .union(Flags::NOSCRIPT)
                    .union(Flags::STALE),
                acl: Acl::empty(),
                keys: &[],
                group: Group::Server,
                since: "2.0.0",
                summary: "Changes parameters, all of them or none.",
                complexity: "O(N) with N parameters",
                args: "data=(parameter value)...",
                run: Run::Node(config::set),
            },
        ]),
    },
    database::DBSIZE,
    debug::DEBUG,
    database::FLUSHALL,
    database::FLUSHDB,
    info::INFO,
    saves::LASTSAVE,
    latency::LATENCY,
    lolwut::LOLWUT,
    memory::MEMORY,
    monitor::MONITOR,
    saves::SAVE,
    process::SHUTDOWN,
    slowlog::SLOWLOG,
    database::SWAPDB,
    process::TIME,
];

#[cfg(test)]
mod tests {
    use super::super::table;

    #[test]
    fn every_command_has_a_summary_and_an_order_of_growth() {
        let server = |name: &str| {
            super::COMMANDS
                .iter()
                .any(|c| name.split('|').next() == Some(c.name))
        };
        for command in table::ids()
            .map(|id| id.command())
            .filter(|c| server(c.name))
        {
            assert!(!command.summary.is_empty(), "{}", command.name);
            assert!(!command.complexity.is_empty(), "{}", command.name);
        }
    }
}
