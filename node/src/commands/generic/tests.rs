//! What commands for keys of any type tell the journal, the watchers and the subscribers. Replies are tested by the
//! conversations.

use crate::commands::testing::Bench;

#[test]
fn changes_are_told_as_redis_tells_them() {
    let mut bench = Bench::new();
    bench.run("RPUSH l 2 1");
    for (line, expected) in [
        ("MSET a 1 b 2 c 3", "3 | set a, set b, set c"),
        ("DEL a nokey b", "2 | del a, del b"),
        ("UNLINK a c", "1 | del c"),
        ("DEL nokey", "0 | "),
        ("SET a v", "1 | set a"),
        ("COPY a b", "1 | copy_to b"),
        ("COPY a b", "0 | "),
        ("COPY a b REPLACE", "1 | copy_to b"),
        ("COPY a b DB 1", "1 | copy_to b"),
        ("MOVE a 1", "1 | move_from a, move_to a"),
        ("MOVE b 1", "0 | "),
        ("RENAME a b", "0 | "),
        ("RENAME b b", "0 | "),
        ("RENAMENX b b", "0 | "),
        ("SET a v", "1 | set a"),
        ("RENAME a b", "1 | rename_from a, rename_to b"),
        ("SET a v", "1 | set a"),
        ("RENAMENX a b", "0 | "),
        ("RENAMENX a c", "1 | rename_from a, rename_to c"),
        ("TOUCH c", "0 | "),
        ("EXPIRE c 100", "1 | expire c | PEXPIREAT c 1000000100000"),
        ("PEXPIRE c 100", "1 | expire c | PEXPIREAT c 1000000000100"),
        (
            "EXPIREAT c 4000000000",
            "1 | expire c | PEXPIREAT c 4000000000000",
        ),
        (
            "PEXPIREAT c 4000000000000",
            "1 | expire c | PEXPIREAT c 4000000000000",
        ),
        ("PEXPIREAT c 4000000000000 NX", "0 | "),
        ("PERSIST c", "1 | persist c"),
        ("PERSIST c", "0 | "),
        ("EXPIRE c -1", "1 | del c | DEL c"),
        ("EXPIRE c -1", "0 | "),
        ("SET c v", "1 | set c"),
        ("PEXPIREAT c 1", "1 | del c | DEL c"),
        ("SORT l STORE d", "2 | sortstore d"),
        ("SORT l", "0 | "),
        ("SORT nokey STORE d", "1 | del d"),
        ("SORT nokey STORE d", "0 | "),
        ("EXPIRE l 100 XX", "0 | "),
    ] {
        assert_eq!(bench.told(line), expected, "{line}");
    }
}

#[test]
fn a_key_is_idle_until_it_is_used() {
    let mut bench = Bench::new();
    let mut idle_after = |line: &str| {
        bench.run("SET k 1");
        bench.now_ms += 5_000;
        bench.run(line);
        bench.run("OBJECT IDLETIME k")
    };
    let looks = [
        "EXISTS k",
        "TYPE k",
        "TTL k",
        "OBJECT IDLETIME k",
        "KEYS k",
        "SCAN 0",
        "RANDOMKEY",
        "WATCH k",
    ];
    for line in looks {
        assert_eq!(idle_after(line), ":5\r\n", "{line}");
    }
    let uses = [
        "TOUCH k",
        "GET k",
        "INCR k",
        "APPEND k 1",
        "EXPIRE k 100",
        "EXPIRE k 100 XX",
        "PERSIST k",
        "SET k 1 NX",
        "SET k 1 XX",
        "SETNX k 1",
        "RENAME k k",
        "COPY k other",
        "LLEN k",
    ];
    for line in uses {
        assert_eq!(idle_after(line), ":0\r\n", "{line}");
    }
}
