//! Whom this node hears, and what it makes of silence. Safety never depends on it.
//!
//! Two links can be cut in one direction only, so what counts of a node that is pinged are its answers: it hears us, and we
//! hear it. Who is not pinged, but must ping us, is heard by its pings.
//!
//! Silence is too long after [`FLOOR_MS`], or later if answers come irregularly; but never later than `cluster-node-timeout`.
//! A link that is lost shortens that by a quarter: links come back at once if somebody is there, so a killed process is
//! suspected after 300 ms, and a lost link alone means nothing. Who has never answered has `cluster-node-timeout` for it, or
//! [`FLOOR_MS`] from when its link was lost.

use std::collections::{BTreeMap, BTreeSet};

use super::{Electorate, Failover, Now, Own, PING_MS, Report};
use crate::id::NodeId;
use crate::view::{Peer, Verdict};

/// The least silence that makes suspicious: four pings.
const FLOOR_MS: u64 = 400;
/// The least that `cluster-node-timeout` can make of it.
const CAP_MIN_MS: u64 = 250;
/// This node did nothing for so long: whom it has not heard meanwhile may have spoken.
const LATE_MS: u64 = 200;
/// Whom somebody suspected so long ago it may hear by now.
const STALE_MS: u64 = 1000;
/// How many deviations from the usual are still usual.
const DEVIATIONS: u64 = 8;

/// How far apart signs of life usually are, in 1/16 ms.
#[derive(Debug, Clone, Copy, Default)]
struct Gaps {
    mean: u64,
    deviation: u64,
}

impl Gaps {
    /// As TCP estimates its round trips (Jacobson 1988).
    fn add(&mut self, gap_ms: u64) {
        let gap = gap_ms * 16;
        let deviation = gap.abs_diff(self.mean);
        self.mean = (self.mean * 15 + gap) / 16;
        self.deviation = (self.deviation * 15 + deviation) / 16;
    }

    fn limit_ms(self) -> u64 {
        (self.mean + DEVIATIONS * self.deviation) / 16
    }
}

/// Another member.
#[derive(Debug, Clone, Default)]
struct Track {
    shown: Peer,
    is_pinged: bool,
    /// Whether its silence means something to us.
    is_judged: bool,
    /// The last sign of life, or when we began to wait for one.
    heard_at: u64,
    has_spoken: bool,
    /// How often the process had been started that was heard then.
    start: u64,
    gaps: Gaps,
    lost_at: Option<u64>,
    is_suspected: bool,
    report: Option<Report>,
    reported_at: u64,
    /// The last of our pings that it has answered, and how its data stood then.
    answer: Option<(u64, Option<Own>)>,
    /// When its stream flowed last, or when we began to look.
    linked_at: u64,
    suspects: BTreeSet<NodeId>,
    /// Since when it does not claim the lease of the shard that it leads.
    idle_since: Option<u64>,
}

impl Track {
    /// A sign of life of a process that was started for the `start`th time. The silence before is usual, unless it is that of a
    /// process that was not there: the next time it dies, that would be noticed too late.
    fn hear(&mut self, start: u64, now: u64) -> bool {
        if self.has_spoken && self.start == start {
            self.gaps.add(now.saturating_sub(self.heard_at));
        }
        self.start = start;
        self.has_spoken = true;
        self.heard_at = now;
        std::mem::take(&mut self.is_suspected)
    }

