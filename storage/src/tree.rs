//! An ordered sequence that knows the rank of everything: a B+tree whose inner nodes count what is below them.
//!
//! The tree compares nothing by itself. Every operation is given `before`, which says of an item whether it stands before the
//! place that is meant; it must be true of a beginning of the sequence and false of the rest.

use std::ops::Range;

/// Most items of a leaf and most children of an inner node. A full one is divided.
const LEAF_MAX: usize = 64;
const INNER_MAX: usize = 64;
/// Neighbours that hold no more than this together are joined.
const JOIN_MAX: usize = 48;
/// Leaves grow by this many items at a time.
const LEAF_STEP: usize = 8;
/// Items that stay behind when a leaf is divided by appending to it: sorted input fills leaves well.
const LEFT_BEHIND: usize = 60;

/// See the module.
#[derive(Debug, Clone)]
pub struct Tree<T> {
    root: Node<T>,
}

#[derive(Debug, Clone)]
enum Node<T> {
    Leaf(Vec<T>),
    Inner(Vec<Child<T>>),
}

#[derive(Debug, Clone)]
struct Child<T> {
    /// Items below.
    count: usize,
    /// The first of them.
    first: T,
    node: Box<Node<T>>,
}

impl<T: Copy> Default for Tree<T> {
    fn default() -> Self {
        Tree {
            root: Node::Leaf(Vec::new()),
        }
    }
}

impl<T: Copy> Tree<T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `item` in after all items that stand before it.
    pub fn insert(&mut self, item: T, before: impl Fn(&T) -> bool) {
        if let Some(right) = self.root.insert(item, &before) {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::with_capacity(4)));
            if let Node::Inner(children) = &mut self.root {
                children.extend([left, right].into_iter().filter_map(Child::of));
            }
        }
    }

    /// Takes out the first item that does not stand before the place.
    pub fn remove(&mut self, before: impl Fn(&T) -> bool) -> Option<T> {
        let rank = self.rank(before);
        self.remove_at(rank)
    }

    /// Takes out item number `rank`.
    pub fn remove_at(&mut self, rank: usize) -> Option<T> {
        if rank >= self.len() {
            return None;
        }
        let item = self.root.remove(rank);
        while let Node::Inner(children) = &mut self.root {
            if children.len() > 1 {
                break;
            }
            self.root = children
                .pop()
                .map_or(Node::Leaf(Vec::new()), |only| *only.node);
        }
        Some(item)
    }

    /// Takes out the items of a range of ranks, and shows each to `removed`.
    pub fn remove_range(&mut self, range: Range<usize>, mut removed: impl FnMut(T)) {
        for _ in range.clone() {
            if let Some(item) = self.remove_at(range.start) {
                removed(item);
            }
        }
    }

    /// Number of items that stand before the place.
    pub fn rank(&self, before: impl Fn(&T) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return rank + items.partition_point(&before),
                Node::Inner(children) => {
                    let at = children
                        .partition_point(|child| before(&child.first))
                        .saturating_sub(1);
                    rank += children[..at]
                        .iter()
                        .map(|child| child.count)
                        .sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// Item number `rank`.
    pub fn get(&self, rank: usize) -> Option<T> {
        let (leaf, at) = self.leaf(rank)?;
        leaf.get(at).copied()
    }

    /// The items from number `rank` on, in order.
    pub fn iter_from(&self, rank: usize) -> Iter<'_, T> {
        Iter {
            tree: self,
            rank,
            leaf: self.leaf(rank),
        }
    }

    /// The items from number `rank` back to the first, in reverse order.
    pub fn iter_back_from(&self, rank: usize) -> Back<'_, T> {
        Back {
            tree: self,
            left: if self.is_empty() {
                0
            } else {
                rank.min(self.len() - 1) + 1
            },
            leaf: &[],
        }
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        self.root.memory()
    }

    /// The leaf that holds item number `rank`, and its place there.
    fn leaf(&self, mut rank: usize) -> Option<(&[T], usize)> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(items) => return (rank < items.len()).then_some((items, rank)),
                Node::Inner(children) => {
                    let mut at = 0;
                    while rank >= children.get(at)?.count {
                        rank -= children[at].count;
                        at += 1;
                    }
                    node = &children[at].node;
                }
            }
        }
    }
}

