//! Commands from the rules, by dice.

use std::sync::LazyLock;

use super::atoms::Draw;
use super::grammar::{Check, Piece, Rule, parse};
use crate::process::Identity;

/// The rules, one text a group of commands; those that change or read data come first.
const TEXTS: &[&str] = &[
    include_str!("rules/string.rules"),
    include_str!("rules/generic.rules"),
    include_str!("rules/list.rules"),
    include_str!("rules/hash.rules"),
    include_str!("rules/set.rules"),
    include_str!("rules/sorted_set.rules"),
    include_str!("rules/transactions.rules"),
    include_str!("rules/pubsub.rules"),
    include_str!("rules/connection.rules"),
    include_str!("rules/server.rules"),
];

/// How many of the texts are of data.
const DATA_TEXTS: usize = 7;

static RULES: LazyLock<Vec<Vec<Rule>>> = LazyLock::new(|| {
    let parsed = TEXTS.iter().map(|text| parse(text));
    let all: Result<Vec<_>, _> = parsed.collect();
    all.unwrap_or_else(|reason| panic!("the rules cannot be read: {reason}"))
});

/// Connections that send commands; the one that subscribes comes after them.
pub(super) const SPEAKERS: usize = 2;
/// The number of the connection that subscribes.
pub(super) const LISTENER: usize = SPEAKERS;

/// One request of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Number of the connection.
    pub(super) client: usize,
    /// The arguments.
    pub(super) request: Vec<Vec<u8>>,
    /// How the replies are compared.
    pub(super) check: Check,
    /// Whether nothing may be sent with it.
    pub(super) alone: bool,
}

impl Step {
    /// The first argument in upper case.
    pub(super) fn name(&self) -> String {
        let name = self.request.first().map(Vec::as_slice);
        String::from_utf8_lossy(name.unwrap_or_default()).to_ascii_uppercase()
    }
}

/// Makes the commands of one run: the seed and the peer's version decide all of them.
pub(super) struct Generator {
    draw: Draw,
    rules: Vec<&'static Rule>,
    /// Sums of the weights up to each rule.
    sums: Vec<usize>,
    client: usize,
    /// Which speakers may be inside MULTI.
    in_multi: [bool; SPEAKERS],
    /// What the last `#atom` said.
    count: usize,
}

impl Generator {
    pub(super) fn new(seed: u64, peer: &Identity) -> Generator {
        Generator::of(RULES.iter().flatten(), seed, peer)
    }

    /// Only commands on data, none of which waits or subscribes.
    pub(super) fn of_data(seed: u64, peer: &Identity) -> Generator {
        let rules = RULES[..DATA_TEXTS].iter().flatten();
        Generator::of(rules.filter(|rule| !rule.listener), seed, peer)
    }

    fn of(rules: impl Iterator<Item = &'static Rule>, seed: u64, peer: &Identity) -> Generator {
        let rules: Vec<&Rule> = rules.filter(|rule| rule.suits(peer)).collect();
        let mut sum = 0;
        let sums = rules.iter().map(|rule| {
            sum += rule.weight;
            sum
        });
        Generator {
            draw: Draw::new(seed),
            sums: sums.collect(),
            rules,
            client: 0,
            in_multi: [false; SPEAKERS],
            count: 0,
        }
    }

    /// The commands of one more rule.
    pub(super) fn next(&mut self) -> Vec<Step> {
        if self.draw.below(50) == 0 {
            self.client = self.draw.below(SPEAKERS);
        }
        if self.in_multi[self.client] && self.draw.below(9) == 0 {
            let end = ["EXEC", "EXEC", "EXEC", "EXEC", "DISCARD"][self.draw.below(5)];
            self.in_multi[self.client] = false;
            return vec![Step {
                client: self.client,
                request: vec![end.into()],
                check: Check::Exact,
                alone: false,
            }];
        }
        let rule = self.rule();
        let commands = rule.commands.iter();
        commands.map(|pieces| self.step(rule, pieces)).collect()
    }

