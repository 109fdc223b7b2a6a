//! Which requests this node serves, by the slots of their keys; and what must go when slots go: keys, clients that wait for
//! them, listeners of their channels.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use almandine_cluster::frame::Publish;
use almandine_cluster::slot::Slot;
use almandine_cluster::view::{self, Down, Presence, Redirection};
use almandine_protocol::Reply;
use almandine_storage::Databases;

use super::Shard;
use crate::cluster::Picture;
use crate::commands::spec::{Command, Flags};
use crate::commands::{Args, Fault, keys};
use crate::pause::Purpose;
use crate::pubsub::Kind;
use crate::session::{OwnedRequest, Session, Transaction};

/// Keys that are removed with one DEL.
const KEYS_PER_DEL: usize = 64;

/// The slots of the keys of a request, as far as it matters which they are.
#[derive(Debug, Default)]
struct Slots {
    first: Option<Slot>,
    /// One that is not the first.
    other: Option<Slot>,
}

impl Slots {
    fn note(&mut self, name: &[u8]) {
        self.note_slot(Slot::of(name));
    }

    fn note_key(&mut self, dbs: &mut Databases, key: &[u8]) {
        let slot = match self.first {
            None => slot_of_first(dbs, key),
            Some(_) => slot_by_hash(dbs, key, dbs[0].hash_of(key)),
        };
        self.note_slot(slot);
    }

    fn note_slot(&mut self, slot: Slot) {
        match self.first {
            None => self.first = Some(slot),
            Some(first) if first != slot => self.other = Some(slot),
            Some(_) => {}
        }
    }
}

/// Commands that name shard channels.
fn is_shard_pubsub(command: &Command) -> bool {
    command.flags.contains(Flags::PUBSUB) && !command.keys.is_empty()
}

/// Shows the keys of a request, or its shard channels.
fn each_name<'a>(command: &Command, args: Args<'a>, mut visit: impl FnMut(&'a [u8])) {
    if is_shard_pubsub(command) {
        let end = match command.name {
            "spublish" => 2,
            _ => args.len(),
        };
        (1..end).for_each(|at| visit(args.at(at)));
        return;
    }
    // A request whose keys cannot be told is refused by its handler.
    let _ = keys::each(command, args, |key| {
        if let Some(key) = args.get(key.at) {
            visit(key);
        }
    });
}

/// Which keys of a request, or of all that is queued, are here.
fn presence(
    dbs: &mut Databases,
    command: &Command,
    args: Args<'_>,
    queued: Option<&Transaction>,
) -> Presence {
    let mut names = Vec::new();
    match queued {
        None => each_name(command, args, |name| names.push(name)),
        Some(transaction) => transaction.queued.iter().for_each(|queued| {
            let (command, args) = (queued.id.command(), queued.request.args());
            each_name(command, args, |name| names.push(name));
        }),
    }
    let here: Vec<bool> = names.iter().map(|name| dbs[0].contains(name)).collect();
    Presence::of(names.into_iter().zip(here))
}

/// The slot of the first key of a request that stays where it is until the request has run: it is made once.
#[inline]
fn slot_of_first(dbs: &mut Databases, key: &[u8]) -> Slot {
    let hash = dbs[0].hash_of(key);
    dbs.foresee(0, key, hash);
    slot_by_hash(dbs, key, hash)
}

#[inline]
fn slot_by_hash(dbs: &Databases, key: &[u8], hash: u64) -> Slot {
    let slot = dbs[0].slot_in(hash);
    let slot = slot.and_then(|slot| Slot::try_from(slot).ok());
    slot.unwrap_or_else(|| Slot::of(key))
}

impl Shard {
    /// Whether a request is served here, which needs to be asked of a node in a cluster only.
    #[inline]
    pub(super) fn admit_slots(
        &mut self,
        command: &Command,
        args: Args<'_>,
        session: &mut Session,
    ) -> Result<(), Fault> {
        let Some(picture) = &self.seat.picture else {
            return Ok(());
        };
        if command.has_one_key()
            && !session.is_asking
            && !self.seat.is_fenced
            && let Some(key) = args.get(1)
            && picture.routing.serves(slot_of_first(&mut self.dbs, key))
        {
            return Ok(());
        }
        self.route(command, args, session)
    }

