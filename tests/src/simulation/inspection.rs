//! What must be true of nodes that serve clients, at every moment and in peace.

use almandine_cluster::failover::LEASE_MS;
use almandine_cluster::id::{NodeId, ShardId};
use almandine_cluster::machine::Machine;
use almandine_cluster::topology::{AckMode, Change, Role, Shard};

use super::world::World;

/// How long the voters of a node that nobody could outvote need to grant it something.
const BOUND_MS: u64 = 700;
/// A lease by the slowest clock, and a little.
const LEASE_MAX_MS: u64 = LEASE_MS + LEASE_MS / 32;
/// A replica in peace may lack so many writes.
const LAG_MAX: usize = 8;

impl World {
    /// Nobody else acts for the same shard.
    pub(super) fn check_alone(&self, host: usize) -> Result<(), String> {
        let acts = |host: usize| {
            let of = &self.hosts[host];
            of.machine.as_ref()?;
            let shard = of.keeper.as_ref()?.acts(self.now)?;
            Some((self.line_of(host)?, shard))
        };
        let Some(own) = acts(host) else {
            return Ok(());
        };
        let mut others = (0..self.len()).filter(|&other| other != host);
        match others.find(|&other| acts(other) == Some(own)) {
            Some(other) => Err(format!(
                "at {} ms, hosts {host} and {other} act for one shard",
                self.now
            )),
            None => Ok(()),
        }
    }

    /// Whoever could be replaced has spoken with a majority of the voters within the time of a lease.
    pub(super) fn check_heard(&self, host: usize) -> Result<(), String> {
        let Some(keeper) = &self.hosts[host].keeper else {
            return Ok(());
        };
        let is_bound = keeper
            .is_bound_since
            .is_some_and(|since| self.now >= since + BOUND_MS);
        let Some(standpoint) = keeper.standpoint.as_ref().filter(|_| is_bound) else {
            return Ok(());
        };
        let is_late = |pair: &(usize, usize)| {
            let since = self.service.cut_since.get(pair);
            since.is_some_and(|since| self.now > since + LEASE_MAX_MS)
        };
        let is_heard = |&&voter: &&NodeId| {
            let voter = self.host_of(voter);
            voter.is_none_or(|voter| {
                let ways = [(voter, host), (host, voter), (voter, voter)];
                voter == host || !ways.iter().any(is_late)
            })
        };
        let voters = &standpoint.electorate.voters;
        match voters.iter().filter(is_heard).count() * 2 > voters.len() {
            true => Ok(()),
            false => Err(format!(
                "at {} ms, host {host} serves though it was cut off from the voters long ago",
                self.now
            )),
        }
    }

    /// A replica to which the primary hands over has everything.
    pub(super) fn check_hand_over(&self, host: usize, change: &Change) -> Result<(), String> {
        let Change::Promote {
            shard,
            expected_epoch,
            ..
        } = change
        else {
            return Ok(());
        };
        let Some(keeper) = &self.hosts[host].keeper else {
            return Ok(());
        };
        // Who has led the log and stood still may propose a failover for which it is too late by now.
        if !keeper.is_taking_over() && self.is_led_without(host) {
            return Ok(());
        }
        let primary = keeper.shard(*shard).map(|shard| shard.primary);
        let Some(primary) = primary.and_then(|primary| self.host_of(primary)) else {
            return Ok(());
        };
        let of = &self.hosts[primary];
        let Some(pausing) = of.keeper.as_ref().filter(|_| of.machine.is_some()) else {
            return Ok(());
        };
        // A replica that stood still may propose what it was to do at an earlier epoch: the log refuses that.
        if pausing
            .shard(*shard)
            .is_some_and(|led| led.epoch > *expected_epoch)
        {
            return Ok(());
        }
        let is_paused = !pausing.takes_writes(*shard, 0, self.now);
        let is_behind = pausing.data.log.len() > keeper.data.log.len();
        match is_paused && pausing.acts(self.now) == Some(*shard) && is_behind {
            true => Err(format!(
                "at {} ms, host {host} is to lead, and lacks something that host {primary} has",
                self.now
            )),
            false => Ok(()),
        }
    }

    /// Whether another host leads the log.
    fn is_led_without(&self, host: usize) -> bool {
        let mut others = self.hosts.iter().enumerate();
        others.any(|(other, of)| {
            let machine = of.machine.as_ref();
            other != host && machine.is_some_and(Machine::is_leader)
        })
    }

    /// Whether nobody who could lead a shard has its data, because files were lost while others were let go, or because an operator
    /// forced one who lost them then: only an operator can say how that goes on.
    fn is_at_its_end(&self, id: ShardId, shard: &Shard) -> bool {
        let is_whole = |node: NodeId| {
            let host = self.host_of(node);
            let keeper = host.and_then(|host| self.hosts[host].keeper.as_ref());
            keeper.is_some_and(|keeper| keeper.data.is_whole)
        };
        let is_wiped = self.service.wiped.contains(&id);
        let is_forced = self.service.forced.contains(&id);
        let mut able = shard.in_sync.iter().chain([&shard.primary]);
        let is_durable = shard.ack_mode == AckMode::Durable;
        let must_be_forced = is_durable || (self.len() == 2 && is_forced);
        must_be_forced && (is_wiped || is_forced) && !able.any(|&node| is_whole(node))
    }

    /// In peace: every shard has a primary that serves, and every replica has what it has.
    pub(super) fn must_serve(&self) -> Result<(), String> {
        for host in 0..self.len() {
            let Some(keeper) = &self.hosts[host].keeper else {
                continue;
            };
            let shard = keeper.role().and_then(Role::shard);
            let led = shard.and_then(|shard| Some((shard, keeper.shard(shard)?)));
            if led.is_some_and(|(id, led)| self.is_at_its_end(id, led)) {
                continue;
            }
            let leads_nothing = led.is_some_and(|(_, led)| led.slots.is_empty());
            let is_sound = match keeper.role() {
                // Whoever was told to take over may have forgotten whose replica another was.
                Some(Role::Primary(_)) if leads_nothing => self.service.promises.has_takeovers(),
                Some(Role::Primary(shard)) => {
                    let served_at = keeper.served_at;
                    keeper.acts(self.now) == Some(shard)
                        && served_at.is_some_and(|at| at > self.service.healed_at)
                }
                Some(Role::Replica(shard)) => {
                    let node = self.name(host);
                    let led = keeper.shard(shard);
                    let primary = led.and_then(|led| self.host_of(led.primary));
                    let primary = primary.and_then(|host| self.hosts[host].keeper.as_ref());
                    let has_all = primary.is_some_and(|primary| {
                        let (own, all) = (&keeper.data.log, &primary.data.log);
                        all.starts_with(own) && own.len() + LAG_MAX >= all.len()
                    });
                    keeper.data.is_linked()
                        && has_all
                        && led.is_some_and(|led| led.may_succeed(node))
                }
                Some(Role::Witness) => true,
                None => false,
            };
            if !is_sound {
                return Err(format!(
                    "host {host} is not what it should be in peace: {:?}, {:?}, {:?}",
                    keeper.authority, keeper.data, led,
                ));
            }
        }
        Ok(())
    }
}
