//! How two clusters become one: CLUSTER MEET.
//!
//! ```text
//!   A ── Hello ──▶ B        each says how many it is and whether it holds data
//!   A ◀── Hello ── B        both come to the same judgement: one of them joins the other
//!   A ── Join ──▶ B         ... and asks again until it is in
//!   A ◀─ Accepted ─ B       the name under which it takes part; it forgets its own log, and gets a snapshot of the other
//! ```
//!
//! Only a cluster of one joins another. Who is joining takes nobody in, and who has taken somebody in does not join: nobody
//! is left behind in a log that has ended.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::{AGAIN, Machine, PATIENCE, admission};
use crate::frame::{Body, Hello, Standing};
use crate::id::{ClusterId, NodeId};
use crate::raft::Engine;
use crate::raft::state::Seat;
use crate::record::{Generation, Identity, Joining};
use crate::slot::SlotSet;
use crate::topology::{Address, Applied, RaftId, Refusal, Role};

/// Ticks for which a node asks to be taken in before it would ask others (30 s).
const LOYALTY: u32 = 1200;
/// Clients whose MEET waits.
const MEETINGS_MAX: usize = 1024;

/// A client waits until the node at an address is in the same cluster as this one.
#[derive(Debug)]
pub(super) struct Meeting {
    client: u64,
    ip: IpAddr,
    bus_port: u16,
    /// Once it has answered.
    node: Option<NodeId>,
    age: u32,
}

/// Who joins whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judgement {
    WeJoin,
    TheyJoin,
    Neither,
}

fn judge(us: (Standing, NodeId), them: (Standing, NodeId)) -> Judgement {
    match (us.0.members > 1, them.0.members > 1) {
        (true, true) => return Judgement::Neither,
        (false, true) => return Judgement::WeJoin,
        (true, false) => return Judgement::TheyJoin,
        (false, false) => {}
    }
    // Who holds data stays, then who has the higher epoch, then the smaller name.
    let weight = |(standing, _): (Standing, NodeId)| (standing.holds_data, standing.epoch);
    match weight(us).cmp(&weight(them)).then(them.1.cmp(&us.1)) {
        Ordering::Less => Judgement::WeJoin,
        _ => Judgement::TheyJoin,
    }
}

impl Machine {
    pub(super) fn meet(&mut self, client: u64, ip: IpAddr, bus_port: u16) {
        if self.meetings.len() >= MEETINGS_MAX {
            let text = "TRYAGAIN Too many nodes are being met";
            return self.answer(client, Err(Refusal(text.to_owned())));
        }
        self.meetings.push(Meeting {
            client,
            ip,
            bus_port,
            node: None,
            age: 0,
        });
        self.dial(ip, bus_port);
    }

    fn dial(&mut self, ip: IpAddr, bus_port: u16) {
        let frame = self.frame(self.introduction(Some(ip), false));
        self.effects.push(super::Effect::Dial {
            ip,
            bus_port,
            frame,
        });
    }

    fn introduction(&self, you: Option<IpAddr>, is_answer: bool) -> Body {
        Body::Hello(Hello {
            standing: self.standing(),
            address: self.address.clone(),
            you,
            is_answer,
        })
    }

    pub(super) fn hello(
        &mut self,
        from: NodeId,
        cluster: ClusterId,
        hello: Hello,
        seen: Option<IpAddr>,
    ) {
        if self.address.ip.is_none() {
            // Nobody has said yet how this node is reached.
            self.address.ip = hello.you;
        }
        self.note_who_answers(from, &hello, seen);
        let is_ours = cluster == self.identity.cluster;
        let judgement = match is_ours {
            true => None,
            false => Some(judge(
                (self.standing(), self.identity.node),
                (hello.standing, from),
            )),
        };
        match judgement {
            Some(Judgement::WeJoin) => self.begin_joining(from, &hello.address, seen),
            Some(Judgement::Neither) => self.refuse(from),
            Some(Judgement::TheyJoin) | None => {}
        }
        if !hello.is_answer {
            let body = self.introduction(seen, true);
            self.send(from, body);
        }
        self.look_at_meetings();
    }

