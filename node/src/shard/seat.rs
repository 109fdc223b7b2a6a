//! The shard's seat in the cluster: the picture by which it routes, what the running command wants changed of it, and who
//! waits until that is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use almandine_cluster::id::NodeId;
use almandine_cluster::machine::Order;
use almandine_cluster::slot::SlotSet;
use almandine_cluster::topology::{Applied, Change, Forgetting, Refusal, Topology};

use super::deciding::Awaiting;
use crate::actors::config::messages::Wanted;
use crate::cluster::{Cluster, Picture};
use crate::node::Node;

/// See the module.
#[derive(Debug, Default)]
pub struct Seat {
    /// As it was when the batch began; none = the node stands alone.
    pub(super) picture: Option<Arc<Picture>>,
    /// The topology as it will be when everything is done that the command wants; none = it wants nothing.
    draft: Option<Topology>,
    wanted: Vec<Wanted>,
    /// By the ticket of their wish.
    pub(super) awaiting: BTreeMap<u64, Awaiting>,
    pub(super) last_ticket: u64,
    /// The node leads its shard, but may not act so: another one may have taken its place.
    pub(super) is_fenced: bool,
    /// See [`Seat::lacks_lease`].
    pub(super) lacks_lease: bool,
    /// Slots that were this node's and are another shard's, whose keys are here yet.
    pub(super) lost: SlotSet,
}

impl Seat {
    /// Of a node as it is now.
    pub fn of(node: &Node) -> Seat {
        let picture = node.cluster.as_ref().map(Cluster::picture);
        Seat {
            picture,
            ..Seat::default()
        }
    }

    /// Whether the node is in a cluster.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        self.picture.is_some()
    }

    /// Whether the node may not act as a primary at this moment, should it be one.
    pub fn lacks_lease(&self) -> bool {
        self.lacks_lease
    }

    /// The picture in force for this batch.
    pub fn picture(&self) -> Option<&Arc<Picture>> {
        self.picture.as_ref()
    }

    /// Whether the cluster is another one than this batch believes.
    #[inline]
    pub(super) fn is_outdated(&self, node: &Node) -> bool {
        match (&self.picture, &node.cluster) {
            (Some(known), Some(cluster)) => cluster.has_changed(known),
            _ => false,
        }
    }

    /// The topology with what the running command, or transaction, has changed already.
    pub fn topology(&self) -> Option<&Topology> {
        let drawn = self.picture.as_ref().map(|picture| &*picture.topology);
        self.draft.as_ref().or(drawn)
    }

    /// The running command wants this change. What it answers holds if nobody comes between; a change that is refused here
    /// is not asked for.
    pub fn propose(&mut self, change: Change) -> Result<Applied, Refusal> {
        let applied = self.draft_mut()?.apply(&change)?;
        self.order(Order::Change(change));
        Ok(applied)
    }

    /// The running command wants a node forgotten.
    pub fn forget(&mut self, by: NodeId, node: NodeId) -> Result<(), Refusal> {
        let draft = self.draft_mut()?;
        if draft.may_forget(by, node)? == Forgetting::Due {
            draft.dismiss(node)?;
            self.order(Order::Forget(node));
        }
        Ok(())
    }

    /// The running command wants what no draft can show.
    pub fn want(&mut self, wanted: Wanted) {
        self.wanted.push(wanted);
    }

    fn draft_mut(&mut self) -> Result<&mut Topology, Refusal> {
        let alone = || Refusal("ERR This instance has cluster support disabled".to_owned());
        let picture = self.picture.as_ref().ok_or_else(alone)?;
        let drawn = || Topology::clone(&picture.topology);
        Ok(self.draft.get_or_insert_with(drawn))
    }

    /// Orders that follow each other are one wish.
    fn order(&mut self, order: Order) {
        match self.wanted.last_mut() {
            Some(Wanted::Orders(orders)) => orders.push(order),
            _ => self.wanted.push(Wanted::Orders(vec![order])),
        }
    }

    /// Whether the command that has run has wanted nothing, not even what was refused.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.draft.is_none() && self.wanted.is_empty()
    }

    /// Whether nobody waits for a decision, and no keys are to go.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_idle() && self.awaiting.is_empty() && self.lost.is_empty()
    }

    /// The draft is over; these are the wishes of the command that has run, in their order.
    pub(super) fn take_wanted(&mut self) -> Vec<Wanted> {
        self.draft = None;
        std::mem::take(&mut self.wanted)
    }

    /// What the running command wants so far.
    #[cfg(test)]
    pub(crate) fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }
}
