//! Whom a primary waits for, and what it has the log say of that.

use super::super::*;
use super::plan::{Plan, found, node, shard};
use crate::topology::{Applied, InSync};

/// A primary, node 0, with two replicas; the log takes what it proposes when the test says so.
struct Stage {
    now: u64,
    failover: Failover,
    topology: Topology,
    settings: Settings,
    /// How far each node is; node 0 leads.
    offsets: [u64; 3],
    is_linked: [bool; 3],
    /// Ended reigns and whom replies wait for, in their order.
    said: Vec<Said>,
    proposed: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    GivesUp,
    Awaits(Vec<usize>),
}

fn beat(number: u64) -> Beat {
    Beat { start: 1, number }
}

/// An answer that extends no lease.
fn pong(answers: Beat, report: Report) -> Message {
    Message::Pong(Pong {
        answers,
        is_extended: false,
        report,
    })
}

impl Stage {
    fn new(settings: Settings) -> Stage {
        let plan = Plan {
            shards: vec![3],
            witnesses: 0,
            policy: TwoNodePolicy::PrimarySurvives,
        };
        let (topology, _) = found(&plan);
        let now = Now {
            ms: 1000,
            unix_ms: 0,
        };
        let mut stage = Stage {
            now: now.ms,
            failover: Failover::new(node(0), 1, settings, now),
            topology,
            settings,
            offsets: [100; 3],
            is_linked: [true; 3],
            said: Vec::new(),
            proposed: Vec::new(),
        };
        stage.own(true);
        stage.publish();
        stage
    }

    /// It has read its files, and lacks nothing of what it has confirmed or all.
    fn own(&mut self, is_whole: bool) {
        self.tell(Event::Own(Own {
            position: Position::default(),
            is_linked: false,
            is_whole,
            priority: 100,
        }));
    }

    fn durable() -> Stage {
        let mut stage = Stage::new(Settings {
            ack_mode: AckMode::Durable,
            ..Settings::default()
        });
        stage.settle();
        assert_eq!(stage.in_sync(), [1, 2]);
        stage.said.clear();
        stage
    }

    fn clock(&self) -> Now {
        Now {
            ms: self.now,
            unix_ms: 0,
        }
    }

    /// The process is another one, that knows nothing of what was before.
    fn start_again(&mut self, settings: Settings) {
        self.failover = Failover::new(node(0), 2, settings, self.clock());
    }

    fn tell(&mut self, event: Event) {
        for effect in self.failover.handle(self.clock(), event) {
            match effect {
                Effect::GiveUp => self.said.push(Said::GivesUp),
                Effect::Await(nodes) => {
                    let number = |node: &NodeId| self.number_of(*node);
                    let numbers = nodes.iter().map(number).collect();
                    self.said.push(Said::Awaits(numbers));
                }
                Effect::Propose(change) => self.proposed.push(change),
                _ => {}
            }
        }
    }

    fn number_of(&self, wanted: NodeId) -> usize {
        let number = (0..3).find(|&number| node(number) == wanted);
        number.expect("one of the three")
    }

    fn publish(&mut self) {
        self.publish_as(true);
    }

    /// Whether what the node has applied is all that was decided, as far as it knows.
    fn publish_as(&mut self, is_current: bool) {
        self.tell(Event::Changed(Standpoint {
            topology: Arc::new(self.topology.clone()),
            electorate: Electorate::settled((0..3).map(node)),
            leader: Some(node(0)),
            is_current,
            may_be_deposed: BTreeSet::new(),
        }));
    }

    fn configure(&mut self, settings: Settings) {
        self.settings = settings;
        self.tell(Event::Configure(settings));
    }

