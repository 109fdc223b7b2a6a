//! A conversation file: sections of steps.

use std::fmt;
use std::path::{Path, PathBuf};

use super::shape::{Comparison, Shape};
use super::words;
use crate::process::Identity;
use crate::resp::Protocol;

/// A parsed file.
#[derive(Debug)]
pub struct Conversation {
    /// Where it came from.
    pub path: PathBuf,
    /// In the order of the file.
    pub sections: Vec<Section>,
    /// The source.
    pub(super) lines: Vec<String>,
}

/// Steps that start with an empty server and new connections.
#[derive(Debug)]
pub struct Section {
    /// What follows `# resp2:`; empty if nothing.
    pub title: String,
    /// The protocol that its header names.
    pub protocol: Protocol,
    /// Of the file and of the section.
    pub(super) limits: Vec<Limit>,
    pub(super) steps: Vec<Step>,
    /// Line numbers of the header (or of the first line) and of what follows the section, from 0.
    pub(super) span: (usize, usize),
}

/// What keeps a section from being compared with some server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Limit {
    /// `# since 7.2`
    Since((u32, u32)),
    /// `# differs redis-7.0: reason`
    Differs { server: String, reason: String },
}

/// One thing to do. Lines are counted from 0.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) client: String,
    pub(super) line: usize,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    /// `> CMD`
    Send(Vec<Vec<u8>>),
    /// `< reply`
    Expect {
        shape: Shape,
        comparison: Comparison,
        /// How many lines the reply has in the file.
        lines: usize,
    },
}

/// Why a file cannot be read.
#[derive(Debug)]
pub struct BadFile {
    /// Which.
    pub path: PathBuf,
    /// Which line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.reason)
    }
}

impl std::error::Error for BadFile {}

impl Conversation {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Conversation, BadFile> {
        let text = std::fs::read_to_string(path).map_err(|error| BadFile {
            path: path.to_owned(),
            line: 0,
            reason: error.to_string(),
        })?;
        Conversation::parse(path, &text)
    }

    /// Reads `text` as the contents of `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Conversation, BadFile> {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut parser = Parser {
            lines: &lines,
            at: 0,
            file_limits: Vec::new(),
            sections: Vec::new(),
        };
        parser.run().map_err(|reason| BadFile {
            path: path.to_owned(),
            line: parser.at + 1,
            reason,
        })?;
        let sections = parser.sections;
        Ok(Conversation {
            path: path.to_owned(),
            sections,
            lines,
        })
    }

    /// The sections to be played over `protocol`: those of its own, and RESP2 sections that have no RESP3 section of the
    /// same title.
    pub fn sections_for(&self, protocol: Protocol) -> impl Iterator<Item = &Section> {
        let has_own = move |title: &str| {
            let own = |section: &&Section| section.protocol == Protocol::Resp3;
            self.sections.iter().filter(own).any(|s| s.title == title)
        };
        self.sections.iter().filter(move |section| {
            section.protocol == protocol
                || (section.protocol == Protocol::Resp2 && !has_own(&section.title))
        })
    }

    /// A step with the same number in both that cannot be: a request whose reply nobody awaits.
    pub fn unanswered(&self) -> Option<BadFile> {
        let (line, request) = self.sections.iter().find_map(Section::unanswered)?;
        Some(BadFile {
            path: self.path.clone(),
            line: line + 1,
            reason: format!("nobody awaits the reply to {}", words::join(request)),
        })
    }
}

impl Section {
    /// Why this section is not to be played against `server`, if so.
    pub fn skipped_for(&self, server: &Identity) -> Option<String> {
        self.limits.iter().find_map(|limit| limit.skips(server))
    }

    /// Whether a reply is expected between the step `at` and the next request of the same client.
    pub(super) fn is_answered(&self, at: usize) -> bool {
        let client = &self.steps[at].client;
        let mut later = self.steps[at + 1..].iter().filter(|s| s.client == *client);
        matches!(
            later.next().map(|step| &step.action),
            Some(Action::Expect { .. })
        )
    }

