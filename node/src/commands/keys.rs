//! The keys of a request: for routing, for access rules, for COMMAND GETKEYS.
//!
//! The key specs of the table entry say where keys stand. A few commands cannot be described by specs alone (SORT with
//! STORE, MIGRATE with KEYS, what SET does to its key); those are read here by name. Nothing allocates.

use almandine_protocol::number;

use super::call::Args;
use super::spec::{Begin, Command, Find, Flags, KeyFlags, KeySpec};

/// A key of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which argument it is.
    pub at: usize,
    /// What the command does with it.
    pub flags: KeyFlags,
}

/// The arguments do not say where the keys are; the handler will refuse them with a better word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unclear;

/// Whether requests of this command can name keys (channels do not count).
pub fn has_keys(command: &Command) -> bool {
    command.keys.iter().any(is_key)
}

/// Shows `visit` each key of a request whose arity is right. On `Err` no key has been shown.
#[inline]
pub fn each(command: &Command, args: Args<'_>, mut visit: impl FnMut(Key)) -> Result<(), Unclear> {
    if let [spec] = command.keys
        && !spec.flags.intersects(NEEDS_READING)
    {
        if !is_key(spec) {
            return Ok(());
        }
        let Some(stretch) = stretch(spec, args) else {
            return by_loose_count(command, args, &mut visit);
        };
        stretch.show(&mut visit);
        return Ok(());
    }
    each_of_many(command, args, &mut visit)
}

/// Specs with these flags leave something to be read from the arguments.
const NEEDS_READING: KeyFlags = KeyFlags::INCOMPLETE.union(KeyFlags::VARIABLE_FLAGS);

const ACCESS: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const OVERWRITE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
const CHANGE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);
const TAKE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

fn is_key(spec: &KeySpec) -> bool {
    !spec.flags.contains(KeyFlags::NOT_KEY)
}

fn each_of_many(
    command: &Command,
    args: Args<'_>,
    visit: &mut impl FnMut(Key),
) -> Result<(), Unclear> {
    match command.name {
        "set" => {
            visit(key(1, set_flags(args)));
            return Ok(());
        }
        "bitfield" => {
            visit(key(1, bitfield_flags(args)));
            return Ok(());
        }
        "sort" | "sort_ro" => {
            sort(command, args, visit);
            return Ok(());
        }
        "migrate" => return migrate(args, visit),
        "georadius" | "georadiusbymember" => {
            georadius(args, visit);
            return Ok(());
        }
        _ => {}
    }
    // All specs must hold before the first key is shown.
    let all_clear = command
        .keys
        .iter()
        .filter(|spec| is_key(spec))
        .all(|spec| !spec.flags.intersects(NEEDS_READING) && stretch(spec, args).is_some());
    if !all_clear {
        return by_loose_count(command, args, visit);
    }
    for spec in command.keys.iter().filter(|spec| is_key(spec)) {
        if let Some(stretch) = stretch(spec, args) {
            stretch.show(visit);
        }
    }
    Ok(())
}

/// Where a spec does not fit because the number of keys is none, Redis reads it once more as C's `atoi` does: blanks before
/// it and what follows the digits do not matter. The key that is written comes last then, and no key has flags.
fn by_loose_count(
    command: &Command,
    args: Args<'_>,
    visit: &mut impl FnMut(Key),
) -> Result<(), Unclear> {
    let counted = command.keys.iter().find_map(|spec| match spec.find {
        Find::KeyNum { at, first, step: 1 } => Some((spec, at, first)),
        _ => None,
    });
    let found = counted.and_then(|(spec, at, first)| {
        let Begin::Index(begin) = spec.begin else {
            return None;
        };
        let begin = index(begin, args)?;
        let count = loose_count(args.get(begin.checked_add_signed(at as isize)?)?)?;
        let first = begin.checked_add_signed(first as isize)?;
        let end = first.checked_add(count)?;
        (count > 0 && end <= args.len()).then_some(first..end)
    });
    let Some(counted) = found else {
        return none_or_unclear(command);
    };
    counted.for_each(|at| visit(key(at, KeyFlags::empty())));
    let others = command.keys.iter().filter(|spec| is_key(spec));
    for spec in others.filter(|spec| matches!(spec.find, Find::Range { .. })) {
        if let Some(stretch) = stretch(spec, args) {
            let unflagged = Stretch {
                flags: KeyFlags::empty(),
                ..stretch
            };
            unflagged.show(visit);
        }
    }
    Ok(())
}

