//! A node from its start to its end: what it logs, what ends it, with which exit code.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use almandine_tests::process::{Server, Start, StartError, TestNode, wait_until};
use almandine_tests::resp::{Client, ClientError, Value};
use almandine_tests::sys;

/// How long tools wait for the end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(10);

fn signal(node: &TestNode, number: i32) {
    sys::signal(node.pid(), number).expect("the node runs");
}

fn end(node: &mut TestNode) -> ExitStatus {
    let began = Instant::now();
    let status = node.wait_for_end().expect("the node ends");
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    status
}

fn until(node: &TestNode, text: &str) {
    assert!(
        wait_until(PATIENCE, || node.log().contains(text)),
        "{text:?} is not in the log:\n{}",
        node.log()
    );
}

fn error(client: &mut Client, line: &str) -> String {
    match client.line(line) {
        Ok(Value::Error(text)) => String::from_utf8_lossy(&text).into_owned(),
        other => panic!("{line}: {other:?}"),
    }
}

fn ok(client: &mut Client, line: &str) {
    assert_eq!(client.line(line).ok(), Some(Value::ok()), "{line}");
}

#[test]
fn the_log_says_who_runs_and_when_it_is_ready() {
    let mut node = TestNode::start();
    until(&node, "Ready to accept connections");
    let log = node.log();
    let pid = format!(" PID: {}", node.pid());
    let started = log.find(&pid).expect("the log names the process");
    assert!(log[started..].contains("Server initialized"), "{log}");
    assert_eq!(log.matches("Ready to accept connections tcp\n").count(), 1);
    assert_eq!(log.matches("Ready to accept connections").count(), 1);
    signal(&node, libc::SIGTERM);
    assert_eq!(end(&mut node).code(), Some(0));
    let log = node.log();
    let lines = [
        "Received SIGTERM scheduling shutdown...",
        "User requested shutdown...",
        "Almandine is now ready to exit, bye bye...",
    ];
    let places = lines.map(|line| log.find(line).expect(line));
    assert!(places.is_sorted(), "{log}");
}

#[test]
fn every_kind_of_listener_is_ready() {
    let node = TestNode::start_with(&["--unixsocket", "node.sock"]);
    until(&node, "Ready to accept connections unix\n");
    assert!(node.log().contains("Ready to accept connections tcp\n"));
}

#[test]
fn a_busy_port_is_told_and_ends_the_second_node() {
    let node = TestNode::start();
    let port = node.address().port().to_string();
    let second = Start::new(Server::Almandine).args(["--port", &port, "--bind", "127.0.0.1"]);
    let Err(StartError::Ended { status, log }) = second.run() else {
        panic!("the second node runs");
    };
    assert_eq!(status.code(), Some(3));
    let text = format!("Failed listening on port {port} (tcp), aborting: 127.0.0.1: ");
    assert!(log.contains(&text), "{log}");
}

#[test]
fn a_stopped_process_ends_when_it_goes_on() {
    let mut node = TestNode::start();
    node.freeze();
    signal(&node, libc::SIGTERM);
    assert!(node.has_ended().is_none());
    node.thaw();
    assert_eq!(end(&mut node).code(), Some(0));
}

#[test]
fn a_slow_command_does_not_keep_the_node_alive() {
    let mut node = TestNode::start();
    let mut client = node.client();
    client.send(&["DEBUG", "SLEEP", "60"]).unwrap();
    // The command has begun when the node answers nobody any more.
    let mut other = node.client();
    other.timeout(Duration::from_millis(200));
    let began = Instant::now();
    while other.call(&["PING"]).is_ok() {
        assert!(began.elapsed() < PATIENCE, "DEBUG SLEEP does not begin");
    }
    signal(&node, libc::SIGTERM);
    assert_eq!(end(&mut node).code(), Some(0));
}

