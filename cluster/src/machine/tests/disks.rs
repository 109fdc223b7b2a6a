//! Disks that take as long as elections do.

use super::*;

fn bump(number: u8) -> Order {
    Order::Change(Change::BumpEpoch { node: node(number) })
}

/// What each of the nodes asks for is decided while every disk takes so many ticks for a write.
fn decides_with(disk: u32, nodes: u8) {
    let mut net = Net::with(nodes);
    for number in 2..=nodes {
        net.meet(number, 1).unwrap();
    }
    net.tick(80);
    net.disk = disk;
    // The first writes show how slow it is, and may cost the leader its place.
    for number in 1..=nodes {
        let _ = net.propose(number, bump(number));
    }
    let term = net.machine(1).term();
    for turn in 0..4 * nodes {
        let number = turn % nodes + 1;
        let outcome = net.propose(number, bump(number));
        assert!(outcome.is_ok(), "{disk} ticks, {number}: {outcome:?}");
    }
    assert_eq!(net.machine(1).term(), term, "{disk} ticks");
}

#[test]
fn what_is_asked_for_is_decided_on_disks_slower_than_elections() {
    for nodes in [3, 5] {
        for disk in [1, 4, 8, 10, 12, 20, 30, 40] {
            decides_with(disk, nodes);
        }
    }
}
