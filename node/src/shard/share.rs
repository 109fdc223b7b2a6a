//! Which slots of the node a shard has, and what it may run with them alone.
//!
//! Where a node has several shards the first one has all slots, and all of the node's state that is one: who watches, blocks,
//! tracks, listens, which snapshot is taken, whom the node follows. While there is nothing of the kind, the slots are spread:
//! every shard runs the requests for keys of its own slots. Whatever needs more than keys of one slot and the session of a
//! client that is in the middle of nothing is run by the first shard, which gathers all slots before. So nothing has to be
//! merged, and nothing is seen that is not of one moment.

use std::ops::Range;

use almandine_cluster::slot::Slot;
use almandine_storage::Portion;

use super::{Shard, Tracks};
use crate::commands::spec::{Command, Flags, Run};
use crate::commands::{Args, keys, table};
use crate::memory;
use crate::replication::Failover;
use crate::session::Session;
use crate::spread::Stretches;
use crate::stats::tally::Tally;

/// Which slots a shard has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of the node.
    All,
    /// These; other shards have the others.
    Some(Range<u16>),
    /// None: the first shard has all.
    None,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Keys of this slot, and nothing else that is not with the client.
    Slot(Slot),
    /// No key, but what is with the first shard.
    First,
    /// All slots in one place.
    Gathered,
}

/// Commands without keys that neither look at keys nor leave anything behind that other commands would have to look at.
const LIGHT: &[&str] = &[
    "auth",
    "client|getname",
    "client|help",
    "client|id",
    "client|info",
    "client|list",
    "client|no-evict",
    "client|no-touch",
    "client|setinfo",
    "client|setname",
    "cluster|help",
    "cluster|info",
    "cluster|keyslot",
    "cluster|links",
    "cluster|myid",
    "cluster|myshardid",
    "cluster|nodes",
    "cluster|shards",
    "cluster|slots",
    "cluster|voters",
    "command",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|info",
    "command|list",
    "config|get",
    "echo",
    "hello",
    "multi",
    "ping",
    "psubscribe",
    "publish",
    "punsubscribe",
    "quit",
    "readonly",
    "readwrite",
    "select",
    "subscribe",
    "time",
    "unsubscribe",
];

/// What a request needs. A command that is refused because of how it is written needs nothing.
pub(crate) fn place(args: Args<'_>, session: &Session) -> Place {
    let Ok((_, command)) = table::resolve_entry(args) else {
        return Place::First;
    };
    if table::check_arity(command, args.len()).is_err() {
        return Place::First;
    }
    if keys::has_keys(command) {
        return match needs_only_keys(command) && is_in_the_middle_of_nothing(session) {
            true => the_slot(command, args).map_or(Place::Gathered, Place::Slot),
            false => Place::Gathered,
        };
    }
    match session.transaction.is_none() && LIGHT.binary_search(&command.name).is_ok() {
        true => Place::First,
        false => Place::Gathered,
    }
}

/// Whether the handler looks at nothing but keys, and nobody waits in it.
fn needs_only_keys(command: &Command) -> bool {
    const OTHERS: Flags = Flags::BLOCKING.union(Flags::PUBSUB).union(Flags::ADMIN);
    matches!(command.run, Run::Shard(_))
        && !command.flags.intersects(OTHERS)
        && !matches!(command.name, "watch" | "migrate")
}

fn is_in_the_middle_of_nothing(session: &Session) -> bool {
    session.authenticated
        && session.transaction.is_none()
        && session.watched == 0
        && session.subscriptions == 0
        && session.tracking == Tracks::Nothing
        && session.attachment.is_none()
        && !session.is_asking
        && session.db == 0
}

/// The slot of all keys; none if they are of several.
fn the_slot(command: &Command, args: Args<'_>) -> Option<Slot> {
    let (mut slot, mut is_one) = (None, true);
    keys::each(command, args, |key| {
        let of_key = args.get(key.at).map(Slot::of);
        is_one &= of_key.is_some() && slot.is_none_or(|slot| Some(slot) == of_key);
        slot = of_key;
    })
    .ok()?;
    slot.filter(|_| is_one)
}

