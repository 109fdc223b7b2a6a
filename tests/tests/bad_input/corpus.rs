//! What is sent, what must be answered, and what becomes of the connection.

use std::borrow::Cow;

type Bytes = Cow<'static, [u8]>;

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// All that is sent.
    pub(crate) sent: Bytes,
    /// All that is answered.
    pub(crate) reply: Bytes,
    /// What becomes of the connection.
    pub(crate) end: End,
    /// Servers that do otherwise (`redis`, `redis-7.0`), and why ours does as it does.
    pub(crate) unlike: Unlike,
}

pub(crate) type Unlike = &'static [(&'static str, &'static str)];

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The next request is answered.
    GoesOn,
    /// The server waits for the rest of a request.
    Waits,
    /// The server closes it behind the reply.
    Closes,
    /// The server closes it at once: a reply before that may be lost.
    Severed,
}

impl Case {
    /// The same, but these servers do otherwise.
    fn unlike(self, unlike: Unlike) -> Case {
        Case { unlike, ..self }
    }
}

fn case(sent: impl Into<Bytes>, reply: impl Into<Bytes>, end: End) -> Case {
    Case {
        sent: sent.into(),
        reply: reply.into(),
        end,
        unlike: &[],
    }
}

/// The stream cannot be read any further: the server says why and closes.
fn broken(sent: impl Into<Bytes>, reason: &str) -> Case {
    let reply = format!("-ERR Protocol error: {reason}\r\n");
    case(sent, reply.into_bytes(), End::Closes)
}

fn all_broken(sent: &'static [&'static [u8]], reason: &str) -> Vec<Case> {
    sent.iter().map(|sent| broken(*sent, reason)).collect()
}

/// A request that is answered as any other.
fn answered(sent: impl Into<Bytes>, reply: &'static str) -> Case {
    case(sent, reply.as_bytes(), End::GoesOn)
}

