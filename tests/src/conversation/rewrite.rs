//! Writes the server's answers back into the file.

use std::collections::BTreeMap;

use super::file::{Action, Conversation, Section, Step};
use super::play::{Answer, play};
use super::shape::Comparison;
use crate::process::Running;
use crate::resp::{ClientError, Protocol};

/// The text of `conversation` with the answers of `server`. Answers that are accepted keep their form. A RESP2 section
/// whose answers are different in RESP3 gets a RESP3 section after it.
pub fn rewritten(conversation: &Conversation, server: &Running) -> Result<String, ClientError> {
    let mut edits = Edits::default();
    for section in &conversation.sections {
        let played = play(section, section.protocol, server, true)?;
        edits.answers(section, &played.answers);
    }
    let text = edits.apply(&conversation.lines);
    // The second pass starts from what RESP2 said.
    let Ok(conversation) = Conversation::parse(&conversation.path, &text) else {
        return Ok(text);
    };
    let mut edits = Edits::default();
    for title in titles_to_double(&conversation, server)? {
        for section in conversation.sections.iter().filter(|s| s.title == title) {
            let played = play(section, Protocol::Resp3, server, true)?;
            edits.double(section, &played.answers, &conversation.lines);
        }
    }
    Ok(edits.apply(&conversation.lines))
}

/// Titles of RESP2 sections that are played in RESP3 too and should not.
fn titles_to_double(
    conversation: &Conversation,
    server: &Running,
) -> Result<Vec<String>, ClientError> {
    let mut titles = Vec::new();
    for section in conversation.sections_for(Protocol::Resp3) {
        if section.protocol == Protocol::Resp3 || titles.contains(&section.title) {
            continue;
        }
        let played = play(section, Protocol::Resp3, server, true)?;
        if played.answers.iter().any(|answer| !answer.accepted) {
            titles.push(section.title.clone());
        }
    }
    Ok(titles)
}

/// Changes of lines, by the line where they are.
#[derive(Default)]
struct Edits {
    /// Lines that come before the line.
    inserted: BTreeMap<usize, Vec<String>>,
    /// What stands for the lines from here to before the number.
    replaced: BTreeMap<usize, (usize, Vec<String>)>,
}

impl Edits {
    fn answers(&mut self, section: &Section, answers: &[Answer]) {
        for answer in answers.iter().filter(|answer| !answer.accepted) {
            let step = &section.steps[answer.step];
            let lines = reply_lines(step, answer);
            match &step.action {
                Action::Expect { lines: old, .. } => {
                    self.replaced.insert(step.line, (step.line + old, lines));
                }
                Action::Send(_) => {
                    self.inserted.insert(step.line + 1, lines);
                }
            }
        }
    }

    /// Adds a copy of `section` for RESP3 after it.
    fn double(&mut self, section: &Section, answers: &[Answer], lines: &[String]) {
        let mut copied = Edits::default();
        copied.answers(section, answers);
        let (start, end) = section.span;
        let mut copy = copied.lines(lines, start, end);
        let header = match section.title.as_str() {
            "" => "# resp3".to_owned(),
            title => format!("# resp3: {title}"),
        };
        match copy.first_mut() {
            Some(first) if first.starts_with('#') => *first = header,
            _ => copy.insert(0, header),
        }
        while copy.last().is_some_and(|line| line.trim().is_empty()) {
            copy.pop();
        }
        copy.insert(0, String::new());
        let more = lines[end..].iter().any(|line| !line.trim().is_empty());
        if more {
            copy.push(String::new());
        }
        self.inserted.insert(end, copy);
    }

    fn apply(&self, lines: &[String]) -> String {
        let mut text = self.lines(lines, 0, lines.len()).join("\n");
        text.push('\n');
        text
    }

    fn lines(&self, lines: &[String], start: usize, end: usize) -> Vec<String> {
        let mut out = Vec::new();
        let mut at = start;
        while at <= end {
            out.extend(self.inserted.get(&at).into_iter().flatten().cloned());
            if at == end {
                break;
            }
            match self.replaced.get(&at) {
                Some((next, lines)) => {
                    out.extend(lines.iter().cloned());
                    at = *next;
                }
                None => {
                    out.push(lines[at].clone());
                    at += 1;
                }
            }
        }
        out
    }
}

fn reply_lines(step: &Step, answer: &Answer) -> Vec<String> {
    let mark = match &step.action {
        Action::Expect {
            comparison: Comparison::AnyOrder(1),
            ..
        } => "~".to_owned(),
        Action::Expect {
            comparison: Comparison::AnyOrder(group),
            ..
        } => format!("~{group}"),
        _ => String::new(),
    };
    let client = &step.client;
    let mut out = Vec::new();
    for (number, shape) in std::iter::once(&answer.shape)
        .chain(&answer.more)
        .enumerate()
    {
        for (row, line) in shape.lines().iter().enumerate() {
            let mark = if number + row == 0 { mark.as_str() } else { "" };
            out.push(format!("{client}<{mark} {line}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn answers_stand_where_they_belong() {
        let text = "b> BLPOP k 0\n> RPUSH k v\nb< *1\nb<   :1\n> PING\n< +PONG\n";
        let conversation = Conversation::parse(Path::new("x"), text).expect("a conversation");
        let section = &conversation.sections[0];
        let answer = |step, word| Answer {
            step,
            shape: super::super::shape::Shape::word(word),
            more: Vec::new(),
            accepted: false,
        };
        let mut edits = Edits::default();
        edits.answers(section, &[answer(1, ":1"), answer(2, "(nil)")]);
        let rewritten = edits.apply(&conversation.lines);
        assert_eq!(
            rewritten,
            "b> BLPOP k 0\n> RPUSH k v\n< :1\nb< (nil)\n> PING\n< +PONG\n"
        );
        let mut edits = Edits::default();
        edits.double(section, &[answer(4, "+X")], &conversation.lines);
        let doubled = edits.apply(&conversation.lines);
        assert!(
            doubled.starts_with(text) && doubled.contains("\n\n# resp3\nb> BLPOP"),
            "{doubled}"
        );
        assert!(doubled.ends_with("> PING\n< +X\n"), "{doubled}");
    }
}
