//! The request parser: what it is told in pieces means what it means as a whole, and costs no more than has arrived.

use almandine_protocol::{Batch, Limits, Parser, ProtocolError};

use crate::allocations::allocated;
use crate::{Dice, inputs};

/// What the parser may hold for each byte that has arrived: a request of one word takes two bytes, its two places in the
/// batch 24, and a vector that grows is twice as long as it must be.
const PER_BYTE: usize = 64;
/// What it may hold in any case.
const ALWAYS: usize = 1024;

/// What a connection has understood, in one run of bytes: comparing it costs little.
#[derive(Default, PartialEq, Eq)]
struct Heard {
    words: Vec<u8>,
    requests: usize,
    error: Option<ProtocolError>,
}

/// Feeds `input` in these pieces, as a connection does.
fn hear<'a>(limits: &Limits, pieces: impl Iterator<Item = &'a [u8]>, batch: &mut Batch) -> Heard {
    let mut parser = Parser::default();
    let (mut heard, mut buffer, mut done) = (Heard::default(), Vec::new(), 0);
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while heard.error.is_none() && done < buffer.len() {
            let rest = &buffer[done..];
            let parsed = parser.parse(rest, limits, batch);
            for i in 0..batch.requests.len() {
                let (bytes, spans) = batch.slices(rest, i);
                heard.requests += 1;
                heard
                    .words
                    .extend_from_slice(&(spans.len() as u32).to_le_bytes());
                for span in spans {
                    let word = &bytes[span.range()];
                    heard
                        .words
                        .extend_from_slice(&(word.len() as u32).to_le_bytes());
                    heard.words.extend_from_slice(word);
                }
            }
            match parsed {
                Ok(0) => break,
                Ok(taken) => done += taken,
                Err(error) => heard.error = Some(error),
            }
        }
    }
    heard
}

/// A stream that is partly a good pipeline, partly not.
fn stream(dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => dice.bytes(60),
        1 | 2 => tokens(dice),
        3 => [pipeline(dice), tokens(dice)].concat(),
        4 => pipeline(dice),
        _ => {
            let mut stream = pipeline(dice);
            mutate(&mut stream, dice);
            stream
        }
    }
}

fn pipeline(dice: &mut Dice) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..=dice.below(3) {
        match dice.below(6) {
            0 => stream.extend_from_slice(dice.one_of(&[
                &b"*0\r\n"[..],
                b"*-1\r\n",
                b"\r\n",
                b" \n",
                b"PING\r\n",
            ])),
            1 => stream.extend_from_slice(b"SET \"k\\x00\" 'v w'\r\n"),
            _ => {
                let words = dice.below(5) + 1;
                stream.extend_from_slice(format!("*{words}\r\n").as_bytes());
                for _ in 0..words {
                    let bound = [2, 8, 14, 120][dice.below(4)];
                    let word = dice.bytes(bound);
                    stream.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                    stream.extend_from_slice(&word);
                    stream.extend_from_slice(b"\r\n");
                }
            }
        }
    }
    stream
}

/// Pieces of the protocol in any order.
fn tokens(dice: &mut Dice) -> Vec<u8> {
    const TOKENS: &[&[u8]] = &[
        b"*1\r\n",
        b"*2\r\n",
        b"*3\r\n",
        b"*10\r\n",
        b"*11\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*1000000\r\n",
        b"*2147483647\r\n",
        b"*2147483648\r\n",
        b"$0\r\n",
        b"$1\r\n",
        b"$4\r\n",
        b"$-1\r\n",
        b"$16385\r\n",
        b"$536870912\r\n",
        b"$536870913\r\n",
        b"$9223372036854775807\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b"*",
        b"$",
        b"PING",
        b"a",
        b"GET k\r\n",
        b"+OK\r\n",
        b":1\r\n",
        b"%1\r\n",
        b"~1\r\n",
        b"_\r\n",
        b"\"",
        b"'",
        b"\\x0",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
        b"01",
        b"+1",
        b"-",
    ];
    let count = dice.below(12);
    (0..count)
        .flat_map(|_| dice.one_of(TOKENS))
        .copied()
        .collect()
}

fn mutate(stream: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        if stream.is_empty() {
            return;
        }
        let at = dice.below(stream.len());
        match dice.below(6) {
            0 => stream[at] = dice.below(256) as u8,
            1 => stream[at] = b"*$-+0123456789\r\n\"' \0"[dice.below(20)],
            2 => drop(stream.remove(at)),
            3 => stream.insert(at, b"*$\r\n0"[dice.below(5)]),
            4 => stream.truncate(at),
            _ => {
                let end = (at + dice.below(8)).min(stream.len());
                stream.extend_from_within(at..end);
            }
        }
    }
}

