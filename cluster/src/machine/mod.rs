//! One node's part in the cluster: events in, ordered effects out.
//!
//! ```text
//!   Event ──▶ inbox.rs ▶ mod.rs ─┬─▶ meet.rs     who joins whom, and how
//!    (waits while the disk       ├─▶ ask.rs      what this node wants of the cluster, until it is done
//!     has something to keep)     ├─▶ govern.rs   the leader: who takes part, who votes
//!                                ├─▶ leave.rs    out of the cluster, and alone again
//!                                ├─▶ force.rs    a failover without the primary
//!                                ├─▶ lines.rs    other lines of history
//!                                ├─▶ currency.rs whether this node knows what was decided
//!                                ├─▶ pace.rs     how fast time passes for the log
//!                                └─▶ turns.rs    raft/, the log, turn by turn
//!                                      │
//!   Effect ◀── Persist, and when that is done: Send, Changed, Answer
//! ```
//!
//! While something is on its way to the disk no other event is looked at: nothing is said that rests on what may be lost.

mod ask;
mod currency;
mod dice;
mod force;
mod govern;
mod inbox;
mod leave;
mod lines;
mod meet;
mod pace;
mod standing;
mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use self::ask::{Asker, Asks};
use self::currency::Currency;
use self::dice::Dice;
use self::force::{Forced, Forcing};
use self::leave::Resetting;
use self::meet::Meeting;
use self::pace::Pace;
pub use self::standing::Voters;
use self::turns::Pending;
use crate::frame::{Body, Frame, VERSION};
use crate::id::{ClusterId, NodeId, ShardId};
use crate::raft::state::State;
pub use crate::raft::state::{Order, Request, Seat, Stamp};
use crate::raft::{Engine, Nonsense};
use crate::record::{self, Damaged, Generation, Identity, Records, Write};
use crate::switches::{Rule, is_off};
use crate::topology::{Address, Admission, Applied, Kind, RaftId, Refusal, Topology};

/// Milliseconds that an [`Event::Tick`] stands for.
pub const TICK_MS: u64 = 25;
/// Ticks between two attempts (200 ms), and after which a client is told that it is in vain (5 s).
const AGAIN: u32 = 8;
const PATIENCE: u32 = 200;

/// What happens to a machine.
#[derive(Debug, Clone)]
pub enum Event {
    /// [`TICK_MS`] have passed.
    Tick,
    /// A frame of another node; `seen` = the address that it came from.
    Received { frame: Frame, seen: Option<IpAddr> },
    /// What [`Effect::Persist`] with this number has asked for is durable.
    Persisted { number: u64 },
    /// A client wants something changed; [`Effect::Answer`] follows.
    Propose { client: u64, order: Order },
    /// CLUSTER MEET; [`Effect::Answer`] follows.
    Meet {
        client: u64,
        ip: IpAddr,
        bus_port: u16,
    },
    /// CLUSTER RESET; [`Effect::Answer`] follows.
    Reset { client: u64, is_hard: bool },
    /// CLUSTER FAILOVER FORCE or TAKEOVER, said to this node; [`Effect::Answer`] follows. `is_in_sync` = it has every write
    /// that was acknowledged.
    Force {
        client: u64,
        is_takeover: bool,
        is_in_sync: bool,
    },
    /// The failure detector hears nothing of this node any more, or hears it again.
    Silent { node: NodeId, is_silent: bool },
    /// Nothing can be sent to this node at present.
    LinkLost { node: NodeId },
    /// The node is reached here from now on.
    Readdressed(Address),
    /// Whether the node has keys: whoever has some stays when two meet.
    HoldsKeys(bool),
}

/// What a machine wants done, in this order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Make these durable, all or none, then say [`Event::Persisted`]. Never two at a time.
    Persist { number: u64, writes: Vec<Write> },
    /// To a node. The address is the one that the cluster knows; none = answer on the link that it has come over.
    Send {
        to: NodeId,
        address: Option<Address>,
        frame: Frame,
    },
    /// To an address of which no more is known.
    Dial {
        ip: IpAddr,
        bus_port: u16,
        frame: Frame,
    },
    /// [`Machine::topology`], [`Machine::identity`], [`Machine::is_current`] or who leads is another one.
    Changed,
    /// A client's request is done, or not.
    Answer {
        client: u64,
        outcome: Result<Applied, Refusal>,
    },
    /// The node must end at once, and not be started again with these records.
    Halt { reason: String },
}

