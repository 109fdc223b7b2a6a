//! COMMAND: what there is to know about the commands.

use almandine_protocol::Reply;
use almandine_storage::glob;

use crate::commands::spec::{Begin, Find};
use crate::commands::table::{self, CommandId};
use crate::commands::{
    Acl, Args, Call, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run, docs, facts,
    help, keys,
};

fn command_all(call: &mut Call<'_>) -> Outcome {
    call.reply.array(table::all().count());
    table::all().for_each(|command| describe(&mut call.reply, command));
    Ok(())
}

fn command_count(call: &mut Call<'_>) -> Outcome {
    call.reply.length(table::all().count());
    Ok(())
}

fn command_docs(call: &mut Call<'_>) -> Outcome {
    let all = call.args.len() == 2;
    let named = call.args.from(2).filter_map(table::find_full);
    let place = call.reply.reserve();
    let mut pairs = 0;
    let mut document = |command: &Command| {
        call.reply.bulk(command.name.as_bytes());
        docs::write(&mut call.reply, command);
        pairs += 1;
    };
    if all {
        table::all().for_each(&mut document);
    } else {
        named.for_each(|id| document(id.command()));
    }
    call.reply.fill_map(place, pairs);
    Ok(())
}

fn command_getkeys(call: &mut Call<'_>) -> Outcome {
    let request = call.args.tail(2);
    answer_keys(&mut call.reply, request, |reply, key| {
        reply.bulk(request.at(key.at));
    })
}

fn command_getkeysandflags(call: &mut Call<'_>) -> Outcome {
    let request = call.args.tail(2);
    answer_keys(&mut call.reply, request, |reply, key| {
        reply.array(2);
        reply.bulk(request.at(key.at));
        write_key_flags(reply, key.flags);
    })
}

fn command_help(call: &mut Call<'_>) -> Outcome {
    help::help(&mut call.reply, "COMMAND", HELP);
    Ok(())
}

fn command_info(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 2 {
        return command_all(call);
    }
    call.reply.array(call.args.len() - 2);
    for name in call.args.from(2) {
        match table::find_full(name) {
            Some(id) => describe(&mut call.reply, id.command()),
            None => call.reply.null(),
        }
    }
    Ok(())
}

fn command_list(call: &mut Call<'_>) -> Outcome {
    let filter = Filter::parse(call.args)?;
    let place = call.reply.reserve();
    let mut count = 0;
    for command in table::ids().map(CommandId::command) {
        if filter.passes(command) {
            call.reply.bulk(command.name.as_bytes());
            count += 1;
        }
    }
    call.reply.fill_array(place, count);
    Ok(())
}

/// What COMMAND LIST lists.
enum Filter {
    All,
    /// No command comes from a module.
    Nothing,
    Category(Acl),
    /// A glob in lower case, as the names are.
    Pattern(Vec<u8>),
}

impl Filter {
    fn parse(args: Args<'_>) -> Result<Filter, Fault> {
        if args.len() == 2 {
            return Ok(Filter::All);
        }
        if args.len() != 5 || !args.is(2, "filterby") {
            return Err(Fault::SYNTAX);
        }
        let by = args.at(4).to_ascii_lowercase();
        match () {
            () if args.is(3, "module") => Ok(Filter::Nothing),
            () if args.is(3, "aclcat") => {
                Ok(category(&by).map_or(Filter::Nothing, Filter::Category))
            }
            () if args.is(3, "pattern") => Ok(Filter::Pattern(by)),
            () => Err(Fault::SYNTAX),
        }
    }

    fn passes(&self, command: &Command) -> bool {
        match self {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::Category(category) => command.categories().contains(*category),
            Filter::Pattern(pattern) => glob::matches(pattern, command.name.as_bytes()),
        }
    }
}

/// A category by its name in lower case.
fn category(name: &[u8]) -> Option<Acl> {
    Acl::all()
        .iter_names()
        .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
        .map(|(_, category)| category)
}

