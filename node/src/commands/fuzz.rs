//! Seeded fuzz of the argument parsers: every table entry gets arguments that are nearly right. Nothing may panic, and every
//! reply is whole. `FUZZ_INPUTS` says how many requests there are, `FUZZ_SEED` with which seed they begin.

use almandine_protocol::Version;
use almandine_storage::Rng;

use super::docs::{self, Argument, Kind};
use super::testing::Bench;
use super::{Command, table};
use crate::cluster::testing::picture;

/// Requests on one keyspace before it is laid anew.
const REQUESTS_PER_KEYSPACE: u64 = 300;

/// They end the process or let it sleep, as they should.
const LEFT_OUT: &[&str] = &["debug", "shutdown"];

/// Numbers at the edges of what some parser takes; none asks for gigabytes.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "-2",
    "10",
    "-10",
    "100",
    "127",
    "128",
    "255",
    "256",
    "-100",
    "00",
    "01",
    "+1",
    "-0",
    " 1",
    "1 ",
    "1.5",
    "-1.5",
    "1e3",
    "1e400",
    "-1e400",
    "inf",
    "-inf",
    "+inf",
    "nan",
    "0x10",
    "(1",
    "(-inf",
    "[a",
    "[",
    "(",
    "-",
    "+",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "170141183460469231731687303715884105728",
    "1.7976931348623157e308",
    "4.9e-324",
    "99999999999999999999.5",
];
const WORDS: &[&[u8]] = &[
    b"",
    b"a",
    b"b",
    b"c",
    b"field",
    b"member",
    b"*",
    b"?",
    b"k*",
    b"[a-",
    b"\\",
    b"\0",
    b"\xff\xfe",
    b"%s%n",
    b"a b",
    b"\r\n",
    b"GET",
    b"NX",
    b"XX",
    b"EX",
    b"PX",
    b"COUNT",
    b"LIMIT",
    b"WITHSCORES",
    b"STORE",
    b"default",
    b"127.0.0.1:1",
    b"127.0.0.1",
    // Nodes of the cluster.
    b"0101010101010101010101010101010101010101",
    b"0202020202020202020202020202020202020202",
    b"0404040404040404040404040404040404040404",
    b"[a",
    b"(b",
    b"-",
    b"+",
];
const KEYSPACE: &[&str] = &[
    "SET string abc",
    "SET number 41",
    "SET edge 9223372036854775807",
    "SET float 1.5",
    "SET empty \"\"",
    "SET soon x PX 50",
    "RPUSH list a b c 1 2 3",
    "SADD ints 1 2 3 300 70000",
    "SADD set a b c",
    "HSET hash a 1 b 2 field x",
    "ZADD zset 1 a 2 b 3 c",
    "ZADD lex 0 a 0 b 0 c",
];
const KEYS: &[&str] = &[
    "string",
    "number",
    "edge",
    "float",
    "empty",
    "soon",
    "list",
    "ints",
    "set",
    "hash",
    "zset",
    "lex",
    "large-list",
    "large-set",
    "large-hash",
    "large-zset",
    "absent",
];

/// A keyspace, by turns of either layout, and of a primary or a replica in a cluster.
fn lay(seed: u64) -> Bench {
    let mut bench = match seed % 4 {
        0 => Bench::by_slot(),
        2 => Bench::in_cluster(picture([1, 4][seed as usize / 4 % 2])),
        _ => Bench::new(),
    };
    for line in KEYSPACE {
        assert!(!bench.run(line).starts_with('-'), "{line}");
    }
    for number in 0..200 {
        bench.run(&format!("RPUSH large-list value:{number}"));
        bench.run(&format!("SADD large-set value:{number}"));
        bench.run(&format!("HSET large-hash field:{number} value:{number}"));
        bench.run(&format!("ZADD large-zset {number} value:{number}"));
    }
    bench
}

/// The words that an entry knows.
fn tokens(arguments: &[Argument], found: &mut Vec<&'static str>) {
    for argument in arguments {
        found.extend(argument.token);
        tokens(&argument.parts, found);
    }
}

struct Target {
    command: &'static Command,
    arguments: Vec<Argument>,
    /// All words that the arguments know.
    tokens: Vec<&'static str>,
}

fn targets() -> Vec<Target> {
    let commands = table::ids().map(|id| id.command());
    let wanted =
        commands.filter(|command| command.handler().is_some() && !LEFT_OUT.contains(&command.name));
    wanted
        .map(|command| {
            let arguments = docs::arguments(command.args).expect("a synopsis");
            let mut found = Vec::new();
            tokens(&arguments, &mut found);
            Target {
                command,
                arguments,
                tokens: found,
            }
        })
        .collect()
}

/// A request for the target: right, nearly right, or altogether wrong.
fn request(target: &Target, rng: &mut Rng) -> Vec<Vec<u8>> {
    let name = target.command.name.split('|');
    let mut words: Vec<Vec<u8>> = name.map(|word| word.as_bytes().to_vec()).collect();
    let named = words.len();
    if rng.below(4) > 0 {
        speak(&target.arguments, rng, &mut words);
    } else {
        let least = target.command.arity.unsigned_abs() as usize;
        let length = least + rng.below(7);
        words.resize_with(length.max(named), || any(target, rng));
    }
    for _ in 0..rng.below(3) {
        let at = named + rng.below(words.len() - named + 1);
        match rng.below(3) {
            0 if at < words.len() => drop(words.remove(at)),
            1 if at < words.len() => words[at] = any(target, rng),
            _ => words.insert(at, any(target, rng)),
        }
    }
    words
}