    fn unanswered(&self) -> Option<(usize, &[Vec<u8>])> {
        self.steps
            .iter()
            .enumerate()
            .find_map(|(at, step)| match &step.action {
                Action::Send(request) if !self.is_answered(at) => {
                    Some((step.line, request.as_slice()))
                }
                _ => None,
            })
    }
}

impl Limit {
    fn skips(&self, server: &Identity) -> Option<String> {
        match self {
            Limit::Since(_) if server.family == "almandine" => None,
            // Valkey's numbers went their own way after 7.2.
            Limit::Since(since) if server.family == "valkey" => {
                (*since > (7, 2)).then(|| format!("since {}.{}", since.0, since.1))
            }
            Limit::Since(since) => {
                (server.version < *since).then(|| format!("since {}.{}", since.0, since.1))
            }
            Limit::Differs {
                server: who,
                reason,
            } => (*who == server.family || *who == server.to_string()).then(|| reason.clone()),
        }
    }
}

struct Parser<'a> {
    lines: &'a [String],
    at: usize,
    file_limits: Vec<Limit>,
    sections: Vec<Section>,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(line) = self.lines.get(self.at) {
            match line.strip_prefix('#') {
                Some(comment) => {
                    self.comment(comment.trim())?;
                    self.at += 1;
                }
                None if line.trim().is_empty() => self.at += 1,
                None => self.step()?,
            }
        }
        match self.sections.is_empty() {
            true => Err("no conversation".to_owned()),
            false => Ok(()),
        }
    }

    fn comment(&mut self, text: &str) -> Result<(), String> {
        if let Some((protocol, title)) = section_header(text) {
            self.open_section(protocol, title);
            return Ok(());
        }
        let Some(limit) = limit(text)? else {
            return Ok(());
        };
        match self.sections.last_mut() {
            Some(section) => section.limits.push(limit),
            None => self.file_limits.push(limit),
        }
        Ok(())
    }

    fn open_section(&mut self, protocol: Protocol, title: &str) {
        self.sections.push(Section {
            title: title.to_owned(),
            protocol,
            limits: self.file_limits.clone(),
            steps: Vec::new(),
            span: (self.at, self.lines.len()),
        });
        if let [.., before, _] = self.sections.as_mut_slice() {
            before.span.1 = self.at;
        }
    }

    fn step(&mut self) -> Result<(), String> {
        if self.sections.is_empty() {
            self.open_section(Protocol::Resp2, "");
        }
        let line = &self.lines[self.at];
        let (client, sign, _) = marks(line).ok_or("neither a request nor a reply")?;
        let (client, first) = (client.to_owned(), self.at);
        let action = match sign {
            '>' => self.request()?,
            _ => self.expectation(&client)?,
        };
        let section = self.sections.last_mut().ok_or("no section")?;
        section.steps.push(Step {
            client,
            line: first,
            action,
        });
        Ok(())
    }

    fn request(&mut self) -> Result<Action, String> {
        let (_, _, text) = marks(&self.lines[self.at]).ok_or("no request")?;
        let args = words::split(text)?;
        if args.is_empty() {
            return Err("an empty request".to_owned());
        }
        self.at += 1;
        Ok(Action::Send(args))
    }

    fn expectation(&mut self, client: &str) -> Result<Action, String> {
        let mut comparison = Comparison::Exact;
        let mut texts = Vec::new();
        for (number, line) in self.lines[self.at..].iter().enumerate() {
            match marks(line) {
                Some((name, '<', text)) if name == client => {
                    let (marked, text) = comparison_mark(text)?;
                    if number == 0 {
                        comparison = marked;
                    }
                    texts.push(text);
                }
                _ => break,
            }
        }
        let (shape, lines) = Shape::parse(&texts)?;
        self.at += lines;
        Ok(Action::Expect {
            shape,
            comparison,
            lines,
        })
    }
}

/// `b> CMD` is `("b", '>', " CMD")`.
fn marks(line: &str) -> Option<(&str, char, &str)> {
    let at = line.find(|c: char| !c.is_ascii_alphanumeric())?;
    let sign = line[at..].chars().next()?;
    (sign == '<' || sign == '>').then(|| (&line[..at], sign, &line[at + 1..]))
}

