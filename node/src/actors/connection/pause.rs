//! Waiting for the end of CLIENT PAUSE.

use std::time::Duration;

use actix::{AsyncContext, Context};

use super::{ConnectionActor, State};
use crate::moment::now_ms;
use crate::pause::Paused;

/// How often a connection looks whether the pause is over.
const POLL: Duration = Duration::from_millis(5);

impl ConnectionActor {
    /// The next request waits. Others see the client as blocked.
    pub(super) fn begin_pause(&mut self, ctx: &mut Context<Self>) -> State {
        self.paused = Some(Paused::new(self.node.clone()));
        self.client.profile().blocked = true;
        ctx.run_later(POLL, Self::look_at_pause);
        State::Paused
    }

    fn look_at_pause(&mut self, ctx: &mut Context<Self>) {
        let is_over = |paused: &Paused| paused.is_over(now_ms());
        if self.paused.as_ref().is_none_or(is_over) {
            self.paused = None;
            self.client.profile().blocked = false;
            self.resume(State::Paused);
        } else {
            ctx.run_later(POLL, Self::look_at_pause);
        }
    }
}
