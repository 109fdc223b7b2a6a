use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use actix::{Actor, Context, Handler};
use almandine_cluster::slot::SlotSet;
use almandine_cluster::topology::{Applied, Change, Emptied, Refusal, Topology};
use almandine_cluster::view::State;
use almandine_protocol::{Batch, Limits, Parser};

use crate::actors::config::messages::{Wanted, Wish};
use crate::actors::shard::messages::Decided;
use crate::clients::testing::client;
use crate::cluster::testing::{name, node, picture, picture_of, topology};
use crate::commands::table;
use crate::moment::Moment;
use crate::node::Node;
use crate::params::Params;
use crate::session::Session;
use crate::shard::{Next, Requests, Shard, Stop};

/// Slots 12182 and 5061: the third shard's and the first's.
const FOREIGN: &str = "foo";
const OWN: &str = "bar";
const NOW_MS: i64 = 1_000_000_000_000;

/// A shard of a node of the cluster.
struct Stage {
    shard: Shard,
    sessions: Vec<Session>,
    stops: Vec<Stop>,
}

impl Stage {
    fn new(myself: u8) -> Stage {
        let node = Node::new(Params::default(), 1).in_cluster(picture(myself), true);
        node.journal.turn_on();
        let cluster = node.cluster.as_ref().expect("a cluster");
        cluster.set_lease(u64::MAX);
        let node = Arc::new(node);
        let shard = Shard::new(node.clone(), Rc::new(RefCell::default()), 1);
        let sessions = (1..=3).map(|id| Session::new(client(id), true)).collect();
        let stage = Stage {
            shard,
            sessions,
            stops: Vec::new(),
        };
        for session in &stage.sessions {
            node.clients.add(session.client.clone());
        }
        stage
    }

    fn publish(&mut self, topology: Topology) {
        self.publish_as(topology, State::Ok);
    }

    fn publish_as(&mut self, topology: Topology, state: State) {
        let cluster = self.shard.node.cluster.as_ref().expect("a cluster");
        let myself = cluster.picture().myself;
        let number = (1..=4).find(|number| node(*number) == myself);
        let picture = picture_of(number.expect("one of four"), topology, state);
        cluster.publish(picture);
    }

