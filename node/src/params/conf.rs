//! The syntax of configuration files: one `name word...` a line, quotes, comments, `include`.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use almandine_storage::glob;

/// Bytes of a configuration file; more is taken for a mistake (a device, a log).
const MAX_FILE: u64 = 16 << 20;
/// Files that include each other; more is taken for a circle.
const MAX_DEPTH: usize = 16;
/// Files read in all: a circle of patterns grows faster than it gets deep.
const MAX_FILES: usize = 1000;

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Where it stands.
    pub place: Place,
    /// The first word, as it was written.
    pub name: Vec<u8>,
    /// The rest.
    pub words: Vec<Vec<u8>>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `None` for the file named on the command line; an included file otherwise.
    pub included: Option<PathBuf>,
    /// Counted from 1.
    pub line: usize,
    /// The whole line, without blanks at its ends.
    pub text: Vec<u8>,
}

/// Why a configuration file cannot be used.
#[derive(Debug)]
pub enum ConfError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A line is wrong, and why.
    Line(Place, String),
}

impl fmt::Display for ConfError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfError::Unreadable(path, error) => {
                let path = path.display();
                write!(out, "Fatal error, can't open config file '{path}': {error}")
            }
            ConfError::Line(place, reason) => {
                let version = crate::VERSION;
                writeln!(
                    out,
                    "\n*** FATAL CONFIG FILE ERROR (Almandine {version}) ***"
                )?;
                write!(
                    out,
                    "Reading the configuration file, at line {}",
                    place.line
                )?;
                if let Some(file) = &place.included {
                    write!(out, " of {}", file.display())?;
                }
                writeln!(out, "\n>>> '{}'", Shortened(&place.text))?;
                out.write_str(reason)
            }
        }
    }
}

impl std::error::Error for ConfError {}

/// A line for people: not a megabyte of it, and no control characters.
struct Shortened<'a>(&'a [u8]);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        let text = String::from_utf8_lossy(&self.0[..self.0.len().min(LONGEST)]);
        for c in text.chars() {
            match c {
                c if c.is_control() => write!(out, "{}", c.escape_default())?,
                c => write!(out, "{c}")?,
            }
        }
        if self.0.len() > LONGEST {
            out.write_str("...")?;
        }
        Ok(())
    }
}

/// The directives of the file at `path` and of those it includes, in order.
///
/// # Errors
/// A file that cannot be read, quotes that do not close, includes without end.
pub fn read_file(path: &Path) -> Result<Vec<Directive>, ConfError> {
    let text = read_bounded(File::open(path), path)?;
    directives(&text)
}

/// The directives of standard input.
///
/// # Errors
/// As [`read_file`].
pub fn read_stdin() -> Result<Vec<Directive>, ConfError> {
    let text = read_bounded(Ok(io::stdin().lock()), Path::new("-"))?;
    directives(&text)
}

/// The directives of a text and of the files it includes.
///
/// # Errors
/// As [`read_file`].
pub fn directives(text: &[u8]) -> Result<Vec<Directive>, ConfError> {
    let mut reader = Reader::default();
    reader.text(text, None, 0)?;
    Ok(reader.directives)
}

#[derive(Default)]
struct Reader {
    directives: Vec<Directive>,
    files: usize,
}

impl Reader {
    fn text(&mut self, text: &[u8], file: Option<&Path>, depth: usize) -> Result<(), ConfError> {
        for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = Place {
                included: file.map(Path::to_path_buf),
                line: i + 1,
                text: line.to_vec(),
            };
            let Some(mut words) = split(line) else {
                let reason = "Unbalanced quotes in configuration line".to_owned();
                return Err(ConfError::Line(place, reason));
            };
            if words.is_empty() {
                continue;
            }
            let name = words.remove(0);
            if name.eq_ignore_ascii_case(b"include") {
                self.include(place, &words, depth)?;
            } else {
                self.directives.push(Directive { place, name, words });
            }
        }
        Ok(())
    }

    fn include(&mut self, place: Place, words: &[Vec<u8>], depth: usize) -> Result<(), ConfError> {
        let [pattern] = words else {
            let reason = "Bad directive or wrong number of arguments".to_owned();
            return Err(ConfError::Line(place, reason));
        };
        if depth >= MAX_DEPTH {
            let reason = format!("files include each other more than {MAX_DEPTH} deep");
            return Err(ConfError::Line(place, reason));
        }
        for path in expand(pattern) {
            self.files += 1;
            if self.files > MAX_FILES {
                let reason = format!("more than {MAX_FILES} files are included");
                return Err(ConfError::Line(place, reason));
            }
            let text = read_bounded(File::open(&path), &path)?;
            self.text(&text, Some(&path), depth + 1)?;
        }
        Ok(())
    }
}

