//! CLUSTER FAILOVER.

use super::super::*;
use super::plan::node;
use super::quiet;
use super::world::World;

fn refusal(world: &World, number: usize) -> Option<&str> {
    let outcome = world.hosts[number].outcome.as_ref()?;
    outcome.as_ref().err().map(|refusal| refusal.0.as_str())
}

/// Asks the host, and waits for the answer.
fn answered(world: &mut World, number: usize, at_most: u64) -> u64 {
    world.ask(number);
    world.until(at_most, |world| world.hosts[number].outcome.is_some())
}

#[test]
fn shards_change_hands_again_and_again() {
    for (shards, witnesses) in [([2], 0), ([2], 1), ([3], 0)] {
        let mut world = quiet(&shards, witnesses);
        for turn in 1..=10 {
            let (next, last) = (turn % 2, (turn + 1) % 2);
            answered(&mut world, next, 500);
            assert_eq!(world.hosts[next].outcome, Some(Ok(())));
            assert_eq!(world.primary(0), next);
            world.until(500, |world| world.acts(next).is_some());
            world.until(500, |world| world.hosts[last].paused.is_none());
            world.run(world.now + 200);
            assert_eq!(world.acts(last), None);
        }
        assert_eq!((world.seen.planned, world.seen.promotions), (10, 0));
    }
}

#[test]
fn only_a_replica_with_a_primary_can_ask() {
    let mut world = quiet(&[2], 0);
    answered(&mut world, 0, 10);
    let text = "ERR You should send CLUSTER FAILOVER to a replica";
    assert_eq!(refusal(&world, 0), Some(text));
    world.kill(0);
    world.run(world.now + 600);
    answered(&mut world, 1, 10);
    let text = "ERR Master is down or failed, please use CLUSTER FAILOVER FORCE";
    assert_eq!(refusal(&world, 1), Some(text));
}

#[test]
fn a_primary_goes_on_when_its_replica_does_not_catch_up() {
    let mut world = quiet(&[2], 1);
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    let took = answered(&mut world, 1, 6000);
    assert!((4800..5200).contains(&took), "{took}");
    let text = "TIMEOUT The replica did not catch up with its primary in time";
    assert_eq!(refusal(&world, 1), Some(text));
    world.until(100, |world| world.hosts[0].paused.is_none());
    assert!(world.primary(0) == 0 && world.acts(0).is_some());
}

#[test]
fn a_primary_that_does_not_pause_keeps_its_place() {
    let mut world = quiet(&[2], 1);
    world.hosts[0].is_stuck = true;
    answered(&mut world, 1, 6000);
    let text = "TIMEOUT The primary did not pause in time";
    assert_eq!(refusal(&world, 1), Some(text));
    world.hosts[0].is_stuck = false;
    answered(&mut world, 1, 500);
    assert_eq!(world.hosts[1].outcome, Some(Ok(())));
}

/// A replica that has been asked to take the place of its primary, and hears where that one stands still.
struct Heir {
    failover: Failover,
    now: Now,
    round: Beat,
    own: Own,
}

impl Heir {
    fn new() -> Heir {
        let mut world = quiet(&[2], 1);
        let now = world.hosts[1].now(world.now);
        let host = world.hosts.swap_remove(1);
        let mut failover = host.failover;
        let asked = failover.handle(now, Event::Wish { client: 1 });
        let round = asked.iter().find_map(|effect| match effect {
            Effect::Send {
                message: Message::HandOver(HandOver::Asked { round, .. }),
                ..
            } => Some(*round),
            _ => None,
        });
        Heir {
            failover,
            now,
            round: round.expect("it asks"),
            own: host.own,
        }
    }

    /// Whether it proposes itself after the event.
    fn proposes(&mut self, event: Event) -> bool {
        let effects = self.failover.handle(self.now, event);
        let is_it = |effect: &Effect| matches!(effect, Effect::Propose(Change::Promote { .. }));
        effects.iter().any(is_it)
    }

    fn has(&mut self, offset: u64, is_linked: bool, is_whole: bool) -> bool {
        let term = self.own.position.term;
        self.proposes(Event::Own(Own {
            position: Position { term, offset },
            is_linked,
            is_whole,
            ..self.own
        }))
    }

    fn hears(&mut self, offset: u64) -> bool {
        let term = self.own.position.term;
        let message = Message::HandOver(HandOver::Paused {
            round: self.round,
            position: Position { term, offset },
        });
        let from = node(0);
        self.proposes(Event::Received { from, message })
    }
}

