//! Programs that we did not write, used against our node: redis-cli, redis-benchmark, redis-py. Each check runs where the
//! program is installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use almandine_node::commands::table;
use almandine_tests::process::{Run, TestNode, Tool};
use almandine_tests::resp::Value;

/// redis-cli, connected to `node`; what it prints does not depend on a terminal.
fn cli(node: &TestNode) -> Option<Tool> {
    let port = node.address().port().to_string();
    Tool::if_installed("redis-cli").map(|cli| cli.args(["-p", &port]))
}

fn run(tool: &Tool, args: &[&str]) -> Run {
    tool.clone().args(args).run(b"")
}

/// What redis-cli prints, for the words of one request or its own flags.
#[track_caller]
fn says(cli: &Tool, args: &[&str]) -> String {
    run(cli, args).success()
}

/// Makes `count` strings `<prefix>:<n>`.
fn populate(node: &TestNode, prefix: &str, count: usize) {
    let count = count.to_string();
    let answer = node
        .client()
        .call(&["DEBUG", "POPULATE", &count, prefix, "10"]);
    assert_eq!(answer.expect("an answer"), Value::ok());
}

#[test]
fn redis_cli_shows_replies_in_both_protocols() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    assert_eq!(says(&cli, &["SET", "k", "a b"]), "OK\n");
    assert_eq!(says(&cli, &["--no-raw", "GET", "k"]), "\"a b\"\n");
    assert_eq!(says(&cli, &["--no-raw", "GET", "nokey"]), "(nil)\n");
    assert_eq!(
        says(&cli, &["--no-raw", "HSET", "h", "f", "1.5", "g", "x"]),
        "(integer) 2\n"
    );
    let hash = ["--no-raw", "HGETALL", "h"];
    assert_eq!(
        says(&cli, &hash),
        "1) \"f\"\n2) \"1.5\"\n3) \"g\"\n4) \"x\"\n"
    );
    let cli3 = cli.clone().args(["-3"]);
    assert_eq!(
        says(&cli3, &hash),
        "1# \"f\" => \"1.5\"\n2# \"g\" => \"x\"\n"
    );
    assert_eq!(
        says(&cli3, &["--no-raw", "ZADD", "z", "INCR", "1.5", "m"]),
        "(double) 1.5\n"
    );
    assert_eq!(
        says(&cli3, &["--json", "HGETALL", "h"]),
        "{\"f\":\"1.5\",\"g\":\"x\"}\n"
    );
    assert_eq!(
        says(&cli, &["--csv", "MGET", "k", "nokey"]),
        "\"a b\",NULL\n"
    );
    assert_eq!(says(&cli, &["-n", "3", "DBSIZE"]), "0\n");
    assert_eq!(says(&cli, &["-r", "3", "INCR", "n"]), "1\n2\n3\n");
    let from_input = cli
        .clone()
        .args(["-x", "SET", "binary"])
        .run(b"\x00\xff\r\n");
    assert_eq!(from_input.success(), "OK\n");
    assert_eq!(
        says(&cli, &["--no-raw", "GET", "binary"]),
        "\"\\x00\\xff\\r\\n\"\n"
    );
    let failed = run(&cli, &["-e", "nope"]);
    assert_eq!(
        failed.status.and_then(|status| status.code()),
        Some(1),
        "{failed:?}"
    );
    assert!(
        failed.err.contains("ERR unknown command 'nope'"),
        "{failed:?}"
    );
}

#[test]
fn redis_cli_reads_commands_from_its_input() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    let input = b"SELECT 2\nMULTI\nSET a 1\nINCR a\nEXEC\nDISCARD\nGET\n";
    let out = cli.args(["--no-raw"]).run(input).success();
    assert_eq!(
        out,
        "OK\nOK\nQUEUED\nQUEUED\n1) OK\n2) (integer) 2\n(error) ERR DISCARD without MULTI\n\
         (error) ERR wrong number of arguments for 'get' command\n"
    );
    let mut client = node.client();
    client.call(&["SELECT", "2"]).unwrap();
    assert_eq!(client.call(&["GET", "a"]).unwrap(), Value::bulk("2"));
}

#[test]
fn redis_cli_logs_in() {
    let node = TestNode::start_with(&["--requirepass", "secret"]);
    let Some(cli) = cli(&node) else { return };
    let cli = cli.args(["--no-auth-warning"]);
    assert_eq!(says(&cli, &["PING"]), "NOAUTH Authentication required.\n\n");
    for login in [
        &["-a", "secret"][..],
        &["--user", "default", "--pass", "secret"],
        &["-3", "-a", "secret"],
    ] {
        assert_eq!(
            says(&cli.clone().args(login), &["PING"]),
            "PONG\n",
            "{login:?}"
        );
    }
    let wrong = run(&cli, &["-a", "wrong", "PING"]);
    assert!(wrong.err.contains("AUTH failed: WRONGPASS "), "{wrong:?}");
}