/// Takes `~`, `~2` or `?` and the blank after it from the beginning of an expectation.
fn comparison_mark(text: &str) -> Result<(Comparison, &str), String> {
    let (mark, rest) = match text.split_once(' ') {
        Some((mark, rest)) => (mark, rest),
        None => (text, ""),
    };
    let comparison = match mark {
        "" => Comparison::Exact,
        "?" => Comparison::Pattern,
        "~" => Comparison::AnyOrder(1),
        _ => match mark.strip_prefix('~').and_then(|n| n.parse().ok()) {
            Some(group) if group > 0 => Comparison::AnyOrder(group),
            _ => return Err(format!("a blank must follow '<', not {mark:?}")),
        },
    };
    Ok((comparison, rest))
}

fn section_header(text: &str) -> Option<(Protocol, &str)> {
    let (word, title) = match text.split_once(':') {
        Some((word, title)) => (word.trim(), title.trim()),
        None => (text, ""),
    };
    match word {
        "resp2" => Some((Protocol::Resp2, title)),
        "resp3" => Some((Protocol::Resp3, title)),
        _ => None,
    }
}

fn limit(text: &str) -> Result<Option<Limit>, String> {
    if let Some(version) = text.strip_prefix("since ") {
        let numbers = version.trim().split_once('.');
        let parsed = numbers.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        // A comment may begin with "since" too.
        return Ok(parsed.map(Limit::Since));
    }
    let Some(rest) = text.strip_prefix("differs ") else {
        return Ok(None);
    };
    match rest.split_once(':') {
        Some((server, reason)) if !reason.trim().is_empty() => Ok(Some(Limit::Differs {
            server: server.trim().to_owned(),
            reason: reason.trim().to_owned(),
        })),
        _ => Err("'# differs SERVER: reason' needs its reason".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Conversation {
        Conversation::parse(Path::new("x.conv"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    const FILE: &str = "# since 7.2\n\n# resp2\n> GET k\n< (nil)\n# resp2: two clients\n# differs redis-7.0: why\n\
        b> BLPOP k 0\n> RPUSH k v\n< :1\nb<~ *2\nb<   \"k\"\nb<   \"v\"\n# resp3: two clients\n> PING\n< +PONG\n";

    #[test]
    fn sections_replace_each_other_by_title() {
        let file = parse(FILE);
        let titles = |protocol| -> Vec<(Protocol, String)> {
            file.sections_for(protocol)
                .map(|section| (section.protocol, section.title.clone()))
                .collect()
        };
        let two = "two clients".to_owned();
        use Protocol::{Resp2, Resp3};
        assert_eq!(
            titles(Resp2),
            [(Resp2, String::new()), (Resp2, two.clone())]
        );
        assert_eq!(titles(Resp3), [(Resp2, String::new()), (Resp3, two)]);
        assert!(file.unanswered().is_none());
    }

    #[test]
    fn limits_of_file_and_section_skip_servers() {
        let file = parse(FILE);
        let server = |family: &str, version| Identity {
            family: family.to_owned(),
            version,
        };
        let skipped = |section: usize, server: &Identity| {
            file.sections[section].skipped_for(server).is_some()
        };
        assert!(skipped(0, &server("redis", (7, 0))));
        assert!(!skipped(0, &server("redis", (8, 2))));
        assert!(!skipped(0, &server("almandine", (0, 0))));
        assert!(!skipped(1, &server("valkey", (9, 1))));
    }

    #[test]
    fn a_request_without_reply_is_found() {
        assert!(parse("> PING\n> PING\n< +PONG\n").unanswered().is_some());
        assert!(
            parse("> PING\nb> PING\nb< +PONG\n< +PONG\n")
                .unanswered()
                .is_none()
        );
    }

    #[test]
    fn bad_files_are_refused() {
        for bad in [
            "",
            "# only a comment\n",
            "# differs redis-7.0\n> PING\n< +PONG\n",
            "> PING\n<+PONG\n",
            "> GET \"a\n< (nil)\n",
            "> KEYS *\n< *2\n<   \"a\"\n",
            "> KEYS *\n< *1\n< \"a\"\n",
            "hello\n",
        ] {
            assert!(Conversation::parse(Path::new("x"), bad).is_err(), "{bad:?}");
        }
    }
}
