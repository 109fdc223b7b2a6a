//! CLUSTER LINKS.

use super::{Tree, View};
use crate::id::NodeId;
use crate::topology::Kind;

/// Who made a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    To,
    From,
}

/// One connection of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub direction: Direction,
    pub node: NodeId,
    pub created_ms: u64,
    /// Bytes wait that the peer did not take yet.
    pub is_writing: bool,
    pub buffer_bytes: u64,
    pub waiting_bytes: u64,
}

impl View<'_> {
    /// CLUSTER LINKS, in the order that is given, those to witnesses left out.
    pub fn links(&self, links: impl IntoIterator<Item = Link>) -> Tree {
        let is_shown = |link: &Link| {
            let member = self.topology.member(link.node);
            member.is_some_and(|member| member.kind == Kind::Data)
        };
        Tree::Array(links.into_iter().filter(is_shown).map(entry).collect())
    }
}

fn entry(link: Link) -> Tree {
    let direction = match link.direction {
        Direction::To => "to",
        Direction::From => "from",
    };
    let events = if link.is_writing { "rw" } else { "r" };
    Tree::Map(vec![
        ("direction", direction.into()),
        ("node", link.node.to_hex().into()),
        ("create-time", link.created_ms.into()),
        ("events", events.into()),
        ("send-buffer-allocated", link.buffer_bytes.into()),
        ("send-buffer-used", link.waiting_bytes.into()),
    ])
}
