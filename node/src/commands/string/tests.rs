//! What string commands tell the journal, the watchers and the subscribers. Replies are tested by the conversations.

use crate::commands::testing::Bench;

/// Commands, one after the other on the same data, and what they tell.
const TOLD: &[(&str, &str)] = &[
    ("SET s v", "1 | set s"),
    (
        "SET s v EXAT 4000000000",
        "1 | set s, expire s | SET s v PXAT 4000000000000",
    ),
    (
        "SET s v EX 100",
        "1 | set s, expire s | SET s v PXAT 1000000100000",
    ),
    ("SET s w KEEPTTL", "1 | set s"),
    ("SET s w XX GET", "1 | set s"),
    ("SET s w NX", "0 | "),
    ("SET s w NX GET", "0 | "),
    (
        "SET n w NX PX 5",
        "1 | set n, expire n | SET n w PXAT 1000000000005",
    ),
    ("SET s v", "1 | set s"),
    ("SETNX s w", "0 | "),
    ("SETNX t w", "1 | set t"),
    (
        "SETEX s 100 v",
        "1 | set s, expire s | SET s v PXAT 1000000100000",
    ),
    (
        "PSETEX s 100 v",
        "1 | set s, expire s | SET s v PXAT 1000000000100",
    ),
    ("GETSET s w", "1 | set s | SET s w"),
    ("GETDEL s", "1 | del s | DEL s"),
    ("GETDEL s", "0 | "),
    ("SET s v", "1 | set s"),
    ("GETEX s", "0 | "),
    ("GETEX s PERSIST", "0 | "),
    ("GETEX s EX 100", "1 | expire s | PEXPIREAT s 1000000100000"),
    (
        "GETEX s PXAT 4000000000000",
        "1 | expire s | PEXPIREAT s 4000000000000",
    ),
    ("GETEX s PERSIST", "1 | persist s | PERSIST s"),
    ("GETEX s EXAT 1", "1 | del s | DEL s"),
    ("GETEX s EX 10", "0 | "),
    ("APPEND a 1", "1 | append a"),
    ("APPEND a \"\"", "1 | append a"),
    ("APPEND nokey \"\"", "1 | append nokey"),
    ("SETRANGE a 1 x", "1 | setrange a"),
    ("SETRANGE a 1 \"\"", "0 | "),
    ("SETRANGE new 1 \"\"", "0 | "),
    ("SETRANGE new 1 x", "1 | setrange new"),
    ("INCR i", "1 | incrby i"),
    ("INCRBY i 0", "1 | incrby i"),
    ("INCRBY i x", "0 | "),
    ("DECR i", "1 | incrby i"),
    ("DECRBY i 5", "1 | incrby i"),
    (
        "INCRBYFLOAT i 1.5",
        "1 | incrbyfloat i | SET i -3.5 KEEPTTL",
    ),
    (
        "INCRBYFLOAT fresh 1e3",
        "1 | incrbyfloat fresh | SET fresh 1000 KEEPTTL",
    ),
    ("MSET a 1 b 2", "2 | set a, set b"),
    ("MSET a 1 a 2", "2 | set a, set a"),
    ("MSETNX a 1 c 2", "0 | "),
    ("MSETNX c 1 d 2", "2 | set c, set d"),
    ("RPUSH l x", "1 | rpush l"),
    ("SET l v", "1 | set l"),
];

#[test]
fn changes_are_told_as_redis_tells_them() {
    let mut bench = Bench::new();
    for (line, expected) in TOLD.iter().copied() {
        assert_eq!(bench.told(line), expected, "{line}");
    }
}

/// The journal says it in words that older servers know too.
#[test]
fn changes_of_newer_commands_are_told() {
    let mut bench = Bench::new();
    for (line, expected) in [
        ("SET s v", "1 | set s"),
        ("SET s w IFEQ x", "0 | "),
        ("SET s w IFEQ v", "1 | set s | SET s w"),
        ("SET s x IFEQ w KEEPTTL", "1 | set s | SET s x KEEPTTL"),
        (
            "SET s y IFEQ x EX 100",
            "1 | set s, expire s | SET s y PXAT 1000000100000",
        ),
        ("DELIFEQ s w", "0 | "),
        ("DELIFEQ s y", "1 | del s | DEL s"),
        ("DELIFEQ s y", "0 | "),
        ("MSETEX 2 a 1 b 2", "2 | set a, set b | SET a 1 | SET b 2"),
        ("MSETEX 2 a 1 b 2 NX", "0 | "),
        (
            "MSETEX 2 c 1 d 2 NX EX 100",
            "2 | set c, expire c, set d, expire d | SET c 1 PXAT 1000000100000 | SET d 2 PXAT 1000000100000",
        ),
        ("MSETEX 1 c 1 XX KEEPTTL", "1 | set c | SET c 1 KEEPTTL"),
    ] {
        assert_eq!(bench.told(line), expected, "{line}");
    }
}