impl<T: Copy> Node<T> {
    fn count(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(children) => children.len(),
        }
    }

    fn first(&self) -> Option<T> {
        match self {
            Node::Leaf(items) => items.first().copied(),
            Node::Inner(children) => children.first().map(|child| child.first),
        }
    }

    /// Returns the right half if the node had to be divided.
    fn insert(&mut self, item: T, before: &impl Fn(&T) -> bool) -> Option<Node<T>> {
        match self {
            Node::Leaf(items) => {
                let at = items.partition_point(before);
                let mut right = None;
                if items.len() == LEAF_MAX {
                    let half = if at == LEAF_MAX {
                        LEFT_BEHIND
                    } else {
                        LEAF_MAX / 2
                    };
                    let mut tail =
                        Vec::with_capacity((LEAF_MAX - half + 1).next_multiple_of(LEAF_STEP));
                    tail.extend(items.drain(half..));
                    if at > half {
                        tail.insert(at - half, item);
                        items.shrink_to(half.next_multiple_of(LEAF_STEP));
                        return Some(Node::Leaf(tail));
                    }
                    items.shrink_to((half + 1).next_multiple_of(LEAF_STEP));
                    right = Some(Node::Leaf(tail));
                }
                if items.len() == items.capacity() {
                    items.reserve_exact(LEAF_STEP);
                }
                items.insert(at, item);
                right
            }
            Node::Inner(children) => {
                let at = children
                    .partition_point(|child| before(&child.first))
                    .saturating_sub(1);
                let right = children[at].node.insert(item, before);
                children[at].refresh();
                if let Some(right) = right.and_then(Child::of) {
                    children.insert(at + 1, right);
                }
                (children.len() > INNER_MAX).then(|| {
                    let half = if at + 2 >= INNER_MAX {
                        LEFT_BEHIND
                    } else {
                        INNER_MAX / 2
                    };
                    Node::Inner(children.split_off(half))
                })
            }
        }
    }

    /// Takes out item number `rank`, which is there.
    fn remove(&mut self, mut rank: usize) -> T {
        match self {
            Node::Leaf(items) => items.remove(rank),
            Node::Inner(children) => {
                let mut at = 0;
                while rank >= children[at].count {
                    rank -= children[at].count;
                    at += 1;
                }
                let item = children[at].node.remove(rank);
                children[at].refresh();
                join(children, at);
                item
            }
        }
    }

    fn memory(&self) -> usize {
        match self {
            Node::Leaf(items) => items.capacity() * size_of::<T>(),
            Node::Inner(children) => {
                let below: usize = children
                    .iter()
                    .map(|child| size_of::<Self>() + child.node.memory())
                    .sum();
                children.capacity() * size_of::<Child<T>>() + below
            }
        }
    }

    fn append(&mut self, right: Node<T>) {
        match (self, right) {
            (Node::Leaf(items), Node::Leaf(more)) => {
                items.reserve_exact(more.len().next_multiple_of(LEAF_STEP));
                items.extend(more);
            }
            (Node::Inner(children), Node::Inner(more)) => children.extend(more),
            _ => unreachable!("all leaves are equally deep"),
        }
    }
}

/// Drops an empty child; joins a thin one with a neighbour.
fn join<T: Copy>(children: &mut Vec<Child<T>>, at: usize) {
    if children[at].count == 0 {
        children.remove(at);
        return;
    }
    for left in [at, at.wrapping_sub(1)] {
        let Some([a, b]) = left.checked_add(2).and_then(|end| children.get(left..end)) else {
            continue;
        };
        if a.node.width() + b.node.width() <= JOIN_MAX {
            let right = children.remove(left + 1);
            children[left].node.append(*right.node);
            children[left].refresh();
            return;
        }
    }
}

