//! Plays a section against a server.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::file::{Action, Section};
use super::shape::{Comparison, Shape};
use super::words;
use crate::process::{Running, wait_for, wait_until};
use crate::resp::{Client, ClientError, Protocol, info_field};

/// How long a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A reply that is not the expected one.
#[derive(Debug)]
pub struct Mismatch {
    /// Line of the request or of the expectation in the file, from 1.
    pub line: usize,
    /// What the client said last.
    pub request: String,
    /// Lines.
    pub expected: Vec<String>,
    /// Lines.
    pub actual: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  line {}: > {}", self.line, shortened(&self.request))?;
        for line in &self.expected {
            writeln!(f, "    expected {}", shortened(line))?;
        }
        for line in &self.actual {
            writeln!(f, "    received {}", shortened(line))?;
        }
        Ok(())
    }
}

/// Longer lines are cut when shown.
const SHOWN_MAX: usize = 400;

fn shortened(line: &str) -> String {
    match line.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}... ({} bytes)", &line[..end], line.len()),
        None => line.to_owned(),
    }
}

/// What the server answered to one step.
pub(super) struct Answer {
    /// Index of the step.
    pub(super) step: usize,
    pub(super) shape: Shape,
    /// Further replies that had come by then, to a request that nobody awaited.
    pub(super) more: Vec<Shape>,
    pub(super) accepted: bool,
}

/// What a section showed.
pub(super) struct Played {
    /// One for each step that awaits a reply, and for requests without one if they were asked to be answered.
    pub(super) answers: Vec<Answer>,
    /// What is wrong beside the answers.
    pub(super) leftovers: Vec<Mismatch>,
}

/// Plays `section` on an emptied server. With `answer_all`, a request whose reply nobody awaits is answered as well.
pub(super) fn play(
    section: &Section,
    protocol: Protocol,
    server: &Running,
    answer_all: bool,
) -> Result<Played, ClientError> {
    let mut stage = Cast {
        server,
        protocol,
        control: server.client(),
        clients: BTreeMap::new(),
    };
    stage.control.timeout(REPLY_TIMEOUT);
    stage.control.call(&["FLUSHALL"])?;
    let connected = stage.info_number("connected_clients");
    let mut answers = Vec::new();
    for (at, step) in section.steps.iter().enumerate() {
        match &step.action {
            Action::Send(request) => {
                let next = section.steps.get(at + 1);
                let deferred = next.is_none_or(|next| {
                    next.client != step.client || matches!(next.action, Action::Send(_))
                });
                let unawaited = answer_all && !section.is_answered(at);
                stage.send(&step.client, request, deferred && !unawaited)?;
                if unawaited {
                    answers.push(Answer {
                        step: at,
                        shape: stage.receive(&step.client)?,
                        more: stage.arrived(&step.client)?,
                        accepted: false,
                    });
                }
            }
            Action::Expect {
                shape: expected,
                comparison,
                ..
            } => {
                let shape = stage.awaited(&step.client, expected)?;
                let accepted = expected.accepts(&shape, *comparison);
                answers.push(Answer {
                    step: at,
                    shape,
                    more: Vec::new(),
                    accepted,
                });
            }
        }
    }
    let leftovers = stage.leftovers(section);
    stage.leave(connected);
    Ok(Played { answers, leftovers })
}

/// The mismatches among `played`.
pub(super) fn mismatches(section: &Section, played: Played) -> Vec<Mismatch> {
    let mut found = Vec::new();
    for answer in played.answers.iter().filter(|answer| !answer.accepted) {
        let step = &section.steps[answer.step];
        let expected = match &step.action {
            Action::Expect {
                shape, comparison, ..
            } => marked(shape.lines(), *comparison),
            Action::Send(_) => Vec::new(),
        };
        found.push(Mismatch {
            line: step.line + 1,
            request: last_request(section, answer.step),
            expected,
            actual: answer.shape.lines(),
        });
    }
    found.extend(played.leftovers);
    found
}

