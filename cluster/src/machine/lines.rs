//! Lines of history: a forced failover begins a new one, and the highest wins everywhere.
//!
//! ```text
//!   A was away; B has begun line 2
//!   A ── anything of line 1 ──▶ B
//!   A ◀── Call (line 2) ─────── B      A gives its log up, and remembers why
//!   A ── Join ────────────────▶ B      ... until it is in: under a new name, as one that knows nothing
//! ```
//!
//! A frame of another line is answered, and never obeyed. Who makes a line calls the members that have no part in it yet, or
//! two that have both been forced would never hear of each other.

use super::{Effect, Machine, Pending};
use crate::frame::Body;
use crate::id::{ClusterId, NodeId};
use crate::record::{self, Generation, Identity, Joining};

impl Machine {
    /// Whether the node has given its log up for a higher line.
    pub(super) fn is_superseded(&self) -> bool {
        self.identity.superior.is_some()
    }

    /// A frame of this cluster says which line its sender is in.
    pub(super) fn compare_lines(&mut self, from: NodeId, line: Generation, body: &Body) {
        let own = self.identity.generation;
        if line > self.identity.superior.unwrap_or(own) {
            self.give_up(from, line);
        } else if line < own && !matches!(body, Body::Hello(_) | Body::Join { .. }) {
            self.send(from, Body::Call);
        }
    }

    /// Who may be asked to be taken in by the line of which `from` speaks; nobody, if `from` has no right to speak for this
    /// cluster. A node that was let go goes on under its name until it hears of that, and may be forced meanwhile.
    fn gate(&self, from: NodeId, line: Generation) -> Option<Joining> {
        let member = |node: NodeId| {
            let address = self.topology().member(node)?.address.clone();
            Some(Joining { by: node, address })
        };
        let sponsor = self.identity.sponsor.clone();
        let sponsor = sponsor.filter(|sponsor| sponsor.by == from && !self.knows_the_log());
        member(from).or(sponsor).or_else(|| member(line.maker))
    }

    /// There is a higher line: the node's own log counts no more, whatever it holds.
    fn give_up(&mut self, by: NodeId, line: Generation) {
        let Some(joining) = self.gate(by, line) else {
            self.dropped += 1;
            return;
        };
        self.identity.superior = Some(line);
        self.identity.join += 1;
        self.identity.joining = Some(joining);
        self.join_age = 0;
        self.engine.stand_back();
        self.farewell = None;
        self.wanted.clear();
        self.leaving.clear();
        self.currency.begin();
        self.effects.push(Effect::Changed);
        let identity = record::of_identity(&self.identity);
        self.persist(vec![identity], Pending::Nothing);
    }

    /// A line counts on this node. It may have gone back to before the node was let go.
    pub(super) fn called(&mut self, by: NodeId, cluster: ClusterId) {
        if cluster != self.identity.cluster {
            // What it is asking for right now may become true.
            let Identity { join, joining, .. } = &self.identity;
            let join = join.saturating_sub(u64::from(joining.is_some()));
            self.send(by, Body::Elsewhere { join });
        }
    }

    /// The node is no member of the line that it wants to be in.
    pub(super) fn dismissed(&mut self, line: Generation, join: u64) {
        let superior = self.identity.superior;
        let is_meant = superior.is_some_and(|superior| line >= superior);
        if is_meant && join == self.identity.join {
            self.leave();
        }
    }
}
