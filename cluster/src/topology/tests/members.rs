use super::*;

fn replicate(replica: u8, primary: u8) -> Change {
    Change::Replicate {
        node: node(replica),
        primary: node(primary),
    }
}

fn add(number: u8, range: (u16, u16)) -> Change {
    Change::AddSlots {
        node: node(number),
        slots: slots(&[range]),
    }
}

fn promote(number: u8, expected_epoch: u64, candidate: u8) -> Change {
    Change::Promote {
        shard: shard(number),
        expected_epoch,
        candidate: node(candidate),
    }
}

#[test]
fn a_replica_is_made_on_the_terms_of_redis() {
    let mut topology = cluster(4);
    topology.admit(shard(5), admission(5, Kind::Witness));
    make(&mut topology, add(1, (0, 16383)));
    let unknown = format!("ERR Unknown node {}", node(9));
    assert_eq!(refusal(&mut topology, replicate(2, 9)), unknown);
    let hidden = format!("ERR Unknown node {}", node(5));
    assert_eq!(refusal(&mut topology, replicate(2, 5)), hidden);
    assert_eq!(
        refusal(&mut topology, replicate(2, 2)),
        "ERR Can't replicate myself"
    );
    assert_eq!(
        refusal(&mut topology, replicate(1, 2)),
        "ERR To set a master the node must be empty and without assigned slots."
    );
    make(&mut topology, replicate(2, 1));
    make(&mut topology, replicate(2, 1));
    assert_eq!(topology.role(node(2)), Some(Role::Replica(shard(1))));
    assert!(!topology.shards().contains_key(&shard(2)));
    assert_eq!(
        refusal(&mut topology, replicate(3, 2)),
        "ERR I can only replicate a master, not a replica."
    );
    // A replica moves on freely, and takes no slots along; a primary without slots takes its replicas along.
    make(&mut topology, replicate(2, 3));
    assert_eq!(topology.role(node(2)), Some(Role::Replica(shard(3))));
    make(&mut topology, replicate(3, 4));
    assert_eq!(topology.role(node(2)), Some(Role::Replica(shard(4))));
    assert_eq!(topology.replicas(shard(4)).count(), 2);
}

#[test]
fn an_epoch_is_chosen_only_alone_and_once() {
    let mut alone = cluster(1);
    make(&mut alone, add(1, (0, 16383)));
    let set = |number, epoch| Change::SetConfigEpoch {
        node: node(number),
        epoch,
    };
    assert_eq!(
        refusal(&mut alone, set(1, u64::MAX)),
        format!("ERR Invalid config epoch specified: {}", u64::MAX)
    );
    make(&mut alone, set(1, 0));
    make(&mut alone, set(1, 5));
    assert_eq!(
        refusal(&mut alone, set(1, 5)),
        "ERR Node config epoch is already non-zero"
    );
    assert_eq!(alone.current_epoch, 5);
    assert_eq!(
        refusal(&mut cluster(2), set(2, 5)),
        "ERR The user can assign a config epoch only when the node does not know any other node."
    );
    let mut last = cluster(1);
    make(&mut last, set(1, i64::MAX as u64));
    let bump = Change::BumpEpoch { node: node(1) };
    assert_eq!(make(&mut last, bump), Applied::Still(i64::MAX as u64));
    last.admit(shard(2), admission(2, Kind::Data));
    let bump = Change::BumpEpoch { node: node(2) };
    assert_eq!(refusal(&mut last, bump), "ERR No epoch is left");
}

#[test]
fn bumpepoch_answers_as_redis_does() {
    let mut topology = cluster(2);
    let mut bump = |number| {
        let change = Change::BumpEpoch { node: node(number) };
        make(&mut topology, change).to_string()
    };
    assert_eq!(bump(1), "BUMPED 1");
    assert_eq!(bump(1), "STILL 1");
    assert_eq!(bump(2), "BUMPED 2");
    assert_eq!(bump(1), "BUMPED 3");
}

