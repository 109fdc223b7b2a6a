//! What hash commands tell the journal, the watchers and the subscribers. Replies are tested by the conversations.

use crate::commands::testing::Bench;

#[test]
fn changes_are_told_as_redis_tells_them() {
    let mut bench = Bench::new();
    for (line, expected) in [
        ("HSET h a 1 b 2", "2 | hset h"),
        ("HSET h a 1", "1 | hset h"),
        ("HSET h a 1 c 3", "2 | hset h"),
        ("HSET h a 1 c", "0 | "),
        ("HMSET h q 1 q 2", "2 | hset h"),
        ("HSETNX h a 1", "0 | "),
        ("HSETNX h z 1", "1 | hset h"),
        ("HINCRBY h a 5", "1 | hincrby h"),
        ("HINCRBY h a 0", "1 | hincrby h"),
        ("HINCRBYFLOAT h a 1.5", "1 | hincrbyfloat h | HSET h a 7.5"),
        (
            "HINCRBYFLOAT h new 1e3",
            "1 | hincrbyfloat h | HSET h new 1000",
        ),
        ("HDEL h a nope", "1 | hdel h"),
        ("HDEL h nope", "0 | "),
        ("HGETDEL h FIELDS 2 b nope", "1 | hdel h | HDEL h b nope"),
        ("HGETDEL h FIELDS 1 nope", "0 | "),
        ("HGETDEL h FIELDS 2 q q", "1 | hdel h | HDEL h q q"),
        (
            "HGETDEL h FIELDS 3 z c new",
            "3 | hdel h, del h | HDEL h z c new",
        ),
        ("HGETDEL h FIELDS 1 z", "0 | "),
        ("HSET h a 1", "1 | hset h"),
        ("HDEL h a", "1 | hdel h, del h"),
        ("HDEL h a", "0 | "),
    ] {
        assert_eq!(bench.told(line), expected, "{line}");
    }
}

#[test]
fn a_refused_write_leaves_no_empty_hash() {
    let mut bench = Bench::new();
    for line in [
        "HSET h a",
        "HSET h a 1 b",
        "HINCRBY h a x",
        "HINCRBYFLOAT h a x",
        "HINCRBYFLOAT h a inf",
    ] {
        assert!(bench.run(line).starts_with("-ERR "), "{line}");
        assert!(!bench.dbs[0].contains(b"h"), "{line}");
    }
}

#[test]
fn a_reply_of_too_many_repeats_is_refused() {
    let mut bench = Bench::new();
    bench.run("HSET h a 1");
    let refused = "-ERR value is out of range, the reply would exceed 1 GiB\r\n";
    assert_eq!(bench.run("HRANDFIELD h -9223372036854775807"), refused);
    assert_eq!(
        bench.run("HRANDFIELD h -4000000000000000000 WITHVALUES"),
        refused
    );
    assert!(
        bench
            .run("HRANDFIELD h -1000 WITHVALUES")
            .starts_with("*2000\r\n")
    );
}
