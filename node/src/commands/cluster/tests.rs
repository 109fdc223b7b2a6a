//! CLUSTER commands on a node of a cluster that is made by hand: three shards, and a replica of the first.

use almandine_cluster::machine::Order;
use almandine_cluster::topology::Change;

use crate::actors::config::messages::Wanted;
use crate::cluster::testing::{name, picture};
use crate::commands::testing::Bench;

/// What the last command wants, in the words of the log.
fn wanted(bench: &Bench) -> Vec<String> {
    let told = |wanted: &Wanted| match wanted {
        Wanted::Orders(orders) => orders.iter().map(|order| format!("{order:?}")).collect(),
        other => vec![format!("{other:?}")],
    };
    bench.seat.wanted().iter().flat_map(told).collect()
}

#[track_caller]
fn expect(bench: &mut Bench, conversation: &[(&str, &str)]) {
    for (line, reply) in conversation {
        assert_eq!(bench.run(line), format!("{reply}\r\n"), "{line}");
    }
}

/// What a primary with slots refuses, in the words of Redis 8.2.
const REFUSED: &[(&str, &str)] = &[
    ("CLUSTER MEET a b", "-ERR Invalid base port specified: b"),
    (
        "CLUSTER MEET a 1",
        "-ERR Invalid node address specified: a:1",
    ),
    (
        "CLUSTER MEET 127.0.0.1 0",
        "-ERR Invalid node address specified: 127.0.0.1:0",
    ),
    (
        "CLUSTER MEET 127.0.0.1 70000",
        "-ERR Invalid node address specified: 127.0.0.1:70000",
    ),
    (
        "CLUSTER MEET 127.0.0.1 60000",
        "-ERR Invalid node address specified: 127.0.0.1:60000",
    ),
    (
        "CLUSTER MEET 127.0.0.1 1 x",
        "-ERR Invalid bus port specified: x",
    ),
    (
        "CLUSTER MEET 127.0.0.1 1 2 3",
        "-ERR unknown subcommand or wrong number of arguments for 'MEET'. Try CLUSTER HELP.",
    ),
    (
        "CLUSTER ADDSLOTSRANGE 1 2 3",
        "-ERR wrong number of arguments for 'cluster|addslotsrange' command",
    ),
    (
        "CLUSTER ADDSLOTSRANGE 5 2",
        "-ERR start slot number 5 is greater than end slot number 2",
    ),
    (
        "CLUSTER ADDSLOTSRANGE 1 99999",
        "-ERR Invalid or out of range slot",
    ),
    ("CLUSTER ADDSLOTS 1 1", "-ERR Slot 1 is already busy"),
    (
        "CLUSTER ADDSLOTS 16383 16383",
        "-ERR Slot 16383 specified multiple times",
    ),
    ("CLUSTER ADDSLOTS x 1", "-ERR Invalid or out of range slot"),
    (
        "CLUSTER DELSLOTS 16383",
        "-ERR Slot 16383 is already unassigned",
    ),
    (
        "CLUSTER SET-CONFIG-EPOCH x",
        "-ERR value is not an integer or out of range",
    ),
    (
        "CLUSTER SET-CONFIG-EPOCH -1",
        "-ERR Invalid config epoch specified: -1",
    ),
    (
        "CLUSTER SET-CONFIG-EPOCH 7",
        "-ERR The user can assign a config epoch only when the node does not know any other node.",
    ),
    (
        "CLUSTER SETSLOT 1 MIGRATING",
        "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
    ),
    (
        "CLUSTER SETSLOT 1 STABLE x",
        "-ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP",
    ),
    (
        "CLUSTER SETSLOT 99999 STABLE",
        "-ERR Invalid or out of range slot",
    ),
    (
        "CLUSTER SETSLOT 6000 MIGRATING abc",
        "-ERR I'm not the owner of hash slot 6000",
    ),
    (
        "CLUSTER SETSLOT 1 MIGRATING abc",
        "-ERR I don't know about node abc",
    ),
    (
        "CLUSTER SETSLOT 1 IMPORTING abc",
        "-ERR I'm already the owner of hash slot 1",
    ),
    (
        "CLUSTER SETSLOT 6000 IMPORTING abc",
        "-ERR I don't know about node abc",
    ),
    ("CLUSTER SETSLOT 1 NODE abc", "-ERR Unknown node abc"),
    ("CLUSTER REPLICATE abc", "-ERR Unknown node abc"),
    ("CLUSTER REPLICAS ABC", "-ERR Unknown node ABC"),
    ("CLUSTER FORGET abc", "-ERR Unknown node abc"),
    ("CLUSTER COUNT-FAILURE-REPORTS abc", "-ERR Unknown node abc"),
    ("CLUSTER RESET foo", "-ERR syntax error"),
    (
        "CLUSTER RESET HARD SOFT",
        "-ERR unknown subcommand or wrong number of arguments for 'RESET'. Try CLUSTER HELP.",
    ),
    (
        "CLUSTER COUNTKEYSINSLOT abc",
        "-ERR value is not an integer or out of range",
    ),
    ("CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot"),
    (
        "CLUSTER GETKEYSINSLOT 1 -1",
        "-ERR Invalid slot or number of keys",
    ),
    (
        "CLUSTER SLOT-STATS SLOTSRANGE 5 1",
        "-ERR Start slot number 5 is greater than end slot number 1",
    ),
    (
        "CLUSTER SLOT-STATS SLOTSRANGE 1",
        "-ERR unknown subcommand or wrong number of arguments for 'SLOT-STATS'. Try CLUSTER HELP.",
    ),
    (
        "CLUSTER SLOT-STATS ORDERBY cpu-usec",
        "-ERR Unrecognized sort metric for ORDERBY.",
    ),
    (
        "CLUSTER SLOT-STATS ORDERBY key-count LIMIT 0",
        "-ERR Limit has to lie in between 1 and 16384 (maximum number of slots).",
    ),
    (
        "CLUSTER SLOT-STATS ORDERBY key-count LIMIT",
        "-ERR syntax error",
    ),
    (
        "CLUSTER SLOT-STATS ORDERBY key-count ASC DESC",
        "-ERR Multiple filters of the same type are disallowed.",
    ),
    ("SELECT 1", "-ERR SELECT is not allowed in cluster mode"),
    ("SWAPDB 0 x", "-ERR SWAPDB is not allowed in cluster mode"),
    ("MOVE a x", "-ERR MOVE is not allowed in cluster mode"),
    ("COPY a b DB 1", "-ERR DB index is out of range"),
    (
        "REPLICAOF a b",
        "-ERR REPLICAOF not allowed in cluster mode.",
    ),
    (
        "SLAVEOF no one",
        "-ERR REPLICAOF not allowed in cluster mode.",
    ),
    (
        "FAILOVER ABORT",
        "-ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.",
    ),
];

