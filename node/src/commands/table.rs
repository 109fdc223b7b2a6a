//! Every command, looked up by name.
//!
//! A name is read as machine words in lower case: the first eight bytes decide most look-ups with one comparison. The
//! index is built once, at the first look-up, and is never written again.
//!
//! Commands and subcommands are numbered together by [`CommandId`], so that statistics are plain arrays.

mod names;

use std::sync::LazyLock;

use self::names::Names;
use super::call::Args;
use super::errors::Fault;
use super::spec::Command;

/// The families, in the order in which COMMAND lists them.
pub static FAMILIES: &[&[Command]] = &[
    super::cluster::COMMANDS,
    super::connection::COMMANDS,
    super::generic::COMMANDS,
    super::hash::COMMANDS,
    super::list::blocking::COMMANDS,
    super::list::ends::COMMANDS,
    super::list::places::COMMANDS,
    super::list::search::COMMANDS,
    super::pubsub::COMMANDS,
    super::replication::COMMANDS,
    super::server::COMMANDS,
    super::set::COMMANDS,
    super::sorted_set::add::COMMANDS,
    super::sorted_set::between::COMMANDS,
    super::sorted_set::combine::COMMANDS,
    super::sorted_set::members::COMMANDS,
    super::sorted_set::pop::COMMANDS,
    super::sorted_set::random::COMMANDS,
    super::sorted_set::range::COMMANDS,
    super::string::COMMANDS,
    super::transactions::COMMANDS,
];

/// All commands, without subcommands.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The number of a command or subcommand: dense from 0 to [`count`], the same for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(u16);

impl CommandId {
    /// For arrays that hold something per command.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The inverse of [`CommandId::index`].
    pub fn from_index(index: usize) -> Option<CommandId> {
        let id = u16::try_from(index).ok()?;
        (index < count()).then_some(CommandId(id))
    }

    /// The table entry.
    pub fn command(self) -> &'static Command {
        TABLE.entries[self.index()].command
    }
}

/// How many commands and subcommands there are.
pub fn count() -> usize {
    TABLE.entries.len()
}

/// Every number, each container before its subcommands.
pub fn ids() -> impl Iterator<Item = CommandId> {
    (0..count()).filter_map(CommandId::from_index)
}

/// The entry of a command by its name in any letter case; `None` for `config|get` and for names nobody has.
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    find(name).map(CommandId::command)
}

/// The number of a command by its name in any letter case.
pub fn find(name: &[u8]) -> Option<CommandId> {
    TABLE.names.find(name, &TABLE.entries)
}

/// The number of a subcommand by its own name (`get` of `config`) in any letter case.
pub fn find_subcommand(container: CommandId, name: &[u8]) -> Option<CommandId> {
    TABLE.entries[container.index()]
        .subcommands
        .as_ref()?
        .find(name, &TABLE.entries)
}

/// A command or subcommand by its full name as COMMAND prints it, `get` or `config|get`, in any letter case.
pub fn find_full(name: &[u8]) -> Option<CommandId> {
    match name.iter().position(|byte| *byte == b'|') {
        None => find(name),
        Some(bar) => find_subcommand(find(&name[..bar])?, &name[bar + 1..]),
    }
}

/// What a request asks for: of a container the subcommand that its second argument names, or the container itself if
/// there is no second argument. The arity is not checked.
pub fn resolve(args: Args<'_>) -> Result<CommandId, Fault> {
    resolve_entry(args).map(|(id, _)| id)
}

/// As [`resolve`], with the entry, so that the table is looked at once.
#[inline]
pub fn resolve_entry(args: Args<'_>) -> Result<(CommandId, &'static Command), Fault> {
    let table = &*TABLE;
    if let Some((word, length)) = args.name_word()
        && let Some(id) = table.names.find_word(word, length)
        && let Entry {
            command,
            subcommands: None,
        } = table.entries[id.index()]
    {
        return Ok((id, command));
    }
    resolve_any(args)
}

/// The same for names that are long or unknown, and for containers.
fn resolve_any(args: Args<'_>) -> Result<(CommandId, &'static Command), Fault> {
    let Some(id) = find(args.get(0).unwrap_or_default()) else {
        return Err(unknown_command(args));
    };
    if args.len() == 1 || TABLE.entries[id.index()].subcommands.is_none() {
        return Ok((id, id.command()));
    }
    match find_subcommand(id, args.at(1)) {
        Some(id) => Ok((id, id.command())),
        None => Err(unknown_subcommand(args.at(0), args.at(1))),
    }
}

