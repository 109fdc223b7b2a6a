//! The request parser against good, bad and broken input, cut in every possible way.

use almandine_protocol::{Batch, HalfRead, Limits, Parser, ProtocolError};

/// What a connection has understood: its requests in order, and the error that ended it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
}

/// A connection: feeds pieces as they arrive and keeps what the parser leaves.
struct Wire {
    parser: Parser,
    batch: Batch,
    limits: Limits,
    buffer: Vec<u8>,
    heard: Heard,
}

impl Wire {
    fn new(limits: Limits) -> Self {
        Wire {
            parser: Parser::default(),
            batch: Batch::default(),
            limits,
            buffer: Vec::new(),
            heard: Heard::default(),
        }
    }

    fn feed(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
        while self.heard.error.is_none() && !self.buffer.is_empty() {
            let parsed = self
                .parser
                .parse(&self.buffer, &self.limits, &mut self.batch);
            for i in 0..self.batch.requests.len() {
                let (bytes, spans) = self.batch.slices(&self.buffer, i);
                let args = spans.iter().map(|span| bytes[span.range()].to_vec());
                self.heard.requests.push(args.collect());
            }
            match parsed {
                Ok(0) => break,
                Ok(taken) => drop(self.buffer.drain(..taken)),
                Err(error) => self.heard.error = Some(error),
            }
        }
    }
}

fn hear(pieces: &[&[u8]]) -> Heard {
    hear_within(Limits::default(), pieces)
}

fn hear_within(limits: Limits, pieces: &[&[u8]]) -> Heard {
    let mut wire = Wire::new(limits);
    for piece in pieces {
        wire.feed(piece);
    }
    wire.heard
}

fn bytewise(input: &[u8]) -> Vec<&[u8]> {
    input.chunks(1).collect()
}

/// `words` as a request of the protocol.
fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut wire = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        wire.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        wire.extend_from_slice(word);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

/// Xorshift: the seed decides the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