#[test]
fn a_failover_is_for_the_shard_as_it_was() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, (0, 10)));
    make(&mut topology, replicate(2, 1));
    let stranger = format!("ERR Node {} is not in shard {}", node(3), shard(1));
    assert_eq!(refusal(&mut topology, promote(1, 0, 3)), stranger);
    let gone = format!("ERR Node {} is not in shard {}", node(2), shard(2));
    assert_eq!(refusal(&mut topology, promote(2, 0, 2)), gone);
    let mark = Change::MarkImporting {
        node: node(3),
        slot: slot(5),
        from: node(1),
    };
    make(&mut topology, mark);
    assert_eq!(
        refusal(&mut topology, promote(1, 7, 2)),
        format!("ERR Shard {} is at epoch 0, not 7", shard(1))
    );
    make(&mut topology, promote(1, 0, 2));
    assert_eq!(topology.role(node(2)), Some(Role::Primary(shard(1))));
    assert_eq!(topology.role(node(1)), Some(Role::Replica(shard(1))));
    assert_eq!(topology.shards()[&shard(1)].epoch, 1);
    // The other end of the mark is the shard, whoever leads it.
    let marks = &topology.shards()[&shard(3)].importing;
    assert_eq!(marks.get(&slot(5)), Some(&shard(1)));
    assert_eq!(
        refusal(&mut topology, promote(1, 0, 2)),
        format!("ERR Shard {} is at epoch 1, not 0", shard(1))
    );
    // And back again, as often as it takes.
    make(&mut topology, promote(1, 1, 1));
    assert_eq!(topology.role(node(1)), Some(Role::Primary(shard(1))));
    assert_eq!(topology.current_epoch, 2);
}

fn in_sync(topology: &Topology, ack_mode: AckMode, replicas: &[u8]) -> Change {
    let led = &topology.shards()[&shard(1)];
    Change::SetInSync(InSync {
        shard: shard(1),
        expected_epoch: led.epoch,
        expected_revision: led.revision,
        ack_mode,
        replicas: replicas.iter().map(|&number| node(number)).collect(),
    })
}

#[test]
fn only_who_is_in_sync_follows_where_nothing_may_be_lost() {
    let mut topology = cluster(4);
    make(&mut topology, add(1, (0, 10)));
    for number in 2..=4 {
        make(&mut topology, replicate(number, 1));
    }
    let durable = in_sync(&topology, AckMode::Durable, &[2, 3]);
    make(&mut topology, durable.clone());
    let stale = refusal(&mut topology, durable);
    assert!(stale.contains("is at (0, 1), not (0, 0)"), "{stale}");
    let lacking = format!(
        "NOGOODREPLICA Node {} may lack writes that shard {} has acknowledged",
        node(4),
        shard(1)
    );
    assert_eq!(refusal(&mut topology, promote(1, 0, 4)), lacking);
    make(&mut topology, promote(1, 0, 2));
    let members = |topology: &Topology| topology.shards()[&shard(1)].in_sync.clone();
    assert_eq!(
        members(&topology),
        [node(3)].into(),
        "the old one comes back first"
    );
    make(&mut topology, Change::forced(shard(1), 1, node(4), true));
    assert_eq!(topology.role(node(4)), Some(Role::Primary(shard(1))));
    assert_eq!(members(&topology), [].into());
    let weak = in_sync(&topology, AckMode::Async, &[]);
    make(&mut topology, weak);
    make(&mut topology, promote(1, 2, 1));
}

#[test]
fn who_goes_or_may_have_lost_its_data_is_in_sync_no_more() {
    let mut topology = cluster(4);
    make(&mut topology, add(1, (0, 10)));
    for number in 2..=3 {
        make(&mut topology, replicate(number, 1));
    }
    let strangers = in_sync(&topology, AckMode::Durable, &[2, 4]);
    let text = format!("ERR Node {} is no replica in shard {}", node(4), shard(1));
    assert_eq!(refusal(&mut topology, strangers), text);
    let members = |topology: &Topology| topology.shards()[&shard(1)].in_sync.clone();
    let all = in_sync(&topology, AckMode::Durable, &[2, 3]);
    make(&mut topology, all);
    make(&mut topology, replicate(2, 1));
    assert_eq!(members(&topology).len(), 2, "it follows already");
    make(&mut topology, replicate(2, 4));
    assert_eq!(members(&topology), [node(3)].into());
    topology.admit(shard(3), admission(3, Kind::Data));
    assert_eq!((members(&topology), topology.check()), ([].into(), Ok(())));
    let again = in_sync(&topology, AckMode::Durable, &[3]);
    make(&mut topology, again);
    topology.dismiss(node(3)).expect("a replica may go");
    assert_eq!((members(&topology), topology.check()), ([].into(), Ok(())));
}

