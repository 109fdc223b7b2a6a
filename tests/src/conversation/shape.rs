//! A reply as lines, elements indented by two: how files write it, how it is compared.

use super::words::{quote, quoted};
use crate::resp::{Protocol, Value};

/// A reply, or what is expected of one: its first line and its parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    head: String,
    parts: Vec<Shape>,
}

/// How an expectation is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`: to the byte.
    Exact,
    /// `<~`: the elements of each aggregate in any order, taken in groups of this size (`<~2`: pairs stay together).
    AnyOrder(usize),
    /// `<?`: lines with `{any}`, `{int}`, `{hex}`, `{num}`; a last line `...` stands for all that follow.
    Pattern,
}

impl Shape {
    /// The shape of a reply that was received over `protocol`. A null that does not belong into that protocol gets a
    /// name of its own, so that it is equal to nothing that a file expects.
    pub fn of(value: &Value, protocol: Protocol) -> Shape {
        let nested = |values: &[Value]| values.iter().map(|v| Shape::of(v, protocol)).collect();
        let pairs = |pairs: &[(Value, Value)]| -> Vec<Shape> {
            pairs
                .iter()
                .flat_map(|(k, v)| [Shape::of(k, protocol), Shape::of(v, protocol)])
                .collect()
        };
        let leaf = |head: String| Shape {
            head,
            parts: Vec::new(),
        };
        match value {
            Value::Simple(text) => leaf(format!("+{}", plain(text))),
            Value::Error(text) => leaf(format!("-{}", plain(text))),
            Value::Integer(number) => leaf(format!(":{number}")),
            Value::Bulk(text) => leaf(quote(text)),
            Value::NilBulk if protocol == Protocol::Resp3 => leaf("(nil-of-resp2)".to_owned()),
            Value::Null if protocol == Protocol::Resp2 => leaf("(nil-of-resp3)".to_owned()),
            Value::NilBulk | Value::Null => leaf("(nil)".to_owned()),
            Value::NilArray => leaf("(nil-array)".to_owned()),
            Value::Double(text) => leaf(format!(",{}", plain(text))),
            Value::Boolean(value) => leaf(if *value { "#t" } else { "#f" }.to_owned()),
            Value::BigNumber(text) => leaf(format!("({}", plain(text))),
            Value::BulkError(text) => leaf(format!("!{}", quote(text))),
            Value::Verbatim(format, text) => {
                let text = quote(text);
                let text = &text[1..text.len() - 1];
                leaf(format!("={}:{text}", plain(format)))
            }
            Value::Array(values) => aggregate('*', values.len(), nested(values)),
            Value::Set(values) => aggregate('~', values.len(), nested(values)),
            Value::Push(values) => aggregate('>', values.len(), nested(values)),
            Value::Map(map) => aggregate('%', map.len(), pairs(map)),
            Value::Attribute(attributes, value) => {
                let mut parts = pairs(attributes);
                parts.push(Shape::of(value, protocol));
                aggregate('|', attributes.len(), parts)
            }
        }
    }

    /// A shape without parts: for what happens instead of a reply.
    pub fn word(word: &str) -> Shape {
        Shape {
            head: word.to_owned(),
            parts: Vec::new(),
        }
    }

    /// Reads one shape from the beginning of `lines` (without the marks of the file): the shape and its number of lines.
    pub fn parse(lines: &[&str]) -> Result<(Shape, usize), String> {
        let mut used = 0;
        let shape = parse_at(lines, 0, &mut used)?;
        Ok((shape, used))
    }

