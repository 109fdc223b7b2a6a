//! The end of the node: somebody else leads its shard, the replicas have everything, what is to be saved is saved, the files are
//! written out, then the threads stop.
//!
//! ```text
//!   Begin ──▶ hand over ──▶ catch up ──▶ save ──▶ stop
//!               └────────────┴── shutdown-timeout; not with NOW or FORCE
//! ```

use std::time::{Duration, Instant};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, System, WrapFuture};
use almandine_cluster::failover::Departed;
use tracing::{error, info, warn};

use super::NodeActor;
use super::messages::{Ending, HasDeparted, Shutdown};
use crate::actors::failure_detector::messages::Depart;
use crate::actors::persistence::messages::{Finish, SaveForEnd, SavedForEnd};
use crate::actors::replication::messages::AskForAcknowledgements;
use crate::actors::shard::messages::{AnswerWaiter, Settle};
use crate::moment::now_ms;
use crate::params::ShutdownOptions;
use crate::pause::{FOR_EVER_MS, Purpose, Whom};

/// A command that takes longer is not waited for: it has not answered yet.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often replicas are looked at that lag.
const CATCH_UP_POLL: Duration = Duration::from_millis(10);
/// Clients whose writes have waited for the new primary hear who that is before their connections end.
const FAREWELL: Duration = Duration::from_millis(100);
/// Options with which nobody is waited for.
const AT_ONCE: ShutdownOptions = ShutdownOptions::NOW.union(ShutdownOptions::FORCE);

impl NodeActor {
    fn begin_end(&mut self, ending: Ending, ctx: &mut Context<Self>) {
        let is_first = self.endings.is_empty();
        self.endings.push(ending);
        if !is_first {
            return;
        }
        info!("User requested shutdown...");
        self.node.set_ending(true);
        let patience = Duration::from_secs(self.node.params().shutdown_timeout);
        self.end_number += 1;
        self.end_by = Some(Instant::now() + patience);
        // Whoever reads its files still has nothing that others lack.
        let waits = !ending.how.intersects(AT_ONCE) && self.persistence.is_some();
        match (&self.config, &self.node.cluster) {
            _ if !waits || patience.is_zero() => self.save(ctx),
            (Some(config), Some(_)) => config.do_send(Depart::Begin {
                number: self.end_number,
                patience_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
                tell: ctx.address().recipient(),
            }),
            _ => self.catch_up(ctx),
        }
    }

    fn count_in_sync(&self) -> (usize, usize) {
        let (replication, offset) = (&self.node.replication, self.node.journal.offset());
        let in_sync = replication.count_acknowledged(offset, false);
        (in_sync, replication.replicas().len())
    }

    /// What is acknowledged is to be on the replicas.
    fn catch_up(&mut self, ctx: &mut Context<Self>) {
        let (in_sync, count) = self.count_in_sync();
        if in_sync == count {
            return self.save(ctx);
        }
        info!("Waiting for replicas before shutting down.");
        let pause = &self.node.pause;
        pause.begin(Purpose::Ending, FOR_EVER_MS, Whom::Writers, now_ms());
        if let Some(replication) = &self.replication {
            replication.do_send(AskForAcknowledgements);
        }
        self.catching_up = Some(ctx.run_interval(CATCH_UP_POLL, Self::look_at_replicas));
    }

    fn look_at_replicas(&mut self, ctx: &mut Context<Self>) {
        let (in_sync, count) = self.count_in_sync();
        let is_late = self.end_by.is_none_or(|end_by| Instant::now() >= end_by);
        if in_sync < count && !is_late {
            return;
        }
        if let Some(poll) = self.catching_up.take() {
            ctx.cancel_future(poll);
        }
        for replica in self.node.replication.replicas() {
            if !replica.has(self.node.journal.offset(), false) {
                let (ip, port) = (&replica.ip, replica.port);
                let (offset, lag) = (replica.acknowledged(), replica.lag_s(now_ms()));
                let state = replica.state().name();
                warn!(ip, port, offset, lag, state, "Lagging replica");
            }
        }
        info!("{in_sync} of {count} replicas are in sync when shutting down.");
        self.save(ctx);
    }

    fn save(&mut self, ctx: &mut Context<Self>) {
        let first = self.endings.first().map(|ending| ending.how);
        let (how, params) = (
            first.unwrap_or(ShutdownOptions::empty()),
            self.node.params(),
        );
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
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        self.node.set_ending(false);
        self.end_number += 1;
        if let (Some(config), Some(_)) = (&self.config, &self.node.cluster) {
            config.do_send(Depart::GiveUp);
        }
        if let Some(poll) = self.catching_up.take() {
            ctx.cancel_future(poll);
        }
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
                self.go_on(ctx);
            }
        }
    }
}

impl Handler<HasDeparted> for NodeActor {
    type Result = ();

    fn handle(&mut self, answer: HasDeparted, ctx: &mut Context<Self>) {
        let HasDeparted { number, departed } = answer;
        if number != self.end_number || self.is_stopping {
            return;
        }
        match departed {
            Departed::Idle => self.catch_up(ctx),
            Departed::Replaced(primary) => {
                info!(%primary, "Another node leads the shard");
                ctx.run_later(FAREWELL, move |me, ctx| {
                    if number == me.end_number {
                        me.catch_up(ctx);
                    }
                });
            }
            Departed::Unreplaced(reason) => {
                warn!(reason, "The shard is left without a primary");
                self.catch_up(ctx);
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
            self.go_on(ctx);
        }
    }
}
