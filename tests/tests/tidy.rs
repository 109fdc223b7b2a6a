//! The rules of the house that no compiler checks: which crate names what, what product code does without, how long files
//! are, where tests wait.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A crate of others, and the files (or directories, ending in `/`) of the product that may name it.
struct Dependency {
    name: &'static str,
    places: &'static [&'static str],
}

const fn dependency(name: &'static str, places: &'static [&'static str]) -> Dependency {
    Dependency { name, places }
}

/// Every dependency of the workspace. A new one, or a new place, is a decision that is written down here.
const DEPENDENCIES: &[Dependency] = &[
    dependency(
        "actix",
        &[
            "node/src/actors/",
            // Starts the root of the tree.
            "node/src/lib.rs",
            // Handles of actors that belong to no one else: a client's mailbox, the node's own.
            "node/src/clients.rs",
            "node/src/node.rs",
            "node/src/cluster.rs",
        ],
    ),
    dependency(
        "actix_rt",
        &["node/src/actors/", "node/src/lib.rs", "bin/src/signals.rs"],
    ),
    dependency(
        "arc_swap",
        &[
            "node/src/node.rs",
            "node/src/cluster.rs",
            "node/src/spread.rs",
        ],
    ),
    dependency(
        "bitflags",
        &["node/src/commands/", "node/src/params/shapes.rs"],
    ),
    dependency("bytes", &["node/src/actors/bus/"]),
    // Garnet's flags are a second spelling of the same command line.
    dependency(
        "clap",
        &[
            "bin/src/cli.rs",
            "bin/src/garnet.rs",
            "bin/src/drill/flags.rs",
        ],
    ),
    dependency(
        "crc",
        &[
            "storage/src/rdb/",
            "storage/src/vault/",
            "cluster/src/slot.rs",
        ],
    ),
    dependency(
        "foldhash",
        &["storage/src/table.rs", "storage/src/listpack/foreign.rs"],
    ),
    // Numbers that were never used before begin each connection of the bus; its frames are authenticated.
    dependency(
        "getrandom",
        &["node/src/actors/bus/", "node/src/actors/config/"],
    ),
    dependency("hmac", &["node/src/actors/bus/"]),
    dependency("sha2", &["node/src/actors/bus/"]),
    dependency("hdrhistogram", &["node/src/stats/"]),
    // A second way to the clients, and all that is unsafe about it.
    dependency("io_uring", &["node/src/actors/connection/ring/"]),
    dependency(
        "itoa",
        &["protocol/src/number/", "storage/src/", "node/src/commands/"],
    ),
    dependency(
        "libc",
        &[
            "bin/src/allocator.rs",
            "node/src/actors/connection/ring/",
            "node/src/actors/listener/",
            "node/src/actors/persistence/write_behind.rs",
            "node/src/commands/server/debug/",
            "node/src/open_files.rs",
            "node/src/stats/process.rs",
        ],
    ),
    dependency("libmimalloc_sys", &["bin/src/allocator.rs"]),
    dependency("memchr", &["protocol/src/", "cluster/src/slot.rs"]),
    dependency("num_bigint", &["protocol/src/number/"]),
    dependency("protobuf", &["cluster/src/raft/", "cluster/src/record.rs"]),
    dependency("raft", &["cluster/src/raft/", "cluster/src/record.rs"]),
    // A client that we did not write, for tests.
    dependency("redis", &[]),
    dependency("rmp_serde", &["cluster/src/raft/state.rs"]),
    dependency("serde", &["cluster/src/"]),
    // Of tests only.
    dependency("serde_json", &[]),
    dependency("sha1_smol", &["node/src/commands/server/debug/"]),
    // The state of the cluster; no type of it leaves the vault.
    dependency("sled", &["storage/src/vault/"]),
    dependency("slog", &["cluster/src/raft/mod.rs"]),
    dependency("socket2", &["node/src/actors/listener/"]),
    dependency("tokio", &["node/src/actors/", "bin/src/signals.rs"]),
    dependency("tokio_util", &["node/src/actors/bus/"]),
    dependency("tracing", &["node/src/", "bin/src/"]),
    dependency("tracing_subscriber", &["bin/src/logging.rs"]),
    dependency("almandine_node", &["bin/src/"]),
    dependency("almandine_protocol", &["node/src/"]),
    dependency("almandine_storage", &["node/src/"]),
    dependency("almandine_cluster", &["node/src/"]),
];

/// What a crate's product code must not name, by its invariants.
const ABSENCES: &[(&str, &[&str])] = &[
    (
        "protocol/src/",
        &[
            "std::net",
            "std::fs",
            "std::time",
            "std::thread",
            "std::env",
        ],
    ),
    (
        "cluster/src/",
        &[
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "std::fs",
            "std::time::Instant",
            "std::time::SystemTime",
            "std::thread",
            "std::env",
            "HashMap",
            "HashSet",
        ],
    ),
    (
        "storage/src/",
        &["std::net", "std::time::Instant", "std::time::SystemTime"],
    ),
    ("node/src/commands/", SOCKETS),
    ("node/src/shard/", SOCKETS),
];

const SOCKETS: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "tokio",
];

