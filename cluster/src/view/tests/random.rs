//! Random topologies: what the views say fits together, and commands are routed as the function of Redis routes them.

use super::*;
use crate::topology::Role;
use crate::topology::tests::random::{Dice, busy_topology};

/// A word that a client said or did not say.
fn coin(dice: &mut Dice) -> bool {
    dice.below(2) == 0
}

fn call(dice: &mut Dice) -> Call {
    Call {
        is_write: coin(dice),
        is_asking: coin(dice),
        is_readonly: coin(dice),
        is_shard_pubsub: dice.below(8) == 0,
        is_migrate: dice.below(8) == 0,
    }
}

/// A key, its slot, and whether it is here.
type Key = (Slot, [u8; 1], bool);

/// Most commands have keys of one slot; the same name is here or not, whenever it comes.
fn keys(dice: &mut Dice) -> Vec<Key> {
    let first = dice.slot();
    let here = dice.below(8);
    let count = dice.below(4);
    let key = |dice: &mut Dice| {
        let at = match dice.below(10) {
            0 => dice.slot(),
            _ => first,
        };
        let name = dice.below(3) as u8;
        (at, [name], here >> name & 1 == 1)
    };
    (0..count).map(|_| key(dice)).collect()
}

/// getNodeByQuery of Redis, step by step, on the topology itself.
fn as_redis(view: &View<'_>, keys: &[Key], call: Call, state: State, allowed: WhenDown) -> String {
    let topology = view.topology;
    let role = topology.role(view.myself);
    let own = match role {
        Some(Role::Primary(own)) => topology.shards().get(&own),
        _ => None,
    };
    let Some(&(slot, first, _)) = keys.first() else {
        return "OK".to_owned();
    };
    let Some((owner, shard)) = topology.owner(slot) else {
        return "CLUSTERDOWN Hash slot not served".to_owned();
    };
    let is_mine = role == Some(Role::Primary(owner));
    let leaving = own
        .and_then(|own| own.migrating.get(&slot))
        .filter(|_| is_mine);
    let is_coming = own.is_some_and(|own| own.importing.contains_key(&slot)) && !is_mine;
    if keys.iter().any(|&(other, ..)| other != slot) {
        return "CROSSSLOT Keys in request don't hash to the same slot".to_owned();
    }
    let counts = !call.is_shard_pubsub;
    let are_several = keys.iter().any(|&(_, name, _)| name != first);
    let missing = keys.iter().filter(|(.., here)| counts && !here).count();
    let existing = keys.iter().filter(|(.., here)| counts && *here).count();
    if state == State::Fail {
        if call.is_shard_pubsub {
            if !allowed.allow_shard_pubsub {
                return "CLUSTERDOWN The cluster is down".to_owned();
            }
        } else if !allowed.allow_reads {
            return "CLUSTERDOWN The cluster is down".to_owned();
        } else if call.is_write {
            let text = "CLUSTERDOWN The cluster is down and only accepts read commands";
            return text.to_owned();
        }
    }
    if (leaving.is_some() || is_coming) && call.is_migrate {
        return "OK".to_owned();
    }
    let try_again = "TRYAGAIN Multiple keys request during rehashing of slot";
    let address = |shard: ShardId| {
        let primary = topology.shards()[&shard].primary;
        let address = &topology.members()[&primary].address;
        format!("{}:{}", ip(address), address.port)
    };
    if let Some(to) = leaving.filter(|_| missing > 0) {
        return match existing > 0 {
            true => try_again.to_owned(),
            false => format!("ASK {slot} {}", address(*to)),
        };
    }
    if is_coming && call.is_asking {
        let is_torn = are_several && missing > 0;
        return if is_torn { try_again } else { "OK" }.to_owned();
    }
    let follows = role == Some(Role::Replica(owner));
    let reads_here = call.is_readonly || call.is_shard_pubsub;
    if reads_here && follows && !call.is_write {
        return "OK".to_owned();
    }
    match shard.primary == view.myself {
        true => "OK".to_owned(),
        false => format!("MOVED {slot} {}", address(owner)),
    }
}