/// A pipeline of requests in both forms, and what it means.
fn pipeline(dice: &mut Dice) -> (Vec<u8>, Vec<Vec<Vec<u8>>>) {
    let (mut wire, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..=dice.below(8) {
        match dice.below(8) {
            0 => wire.extend_from_slice(
                [&b"*0\r\n"[..], b"*-1\r\n", b"\r\n", b" \n"][dice.below(4) as usize],
            ),
            1 => {
                wire.extend_from_slice(b"SET \"k\\x00\" 'v w'\r\n");
                requests.push(vec![b"SET".to_vec(), b"k\0".to_vec(), b"v w".to_vec()]);
            }
            _ => {
                let length = |dice: &mut Dice| [3, 12, 130][dice.below(3) as usize];
                let words: Vec<Vec<u8>> = (0..=dice.below(12))
                    .map(|_| {
                        let most = length(dice);
                        let length = dice.below(most);
                        dice.bytes(length)
                    })
                    .collect();
                let slices: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                wire.extend_from_slice(&request(&slices));
                requests.push(words);
            }
        }
    }
    (wire, requests)
}

#[test]
fn a_pipeline_means_the_same_however_it_is_cut() {
    let seed = 0x5eed_0001;
    let mut dice = Dice(seed);
    for round in 0..300 {
        let (wire, requests) = pipeline(&mut dice);
        let expected = Heard {
            requests,
            error: None,
        };
        assert_eq!(hear(&[&wire]), expected, "seed {seed} round {round}, whole");
        assert_eq!(
            hear(&bytewise(&wire)),
            expected,
            "seed {seed} round {round}, bytewise"
        );
        for cut in 0..wire.len() {
            let (head, tail) = wire.split_at(cut);
            assert_eq!(
                hear(&[head, tail]),
                expected,
                "seed {seed} round {round}, cut at {cut}"
            );
        }
    }
}

#[test]
fn broken_input_never_panics_and_is_understood_the_same_however_it_is_cut() {
    let seed = 0x5eed_0002;
    let mut dice = Dice(seed);
    for round in 0..3000 {
        let (mut wire, _) = pipeline(&mut dice);
        for _ in 0..=dice.below(4) {
            let at = dice.below(wire.len() as u64) as usize;
            match dice.below(4) {
                0 => wire[at] = dice.below(256) as u8,
                1 => wire[at] = b"*$-+0123456789\r\n\"' "[dice.below(19) as usize],
                2 => drop(wire.remove(at)),
                _ => wire.insert(at, b"*$\r\n"[dice.below(4) as usize]),
            }
            if wire.is_empty() {
                break;
            }
        }
        let whole = hear(&[&wire]);
        assert_eq!(
            hear(&bytewise(&wire)),
            whole,
            "seed {seed} round {round}, bytewise"
        );
        let cut = dice.below(wire.len() as u64 + 1) as usize;
        let (head, tail) = wire.split_at(cut);
        assert_eq!(
            hear(&[head, tail]),
            whole,
            "seed {seed} round {round}, cut at {cut}"
        );
    }
}

/// What cannot be a request, and why.
const BAD: &[(&[u8], ProtocolError)] = {
    use ProtocolError::*;
    &[
        (b"*2147483648\r\n", InvalidMultibulkLength),
        (b"*1\n$4\r\n", InvalidMultibulkLength),
        (b"*\r\n", InvalidMultibulkLength),
        (b"*x\r\n", InvalidMultibulkLength),
        (b"*-0\r\n", InvalidMultibulkLength),
        (b"*+1\r\n", InvalidMultibulkLength),
        (b"*01\r\n", InvalidMultibulkLength),
        (b"* 1\r\n", InvalidMultibulkLength),
        (b"*9223372036854775808\r\n", InvalidMultibulkLength),
        (b"*1\0\r\n", InvalidMultibulkLength),
        (b"*1\r$4\r\nPING\r\n", InvalidCrlf),
        (b"*1\r\n$-1\r\n", InvalidBulkLength),
        (b"*1\r\n$-2\r\n", InvalidBulkLength),
        (b"*1\r\n$536870913\r\n", InvalidBulkLength),
        (b"*1\r\n$9223372036854775807\r\n", InvalidBulkLength),
        (b"*1\r\n$9223372036854775808\r\n", InvalidBulkLength),
        (b"*1\r\n$04\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$+4\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$ 4\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$4 \r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$\r\nPING\r\n", InvalidBulkLength),
        (b"*1\r\n$3\r\nabcd\r\n", InvalidCrlf),
        (b"*1\r\n$4\r\nPING\n\r", InvalidCrlf),
        (b"*1\r\n*1\r\n$4\r\n", ExpectedDollar(b'*')),
        (b"*1\r\n:4\r\n", ExpectedDollar(b':')),
        (b"*1\r\nPING\r\n", ExpectedDollar(b'P')),
        (b"*1\r\n\r\n", ExpectedDollar(b'\r')),
        (b"*1\r\n\0\r\n", ExpectedDollar(0)),
        (b"ECHO \"a\r\n", UnbalancedQuotes),
        (b"ECHO 'a'b\r\n", UnbalancedQuotes),
        // TLS on the plain port.
        (b"\x16\x03\x01\x02 \"\r\n", UnbalancedQuotes),
    ]
};

/// The same for lines that do not end: a beginning, how often a filler follows.
const ENDLESS: &[(&str, &str, usize, ProtocolError)] = &[
    ("*", "1", 65536, ProtocolError::TooBigMultibulkCount),
    ("*1\r\n$", "1", 65536, ProtocolError::TooBigBulkCount),
    ("*1\r\n", "x", 65537, ProtocolError::TooBigBulkCount),
    ("", "a", 65537, ProtocolError::TooBigInline),
    ("\0\n", "a\n", 32768, ProtocolError::TooBigInline),
];

fn refuses(input: &[u8], error: ProtocolError) {
    let name = input[..input.len().min(40)].escape_ascii();
    let piped = [b"PING\r\n*1\r\n$4\r\nPING\r\n", input].concat();
    let expected = Heard {
        requests: vec![vec![b"PING".to_vec()]; 2],
        error: Some(error),
    };
    assert_eq!(hear(&[&piped]), expected, "{name}");
    assert_eq!(hear(&bytewise(&piped)), expected, "{name}, bytewise");
}

#[test]
fn bad_input_is_refused_after_the_good_input_before_it() {
    for (input, error) in BAD {
        refuses(input, *error);
    }
    for (beginning, filler, times, error) in ENDLESS {
        let input = [beginning, &*filler.repeat(*times)].concat();
        refuses(input.as_bytes(), *error);
    }
}

/// Odd but legal: what is sent, and the requests, a line each, words in quotes.
const LEGAL: &[(&[u8], &str)] = &[
    (b"*0\r\n*-1\r\n*-2\r\n\r\n\n  \r\nPING\r\n", r#"["PING"]"#),
    (b"*1\r\n$4\r\nPING\r\n*0\r\n", r#"["PING"]"#),
    (b"*1\r\n$0\r\n\r\n", r#"[""]"#),
    (b"*1\r\n$2\r\n\r\n\r\n", r#"["\r\n"]"#),
    (b"$4\r\nPING\r\n", r#"["$4"] ["PING"]"#),
    (b"%1\r\n~1\n_\r\n,1.5\n", r#"["%1"] ["~1"] ["_"] [",1.5"]"#),
    (b"\"\"\r\n", r#"[""]"#),
    (
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        r#"["GET", "/", "HTTP/1.1"] ["Host:", "x"]"#,
    ),
    (b"PI\0NG\r\nPING\r\n", ""),
    (b"*2147483647\r\n", ""),
    (b"*1\r\n$536870912\r\n", ""),
];

#[test]
fn odd_input_that_is_legal() {
    let show = |heard: Heard| -> String {
        assert_eq!(heard.error, None);
        let words = |request: &Vec<Vec<u8>>| {
            let words: Vec<_> = request
                .iter()
                .map(|word| String::from_utf8_lossy(word))
                .collect();
            format!("{words:?}")
        };
        heard
            .requests
            .iter()
            .map(words)
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (input, requests) in LEGAL {
        let name = input.escape_ascii();
        assert_eq!(show(hear(&[input])), *requests, "{name}");
        assert_eq!(show(hear(&bytewise(input))), *requests, "{name}, bytewise");
    }
}

#[test]
fn the_longest_line_is_legal_and_one_byte_more_is_not() {
    let line = "a".repeat(65536);
    assert_eq!(hear(&[line.as_bytes(), b"\n"]).requests.len(), 1);
    assert_eq!(
        hear(&[line.as_bytes(), b"\r\n"]).error,
        Some(ProtocolError::TooBigInline)
    );
}

#[test]
fn a_stranger_may_say_little_and_one_thing_at_a_time() {
    let strict = Limits::default().unauthenticated();
    let refused = |input: &[u8]| hear_within(strict, &[input]).error;
    assert_eq!(refused(b"*10\r\n"), None);
    assert_eq!(
        refused(b"*11\r\n"),
        Some(ProtocolError::UnauthenticatedMultibulkLength)
    );
    assert_eq!(refused(b"*1\r\n$16384\r\n"), None);
    assert_eq!(
        refused(b"*1\r\n$16385\r\n"),
        Some(ProtocolError::UnauthenticatedBulkLength)
    );
    assert_eq!(
        refused(b"*1\r\n$536870913\r\n"),
        Some(ProtocolError::InvalidBulkLength)
    );

    // AUTH is executed before the next request is judged, by other limits.
    let mut wire = request(&[b"AUTH", b"secret"]);
    let auth = wire.len();
    wire.extend_from_slice(&request(&[&b"DEL"[..]; 20]));
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    assert_eq!(parser.parse(&wire, &strict, &mut batch), Ok(auth));
    let rest = &wire[auth..];
    assert_eq!(
        parser.parse(rest, &Limits::default(), &mut batch),
        Ok(rest.len())
    );
    assert_eq!(batch.requests[0].count, 20);
}

#[test]
fn a_call_hands_out_no_more_than_a_batch() {
    let wire = b"PING\r\n".repeat(2500);
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let limits = Limits::default();
    assert_eq!(parser.parse(&wire, &limits, &mut batch), Ok(1024 * 6));
    assert_eq!(batch.requests.len(), 1024);
    assert_eq!(hear(&[&wire]).requests.len(), 2500);
}

#[test]
fn a_reader_is_told_what_is_missing_but_never_much_more_than_has_come() {
    let mut parser = Parser::default();
    let mut batch = Batch::default();
    let limits = Limits::default();
    let mut buffer = b"*2\r\n$3\r\nSET\r\n$100000000\r\n".to_vec();
    assert_eq!(parser.wants(), None);
    assert_eq!(parser.parse(&buffer, &limits, &mut batch), Ok(0));
    assert_eq!(parser.wants(), Some(32 * 1024));
    buffer.resize(1_000_000, b'x');
    assert_eq!(parser.parse(&buffer, &limits, &mut batch), Ok(0));
    assert_eq!(parser.wants(), Some(1_000_000));
    buffer.resize(99_999_000, b'x');
    assert_eq!(parser.parse(&buffer, &limits, &mut batch), Ok(0));
    assert_eq!(parser.wants(), Some(1000 + 25 + 2));
    buffer.resize(100_000_025, b'x');
    buffer.extend_from_slice(b"\r\nPI");
    assert_eq!(parser.parse(&buffer, &limits, &mut batch), Ok(100_000_027));
    assert_eq!(parser.wants(), None);
}

#[test]
fn a_long_request_in_small_pieces_takes_time_in_proportion_to_its_length() {
    let words = vec![&b"member"[..]; 200_000];
    let wire = request(&words);
    let mut parser = Parser::default();
    let mut batch = Batch::default();
    let limits = Limits::default();
    let mut arrived = 0;
    while arrived + 64 < wire.len() {
        arrived += 64;
        assert_eq!(parser.parse(&wire[..arrived], &limits, &mut batch), Ok(0));
    }
    assert_eq!(parser.parse(&wire, &limits, &mut batch), Ok(wire.len()));
    assert_eq!(batch.requests[0].count, 200_000);
    let (bytes, spans) = batch.slices(&wire, 0);
    assert!(spans.iter().all(|span| &bytes[span.range()] == b"member"));
}

#[test]
fn empty_requests_belong_to_the_request_before_them() {
    let wire = b"PING\r\n*0\r\n\r\n*2\r\n$3\r\nGE";
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let taken = parser.parse(wire, &Limits::default(), &mut batch);
    assert_eq!(taken, Ok(12));
    assert_eq!(batch.requests[0].end, 12);
}

#[test]
fn a_parser_that_was_reset_reads_the_same_bytes_again() {
    let wire = request(&[b"SET", b"key", b"value"]);
    let (mut parser, mut batch) = (Parser::default(), Batch::default());
    let limits = Limits::default();
    for cut in 1..wire.len() {
        assert_eq!(parser.parse(&wire[..cut], &limits, &mut batch), Ok(0));
        parser.reset();
        assert_eq!(parser.wants(), None);
    }
    assert_eq!(parser.parse(&wire, &limits, &mut batch), Ok(wire.len()));
    assert_eq!(batch.requests[0].count, 3);
}

/// A long argument may be presented before everything that precedes it.
#[test]
fn an_argument_that_is_put_first_stands_where_it_belongs() {
    let input = b"*1\r\n$4\r\nPING\r\n*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$12\r\n0123456789ab\r\n$1\r\nb\r\n$3\r\nxyz\r\nPING\r\n";
    let expected = hear(&[input]);
    assert_eq!(expected.requests.len(), 3);
    let mut turned = 0;
    for cut in 1..input.len() {
        let mut wire = Wire::new(Limits::default());
        wire.feed(&input[..cut]);
        let Some(HalfRead { at, length }) = wire.parser.half_read() else {
            continue;
        };
        let rest = [&wire.buffer, &input[cut..]].concat();
        let end = at + length + 2;
        for seen in end..=rest.len() {
            let mut wire = Wire::new(Limits::default());
            wire.feed(&input[..cut]);
            wire.parser.put_first();
            wire.buffer = [&rest[at..end], &rest[..at]].concat();
            wire.feed(&rest[end..seen]);
            wire.feed(&rest[seen..]);
            wire.feed(b"");
            assert_eq!(wire.heard, expected, "cut at {cut}, then at {seen}");
            turned += 1;
        }
    }
    assert!(turned > 100);
    let mut wire = Wire::new(Limits::default());
    wire.feed(b"*2\r\n$4\r\nECHO\r\n$3\r\nab");
    wire.parser.put_first();
    wire.buffer = b"abcd\n*2\r\n$4\r\nECHO\r\n$3\r\n".to_vec();
    wire.feed(b"");
    assert_eq!(wire.heard.error, Some(ProtocolError::InvalidCrlf));
}