/// A line and its answer, where the connection goes on.
fn all_answered(lines: &[(&'static str, &'static str)]) -> Vec<Case> {
    let line =
        |(line, reply): &(&str, &'static str)| answered(format!("{line}\r\n").into_bytes(), reply);
    lines.iter().map(line).collect()
}

/// Words that no server knows as a command.
fn unknown(sent: &'static str, name: &str) -> Case {
    let reply = format!("-ERR unknown command '{name}', with args beginning with: \r\n");
    case(sent.as_bytes(), reply.into_bytes(), End::GoesOn)
}

/// Longer than any line may be.
const LONG: usize = 66_000;

fn long(beginning: &str, filler: &str) -> Vec<u8> {
    let mut bytes = beginning.as_bytes().to_vec();
    bytes.resize(bytes.len() + LONG, filler.as_bytes()[0]);
    bytes
}

/// To a server without a password.
pub(crate) fn open() -> Vec<Case> {
    [
        headers(),
        lengths(),
        inline(),
        types(),
        protocols(),
        hello(),
        empty(),
    ]
    .concat()
}

/// `*` lines.
fn headers() -> Vec<Case> {
    let mut cases = all_broken(
        &[
            b"*2147483648\r\n",
            b"*9223372036854775807\r\n",
            b"*9223372036854775808\r\n",
            b"*99999999999999999999999999\r\n",
            b"*-9223372036854775809\r\n",
            b"*\r\n",
            b"*x\r\n",
            b"*1x\r\n",
            b"*-0\r\n",
            b"*--1\r\n",
            b"*+1\r\n",
            b"*01\r\n",
            b"* 1\r\n",
            b"*1 \r\n",
            b"*1.0\r\n",
            b"*0x1\r\n",
            b"*1\n$4\r\n",
            b"*1\n$4\nPING\n\r\n",
        ],
        "invalid multibulk length",
    );
    cases.extend([
        answered(&b"*0\r\n"[..], ""),
        answered(&b"*-1\r\n"[..], ""),
        answered(&b"*-2\r\n"[..], ""),
        answered(&b"*-2147483649\r\n"[..], ""),
        case(&b"*2147483647\r\n"[..], &b""[..], End::Waits),
        // More arguments than Redis once allowed; the next byte shows that they are awaited.
        broken(&b"*1048577\r\nx\r\n"[..], "expected '$', got 'x'"),
        broken(&b"*2147483647\r\nx\r\n"[..], "expected '$', got 'x'"),
        broken(&b"*1\0\r\n"[..], "invalid multibulk length").unlike(HIDDEN_BY_NUL),
        broken(&b"*1\r$4\r\nPING\r\n"[..], "invalid CRLF in request").unlike(UNSEEN_CRLF),
        broken(long("*", "1"), "too big mbulk count string"),
    ]);
    cases
}

const HIDDEN_BY_NUL: Unlike = &[(
    "redis",
    "a NUL hides the end of the line from it, so it waits for 64 KiB that never come",
)];
const UNSEEN_CRLF: Unlike = &[(
    "redis",
    "skips two bytes unseen: of a client that miscounts it executes words that nobody meant as commands",
)];

/// `$` lines and what follows them.
fn lengths() -> Vec<Case> {
    let mut cases = all_broken(
        &[
            b"*1\r\n$-1\r\n",
            b"*1\r\n$-2\r\n",
            b"*1\r\n$-0\r\n",
            b"*1\r\n$536870913\r\n",
            b"*1\r\n$2147483648\r\n",
            b"*1\r\n$4294967296\r\n",
            b"*1\r\n$9223372036854775807\r\n",
            b"*1\r\n$9223372036854775808\r\n",
            b"*1\r\n$18446744073709551616\r\n",
            b"*1\r\n$\r\n",
            b"*1\r\n$x\r\n",
            b"*1\r\n$4x\r\n",
            b"*1\r\n$04\r\nPING\r\n",
            b"*1\r\n$+4\r\nPING\r\n",
            b"*1\r\n$ 4\r\nPING\r\n",
            b"*1\r\n$4 \r\nPING\r\n",
            b"*1\r\n$4\nPING\r\n",
            b"*2\r\n$4\r\nECHO\r\n$-1\r\n",
        ],
        "invalid bulk length",
    );
    cases.extend([
        case(&b"*1\r\n$536870912\r\n"[..], &b""[..], End::Waits),
        case(&b"*1\r\n$4\r\nPING"[..], &b""[..], End::Waits),
        unknown("*1\r\n$0\r\n\r\n", ""),
        answered(&b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n"[..], "$2\r\n\r\n\r\n"),
        answered(&b"*2\r\n$4\r\nECHO\r\n$3\r\n*\0$\r\n"[..], "$3\r\n*\0$\r\n"),
        broken(&b"*1\r\n$3\r\nabcd\r\n"[..], "invalid CRLF in request").unlike(UNSEEN_CRLF),
        broken(&b"*1\r\n$4\r\nPINGxx"[..], "invalid CRLF in request").unlike(UNSEEN_CRLF),
        broken(&b"*1\r\n$4\r\nPING\n\r"[..], "invalid CRLF in request").unlike(UNSEEN_CRLF),
        broken(&b"*1\r\n$5\r\nPING\r\n\r"[..], "invalid CRLF in request").unlike(UNSEEN_CRLF),
        broken(long("*1\r\n$", "1"), "too big bulk count string"),
        broken(long("*1\r\n", "x"), "too big bulk count string"),
    ]);
    cases
}

/// Lines of words.
fn inline() -> Vec<Case> {
    let mut cases = all_broken(
        &[b"ECHO \"a\r\n", b"ECHO 'a\r\n", b"\"\r\n", b"'\r\n"],
        "unbalanced quotes in request",
    );
    const CUT: Unlike = &[
        (
            "redis",
            "how the line is cut on its way decides whether it is too long",
        ),
        ("valkey", "the same"),
    ];
    const QUOTES: Unlike = &[(
        "valkey",
        "lets text follow a closing quote, and a last backslash stand for itself",
    )];
    cases.extend([
        broken(&b"ECHO \"a\\\"\r\n"[..], "unbalanced quotes in request").unlike(QUOTES),
        broken(&b"ECHO 'a\\'\r\n"[..], "unbalanced quotes in request").unlike(QUOTES),
        broken(&b"ECHO \"a\"b\r\n"[..], "unbalanced quotes in request").unlike(QUOTES),
        broken(&b"ECHO 'a'b\r\n"[..], "unbalanced quotes in request").unlike(QUOTES),
        answered(&b"ECHO \"\\x41\\n\\q\"\r\n"[..], "$3\r\nA\nq\r\n"),
        answered(&b"  ECHO\t'it\\'s' \n"[..], "$4\r\nit's\r\n"),
        unknown("\"\"\r\n", ""),
        case(&b"PI\0NG\r\nPING\r\n"[..], &b""[..], End::Waits),
        case(&b"PING"[..], &b""[..], End::Waits),
        broken(long("", "a"), "too big inline request"),
        broken(long("PI\0NG\r\n", "a"), "too big inline request"),
        broken(
            [long("", "a"), b"\r\n".to_vec()].concat(),
            "too big inline request",
        )
        .unlike(CUT),
    ]);
    cases
}

/// Types of RESP3, and requests inside of requests.
fn types() -> Vec<Case> {
    // Where an argument should be.
    let inside = "*:+-%~_#,(=!>|P\r\n ".chars().map(|first| {
        let shown = if first.is_whitespace() { ' ' } else { first };
        broken(
            format!("*1\r\n{first}1\r\n").into_bytes(),
            &format!("expected '$', got '{shown}'"),
        )
    });
    let mut cases: Vec<Case> = inside.collect();
    // Where a request should be every one is a line of words.
    for name in [
        "~1", ">1", "+PING", ":1", "$4", "$-1", "_", "#t", ",1.5", "(1", "=7", "!3", "|1", "%1",
    ] {
        let reply = format!("-ERR unknown command '{name}', with args beginning with: \r\n");
        cases.push(case(
            format!("{name}\r\n").into_bytes(),
            reply.into_bytes(),
            End::GoesOn,
        ));
    }
    cases.extend([
        answered(
            &b"%1\r\n$4\r\nPING\r\n"[..],
            "-ERR unknown command '%1', with args beginning with: \r\n\
             -ERR unknown command '$4', with args beginning with: \r\n+PONG\r\n",
        ),
        broken(
            &b"*2\r\n$4\r\nECHO\r\n*1\r\n$1\r\na\r\n"[..],
            "expected '$', got '*'",
        ),
        broken(&b"*1\r\n\0\r\n"[..], "expected '$', got '\0'").unlike(HIDDEN_BY_NUL),
        case(
            &b"*1\r\n\xff\r\n"[..],
            &b"-ERR Protocol error: expected '$', got '\xff'\r\n"[..],
            End::Closes,
        ),
    ]);
    cases
}

/// The beginning of a TLS handshake.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03\x8f\x12\r\n\x7e\"'*$ \x20\x13\x02\x13\x03\x13\x01\xc0\x2c\n";
/// A frame of Redis's cluster bus: MEET.
const BUS_FRAME: &[u8] = b"RCmb\x00\x00\x08\xb0\x00\x01\x1a\x0a\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\r\n*1\r\n$4\r\nPING\r\n";

/// What other protocols say first.
fn protocols() -> Vec<Case> {
    let severed = |sent: &'static str, reply: &'static str| {
        case(sent.as_bytes(), reply.as_bytes(), End::Severed)
    };
    vec![
        case(CLIENT_HELLO, &b""[..], End::Waits),
        broken(
            [CLIENT_HELLO, &[b'x'; LONG][..]].concat(),
            "too big inline request",
        ),
        broken(
            &b"\x16\x03\x01\x02 \"\r\n"[..],
            "unbalanced quotes in request",
        ),
        case(BUS_FRAME, &b""[..], End::Waits),
        broken(
            [BUS_FRAME, &[0; LONG][..]].concat(),
            "too big inline request",
        ),
        // A browser that was told to send commands.
        severed(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nFLUSHALL\r\n",
            "",
        ),
        severed(
            "GET / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n",
            "-ERR wrong number of arguments for 'get' command\r\n",
        ),
        severed("host: x\r\n", ""),
        severed("post\r\n", ""),
        severed("*1\r\n$5\r\nHOST:\r\n", ""),
        severed("*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n", ""),
        severed("MULTI\r\nPOST /\r\n", "+OK\r\n"),
        answered(
            &b"OPTIONS * HTTP/1.1\r\n\r\n"[..],
            "-ERR unknown command 'OPTIONS', with args beginning with: '*' 'HTTP/1.1' \r\n",
        ),
    ]
}

const NO_PROTOCOL: &str = "-NOPROTO unsupported protocol version\r\n";
const NO_VERSION: &str = "-ERR Protocol version is not an integer or out of range\r\n";
const NO_NAME: &str =
    "-ERR Client names cannot contain spaces, newlines or special characters.\r\n";
const WRONG_PASSWORD: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

fn hello() -> Vec<Case> {
    let mut cases = all_answered(&[
        ("HELLO 1", NO_PROTOCOL),
        ("HELLO 4", NO_PROTOCOL),
        ("HELLO -3", NO_PROTOCOL),
        ("HELLO x", NO_VERSION),
        ("HELLO 3.0", NO_VERSION),
        ("HELLO ''", NO_VERSION),
        ("HELLO 99999999999999999999", NO_VERSION),
        (
            "HELLO 3 AUTH",
            "-ERR Syntax error in HELLO option 'AUTH'\r\n",
        ),
        (
            "HELLO 3 AUTH a",
            "-ERR Syntax error in HELLO option 'AUTH'\r\n",
        ),
        ("HELLO 3 AUTH a b", WRONG_PASSWORD),
        (
            "HELLO 3 SETNAME",
            "-ERR Syntax error in HELLO option 'SETNAME'\r\n",
        ),
        ("HELLO 3 SETNAME 'a b'", NO_NAME),
        ("HELLO 3 SETNAME \"a\\nb\"", NO_NAME),
        (
            "HELLO 3 NOPE",
            "-ERR Syntax error in HELLO option 'NOPE'\r\n",
        ),
        (
            "HELLO 2 SETNAME a SETNAME",
            "-ERR Syntax error in HELLO option 'SETNAME'\r\n",
        ),
        ("HELLO 3 AUTH default x SETNAME 'a b'", NO_NAME),
        (
            "AUTH",
            "-ERR wrong number of arguments for 'auth' command\r\n",
        ),
        ("AUTH a b c", "-ERR syntax error\r\n"),
        (
            "GET",
            "-ERR wrong number of arguments for 'get' command\r\n",
        ),
        (
            "SUBSCRIBE",
            "-ERR wrong number of arguments for 'subscribe' command\r\n",
        ),
        (
            "CLIENT NOPE",
            "-ERR unknown subcommand 'NOPE'. Try CLIENT HELP.\r\n",
        ),
    ]);
    const LOSES: Unlike = &[(
        "redis-8.2",
        "loses this answer if it has just given another one",
    )];
    cases.extend([
        answered(&b"AUTH a b\r\n"[..], WRONG_PASSWORD).unlike(LOSES),
        case(
            request(&[b"AUTH", &[b'a'; 100_000], b"b"]),
            WRONG_PASSWORD.as_bytes(),
            End::GoesOn,
        ),
        case(&b"QUIT\r\nPING\r\n"[..], &b"+OK\r\n"[..], End::Closes),
        case(&b"QUIT now\r\n"[..], &b"+OK\r\n"[..], End::Closes),
    ]);
    cases
}

/// Requests of no words, before and behind others (CVE-2026-27623).
fn empty() -> Vec<Case> {
    [
        "*1\r\n$4\r\nPING\r\n*0\r\n",
        "*1\r\n$4\r\nPING\r\n*-1\r\n",
        "*1\r\n$4\r\nPING\r\n\r\n",
        "*1\r\n$4\r\nPING\r\n \t\r\n\n*0\r\n",
        "*0\r\n*1\r\n$4\r\nPING\r\n",
        "*0\r\nPING\r\n*0\r\n",
    ]
    .into_iter()
    .map(|sent| answered(sent.as_bytes(), "+PONG\r\n"))
    .collect()
}

const NO_AUTH: &str = "-NOAUTH Authentication required.\r\n";

/// To a server whose password is `secret`, which nobody has said.
pub(crate) fn locked() -> Vec<Case> {
    let arguments = "unauthenticated multibulk length";
    let bulk = "unauthenticated bulk length";
    let mut cases = all_broken(
        &[b"*11\r\n", b"*1000000\r\n", b"*2147483647\r\n"],
        arguments,
    );
    cases.extend(all_broken(
        &[
            b"*1\r\n$16385\r\n",
            b"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
            b"*3\r\n$4\r\nAUTH\r\n$536870912\r\n",
        ],
        bulk,
    ));
    cases.extend(all_answered(&[
        ("PING", NO_AUTH),
        (
            "ECHO 1 2 3 4 5 6 7 8 9 10 11",
            "-ERR wrong number of arguments for 'echo' command\r\n",
        ),
        ("PING\r\n*0", NO_AUTH),
        ("*0\r\nPING", NO_AUTH),
        ("MULTI", NO_AUTH),
        ("SUBSCRIBE a", NO_AUTH),
        ("CLIENT LIST", NO_AUTH),
        ("AUTH nope", WRONG_PASSWORD),
        ("AUTH default nope", WRONG_PASSWORD),
        ("AUTH secret x y", "-ERR syntax error\r\n"),
        ("HELLO 9", NO_PROTOCOL),
        ("HELLO 3 AUTH default nope", WRONG_PASSWORD),
        ("RESET", "+RESET\r\n"),
    ]));
    for case in &mut cases {
        if case.sent.starts_with(b"ECHO") {
            case.unlike = &[("valkey", "asks for the password before it counts arguments")];
        }
    }
    let name = [b'a'; 16 * 1024];
    cases.extend([
        broken(&b"*2147483648\r\n"[..], "invalid multibulk length"),
        broken(&b"*1\r\n$536870913\r\n"[..], "invalid bulk length"),
        broken(&b"*10\r\nx\r\n"[..], "expected '$', got 'x'"),
        case(&b"*10\r\n$16384\r\n"[..], &b""[..], End::Waits),
        case(
            request(&[b"AUTH", &name]),
            WRONG_PASSWORD.as_bytes(),
            End::GoesOn,
        ),
        case(
            request(&[b"AUTH", &name, &name]),
            WRONG_PASSWORD.as_bytes(),
            End::GoesOn,
        ),
        case(&b"QUIT\r\n"[..], &b"+OK\r\n"[..], End::Closes),
        case(&b"POST /\r\n"[..], &b""[..], End::Severed),
    ]);
    cases
}

/// To the same server: whoever has said the password may say more in the same breath.
pub(crate) fn unlocked() -> Vec<Case> {
    let auth = request(&[b"AUTH", b"secret"]);
    let many = request(&[&b"EXISTS"[..]; 12]);
    let large = request(&[b"STRLEN", &[b'k'; 16 * 1024 + 1]]);
    vec![
        case(
            [auth.clone(), many].concat(),
            &b"+OK\r\n:0\r\n"[..],
            End::GoesOn,
        ),
        case([auth, large].concat(), &b"+OK\r\n:0\r\n"[..], End::GoesOn),
    ]
}

fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    almandine_tests::resp::encode_request(words, &mut bytes);
    bytes
}