/// Lines of a file; the longer ones below may only shrink.
const LINES_MAX: usize = 600;
/// How far a limit below may lie above its file, so that not every edit must touch it.
const SLACK: usize = 100;
const LONGER: &[(&str, usize)] = &[
    ("node/src/commands/generic/mod.rs", 1000),
    ("node/src/commands/string/mod.rs", 750),
    ("storage/src/entry.rs", 700),
    ("storage/src/list.rs", 750),
    ("storage/src/listpack.rs", 750),
];

/// Where tests and benches may sleep, and why.
const SLEEPERS: &[(&str, &str)] = &[
    (
        "bin/tests/process/mod.rs",
        "waits for conditions; everybody else asks it, or `probe` of the node, to",
    ),
    (
        "tests/src/bench/latency.rs",
        "a bench begins at a moment that it has planned",
    ),
    (
        "tests/src/bench/slow.rs",
        "what follows a slow command is measured too",
    ),
];

/// `expect`s for each thousand lines of product code; each says why it cannot fail.
const EXPECTS_PER_THOUSAND: usize = 4;

const CRATES: &[&str] = &["bin", "cluster", "node", "protocol", "storage", "tests"];

/// A source file of the workspace.
struct Source {
    /// From the root of the workspace on.
    path: String,
    text: String,
}

impl Source {
    /// The lines with their numbers, without those that are comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The lines that the product is made of: nothing of tests, which stand last in a file.
    fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.is_test();
        let end = match is_test {
            true => 0,
            false => self.first_line_of_tests(),
        };
        self.code().take_while(move |(number, _)| *number < end)
    }

    /// The lines of tests.
    fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let start = match self.is_test() {
            true => 1,
            false => self.first_line_of_tests(),
        };
        self.code().skip_while(move |(number, _)| *number < start)
    }

    /// Whether nothing of it is in the product.
    fn is_test(&self) -> bool {
        let is_harness = self.path.starts_with("tests/");
        let name = self.path.rsplit('/').next().unwrap_or_default();
        is_harness
            || self.path.contains("/tests/")
            || self.path.contains("/benches/")
            || ["tests.rs", "testing.rs"].contains(&name)
    }

    fn first_line_of_tests(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let is_start = |pair: &[&str]| {
            pair[0] == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].ends_with('{')
        };
        let found = lines.windows(2).position(is_start);
        found.map_or(usize::MAX, |index| index + 1)
    }
}

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("this crate lies in the workspace").to_owned()
}

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for name in CRATES {
        collect(&root().join(name), name, &mut sources);
    }
    assert!(sources.len() > 100, "the sources are found");
    // This file names everything that it looks for.
    sources.retain(|source| source.path != "tests/tests/tidy.rs");
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(dir: &Path, name: &str, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        let file = path.file_name().expect("a name").to_string_lossy();
        let name = format!("{name}/{file}");
        if path.is_dir() {
            // A target directory inside a crate is no source.
            if file != "target" {
                collect(&path, &name, sources);
            }
        } else if file.ends_with(".rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            sources.push(Source { path: name, text });
        }
    }
}

#[track_caller]
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// Whether `line` names the crate or path `name`: as a whole word, followed by `::`, `;` or `!`.
fn names(line: &str, name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].bytes().next_back();
        let after = &line[at + name.len()..];
        let starts = !before.is_some_and(|byte| is_word(byte) || b":.".contains(&byte));
        starts && (after.starts_with("::") || after.starts_with('!') || is_used(line, after))
    })
}

/// `use name;`, `use name as other;`
fn is_used(line: &str, after: &str) -> bool {
    let ends = after.starts_with(';') || after.starts_with(" as ");
    line.trim_start().starts_with("use ") && ends
}