#[test]
fn shutdown_ends_the_node_without_an_answer() {
    for words in ["SHUTDOWN", "shutdown nosave", "SHUTDOWN NOW FORCE NOSAVE"] {
        let mut node = TestNode::start();
        let (mut client, mut other) = (node.client(), node.client());
        ok(&mut other, "SET a 1");
        let requests = format!("SET b 1\r\n{words}\r\nSET c 1\r\n");
        client.send_raw(requests.as_bytes()).unwrap();
        // The end may be faster than the answer to the first; what follows the order is not executed any more.
        let answers = client.until_closed().unwrap();
        assert!(
            answers.is_empty() || answers == [Value::ok()],
            "{words}: {answers:?}"
        );
        assert_eq!(end(&mut node).code(), Some(0), "{words}");
        assert!(node.log().contains("ready to exit, bye bye"), "{words}");
    }
}

#[test]
fn debug_needs_permission() {
    const REFUSED: &str = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run \
         it from a local connection, otherwise you need to set this option in the configuration file, and then restart the \
         server.";
    let node = TestNode::start_with(&["--enable-debug-command", "no"]);
    let mut client = node.client();
    assert_eq!(error(&mut client, "DEBUG SLEEP 0"), REFUSED);
    assert_eq!(error(&mut client, "DEBUG nope"), REFUSED);
    assert_eq!(
        error(&mut client, "DEBUG"),
        "ERR wrong number of arguments for 'debug' command"
    );
    ok(&mut client, "MULTI");
    assert_eq!(error(&mut client, "DEBUG SLEEP 0"), REFUSED);
    assert_eq!(
        error(&mut client, "EXEC"),
        "EXECABORT Transaction discarded because of previous errors."
    );
    let node = TestNode::start_with(&["--enable-debug-command", "local"]);
    ok(&mut node.client(), "DEBUG SLEEP 0");
}

#[test]
fn debug_ends_the_node_in_every_way_that_a_bug_would() {
    for (word, code, ended_by, text) in [
        (
            "PANIC",
            Some(1),
            None,
            "Software Failure: asked for by DEBUG PANIC",
        ),
        (
            "ASSERT",
            Some(1),
            None,
            "ASSERTION FAILED: asked for by DEBUG ASSERT",
        ),
        (
            "OOM",
            None,
            Some(libc::SIGABRT),
            "Out Of Memory: asked for by DEBUG OOM",
        ),
        (
            "SEGFAULT",
            None,
            Some(libc::SIGSEGV),
            "crashed by signal: 11",
        ),
    ] {
        let mut node = TestNode::start();
        node.announce(text);
        node.announce("panicked");
        let answer = node.client().call(&["DEBUG", word]);
        let is_closed = matches!(answer, Err(ClientError::Closed | ClientError::Io(_)));
        assert!(is_closed, "{word}: {answer:?}");
        let status = end(&mut node);
        assert_eq!((status.code(), status.signal()), (code, ended_by), "{word}");
        assert!(node.log().contains(text), "{word}: {}", node.log());
    }
}

#[test]
fn a_switched_off_expiry_leaves_keys_until_somebody_asks() {
    let node = TestNode::start();
    let mut client = node.client();
    let size = |client: &mut Client| client.line("DBSIZE").unwrap();
    for (off, on) in [
        ("DEBUG SET-ACTIVE-EXPIRE 0", "DEBUG SET-ACTIVE-EXPIRE 1"),
        ("DEBUG PAUSE-CRON 1", "DEBUG PAUSE-CRON 0"),
    ] {
        ok(&mut client, off);
        ok(&mut client, "SET a 1 PX 1");
        let changes = || size(&mut client) != Value::Integer(1);
        assert!(!wait_until(Duration::from_millis(100), changes), "{off}");
        ok(&mut client, on);
        let began = Instant::now();
        while size(&mut client) != Value::Integer(0) {
            assert!(began.elapsed() < PATIENCE, "{on}");
        }
    }
}