fn loose_count(text: &[u8]) -> Option<usize> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let digits = std::str::from_utf8(&text[..end.unwrap_or(text.len())]).ok()?;
    digits.parse().ok()
}

/// A script may have no keys at all; whoever must have some and does not say where is unclear.
fn none_or_unclear(command: &Command) -> Result<(), Unclear> {
    if command.flags.contains(Flags::NO_MANDATORY_KEYS) {
        Ok(())
    } else {
        Err(Unclear)
    }
}

fn key(at: usize, flags: KeyFlags) -> Key {
    Key { at, flags }
}

/// Keys at `first`, `first + step`, ... up to `last`; all are arguments of the request.
struct Stretch {
    first: usize,
    last: usize,
    step: usize,
    flags: KeyFlags,
}

impl Stretch {
    #[inline]
    fn show(&self, visit: &mut impl FnMut(Key)) {
        let mut at = self.first;
        while at <= self.last {
            visit(key(at, self.flags));
            at += self.step;
        }
    }
}

/// Where the keys of one spec stand; none if the request does not fit it.
#[inline]
fn stretch(spec: &KeySpec, args: Args<'_>) -> Option<Stretch> {
    let begin = match spec.begin {
        Begin::Index(position) => index(position, args)?,
        Begin::Keyword(word, from) => keyword(word, from, args)?,
        Begin::Unknown => return None,
    };
    let (first, last, step) = match spec.find {
        Find::Range { last, step, limit } => {
            let last = match usize::try_from(last) {
                Ok(last) => begin.checked_add(last)?,
                Err(_) if limit > 1 => {
                    let part = args.len().checked_sub(begin)? / usize::try_from(limit).ok()?;
                    (begin + part).checked_add_signed(last as isize)?
                }
                Err(_) => args.len().checked_add_signed(last as isize)?,
            };
            (begin, last, step)
        }
        Find::KeyNum { at, first, step } => {
            let count = args.get(begin.checked_add_signed(at as isize)?)?;
            let count = usize::try_from(number::parse_i64(count)?).ok()?;
            let first = begin.checked_add_signed(first as isize)?;
            let steps = count.checked_sub(1)?;
            let reach = steps.checked_mul(usize::try_from(step).ok()?)?;
            (first, first.checked_add(reach)?, step)
        }
        Find::Unknown => return None,
    };
    let step = usize::try_from(step).ok().filter(|step| *step > 0)?;
    (first <= last && last < args.len()).then_some(Stretch {
        first,
        last,
        step,
        flags: spec.flags,
    })
}

fn index(position: i32, args: Args<'_>) -> Option<usize> {
    match usize::try_from(position) {
        Ok(position) => Some(position),
        Err(_) => args.len().checked_add_signed(position as isize),
    }
}

/// One past the keyword: forwards from `from`, or backwards from the end if it is negative.
fn keyword(word: &str, from: i32, args: Args<'_>) -> Option<usize> {
    let at = match usize::try_from(from) {
        Ok(from) => (from..args.len()).find(|i| args.is(*i, word)),
        Err(_) => {
            let start = args.len().checked_add_signed(from as isize)?;
            (1..=start).rev().find(|i| args.is(*i, word))
        }
    };
    at.map(|at| at + 1)
}

/// SET reads the old value only with GET.
fn set_flags(args: Args<'_>) -> KeyFlags {
    match (3..args.len()).any(|i| args.is(i, "get")) {
        true => CHANGE,
        false => OVERWRITE,
    }
}

/// BITFIELD with nothing but GET changes nothing.
fn bitfield_flags(args: Args<'_>) -> KeyFlags {
    let mut i = 2;
    while i < args.len() {
        let left = args.len() - i - 1;
        if args.is(i, "get") && left >= 2 {
            i += 3;
        } else if args.is(i, "overflow") && left >= 1 {
            i += 2;
        } else {
            return CHANGE;
        }
    }
    ACCESS
}

