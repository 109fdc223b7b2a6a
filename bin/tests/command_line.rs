//! The program from outside: what it prints, how it exits, where its parameters come from, how it hears signals.

#[cfg(test)]
mod drill;
#[cfg(test)]
mod process;

use std::fs;

use process::{Directory, Node, almandine, until};

#[test]
fn version_and_help_are_printed_and_end_well() {
    for flag in ["-v", "-V", "--version"] {
        let run = almandine(&[flag]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{flag}");
        assert!(run.out.starts_with("almandine "), "{}", run.out);
    }
    let (short, long) = (almandine(&["-h"]), almandine(&["--help"]));
    assert_eq!((short.code, long.code), (0, 0));
    for text in [
        "--port <0..65535>",
        "[default: 6379]",
        "Memory:",
        "--maxmemory-policy <volatile-lru|",
    ] {
        assert!(
            short.out.contains(text) && long.out.contains(text),
            "{text}"
        );
    }
    assert!(!short.out.contains("--tls-port") && long.out.contains("--tls-port"));
}

#[test]
fn a_wrong_flag_is_named_and_ends_with_2() {
    for (args, reason) in [
        (
            &["--prot", "7000"][..],
            "a similar argument exists: '--port'",
        ),
        (&["--xyzzy"], "unexpected argument '--xyzzy'"),
        (&["--port"], "a value is required for '--port"),
        (
            &["--port", "x"],
            "--port: argument couldn't be parsed into an integer",
        ),
        (&["--port", "1", "2"], "--port: wrong number of arguments"),
        (
            &["--port", "70000"],
            "--port: argument must be between 0 and 65535 inclusive",
        ),
        (
            &["--maxmemory", "1.5gb"],
            "--maxmemory: argument must be a memory value",
        ),
        (
            &["--maxmemory-policy", "x"],
            "--maxmemory-policy: argument(s) must be one of the following: volatile-lru, ",
        ),
        (&["--save", "60"], "--save: Invalid save parameters"),
        (
            &["--dir", "/nonexistent"],
            "--dir: No such file or directory",
        ),
        (&["--daemonize", "yes"], "--daemonize: "),
        (
            &["--tls-port", "6380"],
            "--tls-port: TLS is not supported yet",
        ),
        (&["--lua"], "--lua: not supported: there are no scripts yet"),
        (
            &["-p", "32m"],
            "--page: not supported: all data is in memory",
        ),
        (
            &["--auth", "AclWithAad"],
            "--auth: 'aclwithaad' is not supported",
        ),
        (&["--auth", "Password"], "--auth: Password needs --password"),
        (
            &["--config-import-path", "x"],
            "--config-import-path: only files in the syntax of redis.conf",
        ),
        (&["a.conf", "b.conf"], "unexpected argument 'b.conf'"),
    ] {
        let run = almandine(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(run.err.contains(reason), "{args:?}: {}", run.err);
    }
}

#[test]
fn a_wrong_file_is_told_as_redis_does_and_ends_with_1() {
    let dir = Directory::new("wrong");
    for (text, line, reason) in [
        ("port x\n", 1, "argument couldn't be parsed into an integer"),
        (
            "# a\n\nhz \"5\n",
            3,
            "Unbalanced quotes in configuration line",
        ),
        ("maxmemry 1gb\n", 1, "did you mean 'maxmemory'?"),
        (
            "rename-command get ''\n",
            1,
            "rename-command is not supported",
        ),
        (
            "hz 5\ninclude /nonexistent\n",
            0,
            "can't open config file '/nonexistent'",
        ),
    ] {
        let file = dir.write("a.conf", text);
        let run = almandine(&[&file]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{text}");
        assert!(run.err.contains(reason), "{text}: {}", run.err);
        if line > 0 {
            let head = format!("\nReading the configuration file, at line {line}\n>>> '");
            assert!(
                run.err.contains("*** FATAL CONFIG FILE ERROR (Almandine ")
                    && run.err.contains(&head)
            );
        }
    }
    let run = almandine(&["/nonexistent"]);
    assert!(
        run.code == 1 && run.err.contains("'/nonexistent'"),
        "{}",
        run.err
    );
    let run = almandine(&["--port", "0"]);
    assert!(
        run.code == 1 && run.err.contains("nothing to listen on"),
        "{}",
        run.err
    );
    let run = almandine(&["--logfile", "/nonexistent/log"]);
    assert!(
        run.code == 1 && run.err.contains("log file '/nonexistent/log'"),
        "{}",
        run.err
    );
}

#[test]
fn a_wrong_variable_is_named_and_ends_with_1() {
    let run = process::almandine_in(&[("ALMANDINE_HZ", "x")], &[], "");
    assert_eq!(run.code, 1);
    assert!(
        run.err
            .contains("ALMANDINE_HZ: argument couldn't be parsed"),
        "{}",
        run.err
    );
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "hz 20\ntimeout 21\nmaxmemory 22mb\nsave 60 1\nactivedefrag yes\n";
    let environment = [("ALMANDINE_HZ", "30"), ("ALMANDINE_TIMEOUT", "31")];
    let mut node = Node::start(
        "layers",
        file,
        &environment,
        &["--hz", "40", "--bind", "127.0.0.1", "-::1"],
        "",
    );
    assert_eq!(node.get("hz"), "40");
    assert_eq!(node.get("timeout"), "31");
    assert_eq!(node.get("maxmemory"), "23068672");
    assert_eq!(node.get("bind"), "127.0.0.1 -::1");
    assert_eq!(node.get("save"), "60 1");
    assert_eq!(node.get("databases"), "16");
    assert!(
        node.log()
            .contains("'activedefrag' has no effect: the allocator keeps itself compact")
    );
}

#[test]
fn garnet_flags_mean_their_parameter() {
    let args = [
        "-m",
        "64mb",
        "--auth",
        "Password",
        "--password",
        "pw",
        "--max-databases",
        "3",
        "--aof",
        "-q",
    ];
    let mut node = Node::start("garnet", "", &[], &args, "");
    assert_eq!(node.ask("AUTH pw"), "+OK\r\n");
    assert_eq!(node.get("maxmemory"), "67108864");
    assert_eq!(node.get("databases"), "3");
    assert_eq!(node.get("appendonly"), "yes");
}

#[test]
fn a_dash_reads_more_of_the_file_from_standard_input() {
    let mut node = Node::start(
        "stdin",
        "hz 20\ntimeout 300\n",
        &[],
        &["-"],
        "hz 25\n# that is all\n",
    );
    assert_eq!(
        (node.get("hz"), node.get("timeout")),
        ("25".into(), "300".into())
    );
}

#[test]
fn rewrite_keeps_what_is_true_and_changes_what_is_not() {
    let file = "# mine\nmaxmemory   1gb\nhz 20\n# end\n";
    let mut node = Node::start("rewrite", file, &[], &["--timeout", "900"], "");
    assert_eq!(node.ask("CONFIG SET hz 33"), "+OK\r\n");
    assert_eq!(node.ask("CONFIG REWRITE"), "+OK\r\n");
    let text = fs::read_to_string(node.dir.path("node.conf")).unwrap();
    assert!(
        text.starts_with("# mine\nmaxmemory   1gb\nhz 33\n# end\n# Generated by CONFIG REWRITE\n"),
        "{text}"
    );
    assert!(text.contains("\ntimeout 900\n"), "{text}");
    let mut again = Node::restart(node);
    assert_eq!(
        (again.get("hz"), again.get("timeout")),
        ("33".into(), "900".into())
    );
}

#[test]
fn a_file_with_all_parameters_starts_the_same_node() {
    let file = "enable-debug-command yes\nhz 20\n";
    let mut node = Node::start("all", file, &[], &["--timeout", "900"], "");
    assert_eq!(node.ask("DEBUG CONFIG-REWRITE-FORCE-ALL"), "+OK\r\n");
    let before = node.ask("CONFIG GET *");
    let text = fs::read_to_string(node.dir.path("node.conf")).unwrap();
    assert!(text.contains("\nmaxmemory-policy noeviction\n"), "{text}");
    let mut again = Node::restart(node);
    assert_eq!(again.ask("CONFIG GET *"), before);
}

#[test]
fn a_signal_ends_the_node_well() {
    for signal in ["TERM", "INT"] {
        let mut node = Node::start("signal", "pidfile node.pid\n", &[], &[], "");
        let pid = fs::read_to_string(node.dir.path("node.pid")).unwrap();
        assert_eq!(pid.trim(), node.pid().to_string());
        node.signal(signal);
        assert_eq!(node.wait(), Some(0), "{signal}");
        assert!(!node.dir.path("node.pid").exists(), "{signal}");
        assert!(node.log().contains("bye bye"), "{signal}");
    }
}

/// What the configuration files of the test-suites of Redis and Valkey say.
const SUITE: &str = "# a comment
always-show-logo yes
notify-keyspace-events KEA
daemonize no
pidfile suite.pid
timeout 0
loglevel verbose
logfile ''
databases 16
latency-monitor-threshold 1
repl-diskless-sync-delay 0
save ''
save 900 1
rdbcompression yes
dbfilename \"dump.rdb\"
slave-serve-stale-data yes
appendonly no
appendfsync everysec
no-appendfsync-on-rewrite no
activerehashing yes
enable-protected-configs yes
enable-debug-command yes
enable-module-command yes
enable-debug-assert yes
hide-user-data-from-log yes
propagation-error-behavior panic
shutdown-on-sigterm force
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit slave 256mb 64mb 60
hash-max-ziplist-entries 128
list-max-ziplist-size -2
zset-max-ziplist-value 64
";

#[test]
fn files_of_test_suites_are_taken() {
    let mut node = Node::start("suite", SUITE, &[], &["--loglevel", "debug"], "");
    for (name, value) in [
        ("notify-keyspace-events", "AKE"),
        ("save", "900 1"),
        ("dbfilename", "dump.rdb"),
        ("replica-serve-stale-data", "yes"),
        ("propagation-error-behavior", "panic"),
        ("shutdown-on-sigterm", "force"),
        ("hash-max-listpack-entries", "128"),
        ("loglevel", "debug"),
    ] {
        assert_eq!(node.get(name), value, "{name}");
    }
    assert_eq!(node.ask("DEBUG SLEEP 0"), "+OK\r\n");
    node.signal("TERM");
    assert_eq!(node.wait(), Some(0));
}

#[test]
fn a_killed_node_starts_again_in_the_same_place() {
    let file = "pidfile node.pid\nhz 33\n";
    let node = Node::start("killed", file, &[], &[], "");
    let old = node.pid();
    let mut again = Node::restart_after(node, "KILL", None);
    assert_ne!(again.pid(), old);
    assert_eq!(again.get("hz"), "33");
    let pid = fs::read_to_string(again.dir.path("node.pid")).unwrap();
    assert_eq!(pid.trim(), again.pid().to_string());
}

#[test]
fn a_busy_port_is_told_on_standard_error_and_in_the_log() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = Directory::new("busy");
    let pid_file = dir.path("node.pid");
    let run = almandine(&[
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--pidfile",
        pid_file.to_str().unwrap(),
    ]);
    assert_eq!(run.code, 3, "{}", run.out);
    let reason = format!("Failed listening on port {port} (tcp), aborting: 127.0.0.1: ");
    assert!(run.err.starts_with(&reason), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1);
    assert!(run.out.contains(&reason), "{}", run.out);
    assert!(!pid_file.exists());
    let run = almandine(&["--unixsocket", "/nonexistent/socket", "--port", "0"]);
    assert_eq!(run.code, 3, "{}", run.out);
    assert!(
        run.err.contains("Failed opening Unix socket"),
        "{}",
        run.err
    );
}

#[test]
fn a_panic_is_told_in_the_log_file_too() {
    let file = "logfile node.log\nenable-debug-command yes\n";
    let mut node = Node::start("panic", file, &[], &[], "");
    node.send("DEBUG PANIC");
    assert_eq!(node.wait(), Some(1));
    let log = fs::read_to_string(node.dir.path("node.log")).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(
        lines[0].contains("panicked at ") && lines[0].contains("asked for by DEBUG PANIC"),
        "{log}"
    );
}

#[test]
fn a_hang_up_opens_the_log_again() {
    let mut node = Node::start("hangup", "logfile node.log\n", &[], &[], "");
    let (log, old) = (node.dir.path("node.log"), node.dir.path("node.log.1"));
    fs::rename(&log, &old).unwrap();
    node.signal("HUP");
    until("the log is open again", || log.exists());
    assert_eq!(node.ask("CONFIG SET timeout 500"), "+OK\r\n");
    until("the new log is written", || {
        fs::read_to_string(&log).unwrap().contains("timeout")
    });
    assert!(
        fs::read_to_string(&old)
            .unwrap()
            .contains("Ready to accept connections")
    );
}

#[test]
fn the_log_level_changes_while_the_node_runs() {
    let mut node = Node::start("level", "logfile node.log\nlog-format json\n", &[], &[], "");
    let log = node.dir.path("node.log");
    let read = || fs::read_to_string(&log).unwrap();
    assert_eq!(node.ask("CONFIG SET timeout 500"), "+OK\r\n");
    until("the change is logged", || read().contains("timeout"));
    assert!(
        read()
            .lines()
            .all(|line| line.starts_with("{\"timestamp\":\"") && line.ends_with('}'))
    );
    assert_eq!(node.ask("CONFIG SET loglevel warning"), "+OK\r\n");
    until("that is logged", || read().contains("loglevel"));
    let before = read();
    // The first is below the level, the second above it: when it is there, the first would be.
    assert_eq!(node.ask("CONFIG SET timeout 600"), "+OK\r\n");
    assert_eq!(node.ask("CONFIG SET activedefrag yes"), "+OK\r\n");
    until("the warning is there", || read().contains("no effect"));
    assert!(!read()[before.len()..].contains("timeout"), "{}", read());
}

#[test]
fn protected_parameters_need_permission() {
    let mut node = Node::start("protected", "", &[], &[], "");
    assert!(
        node.ask("CONFIG SET dir /")
            .contains("can't set protected config")
    );
    let mut node = Node::start("allowed", "enable-protected-configs local\n", &[], &[], "");
    assert!(
        node.ask("CONFIG SET dir /nonexistent")
            .contains("No such file or directory")
    );
    assert_eq!(node.ask("CONFIG SET dir /"), "+OK\r\n");
    assert_eq!(node.get("dir"), "/");
}

#[test]
fn what_config_get_prints_config_set_takes_back() {
    let mut node = Node::start("roundtrip", "", &[], &[], "");
    let all = node.ask("CONFIG GET *");
    let words: Vec<&str> = all.split("\r\n").collect();
    // *n, then $length and text in turn.
    let texts: Vec<&str> = words[1..].chunks_exact(2).map(|pair| pair[1]).collect();
    assert!(texts.len() > 400, "{}", texts.len());
    for pair in texts.chunks_exact(2) {
        let answer = node.ask(&format!("CONFIG SET {} \"{}\"", pair[0], pair[1]));
        let fixed =
            answer.contains("can't set immutable") || answer.contains("can't set protected");
        assert!(answer == "+OK\r\n" || fixed, "{pair:?}: {answer}");
    }
}