    /// A rule that may be used now: what dice decide cannot be made equal inside a transaction.
    fn rule(&mut self) -> &'static Rule {
        loop {
            let rule = self.any_rule();
            let outside = rule.outside || rule.is_alone();
            if !(outside && self.in_multi[self.client]) {
                return rule;
            }
        }
    }

    fn any_rule(&mut self) -> &'static Rule {
        let total = self.sums.last().copied().unwrap_or_default();
        let dice = self.draw.below(total);
        self.rules[self.sums.partition_point(|sum| *sum <= dice)]
    }

    fn step(&mut self, rule: &Rule, pieces: &[Piece]) -> Step {
        let mut request = Vec::new();
        self.sequence(pieces, &mut request);
        if !rule.fixed && self.draw.below(16) == 0 {
            let whole = request.clone();
            self.spoil(&mut request);
            if names_a_near_time(&request) {
                request = whole;
            }
        }
        let client = match rule.listener {
            true => LISTENER,
            false => self.client,
        };
        let step = Step {
            client,
            request,
            check: rule.check,
            alone: rule.is_alone(),
        };
        if client < SPEAKERS {
            match (step.name().as_str(), step.request.len()) {
                ("MULTI", _) => self.in_multi[client] = true,
                ("EXEC", _) | ("DISCARD" | "RESET", 1) => self.in_multi[client] = false,
                _ => {}
            }
        }
        step
    }

    fn sequence(&mut self, pieces: &[Piece], out: &mut Vec<Vec<u8>>) {
        for piece in pieces {
            self.piece(piece, out);
        }
    }

    fn piece(&mut self, piece: &Piece, out: &mut Vec<Vec<u8>>) {
        match piece {
            Piece::Word(word) => {
                let word = self.in_some_case(word);
                out.push(word);
            }
            Piece::Atom(atom) => out.push(atom(&mut self.draw)),
            Piece::Maybe(piece) => {
                if self.draw.below(2) == 0 {
                    self.piece(piece, out);
                }
            }
            Piece::Choice(choices) => {
                let choice = self.draw.below(choices.len());
                self.sequence(&choices[choice], out);
            }
            Piece::Counted(atom) => {
                self.count = 1 + self.draw.below(3);
                let said = match self.draw.below(24) {
                    0 => self.draw.garbage(),
                    1 => self.draw.below(6).to_string().into_bytes(),
                    _ => self.count.to_string().into_bytes(),
                };
                out.push(said);
                for _ in 0..self.count {
                    out.push(atom(&mut self.draw));
                }
            }
            Piece::AsMany(atom) => {
                for _ in 0..self.count {
                    out.push(atom(&mut self.draw));
                }
            }
            Piece::Command => self.other_command(out),
            Piece::Repeat(piece, from, to) => {
                for _ in 0..from + self.draw.below(to - from + 1) {
                    self.piece(piece, out);
                }
            }
        }
    }

    /// The words of another rule; COMMAND GETKEYS within COMMAND GETKEYS says nothing.
    fn other_command(&mut self, out: &mut Vec<Vec<u8>>) {
        let rule = self.any_rule();
        if rule.name() == "COMMAND" {
            return;
        }
        let mut request = Vec::new();
        self.sequence(&rule.commands[0], &mut request);
        if !rule.fixed && self.draw.below(8) == 0 {
            self.spoil(&mut request);
        }
        // 7.0 wants an argument behind the name.
        if request.len() == 1 {
            request.push(self.draw.garbage());
        }
        out.append(&mut request);
    }

    fn in_some_case(&mut self, word: &str) -> Vec<u8> {
        match self.draw.below(16) {
            0 => word.to_ascii_lowercase().into_bytes(),
            1 => word
                .bytes()
                .map(|byte| match self.draw.below(2) {
                    0 => byte.to_ascii_lowercase(),
                    _ => byte,
                })
                .collect(),
            _ => word.as_bytes().to_vec(),
        }
    }

    /// Makes a request that is probably wrong. The command stays: another one may block or ask the time.
    fn spoil(&mut self, request: &mut Vec<Vec<u8>>) {
        let last = request.len() - 1;
        let place = match last {
            0 => 0,
            _ => 1 + self.draw.below(last),
        };
        match self.draw.below(5) {
            0 if last > 0 => {
                request.pop();
            }
            1 => request.push(self.draw.garbage()),
            2 if last > 0 => {
                let twice = request[place].clone();
                request.insert(place, twice);
            }
            3 if last > 1 => {
                let other = 1 + self.draw.below(last);
                request.swap(place, other);
            }
            _ if last > 0 => request[place] = self.draw.garbage(),
            _ => request.push(self.draw.garbage()),
        }
    }
}