impl Shard {
    /// The same shard, which is one of several and not the first: it has no slot yet.
    #[must_use]
    pub fn beside_the_first(self) -> Self {
        Shard {
            is_first: false,
            share: Share::None,
            ..self
        }
    }

    /// Whether this is the first shard, and others have slots.
    #[inline]
    pub fn is_spread(&self) -> bool {
        self.is_first && self.share != Share::All
    }

    /// Whether it has slots, but not all.
    pub fn has_stretch(&self) -> bool {
        matches!(self.share, Share::Some(_))
    }

    /// Whether what happens next must see all slots: what the node may do, or what the cluster is, has changed.
    pub fn must_gather(&self) -> bool {
        self.seat.is_outdated(&self.node) || self.node.params_changed(&self.params)
    }

    /// Whether a shard without all slots may not run a request.
    #[inline(never)]
    pub(super) fn stops_before(&self, args: Args<'_>, session: &Session) -> bool {
        let Share::Some(slots) = &self.share else {
            return true;
        };
        // What is evicted is chosen among all keys.
        if self.is_above_limit() {
            return true;
        }
        match place(args, session) {
            Place::Slot(slot) => !slots.contains(&u16::from(slot)),
            Place::First => !self.is_first,
            Place::Gathered => true,
        }
    }

    fn is_above_limit(&self) -> bool {
        let limit = self.params.maxmemory as usize;
        limit > 0 && memory::used() > limit
    }

    /// Where to cut the slots so that all shards have some; none if they must stay together.
    pub fn divide(&self) -> Option<Stretches> {
        let (shards, replication) = (self.node.spread.shards(), &self.node.replication);
        let leads = self
            .seat
            .picture
            .as_ref()
            .is_some_and(|picture| picture.routing.leads());
        let nobody_needs_all = self.watches.is_empty()
            && self.tracking.is_empty()
            && self.outgoing.monitors.is_empty()
            && self.blocked.is_empty()
            && self.migrations.is_empty()
            && self.snapshot.is_none()
            && self.seat.is_quiet();
        let is_free = self.is_serving()
            && leads
            && !self.standing.is_replica
            && matches!(replication.failover(), Failover::None)
            && !self.node.pause.holds_expiry(self.now_ms)
            && !self.node.is_ending()
            && !self.must_gather()
            && self.params.notify_keyspace_events.is_empty()
            && !self.is_above_limit();
        match self.share == Share::All && nobody_needs_all && is_free {
            true => self.dbs.divide(shards).map(Stretches::new),
            false => None,
        }
    }

    /// Gives the keys of these slots away.
    pub fn give(&mut self, slots: Range<u16>) -> Option<Portion> {
        self.dbs.take_portion(slots)
    }

    /// From now on it has these slots only.
    pub fn keep(&mut self, slots: Range<u16>) {
        self.share = Share::Some(slots);
    }

    /// Takes the keys of these slots from the first shard.
    pub fn take_stretch(&mut self, portion: Portion, slots: Range<u16>) {
        self.dbs.put_portion(portion);
        self.share = Share::Some(slots);
    }

    /// Gives the first shard back what it has.
    pub fn give_back(&mut self) -> Option<Portion> {
        match std::mem::replace(&mut self.share, Share::None) {
            Share::Some(slots) => self.dbs.take_portion(slots),
            Share::All | Share::None => None,
        }
    }

    /// Takes back what another shard had.
    pub fn take_back(&mut self, portion: Portion) {
        self.dbs.put_portion(portion);
    }

    /// All slots are here again.
    pub fn keep_all(&mut self) {
        self.share = Share::All;
    }

    /// What a shard beside the first does by itself; false if it has no key any more.
    pub fn tick_beside(&mut self) -> bool {
        if !self.has_stretch() {
            return true;
        }
        self.expire();
        self.note_expired();
        self.tell();
        self.dbs.iter().any(|db| !db.is_empty())
    }

