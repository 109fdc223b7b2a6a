//! Servers of others as our replicas and as our primary.

use almandine_tests::contents::{fill, samples};
use almandine_tests::load::Load;
use almandine_tests::process::{Identity, Proxy, Running, Server, Start, TestNode, wait_until};

use crate::stage::{PATIENCE, assert_same, field, follow, number, syncs, wait_for_link};

/// How often a link is cut: of the first server, and of each further one.
const CUTS: [i64; 2] = [20, 5];
/// Bytes of the stream between two cuts.
const BETWEEN_CUTS: i64 = 20_000;

fn start(peer: Server) -> Running {
    let start = Start::new(peer).args(["--repl-backlog-size", "64mb"]);
    let running = start.args(["--repl-diskless-sync-delay", "0"]).run();
    running.unwrap_or_else(|error| panic!("{error}"))
}

/// Follows while `primary` is busy, through a connection that is cut again and again, and compares both in the end.
#[track_caller]
fn play(primary: &Running, replica: &Running, weakest: &Identity, (seed, cuts): (u64, i64)) {
    fill(&mut primary.client(), &samples());
    let load = Load::begin(primary.address(), seed, weakest);
    let proxy = Proxy::to(primary.address());
    follow(replica, proxy.address());
    wait_for_link(replica);
    let (mut client, mut follower) = (primary.client(), replica.client());
    for cut in 1..=cuts {
        let before = number(&mut client, "master_repl_offset");
        let has_gone_on = wait_until(PATIENCE, || {
            number(&mut client, "master_repl_offset") > before + BETWEEN_CUTS
        });
        assert!(has_gone_on, "the load goes on");
        // Or what it lags behind would grow from cut to cut, beyond any backlog.
        let keeps_up = wait_until(PATIENCE, || {
            number(&mut follower, "slave_repl_offset") >= before
        });
        assert!(keeps_up, "the replica keeps up");
        proxy.cut();
        let is_back = wait_until(PATIENCE, || syncs(primary).1 >= cut);
        assert!(
            is_back,
            "no partial resync; the replica says:\n{}",
            replica.log()
        );
    }
    assert!(load.end() > 1000);
    let mut client = primary.client();
    client.call(&["SET", "last", "1"]).expect("OK");
    let acknowledged = client.call(&["WAIT", "1", "20000"]);
    assert_eq!(acknowledged.expect("a number").integer(), Some(1));
    assert_same(primary, replica);
    let (full, partial) = syncs(primary);
    assert_eq!(
        full,
        1,
        "after the first copy nothing is copied again; the replica says:\n{}",
        replica.log()
    );
    assert_eq!(partial, cuts, "partial resyncs");
}

/// Seeds, and how often the link is cut.
fn plans(seed: u64) -> impl Iterator<Item = (u64, i64)> {
    let [first, further] = CUTS;
    (seed..).zip(std::iter::once(first).chain(std::iter::repeat(further)))
}

#[test]
fn a_server_of_others_follows_us_and_goes_on_after_every_cut() {
    for (plan, peer) in plans(100).zip(Server::peers()) {
        let mut primary = TestNode::start_with(&["--repl-backlog-size", "64mb"]);
        let replica = start(peer);
        let identity = replica.identity();
        eprintln!("{identity} follows us");
        primary.announce_lost_links();
        play(&primary, &replica, &identity, plan);
    }
}

#[test]
fn we_follow_a_server_of_others_and_go_on_after_every_cut() {
    for (plan, peer) in plans(200).zip(Server::peers()) {
        let primary = start(peer);
        let mut replica = TestNode::start();
        let identity = primary.identity();
        eprintln!("we follow {identity}");
        replica.announce_lost_links();
        replica.announce_refused_requests();
        play(&primary, &replica, &identity, plan);
        let ours = field(&mut replica.client(), "master_replid");
        assert_eq!(ours, field(&mut primary.client(), "master_replid"));
    }
}
