//! What clients want of the cluster, until it is done: the machine answers each order by a number of ours.

use std::collections::{BTreeMap, VecDeque};

use almandine_cluster::machine::{Event, Order};
use almandine_cluster::topology::{Applied, Refusal};

use super::messages::{Force, Wanted, Wish};
use crate::actors::shard::messages::Decided;

/// Who is told of a wish.
#[derive(Debug)]
pub(super) enum Told {
    Machine(Box<Event>),
    /// CLUSTER FAILOVER: the failure detector, or the machine.
    FailOver {
        client: u64,
        force: Force,
    },
    /// CLUSTER FAILOVER ABORT: the failure detector.
    AbortFailover {
        client: u64,
    },
}

impl Told {
    fn machine(event: Event) -> Told {
        Told::Machine(Box::new(event))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    number: u64,
    /// By the number of the order that is under way.
    under_way: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// None = no client waits: the node itself wants it.
    ticket: Option<u64>,
    rest: VecDeque<Order>,
}

impl Wishes {
    /// What the machine is told first, or the answer if there is nothing to do.
    pub(super) fn begin(&mut self, wish: Wish) -> Result<Told, Decided> {
        let ticket = Some(wish.ticket);
        match wish.wanted {
            Wanted::Orders(orders) => {
                let mut rest = VecDeque::from(orders);
                match rest.pop_front() {
                    Some(order) => Ok(Told::machine(self.order(order, Waiting { ticket, rest }))),
                    None => Err(done(wish.ticket)),
                }
            }
            Wanted::Meet { ip, bus_port } => {
                let client = self.wait(Waiting::last(ticket));
                Ok(Told::machine(Event::Meet {
                    client,
                    ip,
                    bus_port,
                }))
            }
            Wanted::Reset { is_hard, .. } => {
                let client = self.wait(Waiting::last(ticket));
                Ok(Told::machine(Event::Reset { client, is_hard }))
            }
            Wanted::FailOver(force) => {
                let client = self.wait(Waiting::last(ticket));
                Ok(Told::FailOver { client, force })
            }
            Wanted::AbortFailover => {
                let client = self.wait(Waiting::last(ticket));
                Ok(Told::AbortFailover { client })
            }
            Wanted::Save => Err(done(wish.ticket)),
        }
    }

    /// The number of something that the node itself wants.
    pub(super) fn own(&mut self) -> u64 {
        self.wait(Waiting::last(None))
    }

    /// The machine has answered: what it is told next, or whoever is told now.
    pub(super) fn go_on(
        &mut self,
        client: u64,
        outcome: Result<Applied, Refusal>,
    ) -> Option<Result<Event, Decided>> {
        let mut waiting = self.under_way.remove(&client)?;
        let next = match outcome {
            Ok(_) => waiting.rest.pop_front(),
            Err(_) => None,
        };
        match next {
            Some(order) => Some(Ok(self.order(order, waiting))),
            None => {
                let ticket = waiting.ticket?;
                Some(Err(Decided { ticket, outcome }))
            }
        }
    }

    fn order(&mut self, order: Order, waiting: Waiting) -> Event {
        let client = self.wait(waiting);
        Event::Propose { client, order }
    }

    fn wait(&mut self, waiting: Waiting) -> u64 {
        self.number += 1;
        self.under_way.insert(self.number, waiting);
        self.number
    }
}

impl Waiting {
    fn last(ticket: Option<u64>) -> Waiting {
        Waiting {
            ticket,
            rest: VecDeque::new(),
        }
    }
}

fn done(ticket: u64) -> Decided {
    Decided {
        ticket,
        outcome: Ok(Applied::Done),
    }
}

#[cfg(test)]
mod tests {
    use almandine_cluster::id::NodeId;

    use super::*;

    fn orders(count: u8) -> Wanted {
        let forget = |node| Order::Forget(NodeId::new([node; 20]));
        Wanted::Orders((0..count).map(forget).collect())
    }

    fn told(told: Told) -> Event {
        match told {
            Told::Machine(event) => *event,
            other => panic!("{other:?}"),
        }
    }

    fn client(event: &Event) -> u64 {
        match event {
            Event::Propose { client, .. } => *client,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn orders_of_one_wish_go_one_after_the_other_and_are_answered_once() {
        let mut wishes = Wishes::default();
        let first = wishes.begin(Wish {
            ticket: 7,
            wanted: orders(2),
        });
        let first = client(&told(first.expect("there is an order")));
        let second = wishes.go_on(first, Ok(Applied::Done));
        let second = client(&second.expect("known").expect("another order"));
        let end = wishes.go_on(second, Ok(Applied::Done));
        let end = end.expect("known").expect_err("no more orders");
        assert_eq!((end.ticket, end.outcome), (7, Ok(Applied::Done)));
        assert!(wishes.go_on(second, Ok(Applied::Done)).is_none());
    }

    #[test]
    fn a_refusal_ends_the_orders_of_its_wish() {
        let mut wishes = Wishes::default();
        let first = wishes.begin(Wish {
            ticket: 7,
            wanted: orders(3),
        });
        let first = client(&told(first.expect("there is an order")));
        let refusal = Refusal("ERR no".to_owned());
        let end = wishes.go_on(first, Err(refusal.clone()));
        let end = end.expect("known").expect_err("no more orders");
        assert_eq!((end.ticket, end.outcome), (7, Err(refusal)));
    }

    #[test]
    fn what_the_node_itself_wants_answers_nobody() {
        let mut wishes = Wishes::default();
        let own = wishes.own();
        assert!(wishes.go_on(own, Ok(Applied::Done)).is_none());
    }
}