/// Appends what the synopsis demands.
fn speak(arguments: &[Argument], rng: &mut Rng, words: &mut Vec<Vec<u8>>) {
    for argument in arguments {
        if argument.optional && rng.below(2) == 0 {
            continue;
        }
        let times = if argument.multiple {
            1 + rng.below(3)
        } else {
            1
        };
        for time in 0..times {
            if let Some(token) = argument
                .token
                .filter(|_| time == 0 || argument.multiple_token)
            {
                words.push(token.as_bytes().to_vec());
            }
            match argument.kind {
                Kind::PureToken => {}
                Kind::Block => speak(&argument.parts, rng, words),
                Kind::OneOf => {
                    let choice = rng.below(argument.parts.len());
                    speak(&argument.parts[choice..=choice], rng, words);
                }
                Kind::Key => words.push(pick(KEYS, rng)),
                Kind::Integer | Kind::UnixTime if rng.below(3) > 0 => {
                    words.push(rng.below(4).to_string().into_bytes());
                }
                Kind::Integer | Kind::UnixTime | Kind::Double => words.push(pick(NUMBERS, rng)),
                Kind::String | Kind::Pattern => words.push(match rng.below(3) {
                    0 => pick(NUMBERS, rng),
                    _ => WORDS[rng.below(WORDS.len())].to_vec(),
                }),
            }
        }
    }
}

fn any(target: &Target, rng: &mut Rng) -> Vec<u8> {
    match rng.below(100) {
        0..30 => pick(KEYS, rng),
        30..55 => pick(NUMBERS, rng),
        55..85 if !target.tokens.is_empty() => {
            let token = target.tokens[rng.below(target.tokens.len())];
            match rng.below(2) {
                0 => token.as_bytes().to_vec(),
                _ => token.to_ascii_lowercase().into_bytes(),
            }
        }
        85..97 => WORDS[rng.below(WORDS.len())].to_vec(),
        _ => (0..rng.below(80)).map(|_| rng.below(256) as u8).collect(),
    }
}

fn pick(words: &[&str], rng: &mut Rng) -> Vec<u8> {
    words[rng.below(words.len())].as_bytes().to_vec()
}

/// The bytes behind the value that `reply` begins with.
fn behind_value(reply: &[u8]) -> Option<&[u8]> {
    let end = reply.windows(2).position(|two| two == b"\r\n")?;
    let (line, mut rest) = (&reply[1..end], &reply[end + 2..]);
    let number = || std::str::from_utf8(line).ok()?.parse::<i64>().ok();
    match reply[0] {
        b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => Some(rest),
        b'$' | b'=' | b'!' => match number()? {
            -1 => Some(rest),
            length => rest
                .get(usize::try_from(length).ok()?..)?
                .strip_prefix(b"\r\n"),
        },
        kind @ (b'*' | b'~' | b'>' | b'%') => {
            let count = number()?.max(0) * if kind == b'%' { 2 } else { 1 };
            for _ in 0..count {
                rest = behind_value(rest)?;
            }
            Some(rest)
        }
        _ => None,
    }
}

/// Whether these are whole replies and nothing else; none at all is right for a command that waits.
fn is_whole(mut reply: &[u8]) -> bool {
    while !reply.is_empty() {
        match behind_value(reply) {
            Some(rest) => reply = rest,
            None => return false,
        }
    }
    true
}

fn number_from(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().expect(variable))
}

#[test]
fn no_arguments_break_a_handler() {
    let targets = targets();
    let first = number_from("FUZZ_SEED", 1);
    let keyspaces = number_from("FUZZ_INPUTS", 200_000).div_ceil(REQUESTS_PER_KEYSPACE);
    let mut accepted = vec![0_u64; targets.len()];
    for seed in first..first + keyspaces {
        let (mut bench, mut rng) = (lay(seed), Rng::new(seed));
        for _ in 0..REQUESTS_PER_KEYSPACE {
            let number = rng.below(targets.len());
            let words = request(&targets[number], &mut rng);
            bench.now_ms += rng.below(20) as i64;
            if rng.below(50) == 0 {
                bench.version = [Version::Resp2, Version::Resp3][rng.below(2)];
            }
            let run = std::panic::AssertUnwindSafe(|| bench.request(&words));
            let shown = || {
                words
                    .iter()
                    .map(|word| word.escape_ascii().to_string())
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let Ok(reply) = std::panic::catch_unwind(run) else {
                panic!("seed {seed}: {}", shown());
            };
            assert!(
                is_whole(&reply),
                "seed {seed}: {}: {}",
                shown(),
                reply.escape_ascii()
            );
            accepted[number] += u64::from(!reply.starts_with(b"-"));
        }
    }
    let never = targets
        .iter()
        .zip(&accepted)
        .filter(|(_, accepted)| **accepted == 0);
    let never: Vec<&str> = never.map(|(target, _)| target.command.name).collect();
    // Some want what cannot be made up: a payload with its checksum, an event of the past.
    assert!(
        never.len() * 20 < targets.len(),
        "nothing was right for {never:?}"
    );
}
