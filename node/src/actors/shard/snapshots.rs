//! Snapshots of the shard: who gets the one that is being taken, how much of it is under way, who comes next.
//!
//! ```text
//!   TakeSnapshot ──▶ waiting ──▶ running: Begun, Bytes, Bytes, ... Ended ──▶ receiver
//!                                   ▲                                         │
//!                                   └──────────── SnapshotTaken ──────────────┘
//! ```
//! The walk goes on in slices, each after a turn of the event loop; it rests while much is under way.

use std::collections::VecDeque;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler};

use super::ShardActor;
use super::messages::{
    AbortSnapshot, SnapshotPart, SnapshotPiece, SnapshotTaken, TakeSnapshot, Walk,
};
use crate::moment::Moment;
use crate::shard::snapshot::Slice;

/// How long the shard walks before others get their turn.
const WALK_SLICE: Duration = Duration::from_micros(20);
/// Slices after which it rests if others were there meanwhile, and has what they found written.
const SLICES_PER_TURN: u32 = 5;
/// How long it rests then; the clock of timers makes about a millisecond of it. A shard that walked all the time would take a
/// whole processor from whoever else needs one, the network's threads of the system among them, and one request in ten would
/// wait for more than a millisecond.
const REST: Duration = Duration::from_micros(300);
/// Bytes that were sent and not taken at which the walk rests.
const UNDER_WAY_MAX: usize = 8 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    running: Option<Running>,
    waiting: VecDeque<TakeSnapshot>,
}

#[derive(Debug)]
struct Running {
    /// None once nobody wants it any more.
    order: Option<TakeSnapshot>,
    under_way: usize,
    /// Whether a [`Walk`] is on its way.
    is_walking: bool,
    /// What the slices of this turn have found.
    found: Vec<u8>,
    tempo: Tempo,
}

/// How fast the shard walks: at rest as fast as it can, under load a little at a time.
#[derive(Debug, Default)]
struct Tempo {
    /// How many batches had been run after the last slice.
    batches: u64,
    /// Since the last rest, ...
    slices: u32,
    /// ... and whether others were there meanwhile.
    sees_others: bool,
    rests: bool,
}

impl Tempo {
    /// A slice is done. `batches` = how many were run since the start, `is_awaited` = whether somebody waits for the walk.
    fn note(&mut self, batches: u64, is_awaited: bool) {
        let before = std::mem::replace(&mut self.batches, batches);
        self.sees_others |= batches != before;
        self.slices = self.slices.saturating_add(1);
        self.rests = self.sees_others && !is_awaited && self.slices >= SLICES_PER_TURN;
        if self.rests {
            (self.slices, self.sees_others) = (0, false);
        }
    }

    /// Whether a turn ends here.
    fn ends_turn(&self) -> bool {
        self.rests || self.slices.is_multiple_of(SLICES_PER_TURN)
    }

    /// Until the next slice.
    async fn pause(rests: bool) {
        match rests {
            true => tokio::time::sleep(REST).await,
            false => tokio::task::yield_now().await,
        }
    }
}

impl TakeSnapshot {
    /// False if nobody is there any more.
    fn send(&self, piece: SnapshotPiece) -> bool {
        let part = SnapshotPart { id: self.id, piece };
        self.to.do_send(part);
        self.to.connected()
    }
}

impl ShardActor {
    fn begin_next(&mut self, ctx: &mut Context<Self>) {
        while self.snapshots.running.is_none()
            && let Some(order) = self.snapshots.waiting.pop_front()
        {
            let (begun, _) = self.shard.with(|shard| {
                if !shard.is_serving() {
                    return SnapshotPiece::Refused;
                }
                let now = Moment::now();
                shard.begin(now);
                let offset = shard.begin_snapshot(order.purpose, now.ms);
                SnapshotPiece::Begun {
                    offset,
                    keys: shard.key_count(),
                    changes: shard.change_count(),
                }
            });
            let has_begun = matches!(begun, SnapshotPiece::Begun { .. });
            let is_heard = order.send(begun);
            if has_begun {
                self.snapshots.running = Some(Running {
                    order: Some(order),
                    under_way: 0,
                    is_walking: false,
                    found: Vec::new(),
                    tempo: Tempo::default(),
                });
                if !is_heard {
                    self.discard();
                }
                self.go_on(ctx);
            }
        }
    }