    /// A tick, at which those who are linked are heard.
    fn tick(&mut self) {
        self.now += 25;
        for number in 1..3 {
            let report = Report {
                beat: beat(self.now),
                own: None,
                suspects: Vec::new(),
            };
            let message = pong(beat(0), report);
            if self.is_linked[number] {
                let from = node(number);
                self.tell(Event::Received { from, message });
            }
        }
        self.tell(Event::Tick);
        let replicas = (1..3).filter(|&number| self.is_linked[number]);
        let replicas = replicas.map(|number| (node(number), self.offsets[number]));
        self.tell(Event::Streamed(Stream {
            offset: self.offsets[0],
            replicas: replicas.collect(),
        }));
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 25 {
            self.tick();
        }
    }

    /// The log takes what was proposed.
    fn decide(&mut self) -> Vec<Result<Applied, Refusal>> {
        let proposed = std::mem::take(&mut self.proposed);
        let outcomes = proposed.iter().map(|change| self.topology.apply(change));
        let outcomes = outcomes.collect();
        assert_eq!(self.topology.check(), Ok(()));
        self.publish();
        outcomes
    }

    /// Until nobody wants anything any more.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.tick();
            self.decide();
        }
        assert_eq!(self.proposed, []);
    }

    fn in_sync(&self) -> Vec<usize> {
        let shard = &self.topology.shards()[&shard(0)];
        shard
            .in_sync
            .iter()
            .map(|&node| self.number_of(node))
            .collect()
    }

    fn mode(&self) -> AckMode {
        self.topology.shards()[&shard(0)].ack_mode
    }
}

#[test]
fn without_acknowledgements_nobody_is_waited_for() {
    let mut stage = Stage::new(Settings::default());
    stage.settle();
    assert_eq!(stage.mode(), AckMode::Async);
    assert_eq!(stage.said, [Said::GivesUp, Said::Awaits(vec![])]);
}

#[test]
fn a_replica_is_waited_for_before_it_is_in_sync() {
    let mut stage = Stage::new(Settings {
        ack_mode: AckMode::Durable,
        ..Settings::default()
    });
    stage.is_linked[2] = false;
    stage.tick();
    stage.decide();
    assert_eq!((stage.mode(), stage.in_sync()), (AckMode::Durable, vec![]));
    stage.offsets = [200, 150, 0];
    stage.said.clear();
    stage.tick();
    assert_eq!(stage.said, [Said::Awaits(vec![1])]);
    // What may have left without it ends at 300.
    stage.offsets[0] = 300;
    stage.tick();
    (stage.offsets[0], stage.offsets[1]) = (400, 299);
    stage.tick();
    assert_eq!(stage.proposed, []);
    stage.offsets[1] = 300;
    stage.tick();
    assert_eq!(stage.proposed.len(), 1);
    stage.decide();
    assert_eq!(stage.in_sync(), [1]);
    assert_eq!(stage.said.len(), 1, "it was waited for all the time");
}

#[test]
fn a_replica_that_does_not_come_up_is_waited_for_no_longer() {
    let mut stage = Stage::durable();
    stage.is_linked[2] = false;
    stage.run(2500);
    stage.settle();
    assert_eq!(stage.in_sync(), [1]);
    stage.said.clear();
    stage.is_linked[2] = true;
    (stage.offsets[0], stage.offsets[1]) = (1000, 1000);
    stage.tick();
    assert_eq!(stage.said, [Said::Awaits(vec![1, 2])]);
    stage.run(1100);
    assert_eq!(stage.said[1], Said::Awaits(vec![1]));
    assert_eq!(stage.proposed, []);
    // It has a rest before it is tried again.
    stage.run(2000);
    assert_eq!(stage.said.len(), 2);
    stage.run(1500);
    assert_eq!(stage.said[2], Said::Awaits(vec![1, 2]));
}

#[test]
fn a_replica_that_lags_is_waited_for_until_the_log_lets_it_go() {
    let mut stage = Stage::durable();
    stage.offsets = [200, 200, 150];
    stage.run(900);
    assert_eq!(stage.proposed, []);
    stage.run(300);
    assert_eq!(stage.proposed.len(), 1);
    stage.run(3000);
    assert_eq!(stage.said, [], "it may still be promoted");
    stage.decide();
    assert_eq!(stage.said, [Said::Awaits(vec![1])]);
    assert_eq!(stage.in_sync(), [1]);
}