/// The files that an `include` means: itself, or those of its directory that match, by name. None is fine for a pattern.
fn expand(pattern: &[u8]) -> Vec<PathBuf> {
    let path = PathBuf::from(String::from_utf8_lossy(pattern).into_owned());
    let name = path
        .file_name()
        .map(|name| name.as_encoded_bytes().to_vec());
    let Some(name) = name.filter(|name| name.iter().any(|byte| b"*?[".contains(byte))) else {
        return vec![path];
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Ok(entries) = parent.read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|entry| !entry.as_encoded_bytes().starts_with(b"."))
        .filter(|entry| glob::matches(&name, entry.as_encoded_bytes()))
        .map(|entry| parent.join(entry))
        .collect();
    found.sort();
    found
}

fn read_bounded<R: Read>(source: io::Result<R>, path: &Path) -> Result<Vec<u8>, ConfError> {
    let unreadable = |error| ConfError::Unreadable(path.to_path_buf(), error);
    let mut text = Vec::new();
    let mut source = source.map_err(unreadable)?.take(MAX_FILE + 1);
    source.read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE {
        let error = format!("it is larger than {MAX_FILE} bytes");
        return Err(unreadable(io::Error::other(error)));
    }
    Ok(text)
}

/// Cuts a line into words. Words stand between blanks; `"a b\x41\n"` and `'a b'` are one. `None` = a quote does not close,
/// or goes on behind its end.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == 0 || byte == 0x0b;
    let (mut words, mut i) = (Vec::new(), 0);
    loop {
        while line.get(i).is_some_and(|byte| is_blank(*byte)) {
            i += 1;
        }
        if i >= line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        while let Some(&byte) = line.get(i).filter(|byte| !is_blank(**byte)) {
            if byte != b'"' && byte != b'\'' {
                word.push(byte);
                i += 1;
                continue;
            }
            i += quoted(&line[i..], &mut word)?;
            if line.get(i).is_some_and(|byte| !is_blank(*byte)) {
                return None;
            }
        }
        words.push(word);
    }
}

/// Appends the text of a quoted part that begins `line`; its length with the quotes.
fn quoted(line: &[u8], word: &mut Vec<u8>) -> Option<usize> {
    let quote = line[0];
    let mut i = 1;
    loop {
        match (quote, &line[i..]) {
            (_, []) => return None,
            (_, [byte, ..]) if *byte == quote => return Some(i + 1),
            (b'"', [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let hex = |digit: u8| (digit as char).to_digit(16).unwrap_or(0) as u8;
                word.push(hex(*high) << 4 | hex(*low));
                i += 4;
            }
            (b'"', [b'\\', escaped, ..]) => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                i += 2;
            }
            (b'\'', [b'\\', b'\'', ..]) => {
                word.push(b'\'');
                i += 2;
            }
            (_, [byte, ..]) => {
                word.push(*byte);
                i += 1;
            }
        }
    }
}

/// Appends a word so that [`split`] reads it back: in quotes where it needs them.
pub fn write_word(out: &mut Vec<u8>, word: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
    if !word.is_empty() && word.iter().all(is_plain) {
        return out.extend_from_slice(word);
    }
    quote(out, word);
}