    /// Has the walk go on after others have had their turn, unless much is under way.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        if let Some(running) = &mut self.snapshots.running
            && running.under_way < UNDER_WAY_MAX
            && !std::mem::replace(&mut running.is_walking, true)
        {
            let (me, rests) = (ctx.address(), running.tempo.rests);
            actix_rt::spawn(async move {
                Tempo::pause(rests).await;
                me.do_send(Walk);
            });
        }
    }

    fn discard(&mut self) {
        if let Some(running) = &mut self.snapshots.running {
            running.order = None;
            running.under_way = 0;
            running.found = Vec::new();
            self.shard.with(|shard| shard.discard_snapshot());
        }
    }
}

impl Handler<TakeSnapshot> for ShardActor {
    type Result = ();

    fn handle(&mut self, order: TakeSnapshot, ctx: &mut Context<Self>) {
        self.snapshots.waiting.push_back(order);
        self.begin_next(ctx);
    }
}

impl Handler<SnapshotTaken> for ShardActor {
    type Result = ();

    fn handle(&mut self, SnapshotTaken { id, bytes }: SnapshotTaken, ctx: &mut Context<Self>) {
        if let Some(running) = &mut self.snapshots.running
            && running.order.as_ref().is_some_and(|order| order.id == id)
        {
            running.under_way = running.under_way.saturating_sub(bytes);
            self.go_on(ctx);
        }
    }
}

impl Handler<AbortSnapshot> for ShardActor {
    type Result = ();

    fn handle(&mut self, AbortSnapshot { id }: AbortSnapshot, ctx: &mut Context<Self>) {
        self.snapshots.waiting.retain(|order| order.id != id);
        let running = self.snapshots.running.as_ref();
        let order = running.and_then(|running| running.order.as_ref());
        if order.is_some_and(|order| order.id == id) {
            self.discard();
            self.go_on(ctx);
        }
    }
}

impl Handler<Walk> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: Walk, ctx: &mut Context<Self>) {
        let Some(running) = &mut self.snapshots.running else {
            return;
        };
        running.is_walking = false;
        let tempo = &mut running.tempo;
        let (slice, _) = self.shard.with(|shard| {
            shard.begin(Moment::now());
            let slice = shard.walk_snapshot(WALK_SLICE);
            tempo.note(shard.batch_count(), shard.snapshot_is_awaited());
            slice
        });
        let (bytes, is_last) = match slice {
            Some(Slice::Part(bytes)) => (bytes, false),
            Some(Slice::Last(bytes)) => (bytes, true),
            Some(Slice::Discarded) | None => (Vec::new(), true),
        };
        let mut is_heard = true;
        if let Some(order) = &running.order {
            running.under_way += bytes.len();
            running.found.extend_from_slice(&bytes);
            if (is_last || running.tempo.ends_turn()) && !running.found.is_empty() {
                let found = std::mem::take(&mut running.found);
                is_heard = order.send(SnapshotPiece::Bytes(found));
            }
            if is_last {
                order.send(SnapshotPiece::Ended);
            }
        }
        if is_last {
            self.snapshots.running = None;
            return self.begin_next(ctx);
        }
        if !is_heard {
            self.discard();
        }
        self.go_on(ctx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_rests_while_others_are_served_and_nobody_waits_for_it() {
        let mut tempo = Tempo::default();
        let mut rests = |batches, is_awaited| {
            tempo.note(batches, is_awaited);
            tempo.rests
        };
        for _ in 0..10 {
            assert!(!rests(0, false), "nobody is there");
        }
        assert!(rests(7, false));
        for slice in 1..SLICES_PER_TURN {
            assert!(!rests(8, false), "a turn begins, {slice}");
        }
        assert!(rests(8, false), "others were there in this turn");
        for _ in 0..10 {
            assert!(!rests(8, false), "they have gone");
        }
        assert!(!rests(9, true), "one of them waits");
        assert!(rests(9, false));
    }
}