/// Whom a fresh machine works for.
#[derive(Debug, Clone)]
pub struct Founder {
    pub node: NodeId,
    pub kind: Kind,
    pub address: Address,
    /// Decides all its dice.
    pub seed: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    identity: Identity,
    engine: Engine,
    address: Address,
    holds_keys: bool,
    dice: Dice,
    /// Indexes of the entries that are durable.
    held: std::ops::Range<u64>,
    number: u64,
    pending: Option<Pending>,
    inbox: VecDeque<Event>,
    /// Those that have passed since the disk has something to keep.
    ticks: u32,
    pace: Pace,
    effects: Vec<Effect>,
    asks: Asks,
    currency: Currency,
    meetings: Vec<Meeting>,
    forcing: Option<Forcing>,
    /// Ticks without a leader.
    leaderless: u32,
    /// A leader that is out: ticks until it goes.
    farewell: Option<u32>,
    /// Ticks without a word of the log.
    lost: u32,
    /// Ticks since the node wants to be taken in.
    join_age: u32,
    /// Ticks since those who have not taken their place were told of it.
    welcome_age: u32,
    /// A client that waits for the end of its CLUSTER RESET.
    resetting: Option<Resetting>,
    /// Whether the node was a replica when the log last had a place for it.
    follows: bool,
    /// The leader: who wants to be taken in, and who is to go.
    wanted: BTreeMap<NodeId, Seat>,
    leaving: Vec<Request>,
    /// Who is not heard, and for how many ticks.
    silent: BTreeMap<NodeId, u32>,
    /// Who spoke under which name of the log, before the topology says it.
    routes: BTreeMap<RaftId, NodeId>,
    leader: RaftId,
    /// [`Machine::may_be_deposed`], as it was told.
    deposable: BTreeSet<NodeId>,
    /// Frames that were dropped.
    dropped: u64,
}

impl Machine {
    /// A cluster of one that nobody has heard of; with what it wants done first.
    pub fn found(founder: Founder) -> (Machine, Vec<Effect>) {
        let mut dice = Dice::new(founder.seed);
        let (cluster, shard) = (ClusterId::new(dice.id()), ShardId::new(dice.id()));
        let identity = Identity {
            node: founder.node,
            kind: founder.kind,
            shard,
            cluster,
            generation: Generation {
                counter: 1,
                maker: founder.node,
            },
            raft_id: 1,
            join: 0,
            joining: None,
            sponsor: None,
            superior: None,
            start: 1,
        };
        let admission = admission(&identity, &founder.address);
        let state = State::new(Topology::alone(cluster, shard, admission));
        let log = Engine::first_log(1, state);
        let engine = Engine::new(1, log).expect("the first log is in order");
        let mut machine = Machine::with(identity, engine, founder.address, dice, 2..2);
        machine.persist_first();
        let effects = machine.take_effects();
        (machine, effects)
    }

    /// Goes on where the records end.
    pub fn recover(
        records: &Records,
        address: Address,
        seed: u64,
    ) -> Result<(Machine, Vec<Effect>), Damaged> {
        let (mut identity, log, held) = record::read(records)?;
        identity.start += 1;
        let engine = Engine::new(identity.raft_id, log).map_err(Damaged)?;
        let changed = record::of_identity(&identity);
        let mut machine = Machine::with(identity, engine, address, Dice::new(seed), held);
        machine.persist(vec![changed], Pending::Nothing);
        let effects = machine.take_effects();
        Ok((machine, effects))
    }