    /// The lines of this shape.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.write(0, &mut lines);
        lines
    }

    /// Whether `actual` is what this expectation allows.
    pub fn accepts(&self, actual: &Shape, comparison: Comparison) -> bool {
        match comparison {
            Comparison::Exact => self == actual,
            Comparison::AnyOrder(group) => self.sorted(group) == actual.sorted(group),
            Comparison::Pattern => accepts_lines(&self.lines(), &actual.lines()),
        }
    }

    /// How many elements a head of an aggregate announces, in parts; `None` for other heads. A pattern of any number has
    /// parts up to its `...`.
    fn announced_parts(head: &str) -> Option<usize> {
        let count: usize = match head.get(1..)? {
            "{int}" => usize::MAX,
            count => count.parse().ok()?,
        };
        match head.as_bytes()[0] {
            b'*' | b'~' | b'>' => Some(count),
            b'%' => Some(count.saturating_mul(2)),
            b'|' => Some(count.saturating_mul(2).saturating_add(1)),
            _ => None,
        }
    }

    fn write(&self, indent: usize, lines: &mut Vec<String>) {
        lines.push(format!("{}{}", " ".repeat(indent), self.head));
        for part in &self.parts {
            part.write(indent + 2, lines);
        }
    }

    fn sorted(&self, group: usize) -> Shape {
        let mut parts: Vec<Shape> = self.parts.iter().map(|part| part.sorted(group)).collect();
        let group = match self.head.as_bytes().first() {
            Some(b'%') => 2,
            // An attribute's parts are pairs and a value: they keep their places.
            Some(b'|') => parts.len().max(1),
            // Pairs are pairs of plain values; rows of a table stay rows.
            _ if self.parts.iter().any(|part| !part.parts.is_empty()) => 1,
            _ => group,
        };
        let mut groups: Vec<Vec<Shape>> = parts.chunks(group).map(<[Shape]>::to_vec).collect();
        groups.sort();
        parts.clear();
        parts.extend(groups.into_iter().flatten());
        Shape {
            head: self.head.clone(),
            parts,
        }
    }
}

fn aggregate(sign: char, count: usize, parts: Vec<Shape>) -> Shape {
    Shape {
        head: format!("{sign}{count}"),
        parts,
    }
}