/// The key that is sorted, and the last STORE wins. What BY and GET read is not known before.
fn sort(command: &Command, args: Args<'_>, visit: &mut impl FnMut(Key)) {
    visit(key(1, ACCESS));
    if command.name == "sort_ro" {
        return;
    }
    let mut store = None;
    let mut i = 2;
    while i < args.len() {
        i += match () {
            () if args.is(i, "limit") => 2,
            () if args.is(i, "get") || args.is(i, "by") => 1,
            () if args.is(i, "store") && i + 1 < args.len() => {
                store = Some(i + 1);
                0
            }
            () => 0,
        };
        i += 1;
    }
    if let Some(at) = store {
        visit(key(at, OVERWRITE));
    }
}

/// `MIGRATE host port key ...`, or `MIGRATE host port "" ... KEYS key...`.
fn migrate(args: Args<'_>, visit: &mut impl FnMut(Key)) -> Result<(), Unclear> {
    let mut i = 6;
    while i < args.len() {
        if args.is(i, "keys") {
            if !args.at(3).is_empty() || i + 1 >= args.len() {
                return Err(Unclear);
            }
            (i + 1..args.len()).for_each(|at| visit(key(at, TAKE)));
            return Ok(());
        }
        i += match () {
            () if args.is(i, "auth") => 2,
            () if args.is(i, "auth2") => 3,
            () => 1,
        };
    }
    visit(key(3, TAKE));
    Ok(())
}