    fn note_who_answers(&mut self, from: NodeId, hello: &Hello, seen: Option<IpAddr>) {
        for meeting in &mut self.meetings {
            let is_it = meeting.bus_port == hello.address.bus_port
                && [seen, hello.address.ip].contains(&Some(meeting.ip));
            if is_it || meeting.node == Some(from) {
                meeting.node = Some(from);
            }
        }
    }

    /// Clusters of several nodes are not merged: an address that was given to somebody else would be enough.
    fn refuse(&mut self, from: NodeId) {
        let is_it = |meeting: &Meeting| meeting.node == Some(from);
        let refused: Vec<Meeting> = self
            .meetings
            .extract_if(.., |meeting| is_it(meeting))
            .collect();
        for meeting in refused {
            let text = "ERR Two clusters of several nodes are not merged: reset the nodes of one of them first";
            self.answer(meeting.client, Err(Refusal(text.to_owned())));
        }
    }

    fn begin_joining(&mut self, by: NodeId, address: &Address, seen: Option<IpAddr>) {
        // Where it has asked it may be counted in already: it goes elsewhere only if nothing comes of that.
        let asks = self.identity.joining.is_some() && self.join_age < LOYALTY;
        // What a client has been told must come along, so nothing may be under way that is not told yet.
        let is_busy = self.asks.is_under_way() || !self.wanted.is_empty();
        if asks || is_busy || !self.is_alone() {
            return;
        }
        self.identity.join += 1;
        self.identity.joining = Some(Joining {
            by,
            address: Address {
                ip: address.ip.or(seen),
                ..address.clone()
            },
        });
        self.join_age = 0;
        // The number must not be used again.
        let identity = crate::record::of_identity(&self.identity);
        self.persist(vec![identity], super::Pending::Nothing);
    }

    fn is_alone(&self) -> bool {
        self.topology().members().len() == 1 && self.knows_the_log()
    }

    fn seat(&self) -> Seat {
        let topology = self.topology();
        let shard = match topology.role(self.identity.node) {
            Some(Role::Primary(shard)) => topology.shards().get(&shard),
            _ => None,
        };
        Seat {
            admission: admission(&self.identity, &self.address),
            shard: self.identity.shard,
            slots: shard.map_or_else(SlotSet::default, |shard| shard.slots.clone()),
            epoch: shard.map_or(0, |shard| shard.epoch),
        }
    }

    /// A node wants to be taken in; by this line or a higher one of its own cluster, if `line` is given.
    pub(super) fn join(&mut self, mut seat: Seat, line: Option<Generation>, seen: Option<IpAddr>) {
        let is_higher = line.is_some_and(|line| line > self.identity.generation);
        if self.identity.joining.is_some() || !self.knows_the_log() || is_higher {
            return;
        }
        if seat.admission.address.ip.is_none() {
            seat.admission.address.ip = seen;
        }
        if !self.engine.is_leader() {
            if let Some(leader) = self.node_of(self.engine.leader()) {
                self.send(leader, Body::Join { seat, line });
            }
            return;
        }
        let node = seat.admission.node;
        let join = seat.admission.join;
        let member = self.topology().member(node);
        match member.map(|member| (member.join.cmp(&join), self.takes_part(member.raft_id))) {
            // It did not hear that it is in.
            Some((Ordering::Equal, true)) => {
                self.welcome_one(node, join);
            }
            // A copy of an old request must not remove a live member.
            Some((Ordering::Greater, _)) => {}
            // It was let go while it was in a lower line.
            None if line.is_some() && self.topology().has_left(node) => {
                self.send(node, Body::Dismissed { join });
            }
            // It has left since.
            None if self.engine.state().has_joined(node, join) => {}
            Some((Ordering::Less | Ordering::Equal, _)) | None => {
                self.wanted.insert(node, seat);
                self.govern();
            }
        }
    }

