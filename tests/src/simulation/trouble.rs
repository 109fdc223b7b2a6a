//! What goes wrong in a world: processes are killed or stand still, links are cut, disks and networks are slow, operators
//! force what they want.

use std::collections::BTreeSet;

use almandine_cluster::failover;
use almandine_cluster::id::ShardId;
use almandine_cluster::machine::{Event, Machine};
use almandine_cluster::topology::{Change, Role};

use super::world::{What, World, address, name};

/// A frame takes no longer, however rough it is.
const ROUGH_MS: u64 = 3_000;
/// What a proposal may take.
const PROPOSAL_MS: u64 = 11_000;
/// What a failover by force may take.
const FORCE_MS: u64 = 7_000;

impl World {
    /// CLUSTER FAILOVER FORCE or TAKEOVER.
    pub(super) fn force(&mut self, host: usize, is_takeover: bool) {
        let client = self.client();
        if self.hosts[host].machine.is_some() {
            self.rules.forcing(host, name(host), client, is_takeover);
        }
        let is_in_sync = self.note_force(host, is_takeover);
        self.tell(
            host,
            Event::Force {
                client,
                is_takeover,
                is_in_sync,
            },
        );
    }

    /// The process is killed, and started again later. What the disk was told last may be there or not.
    pub(super) fn crash(&mut self, host: usize, pause: u64) {
        if self.hosts[host].machine.take().is_none() {
            return;
        }
        self.seen.crashes += 1;
        self.lose_links(host, pause);
        let life = self.hosts[host].life;
        self.hosts[host].life += 1;
        self.hosts[host].frozen_until = 0;
        if self.dice.below(2) == 0 {
            let mine = |what: &What| matches!(what, What::Durable(of, then, ..) if *of == host && *then == life);
            let order = self
                .what
                .iter()
                .find(|(_, what)| mine(what))
                .map(|(&order, _)| order);
            if let Some(What::Durable(_, _, _, writes)) =
                order.and_then(|order| self.what.remove(&order))
            {
                self.write(host, writes);
            }
        }
        self.at(pause, What::Start(host));
    }

    pub(super) fn crash_all(&mut self, pause: u64) {
        for host in 0..self.len() {
            self.crash(host, pause);
        }
    }

    pub(super) fn start(&mut self, host: usize) -> Result<(), String> {
        let seed = self.dice.bits();
        let again = Machine::recover(&self.hosts[host].disk, address(host), seed);
        let (machine, effects) = again.map_err(|damaged| format!("host {host}: {damaged}"))?;
        self.hosts[host].is_writing = false;
        self.rules.started(host);
        self.rules.check(host, &machine, &effects)?;
        self.rules.is_up(host);
        self.hosts[host].machine = Some(machine);
        let life = self.hosts[host].life;
        for effect in effects {
            self.carry(host, effect);
        }
        self.at(1, What::Tick(host, life));
        self.restart_keeper(host)
    }

    /// Nothing that `from` says reaches `to` for a while.
    pub(super) fn cut(&mut self, from: usize, to: usize, time: u64) {
        self.cut_all(vec![(from, to)], time);
    }

    /// Nobody hears `host`, and it hears nobody, for a while.
    pub(super) fn isolate(&mut self, host: usize, time: u64) {
        let pairs = (0..self.len()).flat_map(|other| [(host, other), (other, host)]);
        self.cut_all(pairs.collect(), time);
    }

    fn cut_all(&mut self, pairs: Vec<(usize, usize)>, time: u64) {
        for &pair in &pairs {
            self.note_cut(pair, time);
            *self.cuts.entry(pair).or_default() += 1;
        }
        self.at(time, What::Mend(pairs));
    }

    pub(super) fn mend(&mut self, pair: (usize, usize)) {
        if let Some(count) = self.cuts.get_mut(&pair) {
            *count -= 1;
            if *count == 0 {
                self.cuts.remove(&pair);
                self.service.note_mended(pair, self.now);
            }
        }
    }

    /// Losses, copies, delays and slow disks for a while.
    pub(super) fn make_rough(&mut self, time: u64) {
        self.is_rough = true;
        for host in 0..self.len() {
            // What is on its way then may take so long.
            self.note_trouble(host, time + ROUGH_MS);
        }
        self.at(time, What::Smooth);
    }

    /// From now on nothing goes wrong any more. Pauses and cuts end in their time.
    pub(super) fn heal(&mut self) {
        self.is_rough = false;
        self.is_peace = true;
        self.service.healed(self.now);
    }

    /// The process stands still for a while, and its clock does not.
    pub(super) fn freeze(&mut self, host: usize, time: u64) {
        if self.hosts[host].machine.is_some() {
            self.note_trouble(host, time);
            let until = self.now + time;
            let frozen_until = &mut self.hosts[host].frozen_until;
            *frozen_until = until.max(*frozen_until);
        }
    }

    /// How long what happens to a host waits for it to move again.
    pub(super) fn stands_still(&self, what: &What) -> Option<u64> {
        let host = match what {
            What::Tick(host, _) | What::Arrive(host, _) | What::Durable(host, ..) => *host,
            What::Flow((host, _), ..) => *host,
            What::Start(_) | What::Mend(_) | What::Smooth => return None,
        };
        let left = self.hosts[host].frozen_until.checked_sub(self.now)?;
        (left > 0).then_some(left)
    }
}

/// What others notice of it.
impl World {
    /// From now on something is wrong with a host for a while.
    pub(super) fn note_trouble(&mut self, host: usize, time: u64) {
        let (from, to) = (self.now, self.now + time);
        self.service.promises.note_trouble(host, from, to);
    }