fn is_in(path: &str, place: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

#[test]
fn dependencies_are_named_where_they_belong() {
    let sources = sources();
    let mut wrong = Vec::new();
    for Dependency { name, places } in DEPENDENCIES {
        let mut used = BTreeSet::new();
        for source in &sources {
            let Some((number, _)) = source.product().find(|(_, line)| names(line, name)) else {
                continue;
            };
            match places.iter().find(|place| is_in(&source.path, place)) {
                Some(place) => drop(used.insert(*place)),
                None => wrong.push(format!("{}:{number} names {name}", source.path)),
            }
        }
        let unused = places.iter().filter(|place| !used.contains(*place));
        wrong.extend(unused.map(|place| format!("{place} does not name {name} any more")));
    }
    none("dependencies out of their place", wrong);
}

#[test]
fn every_dependency_has_its_place() {
    let listed: BTreeSet<&str> = DEPENDENCIES.iter().map(|entry| entry.name).collect();
    let workspace = manifest(Path::new("Cargo.toml"), "[workspace.dependencies]");
    let known: BTreeSet<&str> = workspace.iter().map(String::as_str).collect();
    assert_eq!(
        known, listed,
        "the dependencies of the workspace and those listed here"
    );
}

/// What a crate asks for and does not name is built for nothing.
#[test]
fn crates_name_what_they_depend_on() {
    let sources = sources();
    let mut idle = Vec::new();
    for name in CRATES {
        for dependency in manifest(&Path::new(name).join("Cargo.toml"), "[dependencies]") {
            let own = sources
                .iter()
                .filter(|source| source.path.starts_with(&format!("{name}/")));
            let is_named = own
                .flat_map(Source::code)
                .any(|(_, line)| names(line, &dependency));
            if !is_named {
                idle.push(format!(
                    "{name} depends on {dependency} and does not name it"
                ));
            }
        }
    }
    none("idle dependencies", idle);
}

/// The names in a section of a manifest, as code spells them.
fn manifest(path: &Path, section: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).expect("a manifest");
    let lines = text.lines().skip_while(|line| *line != section).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(|name| name.replace('-', "_"))
        .collect()
}

#[test]
fn crates_do_without_what_their_invariants_exclude() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (place, absent) in ABSENCES
            .iter()
            .filter(|(place, _)| source.path.starts_with(place))
        {
            for (number, line) in source.product() {
                let named = absent.iter().find(|name| line.contains(**name));
                wrong.extend(named.map(|name| {
                    format!("{}:{number} names {name}; {place} must not", source.path)
                }));
            }
        }
    }
    none("invariants", wrong);
}

#[test]
fn every_crate_begins_with_a_drawing_and_tells_its_invariants() {
    let mut missing = Vec::new();
    for name in CRATES {
        let lib = root().join(name).join("src/lib.rs");
        let path = if lib.exists() {
            lib
        } else {
            root().join(name).join("src/main.rs")
        };
        let text = fs::read_to_string(path).expect("every crate has a root");
        let header: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        if !header.contains(&"//! ```text") {
            missing.push(format!("{name} has no drawing"));
        }
        let tells = header
            .iter()
            .any(|line| line.contains("Architecture invariant:"));
        if ABSENCES
            .iter()
            .any(|(place, _)| *place == format!("{name}/src/"))
            && !tells
        {
            missing.push(format!("{name} does not tell its invariants"));
        }
    }
    none("roots of crates", missing);
}

#[test]
fn product_code_does_not_unwrap() {
    let mut wrong = Vec::new();
    let (mut lines, mut expects) = (0, 0);
    for source in sources() {
        for (number, line) in source.product() {
            lines += 1;
            expects += line.matches(".expect(").count();
            if line.contains(".unwrap()") {
                wrong.push(format!("{}:{number}", source.path));
            }
        }
    }
    none("unwrap in product code", wrong);
    assert!(
        expects * 1000 <= lines * EXPECTS_PER_THOUSAND,
        "{expects} expects in {lines} lines of product code"
    );
}