#[test]
fn errors_are_those_of_redis_and_want_nothing() {
    let mut bench = Bench::in_cluster(picture(1));
    let (me, other, replica) = (name(1), name(2), name(4));
    expect(&mut bench, REFUSED);
    for (line, reply) in [
        (
            format!("CLUSTER REPLICATE {me}"),
            "-ERR Can't replicate myself",
        ),
        (
            format!("CLUSTER REPLICATE {replica}"),
            "-ERR I can only replicate a master, not a replica.",
        ),
        (
            format!("CLUSTER REPLICATE {other}"),
            "-ERR To set a master the node must be empty and without assigned slots.",
        ),
        (
            format!("CLUSTER FORGET {me}"),
            "-ERR I tried hard but I can't forget myself...",
        ),
        (
            format!("CLUSTER REPLICAS {replica}"),
            "-ERR The specified node is not a master",
        ),
        (
            format!("CLUSTER SETSLOT 1 NODE {replica}"),
            "-ERR Target node is not a master",
        ),
        (
            format!("CLUSTER SETSLOT 1 MIGRATING {replica}"),
            "-ERR Target node is not a master",
        ),
    ] {
        assert_eq!(bench.run(&line), format!("{reply}\r\n"), "{line}");
    }
    assert_eq!(wanted(&bench), [""; 0]);
}

#[test]
fn without_a_cluster_nothing_of_it_is_there() {
    let mut bench = Bench::new();
    let disabled = "-ERR This instance has cluster support disabled";
    for line in [
        "CLUSTER HELP",
        "CLUSTER KEYSLOT a",
        "CLUSTER COUNTKEYSINSLOT abc",
        "CLUSTER ADDSLOTSRANGE 1 2 3",
        "CLUSTER RESET a b",
        "CLUSTER VOTERS",
        "CLUSTER QUARANTINE LIST",
        "READONLY",
        "READWRITE",
        "ASKING",
    ] {
        expect(&mut bench, &[(line, disabled)]);
    }
}