#[test]
fn a_stream_means_the_same_wherever_it_is_cut() {
    let (mut batch, mut heard) = (Batch::default(), 0);
    for seed in inputs(20_000) {
        let mut dice = Dice::new(seed);
        let stream = stream(&mut dice);
        let limits = match dice.below(4) {
            0 => Limits::default().unauthenticated(),
            1 => Limits {
                batch: 1,
                line: 16,
                ..Limits::default()
            },
            _ => Limits::default(),
        };
        let whole = hear(&limits, [&stream[..]].into_iter(), &mut batch);
        heard += whole.requests;
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            let cut_in_two = hear(&limits, [head, tail].into_iter(), &mut batch);
            assert!(
                cut_in_two == whole,
                "seed {seed}, cut at {cut}: {}",
                stream.escape_ascii()
            );
        }
        let in_bytes = hear(&limits, stream.chunks(1), &mut batch);
        assert!(
            in_bytes == whole,
            "seed {seed}, cut at every byte: {}",
            stream.escape_ascii()
        );
    }
    assert!(heard > 0, "no stream held a request");
}

#[test]
fn a_parser_holds_no_more_than_a_multiple_of_what_has_arrived() {
    for seed in inputs(20_000) {
        let stream = stream(&mut Dice::new(seed));
        let before = allocated();
        let (mut parser, mut batch) = (Parser::default(), Batch::default());
        let (mut start, limits) = (0, Limits::default());
        for end in 1..=stream.len() {
            let parsed = parser.parse(&stream[start..end], &limits, &mut batch);
            let held = usize::try_from(allocated() - before).expect("nothing of others is freed");
            assert!(
                held <= ALWAYS + PER_BYTE * end,
                "seed {seed}: {held} bytes after {end}"
            );
            let wanted = parser.wants().unwrap_or(0);
            assert!(
                wanted <= end.max(32 * 1024),
                "seed {seed}: {wanted} bytes wanted after {end}"
            );
            match parsed {
                Ok(taken) => start += taken,
                Err(_) => break,
            }
        }
    }
}

/// `sdssplitargs` of Redis, read character by character; `None` = unbalanced quotes.
fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let at = |i: usize| line.get(i).copied().unwrap_or(0);
    let is_space = |byte: u8| b" \t\n\x0b\x0c\r".contains(&byte);
    let (mut words, mut i) = (Vec::new(), 0);
    loop {
        while at(i) != 0 && is_space(at(i)) {
            i += 1;
        }
        if at(i) == 0 {
            return Some(words);
        }
        let (mut word, mut quote) = (Vec::new(), 0);
        loop {
            let byte = at(i);
            if quote == 0 {
                match byte {
                    b' ' | b'\n' | b'\r' | b'\t' | 0 => break,
                    b'"' | b'\'' => quote = byte,
                    _ => word.push(byte),
                }
            } else if byte == 0 {
                return None;
            } else if quote == b'"'
                && byte == b'\\'
                && at(i + 1) == b'x'
                && at(i + 2).is_ascii_hexdigit()
                && at(i + 3).is_ascii_hexdigit()
            {
                let digits = std::str::from_utf8(&line[i + 2..i + 4]).expect("two digits");
                word.push(u8::from_str_radix(digits, 16).expect("two digits"));
                i += 3;
            } else if quote == b'"' && byte == b'\\' && at(i + 1) != 0 {
                i += 1;
                word.push(match at(i) {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
            } else if quote == b'\'' && byte == b'\\' && at(i + 1) == b'\'' {
                i += 1;
                word.push(b'\'');
            } else if byte == quote {
                if at(i + 1) != 0 && !is_space(at(i + 1)) {
                    return None;
                }
                i += 1;
                break;
            } else {
                word.push(byte);
            }
            i += 1;
        }
        words.push(word);
    }
}

#[test]
fn lines_of_words_are_read_as_redis_reads_them() {
    let mut batch = Batch::default();
    for seed in inputs(50_000) {
        let mut dice = Dice::new(seed);
        let mut line = dice.word(b"ab\"'\\ \t\r\x0b\x0cxn0fF\xff\x01", 24);
        // Such a line would be another kind of request.
        if line.first() == Some(&b'*') {
            line[0] = b'a';
        }
        let stream = [&line[..], b"\n"].concat();
        let parsed = Parser::default().parse(&stream, &Limits::default(), &mut batch);
        let shown = line.escape_ascii();
        let Some(words) = words(&line) else {
            assert_eq!(
                parsed,
                Err(ProtocolError::UnbalancedQuotes),
                "seed {seed}: {shown}"
            );
            continue;
        };
        assert_eq!(parsed, Ok(stream.len()), "seed {seed}: {shown}");
        assert_eq!(
            batch.requests.len(),
            usize::from(!words.is_empty()),
            "seed {seed}: {shown}"
        );
        if !words.is_empty() {
            let (bytes, spans) = batch.slices(&stream, 0);
            let read: Vec<&[u8]> = spans.iter().map(|span| &bytes[span.range()]).collect();
            assert_eq!(read, words, "seed {seed}: {shown}");
        }
    }
}