    /// Sends a request elsewhere that this node does not serve. EXEC is judged by all that is queued.
    #[inline(never)]
    fn route(
        &mut self,
        command: &Command,
        args: Args<'_>,
        session: &mut Session,
    ) -> Result<(), Fault> {
        let is_asking = session.is_asking;
        if is_asking {
            forget_asking(command, session);
        }
        let transaction = session.transaction.as_ref();
        let queued = transaction.filter(|_| command.name == "exec");
        if command.keys.is_empty() && queued.is_none() {
            return Ok(());
        }
        let Some(picture) = &self.seat.picture else {
            return Ok(());
        };
        let (mut slots, mut flags) = (Slots::default(), command.flags);
        let mut is_channel = is_shard_pubsub(command);
        match queued {
            None if is_channel => each_name(command, args, |name| slots.note(name)),
            None => {
                let dbs = &mut self.dbs;
                each_name(command, args, |name| slots.note_key(dbs, name));
            }
            Some(transaction) => transaction.queued.iter().for_each(|queued| {
                let command = queued.id.command();
                flags |= command.flags;
                is_channel |= is_shard_pubsub(command);
                each_name(command, queued.request.args(), |name| slots.note(name));
            }),
        }
        let call = view::Call {
            is_write: flags.contains(Flags::WRITE),
            is_asking: is_asking || flags.contains(Flags::ASKING),
            is_readonly: session.is_readonly,
            is_shard_pubsub: is_channel,
            is_migrate: command.name == "migrate",
        };
        let dbs = &mut self.dbs;
        let has_slots = slots.first.is_some();
        let slots = slots.first.into_iter().chain(slots.other);
        picture
            .routing
            .route(slots, call, || presence(dbs, command, args, queued))
            .map_err(|elsewhere| Fault::text(elsewhere.to_string()))?;
        let reads = !call.is_write && self.params.cluster_allow_reads_when_down;
        match self.seat.is_fenced && has_slots && !reads {
            true => Err(Fault::text(Redirection::Down(Down::Cluster).to_string())),
            false => Ok(()),
        }
    }

    /// Whether the node may act as the primary that it is, for the batch that begins, and has replicas enough.
    #[inline]
    pub(super) fn look_at_lease(&mut self, now: Instant) {
        let (Some(cluster), Some(picture)) = (&self.node.cluster, &self.seat.picture) else {
            return;
        };
        let may_lead = !self.standing.is_replica && cluster.may_lead(self.node.uptime_ms_at(now));
        self.seat.lacks_lease = !may_lead;
        self.seat.is_fenced = picture.routing.leads() && !may_lead;
        let least = self.params.min_insync as usize;
        let is_short = picture.in_sync_count.is_some_and(|count| count < least);
        self.lacks_replicas |= is_short && !self.standing.is_replica;
    }

    /// The node is named as the primary of its slots and may act in a moment: whoever has followed the redirection to it waits
    /// for that instead of hearing an error.
    #[cold]
    pub(super) fn will_lead_soon(&self, fault: &Fault) -> bool {
        let is_fenced = self.seat.is_fenced && fault.code() == "CLUSTERDOWN";
        is_fenced && self.node.pause.is_on(Purpose::Accession, self.now_ms)
    }

    /// The cluster is another one: clients must not wait here for what will happen elsewhere, nor listen.
    #[cold]
    pub(super) fn look_at_picture(&mut self) {
        let Some(cluster) = &self.node.cluster else {
            return;
        };
        let before = self.seat.picture.replace(cluster.picture());
        if !self.is_first {
            // The first shard gathers for what follows from it.
            return;
        }
        if let (Some(before), Some(now)) = (before, &self.seat.picture)
            && !Arc::ptr_eq(&before.topology, &now.topology)
        {
            for slot in Slot::all() {
                let is_others = now.routing.owner(slot).is_some() && !now.routing.is_mine(slot);
                match is_others && before.routing.is_mine(slot) {
                    true => self.seat.lost.insert(slot),
                    // Given back, or nobody's: who has its keys may be the last who does.
                    false if !is_others => self.seat.lost.remove(slot),
                    false => false,
                };
            }
        }
        self.sweep();
        self.redirect_blocked();
        self.close_channels();
    }

