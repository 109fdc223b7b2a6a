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
    queue: VecDeque<(Option<u64>, Order)>,
}

#[derive(Debug)]
struct Asking {
    request: Request,
    client: Option<u64>,
    age: u32,
}

impl Asks {
    pub(super) fn is_idle(&self) -> bool {
        self.current.is_none() && self.queue.is_empty()
    }

    /// What is asked for now is not wanted any more.
    pub(super) fn forget(&mut self) {
        self.current = None;
    }
}

impl Machine {
    pub(super) fn ask(&mut self, client: Option<u64>, order: Order) {
        if self.asks.queue.len() >= QUEUE_MAX {
            if let Some(client) = client {
                let text = "TRYAGAIN Too many changes of the cluster wait";
                self.answer(client, Err(Refusal(text.to_owned())));
            }
            return;
        }
        self.asks.queue.push_back((client, order));
        self.ask_next();
    }

    fn ask_next(&mut self) {
        if self.asks.current.is_some() || !self.knows_the_log() {
            return;
        }
        let Some((client, order)) = self.asks.queue.pop_front() else {
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
            client,
            age: 0,
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
        if let Some(client) = asking.client {
            self.answer(client, outcome);
        } else if asking.request.order == Order::Leave
            && let Err(refusal) = outcome
            && let Some(resetting) = self.resetting.take()
        {
            self.answer(resetting.client, Err(refusal));
        }
        self.ask_next();
    }

    pub(super) fn tick_asks(&mut self) {
        let Some(asking) = &mut self.asks.current else {
            return self.ask_next();
        };
        asking.age += 1;
        if asking.age > PATIENCE && asking.client.is_some() {
            let client = asking.client.take();
            self.asks.current = None;
            if let Some(client) = client {
                let text = "CLUSTERDOWN No majority has confirmed the change; it may still be made";
                self.answer(client, Err(Refusal(text.to_owned())));
            }
            return self.ask_next();
        }
        if asking.age % AGAIN == 0 {
            let request = asking.request.clone();
            self.carry(request);
        }
    }
}