#[test]
fn a_replica_has_caught_up_when_it_has_all_of_the_primary_s_own_stream() {
    for (is_linked, is_whole) in [(false, true), (true, false), (true, true)] {
        let mut heir = Heir::new();
        // Without the stream it may be something else of that length.
        assert!(!heir.has(1000, is_linked, is_whole));
        assert_eq!(heir.hears(1000), is_linked && is_whole);
    }
    let mut heir = Heir::new();
    assert!(!heir.has(999, true, true) && !heir.hears(1000));
    assert!(heir.has(1000, true, true));
}

#[test]
fn a_pause_of_a_primary_that_may_have_started_again_does_not_count() {
    for is_noticed_by_link in [true, false] {
        let mut heir = Heir::new();
        assert!(!heir.has(900, true, true) && !heir.hears(1000));
        match is_noticed_by_link {
            true => assert!(!heir.proposes(Event::LinkLost { node: node(0) })),
            false => assert!(!heir.has(900, false, true)),
        }
        assert!(!heir.has(1000, true, true));
        assert!(!heir.hears(1001), "it has gone on until now");
        assert!(heir.has(1001, true, true));
    }
}

#[test]
fn a_primary_whose_replica_is_gone_goes_on() {
    let mut world = quiet(&[2], 1);
    world.hosts[1].is_stuck = true;
    world.run(world.now + 1000);
    world.ask(1);
    world.until(100, |world| world.hosts[0].paused.is_some());
    world.kill(1);
    let took = world.until(7000, |world| world.hosts[0].paused.is_none());
    assert!(took > 5000, "{took}");
    assert!(world.acts(0).is_some());
}

#[test]
fn one_of_two_that_ask_is_promoted() {
    let mut world = quiet(&[3], 0);
    world.ask(1);
    world.ask(2);
    let is_done = |world: &World| [1, 2].iter().all(|&n| world.hosts[n].outcome.is_some());
    world.until(1000, is_done);
    let done: Vec<usize> = [1, 2]
        .into_iter()
        .filter(|&number| world.hosts[number].outcome == Some(Ok(())))
        .collect();
    assert_eq!(done, [world.primary(0)]);
}

fn aborted(world: &World, number: usize) -> Option<&str> {
    match world.hosts[number].aborted.as_ref()? {
        Ok(()) => Some("OK"),
        Err(refusal) => Some(&refusal.0),
    }
}

#[test]
fn a_hand_over_is_given_up_at_either_end() {
    for end in [1, 0] {
        let mut world = quiet(&[2], 1);
        for number in 0..3 {
            world.abort(number);
            assert_eq!(
                aborted(&world, number),
                Some("ERR No failover in progress.")
            );
        }
        world.hosts[1].is_stuck = true;
        world.run(world.now + 1000);
        world.ask(1);
        world.until(100, |world| world.hosts[0].paused.is_some());
        world.run(world.now + 100);
        world.abort(end);
        world.until(300, |world| aborted(world, end) == Some("OK"));
        world.until(300, |world| world.hosts[1].outcome.is_some());
        let texts = [
            "ERR The primary has given the failover up",
            "ERR Failover manually aborted",
        ];
        assert_eq!(refusal(&world, 1), Some(texts[end]));
        world.until(300, |world| world.hosts[0].paused.is_none());
        world.hosts[1].is_stuck = false;
        world.run(world.now + 3000);
        assert!(world.primary(0) == 0 && world.acts(0).is_some());
        answered(&mut world, 1, 500);
        assert_eq!(world.hosts[1].outcome, Some(Ok(())));
    }
}

/// Where the writes have not come to an end nobody knows where the stream does, so nobody can have proposed anything.
#[test]
fn a_primary_that_has_not_paused_yet_goes_on_at_once() {
    let mut world = quiet(&[2], 1);
    world.hosts[0].is_stuck = true;
    world.ask(1);
    world.until(100, |world| world.hosts[0].paused.is_some());
    world.abort(0);
    assert_eq!(aborted(&world, 0), Some("OK"));
    assert_eq!(world.hosts[0].paused, None);
    world.until(100, |world| world.hosts[1].outcome.is_some());
    let text = "TRYAGAIN The primary can't hand over at the moment";
    assert_eq!(refusal(&world, 1), Some(text));
}

#[test]
fn what_is_proposed_cannot_be_given_up() {
    let mut world = quiet(&[2], 1);
    world.ask(1);
    world.until(500, |world| {
        world.hosts[1].failover.handovers.proposed().is_some()
    });
    world.abort(1);
    let text = "ERR The failover is being decided already";
    assert_eq!(aborted(&world, 1), Some(text));
    world.abort(0);
    world.until(1000, |world| aborted(world, 0).is_some());
    let text = "ERR Another node leads already";
    assert_eq!(aborted(&world, 0), Some(text));
    assert_eq!(world.primary(0), 1);
}