    /// A client of another node has published this.
    pub fn tell_listeners(&mut self, publish: &Publish) {
        let kind = match publish.is_shard {
            true => Kind::Shard,
            false => Kind::Channel,
        };
        let (pubsub, outgoing) = (self.pubsub.borrow(), &mut self.outgoing);
        pubsub.publish(
            kind,
            &publish.channel,
            &publish.message,
            &mut |client, bytes| {
                outgoing.push(client, bytes);
            },
        );
    }

    /// Removes the keys of slots that were this node's and are another shard's by now: there they live on. Keys of slots that
    /// it never led stay, as in Redis: a tool that mends a cluster looks for them.
    pub fn sweep(&mut self) {
        if !self.is_serving() {
            return;
        }
        let lost = std::mem::take(&mut self.seat.lost);
        let Some(picture) = self.seat.picture.clone() else {
            return;
        };
        if self.standing.is_replica || !picture.topology.leads(picture.myself) {
            // What a replica has follows from its primary.
            return;
        }
        for slot in lost.iter() {
            match picture.routing.is_open(slot) {
                true => drop(self.seat.lost.insert(slot)),
                false => self.drop_keys_of(slot),
            }
        }
    }

    fn drop_keys_of(&mut self, slot: Slot) {
        let mut session = Session::internal();
        loop {
            let keys = self.dbs[0].keys_in_slot(slot.into(), KEYS_PER_DEL);
            if keys.is_empty() {
                return;
            }
            let words: Vec<&[u8]> = std::iter::once(b"DEL".as_slice())
                .chain(keys.iter().map(Vec::as_slice))
                .collect();
            let request = OwnedRequest::new(words.into_iter());
            // DEL refuses nothing.
            let _ = self.replay(request.args(), &mut session, &mut Vec::new());
        }
    }

    /// Clients that wait for keys are told where those are now.
    fn redirect_blocked(&mut self) {
        let Some(picture) = self.seat.picture.clone() else {
            return;
        };
        for client in self.blocked.who_wait_for_data() {
            let Some(waiter) = self.blocked.get(client) else {
                continue;
            };
            let Some(key) = waiter.waiting.wait.keys.first() else {
                continue;
            };
            let call = view::Call {
                is_write: waiter.waiting.id.command().flags.contains(Flags::WRITE),
                // It has come in before: an open slot may still get the key.
                is_asking: true,
                is_readonly: waiter.session.is_readonly,
                ..view::Call::default()
            };
            let here = || Presence {
                some_here: true,
                ..Presence::default()
            };
            if let Err(elsewhere) = picture.routing.route([Slot::of(key)], call, here) {
                let fault = Fault::text(elsewhere.to_string());
                let mut answer = Vec::new();
                Reply::new(&mut answer, waiter.session.version).error(fault.text_bytes());
                self.release_as(client, answer, Some(fault.code()));
            }
        }
    }

    /// Listeners of channels whose slots are gone are told that they listen no more.
    fn close_channels(&mut self) {
        let Some(picture) = &self.seat.picture else {
            return;
        };
        let mut pubsub = self.pubsub.borrow_mut();
        let gone: Vec<Vec<u8>> = pubsub
            .active(Kind::Shard)
            .filter(|channel| !has_channel(picture, Slot::of(channel)))
            .map(<[u8]>::to_vec)
            .collect();
        for channel in gone {
            pubsub.close_shard_channel(&channel, &mut |client, bytes| {
                self.outgoing.push(client, bytes);
            });
        }
    }

    /// The session of a subscriber learns which of its subscriptions the cluster has ended.
    pub(super) fn look_at_subscriptions(&self, session: &mut Session) {
        let counts = self.pubsub.borrow().counts(session.id());
        session.subscriptions = counts.iter().sum();
    }
}

/// Whether listeners of a slot's channels are at the right place: with any member of its shard.
fn has_channel(picture: &Picture, slot: Slot) -> bool {
    let own = picture.topology.member(picture.myself);
    let own = own.map(|member| member.shard);
    let owner = picture.routing.owner(slot).map(|owner| owner.shard);
    (owner.is_some() && owner == own) || picture.routing.is_open(slot)
}

/// ASKING holds for one command, and through a transaction that it precedes.
fn forget_asking(command: &Command, session: &mut Session) {
    let begins = session.transaction.is_none() && command.name == "multi";
    let goes_on = session.transaction.is_some() && !matches!(command.name, "exec" | "discard");
    session.is_asking = begins || goes_on;
}