fn marked(mut lines: Vec<String>, comparison: Comparison) -> Vec<String> {
    let mark = match comparison {
        Comparison::Exact => return lines,
        Comparison::AnyOrder(_) => " (in any order)",
        Comparison::Pattern => " (a pattern)",
    };
    if let Some(first) = lines.first_mut() {
        first.push_str(mark);
    }
    lines
}

fn last_request(section: &Section, at: usize) -> String {
    let client = &section.steps[at].client;
    let mut before = section.steps[..=at].iter().rev();
    before
        .find_map(|step| match &step.action {
            Action::Send(request) if step.client == *client => Some(words::join(request)),
            _ => None,
        })
        .unwrap_or_default()
}

/// The clients of a section.
struct Cast<'a> {
    server: &'a Running,
    protocol: Protocol,
    /// Empties the server and asks it how it is; takes no part in the conversation.
    control: Client,
    clients: BTreeMap<String, Member>,
}

struct Member {
    client: Client,
    protocol: Protocol,
    /// The protocol that a HELLO asked for whose reply is awaited.
    greeting: Option<Protocol>,
}

impl Cast<'_> {
    fn member(&mut self, name: &str) -> Result<&mut Member, ClientError> {
        if !self.clients.contains_key(name) {
            let mut client = Client::connect_with(self.server.address(), self.protocol)?;
            client.timeout(REPLY_TIMEOUT);
            let member = Member {
                client,
                protocol: self.protocol,
                greeting: None,
            };
            self.clients.insert(name.to_owned(), member);
        }
        self.clients.get_mut(name).ok_or(ClientError::Closed)
    }

    /// Sends a request. If its reply is awaited `later`, returns when the server has come to know it: others' requests
    /// that follow in the file must follow in the server.
    fn send(&mut self, name: &str, request: &[Vec<u8>], later: bool) -> Result<(), ClientError> {
        let blocked_before = match later {
            true => self.info_number("blocked_clients"),
            false => 0,
        };
        let request = &self.addressed(request)?;
        let member = self.member(name)?;
        member.greeting = greeting(request, member.protocol);
        // A server that has closed the connection is seen when the reply is awaited.
        match member.client.send(request) {
            Ok(()) | Err(ClientError::Closed) => {}
            Err(other) => return Err(other),
        }
        if !later {
            return Ok(());
        }
        let is_known = wait_until(REPLY_TIMEOUT, || {
            let has_news = |member: &mut Member| member.client.has_news();
            self.clients.get_mut(name).is_none_or(has_news)
                || self.info_number("blocked_clients") > blocked_before
        });
        is_known.then_some(()).ok_or(ClientError::TimedOut)
    }

    /// The request with `@id:b`, `@addr:b` and `@laddr:b` replaced by what the server calls client `b`.
    fn addressed(&mut self, request: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut words = Vec::with_capacity(request.len());
        for word in request {
            words.push(match std::str::from_utf8(word).ok().and_then(placeholder) {
                Some((field, name)) => self.client_field(field, name)?.into_bytes(),
                None => word.clone(),
            });
        }
        Ok(words)
    }

    /// A field of client `name` in CLIENT LIST, where its address tells it from the others. The server may accept the
    /// connection a little later than it is made.
    fn client_field(&mut self, field: &str, name: &str) -> Result<String, ClientError> {
        let address = format!(" addr={} ", self.member(name)?.client.local_address()?);
        let find = || {
            let list = self.control.call(&["CLIENT", "LIST"]);
            let list = match list {
                Ok(list) => list.text().unwrap_or_default(),
                Err(error) => return Some(Err(error)),
            };
            let line = list.lines().find(|line| line.contains(&address));
            let mut fields = line.unwrap_or_default().split(' ');
            let value = fields.find_map(|f| f.strip_prefix(field)?.strip_prefix('='));
            Some(Ok(value?.to_owned()))
        };
        wait_for(REPLY_TIMEOUT, find).unwrap_or(Err(ClientError::TimedOut))
    }

    /// The reply where `expected` is expected.
    fn awaited(&mut self, name: &str, expected: &Shape) -> Result<Shape, ClientError> {
        if *expected != Shape::word(NO_REPLY) {
            return self.receive(name);
        }
        // A reply that comes all the same is found when the next one is awaited, or as a leftover.
        Ok(Shape::word(NO_REPLY))
    }

    fn receive(&mut self, name: &str) -> Result<Shape, ClientError> {
        let member = self.member(name)?;
        let value = match member.client.receive() {
            Ok(value) => value,
            Err(ClientError::Closed) => return Ok(Shape::word(CLOSED)),
            Err(ClientError::TimedOut) => return Ok(Shape::word("(no reply in time)")),
            Err(other) => return Err(other),
        };
        if let Some(protocol) = member.greeting.take()
            && !value.is_error()
        {
            member.protocol = protocol;
        }
        Ok(Shape::of(&value, member.protocol))
    }

    /// What has come already.
    fn arrived(&mut self, name: &str) -> Result<Vec<Shape>, ClientError> {
        let member = self.member(name)?;
        let mut shapes = Vec::new();
        while let Ok(Some(value)) = member.client.receive_now() {
            shapes.push(Shape::of(&value, member.protocol));
        }
        Ok(shapes)
    }

    /// Replies that nobody awaited.
    fn leftovers(&mut self, section: &Section) -> Vec<Mismatch> {
        let mut found = Vec::new();
        for (name, member) in &mut self.clients {
            while let Ok(Some(value)) = member.client.receive_now() {
                found.push(Mismatch {
                    line: section.span.1,
                    request: format!("(the end of the section, client {name:?})"),
                    expected: vec!["nothing more".to_owned()],
                    actual: Shape::of(&value, member.protocol).lines(),
                });
            }
        }
        found
    }

    /// Closes all connections. Where there were several, waits until the server has noticed: one that is still blocked
    /// would take part in the next section.
    fn leave(&mut self, connected: i64) {
        let several = self.clients.len() > 1;
        self.clients.clear();
        if several {
            wait_until(REPLY_TIMEOUT, || {
                self.info_number("connected_clients") <= connected
            });
        }
    }

    /// A number of INFO clients; 0 if the server does not tell.
    fn info_number(&mut self, field: &str) -> i64 {
        let info = self.control.call(&["INFO", "clients"]);
        let text = info.ok().and_then(|info| info.text()).unwrap_or_default();
        let value = info_field(&text, field);
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// `@id:b` is the field `id` of client `b`; `@id:` that of the client without a name.
fn placeholder(word: &str) -> Option<(&str, &str)> {
    let (field, name) = word.strip_prefix('@')?.split_once(':')?;
    matches!(field, "id" | "addr" | "laddr").then_some((field, name))
}

/// What stands for a connection that the server closes.
const CLOSED: &str = "(closed)";
/// What stands for a request without a reply.
const NO_REPLY: &str = "(no-reply)";

fn greeting(request: &[Vec<u8>], now: Protocol) -> Option<Protocol> {
    let is = |at: usize, word: &str| {
        request
            .get(at)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    match () {
        () if is(0, "RESET") => Some(Protocol::Resp2),
        () if !is(0, "HELLO") => None,
        () if is(1, "2") => Some(Protocol::Resp2),
        () if is(1, "3") => Some(Protocol::Resp3),
        () => Some(now),
    }
}

/// Whether `error` may mean that the server has died.
pub(super) fn is_death(error: &ClientError) -> bool {
    matches!(error, ClientError::Closed | ClientError::Io(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_name_a_field_and_a_client() {
        assert_eq!(placeholder("@id:b"), Some(("id", "b")));
        assert_eq!(placeholder("@laddr:"), Some(("laddr", "")));
        for other in ["@id", "id:b", "@name:b", "user@addr:b"] {
            assert_eq!(placeholder(other), None, "{other}");
        }
    }

    #[test]
    fn hello_and_reset_change_the_protocol() {
        let request = |line: &str| words::split(line).expect("words");
        let after = |line: &str| greeting(&request(line), Protocol::Resp2);
        assert_eq!(after("hello 3 SETNAME x"), Some(Protocol::Resp3));
        assert_eq!(after("HELLO"), Some(Protocol::Resp2));
        assert_eq!(after("reset"), Some(Protocol::Resp2));
        assert_eq!(after("GET hello"), None);
    }
}
