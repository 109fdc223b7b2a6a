//! What the link to the primary asks of the shard. All of it is refused once the role has changed: only on the shard's own
//! thread can nothing come between the question and the deed.

use actix::{Context, Handler};

use super::ShardActor;
use super::messages::{
    Acknowledged, Adopt, AdvanceFailover, ContinueStream, EndFailover, Follow, FollowDone,
    FollowError, GiveCopyUp, MakeRoom,
};
use crate::moment::now_ms;
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
            let followed = shard.follow(now_ms(), requests);
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
            shard.begin(now_ms());
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
            shard.begin(now_ms());
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
            shard.begin(now_ms());
            shard.end_failover(leads);
            Ok(())
        })
    }
}

impl Handler<AdvanceFailover> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: AdvanceFailover, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(now_ms());
            shard.advance_failover();
        });
    }
}

impl Handler<Acknowledged> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Acknowledged, _: &mut Context<Self>) {
        self.shard.with(|shard| {
            shard.begin(now_ms());
            shard.serve_acknowledged();
        });
    }
}