    fn with(
        identity: Identity,
        engine: Engine,
        address: Address,
        dice: Dice,
        held: std::ops::Range<u64>,
    ) -> Machine {
        let mut machine = Machine {
            identity,
            engine,
            address,
            holds_keys: false,
            dice,
            held,
            number: 0,
            pending: None,
            inbox: VecDeque::new(),
            ticks: 0,
            pace: Pace::default(),
            effects: Vec::new(),
            asks: Asks::default(),
            currency: Currency::default(),
            meetings: Vec::new(),
            forcing: None,
            leaderless: 0,
            farewell: None,
            lost: 0,
            join_age: 0,
            welcome_age: 0,
            resetting: None,
            follows: false,
            wanted: BTreeMap::new(),
            leaving: Vec::new(),
            silent: BTreeMap::new(),
            routes: BTreeMap::new(),
            leader: 0,
            deposable: BTreeSet::new(),
            dropped: 0,
        };
        machine.note_place();
        machine
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the cluster looks like from here.
    pub fn topology(&self) -> &Topology {
        &self.engine.state().topology
    }

    /// Frames that could not be obeyed, since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes an event; returns what is to be done now.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match (event, self.pending.is_some()) {
            (Event::Persisted { number }, true) if number == self.number => {
                self.pace.wrote(self.ticks);
                self.persisted();
            }
            (Event::Persisted { .. }, _) => {}
            (Event::Tick, true) => self.ticks += 1,
            (event, true) => self.defer(event),
            (event, false) => {
                self.obey(event);
                self.pump();
            }
        }
        // What has waited is looked at as a whole, and written down at once: one by one it could take longer than it takes others
        // to send more.
        while let Some(event) = self.next_event() {
            self.obey(event);
            while let Some(event) = self.next_event() {
                self.obey(event);
            }
            self.pump();
        }
        self.take_effects()
    }

    fn obey(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Received { frame, seen } => self.receive(frame, seen),
            Event::Persisted { .. } => {}
            Event::Propose { client, order } => self.ask(Asker::Client(client), order),
            Event::Meet {
                client,
                ip,
                bus_port,
            } => self.meet(client, ip, bus_port),
            Event::Reset { client, is_hard } => self.reset(client, is_hard),
            Event::Force {
                client,
                is_takeover,
                is_in_sync,
            } => self.force(Forced {
                client,
                is_takeover,
                is_in_sync,
            }),
            Event::Silent { node, is_silent } => self.note_silence(node, is_silent),
            Event::LinkLost { node } => {
                if let Some(member) = self.topology().member(node) {
                    let raft_id = member.raft_id;
                    self.engine.is_unreachable(raft_id);
                }
            }
            Event::Readdressed(address) => self.address = address,
            Event::HoldsKeys(holds_keys) => self.holds_keys = holds_keys,
        }
    }

    fn tick(&mut self) {
        self.tick_silence();
        if !self.is_superseded() {
            if self.pace.tick() {
                self.engine.tick();
            }
            self.engine.lead_if_alone();
            self.govern();
            self.welcome_again();
            self.tick_currency();
            self.tell_address();
        }
        self.tick_asks();
        self.tick_meetings();
        // Each of these may end the log that the others are about.
        let ends = [
            Self::tick_reset,
            Self::tick_lost,
            Self::tick_farewell,
            Self::tick_force,
        ];
        for tick in ends {
            if self.pending.is_none() {
                tick(self);
            }
        }
    }

    /// Whether the log has begun: between the word that a node is in and its first snapshot it has not.
    fn knows_the_log(&self) -> bool {
        self.engine.log().applied() > 0
    }

    fn receive(&mut self, frame: Frame, seen: Option<IpAddr>) {
        if frame.from == self.identity.node {
            self.dropped += 1;
            return;
        }
        let is_kin = frame.cluster == self.identity.cluster;
        if is_kin {
            self.compare_lines(frame.from, frame.generation, &frame.body);
        }
        let is_own_line =
            frame.generation == self.identity.generation || is_off(Rule::LinesAreApart);
        let is_ours = is_kin && is_own_line && !self.is_superseded();
        match frame.body {
            Body::Hello(hello) => self.hello(frame.from, frame.cluster, hello, seen),
            Body::Join { seat, line } => self.join(seat, line, seen),
            Body::Accepted { raft_id, join } => {
                let generation = frame.generation;
                self.accepted(frame.from, frame.cluster, generation, raft_id, join);
            }
            Body::Elsewhere { join } => self.let_go(frame.from, join),
            Body::Removed { raft_id } if is_ours && raft_id == self.engine.id() => self.leave(),
            Body::Lost { raft_id } if is_ours => {
                self.look_for(frame.from, raft_id);
            }
            Body::Ask(request) if is_ours => self.take(request),
            Body::Raft(bytes) if is_ours => self.step(frame.from, &bytes),
            Body::Dismissed { join } if frame.cluster == self.identity.cluster => {
                self.dismissed(frame.generation, join);
            }
            Body::Call => self.called(frame.from, frame.cluster),
            Body::Lost { .. }
            | Body::Removed { .. }
            | Body::Dismissed { .. }
            | Body::Ask(_)
            | Body::Raft(_)
            | Body::Failover(_)
            | Body::Publish(_) => {
                self.dropped += 1;
            }
        }
    }

    fn step(&mut self, from: NodeId, bytes: &[u8]) {
        let Some(sender) = Engine::sender(bytes) else {
            self.dropped += 1;
            return;
        };
        if self.look_for(from, sender) {
            return;
        }
        match self.engine.step(bytes) {
            Ok(()) => {
                self.lost = 0;
                self.routes.insert(sender, from);
            }
            Err(Nonsense::Malformed(_)) => self.dropped += 1,
            Err(Nonsense::LostLog) => {
                let reason = "this node has lost what it had confirmed to the cluster".to_owned();
                self.effects.push(Effect::Halt { reason });
            }
        }
    }

    fn answer(&mut self, client: u64, outcome: Result<Applied, Refusal>) {
        self.effects.push(Effect::Answer { client, outcome });
    }

    /// What this node says, within its cluster and generation.
    pub fn frame(&self, body: Body) -> Frame {
        Frame {
            version: VERSION,
            cluster: self.identity.cluster,
            generation: self.identity.generation,
            from: self.identity.node,
            body,
        }
    }

    fn send(&mut self, to: NodeId, body: Body) {
        let member = self.topology().member(to);
        let address = member.map(|member| member.address.clone());
        self.send_to(to, address, body);
    }

    fn send_to(&mut self, to: NodeId, address: Option<Address>, body: Body) {
        let frame = self.frame(body);
        self.effects.push(Effect::Send { to, address, frame });
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

fn admission(identity: &Identity, address: &Address) -> Admission {
    Admission {
        node: identity.node,
        join: identity.join,
        kind: identity.kind,
        address: address.clone(),
    }
}

#[cfg(test)]
mod tests;
