//! The parameters of the running node. Started by `NodeActor`; carries out what a change of parameters means outside of
//! the shards, which read the published parameters at every batch.

pub mod messages;

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler};

use self::messages::ParametersChanged;
use super::lifeline::Lifeline;
use super::persistence::messages::FileOrder;
use crate::node::Node;
use crate::params::{Effect, Params};

/// Mailbox; bounds `send` only.
const MAILBOX: usize = 256;

/// See the module.
pub struct ConfigActor {
    node: Arc<Node>,
    _lifeline: Lifeline,
}

impl ConfigActor {
    /// Watches over the parameters of `node`.
    pub fn new(node: Arc<Node>, lifeline: Lifeline) -> Self {
        ConfigActor {
            node,
            _lifeline: lifeline,
        }
    }
}

impl ConfigActor {
    fn enter(&self, dir: &str) {
        if let Err(error) = std::env::set_current_dir(dir) {
            tracing::warn!(%error, dir, "the working directory cannot be entered");
        }
    }
}

/// Tools set parameters that do nothing here; the operator shall know.
fn warn_if_inert(name: &str) {
    if let Some((param, _)) = Params::find(name.as_bytes())
        && let Effect::Inert(why) = param.effect
    {
        tracing::warn!("'{name}' has no effect: {why}");
    }
}

impl Actor for ConfigActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX);
        // A second tree in one process would be a bug of the caller; the first keeps the line.
        let _ = self.node.config.set(ctx.address().recipient());
    }
}

impl Handler<ParametersChanged> for ConfigActor {
    type Result = ();

    fn handle(&mut self, ParametersChanged(names): ParametersChanged, _: &mut Context<Self>) {
        tracing::info!(parameters = names.join(" "), "parameters changed");
        let params = self.node.params();
        for name in &names {
            match name.as_str() {
                "loglevel" => (self.node.origin.set_log_level)(params.loglevel),
                "dir" => self.enter(&params.dir),
                "repl-backlog-size" | "client-output-buffer-limit" => {
                    self.node.journal.resize(params.journal_bounds());
                }
                name => warn_if_inert(name),
            }
        }
        // Files may begin, end, or be made durable in another way.
        if let Some(files) = self.node.files.get() {
            files.do_send(FileOrder::Reconfigure);
        }
    }
}