/// Words of unfinished or silenced code.
#[test]
fn nothing_is_silenced_or_left_undone() {
    let banned = [
        "#[allow",
        "#![allow",
        "#[ignore",
        "todo!(",
        "unimplemented!(",
        "FIXME",
        "XXX:",
        "HACK",
        "dbg!(",
    ];
    // With an owner in brackets behind it it is a promise, without one it is a hole.
    let undone = "TODO";
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let word = banned.iter().find(|word| line.contains(**word));
            wrong.extend(word.map(|word| format!("{}:{number}: {word}", source.path)));
            let is_ownerless = line
                .match_indices(&undone)
                .any(|(at, _)| !line[at + undone.len()..].starts_with('('));
            if is_ownerless {
                wrong.push(format!(
                    "{}:{number}: {undone} without an owner",
                    source.path
                ));
            }
        }
    }
    none("silenced or undone", wrong);
}

/// A lint that is expected to fire has a reason, or the next reader cannot judge it.
#[test]
fn expected_lints_have_reasons() {
    let mut wrong = Vec::new();
    for source in sources() {
        for opening in ["#[expect(", "#![expect("] {
            for (at, _) in source.text.match_indices(opening) {
                let attribute = source.text[at..].split(")]").next();
                if !attribute.is_some_and(|text| text.contains("reason =")) {
                    let line = source.text[..at].lines().count();
                    wrong.push(format!("{}:{line}", source.path));
                }
            }
        }
    }
    none("expected lints without a reason", wrong);
}

#[test]
fn files_are_short() {
    let sources = sources();
    let mut wrong = Vec::new();
    for source in &sources {
        let lines = source.text.lines().count();
        let limit = LONGER.iter().find(|(path, _)| *path == source.path);
        match limit {
            Some((path, limit)) if lines > *limit => {
                wrong.push(format!(
                    "{path} has {lines} lines and may only shrink from {limit}"
                ));
            }
            Some((path, limit)) if lines <= LINES_MAX || lines + SLACK <= *limit => {
                wrong.push(format!(
                    "{path} has shrunk to {lines} lines: its limit {limit} must follow"
                ));
            }
            None if lines > LINES_MAX => wrong.push(format!("{} has {lines} lines", source.path)),
            Some(_) | None => {}
        }
    }
    for (path, _) in LONGER
        .iter()
        .filter(|(path, _)| !sources.iter().any(|source| source.path == *path))
    {
        wrong.push(format!("{path} is gone"));
    }
    none("long files", wrong);
}

#[test]
fn files_are_named_after_what_they_hold() {
    let empty = [
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "misc",
        "manager",
        "v2",
        "optimized",
    ];
    let sources = sources();
    let words = |source: &Source| -> Vec<String> {
        let words = source.path.split(['/', '.', '_']);
        words.map(str::to_owned).collect()
    };
    let wrong = sources.iter().filter(|source| {
        words(source)
            .iter()
            .any(|word| empty.contains(&word.as_str()))
    });
    none(
        "names that say nothing",
        wrong.map(|source| source.path.clone()).collect(),
    );
}

/// A test that sleeps is either too slow or, on a busy machine, too fast.
#[test]
fn tests_wait_for_conditions() {
    let sources = sources();
    let sleeps = |source: &Source| source.tests().any(|(_, line)| line.contains("sleep("));
    let mut wrong: Vec<String> = sources
        .iter()
        .filter(|source| !SLEEPERS.iter().any(|(path, _)| *path == source.path))
        .filter(|source| sleeps(source))
        .map(|source| format!("{} sleeps", source.path))
        .collect();
    for (path, why) in SLEEPERS {
        if !sources
            .iter()
            .any(|source| source.path == *path && sleeps(source))
        {
            wrong.push(format!("{path} does not sleep any more ({why})"));
        }
    }
    none("sleeping tests", wrong);
}

/// The rules above see what they look for.
#[test]
fn the_rules_find_their_prey() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let file = source(
        "node/src/x.rs",
        "use actix::Actor;\n// a.unwrap()\nfn f() { g().unwrap() }\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n",
    );
    assert_eq!(file.product().count(), 2);
    assert_eq!(file.tests().count(), 4);
    assert_eq!(
        source("node/src/commands/testing.rs", "fn f() {}")
            .product()
            .count(),
        0
    );
    assert!(names("use actix::Actor;", "actix") && names("    actix::spawn(x)", "actix"));
    assert!(names("use libc;", "libc") && names("bitflags::bitflags! {", "bitflags"));
    assert!(!names("use actix_rt::System;", "actix") && !names("let bytes = bytes;", "bytes"));
    assert!(!names("crate::tracing::x", "tracing") && !names("self.clap", "clap"));
}
