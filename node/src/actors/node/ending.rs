//! The end of the node: what is to be saved is saved, the files are written out, then the threads stop.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, System, WrapFuture};
use tracing::{error, info, warn};

use super::NodeActor;
use super::messages::{Ending, Shutdown};
use crate::actors::persistence::messages::{Finish, SaveForEnd, SavedForEnd};
use crate::actors::shard::messages::{AnswerWaiter, Settle};
use crate::moment::now_ms;
use crate::params::ShutdownOptions;
use crate::pause::{FOR_EVER_MS, Purpose, Whom};

/// A command that takes longer is not waited for: it has not answered yet.
const PATIENCE: Duration = Duration::from_secs(2);

impl NodeActor {
    fn begin_end(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        let is_first = self.endings.is_empty();
        self.endings.push(ending);
        if !is_first {
            return;
        }
        info!("User requested shutdown...");
        self.node.set_ending(true);
        let (how, params) = (ending.how, self.node.params());
        let by_default = !params.save.is_empty() && !how.contains(ShutdownOptions::NOSAVE);
        match &self.persistence {
            Some(persistence) if by_default || how.contains(ShutdownOptions::SAVE) => {
                // What is acknowledged from here on would not be in the snapshot.
                let pause = &self.node.pause;
                pause.begin(Purpose::Ending, FOR_EVER_MS, Whom::Writers, now_ms());
                persistence.do_send(SaveForEnd(ctx.address().recipient()));
            }
            // While files are still read, nothing is saved over them.
            _ => self.stop(ctx),
        }
    }

    /// The node does not end.
    fn go_on(&mut self) {
        self.node.set_ending(false);
        self.node.pause.end(Purpose::Ending);
        let Some(shard) = self.shards.first() else {
            return;
        };
        for client in self.endings.drain(..).filter_map(|ending| ending.client) {
            shard.do_send(AnswerWaiter {
                client,
                answer: b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n",
            });
        }
    }

    /// First nobody new is let in and nothing more is run; then everything appended reaches the disk; then the threads end.
    fn stop(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        self.listener = None;
        let pause = &self.node.pause;
        pause.begin(Purpose::Ending, FOR_EVER_MS, Whom::All, now_ms());
        let shard = self.shards.first().cloned();
        let persistence = self.persistence.clone();
        let written = async move {
            // Whoever is gone has nothing to write.
            if let Some(shard) = shard {
                let _ = shard.send(Settle).timeout(PATIENCE).await;
            }
            if let Some(persistence) = persistence {
                let _ = persistence.send(Finish).await;
            }
        };
        ctx.spawn(written.into_actor(self).map(|(), me, _| {
            me.replication = None;
            me.pubsub = None;
            me.shards.clear();
            me.persistence = None;
            for arbiter in me.arbiters.drain(..).rev() {
                arbiter.stop();
            }
            info!("Almandine is now ready to exit, bye bye...");
            System::current().stop_with_code(0);
        }));
    }
}

impl Handler<Shutdown> for NodeActor {
    type Result = ();

    fn handle(&mut self, order: Shutdown, ctx: &mut Context<Self>) {
        match order {
            _ if self.is_stopping => {}
            Shutdown::Begin(ending) => self.begin_end(ending, ctx),
            Shutdown::Abort if self.endings.is_empty() => {}
            Shutdown::Abort => {
                warn!("Shutdown manually aborted");
                self.go_on();
            }
        }
    }
}

impl Handler<SavedForEnd> for NodeActor {
    type Result = ();

    fn handle(&mut self, SavedForEnd(is_saved): SavedForEnd, ctx: &mut Context<Self>) {
        if self.endings.is_empty() {
            return;
        }
        let endings = self.endings.iter();
        let is_forced = endings.fold(ShutdownOptions::empty(), |all, ending| {
            all.union(ending.how)
        });
        if is_saved {
            self.stop(ctx);
        } else if is_forced.contains(ShutdownOptions::FORCE) {
            warn!("Error trying to save the DB, exit anyway.");
            self.stop(ctx);
        } else {
            error!("Error trying to save the DB, can't exit.");
            self.go_on();
        }
    }
}