    fn is_silent(&self, now: u64, node_timeout_ms: u64) -> bool {
        let cap = node_timeout_ms.max(CAP_MIN_MS);
        let silence = now.saturating_sub(self.heard_at);
        let floor = FLOOR_MS.min(cap);
        let (limit, hint) = match self.has_spoken {
            true => {
                let limit = self.gaps.limit_ms().clamp(floor, cap);
                (limit, limit - limit / 4)
            }
            // It may still be on its way, unless there was a link.
            false => (cap, floor),
        };
        let is_cut = |at: u64| now.saturating_sub(at) >= hint;
        silence >= limit || (silence >= hint && self.lost_at.is_some_and(is_cut))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Detector {
    tracks: BTreeMap<NodeId, Track>,
    /// Links of nodes that are no members yet.
    links: BTreeSet<NodeId>,
    /// Whom we suspect is different since the last look.
    has_changed: bool,
    /// So is whom somebody suspects.
    is_due: bool,
}

impl Detector {
    /// From now on these are the others; `is_pinged` says whom we ping, and if we vote everybody else pings us.
    fn watch(&mut self, others: &BTreeMap<NodeId, bool>, is_voter: bool, now: u64) {
        self.tracks.retain(|node, _| others.contains_key(node));
        for (&node, &is_pinged) in others {
            let is_connected = self.links.contains(&node);
            let track = self.tracks.entry(node).or_insert_with(|| {
                let mut track = Track {
                    linked_at: now,
                    ..Track::default()
                };
                track.shown.is_connected = is_connected;
                track
            });
            let is_judged = is_pinged || is_voter;
            if (is_pinged, is_judged) != (track.is_pinged, track.is_judged) {
                // Other signs of life are waited for.
                (track.is_pinged, track.is_judged) = (is_pinged, is_judged);
                track.heard_at = now;
                track.has_spoken = false;
                track.gaps = Gaps::default();
                self.has_changed |= std::mem::take(&mut track.is_suspected);
            }
            if !is_pinged {
                track.shown.ping_sent_ms = 0;
            }
        }
        self.is_due = true;
    }

    /// Tools take whoever is shown as disconnected for gone, and clients read from no replica that is shown to have nothing.
    /// Of those to whom this node needs no link it hears only if they fail.
    pub(super) fn peers(&self) -> BTreeMap<NodeId, Peer> {
        let show = |track: &Track| match track.is_judged {
            true => track.shown,
            false => Peer {
                is_connected: true,
                offset: track.shown.offset.max(1),
                ..track.shown
            },
        };
        let tracks = self.tracks.iter();
        tracks.map(|(&node, track)| (node, show(track))).collect()
    }

    pub(super) fn hears(&self, node: NodeId) -> bool {
        let track = self.tracks.get(&node);
        track.is_some_and(|track| track.has_spoken && !track.is_suspected)
    }

    pub(super) fn suspects_node(&self, node: NodeId) -> bool {
        self.tracks
            .get(&node)
            .is_some_and(|track| track.is_suspected)
    }

    pub(super) fn suspects(&self) -> Vec<NodeId> {
        let tracks = self.tracks.iter().filter(|(_, track)| track.is_suspected);
        tracks.map(|(&node, _)| node).collect()
    }

    pub(super) fn verdict(&self, node: NodeId) -> Verdict {
        let track = self.tracks.get(&node);
        track.map_or(Verdict::Reachable, |track| track.shown.verdict)
    }

    /// Whether the node has said something within this time.
    pub(super) fn is_fresh(&self, node: NodeId, now: u64, within_ms: u64) -> bool {
        let track = self.tracks.get(&node);
        track.is_some_and(|track| track.report.is_some() && now < track.reported_at + within_ms)
    }

    /// When it has said something last; 0 if it never has.
    pub(super) fn reported_at(&self, node: NodeId) -> u64 {
        self.tracks.get(&node).map_or(0, |track| track.reported_at)
    }

    /// When its stream flowed last, as far as this node has seen.
    pub(super) fn linked_at(&self, node: NodeId) -> u64 {
        self.tracks.get(&node).map_or(0, |track| track.linked_at)
    }

    pub(super) fn report(&self, node: NodeId) -> Option<&Report> {
        self.tracks.get(&node)?.report.as_ref()
    }

    /// How the data of a node stands that was asked later than in that round of pings; none before it has answered. What it
    /// says unasked may be old, and this node may have forgotten what came after it.
    pub(super) fn answered_after(&self, node: NodeId, round: u64) -> Option<Own> {
        let (answered, own) = self.tracks.get(&node)?.answer?;
        own.filter(|_| answered > round)
    }

    pub(super) fn link_up(&mut self, node: NodeId) {
        self.links.insert(node);
        if let Some(track) = self.tracks.get_mut(&node) {
            track.shown.is_connected = true;
            track.lost_at = None;
        }
    }

    pub(super) fn link_lost(&mut self, node: NodeId, now: u64) {
        let was_linked = self.links.remove(&node);
        if let Some(track) = self.tracks.get_mut(&node)
            && was_linked
        {
            track.shown.is_connected = false;
            track.lost_at = track.lost_at.or(Some(now));
        }
    }

    /// Since the last tick so much time has passed. If that is far more than a tick, this node stood still: the others get
    /// that time back, but for that of a ping, so that a node which is always late notices something too.
    pub(super) fn forgive(&mut self, passed: u64, now: u64) {
        if passed < LATE_MS {
            return;
        }
        let later = |at: u64| (at + passed - PING_MS).min(now);
        for track in self.tracks.values_mut() {
            track.heard_at = later(track.heard_at);
            track.lost_at = track.lost_at.map(later);
        }
    }

    /// Whom to ping now.
    pub(super) fn pinged(&mut self, unix_ms: u64) -> Vec<NodeId> {
        let pinged = self.tracks.iter_mut().filter(|(_, track)| track.is_pinged);
        let note = |(&node, track): (&NodeId, &mut Track)| {
            if track.shown.ping_sent_ms == 0 {
                track.shown.ping_sent_ms = unix_ms;
            }
            node
        };
        pinged.map(note).collect()
    }

    /// Whether this is the latest that the node has said.
    pub(super) fn pinged_by(&mut self, node: NodeId, report: Report, now: u64) -> bool {
        let Some(track) = self.tracks.get_mut(&node) else {
            return false;
        };
        if !track.is_pinged {
            self.has_changed |= track.hear(report.beat.start, now);
        }
        self.learn(node, report, now)
    }

    /// What the latest ping of a node claims; `leads` = it could.
    pub(super) fn note_claim(&mut self, node: NodeId, leads: bool, claims: bool, now: u64) {
        if let Some(track) = self.tracks.get_mut(&node) {
            track.idle_since = match leads && !claims {
                true => track.idle_since.or(Some(now)),
                false => None,
            };
        }
    }

    /// Whether it leads and does nothing about it for so long.
    pub(super) fn is_idle(&self, node: NodeId, now: u64, for_ms: u64) -> bool {
        let idle_since = self.tracks.get(&node).and_then(|track| track.idle_since);
        idle_since.is_some_and(|since| now >= since + for_ms)
    }

    /// `round` = of our pings, which it answers.
    pub(super) fn ponged_by(&mut self, node: NodeId, round: u64, report: Report, now: Now) {
        let Some(track) = self.tracks.get_mut(&node) else {
            return;
        };
        if track.answer.is_none_or(|(answered, _)| answered < round) {
            track.answer = Some((round, report.own));
        }
        track.shown.ping_sent_ms = 0;
        track.shown.pong_received_ms = now.unix_ms;
        if track.is_pinged {
            self.has_changed |= track.hear(report.beat.start, now.ms);
        }
        self.learn(node, report, now.ms);
    }

    fn learn(&mut self, node: NodeId, report: Report, now: u64) -> bool {
        let Some(track) = self.tracks.get_mut(&node) else {
            return false;
        };
        let known = track.report.as_ref().map(|report| report.beat);
        if known.is_some_and(|known| report.beat < known) {
            return false;
        }
        track.reported_at = now;
        if let Some(own) = report.own {
            track.shown.offset = own.position.offset;
            if own.is_linked {
                track.linked_at = now;
            }
        }
        let is_same = track.suspects.iter().eq(&report.suspects);
        if !is_same {
            track.suspects = report.suspects.iter().copied().collect();
            self.is_due = true;
        }
        track.report = Some(report);
        true
    }

    /// Some time has passed.
    pub(super) fn judge(&mut self, now: u64, node_timeout_ms: u64) {
        for track in self.tracks.values_mut() {
            let is_new = track.is_judged && !track.is_suspected;
            if is_new && track.is_silent(now, node_timeout_ms) {
                track.is_suspected = true;
                self.has_changed = true;
            }
            if !track.suspects.is_empty() && now >= track.reported_at + STALE_MS {
                // What it said long ago is no news of anybody.
                track.suspects.clear();
                self.is_due = true;
            }
        }
    }

    /// Whether whom we suspect is different since the last time.
    pub(super) fn has_changed(&mut self) -> bool {
        self.is_due |= self.has_changed;
        std::mem::take(&mut self.has_changed)
    }

    /// Passes verdicts; returns those that are different.
    fn verdicts(&mut self, myself: NodeId, voters: &Electorate) -> Vec<(NodeId, Verdict)> {
        if !std::mem::take(&mut self.is_due) {
            return Vec::new();
        }
        let verdict = |node: NodeId, track: &Track| {
            let is_against = |voter: NodeId| match voter == myself {
                true => track.is_suspected,
                false => self
                    .tracks
                    .get(&voter)
                    .is_some_and(|voter| voter.suspects.contains(&node)),
            };
            match (voters.is_majority(is_against), track.is_suspected) {
                (true, _) => Verdict::Failed,
                (false, true) => Verdict::Suspected,
                (false, false) => Verdict::Reachable,
            }
        };
        let tracks = self.tracks.iter();
        let all = tracks.map(|(&node, track)| (node, track.shown.verdict, verdict(node, track)));
        let changed: Vec<(NodeId, Verdict)> = all
            .filter(|(_, before, now)| before != now)
            .map(|(node, _, now)| (node, now))
            .collect();
        for &(node, verdict) in &changed {
            if let Some(track) = self.tracks.get_mut(&node) {
                track.shown.verdict = verdict;
            }
        }
        changed
    }
}

impl Failover {
    /// Whom to ping: the voters, the own shard, and, as a voter, every primary that owns slots.
    pub(super) fn watch(&mut self, now: Now) {
        let Some(standpoint) = &self.standpoint else {
            return;
        };
        let topology = &standpoint.topology;
        let is_voter = standpoint.electorate.has(self.myself);
        let own_shard = topology.member(self.myself).map(|member| member.shard);
        let is_pinged = |node: NodeId| {
            let member = topology.member(node);
            let shard = member.map(|member| member.shard);
            let led = shard.and_then(|shard| topology.shards().get(&shard));
            let leads_slots = led.is_some_and(|led| led.primary == node && !led.slots.is_empty());
            standpoint.electorate.has(node) || shard == own_shard || (is_voter && leads_slots)
        };
        let others = topology.members().keys().copied();
        let others = others
            .filter(|&node| node != self.myself && own_shard.is_some())
            .map(|node| (node, is_pinged(node)))
            .collect();
        self.detector.watch(&others, is_voter, now.ms);
    }

    /// Whether it hears a majority of the voters, itself included if it votes.
    pub fn hears_majority(&self) -> bool {
        let Some(standpoint) = &self.standpoint else {
            return false;
        };
        let is_heard = |node| node == self.myself || self.detector.hears(node);
        standpoint.electorate.is_majority(is_heard)
    }

    /// Whether one is different.
    pub(super) fn look_at_verdicts(&mut self) -> bool {
        let Some(standpoint) = &self.standpoint else {
            return false;
        };
        let changed = self.detector.verdicts(self.myself, &standpoint.electorate);
        let is_different = !changed.is_empty();
        if is_different {
            self.tell_verdicts(&changed);
            self.effects.push(super::Effect::Verdicts(changed));
        }
        is_different
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_which_a_process_was_not_there_is_not_usual() {
        for (start, limit) in [(2, 400), (1, 1500)] {
            let mut track = Track::default();
            for round in 1..=50 {
                track.hear(1, round * 100);
            }
            track.hear(start, 8000);
            assert!(!track.is_silent(8000 + limit - 1, 2000));
            assert_eq!(track.is_silent(8000 + 400, 2000), start == 2);
        }
    }

    #[test]
    fn silence_is_too_long_when_it_is_unusual() {
        let mut track = Track::default();
        let mut now = 0;
        for _ in 0..50 {
            now += 100;
            track.hear(1, now);
        }
        let is_silent =
            |track: &Track, silence: u64| track.is_silent(track.heard_at + silence, 2000);
        assert!(!is_silent(&track, 399) && is_silent(&track, 400));
        for turn in 0..50 {
            now += [100, 300][turn % 2];
            track.hear(1, now);
        }
        assert!(!is_silent(&track, 900) && is_silent(&track, 1100));
        for turn in 0..50 {
            now += [100, 1500][turn % 2];
            track.hear(1, now);
        }
        assert!(
            !is_silent(&track, 1999) && is_silent(&track, 2000),
            "the cap"
        );
        assert!(track.is_silent(track.heard_at + 300, 300) && is_silent(&Track::default(), 2000));
    }

    #[test]
    fn who_was_linked_and_is_gone_is_missed_though_it_never_answered() {
        let mut track = Track::default();
        assert!(!track.is_silent(1999, 2000) && track.is_silent(2000, 2000));
        track.lost_at = Some(100);
        assert!(!track.is_silent(499, 2000) && track.is_silent(500, 2000));
    }

    #[test]
    fn a_lost_link_shortens_the_wait_by_a_quarter() {
        let mut track = Track::default();
        for round in 1..=50 {
            track.hear(1, round * 100);
        }
        track.lost_at = Some(5050);
        assert!(!track.is_silent(5349, 2000) && track.is_silent(5350, 2000));
        track.hear(1, 5340);
        assert!(!track.is_silent(5600, 2000), "it was heard after that");
    }
}
