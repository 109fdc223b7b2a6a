//! The manifest: a line for each file, `file NAME seq N type b|h|i [startoffset N] [preamble N]`.
//!
//! Whose replication stream the increments are is said in comments, which Redis passes over: `# stream ID until OFFSET` of
//! each id that was in force before, and `# stream ID` of the one that is.

use std::fmt;

/// The role of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `b`: all keys at one moment.
    Base,
    /// `i`: what has changed since.
    Increment,
    /// `h`: not needed any more, to be removed.
    History,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its name inside the directory.
    pub file: String,
    /// Rises with every file of the same kind.
    pub seq: u64,
    /// Its role.
    pub kind: FileKind,
    /// Offset of the replication stream of its first byte, where known.
    pub start_offset: Option<u64>,
    /// Bytes before that one, which are none of the stream.
    pub preamble: u64,
}

/// Which files make up the data set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The snapshot that the increments follow.
    pub base: Option<Segment>,
    /// In the order in which they are read; the last one is being written.
    pub increments: Vec<Segment>,
    /// To be removed.
    pub history: Vec<Segment>,
    /// The ids of the stream, oldest first; none if that is not known.
    pub terms: Vec<Term>,
}

/// An id of the replication stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The id, a word.
    pub id: String,
    /// The offset at which another one followed.
    pub end: Option<u64>,
}

/// A manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadManifest {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Redis's bound on a line, bytes.
const LINE_MAX: usize = 1024;

impl fmt::Display for BadManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for BadManifest {}

impl Manifest {
    /// Reads a manifest. Words that are not known are passed over, as in Redis.
    pub fn parse(text: &[u8]) -> Result<Manifest, BadManifest> {
        let mut manifest = Manifest::default();
        let at = |line: usize| move |reason| BadManifest { line, reason };
        let text = std::str::from_utf8(text).map_err(|_| at(1)("not a text"))?;
        for (number, line) in text.lines().enumerate() {
            let at = at(number + 1);
            if line.starts_with('#') {
                manifest.terms.extend(Term::parse(line));
                continue;
            }
            manifest
                .add(Segment::parse(line).map_err(at)?)
                .map_err(at)?;
        }
        if manifest.base.is_none() && manifest.increments.is_empty() {
            return Err(at(1)("it names no file"));
        }
        Ok(manifest)
    }

    /// The text of the manifest.
    pub fn print(&self) -> String {
        let all = self
            .base
            .iter()
            .chain(&self.history)
            .chain(&self.increments);
        let terms = self.terms.iter().map(Term::print);
        all.map(Segment::print).chain(terms).collect()
    }

    /// The sequence number of the next base or increment.
    pub fn next_seq(&self, kind: FileKind) -> u64 {
        let all = self
            .base
            .iter()
            .chain(&self.increments)
            .chain(&self.history);
        let same = all.filter(|segment| match kind {
            FileKind::Base => segment.file.contains(".base."),
            _ => segment.file.contains(".incr."),
        });
        same.map(|segment| segment.seq)
            .max()
            .unwrap_or(0)
            .saturating_add(1)
    }

    fn add(&mut self, segment: Segment) -> Result<(), &'static str> {
        match segment.kind {
            FileKind::Base if self.base.is_some() => {
                return Err("found duplicate base file information");
            }
            FileKind::Base => self.base = Some(segment),
            FileKind::History => self.history.push(segment),
            FileKind::Increment => {
                let last = self.increments.last().map_or(0, |last| last.seq);
                if segment.seq <= last {
                    return Err("found a non-monotonic sequence number");
                }
                self.increments.push(segment);
            }
        }
        Ok(())
    }
}

impl Term {
    /// Other comments are none.
    fn parse(line: &str) -> Option<Term> {
        let mut words = line.split(' ');
        if (words.next(), words.next()) != (Some("#"), Some("stream")) {
            return None;
        }
        let id = words.next()?.to_owned();
        let end = match (words.next(), words.next()) {
            (None, _) => None,
            (Some("until"), Some(offset)) => Some(offset.parse().ok()?),
            _ => return None,
        };
        Some(Term { id, end })
    }

    fn print(&self) -> String {
        match self.end {
            None => format!("# stream {}\n", self.id),
            Some(end) => format!("# stream {} until {end}\n", self.id),
        }
    }
}