    /// A log without a leader may take so long to decide what was proposed that the primary goes on before; where it need not
    /// wait for its replicas, what it acknowledges then is lost.
    pub(super) fn note_proposal(&mut self, host: usize, change: &Change) {
        if let Change::Promote { candidate, .. } = change
            && *candidate == self.name(host)
        {
            self.note_trouble(host, PROPOSAL_MS);
        }
    }

    pub(super) fn note_cut(&mut self, pair: (usize, usize), time: u64) {
        self.service.cut_since.entry(pair).or_insert(self.now);
        self.note_trouble(pair.0, time);
        self.note_trouble(pair.1, time);
    }

    /// An operator forces a host; whether it has its data.
    pub(super) fn note_force(&mut self, host: usize, is_takeover: bool) -> bool {
        self.note_trouble(host, FORCE_MS);
        self.keep(host, failover::Event::Forced { is_takeover });
        let Some(keeper) = self.keeper(host) else {
            return true;
        };
        let is_whole = keeper.data.is_whole;
        // Which shard it is in it may not know any more, or not yet.
        let keepers = self.hosts.iter().filter_map(|of| of.keeper.as_ref());
        let shards = keepers.filter_map(|keeper| keeper.role()?.shard());
        let shards: BTreeSet<ShardId> = shards.collect();
        for &shard in shards.iter().filter(|_| is_takeover) {
            self.service.promises.force(shard);
        }
        self.service.forced.extend(shards);
        is_whole
    }

    /// A primary that acts hears that another leads. Where that was forced, its replicas leave it with what they have: what it
    /// has acknowledged right before may be nowhere else.
    pub(super) fn note_deposed(&mut self, host: usize, shard: ShardId) {
        if self.service.forced.contains(&shard) {
            self.note_trouble(host, 0);
        }
    }

    /// Whether an operator may force it: of two nodes only one that has its data, for nobody would replace it then.
    pub(super) fn may_be_forced(&self, host: usize) -> bool {
        let keeper = self.hosts[host].keeper.as_ref();
        self.len() > 2 || keeper.is_some_and(|keeper| keeper.data.is_whole)
    }

    /// Whether it acts for a shard at present.
    pub(super) fn acts(&self, host: usize) -> bool {
        let of = &self.hosts[host];
        let keeper = of.keeper.as_ref().filter(|_| of.machine.is_some());
        keeper.is_some_and(|keeper| keeper.acts(self.now).is_some())
    }

    /// A process ends: others may notice at once.
    pub(super) fn lose_links(&mut self, host: usize, pause: u64) {
        self.note_trouble(host, pause);
        self.service
            .cut_since
            .entry((host, host))
            .or_insert(self.now);
        let node = self.name(host);
        for other in 0..self.len() {
            let is_cut = self.cuts.contains_key(&(host, other));
            let is_late = self.dice.below(3) == 0;
            let Some(keeper) = self.keeper(other).filter(|_| !is_cut && other != host) else {
                continue;
            };
            keeper.data.copiers.remove(&node);
            keeper.data.upstream.take_if(|up| up.host == host);
            if !is_late {
                self.keep(other, failover::Event::LinkLost { node });
                self.tell(other, Event::LinkLost { node });
            }
        }
    }

    /// The process is there again.
    pub(super) fn restart_keeper(&mut self, host: usize) -> Result<(), String> {
        self.service.cut_since.remove(&(host, host));
        let reads = match self.dice.below(4) {
            0 => 1_500,
            _ => 100,
        };
        let reads_until = self.now + self.dice.below(reads) as u64;
        let Some(keeper) = self.keeper(host) else {
            return Ok(());
        };
        keeper.restart(true, reads_until);
        self.note_trouble(host, reads as u64);
        let node = self.name(host);
        for other in 0..self.len() {
            if other != host {
                self.keep(other, failover::Event::LinkUp { node });
            }
        }
        self.changed(host)
    }

    /// Whether a host leads a shard or may follow who does, whatever view of it is the right one.
    fn may_lead(&self, host: usize, shard: ShardId) -> bool {
        let node = self.name(host);
        let keepers = self.hosts.iter().filter_map(|of| of.keeper.as_ref());
        let mut views = keepers.filter_map(|keeper| keeper.shard(shard));
        views.all(|led| led.primary == node || led.may_succeed(node))
    }

    /// The process is killed, and its files are gone, if another member of its shard that may lead has everything.
    pub(super) fn wipe(&mut self, host: usize, pause: u64) {
        let is_spare = |other: usize, shard| {
            let of = &self.hosts[other];
            let Some(keeper) = of.keeper.as_ref().filter(|_| of.machine.is_some()) else {
                return false;
            };
            let is_in = keeper.role().and_then(Role::shard) == Some(shard);
            let led = keeper.shard(shard);
            let data = &keeper.data;
            let has_all = data.is_whole && self.service.promises.has_all(shard, &data.log);
            other != host && is_in && led.is_some() && has_all && self.may_lead(other, shard)
        };
        let shard = self.hosts[host].keeper.as_ref();
        let shard = shard.and_then(|keeper| keeper.role()?.shard());
        let is_safe = shard.is_some_and(|shard| (0..self.len()).any(|of| is_spare(of, shard)));
        if is_safe {
            self.service.wiped.extend(shard);
            self.crash(host, pause);
            if let Some(keeper) = self.keeper(host) {
                keeper.data.restart(false);
            }
        }
    }
}