/// Whether `command` takes this many arguments, its name included.
#[inline]
pub fn check_arity(command: &Command, arguments: usize) -> Result<(), Fault> {
    let wanted = command.arity.unsigned_abs() as usize;
    let fits = match command.arity < 0 {
        true => arguments >= wanted,
        false => arguments == wanted,
    };
    if fits {
        Ok(())
    } else {
        Err(wrong_arity(command))
    }
}

#[cold]
fn wrong_arity(command: &Command) -> Fault {
    Fault::arity(command.name)
}

/// How many bytes of the request an error about an unknown name repeats.
const QUOTED_MAX: usize = 128;

#[cold]
fn unknown_command(args: Args<'_>) -> Fault {
    let mut beginning = Vec::new();
    for arg in args.from(1) {
        if beginning.len() >= QUOTED_MAX {
            break;
        }
        let room = QUOTED_MAX - beginning.len();
        beginning.push(b'\'');
        beginning.extend_from_slice(quoted(arg, room));
        beginning.extend_from_slice(b"' ");
    }
    let name = quoted(args.get(0).unwrap_or_default(), QUOTED_MAX);
    let quoted = [name, b"', with args beginning with: ", &beginning].concat();
    Fault::quoting("ERR unknown command '", &quoted, "")
}

#[cold]
fn unknown_subcommand(container: &[u8], name: &[u8]) -> Fault {
    let container = container.to_ascii_uppercase();
    let quoted = [quoted(name, QUOTED_MAX), b"'. Try ", &container].concat();
    Fault::quoting("ERR unknown subcommand '", &quoted, " HELP.")
}

/// A subcommand with a number of arguments that only its handler can refuse.
pub fn wrong_subcommand_syntax(args: Args<'_>) -> Fault {
    let word =
        |i: usize| String::from_utf8_lossy(quoted(args.get(i).unwrap_or_default(), QUOTED_MAX));
    Fault::text(format!(
        "ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
        word(1),
        word(0).to_ascii_uppercase()
    ))
}

