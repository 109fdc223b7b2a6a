//! The slots go from the first shard to the others, and back.
//!
//! ```text
//!   spread   first ── TakeStretch ──▶ each other; then all threads are told where requests go
//!   gather   all threads are told; first ── GiveBack ──▶ each other ── the keys ──▶ first, which does nothing meanwhile
//! ```
//! No other shard waits for anybody, so the first one waits no longer than they need for what they have begun. Whatever they
//! have run is in the journal when their keys are back: what the first shard does next is of one moment.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix::{Addr, AsyncContext, Context, Handler};
use tracing::error;

use super::handle::{DiesWithTheShard, LocalShard};
use super::messages::{GiveBack, TakeStretch};
use super::{ShardActor, TICK};
use crate::moment::Moment;

/// How long the slots stay together after something has needed all: who needs them often does not pay for it each time.
const REST: Duration = Duration::from_millis(100);
/// Ticks of a shard after which it tells what it has counted.
const TICKS_PER_TALLY: u32 = 10;

impl LocalShard {
    /// This is the first shard, and these are the others, in the order of their numbers.
    pub fn lead(&self, others: Vec<Addr<ShardActor>>) {
        *self.0.others.borrow_mut() = others;
    }

    /// Takes all slots back; false if they are here, or this is not the first shard.
    pub(super) fn gather(&self) -> bool {
        if !self.0.shard.borrow().is_spread() {
            return false;
        }
        let guard = DiesWithTheShard;
        self.0.node.spread.end();
        let others = self.0.others.borrow();
        let (to, given) = mpsc::channel();
        for other in others.iter() {
            other.do_send(GiveBack { to: to.clone() });
        }
        // Who is gone leaves nothing to wait for.
        drop(to);
        let given: Vec<_> = given.iter().flatten().collect();
        if given.len() < others.len() {
            error!("a shard is gone, and its keys with it: the node stops");
            std::process::exit(1);
        }
        let mut shard = self.0.shard.borrow_mut();
        given
            .into_iter()
            .for_each(|portion| shard.take_back(portion));
        shard.keep_all();
        shard.absorb_tallies();
        self.0.gathered.set(Instant::now());
        std::mem::forget(guard);
        true
    }

    /// Gives the other shards their slots, if nothing needs all of them.
    fn spread(&self) {
        let others = self.0.others.borrow();
        if others.is_empty() || self.0.gathered.get().elapsed() < REST {
            return;
        }
        let mut shard = self.0.shard.borrow_mut();
        let Some(stretches) = shard.divide() else {
            return;
        };
        let guard = DiesWithTheShard;
        for (other, number) in others.iter().zip(1..) {
            let slots = stretches.of(number);
            if let Some(portion) = shard.give(slots.clone()) {
                other.do_send(TakeStretch { slots, portion });
            }
        }
        shard.keep(stretches.of(0));
        // Now that they have been told: what is sent to them comes after.
        self.0.node.spread.begin(stretches);
        std::mem::forget(guard);
    }
}

impl ShardActor {
    /// The first shard keeps house, for all slots that it has.
    pub(super) fn keep_house(&self) {
        let (is_empty, _) = self.shard.with_share(|shard| {
            if shard.is_serving() {
                shard.begin(Moment::now());
                shard.tick();
            }
            shard.is_spread() && shard.key_count() == 0
        });
        match is_empty || self.node.spread.is_to_end() {
            true => drop(self.shard.gather()),
            false => self.shard.spread(),
        }
    }

    /// Another shard does.
    pub(super) fn keep_house_beside(ctx: &mut Context<Self>) {
        let mut ticks = 0;
        ctx.run_interval(TICK, move |me, _| {
            ticks += 1;
            let (has_keys, _) = me.shard.with_share(|shard| {
                shard.begin(Moment::now());
                shard.tick_beside()
            });
            if !has_keys {
                me.node.spread.ask_to_end();
            }
            if ticks % TICKS_PER_TALLY == 0 {
                me.tell_tally();
            }
        });
    }

    fn tell_tally(&self) {
        let (tally, _) = self.shard.with_share(|shard| shard.take_tally());
        if let Some(tally) = tally {
            self.node.spread.add_tally(tally);
        }
    }
}

impl Handler<TakeStretch> for ShardActor {
    type Result = ();

    fn handle(&mut self, TakeStretch { slots, portion }: TakeStretch, _: &mut Context<Self>) {
        self.shard
            .with_share(|shard| shard.take_stretch(portion, slots));
    }
}

impl Handler<GiveBack> for ShardActor {
    type Result = ();

    fn handle(&mut self, GiveBack { to }: GiveBack, _: &mut Context<Self>) {
        let (portion, _) = self.shard.with_share(|shard| shard.give_back());
        self.tell_tally();
        // Nobody but a node that ends takes it not.
        let _ = to.send(portion);
    }
}