    pub(super) fn accepted(
        &mut self,
        by: NodeId,
        cluster: ClusterId,
        generation: Generation,
        raft_id: RaftId,
        join: u64,
    ) {
        // Whom it asked may have joined others since, and passed the request on.
        let is_own = cluster == self.identity.cluster;
        let is_fit = match self.identity.superior {
            Some(superior) => is_own && generation >= superior,
            None => !is_own && self.is_alone(),
        };
        let is_awaited = is_fit && self.identity.joining.is_some() && join == self.identity.join;
        if raft_id == 0 || (is_own && !is_awaited) {
            return;
        }
        if !is_awaited {
            return self.send(by, Body::Elsewhere { join });
        }
        let identity = Identity {
            cluster,
            generation,
            raft_id,
            sponsor: self.identity.joining.clone(),
            joining: None,
            superior: None,
            ..self.identity
        };
        // Until the first snapshot is here, the node shows what it was.
        let log = Engine::empty_log(self.engine.state().clone());
        self.begin_log(identity, log, Vec::new(), None);
    }

    pub(super) fn tick_meetings(&mut self) {
        self.ask_to_join();
        let mut again = Vec::new();
        let mut late = Vec::new();
        for meeting in &mut self.meetings {
            meeting.age += 1;
            match meeting.age {
                PATIENCE.. => late.push((meeting.client, meeting.node.is_some())),
                age if age % AGAIN == 0 => again.push((meeting.ip, meeting.bus_port)),
                _ => {}
            }
        }
        self.meetings.retain(|meeting| meeting.age < PATIENCE);
        for (ip, bus_port) in again {
            self.dial(ip, bus_port);
        }
        for (client, has_answered) in late {
            let text = match has_answered {
                true => "CLUSTERDOWN The node could not be taken in within five seconds",
                false => "ERR The node does not answer at its bus port",
            };
            self.answer(client, Err(Refusal(text.to_owned())));
        }
    }

    fn ask_to_join(&mut self) {
        let Some(joining) = self.identity.joining.clone() else {
            return;
        };
        if self.join_age.is_multiple_of(AGAIN) {
            let turn = self.join_age / AGAIN;
            let (by, address) = (joining.by, Some(joining.address));
            let elsewhere = self.somebody(turn / 2).filter(|_| self.is_superseded());
            // Who has told of a higher line may be gone by now; others may be in it.
            let (to, address) = match elsewhere {
                Some(elsewhere) if turn % 2 == 1 => elsewhere,
                _ => (by, address),
            };
            let (seat, line) = (self.seat(), self.identity.superior);
            self.send_to(to, address, Body::Join { seat, line });
        }
        self.join_age = self.join_age.wrapping_add(1);
    }

    /// Whoever is in the same cluster now has been met.
    pub(super) fn look_at_meetings(&mut self) {
        let members = self.topology();
        let is_met = |meeting: &Meeting| {
            let member = meeting.node.filter(|&node| members.member(node).is_some());
            member.is_some() && self.knows_the_log()
        };
        let met: Vec<u64> = self
            .meetings
            .iter()
            .filter(|meeting| is_met(meeting))
            .map(|meeting| meeting.client)
            .collect();
        self.meetings
            .retain(|meeting| !met.contains(&meeting.client));
        for client in met {
            self.answer(client, Ok(Applied::Done));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(members: u32, holds_data: bool, epoch: u64) -> Standing {
        Standing {
            members,
            holds_data,
            epoch,
        }
    }

    #[test]
    fn both_sides_come_to_the_same_judgement() {
        let standings = [
            standing(1, false, 0),
            standing(1, false, 5),
            standing(1, true, 0),
            standing(1, true, 2),
            standing(3, false, 0),
        ];
        let (a, b) = (NodeId::new([1; 20]), NodeId::new([2; 20]));
        for us in standings {
            for them in standings {
                let (ours, theirs) = (judge((us, a), (them, b)), judge((them, b), (us, a)));
                let expected = match ours {
                    Judgement::WeJoin => Judgement::TheyJoin,
                    Judgement::TheyJoin => Judgement::WeJoin,
                    Judgement::Neither => Judgement::Neither,
                };
                assert_eq!(theirs, expected, "{us:?} {them:?}");
            }
        }
        let judge = |us, them| judge((us, b), (them, a));
        assert_eq!(judge(standings[0], standings[4]), Judgement::WeJoin);
        assert_eq!(judge(standings[2], standings[1]), Judgement::TheyJoin);
        assert_eq!(judge(standings[3], standings[2]), Judgement::TheyJoin);
        assert_eq!(judge(standings[0], standings[0]), Judgement::WeJoin);
        assert_eq!(judge(standings[4], standings[4]), Judgement::Neither);
    }
}