/// At most `room` bytes, up to the first NUL: Redis prints these with C's `%.*s`.
fn quoted(arg: &[u8], room: usize) -> &[u8] {
    let arg = &arg[..arg.len().min(room)];
    let end = arg.iter().position(|byte| *byte == 0);
    &arg[..end.unwrap_or(arg.len())]
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

struct Table {
    entries: Vec<Entry>,
    names: Names,
}

struct Entry {
    command: &'static Command,
    /// Of a container.
    subcommands: Option<Names>,
}

impl Table {
    fn build() -> Table {
        let mut entries = Vec::new();
        let mut top = Vec::new();
        for command in all() {
            top.push((command.name, push(&mut entries, command)));
        }
        let names = Names::build(&top);
        for (name, id) in top {
            let subs = entries[id.index()].command.subcommands();
            if subs.is_empty() {
                continue;
            }
            let subs: Vec<_> = subs
                .iter()
                .map(|sub| (&sub.name[name.len() + 1..], push(&mut entries, sub)))
                .collect();
            entries[id.index()].subcommands = Some(Names::build(&subs));
        }
        Table { entries, names }
    }
}

fn push(entries: &mut Vec<Entry>, command: &'static Command) -> CommandId {
    let id = u16::try_from(entries.len()).expect("the commands are written by hand, hundreds");
    entries.push(Entry {
        command,
        subcommands: None,
    });
    CommandId(id)
}

#[cfg(test)]
mod tests {
    use super::super::call::Span;
    use super::*;

    fn resolved(words: &[&[u8]]) -> Result<&'static str, String> {
        let mut buffer = Vec::new();
        let mut spans = Vec::new();
        for word in words {
            let start = buffer.len() as u32;
            buffer.extend_from_slice(word);
            let end = buffer.len() as u32;
            spans.push(Span { start, end });
        }
        resolve(Args::new(&buffer, &spans))
            .map(|id| id.command().name)
            .map_err(|fault| String::from_utf8_lossy(fault.text_bytes()).into_owned())
    }

    #[test]
    fn every_command_and_subcommand_is_found_in_any_letter_case() {
        for id in ids() {
            let name = id.command().name;
            let mixed: String = name
                .char_indices()
                .map(|(i, c)| match i % 2 {
                    0 => c.to_ascii_uppercase(),
                    _ => c,
                })
                .collect();
            for spelling in [name, &name.to_ascii_uppercase(), &mixed] {
                assert_eq!(find_full(spelling.as_bytes()), Some(id), "{spelling}");
            }
        }
    }

    #[test]
    fn names_are_distinct_lower_case_and_carry_their_container() {
        let mut names: Vec<_> = ids().map(|id| id.command().name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count());
        for command in all() {
            assert_eq!(command.name, command.name.to_ascii_lowercase());
            for sub in command.subcommands() {
                let (container, own) = sub.name.split_once('|').expect("a bar");
                assert_eq!(container, command.name);
                assert!(!own.is_empty() && !own.contains('|'), "{}", sub.name);
            }
        }
    }

    #[test]
    fn one_changed_byte_makes_a_name_unknown() {
        for id in ids().filter(|id| !id.command().name.contains('|')) {
            let name = id.command().name.as_bytes();
            for at in 0..name.len() {
                for byte in [0, b'@', b'[', b'`', b'{', b'~', b'\r', 0xc1, 0xff] {
                    let mut other = name.to_vec();
                    other[at] = byte;
                    assert_eq!(find(&other), None, "{other:?}");
                }
            }
            assert_eq!(find(&[name, b"\0"].concat()), None);
            assert_ne!(find(&name[..name.len() - 1]), Some(id));
        }
        assert_eq!(find(b""), None);
        assert_eq!(find(&[b'a'; 1000]), None);
    }

    #[test]
    fn a_name_read_as_a_word_resolves_as_by_its_bytes() {
        for id in ids().filter(|id| !id.command().name.contains('|')) {
            let (name, more) = (id.command().name.to_uppercase(), [b'|'; 8]);
            if id.command().subcommands().is_empty() {
                let found = resolved(&[name.as_bytes(), &more]);
                assert_eq!(found, Ok(id.command().name));
            }
            let longer = format!("{name}\0");
            assert!(resolved(&[longer.as_bytes(), &more]).is_err(), "{name}");
        }
        for nobody in ["", "\0", "g", "gets", "ge\0", "xxxxxxxx", "xxxxxxxxx"] {
            assert!(
                resolved(&[nobody.as_bytes(), &[b'|'; 8]]).is_err(),
                "{nobody}"
            );
        }
    }

    #[test]
    fn a_container_resolves_to_its_subcommand() {
        assert_eq!(resolved(&[b"CONFIG", b"GET", b"*"]), Ok("config|get"));
        assert_eq!(resolved(&[b"config"]), Ok("config"));
        assert_eq!(resolved(&[b"command"]), Ok("command"));
        assert_eq!(resolved(&[b"GeT", b"config"]), Ok("get"));
    }

    #[test]
    fn unknown_names_are_quoted_as_redis_does() {
        let fault = |words: &[&[u8]]| resolved(words).expect_err("an unknown name");
        assert_eq!(
            fault(&[b"foo", b"a", b"b"]),
            "ERR unknown command 'foo', with args beginning with: 'a' 'b' "
        );
        assert_eq!(
            fault(&[b"fo\0o", b"a\0b"]),
            "ERR unknown command 'fo', with args beginning with: 'a' "
        );
        let long = fault(&[&[b'F'; 200], &[b'a'; 100], &[b'b'; 100], b"c"]);
        assert_eq!(
            long,
            format!(
                "ERR unknown command '{}', with args beginning with: '{}' '{}' ",
                "F".repeat(128),
                "a".repeat(100),
                "b".repeat(25)
            )
        );
        assert_eq!(
            fault(&[b"ClieNT", b"nope", b"x"]),
            "ERR unknown subcommand 'nope'. Try CLIENT HELP."
        );
    }

    #[test]
    fn arity_counts_the_name() {
        let get = lookup(b"get").expect("GET");
        assert!(check_arity(get, 2).is_ok());
        assert_eq!(check_arity(get, 3), Err(Fault::arity("get")));
        let mget = lookup(b"mget").expect("MGET");
        assert_eq!(check_arity(mget, 1), Err(Fault::arity("mget")));
        assert!(check_arity(mget, 200).is_ok());
    }
}