/// Whether the request may let a key live for a while that is neither long nor over: then the servers would not see its end
/// at the same time. SET is not to name a time that is over either, since it does not remove the key at once.
fn names_a_near_time(request: &[Vec<u8>]) -> bool {
    const LONG: i64 = 100_000;
    const FUTURE_SECONDS: i64 = 2_500_000_000;
    let number = |at: usize| {
        let text = std::str::from_utf8(request.get(at)?).ok()?;
        text.parse::<i64>().ok()
    };
    let near = |at, end| number(at).is_some_and(|number| (1..end).contains(&number));
    let is = |at: usize, words: &[&str]| {
        let word = request.get(at).map(|word| word.to_ascii_uppercase());
        word.is_some_and(|word| words.iter().any(|other| *other.as_bytes() == word))
    };
    if is(0, &["SETEX", "PSETEX", "EXPIRE", "PEXPIRE"]) {
        return near(2, LONG);
    }
    let writes = is(0, &["SET", "MSETEX"]);
    (writes || is(0, &["GETEX"]))
        && (1..request.len()).any(|at| {
            (is(at, &["EX", "PX"]) && near(at + 1, LONG))
                || (writes && is(at, &["EXAT"]) && near(at + 1, FUTURE_SECONDS))
                || (writes && is(at, &["PXAT"]) && near(at + 1, FUTURE_SECONDS * 1000))
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use almandine_node::commands::spec::Group;
    use almandine_node::commands::table;

    use super::*;

    /// Commands of the groups that no rule makes, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        ("migrate", "needs another server; tests/migrate.rs has one"),
        ("wait", "depends on replicas; tests/replication has some"),
        ("waitaof", "depends on replicas and the disk"),
        ("client|capa", "Valkey only; nothing to see"),
        (
            "client|help",
            "a text for people, which conversations compare",
        ),
        ("client|id", "numbers of connections differ"),
        (
            "client|import-source",
            "Valkey only; for loading data into a node",
        ),
        ("client|info", "addresses, ages, memory"),
        ("client|list", "addresses, ages, memory"),
        ("client|pause", "stops the run"),
        ("client|reply", "a request without a reply stops the run"),
        ("client|tracking", "conversations speak of it"),
        ("client|trackinginfo", "conversations speak of it"),
        (
            "object|freq",
            "depends on the policy of eviction and on dice",
        ),
        (
            "object|help",
            "a text for people, which conversations compare",
        ),
        ("object|idletime", "depends on time"),
        (
            "object|refcount",
            "says how many share an integer, which no two servers do alike",
        ),
        (
            "pubsub|help",
            "a text for people, which conversations compare",
        ),
        ("quit", "ends the connection"),
    ];

    #[test]
    fn every_command_of_the_groups_has_a_rule_or_a_reason() {
        let mut made = BTreeSet::new();
        for command in RULES.iter().flatten().flat_map(|rule| &rule.commands) {
            let names = command.first().map_or_else(Vec::new, words);
            let subs = command.get(1).map_or_else(Vec::new, words);
            for name in &names {
                made.extend(subs.iter().map(|sub| format!("{name}|{sub}")));
            }
            made.extend(names);
        }
        let groups = [
            Group::String,
            Group::Generic,
            Group::List,
            Group::Hash,
            Group::Set,
            Group::SortedSet,
            Group::Transactions,
            Group::Pubsub,
            Group::Connection,
        ];
        for id in table::ids() {
            let command = id.command();
            if !groups.contains(&command.group) || !command.subcommands().is_empty() {
                continue;
            }
            let is_left_out = LEFT_OUT.iter().any(|(name, _)| *name == command.name);
            let is_made = made.contains(&command.name.to_ascii_uppercase());
            assert!(
                is_made != is_left_out,
                "{}: a rule or a reason",
                command.name
            );
        }
    }

    /// The words that a piece may begin with.
    fn words(piece: &Piece) -> Vec<String> {
        match piece {
            Piece::Word(word) => vec![word.clone()],
            Piece::Choice(choices) => {
                let firsts = choices.iter().filter_map(|choice| choice.first());
                firsts.flat_map(words).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn times_that_are_near_are_found() {
        let near = |line: &str| {
            let words = line.split(' ').map(|word| word.as_bytes().to_vec());
            names_a_near_time(&words.collect::<Vec<_>>())
        };
        for line in [
            "SETEX k 5 v",
            "pexpire k 99999",
            "SET k v PX 5",
            "set k v exat 33",
            "GETEX k EX 1",
        ] {
            assert!(near(line), "{line}");
        }
        for line in [
            "SETEX k 100000 v",
            "EXPIRE k -1",
            "SET k 5",
            "GETEX k EXAT 33",
            "SET k v PXAT 4000000000000",
        ] {
            assert!(!near(line), "{line}");
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_commands() {
        let peer = Identity {
            family: "redis".to_owned(),
            version: (8, 2),
        };
        let (mut one, mut other) = (Generator::new(7, &peer), Generator::new(7, &peer));
        for _ in 0..2_000 {
            assert_eq!(one.next(), other.next());
        }
        assert_ne!(
            Generator::new(8, &peer).next(),
            Generator::new(7, &peer).next()
        );
    }
}