/// Answers the keys of `request`, each written by `write`.
fn answer_keys(
    reply: &mut Reply<'_>,
    request: Args<'_>,
    mut write: impl FnMut(&mut Reply<'_>, keys::Key),
) -> Outcome {
    let command = table::resolve(request)
        .map_err(|_| Fault::new("ERR Invalid command specified"))?
        .command();
    if !keys::has_keys(command) {
        return Err(Fault::new("ERR The command has no key arguments"));
    }
    table::check_arity(command, request.len())
        .map_err(|_| Fault::new("ERR Invalid number of arguments specified for command"))?;
    let place = reply.reserve();
    let mut count = 0;
    keys::each(command, request, |key| {
        write(reply, key);
        count += 1;
    })
    .map_err(|keys::Unclear| Fault::new("ERR Invalid arguments specified for command"))?;
    reply.fill_array(place, count);
    Ok(())
}

/// Writes the entry of `command` as COMMAND INFO does.
fn describe(reply: &mut Reply<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(i64::from(command.arity));
    write_names(
        reply,
        // Redis keeps this one to itself.
        command
            .flags
            .difference(Flags::MAY_REPLICATE)
            .iter_names()
            .map(|(name, _)| name.to_ascii_lowercase()),
    );
    let (first, last, step) = command.key_range();
    for number in [first, last, step] {
        reply.integer(i64::from(number));
    }
    let categories = command.categories();
    write_names(
        reply,
        categories
            .iter_names()
            .map(|(name, _)| format!("@{}", name.to_ascii_lowercase())),
    );
    let tips = facts::tips(command.name);
    reply.set(tips.len());
    tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command
        .keys
        .iter()
        .for_each(|spec| write_key_spec(reply, spec));
    match command.subcommands() {
        [] => reply.set(0),
        subcommands => {
            reply.array(subcommands.len());
            subcommands
                .iter()
                .for_each(|subcommand| describe(reply, subcommand));
        }
    }
}

/// A set of simple strings.
fn write_names(reply: &mut Reply<'_>, names: impl Iterator<Item = String>) {
    let place = reply.reserve();
    let mut count = 0;
    for name in names {
        reply.simple(&name);
        count += 1;
    }
    reply.fill_set(place, count);
}

fn write_key_flags(reply: &mut Reply<'_>, flags: KeyFlags) {
    let lower = |name: &str| match name {
        "RO" | "RW" | "OW" | "RM" => name.to_owned(),
        _ => name.to_ascii_lowercase(),
    };
    write_names(reply, flags.iter_names().map(|(name, _)| lower(name)));
}

fn write_key_spec(reply: &mut Reply<'_>, spec: &KeySpec) {
    reply.map(3);
    reply.bulk(b"flags");
    write_key_flags(reply, spec.flags);
    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => write_search(reply, "index", &[("index", index)]),
        Begin::Keyword(keyword, from) => {
            reply.map(2);
            reply.bulk(b"type");
            reply.bulk(b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(keyword.as_bytes());
            reply.bulk(b"startfrom");
            reply.integer(i64::from(from));
        }
        Begin::Unknown => write_search(reply, "unknown", &[]),
    }
    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => write_search(
            reply,
            "range",
            &[("lastkey", last), ("keystep", step), ("limit", limit)],
        ),
        Find::KeyNum { at, first, step } => write_search(
            reply,
            "keynum",
            &[("keynumidx", at), ("firstkey", first), ("keystep", step)],
        ),
        Find::Unknown => write_search(reply, "unknown", &[]),
    }
}

fn write_search(reply: &mut Reply<'_>, kind: &str, spec: &[(&str, i32)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(spec.len());
    for (name, number) in spec {
        reply.bulk(name.as_bytes());
        reply.integer(i64::from(*number));
    }
}

