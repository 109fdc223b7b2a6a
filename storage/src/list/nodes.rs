//! A list as a sequence of listpacks, which is how RDB files hold one.

use std::collections::VecDeque;

use super::{Bound, Chain, List, NODE_BYTES};
use crate::Thresholds;
use crate::listpack::Listpack;

impl List {
    /// The listpacks, head to tail.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Listpack> {
        let count = self.node_count();
        (0..count).map(|node| self.nodes_get(node).expect("below the number of nodes"))
    }

    /// A list of the elements of these listpacks; none if there is no element. As in Redis, a single listpack within the
    /// limits stays one, everything else is a chain.
    pub fn from_nodes(nodes: Vec<Listpack>, limits: &Thresholds) -> Option<Self> {
        let mut nodes: VecDeque<Listpack> = nodes.into();
        nodes.retain(|node| !node.is_empty());
        let bound = Bound::of(limits);
        if let [only] = nodes.make_contiguous()
            && only.size() <= bound.bytes
            && (bound.elements == usize::MAX || only.len() <= bound.elements)
        {
            return nodes.pop_front().map(List::Packed);
        }
        if nodes.iter().any(|node| node.size() > NODE_BYTES) {
            nodes = nodes
                .into_iter()
                .flat_map(|node| node.divided(NODE_BYTES).collect::<Vec<_>>())
                .collect();
        }
        let len = nodes.iter().map(Listpack::len).sum();
        (len > 0).then(|| List::Chain(Box::new(Chain { nodes, len })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StrRef;

    fn pack(elements: std::ops::Range<usize>) -> Listpack {
        elements.map(|n| format!("element {n}")).collect()
    }

    fn check(nodes: Vec<Listpack>, limits: &Thresholds, encoding: &str) {
        let expected: Vec<Vec<u8>> = nodes
            .iter()
            .flat_map(|node| node.iter().map(StrRef::to_vec))
            .collect();
        let list = List::from_nodes(nodes, limits).expect("elements");
        let elements: Vec<Vec<u8>> = list.iter().map(StrRef::to_vec).collect();
        assert_eq!((list.len(), list.encoding()), (expected.len(), encoding));
        assert_eq!(elements, expected);
        assert_eq!(list.nodes().map(Listpack::len).sum::<usize>(), list.len());
        assert!(list.nodes().len() == 1 || list.nodes().all(|node| node.size() <= NODE_BYTES));
    }

    #[test]
    fn the_number_of_listpacks_and_the_limits_decide_the_encoding() {
        let mut limits = Thresholds::default();
        check(vec![pack(0..300)], &limits, "listpack");
        check(vec![Listpack::new(), pack(0..3)], &limits, "listpack");
        check(vec![pack(0..3), pack(3..4)], &limits, "quicklist");
        check(
            vec![pack(0..5_000), pack(5_000..5_010)],
            &limits,
            "quicklist",
        );
        limits.list_max_listpack_size = 3;
        check(vec![pack(0..3)], &limits, "listpack");
        check(vec![pack(0..4)], &limits, "quicklist");
        assert!(List::from_nodes(vec![Listpack::new()], &limits).is_none());
        assert!(List::from_nodes(Vec::new(), &limits).is_none());
    }
}
