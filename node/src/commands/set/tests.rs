//! What set commands tell the journal, the watchers and the subscribers. Replies are tested by the conversations.

use crate::commands::testing::Bench;

#[test]
fn changes_are_told_as_redis_tells_them() {
    let mut bench = Bench::new();
    for (line, expected) in [
        ("SADD s 1 2 3", "3 | sadd s"),
        ("SADD s 1", "0 | "),
        ("SREM s 1 9", "1 | srem s"),
        ("SREM s 9", "0 | "),
        ("SREM s 2 3", "2 | srem s, del s"),
        ("SREM s 2", "0 | "),
        ("SADD s only", "1 | sadd s"),
        ("SPOP s", "1 | spop s, del s | SREM s only"),
        ("SPOP s", "0 | "),
        ("SADD s 1 2 3", "3 | sadd s"),
        ("SPOP s 0", "0 | "),
        ("SPOP s 3", "3 | spop s, del s | DEL s"),
        ("SPOP s 3", "0 | "),
        ("SADD s 1 2", "2 | sadd s"),
        ("SMOVE s d 1", "2 | srem s, sadd d"),
        ("SMOVE s d 9", "0 | "),
        ("SADD s 1", "1 | sadd s"),
        ("SMOVE s d 1", "1 | srem s"),
        ("SMOVE s d 2", "2 | srem s, del s, sadd d"),
        ("SMOVE d d 2", "0 | "),
        ("SADD s 1 2", "2 | sadd s"),
        ("SINTERSTORE x s d", "1 | sinterstore x"),
        ("SINTERSTORE x s nokey", "1 | del x"),
        ("SINTERSTORE x s nokey", "0 | "),
        ("SUNIONSTORE x s d", "1 | sunionstore x"),
        ("SDIFFSTORE x s d", "1 | del x"),
        ("SDIFFSTORE x s nokey", "1 | sdiffstore x"),
    ] {
        assert_eq!(bench.told(line), expected, "{line}");
    }
}

/// As in Redis: where it goes through the members of all sets, it writes the first one down and takes theirs out again.
#[test]
fn a_difference_has_the_form_of_the_way_it_was_made() {
    let mut bench = Bench::new();
    bench.run("SADD first 1 2 3 4 5 6 7 8 9 10 x");
    bench.run("SADD second x");
    bench.run("SADD third y");
    for (others, encoding) in [("second", "intset"), ("second third", "listpack")] {
        let line = format!("SDIFFSTORE d first {others}");
        assert_eq!(bench.run(&line), ":10\r\n");
        let reply = format!("${}\r\n{encoding}\r\n", encoding.len());
        assert_eq!(bench.run("OBJECT ENCODING d"), reply, "{others}");
        assert_eq!(bench.run("SISMEMBER d x"), ":0\r\n");
    }
}

#[test]
fn what_spop_took_is_journalled_in_pieces() {
    let mut bench = Bench::new();
    let members: Vec<_> = (0..3_000).map(|n| n.to_string()).collect();
    bench.run(&format!("SADD s {}", members.join(" ")));
    bench.run("SPOP s 2500");
    let journal = bench.changes.instead.take().unwrap();
    assert_eq!(
        journal.iter().map(Vec::len).collect::<Vec<_>>(),
        [1_026, 1_026, 454]
    );
    let mut replayed = Bench::new();
    replayed.run(&format!("SADD s {}", members.join(" ")));
    for command in &journal {
        replayed.request(command);
    }
    assert_eq!(replayed.run("SCARD s"), ":500\r\n");
    for member in bench.dbs[0].set(b"s").unwrap().unwrap() {
        assert!(replayed.dbs[0].set(b"s").unwrap().unwrap().holds(member));
    }
}

#[test]
fn a_result_may_go_over_one_of_its_operands() {
    let mut bench = Bench::new();
    bench.run("SADD a 1 2 3");
    bench.run("SADD b 2 3 4");
    assert_eq!(bench.run("SUNIONSTORE a a b"), ":4\r\n");
    assert_eq!(bench.run("SDIFFSTORE b a b"), ":1\r\n");
    assert_eq!(bench.run("SMEMBERS b"), "*1\r\n$1\r\n1\r\n");
    assert_eq!(bench.run("SINTERSTORE a a b a"), ":1\r\n");
}

#[test]
fn both_ways_to_subtract_and_to_unite_agree_with_a_model() {
    use std::collections::BTreeSet;
    let mut rng = almandine_storage::Rng::new(8);
    for round in 0..60 {
        let mut bench = Bench::new();
        let count = 1 + rng.below(8);
        let mut sets = Vec::new();
        for at in 0..count {
            let size = [0, 3, 40, 300][rng.below(4)];
            let set: BTreeSet<_> = (0..size).map(|_| format!("m{}", rng.below(400))).collect();
            if !set.is_empty() {
                let members: Vec<_> = set.iter().cloned().collect();
                bench.run(&format!("SADD k{at} {}", members.join(" ")));
            }
            sets.push(set);
        }
        let keys: Vec<_> = (0..count).map(|at| format!("k{at}")).collect();
        let keys = keys.join(" ");
        let fold = |combine: fn(&BTreeSet<String>, &BTreeSet<String>) -> BTreeSet<String>| {
            sets[1..]
                .iter()
                .fold(sets[0].clone(), |all, set| combine(&all, set))
        };
        let expected = [
            ("SDIFF", fold(|a, b| a - b)),
            ("SINTER", fold(|a, b| a & b)),
            ("SUNION", fold(|a, b| a | b)),
        ];
        for (command, expected) in expected {
            let reply = bench.run(&format!("{command} {keys}"));
            let lines: Vec<_> = reply.split("\r\n").collect();
            let members: BTreeSet<_> = lines[1..]
                .iter()
                .filter(|line| line.starts_with('m'))
                .map(|line| line.to_string())
                .collect();
            assert_eq!(
                lines[0],
                format!("*{}", expected.len()),
                "round {round} {command}"
            );
            assert_eq!(members, expected, "round {round} {command}");
            let stored = bench.run(&format!("{command}STORE x {keys}"));
            assert_eq!(
                stored,
                format!(":{}\r\n", expected.len()),
                "round {round} {command}STORE"
            );
        }
    }
}

#[test]
fn a_reply_of_too_many_repeats_is_refused() {
    let mut bench = Bench::new();
    bench.run("SADD s 1");
    let refused = "-ERR value is out of range, the reply would exceed 1 GiB\r\n";
    assert_eq!(bench.run("SRANDMEMBER s -9223372036854775807"), refused);
    assert!(bench.run("SRANDMEMBER s -1000").starts_with("*1000\r\n"));
}
