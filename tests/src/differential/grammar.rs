//! The little language of the rules: what a command looks like.
//!
//! ```text
//!   line    [WEIGHT] [MARK ...] command [; command ...]       # a comment
//!   command PIECE ...
//!   PIECE   WORD            the word itself, in random letter case
//!           atom            an argument of that kind, see atoms.rs
//!           ( P ... | P ... )   one of these
//!           [ P ... | P ... ]   one of these, half of the time
//!           #atom           a count and so many arguments
//!           =atom           as many arguments as the last count said
//!           command         another rule (COMMAND GETKEYS)
//!   PIECE*  0 to 3 times    PIECE+  1 to 4 times    PIECE{a,b}  a to b times
//! ```
//!
//! A repetition stands behind the piece without a blank.
//!
//! | mark | meaning |
//! |---|---|
//! | `@any`, `@pairs` | elements of the reply in any order; two by two |
//! | `@times` | a number that counts down: equal within a minute |
//! | `@chance` | a reply that dice decide: only its shape is compared |
//! | `@pop` | dice decide what is removed: alone in its batch, and the states are made equal after it |
//! | `@scan` | iterated to its end; the union is compared |
//! | `@exchange` | DUMP: each server restores what the other has dumped |
//! | `@hello` | HELLO: what names the server is left out |
//! | `@fixed` | arguments are not spoilt at random |
//! | `@alone` | nothing else is sent until the reply is there |
//! | `@outside` | not inside a transaction |
//! | `@listener` | for the connection that subscribes |
//! | `@redis=8.0`, `@valkey=9.0` | only with such peers, of this version or newer |

use super::atoms::{self, Atom};
use crate::process::Identity;

/// How the two replies to a command are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// To the byte.
    Exact,
    /// The elements in any order.
    AnyOrder,
    /// The elements two by two, the pairs in any order.
    Pairs,
    /// Numbers within a minute of each other.
    Times,
    /// Type and number of elements.
    Chance,
    /// As `Chance`, and what was removed is made the same.
    Pop,
    /// The union over the whole iteration.
    Scan,
    /// What DUMP says goes to the other server.
    Exchange,
    /// As the map of HELLO.
    Hello,
}

/// One line of the rules.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) weight: usize,
    pub(super) check: Check,
    pub(super) fixed: bool,
    pub(super) listener: bool,
    pub(super) alone: bool,
    pub(super) outside: bool,
    pub(super) commands: Vec<Vec<Piece>>,
    only: Vec<(String, (u32, u32))>,
}

/// See the syntax above.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Word(String),
    Atom(Atom),
    Maybe(Box<Piece>),
    Choice(Vec<Vec<Piece>>),
    Counted(Atom),
    AsMany(Atom),
    Command,
    Repeat(Box<Piece>, usize, usize),
}

impl Rule {
    /// Whether this peer knows the command in this form.
    pub(super) fn suits(&self, peer: &Identity) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|(family, version)| *family == peer.family && *version <= peer.version)
    }

    /// Whether nothing may be sent with the command, nor may it be part of a transaction.
    pub(super) fn is_alone(&self) -> bool {
        self.alone || matches!(self.check, Check::Pop | Check::Scan | Check::Exchange)
    }

    /// The word that the first command begins with.
    pub(super) fn name(&self) -> &str {
        match self.commands[0].first() {
            Some(Piece::Word(name)) => name,
            _ => "",
        }
    }
}

/// Reads the lines of a file of rules.
pub(super) fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| rule(line).map_err(|reason| format!("{line}: {reason}")))
        .collect()
}

fn rule(line: &str) -> Result<Rule, String> {
    let mut rule = Rule {
        weight: 4,
        check: Check::Exact,
        fixed: false,
        listener: false,
        alone: false,
        outside: false,
        commands: Vec::new(),
        only: Vec::new(),
    };
    let spaced: String = line
        .chars()
        .flat_map(|c| match c {
            '[' | '(' | '|' => vec![' ', c, ' '],
            ']' | ')' => vec![' ', c],
            _ => vec![c],
        })
        .collect();
    let mut words = spaced.split_whitespace().peekable();
    if let Some(weight) = words.peek().and_then(|word| word.parse().ok()) {
        rule.weight = weight;
        words.next();
    }
    while let Some(mark) = words.peek().and_then(|word| word.strip_prefix('@')) {
        rule.mark(mark)?;
        words.next();
    }
    let words: Vec<&str> = words.collect();
    for command in words.split(|word| *word == ";") {
        let mut reader = Reader {
            words: command,
            at: 0,
        };
        rule.commands.push(reader.sequence()?);
        if reader.at < command.len() {
            return Err(format!("{} closes nothing", command[reader.at]));
        }
    }
    Ok(rule)
}

