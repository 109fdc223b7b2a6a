use super::*;

/// What a server answered; the file has a line with a name before each reply.
struct Captured {
    text: &'static str,
    /// Bytes of the replication stream when it was asked, and later, with open slots.
    offset: u64,
    last_offset: u64,
    /// Whether CLUSTER SHARDS tells the names of shards.
    names_shards: bool,
}

const REDIS: Captured = Captured {
    text: include_str!("captured/redis-8.2.txt"),
    offset: 67,
    last_offset: 67,
    names_shards: false,
};
const VALKEY: Captured = Captured {
    text: include_str!("captured/valkey-9.1.txt"),
    offset: 81,
    // Its stream has the open slots too.
    last_offset: 493,
    names_shards: true,
};

impl Captured {
    #[track_caller]
    fn reply(&self, name: &str) -> String {
        let mut lines = self.text.lines();
        let is_found = lines.any(|line| line == name);
        assert!(is_found, "no reply {name}");
        let reply = lines.next().expect("a reply after its name");
        reply.replace("\\r", "\r").replace("\\n", "\n")
    }
}

#[derive(Clone, Copy)]
enum Resp {
    Two,
    Three,
}

/// As the node writes it.
fn encode(tree: &Tree, resp: Resp) -> String {
    let all = |trees: &mut dyn Iterator<Item = &Tree>| -> String {
        trees.map(|tree| encode(tree, resp)).collect()
    };
    match (tree, resp) {
        (Tree::Integer(number), _) => format!(":{number}\r\n"),
        (Tree::Bulk(text), _) => bulk(text),
        (Tree::Nil, Resp::Two) => "$-1\r\n".to_owned(),
        (Tree::Nil, Resp::Three) => "_\r\n".to_owned(),
        (Tree::Array(items), _) => format!("*{}\r\n{}", items.len(), all(&mut items.iter())),
        (Tree::Map(pairs), _) => {
            let head = match resp {
                Resp::Two => format!("*{}\r\n", 2 * pairs.len()),
                Resp::Three => format!("%{}\r\n", pairs.len()),
            };
            let pairs = pairs
                .iter()
                .map(|(key, value)| bulk(key) + &encode(value, resp));
            head + &pairs.collect::<String>()
        }
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// Without the shard's id, which Redis does not tell.
fn without_ids(tree: Tree) -> Tree {
    let Tree::Array(shards) = tree else {
        panic!("CLUSTER SHARDS is an array");
    };
    let strip = |shard| match shard {
        Tree::Map(mut pairs) => {
            assert_eq!(pairs.pop().map(|(key, _)| key), Some("id"));
            Tree::Map(pairs)
        }
        other => panic!("a shard is a map, not {other:?}"),
    };
    Tree::Array(shards.into_iter().map(strip).collect())
}

#[track_caller]
fn shards_are(view: &View<'_>, server: &Captured, name: &str, resp: Resp) {
    let tree = match server.names_shards {
        true => view.shards(),
        false => without_ids(view.shards()),
    };
    assert_eq!(encode(&tree, resp), server.reply(name), "{name}");
}

#[test]
fn a_fresh_node_answers_as_redis_does() {
    let (topology, peers) = (fresh(), BTreeMap::new());
    let view = view(&topology, &peers);
    for server in [REDIS, VALKEY] {
        assert_eq!(bulk(&view.nodes()), server.reply("nodes fresh"));
        assert_eq!(
            encode(&view.slots(), Resp::Two),
            server.reply("slots fresh")
        );
        shards_are(&view, &server, "shards fresh", Resp::Two);
        let links = view.links([]);
        assert_eq!(encode(&links, Resp::Two), server.reply("links fresh"));
    }
    let state = view.state(Standing::Majority, Coverage::Partial);
    let info = view.info(state, &Traffic::default());
    assert_eq!(bulk(&info), REDIS.reply("info fresh"));
    assert_eq!(view.my_shard(), Some(shard(A)));
    let mut alone = topology.clone();
    let half = Change::AddSlots {
        node: A,
        slots: slots(0, 8191),
    };
    make(&mut alone, half);
    let view = View {
        topology: &alone,
        ..view
    };
    assert_eq!(encode(&view.slots(), Resp::Two), REDIS.reply("slots alone"));
}

#[test]
fn every_kind_of_endpoint_looks_as_in_redis_and_valkey() {
    let kinds = [
        (Preferred::Ip, "ip"),
        (Preferred::Hostname, "hostname"),
        (Preferred::Unknown, "unknown-endpoint"),
    ];
    let (three, named) = (three(), named());
    for server in [REDIS, VALKEY] {
        let peers = well(server.offset);
        for (preferred, name) in kinds {
            let view = |topology| View {
                preferred,
                ..view(topology, &peers)
            };
            let plain = encode(&view(&three).slots(), Resp::Two);
            assert_eq!(plain, server.reply(&format!("slots {name}")));
            for (resp, suffix) in [(Resp::Two, ""), (Resp::Three, " resp3")] {
                let slots = encode(&view(&named).slots(), resp);
                assert_eq!(slots, server.reply(&format!("slots named {name}{suffix}")));
                let name = format!("shards named {name}{suffix}");
                shards_are(&view(&named), &server, &name, resp);
            }
        }
    }
}

#[test]
fn a_replica_without_data_is_loading_and_not_listed() {
    let (topology, peers) = (three(), well(0));
    let view = view(&topology, &peers);
    for server in [REDIS, VALKEY] {
        shards_are(&view, &server, "shards loading", Resp::Two);
    }
    assert!(!encode(&view.slots(), Resp::Two).contains(&B.to_hex()));
}

#[test]
fn each_node_shows_its_own_open_slots() {
    let (topology, peers) = (open(), well(REDIS.offset));
    for (myself, name) in [(A, "a"), (B, "b"), (C, "c")] {
        let view = View {
            myself,
            ..view(&topology, &peers)
        };
        let nodes = bulk(&view.nodes());
        assert_eq!(nodes, REDIS.reply(&format!("nodes open {name}")));
        // A replica of Valkey shows its primary's open slots too.
        if myself != B {
            assert_eq!(nodes, VALKEY.reply(&format!("nodes open {name}")));
        }
    }
    let view = view(&topology, &peers);
    let lines = view.replicas(A).expect("A is a primary");
    let lines = Tree::Array(lines.into_iter().map(Tree::from).collect());
    assert_eq!(encode(&lines, Resp::Two), REDIS.reply("replicas"));
    let text = |node| view.replicas(node).map_err(|refusal| refusal.0);
    let not_a_primary = "ERR The specified node is not a master".to_owned();
    assert_eq!(text(B), Err(not_a_primary));
    let witness = NodeId::new([0x0e; 20]);
    assert_eq!(text(witness), Err(format!("ERR Unknown node {witness}")));
    assert_eq!(text(C), Ok(Vec::new()));
}

#[test]
fn those_that_are_down_are_told_apart() {
    let topology = open();
    for server in [REDIS, VALKEY] {
        let mut peers = failed(server.last_offset);
        let nodes = bulk(&view(&topology, &peers).nodes());
        assert_eq!(nodes, server.reply("nodes failed"));
        let slots = encode(&view(&topology, &peers).slots(), Resp::Two);
        assert_eq!(slots, server.reply("slots failed"));
        shards_are(
            &view(&topology, &peers),
            &server,
            "shards failed",
            Resp::Two,
        );
        peers.insert(C, down(Verdict::Suspected, 0));
        let nodes = bulk(&view(&topology, &peers).nodes());
        assert_eq!(nodes, server.reply("nodes suspected"));
    }
}

#[test]
fn info_counts_as_redis_does() {
    let (topology, peers) = (three(), well(REDIS.offset));
    let view = View {
        myself: B,
        ..view(&topology, &peers)
    };
    let traffic = Traffic {
        sent: vec![("ping", 14), ("pong", 16), ("meet", 0)],
        received: vec![("ping", 15), ("pong", 14), ("meet", 1)],
        links_dropped: 0,
    };
    let state = view.state(Standing::Majority, Coverage::Full);
    let info = view.info(state, &traffic);
    assert_eq!(bulk(&info), REDIS.reply("info"));

    let topology = open();
    let mut peers = failed(REDIS.offset);
    peers.insert(C, down(Verdict::Suspected, 0));
    let view = super::view(&topology, &peers);
    let traffic = Traffic {
        sent: vec![("ping", 21), ("pong", 23), ("meet", 2), ("fail", 1)],
        received: vec![("ping", 23), ("pong", 22), ("meet", 0), ("fail", 1)],
        links_dropped: 0,
    };
    let state = view.state(Standing::Minority, Coverage::Full);
    let info = view.info(state, &traffic);
    assert_eq!(bulk(&info), REDIS.reply("info suspected"));
}

#[test]
fn the_cluster_is_up_where_slots_are_served_and_decisions_can_be_made() {
    use Coverage::{Full, Partial};
    let topology = three();
    let mut peers = well(1);
    let state = |peers: &BTreeMap<NodeId, Peer>, standing, coverage| {
        view(&topology, peers).state(standing, coverage)
    };
    assert_eq!(state(&peers, Standing::Majority, Full), State::Ok);
    assert_eq!(state(&peers, Standing::Minority, Partial), State::Fail);
    peers.insert(C, down(Verdict::Suspected, 0));
    assert_eq!(state(&peers, Standing::Majority, Full), State::Ok);
    peers.insert(C, down(Verdict::Failed, 0));
    assert_eq!(state(&peers, Standing::Majority, Full), State::Fail);
    assert_eq!(state(&peers, Standing::Majority, Partial), State::Ok);
    let nobody = fresh();
    let alone = BTreeMap::new();
    let state = view(&nobody, &alone).state(Standing::Majority, Partial);
    assert_eq!(state, State::Fail);
}

#[test]
fn slot_stats_have_the_shape_and_order_of_redis() {
    let (topology, peers) = (open(), well(1));
    let view = view(&topology, &peers);
    let usage = |at: Slot| match at == slot(7365) {
        true => SlotUsage {
            keys: 1,
            cpu_us: 22,
            bytes_in: 30,
            bytes_out: 35,
        },
        false => SlotUsage::default(),
    };
    let range =
        |first, last, metrics: &[Metric]| view.slot_range(slot(first)..=slot(last), metrics, usage);
    let all = &Metric::ALL;
    let text = encode(&range(6, 8, all), Resp::Two);
    assert_eq!(text, REDIS.reply("slot-stats"));
    let text = encode(&range(7365, 7365, all), Resp::Three);
    assert_eq!(text, REDIS.reply("slot-stats resp3"));
    let text = encode(&range(6, 6, &Metric::ALWAYS), Resp::Two);
    assert_eq!(text, REDIS.reply("slot-stats off"));
    for (order, name) in [
        (Order::Descending, "slot-stats ordered"),
        (Order::Ascending, "slot-stats ordered asc"),
    ] {
        let tree = view.slots_by(Metric::KeyCount, order, 2, all, usage);
        assert_eq!(encode(&tree, Resp::Two), REDIS.reply(name));
    }
    let replica = View { myself: B, ..view };
    let tree = replica.slot_range(slot(6)..=slot(8), all, usage);
    assert_eq!(encode(&tree, Resp::Two), REDIS.reply("slot-stats"));
}

#[test]
fn links_look_as_in_redis_and_witnesses_have_none() {
    let (topology, peers) = (open(), well(1));
    let link = |direction, node| Link {
        direction,
        node,
        created_ms: PONG_MS,
        is_writing: false,
        buffer_bytes: 48,
        waiting_bytes: 48,
    };
    let witness = NodeId::new([0x0e; 20]);
    let links = [C, witness, B]
        .into_iter()
        .flat_map(|node| [link(Direction::To, node), link(Direction::From, node)]);
    let tree = view(&topology, &peers).links(links);
    assert_eq!(encode(&tree, Resp::Two), REDIS.reply("links"));
}

#[test]
fn a_witness_shows_itself_and_an_unknown_address_is_marked() {
    let (mut topology, peers) = (three(), well(1));
    let mut address = admission(C, 20).address;
    address.ip = None;
    make(&mut topology, Change::Move { node: C, address });
    let myself = NodeId::new([0x0e; 20]);
    let view = View {
        myself,
        ..view(&topology, &peers)
    };
    let nodes = view.nodes();
    let own = format!("{myself} 127.0.0.1:31030@31035 myself - 0 0 0 connected\n");
    assert!(nodes.contains(&own), "{nodes}");
    assert!(nodes.contains(":31020@31025 master,noaddr - "), "{nodes}");
    assert_eq!(view.my_shard(), None);
}