/// The key that is asked, and every STORE and STOREDIST (the last wins, but access rules must allow all).
fn georadius(args: Args<'_>, visit: &mut impl FnMut(Key)) {
    visit(key(1, ACCESS));
    let mut i = 5;
    while i + 1 < args.len() {
        if args.is(i, "store") || args.is(i, "storedist") {
            visit(key(i + 1, OVERWRITE));
            i += 1;
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Span;
    use super::super::spec::{Acl, Group, Run};
    use super::super::table;
    use super::*;

    /// The keys of `line` as `name:flags name:flags`, or `unclear`.
    fn keys_as(command: &Command, line: &str) -> String {
        let mut buffer = String::new();
        let mut spans = Vec::new();
        for word in line.split(' ') {
            let start = buffer.len() as u32;
            buffer.push_str(word.trim_matches('"'));
            let end = buffer.len() as u32;
            spans.push(Span { start, end });
        }
        let args = Args::new(buffer.as_bytes(), &spans);
        let mut shown = Vec::new();
        let outcome = each(command, args, |key| {
            let name = String::from_utf8_lossy(args.at(key.at)).into_owned();
            let flags: Vec<_> = key.flags.iter_names().map(|(name, _)| name).collect();
            shown.push(format!("{name}:{}", flags.join("+")));
        });
        match outcome {
            Ok(()) => shown.join(" "),
            Err(Unclear) => {
                assert!(shown.is_empty(), "keys shown before the request was clear");
                "unclear".into()
            }
        }
    }

    fn keys(line: &str) -> String {
        let name = line.split(' ').next().unwrap_or_default();
        let id = table::find(name.as_bytes()).expect("a command of the table");
        let sub = line.split(' ').nth(1).unwrap_or_default();
        let id = table::find_subcommand(id, sub.as_bytes()).unwrap_or(id);
        keys_as(id.command(), line)
    }

    fn imaginary(name: &'static str, keys: &'static [KeySpec], flags: Flags) -> Command {
        Command {
            name,
            arity: -2,
            flags,
            acl: Acl::empty(),
            keys,
            group: Group::Generic,
            since: "1.0.0",
            summary: "",
            complexity: "",
            args: "",
            run: Run::Node(|_| Ok(())),
        }
    }

    #[test]
    fn ranges_stop_where_the_spec_says() {
        assert_eq!(keys("GET k"), "k:RO+ACCESS");
        assert_eq!(keys("MGET a b c"), "a:RO+ACCESS b:RO+ACCESS c:RO+ACCESS");
        assert_eq!(keys("MSET a 1 b 2"), "a:OW+UPDATE b:OW+UPDATE");
        let take = "RW+ACCESS+DELETE";
        assert_eq!(keys("BLPOP a b 0"), format!("a:{take} b:{take}"));
        assert_eq!(keys("COPY a b"), "a:RO+ACCESS b:OW+UPDATE");
        assert_eq!(keys("OBJECT freq k"), "k:RO");
        assert_eq!(keys("PING x"), "");
        assert_eq!(keys("SPUBLISH ch message"), "");
    }

    #[test]
    fn counted_keys_need_a_fitting_count() {
        assert_eq!(
            keys("ZUNIONSTORE d 2 a b WEIGHTS 1 2"),
            "d:OW+UPDATE a:RO+ACCESS b:RO+ACCESS"
        );
        for line in [
            "ZUNION 0 a",
            "ZUNION 3 a b",
            "ZUNION -1 a b",
            "ZUNION x a b",
            "ZUNION 9223372036854775807 a b",
            "ZUNIONSTORE d 3 a",
        ] {
            assert_eq!(keys(line), "unclear", "{line}");
        }
    }

    #[test]
    fn set_and_sort_are_read_by_their_options() {
        assert_eq!(keys("SET k v"), "k:OW+UPDATE");
        assert_eq!(keys("SET k get"), "k:OW+UPDATE");
        assert_eq!(keys("SET k v EX 5 gEt"), "k:RW+ACCESS+UPDATE");
        assert_eq!(keys("SORT k BY store GET store"), "k:RO+ACCESS");
        assert_eq!(
            keys("SORT k LIMIT store x STORE c STORE d"),
            "k:RO+ACCESS d:OW+UPDATE"
        );
        assert_eq!(keys("SORT k STORE"), "k:RO+ACCESS");
        assert_eq!(keys("SORT_RO k BY store x"), "k:RO+ACCESS");
    }

    #[test]
    fn commands_with_keys_that_move_are_read_by_name() {
        const INCOMPLETE: &[KeySpec] = &[KeySpec {
            flags: TAKE.union(KeyFlags::INCOMPLETE),
            begin: Begin::Index(3),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }];
        let migrate = imaginary("migrate", INCOMPLETE, Flags::MOVABLEKEYS);
        let take = "RW+ACCESS+DELETE";
        let keys = |line| keys_as(&migrate, line);
        assert_eq!(keys("MIGRATE h 1 k 0 10"), format!("k:{take}"));
        assert_eq!(
            keys("MIGRATE h 1 \"\" 0 10 AUTH keys KEYS a b"),
            format!("a:{take} b:{take}")
        );
        assert_eq!(
            keys("MIGRATE h 1 \"\" 0 10 AUTH2 keys keys KEYS a"),
            format!("a:{take}")
        );
        assert_eq!(keys("MIGRATE h 1 x 0 10 KEYS a"), "unclear");
        assert_eq!(keys("MIGRATE h 1 \"\" 0 10 KEYS"), "unclear");

        let radius = imaginary("georadius", INCOMPLETE, Flags::MOVABLEKEYS);
        assert_eq!(
            keys_as(&radius, "GEORADIUS k 1 1 1 m STORE d STOREDIST e"),
            "k:RO+ACCESS d:OW+UPDATE e:OW+UPDATE"
        );
        let bits = imaginary("bitfield", INCOMPLETE, Flags::WRITE);
        assert_eq!(
            keys_as(&bits, "BITFIELD k GET u8 0 OVERFLOW WRAP"),
            "k:RO+ACCESS"
        );
        assert_eq!(
            keys_as(&bits, "BITFIELD k GET u8 0 INCRBY u8 0 1"),
            "k:RW+ACCESS+UPDATE"
        );
    }

    #[test]
    fn keywords_and_halves_are_found() {
        const STREAMS: &[KeySpec] = &[KeySpec {
            flags: ACCESS,
            begin: Begin::Keyword("STREAMS", 1),
            find: Find::Range {
                last: -1,
                step: 1,
                limit: 2,
            },
        }];
        let xread = imaginary("xread", STREAMS, Flags::READONLY);
        assert_eq!(
            keys_as(&xread, "XREAD COUNT 1 streams a b 0 0"),
            "a:RO+ACCESS b:RO+ACCESS"
        );
        assert_eq!(keys_as(&xread, "XREAD COUNT 1 STREAMS a"), "unclear");
        assert_eq!(keys_as(&xread, "XREAD COUNT 1"), "unclear");

        const SCRIPT: &[KeySpec] = &[KeySpec {
            flags: ACCESS,
            begin: Begin::Index(2),
            find: Find::KeyNum {
                at: 0,
                first: 1,
                step: 1,
            },
        }];
        let eval = imaginary("eval", SCRIPT, Flags::NO_MANDATORY_KEYS);
        assert_eq!(keys_as(&eval, "EVAL s 0 x"), "");
        assert_eq!(keys_as(&eval, "EVAL s 1 x y"), "x:RO+ACCESS");
        assert_eq!(keys_as(&eval, "EVAL s 3 x"), "");
    }
}