#[test]
fn files_in_quarantine_are_named_by_no_path() {
    let mut bench = Bench::in_cluster(picture(1));
    let syntax =
        "-ERR unknown subcommand or wrong number of arguments for 'QUARANTINE'. Try CLUSTER HELP.";
    let none = |name: &str| format!("-ERR No such file in quarantine: {name}");
    expect(
        &mut bench,
        &[
            ("CLUSTER QUARANTINE LIST", "*0"),
            ("CLUSTER QUARANTINE LIST x", syntax),
            ("CLUSTER QUARANTINE nope", syntax),
            ("CLUSTER QUARANTINE SHOW", syntax),
            ("CLUSTER QUARANTINE DROP a b", syntax),
            ("CLUSTER QUARANTINE SHOW x", &none("x")),
            (
                "CLUSTER QUARANTINE SHOW ../Cargo.toml",
                &none("../Cargo.toml"),
            ),
            (
                "CLUSTER QUARANTINE DROP ../Cargo.toml",
                &none("../Cargo.toml"),
            ),
        ],
    );
}

#[test]
fn what_a_command_wants_goes_to_the_log_and_shows_in_the_draft() {
    let mut bench = Bench::in_cluster(picture(1));
    let other = name(2);
    expect(
        &mut bench,
        &[
            ("CLUSTER DELSLOTS 0 1", "+OK"),
            ("CLUSTER ADDSLOTS 1", "+OK"),
            ("CLUSTER ADDSLOTS 1", "-ERR Slot 1 is already busy"),
            ("CLUSTER BUMPEPOCH", "+BUMPED 4"),
            ("CLUSTER BUMPEPOCH", "+STILL 4"),
        ],
    );
    let line = format!("CLUSTER SETSLOT 1 MIGRATING {other}");
    expect(&mut bench, &[(&line, "+OK")]);
    let nodes = bench.run("CLUSTER NODES");
    let own = nodes.lines().find(|line| line.contains("myself"));
    assert!(
        own.is_some_and(|own| own.ends_with(&format!(" 1-5460 [1->-{other}]"))),
        "{nodes}"
    );
    let wants = wanted(&bench);
    let kinds = wants.iter().map(|order| {
        let change = order.trim_start_matches("Change(");
        change.split([' ', '{']).next().unwrap_or_default()
    });
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(
        kinds,
        [
            "DelSlots",
            "AddSlots",
            "BumpEpoch",
            "BumpEpoch",
            "MarkMigrating"
        ]
    );
    assert_eq!(bench.seat.wanted().len(), 1, "orders in a row are one wish");
}

#[test]
fn what_no_draft_can_show_is_a_wish_of_its_own() {
    let mut bench = Bench::in_cluster(picture(1));
    expect(
        &mut bench,
        &[
            ("CLUSTER MEET 127.0.0.1 7000", "+OK"),
            ("CLUSTER MEET ::1 7000 7001", "+OK"),
            ("CLUSTER SAVECONFIG", "+OK"),
        ],
    );
    assert_eq!(
        wanted(&bench),
        [
            "Meet { ip: 127.0.0.1, bus_port: 17000 }",
            "Meet { ip: ::1, bus_port: 7001 }",
            "Save",
        ]
    );
}

#[test]
fn a_node_with_keys_keeps_its_place() {
    let mut bench = Bench::in_cluster(picture(1));
    let other = name(2);
    // Slot 5061.
    bench.run("SET bar v");
    let line = format!("CLUSTER SETSLOT 5061 NODE {other}");
    let text = "-ERR Can't assign hashslot 5061 to a different node while I still hold keys for this hash slot.";
    expect(
        &mut bench,
        &[
            (&line, text),
            (
                "CLUSTER RESET",
                "-ERR CLUSTER RESET can't be called with master nodes containing keys",
            ),
            (
                "CLUSTER FLUSHSLOTS",
                "-ERR DB must be empty to perform CLUSTER FLUSHSLOTS.",
            ),
            ("CLUSTER COUNTKEYSINSLOT 5061", ":1"),
            ("CLUSTER GETKEYSINSLOT 5061 9", "*1\r\n$3\r\nbar"),
            (
                "CLUSTER SLOT-STATS ORDERBY key-count LIMIT 1",
                "*1\r\n*2\r\n:5061\r\n*2\r\n$9\r\nkey-count\r\n:1",
            ),
        ],
    );
    assert_eq!(wanted(&bench), [""; 0]);
    bench.run("DEL bar");
    expect(&mut bench, &[(&line, "+OK"), ("CLUSTER FLUSHSLOTS", "+OK")]);
    let changes = bench.seat.wanted();
    assert!(
        matches!(changes, [Wanted::Orders(orders)] if matches!(
            orders[..],
            [Order::Change(Change::GiveSlots { .. }), Order::Change(Change::FlushSlots { .. })]
        )),
        "{changes:?}"
    );
}

