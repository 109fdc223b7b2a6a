//! What the link to the primary asks of the shard. All of it is refused once the role has changed: only on the shard's own
//! thread can nothing come between the question and the deed.

use std::time::Duration;

use actix::{AsyncContext, Context, Handler};
use tracing::info;

use super::ShardActor;
use super::messages::{
    Acknowledged, Adopt, AdvanceFailover, BecomePrimary, ContinueStream, EndFailover, Follow,
    FollowDone, FollowError, FollowPrimary, GiveCopyUp, MakeRoom, PauseWrites, Published,
    ResumeWrites, StandBy,
};
use crate::actors::failure_detector::messages::WritesPaused;
use crate::moment::Moment;
use crate::pause::Purpose;
use crate::shard::{Requests, Shard};

impl ShardActor {
    fn if_still<T>(
        &self,
        changes: u64,
        work: impl FnOnce(&mut Shard) -> Result<T, FollowError>,
    ) -> Result<T, FollowError> {
        if self.node.replication.changes() != changes {
            return Err(FollowError::Outdated);
        }
        self.shard.with(work).0
    }
}

impl Handler<Follow> for ShardActor {
    type Result = FollowDone;

    fn handle(&mut self, follow: Follow, _: &mut Context<Self>) -> FollowDone {
        let Follow {
            changes,
            buffer,
            batch,
        } = follow;
        let requests = Requests {
            buffer: &buffer,
            batch: &batch,
        };
        let outcome = self.if_still(changes, |shard| {
            let followed = shard.follow(Moment::now(), requests);
            followed.map_err(FollowError::Refused)
        });
        FollowDone { batch, outcome }
    }
}

impl Handler<ContinueStream> for ShardActor {
    type Result = Result<(), FollowError>;

    fn handle(
        &mut self,
        ContinueStream { changes, id }: ContinueStream,
        _: &mut Context<Self>,
    ) -> Self::Result {
        self.if_still(changes, |shard| {
            shard.continue_stream(id);
            Ok(())
        })
    }
}

impl Handler<MakeRoom> for ShardActor {
    type Result = Result<(), FollowError>;

    fn handle(&mut self, MakeRoom { changes }: MakeRoom, _: &mut Context<Self>) -> Self::Result {
        self.if_still(changes, |shard| {
            shard.make_room_for_copy();
            Ok(())
        })
    }
}

impl Handler<Adopt> for ShardActor {
    type Result = Result<(), FollowError>;

    fn handle(&mut self, Adopt { changes, copy }: Adopt, _: &mut Context<Self>) -> Self::Result {
        self.if_still(changes, |shard| {
            shard.begin(Moment::now());
            shard.adopt(*copy);
            Ok(())
        })
    }
}

impl Handler<GiveCopyUp> for ShardActor {
    type Result = Result<(), FollowError>;

    fn handle(
        &mut self,
        GiveCopyUp { changes }: GiveCopyUp,
        _: &mut Context<Self>,
    ) -> Self::Result {
        self.if_still(changes, |shard| {
            shard.begin(Moment::now());
            shard.give_copy_up();
            Ok(())
        })
    }
}

impl Handler<EndFailover> for ShardActor {
    type Result = Result<(), FollowError>;

    fn handle(
        &mut self,
        EndFailover { changes, leads }: EndFailover,
        _: &mut Context<Self>,
    ) -> Self::Result {
        self.if_still(changes, |shard| {
            shard.begin(Moment::now());
            shard.end_failover(leads);
            Ok(())
        })
    }
}

impl Handler<AdvanceFailover> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: AdvanceFailover, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.advance_failover();
        });
    }
}

impl Handler<Acknowledged> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Acknowledged, _: &mut Context<Self>) {
        self.shard.with_share(|shard| {
            shard.begin(Moment::now());
            shard.serve_acknowledged();
        });
    }
}

impl Handler<BecomePrimary> for ShardActor {
    type Result = ();

    fn handle(&mut self, BecomePrimary { epoch }: BecomePrimary, _: &mut Context<Self>) {
        info!(epoch, "The node leads its shard");
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.become_primary();
        });
        self.node.pause.end(Purpose::Accession);
    }
}

impl Handler<FollowPrimary> for ShardActor {
    type Result = ();

    fn handle(&mut self, follow: FollowPrimary, _: &mut Context<Self>) {
        let FollowPrimary { host, port, epoch } = follow;
        info!(host, port, epoch, "The node follows a primary");
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.follow_primary(&host, port);
        });
    }
}

impl Handler<PauseWrites> for ShardActor {
    type Result = ();

    /// Nothing runs beside this: what has run is in the stream.
    fn handle(&mut self, pause: PauseWrites, ctx: &mut Context<Self>) {
        let is_still = self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.pause_writes(pause.until_ms)
        });
        if !is_still.0 {
            ctx.notify_later(pause, Duration::from_millis(1));
            return;
        }
        pause.tell.do_send(WritesPaused {
            round: pause.round,
            offset: self.node.journal.offset(),
        });
    }
}

impl Handler<ResumeWrites> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: ResumeWrites, _: &mut Context<Self>) {
        self.node.pause.end(Purpose::Failover);
    }
}

impl Handler<StandBy> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: StandBy, _: &mut Context<Self>) {
        info!("The node waits to hear whom it follows");
        self.shard.with(|shard| {
            shard.begin(Moment::now());
            shard.stand_by();
        });
    }
}

impl Handler<Published> for ShardActor {
    type Result = ();

    fn handle(&mut self, Published(publish): Published, _: &mut Context<Self>) {
        self.shard
            .with_share(|shard| shard.tell_listeners(&publish));
    }
}