/// A random topology in which most slots have an owner and many are on their way.
fn restless_topology(dice: &mut Dice, seed: u64) -> Topology {
    let mut topology = busy_topology(seed);
    for slot in (0..24).map(slot) {
        let (node, other) = (dice.node(), dice.node());
        // What is refused here is refused for a reason that other tests know.
        let _ = topology.apply(&Change::AddSlots {
            node,
            slots: [slot].into_iter().collect(),
        });
        let owner = topology.owner(slot).map(|(_, shard)| shard.primary);
        let _ = topology.apply(&Change::MarkMigrating {
            node: owner.unwrap_or(node),
            slot,
            to: other,
        });
        let _ = topology.apply(&Change::MarkImporting {
            node: other,
            slot,
            from: owner.unwrap_or(node),
        });
    }
    assert_eq!(topology.check(), Ok(()));
    topology
}

#[test]
fn commands_are_routed_as_redis_routes_them() {
    let nobody = BTreeMap::new();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut served = 0;
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let topology = restless_topology(&mut dice, seed);
        let members: Vec<NodeId> = topology.members().keys().copied().collect();
        let view = View {
            topology: &topology,
            myself: members[dice.below(members.len() as u64) as usize],
            peers: &nobody,
            preferred: Preferred::Ip,
        };
        let state = match dice.below(4) {
            0 => State::Fail,
            _ => State::Ok,
        };
        let allowed = WhenDown {
            allow_reads: coin(&mut dice),
            allow_shard_pubsub: coin(&mut dice),
        };
        let routing = view.routing(state, allowed);
        for _ in 0..300 {
            let (keys, call) = (keys(&mut dice), call(&mut dice));
            let slots = keys.iter().map(|&(slot, ..)| slot);
            let presence = || Presence::of(keys.iter().map(|(_, name, here)| (&name[..], *here)));
            let text = match routing.route(slots, call, presence) {
                Ok(()) => "OK".to_owned(),
                Err(redirection) => redirection.to_string(),
            };
            let expected = as_redis(&view, &keys, call, state, allowed);
            assert_eq!(text, expected, "seed {seed}: {keys:?} {call:?}");
            if keys.len() == 1 && routing.serves(keys[0].0) {
                assert_eq!(text, "OK", "seed {seed}: {keys:?} {call:?}");
                served += 1;
            }
            let kind = text.split(' ').next().unwrap_or_default();
            *seen.entry(kind.to_owned()).or_default() += 1;
        }
    }
    // Every outcome came up, and not by accident only.
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert!(seen.values().all(|&count| count > 100), "{seen:?}");
    assert!(served > 100, "{served}");
}

/// What redis-cli compares between nodes: who has which slots, open ones left out.
fn signature(nodes: &str) -> Vec<String> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        assert!(fields.len() >= 8, "{line}");
        let slots: Vec<&str> = fields[8..]
            .iter()
            .copied()
            .filter(|slot| !slot.starts_with('['))
            .collect();
        (!slots.is_empty()).then(|| format!("{}:{}", fields[0], slots.join(",")))
    };
    nodes.lines().filter_map(line).collect()
}

#[test]
fn all_nodes_show_the_same() {
    for seed in 0..100 {
        let topology = busy_topology(seed);
        let peers = BTreeMap::new();
        let view = |myself| View {
            topology: &topology,
            myself,
            peers: &peers,
            preferred: Preferred::Ip,
        };
        let mut signatures = Vec::new();
        for (&node, member) in topology.members() {
            let nodes = view(node).nodes();
            let own: Vec<&str> = nodes
                .lines()
                .filter(|line| line.contains(" myself"))
                .collect();
            assert_eq!(own.len(), 1, "seed {seed}: {nodes}");
            let is_witness = member.kind == Kind::Witness;
            let shown = view(node).shown().count() + usize::from(is_witness);
            assert_eq!(nodes.lines().count(), shown, "seed {seed}");
            signatures.push(signature(&nodes));
            // Its array says of every slot what the log says.
            let routing = view(node).routing(State::Ok, WhenDown::default());
            for slot in Slot::all().step_by(7).chain((0..24).map(slot)) {
                let owner = topology.owner(slot).map(|(id, _)| id);
                assert_eq!(routing.owner(slot).map(|place| place.shard), owner);
                let leads = owner.is_some_and(|id| topology.shards()[&id].primary == node);
                assert_eq!(routing.is_mine(slot), leads);
            }
        }
        signatures.dedup();
        assert_eq!(signatures.len(), 1, "seed {seed}");
    }
}
