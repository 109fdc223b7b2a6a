//! What this node wants of the cluster. One thing at a time, asked again until the log says that it is done: a message may be
//! lost, a leader may go. The log tells copies apart by their stamp.

use std::collections::VecDeque;

use super::{AGAIN, Machine, PATIENCE};
use crate::frame::Body;
use crate::raft::state::{Order, Request, Stamp};
use crate::topology::{Applied, Refusal};

/// Clients that wait for their turn.
const QUEUE_MAX: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Asks {
    number: u64,
    current: Option<Asking>,
    queue: VecDeque<Waiting>,
}

/// Who wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// The machine itself.
    Nobody,
    Client(u64),
    /// Its failover: see `force.rs`.
    Failover,
}

#[derive(Debug)]
struct Asking {
    request: Request,
    by: Asker,
    age: u32,
}

#[derive(Debug)]
struct Waiting {
    order: Order,
    by: Asker,
    age: u32,
}

impl Asks {
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// Whether the cluster has been asked for something, and has not answered yet.
    pub(super) fn is_under_way(&self) -> bool {
        self.current.is_some()
    }

    /// What is asked for now is not wanted any more.
    pub(super) fn forget(&mut self) {
        self.current = None;
    }

    /// The node has gone; the log that it was to be let go from will not say so any more.
    pub(super) fn forget_leaving(&mut self) {
        self.queue.retain(|waiting| waiting.order != Order::Leave);
        self.current
            .take_if(|asking| asking.request.order == Order::Leave);
    }

    /// The failover is not wanted any more.
    pub(super) fn forget_failover(&mut self) {
        self.queue.retain(|waiting| waiting.by != Asker::Failover);
        self.current.take_if(|asking| asking.by == Asker::Failover);
    }

    /// Clients whose turn does not come. They are not kept in the queue.
    fn late(&mut self) -> Vec<u64> {
        let mut late = Vec::new();
        self.queue.retain_mut(|waiting| {
            waiting.age += 1;
            match waiting.by {
                Asker::Client(client) if waiting.age > PATIENCE => {
                    late.push(client);
                    false
                }
                _ => true,
            }
        });
        late
    }
}

impl Machine {
    pub(super) fn ask(&mut self, by: Asker, order: Order) {
        if self.asks.queue.len() >= QUEUE_MAX {
            if let Asker::Client(client) = by {
                let text = "TRYAGAIN Too many changes of the cluster wait";
                self.answer(client, Err(Refusal(text.to_owned())));
            }
            return;
        }
        self.asks.queue.push_back(Waiting { order, by, age: 0 });
        self.ask_next();
    }

    /// While the node asks others to take it in, its own log is not changed any more: they would never hear of that.
    fn ask_next(&mut self) {
        let is_going = self.identity.joining.is_some();
        if self.asks.current.is_some() || is_going || !self.knows_the_log() {
            return;
        }
        let Some(Waiting { order, by, age }) = self.asks.queue.pop_front() else {
            return;
        };
        self.asks.number += 1;
        let request = Request {
            origin: self.identity.node,
            stamp: Stamp {
                start: self.identity.start,
                number: self.asks.number,
            },
            order,
        };
        self.asks.current = Some(Asking {
            request: request.clone(),
            by,
            age,
        });
        self.carry(request);
    }

    /// To the leader, whoever it is.
    fn carry(&mut self, request: Request) {
        if self.engine.is_leader() {
            self.take(request);
        } else if let Some(leader) = self.node_of(self.engine.leader()) {
            self.send(leader, Body::Ask(request));
        }
    }

    /// The leader has got a request.
    pub(super) fn take(&mut self, request: Request) {
        if !self.engine.is_leader() {
            return;
        }
        let goes = match request.order {
            // Refused where all see it.
            Order::Forget(node) if node == request.origin => None,
            Order::Forget(node) => Some(node),
            Order::Leave => Some(request.origin),
            Order::Change(_) => None,
        };
        match goes.filter(|&node| self.topology().member(node).is_some()) {
            Some(_) if self.leaving.contains(&request) => {}
            Some(_) => {
                self.leaving.push(request);
                self.govern();
            }
            // It is refused only where it will be asked again.
            None => {
                self.engine.propose(&request);
            }
        }
    }

    /// The log has come to a request of this node.
    pub(super) fn answered(&mut self, stamp: Stamp, outcome: Result<Applied, Refusal>) {
        let is_awaited = |asking: &mut Asking| asking.request.stamp == stamp;
        let Some(asking) = self.asks.current.take_if(is_awaited) else {
            return;
        };
        match asking.by {
            Asker::Client(client) => self.answer(client, outcome),
            Asker::Failover => self.promoted(outcome),
            Asker::Nobody => {
                if asking.request.order == Order::Leave
                    && let Err(refusal) = outcome
                    && let Some(resetting) = self.resetting.take()
                {
                    self.answer(resetting.client, Err(refusal));
                }
            }
        }
        self.ask_next();
    }

    pub(super) fn tick_asks(&mut self) {
        for client in self.asks.late() {
            let text = "CLUSTERDOWN The cluster could not be asked for the change; it was not made";
            self.answer(client, Err(Refusal(text.to_owned())));
        }
        let Some(asking) = &mut self.asks.current else {
            return self.ask_next();
        };
        asking.age += 1;
        let Request { origin, stamp, .. } = asking.request;
        let is_late = asking.age > PATIENCE && matches!(asking.by, Asker::Client(_));
        if self.engine.state().has_dealt_with(origin, stamp) {
            let text = "CLUSTERDOWN The cluster has dealt with the change, and what became of it is not known here";
            return self.answered(stamp, Err(Refusal(text.to_owned())));
        }
        if is_late {
            let text = "CLUSTERDOWN No majority has confirmed the change; it may still be made";
            return self.answered(stamp, Err(Refusal(text.to_owned())));
        }
        if asking.age % AGAIN == 0 && self.identity.joining.is_none() {
            let request = asking.request.clone();
            self.carry(request);
        }
    }
}
