//! A bench for handlers: databases and all else that a [`Call`] lends, without sockets and actors. Tests only.

use almandine_protocol::{Reply, reply::Version};
use almandine_storage::{Databases, Rng, Thresholds};

use super::call::{Args, Call, Span, Wait};
use super::changes::Changes;
use super::table;

/// Runs one command after the other on its own databases.
pub(crate) struct Bench {
    /// The databases.
    pub dbs: Databases,
    /// What the last command changed.
    pub changes: Changes,
    /// Limits of the packed encodings.
    pub thresholds: Thresholds,
    /// Unix time in milliseconds.
    pub now_ms: i64,
    /// The dice.
    pub rng: Rng,
    /// Number of the database.
    pub db: usize,
    /// Of the replies.
    pub version: Version,
    /// What the last command waits for.
    pub waiting: Option<Wait>,
}

impl Bench {
    /// Sixteen empty databases in 2001.
    pub(crate) fn new() -> Self {
        Bench {
            dbs: Databases::new(16),
            changes: Changes::default(),
            thresholds: Thresholds::default(),
            now_ms: 1_000_000_000_000,
            rng: Rng::new(1),
            db: 0,
            version: Version::Resp2,
            waiting: None,
        }
    }

    /// Runs a line of words (`"a b"` is one word; `\"`, `\n`, `\xff` inside quotes) and returns the reply as it would go
    /// over the wire; of a command that waits, nothing.
    pub(crate) fn run(&mut self, line: &str) -> String {
        String::from_utf8_lossy(&self.request(&words(line))).into_owned()
    }

    /// Runs a request and returns the bytes of the reply.
    pub(crate) fn request(&mut self, words: &[Vec<u8>]) -> Vec<u8> {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            let start = buffer.len() as u32;
            buffer.extend_from_slice(word);
            let end = buffer.len() as u32;
            spans.push(Span { start, end });
        }
        self.changes = Changes {
            classes: self.changes.classes,
            watched: self.changes.watched,
            ..Changes::default()
        };
        self.waiting = None;
        self.dbs.set_now(self.now_ms);
        let mut out = Vec::new();
        let args = Args::new(&buffer, &spans);
        let outcome = table::resolve(args).and_then(|id| {
            table::check_arity(id.command(), args.len())?;
            let handler = id.command().handler().expect("a handler, not a container");
            handler(&mut Call {
                command: id.command(),
                args,
                reply: Reply::new(&mut out, self.version),
                dbs: &mut self.dbs,
                db: self.db,
                changes: &mut self.changes,
                thresholds: &self.thresholds,
                now_ms: self.now_ms,
                rng: &mut self.rng,
                waiting: &mut self.waiting,
            })
        });
        if let Err(fault) = outcome {
            out.clear();
            Reply::new(&mut out, self.version).error(fault.0.as_bytes());
        }
        out
    }
}

/// The words of a line; see [`Bench::run`].
pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, end) = match first {
            '"' => quoted(rest),
            _ => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), end)
            }
        };
        words.push(word);
        rest = rest[end..].trim_start();
    }
    words
}

/// The word in quotes at the start of `text`, and where it ends.
fn quoted(text: &str) -> (Vec<u8>, usize) {
    let bytes = text.as_bytes();
    let mut word = Vec::new();
    let mut at = 1;
    while bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            word.push(bytes[at]);
            at += 1;
            continue;
        }
        match bytes[at + 1] {
            b'n' => word.push(b'\n'),
            b'r' => word.push(b'\r'),
            b't' => word.push(b'\t'),
            b'x' => {
                let digits = &text[at + 2..at + 4];
                word.push(u8::from_str_radix(digits, 16).expect("two hex digits"));
                at += 2;
            }
            other => word.push(other),
        }
        at += 2;
    }
    (word, at + 1)
}
