use super::*;

const DOWN_FOR_ALL: WhenDown = WhenDown {
    allow_reads: false,
    allow_shard_pubsub: true,
};
/// Of key `a`, which is C's, and of `{c}1`, which is A's.
const A_KEY: &[u8] = b"a";
const C_KEY: &[u8] = b"{c}1";

const HERE: Presence = Presence {
    some_here: true,
    some_missing: false,
    are_several: false,
};
const MISSING: Presence = Presence {
    some_here: false,
    some_missing: true,
    are_several: false,
};
const SOME: Presence = Presence {
    some_here: true,
    some_missing: true,
    are_several: true,
};
const READ: Call = Call {
    is_write: false,
    is_asking: false,
    is_readonly: false,
    is_shard_pubsub: false,
    is_migrate: false,
};

fn routing_of(topology: &Topology, myself: NodeId) -> Routing {
    let peers = well(1);
    let view = View {
        myself,
        ..view(topology, &peers)
    };
    view.routing(State::Ok, DOWN_FOR_ALL)
}

/// The error's text, or `OK`.
fn route(routing: &Routing, slots: &[Slot], call: Call, keys: Presence) -> String {
    match routing.route(slots.iter().copied(), call, || keys) {
        Ok(()) => "OK".to_owned(),
        Err(redirection) => redirection.to_string(),
    }
}

#[test]
fn slots_of_others_are_moved_as_each_kind_of_endpoint_says_it() {
    let peers = well(1);
    let (three, named) = (three(), named());
    let text = |topology, myself, preferred, key| {
        let view = View {
            preferred,
            myself,
            ..view(topology, &peers)
        };
        let routing = view.routing(State::Ok, DOWN_FOR_ALL);
        route(&routing, &[Slot::of(key)], READ, HERE)
    };
    use Preferred::{Hostname, Ip, Unknown};
    assert_eq!(text(&three, A, Ip, A_KEY), "MOVED 15495 127.0.0.1:31020");
    assert_eq!(text(&three, A, Hostname, A_KEY), "MOVED 15495 ?:31020");
    assert_eq!(text(&three, A, Unknown, A_KEY), "MOVED 15495 :31020");
    assert_eq!(
        text(&named, A, Hostname, A_KEY),
        "MOVED 15495 c.example:31020"
    );
    assert_eq!(text(&named, B, Hostname, C_KEY), "MOVED 7365 ?:31000");
    assert_eq!(text(&three, A, Ip, C_KEY), "OK");
    assert_eq!(text(&three, C, Ip, A_KEY), "OK");
}

#[test]
fn keys_of_several_slots_and_slots_of_nobody_are_refused() {
    let mut topology = three();
    let delete = Change::DelSlots {
        slots: slots(100, 100),
    };
    make(&mut topology, delete);
    let routing = routing_of(&topology, A);
    let text = |numbers: &[u16]| {
        let slots: Vec<Slot> = numbers.iter().copied().map(slot).collect();
        route(&routing, &slots, READ, HERE)
    };
    let crossed = "CROSSSLOT Keys in request don't hash to the same slot";
    assert_eq!(text(&[]), "OK");
    assert_eq!(text(&[1, 1]), "OK");
    assert_eq!(text(&[1, 2]), crossed);
    assert_eq!(text(&[9000, 1]), crossed);
    // The first key's slot is looked at first.
    assert_eq!(text(&[100, 1]), "CLUSTERDOWN Hash slot not served");
    assert_eq!(text(&[1, 100]), crossed);
    assert_eq!(text(&[100]), "CLUSTERDOWN Hash slot not served");
    assert!(routing.owner(slot(100)).is_none() && !routing.is_mine(slot(100)));
    assert!(routing.is_mine(slot(99)) && !routing.is_mine(slot(9000)));
    let owner = routing.owner(slot(9000)).expect("C's");
    assert_eq!((owner.shard, owner.primary.node), (shard(C), C));
}

#[test]
fn a_replica_serves_reads_of_its_shard_to_who_asked_for_it() {
    let routing = routing_of(&three(), B);
    let readonly = Call {
        is_readonly: true,
        ..READ
    };
    let write = Call {
        is_write: true,
        ..readonly
    };
    let pubsub = Call {
        is_shard_pubsub: true,
        ..READ
    };
    let at = |number, call| route(&routing, &[slot(number)], call, HERE);
    assert_eq!(at(7365, READ), "MOVED 7365 127.0.0.1:31000");
    assert_eq!(at(7365, readonly), "OK");
    assert_eq!(at(7365, pubsub), "OK");
    assert_eq!(at(7365, write), "MOVED 7365 127.0.0.1:31000");
    assert_eq!(at(15495, readonly), "MOVED 15495 127.0.0.1:31020");
}

const TRY_AGAIN: &str = "TRYAGAIN Multiple keys request during rehashing of slot";

