use super::*;
use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::state::{Order, Stamp};
use crate::slot::SlotSet;
use crate::topology::{Address, Admission, Change, Kind, Topology};

fn founder(engine_id: u8) -> State {
    let admission = Admission {
        node: NodeId::new([engine_id; 20]),
        join: 1,
        kind: Kind::Data,
        address: Address {
            ip: None,
            port: 6379,
            bus_port: 16379,
            hostname: String::new(),
        },
    };
    let (cluster, shard) = (ClusterId::new([7; 20]), ShardId::new([engine_id; 20]));
    State::new(Topology::alone(cluster, shard, admission))
}

/// Turns until there is nothing to do; everything is durable at once.
fn drain(engine: &mut Engine) -> Progress {
    let mut all = Progress::default();
    while let Some(turn) = engine.turn() {
        let progress = engine.finish(turn);
        all.messages.extend(progress.messages);
        all.answers.extend(progress.answers);
        all.has_changed |= progress.has_changed;
    }
    all
}

#[test]
fn a_cluster_of_one_leads_at_once_and_carries_out_each_request_once() {
    let mut engine = Engine::new(1, Engine::first_log(1, founder(1))).expect("a log");
    engine.lead_if_alone();
    drain(&mut engine);
    assert!(engine.is_leader());
    let node = NodeId::new([1; 20]);
    let order = Order::Change(Change::AddSlots {
        node,
        slots: SlotSet::full(),
    });
    let stamp = Stamp {
        start: 1,
        number: 1,
    };
    let request = Request {
        origin: node,
        stamp,
        order,
    };
    assert!(engine.propose(&request) && engine.propose(&request));
    let progress = drain(&mut engine);
    assert_eq!(progress.answers.len(), 1);
    assert!(progress.answers[0].outcome.is_ok() && progress.has_changed);
    let shards = engine.state().topology.shards();
    assert!(shards.values().all(|shard| shard.slots.len() == 16384));
}

#[test]
fn a_long_log_is_shortened_and_goes_on() {
    let mut engine = Engine::new(1, Engine::first_log(1, founder(1))).expect("a log");
    engine.lead_if_alone();
    drain(&mut engine);
    let node = NodeId::new([1; 20]);
    for number in 1..2000 {
        let order = Order::Change(Change::BumpEpoch { node });
        let stamp = Stamp { start: 1, number };
        assert!(engine.propose(&Request {
            origin: node,
            stamp,
            order
        }));
        drain(&mut engine);
        engine.compact();
    }
    let log = engine.log();
    assert!(log.len() <= COMPACT_ABOVE + COMPACT_ABOVE / 4 + 1);
    assert_eq!(log.applied(), log.last());
    assert!(log.floor().0 > 1 && log.term_of(log.floor().0).is_some());
}

#[test]
fn a_log_of_large_entries_is_shortened_too() {
    let mut engine = Engine::new(1, Engine::first_log(1, founder(1))).expect("a log");
    engine.lead_if_alone();
    drain(&mut engine);
    let node = NodeId::new([1; 20]);
    let mut highest = 0;
    // Every other slot: nothing takes more room.
    let slots: SlotSet = (0..16384u16)
        .step_by(2)
        .filter_map(|slot| slot.try_into().ok())
        .collect();
    for number in 1..100 {
        let slots = slots.clone();
        let order = Order::Change(Change::AddSlots { node, slots });
        let stamp = Stamp { start: 1, number };
        assert!(engine.propose(&Request {
            origin: node,
            stamp,
            order
        }));
        drain(&mut engine);
        highest = highest.max(engine.log().bytes());
        engine.compact();
        assert!(engine.log().bytes() <= COMPACT_ABOVE_BYTES);
    }
    let log = engine.log();
    assert!(highest > COMPACT_ABOVE_BYTES && log.floor().0 > 1);
    assert_eq!(log.applied(), log.last());
    assert!(log.term_of(log.floor().0).is_some());
}
