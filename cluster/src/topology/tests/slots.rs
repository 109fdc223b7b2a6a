use super::*;

fn add(number: u8, ranges: &[(u16, u16)]) -> Change {
    Change::AddSlots {
        node: node(number),
        slots: slots(ranges),
    }
}

fn give(by: u8, number: u16, to: u8, emptied: Emptied) -> Change {
    Change::GiveSlots {
        by: node(by),
        slots: slots(&[(number, number)]),
        to: node(to),
        emptied,
    }
}

fn migrating(from: u8, number: u16, to: u8) -> Change {
    Change::MarkMigrating {
        node: node(from),
        slot: slot(number),
        to: node(to),
    }
}

fn importing(to: u8, number: u16, from: u8) -> Change {
    Change::MarkImporting {
        node: node(to),
        slot: slot(number),
        from: node(from),
    }
}

fn close(number: u8, slot_number: u16) -> Change {
    Change::CloseSlot {
        node: node(number),
        slot: slot(slot_number),
    }
}

#[test]
fn slots_are_added_once_and_deleted_once() {
    let mut topology = cluster(2);
    make(&mut topology, add(1, &[(0, 5460)]));
    assert_eq!(
        refusal(&mut topology, add(2, &[(9000, 9001), (5460, 5460)])),
        "ERR Slot 5460 is already busy"
    );
    let delete = |ranges: &[(u16, u16)]| Change::DelSlots {
        slots: slots(ranges),
    };
    assert_eq!(
        refusal(&mut topology, delete(&[(1, 1), (9000, 9000)])),
        "ERR Slot 9000 is already unassigned"
    );
    make(&mut topology, delete(&[(1, 1)]));
    let ranges = topology.shards()[&shard(1)].slots.ranges();
    assert_eq!(ranges, [0..=0, 2..=5460]);
    make(&mut topology, Change::FlushSlots { node: node(1) });
    make(&mut topology, Change::FlushSlots { node: node(1) });
    assert!(topology.owner(slot(0)).is_none());
}

#[test]
fn named_slots_are_wrong_in_the_order_of_the_arguments() {
    let mut topology = cluster(1);
    make(&mut topology, add(1, &[(0, 5460)]));
    let named = |naming, numbers: &[u16]| {
        let set = topology.named_slots(naming, numbers.iter().copied().map(slot));
        set.map(|set| set.ranges()).map_err(|refusal| refusal.0)
    };
    let error = |text: &str| Err(text.to_owned());
    use Naming::{ToAdd, ToDelete};
    assert_eq!(named(ToAdd, &[1, 1]), error("ERR Slot 1 is already busy"));
    assert_eq!(
        named(ToAdd, &[6000, 6000, 1]),
        error("ERR Slot 6000 specified multiple times")
    );
    assert_eq!(named(ToAdd, &[6001, 6000]), Ok(vec![6000..=6001]));
    assert_eq!(
        named(ToDelete, &[9000, 1, 1]),
        error("ERR Slot 9000 is already unassigned")
    );
    assert_eq!(
        named(ToDelete, &[1, 1]),
        error("ERR Slot 1 specified multiple times")
    );
}

#[test]
fn an_epoch_is_shared_by_no_two_owners_of_slots() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, &[(0, 0)]));
    assert_eq!(topology.shards()[&shard(1)].epoch, 0);
    make(&mut topology, add(2, &[(1, 1)]));
    assert_eq!(topology.shards()[&shard(2)].epoch, 1);
    make(&mut topology, add(3, &[(2, 2)]));
    assert_eq!(topology.shards()[&shard(3)].epoch, 2);
}

#[test]
fn marks_are_refused_in_the_words_of_redis() {
    let mut topology = cluster(4);
    topology.admit(shard(5), admission(5, Kind::Witness));
    make(&mut topology, add(1, &[(0, 10)]));
    make(
        &mut topology,
        Change::Replicate {
            node: node(3),
            primary: node(1),
        },
    );
    let of = |number| node(number).to_hex();
    let cases = [
        (
            migrating(1, 11, 2),
            "ERR I'm not the owner of hash slot 11".to_owned(),
        ),
        (
            migrating(1, 5, 9),
            format!("ERR I don't know about node {}", of(9)),
        ),
        (
            migrating(1, 5, 5),
            format!("ERR I don't know about node {}", of(5)),
        ),
        (
            migrating(1, 5, 3),
            "ERR Target node is not a master".to_owned(),
        ),
        (migrating(1, 5, 1), "ERR Target node is myself".to_owned()),
        (
            importing(1, 5, 2),
            "ERR I'm already the owner of hash slot 5".to_owned(),
        ),
        (
            importing(2, 5, 3),
            "ERR Target node is not a master".to_owned(),
        ),
        (
            importing(2, 5, 9),
            format!("ERR I don't know about node {}", of(9)),
        ),
        (
            close(3, 5),
            "ERR Please use SETSLOT only with masters.".to_owned(),
        ),
        (
            give(3, 5, 2, Emptied::Stays),
            "ERR Please use SETSLOT only with masters.".to_owned(),
        ),
        (
            give(1, 5, 3, Emptied::Stays),
            "ERR Target node is not a master".to_owned(),
        ),
        (
            give(1, 5, 9, Emptied::Stays),
            format!("ERR Unknown node {}", of(9)),
        ),
        (
            add(3, &[(20, 20)]),
            "ERR Please use ADDSLOTS only with masters.".to_owned(),
        ),
    ];
    for (change, text) in cases {
        assert_eq!(refusal(&mut topology, change.clone()), text, "{change:?}");
    }
}