impl Rule {
    fn mark(&mut self, mark: &str) -> Result<(), String> {
        match mark {
            "any" => self.check = Check::AnyOrder,
            "pairs" => self.check = Check::Pairs,
            "times" => self.check = Check::Times,
            "chance" => self.check = Check::Chance,
            "pop" => self.check = Check::Pop,
            "scan" => self.check = Check::Scan,
            "exchange" => self.check = Check::Exchange,
            "hello" => self.check = Check::Hello,
            "fixed" => self.fixed = true,
            "listener" => self.listener = true,
            "alone" => self.alone = true,
            "outside" => self.outside = true,
            _ => {
                let (family, version) = mark.split_once('=').ok_or("an unknown mark")?;
                let (major, minor) = version.split_once('.').ok_or("a version is 8.0")?;
                let number = |text: &str| text.parse().map_err(|_| "a version is 8.0".to_owned());
                self.only
                    .push((family.to_owned(), (number(major)?, number(minor)?)));
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl Reader<'_> {
    /// Up to the end or to what closes a bracket.
    fn sequence(&mut self) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        while let Some(word) = self.words.get(self.at) {
            if word.starts_with([')', ']', '|']) {
                break;
            }
            self.at += 1;
            pieces.push(self.piece(word)?);
        }
        Ok(pieces)
    }

    fn piece(&mut self, word: &str) -> Result<Piece, String> {
        match word {
            "[" => {
                let inner = self.choices()?;
                self.close("]", Piece::Maybe(Box::new(inner)))
            }
            "(" => {
                let inner = self.choices()?;
                self.close(")", inner)
            }
            _ => {
                let end = word.find(['*', '+', '{']).unwrap_or(word.len());
                repeated(single(&word[..end])?, &word[end..])
            }
        }
    }

    fn choices(&mut self) -> Result<Piece, String> {
        let mut choices = vec![self.sequence()?];
        while self.words.get(self.at) == Some(&"|") {
            self.at += 1;
            choices.push(self.sequence()?);
        }
        Ok(Piece::Choice(choices))
    }

    fn close(&mut self, mark: &str, piece: Piece) -> Result<Piece, String> {
        let word = self.words.get(self.at).copied().unwrap_or_default();
        let times = word
            .strip_prefix(mark)
            .ok_or(format!("{mark} is missing"))?;
        self.at += 1;
        repeated(piece, times)
    }
}

fn single(word: &str) -> Result<Piece, String> {
    let atom = |name: &str| atoms::named(name).ok_or(format!("{name} is no kind of argument"));
    if word == "command" {
        Ok(Piece::Command)
    } else if let Some(name) = word.strip_prefix('#').filter(|name| !name.is_empty()) {
        atom(name).map(Piece::Counted)
    } else if let Some(name) = word.strip_prefix('=') {
        atom(name).map(Piece::AsMany)
    } else if word.starts_with(|c: char| c.is_ascii_lowercase()) {
        atom(word).map(Piece::Atom)
    } else {
        Ok(Piece::Word(word.to_owned()))
    }
}

fn repeated(piece: Piece, times: &str) -> Result<Piece, String> {
    let (from, to) = match times {
        "" => return Ok(piece),
        "*" => (0, 3),
        "+" => (1, 4),
        range => {
            let inner = range.strip_prefix('{').and_then(|r| r.strip_suffix('}'));
            let parts = inner.and_then(|inner| inner.split_once(','));
            let parsed = parts.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            parsed.ok_or(format!("{range} is no repetition"))?
        }
    };
    Ok(Piece::Repeat(Box::new(piece), from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_rule() {
        let rules = parse(
            "# strings\n 7 @any @redis=8.0 SORT list [ASC|x ] LIMIT\n(A b|C)* ; EXISTS value{3,5}",
        );
        // `x` and `b` are no atoms: the error names the line.
        assert!(rules.expect_err("unknown").contains("no kind of argument"));
        let rules =
            parse("7 @any @redis=8.0 SADD set member+\n( GET | SET int )* ; EXISTS key{3,5}");
        let rules = rules.expect("two rules");
        assert_eq!((rules[0].weight, rules[0].check), (7, Check::AnyOrder));
        assert_eq!(rules[0].name(), "SADD");
        assert!(matches!(&rules[0].commands[0][2], Piece::Repeat(_, 1, 4)));
        assert!(
            matches!(&rules[1].commands[0][0], Piece::Repeat(piece, 0, 3)
                if matches!(&**piece, Piece::Choice(choices) if choices.len() == 2))
        );
        assert!(matches!(&rules[1].commands[1][1], Piece::Repeat(_, 3, 5)));
        let peer = |family: &str, version| Identity {
            family: family.to_owned(),
            version,
        };
        assert!(rules[0].suits(&peer("redis", (8, 2))));
        assert!(!rules[0].suits(&peer("redis", (7, 0))));
        assert!(!rules[0].suits(&peer("valkey", (9, 1))));
    }

    #[test]
    fn brackets_that_do_not_close_are_errors() {
        for bad in [
            "GET [ key",
            "GET ( key",
            "GET key )",
            "GET key{1}",
            "@new GET",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
