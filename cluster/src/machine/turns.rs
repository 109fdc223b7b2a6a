//! What the log wants done, turn by turn: what must be durable goes to the disk, and the rest follows when it is.

use super::{Effect, Machine};
use crate::frame::Body;
use crate::raft::{Answered, Engine, Log, Progress, Turn};
use crate::record::{self, Identity, Write};
use crate::switches::{Rule, is_off};
use crate::topology::Applied;

/// What follows when the disk is done.
#[derive(Debug)]
pub(super) enum Pending {
    Nothing,
    Turn(Box<Turn>),
    /// The members are others.
    Members(Box<Progress>),
    /// The log is another one.
    Log(Box<Beginning>),
}

/// A log that the node has from now on.
#[derive(Debug)]
pub(super) struct Beginning {
    identity: Identity,
    engine: Engine,
    /// Requests that are decided by it.
    answers: Vec<Answered>,
    /// Who waits for it.
    client: Option<u64>,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.stored.fmt(f)
    }
}

impl Machine {
    /// Does what there is to do, until the disk has something to keep.
    pub(super) fn pump(&mut self) {
        while self.pending.is_none() {
            if let Some(turn) = self.engine.turn() {
                let log = self.engine.log();
                let writes = record::of_turn(&turn.stored, log, &mut self.held);
                match writes.is_empty() {
                    true => self.finish(turn),
                    false if is_off(Rule::PersistThenSend) => {
                        self.persist(writes, Pending::Nothing);
                        self.pending = None;
                        self.finish(turn);
                    }
                    false => self.persist(writes, Pending::Turn(Box::new(turn))),
                }
            } else if let Some(gone) = self.engine.compact() {
                let log = self.engine.log();
                let mut writes = vec![record::of_state(log), record::of_hard(log.hard())];
                writes.extend(record::without_entries(gone.clone()));
                self.held.start = gone.end;
                self.persist(writes, Pending::Nothing);
            } else {
                break;
            }
        }
        if self.leader != self.engine.leader() {
            self.leader = self.engine.leader();
            if !self.engine.is_leader() {
                self.wanted.clear();
                self.leaving.clear();
            }
            self.currency.hurry();
            self.effects.push(Effect::Changed);
        }
        self.look_at_tail();
        self.look_at_currency();
        self.look_at_forcing();
    }

    fn look_at_tail(&mut self) {
        let may_be_deposed = self.may_be_deposed();
        if self.deposable != may_be_deposed {
            self.deposable = may_be_deposed;
            self.effects.push(Effect::Changed);
        }
    }

    pub(super) fn persist(&mut self, writes: Vec<Write>, then: Pending) {
        self.number += 1;
        self.pending = Some(then);
        let number = self.number;
        self.effects.push(Effect::Persist { number, writes });
    }

    /// A founder has nothing on its disk.
    pub(super) fn persist_first(&mut self) {
        let writes = whole(&self.identity, self.engine.log());
        self.persist(writes, Pending::Nothing);
    }

    pub(super) fn persisted(&mut self) {
        match self.pending.take() {
            Some(Pending::Turn(turn)) => self.finish(*turn),
            Some(Pending::Members(progress)) => self.tell(*progress),
            Some(Pending::Log(beginning)) => self.install(*beginning),
            Some(Pending::Nothing) if !self.is_superseded() => self.engine.lead_if_alone(),
            Some(Pending::Nothing) => {}
            None => {}
        }
        self.pump();
    }

    fn finish(&mut self, turn: Turn) {
        if turn.stored.changes_members() {
            // Whoever counts on the voters of before knows it before another counts on those of after.
            self.effects.push(Effect::Changed);
        }
        // Nobody leads in its place before it knows that somebody may.
        self.look_at_tail();
        let progress = self.engine.finish(turn);
        if progress.is_stuck {
            let reason = "the cluster has decided something that this version does not understand";
            self.effects.push(Effect::Halt {
                reason: reason.to_owned(),
            });
        } else if progress.has_new_members {
            // Who hears that it is out goes for good. Of two voters the other must not forget then that this is decided: it
            // could not decide it again.
            let commit = record::of_hard(self.engine.log().hard());
            self.persist(vec![commit], Pending::Members(Box::new(progress)));
        } else {
            self.tell(progress);
        }
    }

    fn tell(&mut self, progress: Progress) {
        for (question, index) in progress.indexes {
            self.learn_index(&question, index);
        }
        for message in progress.messages {
            let to = message.to;
            let body = Body::Raft(Engine::to_bytes(&message));
            if let Some(node) = self.node_of(to) {
                self.send(node, body);
            }
        }
        if progress.has_changed {
            self.effects.push(Effect::Changed);
        }
        self.tell_answers(progress.answers);
        if progress.has_changed {
            self.welcome();
            self.look_at_meetings();
            self.look_at_myself();
        }
    }

    fn tell_answers(&mut self, answers: Vec<Answered>) {
        for answer in answers {
            if answer.origin == self.identity.node {
                self.answered(answer.stamp, answer.outcome);
            }
        }
    }

    /// From here on the node's log is this one, as soon as that is durable. Then those hear it who wait for it.
    pub(super) fn begin_log(
        &mut self,
        identity: Identity,
        log: Log,
        answers: Vec<Answered>,
        client: Option<u64>,
    ) {
        let mut writes: Vec<Write> = record::without_entries(self.held.clone()).collect();
        writes.extend(whole(&identity, &log));
        match Engine::new(identity.raft_id, log) {
            Ok(engine) => {
                let beginning = Beginning {
                    identity,
                    engine,
                    answers,
                    client,
                };
                if is_off(Rule::LogsAreDurable) {
                    self.install(beginning);
                    return self.persist(writes, Pending::Nothing);
                }
                self.persist(writes, Pending::Log(Box::new(beginning)));
            }
            Err(reason) => self.effects.push(Effect::Halt { reason }),
        }
    }

    fn install(&mut self, beginning: Beginning) {
        self.identity = beginning.identity;
        self.engine = beginning.engine;
        let first = self.engine.log().floor().0 + 1;
        self.held = first..first;
        self.farewell = None;
        self.lost = 0;
        self.wanted.clear();
        self.leaving.clear();
        self.routes.clear();
        self.leader = 0;
        self.currency.begin();
        self.note_place();
        self.effects.push(Effect::Changed);
        self.tell_answers(beginning.answers);
        if let Some(client) = beginning.client {
            self.answer(client, Ok(Applied::Done));
        }
        self.engine.lead_if_alone();
    }
}

/// All records of a node but its entries.
fn whole(identity: &Identity, log: &Log) -> Vec<Write> {
    vec![
        record::of_identity(identity),
        record::of_state(log),
        record::of_hard(log.hard()),
    ]
}