#[test]
fn the_new_owner_closes_both_ends_and_has_the_highest_epoch() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, &[(0, 10)]));
    make(&mut topology, add(2, &[(11, 20)]));
    make(&mut topology, importing(2, 5, 1));
    make(&mut topology, migrating(1, 5, 2));
    make(&mut topology, migrating(1, 6, 2));
    assert_eq!(topology.shards()[&shard(2)].epoch, 1);
    make(&mut topology, Change::BumpEpoch { node: node(1) });
    make(&mut topology, give(2, 5, 2, Emptied::Follows));
    assert_eq!(topology.owner(slot(5)).map(|(id, _)| id), Some(shard(2)));
    let (first, second) = (&topology.shards()[&shard(1)], &topology.shards()[&shard(2)]);
    assert_eq!(
        (first.epoch, second.epoch, topology.current_epoch),
        (2, 3, 3)
    );
    assert!(second.importing.is_empty() && !first.migrating.contains_key(&slot(5)));
    assert_eq!(first.migrating.get(&slot(6)), Some(&shard(2)));
    // The second slot comes under the same epoch, and all others may say it again.
    let after = topology.clone();
    for by in 1..=3 {
        make(&mut topology, give(by, 5, 2, Emptied::Follows));
    }
    assert_eq!(topology, after);
    make(&mut topology, give(2, 6, 2, Emptied::Follows));
    assert_eq!(topology.current_epoch, 3);
}

#[test]
fn a_shard_that_loses_its_last_slot_follows_if_it_is_asked_to() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, &[(0, 0)]));
    make(&mut topology, add(2, &[(1, 1)]));
    make(
        &mut topology,
        Change::Replicate {
            node: node(3),
            primary: node(1),
        },
    );
    let mut stays = topology.clone();
    make(&mut stays, give(2, 0, 2, Emptied::Stays));
    assert_eq!(stays.role(node(1)), Some(Role::Primary(shard(1))));
    make(&mut topology, give(2, 0, 2, Emptied::Follows));
    assert_eq!(topology.role(node(1)), Some(Role::Replica(shard(2))));
    assert_eq!(topology.role(node(3)), Some(Role::Replica(shard(2))));
    assert!(!topology.shards().contains_key(&shard(1)));
    // So redis-cli is told when it repeats the order to the old owner, and it expects this.
    assert_eq!(
        refusal(&mut topology, give(1, 0, 2, Emptied::Follows)),
        "ERR Please use SETSLOT only with masters."
    );
}

#[test]
fn marks_end_with_the_slot_and_with_the_other_shard() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, &[(0, 10)]));
    make(&mut topology, migrating(1, 5, 2));
    make(&mut topology, migrating(1, 6, 3));
    make(&mut topology, importing(1, 20, 3));
    make(&mut topology, importing(1, 21, 2));
    make(
        &mut topology,
        Change::DelSlots {
            slots: slots(&[(5, 5)]),
        },
    );
    make(&mut topology, add(1, &[(21, 21)]));
    let own = &topology.shards()[&shard(1)];
    assert_eq!(own.migrating, BTreeMap::from([(slot(6), shard(3))]));
    assert_eq!(own.importing, BTreeMap::from([(slot(20), shard(3))]));
    let mut stable = topology.clone();
    make(&mut stable, close(1, 6));
    make(&mut stable, close(1, 20));
    topology.dismiss(node(3)).expect("it has no slots");
    assert_eq!(topology.check(), Ok(()));
    for topology in [stable, topology] {
        let own = &topology.shards()[&shard(1)];
        assert!(own.migrating.is_empty() && own.importing.is_empty());
    }
}

#[test]
fn a_node_that_joins_keeps_what_is_free_of_what_it_had() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, &[(0, 99)]));
    make(&mut topology, Change::BumpEpoch { node: node(1) });
    let bring = |number, range, epoch| Change::Bring {
        node: node(number),
        slots: slots(&[range]),
        epoch,
    };
    make(&mut topology, bring(2, (50, 149), 7));
    make(&mut topology, bring(3, (140, 199), 7));
    let own = |number: u8| {
        let own = &topology.shards()[&shard(number)];
        (own.slots.ranges(), own.epoch)
    };
    assert_eq!(own(1), (vec![0..=99], 1));
    assert_eq!(own(2), (vec![100..=149], 7));
    assert_eq!(own(3), (vec![150..=199], 8));
    let after = topology.clone();
    make(&mut topology, bring(2, (50, 149), 7));
    assert_eq!(topology, after);
}