const HELP: &[(&str, &[&str])] = &[
    ("(no subcommand)", &["Describe all commands."]),
    ("COUNT", &["Count the commands of this server."]),
    (
        "LIST [FILTERBY MODULE <name>|ACLCAT <category>|PATTERN <pattern>]",
        &["List the names of all commands, or of those that pass the filter."],
    ),
    (
        "INFO [<command-name> ...]",
        &["Describe the named commands; without a name, all."],
    ),
    (
        "DOCS [<command-name> ...]",
        &["Document the named commands; without a name, all."],
    ),
    ("GETKEYS <full-command>", &["Name the keys of a request."]),
    (
        "GETKEYSANDFLAGS <full-command>",
        &["Name the keys of a request and what happens to each."],
    ),
];

/// COMMAND.
pub(super) const COMMAND: Command = Command {
    name: "command",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    acl: Acl::CONNECTION,
    keys: &[],
    group: Group::Server,
    since: "2.8.13",
    summary: "Describes all commands.",
    complexity: "O(N) with N commands",
    args: "",
    run: Run::ContainerOr(
        command_all,
        &[
            Command {
                name: "command|count",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "Counts the commands.",
                complexity: "O(1)",
                args: "",
                run: Run::Node(command_count),
            },
            Command {
                name: "command|docs",
                arity: -2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "7.0.0",
                summary: "Returns the documentation of one, several or all commands.",
                complexity: "O(N) with N commands described",
                args: "[command-name...]",
                run: Run::Node(command_docs),
            },
            Command {
                name: "command|getkeys",
                arity: -3,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "Names the keys of a request.",
                complexity: "O(N) with N arguments of the request",
                args: "command [arg...]",
                run: Run::Node(command_getkeys),
            },
            Command {
                name: "command|getkeysandflags",
                arity: -3,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "7.0.0",
                summary: "Names the keys of a request and what happens to each.",
                complexity: "O(N) with N arguments of the request",
                args: "command [arg...]",
                run: Run::Node(command_getkeysandflags),
            },
            Command {
                name: "command|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "5.0.0",
                summary: "Explains the subcommands.",
                complexity: "O(1)",
                args: "",
                run: Run::Node(command_help),
            },
            Command {
                name: "command|info",
                arity: -2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "2.8.13",
                summary: "Describes one, several or all commands.",
                complexity: "O(N) with N commands described",
                args: "[command-name...]",
                run: Run::Node(command_info),
            },
            Command {
                name: "command|list",
                arity: -2,
                flags: Flags::LOADING.union(Flags::STALE),
                acl: Acl::CONNECTION,
                keys: &[],
                group: Group::Server,
                since: "7.0.0",
                summary: "Lists the names of commands, all or those that pass a filter.",
                complexity: "O(N) with N commands",
                args: "[FILTERBY filterby=<MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
                run: Run::Node(command_list),
            },
        ],
    ),
};

#[cfg(test)]
mod tests {
    use almandine_protocol::Version;

    use crate::commands::table;
    use crate::commands::testing::Bench;

    #[test]
    fn count_and_all_agree() {
        let mut bench = Bench::new();
        let count = table::all().count();
        assert_eq!(bench.run("COMMAND COUNT"), format!(":{count}\r\n"));
        assert!(
            bench
                .run("COMMAND")
                .starts_with(&format!("*{count}\r\n*10\r\n"))
        );
        assert_eq!(bench.run("COMMAND"), bench.run("COMMAND INFO"));
        let docs = bench.run("COMMAND DOCS");
        assert!(docs.starts_with(&format!("*{}\r\n", count * 2)));
    }

    #[test]
    fn info_describes_in_the_version_of_the_connection() {
        let mut bench = Bench::new();
        let index = "*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n\
            $12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n\
            $9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n\
            *6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n";
        let get = format!(
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n\
             *3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n{index}*0\r\n$-1\r\n"
        );
        assert_eq!(bench.run("COMMAND INFO GET nope"), get);
        bench.version = Version::Resp3;
        let get = bench.run("COMMAND INFO gEt nope");
        assert!(get.contains("~2\r\n+readonly\r\n+fast\r\n"), "{get}");
        assert!(
            get.contains("~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n"),
            "{get}"
        );
        assert!(get.ends_with("~0\r\n_\r\n"), "{get}");
    }