#[test]
fn a_stream_that_goes_on_is_no_lag() {
    let mut stage = Stage::durable();
    for _ in 0..200 {
        // Always behind, but never by much.
        stage.offsets[1] = stage.offsets[0];
        stage.offsets[2] = stage.offsets[0];
        stage.offsets[0] += 500;
        stage.tick();
    }
    assert_eq!(stage.proposed, []);
    assert_eq!(stage.said, []);
}

#[test]
fn one_of_whom_nothing_is_heard_is_let_go_though_nothing_is_written() {
    let mut stage = Stage::durable();
    stage.is_linked[1] = false;
    stage.run(1200);
    stage.settle();
    assert_eq!(stage.in_sync(), [2]);
}

#[test]
fn a_primary_that_stood_still_blames_nobody() {
    let mut stage = Stage::durable();
    stage.offsets = [200, 150, 150];
    stage.tick();
    stage.now += 60_000;
    stage.tick();
    assert_eq!(stage.proposed, []);
}

#[test]
fn whoever_was_proposed_is_waited_for_until_the_log_has_gone_on() {
    let mut stage = Stage::durable();
    stage.is_linked[2] = false;
    stage.run(1500);
    stage.settle();
    stage.is_linked[2] = true;
    stage.run(100);
    assert_eq!(stage.proposed.len(), 1, "it is to be in sync");
    let lost = std::mem::take(&mut stage.proposed);
    stage.is_linked[2] = false;
    stage.said.clear();
    stage.run(20_000);
    assert_eq!(stage.said, [], "the log may still take what was proposed");
    let again = std::mem::take(&mut stage.proposed);
    assert!(again.iter().all(|change| *change == lost[0]), "{again:?}");
    // Whatever else changes the shard ends that.
    let bump = Change::BumpEpoch { node: node(0) };
    let before = stage.topology.shards()[&shard(0)].epoch;
    stage.topology.apply(&bump).expect("an epoch");
    assert_ne!(stage.topology.shards()[&shard(0)].epoch, before);
    stage.publish();
    stage.run(1200);
    assert_eq!(stage.said, [Said::Awaits(vec![1])]);
    assert!(stage.topology.apply(&lost[0]).is_err());
}

#[test]
fn a_node_that_leads_no_more_confirms_nothing_and_one_that_begins_waits_for_those_in_sync() {
    let mut stage = Stage::durable();
    let epoch = stage.topology.shards()[&shard(0)].epoch;
    let promote = |expected_epoch, number| Change::Promote {
        shard: shard(0),
        expected_epoch,
        candidate: node(number),
    };
    let promoted = stage.topology.apply(&promote(epoch, 1));
    promoted.expect("it is in sync");
    assert_eq!(stage.in_sync(), [2]);
    stage.publish();
    assert_eq!(stage.said, [Said::GivesUp, Said::Awaits(vec![])]);
    let epoch = stage.topology.shards()[&shard(0)].epoch;
    let back = stage.topology.apply(&promote(epoch, 0));
    let text = back.expect_err("it is not in sync").0;
    assert!(text.starts_with("NOGOODREPLICA "), "{text}");
    let by_force = Change::forced(shard(0), epoch, node(0), true);
    stage
        .topology
        .apply(&by_force)
        .expect("nobody else decides");
    assert_eq!(stage.in_sync(), [0; 0], "what the other has nobody knows");
    stage.said.clear();
    stage.publish();
    assert_eq!(stage.said, [Said::GivesUp, Said::Awaits(vec![])]);
}

#[test]
fn with_too_few_what_was_not_confirmed_never_is() {
    let mut stage = Stage::durable();
    stage.configure(Settings {
        min_insync: 3,
        ..stage.settings
    });
    stage.is_linked[2] = false;
    stage.run(1200);
    stage.decide();
    assert_eq!(stage.said, [Said::GivesUp, Said::Awaits(vec![1])]);
}