#[test]
fn who_leads_slots_does_not_leave() {
    let mut topology = cluster(3);
    make(&mut topology, add(1, (0, 10)));
    make(&mut topology, replicate(2, 1));
    let text = |result: Result<Forgetting, Refusal>| result.map_err(|refusal| refusal.0);
    let error = |text: String| Err(text);
    let forget = |topology: &Topology, by, other| text(topology.may_forget(node(by), node(other)));
    let owns = format!("ERR Node {} still owns slots", node(1));
    assert_eq!(forget(&topology, 3, 1), error(owns.clone()));
    assert_eq!(topology.dismiss(node(1)), Err(Refusal(owns)));
    assert_eq!(
        forget(&topology, 2, 1),
        error("ERR Can't forget my master!".to_owned())
    );
    assert_eq!(
        forget(&topology, 2, 2),
        error("ERR I tried hard but I can't forget myself...".to_owned())
    );
    let unknown = format!("ERR Unknown node {}", node(9));
    assert_eq!(forget(&topology, 1, 9), error(unknown));
    assert_eq!(forget(&topology, 1, 2), Ok(Forgetting::Due));
    topology.dismiss(node(2)).expect("a replica");
    topology.dismiss(node(2)).expect("twice is harmless");
    assert_eq!(topology.check(), Ok(()));
    assert_eq!(forget(&topology, 1, 2), Ok(Forgetting::Done));
    // Until it comes back.
    topology.admit(shard(2), admission(2, Kind::Data));
    assert_eq!(forget(&topology, 1, 2), Ok(Forgetting::Due));
    let mut alone = cluster(1);
    assert!(alone.dismiss(node(1)).is_err());
}

#[test]
fn replicas_without_slots_get_one_of_their_own_as_primary() {
    let mut topology = cluster(3);
    make(&mut topology, replicate(2, 3));
    make(&mut topology, replicate(1, 3));
    topology.dismiss(node(3)).expect("it has no slots");
    assert_eq!(topology.check(), Ok(()));
    assert_eq!(topology.role(node(1)), Some(Role::Primary(shard(3))));
    assert_eq!(topology.role(node(2)), Some(Role::Replica(shard(3))));
}

#[test]
fn a_member_that_comes_again_keeps_its_place_under_a_new_id() {
    let mut topology = cluster(2);
    make(&mut topology, add(1, (0, 10)));
    make(&mut topology, replicate(2, 1));
    let raft_id = topology.admit(shard(7), admission(1, Kind::Data));
    assert_eq!(raft_id, 3);
    assert_eq!(topology.check(), Ok(()));
    assert_eq!(topology.role(node(1)), Some(Role::Primary(shard(1))));
    assert_eq!(topology.member_by_raft_id(1), None);
    topology.admit(shard(7), admission(2, Kind::Witness));
    assert_eq!(topology.check(), Ok(()));
    assert_eq!(topology.role(node(2)), Some(Role::Witness));
}

#[test]
fn a_soft_reset_keeps_the_epochs() {
    let mut topology = cluster(2);
    make(&mut topology, add(2, (0, 10)));
    make(&mut topology, Change::BumpEpoch { node: node(2) });
    make(&mut topology, Change::BumpEpoch { node: node(1) });
    let founder = admission(2, Kind::Data);
    let again = topology.refounded(ClusterId::new([8; 20]), shard(7), founder, false);
    assert_eq!(again.check(), Ok(()));
    assert_eq!((again.current_epoch, again.members().len()), (2, 1));
    let own = &again.shards()[&shard(7)];
    assert_eq!((own.epoch, own.slots.len()), (1, 0));
    assert!(again.owns_keys(node(2)));
}

#[test]
fn the_copy_of_a_replica_that_founds_a_cluster_is_not_its_own_before_it_has_slots() {
    let mut topology = cluster(2);
    make(&mut topology, replicate(2, 1));
    assert!(topology.owns_keys(node(1)) && !topology.owns_keys(node(2)));
    let founder = admission(2, Kind::Data);
    let mut again = topology.refounded(ClusterId::new([8; 20]), shard(7), founder, true);
    assert_eq!(again.check(), Ok(()));
    assert!(again.leads(node(2)) && !again.owns_keys(node(2)));
    make(&mut again, add(2, (0, 0)));
    make(&mut again, Change::FlushSlots { node: node(2) });
    assert!(again.owns_keys(node(2)));
}

#[test]
fn an_address_that_would_break_texts_is_refused() {
    let mut topology = cluster(1);
    let at = |hostname: &str| Change::Move {
        node: node(1),
        address: Address {
            hostname: hostname.to_owned(),
            ..admission(1, Kind::Data).address
        },
    };
    make(&mut topology, at("a.example"));
    let bad = at("a b");
    assert_eq!(
        refusal(&mut topology, bad.clone()),
        "ERR Hostnames may only contain alphanumeric characters, hyphens or dots"
    );
    refusal(&mut topology, at(&"a".repeat(256)));
    let bytes = rmp_serde::to_vec(&bad).expect("bytes");
    assert!(rmp_serde::from_slice::<Change>(&bytes).is_err());
}