#[test]
fn redis_cli_pipes_ten_thousand_commands() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    let mut input = Vec::new();
    for n in 0..5000 {
        input.extend_from_slice(format!("SET inline:{n} {n}\r\n").as_bytes());
        let key = format!("resp:{n}");
        let request = format!(
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$3\r\na b\r\n",
            key.len()
        );
        input.extend_from_slice(request.as_bytes());
    }
    let out = cli.clone().args(["--pipe"]).run(&input).success();
    assert!(out.ends_with("errors: 0, replies: 10000\n"), "{out}");
    let mut client = node.client();
    assert_eq!(client.call(&["DBSIZE"]).unwrap(), Value::Integer(10_000));
    assert_eq!(
        client.call(&["GET", "inline:4999"]).unwrap(),
        Value::bulk("4999")
    );
    assert_eq!(
        client.call(&["GET", "resp:4999"]).unwrap(),
        Value::bulk("a b")
    );
    let failing = cli
        .args(["--pipe"])
        .run(b"SET a 1\r\nLPUSH a x\r\nSET b 1\r\n");
    assert_eq!(failing.status.and_then(|status| status.code()), Some(1));
    assert!(
        failing.out.ends_with("errors: 1, replies: 3\n"),
        "{failing:?}"
    );
}

#[test]
fn redis_cli_scans_every_key_once() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    populate(&node, "user", 1000);
    populate(&node, "other", 1000);
    let out = says(&cli, &["--scan", "--pattern", "user:*"]);
    let found: Vec<&str> = out.lines().collect();
    let expected: BTreeSet<String> = (0..1000).map(|n| format!("user:{n}")).collect();
    assert_eq!(found.len(), expected.len());
    assert!(found.iter().all(|key| expected.contains(*key)));
    assert_eq!(says(&cli, &["--scan"]).lines().count(), 2000);
    assert_eq!(
        says(&cli, &["--scan", "--quoted-pattern", "\"no\\x00ne\""]),
        ""
    );
}

/// A node with one key of each type.
fn furnished() -> TestNode {
    let node = TestNode::start();
    let mut client = node.client();
    for line in [
        "SET text 123456789012345678901234567890",
        "RPUSH queue a b c d e",
        "SADD tags x y z",
        "HSET card f 1 g 2",
        "ZADD board 1 a 2 b 3 c 4 d",
    ] {
        assert!(
            client.line(line).is_ok_and(|answer| !answer.is_error()),
            "{line}"
        );
    }
    node
}