impl<T: Copy> Child<T> {
    fn of(node: Node<T>) -> Option<Self> {
        Some(Child {
            count: node.count(),
            first: node.first()?,
            node: Box::new(node),
        })
    }

    fn refresh(&mut self) {
        self.count = self.node.count();
        if let Some(first) = self.node.first() {
            self.first = first;
        }
    }
}

/// See [`Tree::iter_from`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    tree: &'a Tree<T>,
    rank: usize,
    leaf: Option<(&'a [T], usize)>,
}

impl<T: Copy> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let (leaf, at) = self.leaf?;
        let item = leaf[at];
        self.rank += 1;
        self.leaf = if at + 1 < leaf.len() {
            Some((leaf, at + 1))
        } else {
            self.tree.leaf(self.rank)
        };
        Some(item)
    }
}

/// See [`Tree::iter_back_from`].
#[derive(Debug)]
pub struct Back<'a, T> {
    tree: &'a Tree<T>,
    /// Items that are still to come.
    left: usize,
    /// Those of them that stand in the current leaf.
    leaf: &'a [T],
}

impl<T: Copy> Iterator for Back<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.leaf.is_empty() {
            let (leaf, at) = self.tree.leaf(self.left.checked_sub(1)?)?;
            self.leaf = &leaf[..=at];
        }
        let (last, rest) = self.leaf.split_last()?;
        (self.leaf, self.left) = (rest, self.left - 1);
        Some(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn a_tree_behaves_like_a_sorted_vector() {
        for seed in 0..8 {
            let (mut rng, mut tree, mut model) =
                (Rng::new(seed), Tree::default(), Vec::<u64>::new());
            for step in 0..20_000 {
                let growing = (step / 5_000) % 2 == 0;
                let value = if seed == 0 {
                    step as u64
                } else {
                    rng.bits() % 10_000
                };
                if (rng.below(10) < 8) == growing {
                    let at = model.partition_point(|other| *other < value);
                    tree.insert(value, |other| *other < value);
                    model.insert(at, value);
                } else if !model.is_empty() {
                    let at = rng.below(model.len());
                    assert_eq!(
                        tree.remove_at(at),
                        Some(model.remove(at)),
                        "seed {seed} step {step}"
                    );
                }
                assert_eq!(tree.len(), model.len());
                if step % 500 == 0 {
                    check(&tree, &model, &mut rng);
                }
            }
            let range = model.len() / 4..model.len() / 2;
            let mut removed = Vec::new();
            tree.remove_range(range.clone(), |item| removed.push(item));
            assert_eq!(removed, model.drain(range).collect::<Vec<_>>());
            check(&tree, &model, &mut rng);
        }
    }

    fn check(tree: &Tree<u64>, model: &[u64], rng: &mut Rng) {
        let rank = rng.below(model.len() + 1);
        assert_eq!(tree.get(rank), model.get(rank).copied());
        assert!(tree.iter_from(rank).eq(model[rank..].iter().copied()));
        let value = rng.bits() % 10_000;
        assert_eq!(
            tree.rank(|other| *other < value),
            model.partition_point(|other| *other < value)
        );
        if rank < model.len() {
            assert!(
                tree.iter_back_from(rank)
                    .eq(model[..=rank].iter().rev().copied())
            );
        }
    }

    #[test]
    fn sorted_and_random_input_fill_the_leaves_well() {
        let (mut rng, mut random, mut sorted) = (Rng::new(5), Tree::default(), Tree::default());
        for n in 0..100_000_u64 {
            let value = rng.bits();
            random.insert(value, |other| *other < value);
            sorted.insert(n, |other| *other < n);
        }
        assert!(
            random.memory() < 100_000 * 8 * 15 / 10,
            "{}",
            random.memory()
        );
        assert!(
            sorted.memory() < 100_000 * 8 * 13 / 10,
            "{}",
            sorted.memory()
        );
    }
}
