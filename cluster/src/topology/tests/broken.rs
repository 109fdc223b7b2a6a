//! Topologies that no change makes, each with one thing wrong: the invariants must see it.

use super::*;

/// Two shards with slots and an open one, and a replica.
fn sound() -> Topology {
    let mut topology = cluster(3);
    for (number, range) in [(1, (0, 9)), (2, (10, 19))] {
        let add = Change::AddSlots {
            node: node(number),
            slots: slots(&[range]),
        };
        make(&mut topology, add);
    }
    let replicate = Change::Replicate {
        node: node(3),
        primary: node(1),
    };
    make(&mut topology, replicate);
    let mark = Change::MarkMigrating {
        node: node(1),
        slot: slot(5),
        to: node(2),
    };
    make(&mut topology, mark);
    topology
}

#[track_caller]
fn is_seen(text: &str, damage: impl FnOnce(&mut Topology)) {
    let mut topology = sound();
    damage(&mut topology);
    let found = topology.check().expect_err("what is wrong");
    assert!(found.contains(text), "{found}");
    let bytes = rmp_serde::to_vec(&topology).expect("bytes");
    assert!(rmp_serde::from_slice::<Topology>(&bytes).is_err());
}

fn first(topology: &mut Topology) -> &mut Shard {
    topology.shards.get_mut(&shard(1)).expect("a shard")
}

fn third(topology: &mut Topology) -> &mut Member {
    topology.members.get_mut(&node(3)).expect("a member")
}

#[test]
fn wrong_members_are_seen() {
    is_seen("nobody is left", |topology| topology.members.clear());
    is_seen("too many came", |topology| topology.next_raft_id = u64::MAX);
    is_seen("the log's id 0", |topology| third(topology).raft_id = 0);
    is_seen("the log's id 4", |topology| third(topology).raft_id = 4);
    is_seen("the log's id 1", |topology| third(topology).raft_id = 1);
    is_seen("is in no shard", |topology| {
        third(topology).shard = shard(7)
    });
    is_seen("a strange name", |topology| {
        third(topology).address.hostname = "a b".to_owned();
    });
    is_seen("those who left", |topology| topology.departed.push(node(3)));
    is_seen("those who left", |topology| {
        topology.departed = vec![node(9); DEPARTED_MAX + 1];
    });
}

#[test]
fn wrong_shards_are_seen() {
    is_seen("have another owner", |topology| {
        first(topology).slots.insert(slot(12));
    });
    is_seen("is not in it", |topology| {
        first(topology).primary = node(2);
    });
    is_seen("is not in it", |topology| {
        first(topology).primary = node(9);
    });
    is_seen("ahead of the current", |topology| {
        first(topology).epoch = 2;
    });
    is_seen("the epoch of another", |topology| {
        first(topology).epoch = 1;
    });
    is_seen("is too high", |topology| topology.current_epoch = u64::MAX);
    for (at, to) in [(15, 2), (6, 1), (6, 7)] {
        is_seen("makes no sense", |topology| {
            first(topology).migrating.insert(slot(at), shard(to));
        });
    }
    for (at, from) in [(5, 2), (15, 1), (15, 7)] {
        is_seen("makes no sense", |topology| {
            first(topology).importing.insert(slot(at), shard(from));
        });
    }
}