    /// A client sends a batch; returns what it is answered at once.
    fn run_as(&mut self, client: usize, lines: &[&str]) -> String {
        let buffer = (lines.join("\r\n") + "\r\n").into_bytes();
        let mut batch = Batch::default();
        let parsed = Parser::default().parse(&buffer, &Limits::default(), &mut batch);
        parsed.expect("inline requests");
        let requests = Requests {
            buffer: &buffer,
            batch: &batch,
        };
        let (session, mut out) = (&mut self.sessions[client], Vec::new());
        self.shard.foresee(requests, 0, session);
        self.shard.begin(Moment::of_day(NOW_MS));
        let progress = self
            .shard
            .run(Instant::now(), requests, 0, session, &mut out);
        self.stops.push(progress.stop);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn run(&mut self, line: &str) -> String {
        self.run_as(0, &[line])
    }

    #[track_caller]
    fn expect(&mut self, conversation: &[(&str, &str)]) {
        for (line, reply) in conversation {
            assert_eq!(self.run(line), format!("{reply}\r\n"), "{line}");
        }
    }

    /// What others are sent: id, bytes, what follows.
    fn parcels(&mut self) -> Vec<(u64, String, Next)> {
        let parcels = self.shard.take_parcels().into_iter();
        parcels
            .map(|parcel| {
                let text = String::from_utf8_lossy(&parcel.bytes).into_owned();
                (parcel.client.id, text, parcel.next)
            })
            .collect()
    }

    /// The effects since the last batch was handed to the journal.
    fn effects(&mut self) -> String {
        let effects = self.shard.changes.effects.as_mut().expect("a journal");
        let text = String::from_utf8_lossy(effects.bytes()).into_owned();
        effects.clear();
        let words = text.lines().filter(|line| !line.starts_with(['*', '$']));
        words.collect::<Vec<_>>().join(" ")
    }
}

fn changed(changes: &[Change]) -> Topology {
    let mut topology = topology();
    for change in changes {
        topology.apply(change).expect("a change that may be made");
    }
    topology
}

fn slot(key: &str) -> super::Slot {
    super::Slot::of(key.as_bytes())
}

fn given(key: &str, to: u8) -> Change {
    Change::GiveSlots {
        by: node(1),
        slots: SlotSet::from_iter([slot(key)]),
        to: node(to),
        emptied: Emptied::Stays,
    }
}

#[test]
fn requests_go_to_the_shard_of_their_keys() {
    let mut stage = Stage::new(1);
    stage.expect(&[
        ("SET bar v", "+OK"),
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        ("SET {foo}1 v", "-MOVED 12182 127.0.0.3:7000"),
        ("PING", "+PONG"),
        (
            "MGET bar foo",
            "-CROSSSLOT Keys in request don't hash to the same slot",
        ),
        ("MGET bar {bar}1", "*2\r\n$1\r\nv\r\n$-1"),
        ("SSUBSCRIBE foo", "-MOVED 12182 127.0.0.3:7000"),
        ("SPUBLISH foo m", "-MOVED 12182 127.0.0.3:7000"),
        ("SPUBLISH bar m", ":0"),
        ("PUBLISH foo m", ":0"),
        ("WATCH foo", "-MOVED 12182 127.0.0.3:7000"),
        ("DBSIZE", ":1"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
    ]);
    let row = stage
        .shard
        .stats
        .commands
        .row(table::find(b"get").expect("GET"));
    assert_eq!(row.rejected, 2);
}

#[test]
fn a_slot_of_nobody_is_not_served() {
    let mut stage = Stage::new(1);
    let slots = SlotSet::from_iter([slot(FOREIGN)]);
    stage.publish(changed(&[Change::DelSlots { slots }]));
    stage.expect(&[("GET foo", "-CLUSTERDOWN Hash slot not served")]);
    stage.publish_as(topology(), State::Fail);
    stage.expect(&[
        ("GET bar", "-CLUSTERDOWN The cluster is down"),
        ("SPUBLISH bar m", ":0"),
    ]);
}

#[test]
fn a_redirection_spoils_a_transaction() {
    let mut stage = Stage::new(1);
    stage.expect(&[
        ("MULTI", "+OK"),
        ("SET foo v", "-MOVED 12182 127.0.0.3:7000"),
        ("SET bar v", "+QUEUED"),
        (
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.",
        ),
        ("MULTI", "+OK"),
        ("SET bar v", "+QUEUED"),
        ("GET bar", "+QUEUED"),
        ("EXEC", "*2\r\n+OK\r\n$1\r\nv"),
    ]);
}

/// The slot has moved since the commands were queued: EXEC is told so, and the transaction is over.
#[test]
fn exec_is_judged_by_all_that_is_queued() {
    let mut stage = Stage::new(1);
    stage.expect(&[("MULTI", "+OK"), ("SET bar v", "+QUEUED")]);
    stage.publish(changed(&[given(OWN, 2)]));
    stage.expect(&[
        ("EXEC", "-MOVED 5061 127.0.0.2:7000"),
        ("EXEC", "-ERR EXEC without MULTI"),
        ("MULTI", "+OK"),
        ("SET {a}0 v", "-MOVED 15495 127.0.0.3:7000"),
        ("DISCARD", "+OK"),
    ]);
}

#[test]
fn an_open_slot_is_asked_for_where_its_keys_are() {
    let mut stage = Stage::new(1);
    stage.run("SET bar v");
    stage.publish(changed(&[Change::MarkMigrating {
        node: node(1),
        slot: slot(OWN),
        to: node(2),
    }]));
    let try_again = "-TRYAGAIN Multiple keys request during rehashing of slot";
    stage.expect(&[
        ("GET bar", "$1\r\nv"),
        ("GET {bar}1", "-ASK 5061 127.0.0.2:7000"),
        ("MGET bar {bar}1", try_again),
        ("MULTI", "+OK"),
        ("GET {bar}1", "-ASK 5061 127.0.0.2:7000"),
        ("DISCARD", "+OK"),
    ]);
    stage.publish(changed(&[Change::MarkImporting {
        node: node(1),
        slot: slot(FOREIGN),
        from: node(3),
    }]));
    stage.expect(&[
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        ("ASKING", "+OK"),
        ("SET foo v", "+OK"),
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        ("ASKING", "+OK"),
        ("PING", "+PONG"),
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        ("ASKING", "+OK"),
        ("MGET foo {foo}1", try_again),
        ("ASKING", "+OK"),
        ("MULTI", "+OK"),
        ("GET foo", "+QUEUED"),
        ("GET foo", "+QUEUED"),
        ("EXEC", "*2\r\n$1\r\nv\r\n$1\r\nv"),
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        (
            "RESTORE-ASKING foo 0 x",
            "-BUSYKEY Target key name already exists.",
        ),
    ]);
}

#[test]
fn a_replica_answers_reads_of_those_who_allow_it() {
    let mut stage = Stage::new(4);
    stage.expect(&[
        ("GET bar", "-MOVED 5061 127.0.0.1:7000"),
        ("READONLY", "+OK"),
        ("GET bar", "$-1"),
        ("SET bar v", "-MOVED 5061 127.0.0.1:7000"),
        ("GET foo", "-MOVED 12182 127.0.0.3:7000"),
        ("MULTI", "+OK"),
        ("GET bar", "+QUEUED"),
        ("EXEC", "*1\r\n$-1"),
        ("READWRITE", "+OK"),
        ("GET bar", "-MOVED 5061 127.0.0.1:7000"),
        (
            "SSUBSCRIBE bar",
            "*3\r\n$10\r\nssubscribe\r\n$3\r\nbar\r\n:1",
        ),
    ]);
}

#[test]
fn what_belongs_to_a_slot_goes_with_it() {
    let mut stage = Stage::new(1);
    stage.run("SET bar v");
    stage.run("SET {bar}1 v");
    // Slot 3300.
    stage.run("SET {b} v");
    stage.run("SSUBSCRIBE bar");
    assert_eq!(stage.run_as(1, &["BLPOP {bar}2 0"]), "");
    assert_eq!(stage.run_as(2, &["BLPOP {b}2 0"]), "");
    stage.effects();
    stage.publish(changed(&[given(OWN, 2)]));
    stage.shard.begin(Moment::of_day(NOW_MS));
    let effects = stage.effects();
    assert!(
        effects.starts_with("DEL ") && effects.contains("{bar}1"),
        "{effects}"
    );
    let parcels = stage.parcels();
    let expected = [
        (
            2,
            "-MOVED 5061 127.0.0.2:7000\r\n".to_owned(),
            Next::Request,
        ),
        (
            1,
            "*3\r\n$12\r\nsunsubscribe\r\n$3\r\nbar\r\n:0\r\n".to_owned(),
            Next::Nothing,
        ),
    ];
    assert_eq!(parcels, expected);
    // It is a subscriber no more.
    stage.expect(&[("DBSIZE", ":1"), ("GET {b}", "$1\r\nv")]);
    assert_eq!(stage.shard.blocked.count(), 1);
}

#[test]
fn keys_of_nobodys_slots_and_of_slots_that_come_back_stay() {
    let mut stage = Stage::new(1);
    stage.run("SET bar v");
    let slots = SlotSet::from_iter([slot(OWN)]);
    let gone = Change::DelSlots { slots };
    stage.publish(changed(std::slice::from_ref(&gone)));
    stage.expect(&[("DBSIZE", ":1")]);
    let importing = Change::MarkImporting {
        node: node(1),
        slot: slot(OWN),
        from: node(2),
    };
    stage.publish(changed(&[given(OWN, 2), importing]));
    stage.expect(&[("DBSIZE", ":1")]);
}

/// Takes wishes as `ConfigActor` does.
struct Config(Arc<Mutex<Vec<Wish>>>);

impl Actor for Config {
    type Context = Context<Self>;
}

impl Handler<Wish> for Config {
    type Result = ();

    fn handle(&mut self, wish: Wish, _: &mut Context<Self>) {
        self.0.lock().expect("no panic").push(wish);
    }
}

/// A stage in an actor system, and the wishes that come out.
fn with_config(test: impl AsyncFnOnce(Stage, Arc<Mutex<Vec<Wish>>>)) {
    actix_rt::System::new().block_on(async {
        let stage = Stage::new(1);
        let wishes = Arc::default();
        let config = Config(Arc::clone(&wishes)).start();
        let cluster = stage.shard.node.cluster.as_ref().expect("a cluster");
        assert!(cluster.config.set(config.recipient()).is_ok());
        test(stage, wishes).await;
    });
}

/// The wish that was made last.
async fn next_wish(wishes: &Mutex<Vec<Wish>>) -> Wish {
    loop {
        let wish = wishes.lock().expect("no panic").pop();
        match wish {
            Some(wish) => return wish,
            None => tokio::task::yield_now().await,
        }
    }
}

fn decide(stage: &mut Stage, ticket: u64, outcome: Result<Applied, Refusal>) {
    stage.shard.begin(Moment::of_day(NOW_MS));
    stage.shard.decide(Decided { ticket, outcome });
}

#[test]
fn a_change_is_answered_when_it_is_decided() {
    with_config(async |mut stage, wishes| {
        let said = stage.run_as(0, &["PING", "CLUSTER BUMPEPOCH", "PING"]);
        assert_eq!(
            (said.as_str(), stage.stops.pop()),
            ("+PONG\r\n", Some(Stop::Blocked))
        );
        let wish = next_wish(&wishes).await;
        assert!(matches!(&wish.wanted, Wanted::Orders(orders) if orders.len() == 1));
        assert_eq!(stage.parcels(), []);
        // Others have raised it meanwhile.
        decide(&mut stage, wish.ticket, Ok(Applied::Bumped(9)));
        let expected = (1, "+BUMPED 9\r\n".to_owned(), Next::Request);
        assert_eq!(stage.parcels(), [expected]);
        decide(&mut stage, wish.ticket, Ok(Applied::Done));
        assert_eq!(stage.parcels(), []);
    });
}

#[test]
fn a_refusal_stands_in_place_of_the_reply() {
    with_config(async |mut stage, wishes| {
        assert_eq!(stage.run("CLUSTER DELSLOTS 1"), "");
        // Nobody can take this back.
        assert_eq!(stage.run_as(1, &["CLIENT UNBLOCK 1"]), ":0\r\n");
        let wish = next_wish(&wishes).await;
        let refusal = Refusal("ERR Slot 1 is already unassigned".to_owned());
        decide(&mut stage, wish.ticket, Err(refusal));
        let expected = (
            1,
            "-ERR Slot 1 is already unassigned\r\n".to_owned(),
            Next::Request,
        );
        assert_eq!(stage.parcels(), [expected]);
    });
}

#[test]
fn a_transaction_is_answered_when_all_its_wishes_are_done() {
    with_config(async |mut stage, wishes| {
        for line in [
            "MULTI",
            "CLUSTER DELSLOTS 1",
            "CLUSTER ADDSLOTS 1",
            "CLUSTER ADDSLOTS 1",
            "SET bar v",
            "CLUSTER MEET 127.0.0.1 7000",
            "CLUSTER BUMPEPOCH",
            "CLUSTER RESET",
        ] {
            stage.run(line);
        }
        assert_eq!(stage.run("EXEC"), "");
        let first = next_wish(&wishes).await;
        assert!(matches!(&first.wanted, Wanted::Orders(orders) if orders.len() == 2));
        decide(&mut stage, first.ticket, Ok(Applied::Done));
        let second = next_wish(&wishes).await;
        assert!(matches!(second.wanted, Wanted::Meet { .. }));
        decide(&mut stage, second.ticket, Ok(Applied::Done));
        let third = next_wish(&wishes).await;
        assert_eq!(stage.parcels(), []);
        decide(&mut stage, third.ticket, Ok(Applied::Bumped(4)));
        let expected = "*7\r\n+OK\r\n+OK\r\n-ERR Slot 1 is already busy\r\n+OK\r\n+OK\r\n+BUMPED 4\r\n\
                        -ERR CLUSTER RESET is not allowed in transactions\r\n";
        let expected = (1, expected.to_owned(), Next::Request);
        assert_eq!(stage.parcels(), [expected]);
        assert_eq!(stage.run("GET bar"), "$1\r\nv\r\n");
    });
}

#[test]
fn wishes_of_a_client_that_has_gone_are_carried_out_all_the_same() {
    with_config(async |mut stage, wishes| {
        for line in ["MULTI", "CLUSTER MEET 127.0.0.1 7000", "CLUSTER SAVECONFIG"] {
            stage.run(line);
        }
        stage.run("EXEC");
        let first = next_wish(&wishes).await;
        stage.shard.forget(1);
        decide(&mut stage, first.ticket, Ok(Applied::Done));
        let second = next_wish(&wishes).await;
        assert!(matches!(second.wanted, Wanted::Save));
        decide(&mut stage, second.ticket, Ok(Applied::Done));
        assert_eq!(stage.parcels(), []);
    });
}

/// What is refused, or done already, leaves nothing behind that would hide what others decide.
#[test]
fn a_draft_of_nothing_ends_with_its_command() {
    let mut stage = Stage::new(1);
    let mut left = topology();
    left.dismiss(node(4)).expect("it may go");
    stage.publish(left);
    let line = format!("CLUSTER FORGET {}", name(4));
    stage.expect(&[
        (&line, "+OK"),
        ("CLUSTER ADDSLOTS 1", "-ERR Slot 1 is already busy"),
        ("MULTI", "+OK"),
        ("CLUSTER ADDSLOTS 1", "+QUEUED"),
        ("EXEC", "*1\r\n-ERR Slot 1 is already busy"),
    ]);
    let nodes = stage.run("CLUSTER NODES");
    assert_eq!(nodes.matches("127.0.0.").count(), 3, "{nodes}");
    stage.publish(topology());
    let nodes = stage.run("CLUSTER NODES");
    assert_eq!(nodes.matches("127.0.0.").count(), 4, "{nodes}");
    let slots = SlotSet::from_iter([super::Slot::try_from(1).expect("a slot")]);
    stage.publish(changed(&[Change::DelSlots { slots }]));
    let said = stage.run("CLUSTER ADDSLOTS 1");
    // There is nobody to carry it out, but it is not refused.
    assert!(
        said.starts_with("-ERR The cluster cannot be changed"),
        "{said}"
    );
}

#[test]
fn a_draft_ends_with_its_command() {
    with_config(async |mut stage, wishes| {
        assert_eq!(stage.run("CLUSTER DELSLOTS 1"), "");
        next_wish(&wishes).await;
        // Not decided yet: the next command sees what is in force.
        let said = stage.run_as(1, &["CLUSTER ADDSLOTS 1"]);
        assert_eq!(said, "-ERR Slot 1 is already busy\r\n");
        assert_eq!(
            stage.run_as(1, &["CLUSTER MYID"]),
            format!("$40\r\n{}\r\n", name(1))
        );
    });
}