/// Text that a file shows without quotes: what is not printable is escaped, and so are blanks at the end, which editors
/// like to remove.
fn plain(text: &[u8]) -> String {
    let end = text.trim_ascii_end().len();
    let mut out = String::with_capacity(text.len());
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b' ' if i >= end => out.push_str("\\x20"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

fn parse_at(lines: &[&str], indent: usize, used: &mut usize) -> Result<Shape, String> {
    let Some(line) = lines.get(*used) else {
        return Err("the reply announces more elements than there are lines".to_owned());
    };
    let text = line.trim_start_matches(' ');
    let found = line.len() - text.len();
    if found != indent && text != "..." {
        return Err(format!(
            "{line:?} should be indented by {indent}, not by {found}"
        ));
    }
    *used += 1;
    let head = canonical(text)?;
    let mut parts = Vec::new();
    for _ in 0..Shape::announced_parts(&head).unwrap_or(0) {
        let part = parse_at(lines, indent + 2, used)?;
        let is_rest = part.head == "...";
        parts.push(part);
        if is_rest {
            break;
        }
    }
    Ok(Shape { head, parts })
}

/// The one way in which a head is written.
fn canonical(text: &str) -> Result<String, String> {
    let canonical = match text.as_bytes().first() {
        None => return Err("an empty line where a reply should be".to_owned()),
        Some(b'"') => {
            let (word, rest) = quoted(text.as_bytes())?;
            if !rest.trim_ascii().is_empty() {
                return Err(format!("{text:?} goes on after its closing quote"));
            }
            quote(&word)
        }
        Some(b'+' | b'-') => {
            let end = text.trim_end_matches(' ').len();
            format!("{}{}", &text[..end], "\\x20".repeat(text.len() - end))
        }
        Some(_) => text.trim_end().to_owned(),
    };
    Ok(canonical)
}

fn accepts_lines(pattern: &[String], actual: &[String]) -> bool {
    match (pattern, actual) {
        ([], []) => true,
        ([rest], _) if rest.trim() == "..." => true,
        ([first, pattern @ ..], [line, actual @ ..]) => {
            accepts_line(first, line) && accepts_lines(pattern, actual)
        }
        _ => false,
    }
}

/// Whether `text` is `pattern` with its holes filled.
fn accepts_line(pattern: &str, text: &str) -> bool {
    let Some((hole, at)) = HOLES
        .iter()
        .filter_map(|hole| Some((hole, pattern.find(hole.name)?)))
        .min_by_key(|(_, at)| *at)
    else {
        return pattern == text;
    };
    let (before, after) = (&pattern[..at], &pattern[at + hole.name.len()..]);
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    let fitting = text.bytes().take_while(|byte| (hole.takes)(*byte)).count();
    (hole.at_least..=fitting)
        .rev()
        .any(|end| text.is_char_boundary(end) && accepts_line(after, &text[end..]))
}

struct Hole {
    name: &'static str,
    at_least: usize,
    takes: fn(u8) -> bool,
}

const HOLES: [Hole; 4] = [
    Hole {
        name: "{any}",
        at_least: 0,
        takes: |_| true,
    },
    Hole {
        name: "{int}",
        at_least: 1,
        takes: |byte| byte.is_ascii_digit() || byte == b'-',
    },
    Hole {
        name: "{hex}",
        at_least: 1,
        takes: |byte| byte.is_ascii_hexdigit(),
    },
    Hole {
        name: "{num}",
        at_least: 1,
        takes: |byte| byte.is_ascii_digit() || b"+-.e".contains(&byte),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        let lines: Vec<&str> = text.lines().collect();
        let (shape, used) = Shape::parse(&lines).expect("a shape");
        assert_eq!(used, lines.len());
        shape
    }

    fn reply() -> Value {
        Value::Array(vec![
            Value::bulk("b"),
            Value::Integer(1),
            Value::Map(vec![(Value::bulk("k"), Value::NilArray)]),
        ])
    }

    #[test]
    fn a_reply_is_written_and_read_alike() {
        let written = Shape::of(&reply(), Protocol::Resp2);
        let text = "*3\n  \"b\"\n  :1\n  %1\n    \"k\"\n    (nil-array)";
        assert_eq!(written.lines().join("\n"), text);
        assert_eq!(shape(text), written);
    }

    #[test]
    fn a_null_of_the_other_protocol_is_no_null() {
        let nil = shape("(nil)");
        assert_eq!(Shape::of(&Value::Null, Protocol::Resp3), nil);
        assert_eq!(Shape::of(&Value::NilBulk, Protocol::Resp2), nil);
        assert_ne!(Shape::of(&Value::Null, Protocol::Resp2), nil);
        assert_ne!(Shape::of(&Value::NilBulk, Protocol::Resp3), nil);
    }

    #[test]
    fn order_free_comparison_keeps_groups_together() {
        let given = shape("*4\n  \"a\"\n  \"1\"\n  \"b\"\n  \"2\"");
        let swapped = shape("*4\n  \"b\"\n  \"2\"\n  \"a\"\n  \"1\"");
        let torn = shape("*4\n  \"b\"\n  \"1\"\n  \"a\"\n  \"2\"");
        assert!(given.accepts(&swapped, Comparison::AnyOrder(2)));
        assert!(!given.accepts(&torn, Comparison::AnyOrder(2)));
        assert!(given.accepts(&torn, Comparison::AnyOrder(1)));
        assert!(!given.accepts(&swapped, Comparison::Exact));
    }

    #[test]
    fn patterns_have_holes() {
        let actual = Shape::of(&reply(), Protocol::Resp2);
        assert!(shape("*3\n  \"{any}\"\n  :{int}\n  ...").accepts(&actual, Comparison::Pattern));
        assert!(
            !shape("*3\n  \"{any}\"\n  \"{int}\"\n  ...").accepts(&actual, Comparison::Pattern)
        );
        assert!(shape("*{int}\n  \"b\"\n  ...").accepts(&actual, Comparison::Pattern));
        assert!(!shape("*{int}\n  \"c\"\n  ...").accepts(&actual, Comparison::Pattern));
        assert!(Shape::parse(&["*{int}", "  \"b\""]).is_err());
        assert!(!accepts_line("{int}", ""));
        assert!(accepts_line("a{hex}z{any}", "a0fz"));
    }

    #[test]
    fn trailing_blanks_show() {
        let error = Value::Error(b"ERR beginning with: ".to_vec());
        let written = Shape::of(&error, Protocol::Resp2);
        assert_eq!(written.lines(), ["-ERR beginning with:\\x20"]);
        assert_eq!(shape("-ERR beginning with: "), written);
    }
}