#[test]
fn a_mode_becomes_weaker_only_if_its_primary_is_told() {
    let mut stage = Stage::durable();
    let (weak, strong) = (Settings::default(), stage.settings);
    stage.configure(weak);
    stage.settle();
    assert_eq!((stage.mode(), stage.in_sync()), (AckMode::Async, vec![]));
    stage.configure(strong);
    stage.settle();
    assert_eq!(
        (stage.mode(), stage.in_sync()),
        (AckMode::Durable, vec![1, 2])
    );
    // A node that was started with another one takes over.
    stage.start_again(weak);
    stage.own(true);
    stage.publish();
    stage.settle();
    assert_eq!(stage.mode(), AckMode::Durable);
}

#[test]
fn a_primary_that_starts_again_waits_for_everybody_until_the_log_has_its_word() {
    let mut stage = Stage::durable();
    stage.is_linked[2] = false;
    stage.run(1500);
    stage.settle();
    stage.is_linked[2] = true;
    stage.run(100);
    let before = std::mem::take(&mut stage.proposed);
    assert_eq!(before.len(), 1);
    stage.start_again(stage.settings);
    stage.said.clear();
    stage.own(true);
    stage.publish();
    assert_eq!(stage.said, [Said::GivesUp, Said::Awaits(vec![1, 2])]);
    stage.is_linked[2] = false;
    stage.run(100);
    assert_eq!(stage.proposed.len(), 1, "it says what is so anyway");
    stage.decide();
    assert_eq!(stage.in_sync(), [1]);
    assert_eq!(stage.said[2..], [Said::Awaits(vec![1])]);
    assert!(stage.topology.apply(&before[0]).is_err());
}

/// What the log says next of the shard.
fn say(stage: &mut Stage, mode: AckMode) {
    let led = &stage.topology.shards()[&shard(0)];
    let said = InSync {
        shard: shard(0),
        expected_epoch: led.epoch,
        expected_revision: led.revision,
        ack_mode: mode,
        replicas: BTreeSet::new(),
    };
    let said = stage.topology.apply(&Change::SetInSync(said));
    said.expect("what was asked for");
}

#[test]
fn a_primary_that_does_not_know_what_was_decided_waits_for_everybody_whatever_it_reads() {
    let mut stage = Stage::durable();
    let latest = stage.topology.clone();
    stage.start_again(stage.settings);
    stage.own(true);
    // It reads what it had applied, and then the next entry: there are more, as far as it can tell.
    say(&mut stage, AckMode::Async);
    stage.publish_as(false);
    say(&mut stage, AckMode::Durable);
    stage.publish_as(false);
    let everybody = Said::Awaits(vec![1, 2]);
    assert_eq!(stage.said.last(), Some(&everybody));
    stage.run(500);
    assert_eq!(stage.said.last(), Some(&everybody));
    // Once it is current it believes what it reads, when the log has its word.
    stage.topology = latest;
    stage.is_linked[2] = false;
    stage.publish();
    stage.settle();
    stage.run(700);
    stage.decide();
    assert_eq!(stage.in_sync(), [1]);
    assert_eq!(stage.said.last(), Some(&Said::Awaits(vec![1])));
}

#[test]
fn a_primary_that_has_lost_its_data_lets_nobody_go_who_has_it() {
    let mut stage = Stage::durable();
    // It is killed, and its files are gone; nobody copies from it.
    stage.start_again(stage.settings);
    stage.publish();
    stage.is_linked = [false; 3];
    stage.run(5000);
    assert_eq!(stage.proposed, [], "it reads its files");
    stage.own(false);
    stage.run(5000);
    assert_eq!(stage.proposed, []);
    assert_eq!(stage.in_sync(), [1, 2], "one of them may follow it");
}

