//! The subscriptions of the node. Started by `NodeActor` on the shard's thread, whose commands borrow the table directly;
//! everybody else publishes by message.

pub mod messages;

use std::cell::RefCell;
use std::rc::Rc;

use actix::{Actor, Context, Handler};

use self::messages::Publish;
use super::lifeline::Lifeline;
use crate::pubsub::Subscriptions;
use crate::shard::Next;

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 4096;

/// See the module.
pub struct PubSubActor {
    subscriptions: Rc<RefCell<Subscriptions>>,
    _lifeline: Lifeline,
}

impl PubSubActor {
    /// Nobody listens yet.
    pub fn new(lifeline: Lifeline) -> Self {
        PubSubActor {
            subscriptions: Rc::default(),
            _lifeline: lifeline,
        }
    }

    /// For the shard of this thread.
    pub fn local(&self) -> Rc<RefCell<Subscriptions>> {
        self.subscriptions.clone()
    }
}

impl Actor for PubSubActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Publish> for PubSubActor {
    type Result = usize;

    fn handle(
        &mut self,
        Publish {
            kind,
            channel,
            message,
        }: Publish,
        _: &mut Context<Self>,
    ) -> usize {
        self.subscriptions
            .borrow()
            .publish(kind, &channel, &message, &mut |client, bytes| {
                client.deliver(bytes.to_vec(), Next::Nothing, None);
            })
    }
}
