//! Every shape of a reply in both versions of the protocol.

use almandine_protocol::{Reply, Version};

/// What `write` sends in `version`, escaped.
fn sent(version: Version, write: impl FnOnce(&mut Reply<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut Reply::new(&mut out, version));
    out.escape_ascii().to_string()
}

type Shape = (fn(&mut Reply<'_>), &'static str, &'static str);

/// A shape, and how it looks in RESP2 and in RESP3.
const SHAPES: &[Shape] = &[
    (|r| r.ok(), r"+OK\r\n", r"+OK\r\n"),
    (|r| r.simple("QUEUED"), r"+QUEUED\r\n", r"+QUEUED\r\n"),
    (|r| r.error(b"ERR no"), r"-ERR no\r\n", r"-ERR no\r\n"),
    (
        |r| r.error(b"ERR a\r\n+b"),
        r"-ERR a  +b\r\n",
        r"-ERR a  +b\r\n",
    ),
    (|r| r.integer(7), r":7\r\n", r":7\r\n"),
    (|r| r.integer(-1), r":-1\r\n", r":-1\r\n"),
    (
        |r| r.integer(i64::MIN),
        r":-9223372036854775808\r\n",
        r":-9223372036854775808\r\n",
    ),
    (|r| r.length(10), r":10\r\n", r":10\r\n"),
    (|r| r.bulk(b""), r"$0\r\n\r\n", r"$0\r\n\r\n"),
    (
        |r| r.bulk(b"a\r\nb\0"),
        r"$5\r\na\r\nb\x00\r\n",
        r"$5\r\na\r\nb\x00\r\n",
    ),
    (
        |r| r.bulk(&[b'x'; 12]),
        r"$12\r\nxxxxxxxxxxxx\r\n",
        r"$12\r\nxxxxxxxxxxxx\r\n",
    ),
    (|r| r.bulk_integer(-42), r"$3\r\n-42\r\n", r"$3\r\n-42\r\n"),
    (|r| r.bulk_double(1.5), r"$3\r\n1.5\r\n", r"$3\r\n1.5\r\n"),
    (|r| r.null(), r"$-1\r\n", r"_\r\n"),
    (|r| r.null_array(), r"*-1\r\n", r"_\r\n"),
    (|r| r.array(0), r"*0\r\n", r"*0\r\n"),
    (|r| r.array(1_000_000), r"*1000000\r\n", r"*1000000\r\n"),
    (|r| r.map(3), r"*6\r\n", r"%3\r\n"),
    (|r| r.set(3), r"*3\r\n", r"~3\r\n"),
    (|r| r.push(3), r"*3\r\n", r">3\r\n"),
    (|r| r.double(1e19), r"$5\r\n1e+19\r\n", r",1e+19\r\n"),
    (
        |r| r.double(f64::NEG_INFINITY),
        r"$4\r\n-inf\r\n",
        r",-inf\r\n",
    ),
    (|r| r.boolean(true), r":1\r\n", r"#t\r\n"),
    (|r| r.boolean(false), r":0\r\n", r"#f\r\n"),
    (
        |r| r.verbatim(b"txt", b"hi"),
        r"$2\r\nhi\r\n",
        r"=6\r\ntxt:hi\r\n",
    ),
    (|r| r.big_number(b"123"), r"$3\r\n123\r\n", r"(123\r\n"),
];

#[test]
fn every_shape_in_both_versions() {
    for (write, resp2, resp3) in SHAPES {
        assert_eq!(sent(Version::Resp2, write), *resp2);
        assert_eq!(sent(Version::Resp3, write), *resp3);
    }
    assert_eq!(sent(Version::Resp3, |r| r.attribute(1)), r"|1\r\n");
}

#[test]
fn a_header_that_was_reserved_comes_before_what_was_written_since() {
    let elements = |r: &mut Reply<'_>| (0..12).for_each(|n| r.integer(n));
    let tail = (0..12).map(|n| format!(r":{n}\r\n")).collect::<String>();
    for (version, array, map, set) in [
        (Version::Resp2, r"*12\r\n", r"*12\r\n", r"*12\r\n"),
        (Version::Resp3, r"*12\r\n", r"%6\r\n", r"~12\r\n"),
    ] {
        let filled = |fill: fn(&mut Reply<'_>, almandine_protocol::Reserved)| {
            sent(version, |r| {
                r.ok();
                let place = r.reserve();
                elements(r);
                fill(r, place);
                r.null_array();
            })
        };
        let end = if version == Version::Resp2 {
            r"*-1\r\n"
        } else {
            r"_\r\n"
        };
        let expected = |header: &str| format!(r"+OK\r\n{header}{tail}{end}");
        assert_eq!(filled(|r, place| r.fill_array(place, 12)), expected(array));
        assert_eq!(filled(|r, place| r.fill_map(place, 6)), expected(map));
        assert_eq!(filled(|r, place| r.fill_set(place, 12)), expected(set));
        let page = expected(r"*2\r\n$2\r\n42\r\n*12\r\n");
        assert_eq!(filled(|r, place| r.fill_page(place, 42, 12)), page);
    }
}

#[test]
fn what_was_written_can_be_taken_back() {
    let text = sent(Version::Resp2, |r| {
        r.ok();
        let position = r.position();
        r.array(2);
        r.bulk(b"half an answer");
        r.rewind(position);
        r.error(b"ERR syntax error");
    });
    assert_eq!(text, r"+OK\r\n-ERR syntax error\r\n");
}

#[test]
fn hello_changes_the_version_in_the_middle_of_a_reply() {
    let text = sent(Version::Resp2, |r| {
        r.null();
        r.set_version(Version::Resp3);
        assert_eq!(r.version(), Version::Resp3);
        r.null();
        r.reborrow(Version::Resp2).null();
        r.null();
    });
    assert_eq!(text, r"$-1\r\n_\r\n$-1\r\n_\r\n");
}