    /// What it has counted since the last call; none if nothing.
    pub fn take_tally(&mut self) -> Option<Tally> {
        let changes = std::mem::take(&mut self.changes.total);
        let tally = self.stats.take_tally(&mut self.dbs, changes);
        (!tally.is_empty()).then_some(tally)
    }

    /// Takes over what the other shards have counted.
    pub fn absorb_tallies(&mut self) {
        for tally in self.node.spread.take_tallies() {
            self.changes.total += tally.changes();
            self.stats.absorb(tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::testing::client;
    use crate::session::{OwnedRequest, Transaction};

    fn place_of(line: &str, session: &Session) -> Place {
        let request = OwnedRequest::new(
            line.split(' ')
                .map(str::as_bytes)
                .collect::<Vec<_>>()
                .into_iter(),
        );
        place(request.args(), session)
    }

    fn session() -> Session {
        Session::new(client(1), true)
    }

    #[test]
    fn light_commands_are_in_order_and_there_are_commands_of_these_names() {
        assert!(LIGHT.is_sorted());
        for name in LIGHT {
            let command = table::ids().map(table::CommandId::command);
            let mut command = command.filter(|command| command.name == *name);
            let command = command.next().unwrap_or_else(|| panic!("{name}"));
            assert!(command.keys.is_empty(), "{name}");
        }
    }

    #[test]
    fn requests_for_keys_of_one_slot_go_to_their_slot() {
        let foo = Place::Slot(Slot::of(b"foo"));
        for line in [
            "GET foo",
            "SET foo v EX 10",
            "MSET {foo}1 a {foo}2 b",
            "DEL {foo}1 {foo}2 foo",
            "LPUSH foo a",
            "ZUNIONSTORE {foo}1 2 {foo}2 {foo}3",
            "OBJECT ENCODING foo",
            "SORT foo",
            "RENAME foo {foo}2",
            "DUMP foo",
        ] {
            assert_eq!(place_of(line, &session()), foo, "{line}");
        }
    }

    #[test]
    fn what_is_not_about_keys_alone_needs_all_slots() {
        for line in [
            "WATCH foo",
            "BLPOP foo 0",
            "MIGRATE h 1 foo 0 10",
            "MGET foo bar",
            "KEYS *",
            "SCAN 0",
            "DBSIZE",
            "RANDOMKEY",
            "FLUSHALL",
            "FLUSHDB",
            "INFO",
            "EXEC",
            "MONITOR",
            "CLIENT TRACKING on",
            "CLIENT PAUSE 10",
            "CLIENT KILL ID 3",
            "CLIENT UNBLOCK 3",
            "CONFIG SET maxmemory 1",
            "CLUSTER COUNTKEYSINSLOT 1",
            "CLUSTER GETKEYSINSLOT 1 1",
            "CLUSTER RESET",
            "WAIT 1 0",
            "BGSAVE",
            "SAVE",
            "DEBUG RELOAD",
            "PSYNC ? -1",
            "SHUTDOWN",
            "SSUBSCRIBE foo",
        ] {
            assert_eq!(place_of(line, &session()), Place::Gathered, "{line}");
        }
    }

    #[test]
    fn what_is_refused_whatever_keys_there_are_and_what_is_between_client_and_node_needs_no_slot() {
        for line in [
            "PING",
            "NOBODY foo",
            "GET",
            "CLUSTER SLOTS",
            "HELLO 3",
            "MULTI",
        ] {
            assert_eq!(place_of(line, &session()), Place::First, "{line}");
        }
    }

    #[test]
    fn a_client_in_the_middle_of_something_needs_all_slots() {
        let sessions: [fn(&mut Session); 7] = [
            |session| session.authenticated = false,
            |session| session.transaction = Some(Transaction::default()),
            |session| session.watched = 1,
            |session| session.subscriptions = 1,
            |session| session.tracking = Tracks::Reads,
            |session| session.is_asking = true,
            |session| session.db = 1,
        ];
        for change in sessions {
            let mut session = session();
            change(&mut session);
            assert_eq!(place_of("GET foo", &session), Place::Gathered);
        }
    }
}