#[test]
fn redis_cli_finds_big_keys() {
    let node = furnished();
    let Some(cli) = cli(&node) else { return };
    let out = says(&cli, &["--bigkeys"]);
    for line in [
        "Sampled 5 keys in the keyspace!",
        "Biggest   list found '\"queue\"' has 5 items",
        "Biggest   hash found '\"card\"' has 2 fields",
        "Biggest string found '\"text\"' has 30 bytes",
        "Biggest    set found '\"tags\"' has 3 members",
        "Biggest   zset found '\"board\"' has 4 members",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

#[test]
fn redis_cli_finds_keys_that_take_much_memory() {
    let node = furnished();
    let Some(cli) = cli(&node) else { return };
    let out = says(&cli, &["--memkeys"]);
    let mut client = node.client();
    for (kind, key) in [
        ("list", "queue"),
        ("hash", "card"),
        ("string", "text"),
        ("set", "tags"),
        ("zset", "board"),
    ] {
        let bytes = client.call(&["MEMORY", "USAGE", key]).unwrap().integer();
        let line = format!(
            "Biggest {kind:>6} found '\"{key}\"' has {} bytes",
            bytes.expect("a number")
        );
        assert!(out.contains(&line), "{line}: {out}");
    }
}

#[test]
fn redis_cli_shows_statistics() {
    let node = furnished();
    let Some(cli) = cli(&node) else { return };
    // It writes to a pipe by the block, so many rows come at once and the last one is cut.
    let run = cli
        .args(["--stat", "-i", "0.01"])
        .run_for(Duration::from_secs(3));
    let is_row = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    let mut rows: Vec<&str> = run.out.lines().filter(is_row).collect();
    rows.pop();
    assert!(run.out.contains("keys") && rows.len() > 20, "{run:?}");
    for row in rows {
        let words: Vec<&str> = row.split_whitespace().collect();
        // Keys, memory, clients, blocked, requests (and their growth), connections.
        assert_eq!((words[0], words[3]), ("5", "0"), "{row}");
        assert!(words[1].ends_with(['K', 'M', 'G', 'B']), "{row}");
        let numbers = [words[2], words[4], words[words.len() - 1]];
        assert!(
            numbers
                .iter()
                .all(|word| word.parse::<u64>().is_ok_and(|n| n > 0)),
            "{row}"
        );
    }
    assert_eq!(run.err, "");
}

#[test]
fn redis_cli_measures_latency() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    // Without a terminal it measures for a second and prints: least, most, average, samples.
    let out = says(&cli, &["--latency", "-i", "1"]);
    let numbers: Vec<f64> = out
        .split_whitespace()
        .map(|word| word.parse().expect("a number"))
        .collect();
    let [least, most, average, samples] = numbers[..] else {
        panic!("{out}");
    };
    assert!(
        least <= average && average <= most && samples > 10.0,
        "{out}"
    );
}

/// redis-cli knows of HGETDEL and DELIFEQ only what COMMAND DOCS tells it: they are younger or another server's.
#[test]
fn redis_cli_shows_the_help_that_the_node_has() {
    let node = TestNode::start();
    let Some(cli) = cli(&node) else { return };
    for (name, synopsis) in [
        ("GET", "key"),
        ("HGETDEL", "key FIELDS numfields field [field ...]"),
        ("DELIFEQ", "key value"),
    ] {
        let out = cli.run(format!("HELP {name}\n").as_bytes()).success();
        let command = table::all().find(|command| command.name == name.to_ascii_lowercase());
        let command = command.expect("a command of ours");
        for text in [
            synopsis,
            command.summary,
            command.since,
            command.group.name(),
        ] {
            assert!(out.contains(text), "{name}: {text}: {out}");
        }
    }
}

/// What redis-benchmark of every version runs unless it is told otherwise.
const BENCHMARKS: [&str; 20] = [
    "PING_INLINE",
    "PING_MBULK",
    "SET",
    "GET",
    "INCR",
    "LPUSH",
    "RPUSH",
    "LPOP",
    "RPOP",
    "SADD",
    "HSET",
    "SPOP",
    "ZADD",
    "ZPOPMIN",
    "LPUSH (needed to benchmark LRANGE)",
    "LRANGE_100 (first 100 elements)",
    "LRANGE_300 (first 300 elements)",
    "LRANGE_500 (first 500 elements)",
    "LRANGE_600 (first 600 elements)",
    "MSET (10 keys)",
];

/// The figures of redis-benchmark, by name.
#[track_caller]
fn figures(node: &TestNode, args: &[&str]) -> Option<Vec<(String, f64)>> {
    let benchmark = Tool::if_installed("redis-benchmark")?;
    let port = node.address().port().to_string();
    let run = run(&benchmark.args(["-p", &port, "-q"]), args);
    let complains = |text: &str| {
        ["rror", "ERR", "Could not"]
            .iter()
            .any(|word| text.contains(word))
    };
    assert!(run.status.is_some_and(|status| status.success()), "{run:?}");
    assert!(!complains(&run.out) && !complains(&run.err), "{run:?}");
    // A line is written over and over until its test is done.
    let lines = run.out.split(['\r', '\n']);
    let done = lines.filter_map(|line| {
        let (name, figure) = line.split_once(": ")?;
        let figure = figure.split_once(" requests per second")?.0;
        Some((name.trim().to_owned(), figure.parse().ok()?))
    });
    Some(done.collect())
}

#[test]
fn redis_benchmark_runs_all_its_tests() {
    let node = TestNode::start();
    let Some(figures) = figures(&node, &["-n", "2000"]) else {
        return;
    };
    for name in BENCHMARKS {
        let found = figures.iter().find(|(known, _)| known == name);
        let per_second = found.unwrap_or_else(|| panic!("{name}: {figures:?}")).1;
        assert!(per_second > 0.0, "{name}");
    }
    assert!(figures.len() >= BENCHMARKS.len());
}

#[test]
fn redis_benchmark_pipelines_and_reconnects() {
    let node = TestNode::start();
    for args in [
        &[
            "-n",
            "20000",
            "-P",
            "16",
            "-r",
            "1000",
            "-t",
            "set,get,sadd,zadd",
        ][..],
        &["-n", "2000", "-k", "0", "-t", "set"],
        &["-n", "5000", "-c", "200", "-d", "4096", "-t", "set,get"],
        &["-n", "2000", "--threads", "2", "-t", "ping"],
        &["-n", "2000", "-3", "-t", "get"],
    ] {
        let Some(figures) = figures(&node, args) else {
            return;
        };
        let is_named = |name: &str| {
            figures
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let tests = args[args.len() - 1]
            .split(',')
            .filter(|name| *name != "ping");
        tests.for_each(|name| assert!(is_named(name), "{args:?}: {figures:?}"));
        assert!(
            figures.iter().all(|(_, per_second)| *per_second > 0.0),
            "{figures:?}"
        );
    }
}

#[test]
fn redis_py_works() {
    let node = TestNode::start();
    let Some(python) = Tool::python_with_redis_if_installed() else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/redis_py.py");
    let port = node.address().port().to_string();
    let run = python.args([script.as_os_str()]).args([&port]).run(b"");
    assert!(
        run.status.is_some_and(|status| status.success()),
        "{}\n{}",
        run.out,
        run.err
    );
    assert!(run.out.ends_with("all went well\n"), "{run:?}");
    eprint!("{}", run.out);
}