impl Segment {
    fn parse(line: &str) -> Result<Segment, &'static str> {
        if line.is_empty() || line.len() > LINE_MAX {
            return Err("empty or too long");
        }
        let words = split_words(line).ok_or("unbalanced quotes")?;
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() || pairs.len() < 3 {
            return Err("not a list of names and values");
        }
        let value = |name: &str| {
            let pair = pairs.iter().find(|[key, _]| key.eq_ignore_ascii_case(name));
            pair.map(|[_, value]| value.as_str())
        };
        let file = value("file").ok_or("no file name")?;
        if file.contains('/') || file == "." || file == ".." || file.is_empty() {
            return Err("file can't be a path, just a filename");
        }
        let seq = value("seq").and_then(|seq| seq.parse().ok());
        let seq = seq.filter(|seq| *seq > 0).ok_or("no sequence number")?;
        let kind = match value("type") {
            Some("b") => FileKind::Base,
            Some("i") => FileKind::Increment,
            Some("h") => FileKind::History,
            _ => return Err("unknown file type"),
        };
        let start_offset = value("startoffset").map(|offset| offset.parse());
        let preamble = value("preamble").map_or(Ok(0), str::parse);
        Ok(Segment {
            file: file.to_owned(),
            seq,
            kind,
            start_offset: start_offset.transpose().map_err(|_| "bad startoffset")?,
            preamble: preamble.map_err(|_| "bad preamble")?,
        })
    }

    fn print(&self) -> String {
        let kind = match self.kind {
            FileKind::Base => 'b',
            FileKind::Increment => 'i',
            FileKind::History => 'h',
        };
        let mut line = format!("file {} seq {} type {kind}", quoted(&self.file), self.seq);
        if let Some(offset) = self.start_offset {
            line += &format!(" startoffset {offset}");
        }
        if self.preamble > 0 {
            line += &format!(" preamble {}", self.preamble);
        }
        line + "\n"
    }
}

/// A file name as one word.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\');
    match name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Words between blanks; those in double quotes may hold blanks and escaped quotes.
fn split_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let Some(first) = chars.peek().copied() else {
            return Some(words);
        };
        let mut word = String::new();
        if first == '"' {
            chars.next();
            loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => word.push(chars.next()?),
                    c => word.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_redis_is_read_and_printed_again() {
        let text = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                    file appendonly.aof.1.base.rdb seq 1 type h\n\
                    file appendonly.aof.4.incr.aof seq 4 type i\n\
                    file appendonly.aof.5.incr.aof seq 5 type i startoffset 77\n\
                    file appendonly.aof.6.incr.aof seq 6 type i startoffset 99 preamble 23\n";
        let manifest = Manifest::parse(text.as_bytes()).expect("a manifest");
        assert_eq!(manifest.print(), text);
        assert_eq!(manifest.next_seq(FileKind::Base), 3);
        assert_eq!(manifest.next_seq(FileKind::Increment), 7);
        assert_eq!(manifest.increments[1].start_offset, Some(77));
        let preambles: Vec<u64> = manifest.increments.iter().map(|i| i.preamble).collect();
        assert_eq!(preambles, [0, 0, 23]);
    }

    #[test]
    fn the_ids_of_the_stream_are_comments() {
        let text = "file a.1.incr.aof seq 1 type i startoffset 7\n\
                    # stream aa until 5\n\
                    # stream bb\n";
        let manifest = Manifest::parse(text.as_bytes()).expect("a manifest");
        let term = |id: &str, end| Term { id: id.into(), end };
        assert_eq!(manifest.terms, [term("aa", Some(5)), term("bb", None)]);
        assert_eq!(manifest.print(), text);
        for other in [
            "# streams aa",
            "#stream aa",
            "# stream",
            "# stream a until x",
        ] {
            assert_eq!(Term::parse(other), None, "{other}");
        }
    }

    #[test]
    fn names_with_blanks_and_quotes_are_one_word() {
        let manifest = Manifest {
            increments: vec![Segment {
                file: "my \"aof\\.incr.".into(),
                seq: 1,
                kind: FileKind::Increment,
                start_offset: None,
                preamble: 0,
            }],
            ..Manifest::default()
        };
        assert_eq!(
            Manifest::parse(manifest.print().as_bytes()),
            Ok(manifest.clone())
        );
    }

    #[test]
    fn words_of_later_versions_and_comments_are_passed_over() {
        let text = b"# a comment\nFILE a.1.incr.aof endoffset 9 seq 1 type i\n";
        let manifest = Manifest::parse(text).expect("a manifest");
        assert_eq!(manifest.increments.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, reason) in [
            ("", 1, "it names no file"),
            ("\n", 1, "empty or too long"),
            ("file a seq 1\n", 1, "not a list of names and values"),
            ("file a seq 1 type\n", 1, "not a list of names and values"),
            ("file a seq 0 type i\n", 1, "no sequence number"),
            ("file a seq 1 type x\n", 1, "unknown file type"),
            ("file a seq 1 type i preamble x\n", 1, "bad preamble"),
            (
                "file ../a seq 1 type i\n",
                1,
                "file can't be a path, just a filename",
            ),
            ("file \"a seq 1 type i\n", 1, "unbalanced quotes"),
            (
                "file a seq 1 type b\nfile b seq 2 type b\n",
                2,
                "found duplicate base file information",
            ),
            (
                "file a seq 2 type i\nfile b seq 2 type i\n",
                2,
                "found a non-monotonic sequence number",
            ),
        ] {
            assert_eq!(
                Manifest::parse(text.as_bytes()),
                Err(BadManifest { line, reason }),
                "{text:?}"
            );
        }
    }
}