#[test]
fn a_slot_that_leaves_is_served_as_far_as_its_keys_are_here() {
    let topology = open();
    let routing = routing_of(&topology, A);
    assert!(routing.is_open(slot(5)) && routing.is_open(slot(16000)));
    assert!(!routing.is_open(slot(7)) && !routing.is_open(slot(8)));
    let at = |call, keys| route(&routing, &[slot(5), slot(5)], call, keys);
    assert_eq!(at(READ, HERE), "OK");
    assert_eq!(at(READ, MISSING), "ASK 5 127.0.0.1:31020");
    assert_eq!(at(READ, SOME), TRY_AGAIN);
    let migrate = Call {
        is_migrate: true,
        ..READ
    };
    let pubsub = Call {
        is_shard_pubsub: true,
        ..READ
    };
    assert_eq!(at(migrate, SOME), "OK");
    assert_eq!(at(pubsub, MISSING), "OK");
    // Its replica goes by the topology, as in Redis.
    let replica = routing_of(&topology, B);
    let readonly = Call {
        is_readonly: true,
        ..READ
    };
    assert_eq!(route(&replica, &[slot(5)], readonly, MISSING), "OK");
    assert_eq!(
        route(&replica, &[slot(5)], READ, MISSING),
        "MOVED 5 127.0.0.1:31000"
    );
}

#[test]
fn a_slot_that_comes_is_served_to_who_was_sent_here() {
    let routing = routing_of(&open(), A);
    let at = |call, keys| route(&routing, &[slot(16000), slot(16000)], call, keys);
    let asking = Call {
        is_asking: true,
        ..READ
    };
    assert_eq!(at(READ, HERE), "MOVED 16000 127.0.0.1:31020");
    assert_eq!(at(asking, MISSING), "OK");
    assert_eq!(at(asking, HERE), "OK");
    assert_eq!(at(asking, SOME), TRY_AGAIN);
    let all_missing = Presence {
        are_several: true,
        ..MISSING
    };
    assert_eq!(at(asking, all_missing), TRY_AGAIN);
    let channels = Call {
        is_shard_pubsub: true,
        ..asking
    };
    assert_eq!(at(channels, SOME), "OK");
    let migrate = Call {
        is_migrate: true,
        ..READ
    };
    assert_eq!(at(migrate, MISSING), "OK");
    // ASKING is about slots that come, not about others.
    assert_eq!(
        route(&routing, &[slot(9000)], asking, HERE),
        "MOVED 9000 127.0.0.1:31020"
    );
}

/// A node takes its first slot while it has none.
#[test]
fn a_shard_without_slots_imports() {
    let mut topology = three();
    let node = NodeId::new([0xdd; 20]);
    topology.admit(shard(node), admission(node, 40));
    let mark = Change::MarkImporting {
        node,
        slot: slot(5),
        from: A,
    };
    make(&mut topology, mark);
    let routing = routing_of(&topology, node);
    let asking = Call {
        is_asking: true,
        ..READ
    };
    assert_eq!(route(&routing, &[slot(5)], asking, MISSING), "OK");
    assert_eq!(
        route(&routing, &[slot(5)], READ, MISSING),
        "MOVED 5 127.0.0.1:31000"
    );
}

#[test]
fn a_cluster_that_is_down_serves_what_it_is_allowed_to() {
    let (topology, peers) = (three(), well(1));
    let text = |when_down, call| {
        let routing = view(&topology, &peers).routing(State::Fail, when_down);
        assert_eq!(routing.state(), State::Fail);
        route(&routing, &[slot(1)], call, HERE)
    };
    let write = Call {
        is_write: true,
        ..READ
    };
    let pubsub = Call {
        is_shard_pubsub: true,
        ..READ
    };
    let reads = WhenDown {
        allow_reads: true,
        allow_shard_pubsub: false,
    };
    let down = "CLUSTERDOWN The cluster is down";
    assert_eq!(text(DOWN_FOR_ALL, READ), down);
    assert_eq!(text(DOWN_FOR_ALL, write), down);
    assert_eq!(text(DOWN_FOR_ALL, pubsub), "OK");
    assert_eq!(text(reads, READ), "OK");
    assert_eq!(
        text(reads, write),
        "CLUSTERDOWN The cluster is down and only accepts read commands"
    );
    assert_eq!(text(reads, pubsub), down);
}

#[test]
fn keys_are_counted_as_redis_counts_them() {
    let of = |keys: &[(&'static [u8], bool)]| Presence::of(keys.iter().copied());
    assert_eq!(of(&[(b"k", true)]), HERE);
    assert_eq!(of(&[(b"k", false), (b"k", false)]), MISSING);
    assert_eq!(of(&[(b"k", false), (b"l", true)]), SOME);
    assert_eq!(of(&[]), Presence::default());
}
