//! Every command, looked up by name.
//!
//! A name is read as machine words in lower case: the first eight bytes decide most look-ups with one comparison. The
//! index is built once, at the first look-up, and is never written again.
//!
//! Commands and subcommands are numbered together by [`CommandId`], so that statistics are plain arrays.

use std::sync::LazyLock;

use super::call::Args;
use super::errors::Fault;
use super::spec::Command;

/// The families, in the order in which COMMAND lists them.
pub static FAMILIES: &[&[Command]] = &[
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
    let name = args.get(0).unwrap_or_default();
    let Some(id) = find(name) else {
        return Err(unknown_command(args));
    };
    if args.len() == 1 || TABLE.entries[id.index()].subcommands.is_none() {
        return Ok(id);
    }
    find_subcommand(id, args.at(1)).ok_or_else(|| unknown_subcommand(name, args.at(1)))
}

/// Whether `command` takes this many arguments, its name included.
pub fn check_arity(command: &Command, arguments: usize) -> Result<(), Fault> {
    let wanted = command.arity.unsigned_abs() as usize;
    let fits = match command.arity < 0 {
        true => arguments >= wanted,
        false => arguments == wanted,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::arity(command.name))
    }
}

/// How many bytes of the request an error about an unknown name repeats.
const QUOTED_MAX: usize = 128;

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

/// Longest name that may be looked up; longer ones belong to nobody.
const NAME_MAX: usize = 32;

/// An open hash from names in lower case to numbers, a quarter full at most.
struct Names {
    slots: Box<[Slot]>,
    shift: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The first eight bytes, zero padded.
    head: u64,
    /// The last eight bytes (overlapping with `head` in a short name); 0 up to eight bytes.
    tail: u64,
    /// 0 = empty slot: no name is empty.
    length: u8,
    id: CommandId,
}

const EMPTY: Slot = Slot {
    head: 0,
    tail: 0,
    length: 0,
    id: CommandId(0),
};

impl Names {
    fn build(named: &[(&'static str, CommandId)]) -> Names {
        let size = (named.len() * 4).next_power_of_two();
        let shift = 64 - size.trailing_zeros();
        let mut slots = vec![EMPTY; size].into_boxed_slice();
        for &(name, id) in named {
            assert!(!name.is_empty() && name.len() <= NAME_MAX, "{name}");
            let (head, tail) = words(name.as_bytes());
            let mut at = place(head, tail, shift);
            while slots[at].length != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot {
                head,
                tail,
                length: name.len() as u8,
                id,
            };
        }
        Names { slots, shift }
    }

    #[inline]
    fn find(&self, name: &[u8], entries: &[Entry]) -> Option<CommandId> {
        if name.is_empty() || name.len() > NAME_MAX {
            return None;
        }
        let (head, tail) = words(name);
        let mask = self.slots.len() - 1;
        let mut at = place(head, tail, self.shift);
        loop {
            let slot = &self.slots[at & mask];
            if slot.length == 0 {
                return None;
            }
            if slot.head == head && slot.tail == tail && usize::from(slot.length) == name.len() {
                // Both words cover a name of up to sixteen bytes; the middle of a longer one is compared.
                let same = name.len() <= 16 || ends_with(entries[slot.id.index()].command, name);
                return same.then_some(slot.id);
            }
            at += 1;
        }
    }
}

/// Whether the full name of `command` ends with `name`, which is how a subcommand's does after the bar.
fn ends_with(command: &Command, name: &[u8]) -> bool {
    let full = command.name.as_bytes();
    let own = &full[full.len().saturating_sub(name.len())..];
    own.eq_ignore_ascii_case(name)
}

#[inline]
fn place(head: u64, tail: u64, shift: u32) -> usize {
    // Fibonacci hashing: the upper bits of a product with an odd constant of the golden ratio.
    ((head ^ tail.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

/// First and last eight bytes of a name in lower case, see [`Slot`].
#[inline]
fn words(name: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let tail = match name.len() {
            8 => 0,
            _ => lower(u64::from_le_bytes(*tail)),
        };
        return (lower(u64::from_le_bytes(*head)), tail);
    }
    (lower(short_word(name)), 0)
}

/// Up to seven bytes as a word, in two overlapping reads.
#[inline]
fn short_word(name: &[u8]) -> u64 {
    let length = name.len();
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*tail)) << (8 * (length - 4));
        return u64::from(u32::from_le_bytes(*head)) | high;
    }
    match *name {
        [a] => u64::from(a),
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        _ => 0,
    }
}

/// Lower case of eight ASCII bytes at once; other bytes stay as they are.
#[inline]
fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * ONES);
    // The high bit of a byte says: at least 'A'; above 'Z'; not ASCII.
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let above_z = low + (0x7f - b'Z' as u64) * ONES;
    let upper = (from_a ^ above_z) & !word & (0x80 * ONES);
    word | upper >> 2
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
    fn lower_case_of_a_word_agrees_with_the_standard_library() {
        for byte in 0..=255_u8 {
            for at in 0..8 {
                let mut bytes = *b"Az@[`{~\x80";
                bytes[at] = byte;
                let lowered = lower(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(lowered, bytes.map(|b| b.to_ascii_lowercase()));
            }
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