#[test]
fn a_primary_that_was_to_promise_less_waits_for_everybody_until_that_is_outdated() {
    let mut stage = Stage::durable();
    stage.is_linked[2] = false;
    stage.run(1500);
    stage.settle();
    assert_eq!(stage.in_sync(), [1]);
    stage.said.clear();
    let durable = stage.settings;
    stage.configure(Settings {
        ack_mode: AckMode::Async,
        ..durable
    });
    stage.run(100);
    assert_eq!(stage.proposed.len(), 1, "nobody decides it at present");
    assert_eq!(stage.said, [], "who follows by it may lack something");
    stage.configure(durable);
    stage.run(100);
    assert_eq!(stage.said, [Said::Awaits(vec![1, 2])]);
    // What it says next outdates what may be on its way.
    let asked = std::mem::take(&mut stage.proposed);
    stage.run(5000);
    assert_eq!(stage.proposed.len(), 1);
    stage.decide();
    assert_eq!((stage.mode(), stage.in_sync()), (AckMode::Durable, vec![1]));
    assert_eq!(stage.said.last(), Some(&Said::Awaits(vec![1])));
    assert!(stage.topology.apply(&asked[0]).is_err());
}

#[test]
fn a_primary_that_has_lost_its_data_is_not_alone_because_it_does_not_know_of_others_yet() {
    let mut stage = Stage::durable();
    let latest = stage.topology.clone();
    // It reads its log from where it was a cluster of one.
    let alone = Plan {
        shards: vec![1],
        witnesses: 0,
        policy: TwoNodePolicy::PrimarySurvives,
    };
    stage.topology = found(&alone).0;
    stage.start_again(stage.settings);
    stage.own(false);
    stage.publish_as(false);
    stage.topology = latest;
    stage.publish_as(false);
    stage.publish();
    assert!(!stage.failover.has_all_there_is());
    assert!(!stage.failover.is_fit_to_lead());
}

#[test]
fn a_primary_that_has_lost_its_data_goes_on_by_what_others_answer_not_by_what_they_said_long_ago() {
    let mut stage = Stage::durable();
    stage.start_again(stage.settings);
    stage.own(false);
    stage.publish();
    let report = Report {
        beat: beat(7),
        own: stage.failover.own,
        suspects: Vec::new(),
    };
    let hear = |stage: &mut Stage, message: Message| {
        for replica in [1, 2] {
            let (from, message) = (node(replica), message.clone());
            stage.tell(Event::Received { from, message });
        }
        stage.failover.has_all_there_is()
    };
    // It was on its way while this node was not there.
    let late = Ping {
        report: report.clone(),
        claim: None,
    };
    assert!(!hear(&mut stage, Message::Ping(late)));
    let asked = stage.failover.beat;
    let before = pong(Beat { number: 0, ..asked }, report.clone());
    assert!(!hear(&mut stage, before), "it did not lead then");
    assert!(hear(&mut stage, pong(asked, report)));
}

#[test]
fn a_proposal_for_another_state_of_the_shard_is_refused() {
    let stage = Stage::durable();
    let led = &stage.topology.shards()[&shard(0)];
    let said = InSync {
        shard: shard(0),
        expected_epoch: led.epoch,
        expected_revision: led.revision,
        ack_mode: AckMode::Durable,
        replicas: [node(1)].into(),
    };
    let try_it = |said: InSync| stage.topology.clone().apply(&Change::SetInSync(said));
    assert_eq!(try_it(said.clone()), Ok(Applied::Done));
    let epoch = said.expected_epoch + 1;
    let revision = said.expected_revision - 1;
    for strange in [
        InSync {
            expected_epoch: epoch,
            ..said.clone()
        },
        InSync {
            expected_revision: revision,
            ..said.clone()
        },
        InSync {
            replicas: [node(0)].into(),
            ..said.clone()
        },
        InSync {
            ack_mode: AckMode::Async,
            ..said.clone()
        },
        InSync {
            shard: shard(7),
            replicas: [].into(),
            ..said.clone()
        },
    ] {
        assert!(try_it(strange.clone()).is_err(), "{strange:?}");
    }
}