#[test]
fn sort_looks_at_no_key_of_another_slot() {
    let mut bench = Bench::in_cluster(picture(1));
    let denied = |option: &str| {
        format!(
            "-ERR {option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
        )
    };
    let (by, get) = (denied("BY"), denied("GET"));
    expect(
        &mut bench,
        &[
            ("RPUSH l 2 1", ":2"),
            ("SORT l BY w_*", &by),
            ("SORT l BY w_* LIMIT x", &by),
            ("SORT_RO l BY {a*}", &by),
            ("SORT l BY a*{l}", &by),
            ("SORT l BY {}{l}*", &by),
            ("SORT l GET x_*", &get),
            ("SORT l GET w", &get),
            ("SORT l BY nosort GET #", "*2\r\n$1\r\n2\r\n$1\r\n1"),
            ("SORT l BY {l}_* GET {l}*->f", "*2\r\n$-1\r\n$-1"),
            ("SORT l GET l", "*2\r\n$-1\r\n$-1"),
        ],
    );
}

#[test]
fn a_node_shows_its_cluster() {
    let mut bench = Bench::in_cluster(picture(1));
    let (me, other, replica) = (name(1), name(2), name(4));
    expect(
        &mut bench,
        &[
            ("CLUSTER MYID", &format!("$40\r\n{me}")),
            ("CLUSTER KEYSLOT foo{bar}x", ":5061"),
            ("CLUSTER LINKS", "*0"),
            (&format!("CLUSTER COUNT-FAILURE-REPORTS {other}"), ":0"),
            (&format!("CLUSTER REPLICAS {other}"), "*0"),
            (
                "INFO cluster",
                "$53\r\n# Cluster\r\ncluster_enabled:1\r\ncluster_bus_dropped:0\r\n",
            ),
        ],
    );
    let slots = bench.run("CLUSTER SLOTS");
    assert!(
        slots.starts_with("*3\r\n*3\r\n:0\r\n:5460\r\n*4\r\n"),
        "{slots}"
    );
    let replicas = bench.run(&format!("CLUSTER REPLICAS {me}"));
    assert!(replicas.starts_with("*1\r\n"), "{replicas}");
    assert!(replicas.contains(&format!("{replica} ")), "{replicas}");
    let info = bench.run("CLUSTER INFO");
    assert!(
        info.contains("cluster_state:ok\r\ncluster_slots_assigned:16383\r\n"),
        "{info}"
    );
    let voters = bench.run("CLUSTER VOTERS");
    assert!(
        voters.contains(&format!(
            "$6\r\nleader\r\n$40\r\n{me}\r\n$6\r\nvoters\r\n*3\r\n"
        )),
        "{voters}"
    );
    let shards = bench.run("CLUSTER SHARDS");
    assert!(
        shards.starts_with("*3\r\n*6\r\n$5\r\nslots\r\n"),
        "{shards}"
    );
    assert!(
        bench
            .run("HELLO")
            .contains("$4\r\nmode\r\n$7\r\ncluster\r\n")
    );
    assert!(bench.run("INFO server").contains("redis_mode:cluster\r\n"));
    let help = bench.run("CLUSTER HELP");
    assert!(help.starts_with("*66\r\n+CLUSTER <subcommand>"), "{help}");
}

#[test]
fn what_a_connection_says_of_itself_is_kept_until_it_is_reset() {
    let mut bench = Bench::in_cluster(picture(4));
    expect(&mut bench, &[("READONLY", "+OK"), ("ASKING", "+OK")]);
    assert!(bench.session.is_readonly && bench.session.is_asking);
    assert!(bench.run("CLIENT INFO").contains(" flags=r "));
    expect(&mut bench, &[("READWRITE", "+OK")]);
    assert!(!bench.session.is_readonly);
    expect(&mut bench, &[("READONLY", "+OK"), ("RESET", "+RESET")]);
    assert!(!bench.session.is_readonly && !bench.session.is_asking);
}

#[test]
fn a_replica_may_leave_and_give_no_slots_away() {
    let mut bench = Bench::in_cluster(picture(4));
    bench.run("SET bar v");
    let primary = name(1);
    expect(
        &mut bench,
        &[
            (
                "CLUSTER SETSLOT 1 STABLE",
                "-ERR Please use SETSLOT only with masters.",
            ),
            (
                &format!("CLUSTER FORGET {primary}"),
                "-ERR Can't forget my master!",
            ),
            (&format!("CLUSTER REPLICATE {}", name(3)), "+OK"),
            ("CLUSTER RESET HARD", "+OK"),
        ],
    );
    let wants = wanted(&bench);
    assert_eq!(wants.len(), 2, "{wants:?}");
    assert_eq!(wants[1], "Reset { is_hard: true, gives_keys_up: true }");
}