/// Appends a word in quotes, as Redis prints strings for people.
pub fn quote(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for byte in word {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' ' => out.push(b' '),
            byte if byte.is_ascii_graphic() => out.push(*byte),
            byte => super::kind::append(out, format_args!("\\x{byte:02x}")),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let text = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
        split(line.as_bytes()).map(|words| words.into_iter().map(text).collect())
    }

    #[test]
    fn words_stand_between_blanks_and_in_quotes() {
        let expect = |line, expect: &[&str]| {
            let expect: Vec<String> = expect.iter().map(ToString::to_string).collect();
            assert_eq!(words(line), Some(expect), "{line}");
        };
        expect("save 60 1", &["save", "60", "1"]);
        expect("\t save\t ''  \r", &["save", ""]);
        expect("a \"b c\" d", &["a", "b c", "d"]);
        expect(r#"a "\x41\n\"\q""#, &["a", "A\n\"q"]);
        expect(r#"a "\xzz""#, &["a", "xzz"]);
        expect(r"a 'it\'s \n'", &["a", r"it's \n"]);
        expect("pre\"fix ed\"", &["prefix ed"]);
        expect("", &[]);
        for bad in [
            "a \"b", "a 'b", "a 'b'c", "a\"b", "\"", "a \"\\", "a \"\\x4",
        ] {
            assert_eq!(words(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_word_is_read_back_as_it_was_written() {
        for length in 0..3_usize {
            for bits in 0..256_u32.pow(length as u32) {
                let word = &bits.to_le_bytes()[..length];
                let mut line = b"name ".to_vec();
                write_word(&mut line, word);
                assert_eq!(split(&line), Some(vec![b"name".to_vec(), word.to_vec()]));
                assert!(!line.contains(&b'\n'));
            }
        }
    }

    #[test]
    fn comments_and_empty_lines_count_as_lines() {
        let found = directives(b"# a\n\n  port 7000\r\n#b\nHZ 5").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].place.line, found[1].place.line), (3, 5));
        assert_eq!(found[0].words, [b"7000".to_vec()]);
        assert_eq!(found[1].name, b"HZ");
    }

    #[test]
    fn the_error_names_line_and_reason_as_redis_does() {
        let error = directives(b"port 1\nhz \"unbal").unwrap_err().to_string();
        let version = crate::VERSION;
        assert_eq!(
            error,
            format!(
                "\n*** FATAL CONFIG FILE ERROR (Almandine {version}) ***\nReading the configuration file, at line 2\n\
                 >>> 'hz \"unbal'\nUnbalanced quotes in configuration line"
            )
        );
    }

    #[test]
    fn hostile_text_is_cut_into_words_or_refused() {
        let long = [b"port ".as_slice(), &vec![b'x'; 1 << 20]].concat();
        assert_eq!(directives(&long).unwrap()[0].words[0].len(), 1 << 20);
        let open = [b"port \"".as_slice(), &vec![b'x'; 1 << 20]].concat();
        assert!(directives(&open).unwrap_err().to_string().len() < 500);
        let nul = directives(b"port\0 7000\n\0\nhz 5\0").unwrap();
        assert_eq!((nul[0].name.as_slice(), nul.len()), (b"port".as_slice(), 2));
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut text = Vec::new();
            for _ in 0..24 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(b"\"'\\x4 \n#a\0\xff"[(seed >> 40) as usize % 11]);
            }
            let _ = directives(&text);
        }
    }

    #[test]
    fn includes_are_read_in_place_and_a_circle_ends() {
        let dir = std::env::temp_dir().join(format!("almandine-conf-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name);
        let write = |name: &str, text: String| std::fs::write(path(name), text).unwrap();
        let show = dir.display();
        write("b.inc", "hz 2\n".into());
        write("c.inc", "hz 3\n".into());
        write(
            "a.conf",
            format!("hz 1\ninclude {show}/*.inc\ninclude {show}/*.none\nhz 4\n"),
        );
        let found = read_file(&path("a.conf")).unwrap();
        let values: Vec<_> = found
            .iter()
            .map(|found| found.words[0].as_slice())
            .collect();
        assert_eq!(values, [b"1", b"2", b"3", b"4"]);
        assert_eq!(found[1].place.included, Some(path("b.inc")));
        write(
            "loop.conf",
            format!("include {show}/loop.conf\ninclude {show}/loop.conf\n"),
        );
        let error = read_file(&path("loop.conf")).unwrap_err().to_string();
        assert!(error.contains("include each other"), "{error}");
        write("missing.conf", format!("include {show}/nowhere\n"));
        let error = read_file(&path("missing.conf")).unwrap_err().to_string();
        assert!(error.contains("can't open config file"), "{error}");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let error = read_file(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("larger than"), "{error}");
    }
}