    #[test]
    fn subcommands_stand_below_their_container_and_alone() {
        let mut bench = Bench::new();
        let alone = bench.run("COMMAND INFO memory|usage");
        let alone = alone.strip_prefix("*1\r\n").expect("one entry");
        assert!(
            alone.starts_with("*10\r\n$12\r\nmemory|usage\r\n:-3\r\n"),
            "{alone}"
        );
        assert!(bench.run("COMMAND INFO memory").contains(alone));
        assert_eq!(bench.run("COMMAND INFO memory|"), "*1\r\n$-1\r\n");
    }

    #[test]
    fn docs_name_deprecated_commands_and_their_arguments() {
        let mut bench = Bench::new();
        bench.version = Version::Resp3;
        let docs = bench.run("COMMAND DOCS nope getset");
        assert!(
            docs.starts_with("%1\r\n$6\r\ngetset\r\n%8\r\n$7\r\nsummary\r\n"),
            "{docs}"
        );
        assert!(
            docs.contains("$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n"),
            "{docs}"
        );
        assert!(
            docs.ends_with(
                "$9\r\narguments\r\n*2\r\n\
                 %4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n\
                 $12\r\ndisplay_text\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n\
                 %3\r\n$4\r\nname\r\n$5\r\nvalue\r\n$4\r\ntype\r\n$6\r\nstring\r\n\
                 $12\r\ndisplay_text\r\n$5\r\nvalue\r\n"
            ),
            "{docs}"
        );
        assert_eq!(bench.run("COMMAND DOCS nope x|y"), "%0\r\n");
    }

    #[test]
    fn list_passes_its_filter() {
        let mut bench = Bench::new();
        let all = bench.run("COMMAND LIST");
        assert!(all.starts_with(&format!("*{}\r\n", table::count())));
        assert_eq!(bench.run("COMMAND LIST FILTERBY MODULE x"), "*0\r\n");
        assert_eq!(bench.run("COMMAND LIST FILTERBY ACLCAT nope"), "*0\r\n");
        let hashes = bench.run("COMMAND LIST filterby aclcat HASH");
        assert!(hashes.contains("\r\nhget\r\n") && !hashes.contains("\r\nget\r\n"));
        for bad in [
            "x",
            "FILTERBY",
            "FILTERBY x y",
            "x PATTERN z",
            "FILTERBY ACLCAT hash x",
        ] {
            let reply = bench.run(&format!("COMMAND LIST {bad}"));
            assert_eq!(reply, "-ERR syntax error\r\n", "{bad}");
        }
    }

    #[test]
    fn getkeys_checks_command_keys_and_arity_in_this_order() {
        let mut bench = Bench::new();
        for (request, reply) in [
            ("nope", "-ERR Invalid command specified\r\n"),
            ("config nope", "-ERR Invalid command specified\r\n"),
            ("ping x", "-ERR The command has no key arguments\r\n"),
            ("spublish a b", "-ERR The command has no key arguments\r\n"),
            (
                "get",
                "-ERR Invalid number of arguments specified for command\r\n",
            ),
            (
                "zunion 0 a",
                "-ERR Invalid arguments specified for command\r\n",
            ),
            ("zunionstore d 1 a", "*2\r\n$1\r\nd\r\n$1\r\na\r\n"),
            ("memory usage k", "*1\r\n$1\r\nk\r\n"),
        ] {
            assert_eq!(
                bench.run(&format!("COMMAND GETKEYS {request}")),
                reply,
                "{request}"
            );
        }
        assert_eq!(
            bench.run("COMMAND GETKEYSANDFLAGS SET k v GET"),
            "*1\r\n*2\r\n$1\r\nk\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"
        );
    }

    #[test]
    fn help_counts_its_lines() {
        let help = Bench::new().run("COMMAND HELP");
        let lines = help.matches('+').count();
        assert!(help.starts_with(&format!(
            "*{lines}\r\n+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
        )));
        assert!(help.ends_with("+HELP\r\n+    Print this help.\r\n"));
    }
}
