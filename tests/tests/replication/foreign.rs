//! A primary that can do what we cannot: scripts come as what they have written, libraries of functions are told of and left
//! out, and any other command stops the link, loudly, until the data can be held.

use almandine_tests::process::{Running, Server, Start, TestNode, wait_until};
use almandine_tests::resp::Client;

use crate::stage::{PATIENCE, assert_same, field, follow, number, syncs, wait_for_link};

const LIBRARY: &str = "#!lua name=mylib\n\
    redis.register_function('put', function(keys, args)\n\
      redis.call('SET', keys[1], args[1])\n\
      return redis.call('INCR', 'count')\n\
    end)";

fn start(peer: Server) -> Running {
    let start = Start::new(peer).args(["--repl-diskless-sync-delay", "0"]);
    start.run().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn call(client: &mut Client, words: &[&[u8]]) -> Vec<u8> {
    let reply = client.call(words).expect("an answer");
    assert!(!reply.is_error(), "{reply:?}");
    reply.bytes().map(<[u8]>::to_vec).unwrap_or_default()
}

/// Scripts and functions that write.
fn write(primary: &Running) {
    let client = &mut primary.client();
    let script = b"redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', 'count')";
    call(client, &[b"EVAL", script, b"1", b"scripted", b"v"]);
    call(client, &[b"SCRIPT", b"LOAD", script]);
    call(client, &[b"SCRIPT", b"FLUSH"]);
    let library = LIBRARY.as_bytes();
    call(client, &[b"FUNCTION", b"LOAD", library]);
    call(client, &[b"FCALL", b"put", b"1", b"first", b"v"]);
    call(client, &[b"FUNCTION", b"LOAD", b"REPLACE", library]);
    let dump = call(client, &[b"FUNCTION", b"DUMP"]);
    call(client, &[b"FUNCTION", b"DELETE", b"mylib"]);
    call(client, &[b"FUNCTION", b"RESTORE", &dump]);
    call(client, &[b"FCALL", b"put", b"1", b"second", b"v"]);
    call(client, &[b"FUNCTION", b"FLUSH"]);
    call(client, &[b"SET", b"last", b"v"]);
}

#[test]
fn what_scripts_and_functions_write_comes_and_libraries_are_told_of() {
    for peer in Server::peers() {
        let primary = start(peer);
        eprintln!("{}", primary.identity());
        let mut replica = TestNode::start_with(&["--appendonly", "yes"]);
        replica.announce_lost_links();
        replica.announce_refused_requests();
        follow(&replica, primary.address());
        wait_for_link(&replica);
        write(&primary);
        assert_same(&primary, &replica);
        assert_eq!(syncs(&primary), (1, 0), "the link stays");
        let log = replica.log();
        assert!(log.contains("there are no functions here"), "{log}");
        let refused = number(&mut replica.client(), "unexpected_error_replies");
        assert_eq!(refused, 5, "each is counted");
        // They stand in the file as well.
        let address = primary.address();
        let replicaof = format!("{} {}", address.ip(), address.port());
        replica.restart(&["--replicaof", &replicaof]);
        assert_same(&primary, &replica);
        assert_eq!(syncs(&primary), (1, 1), "{}", replica.log());
    }
}

#[test]
fn a_command_that_is_not_ours_stops_the_link_until_the_data_can_be_held() {
    for peer in Server::peers() {
        let primary = start(peer);
        eprintln!("{}", primary.identity());
        let mut replica = TestNode::start();
        replica.announce_lost_links();
        replica.announce("the primary cannot be followed");
        let client = &mut primary.client();
        client.line("SET before v").expect("OK");
        follow(&replica, primary.address());
        wait_for_link(&replica);
        client.line("XADD stream * field value").expect("an id");
        client.line("SET after v").expect("OK");
        let is_said = wait_until(PATIENCE, || {
            let log = replica.log();
            log.contains("the primary cannot be followed") && log.contains("unknown command")
        });
        assert!(is_said, "{}", replica.log());
        let mut follower = replica.client();
        let after = follower.line("GET after").expect("an answer");
        assert_ne!(after.text().as_deref(), Some("v"), "nothing after it");
        assert_eq!(field(&mut follower, "master_link_status"), "down");
        client.line("DEL stream").expect("1");
        assert_same(&primary, &replica);
        assert!(syncs(&primary).0 > 1, "all was copied again");
    }
}
