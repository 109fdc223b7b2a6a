//! Lists: one listpack while they are small, a chain of listpacks beyond `list-max-listpack-size`.
//!
//! Redis's rules say when OBJECT ENCODING changes. The nodes of a chain are smaller than Redis's, though: a push at the front
//! moves every byte of its node, so a node holds 1 KiB where Redis's hold 8.

mod nodes;

use std::collections::VecDeque;

use crate::listpack::{At, Listpack};
use crate::{StrRef, Thresholds};

/// Bytes of a node of a chain.
const NODE_BYTES: usize = 1024;
/// Bytes of a listpack that is bounded by a number of elements only.
const SAFETY_BYTES: usize = 8192;

/// See the module. Two words.
#[derive(Debug, Clone)]
pub enum List {
    /// `listpack`
    Packed(Listpack),
    /// `quicklist`
    Chain(Box<Chain>),
}

/// The nodes of a long list; none of them is empty.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    nodes: VecDeque<Listpack>,
    len: usize,
}

/// One end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// `list-max-listpack-size` resolved.
#[derive(Debug, Clone, Copy)]
struct Bound {
    bytes: usize,
    elements: usize,
}

/// Where an element stands: its node, and its place there.
#[derive(Debug, Clone, Copy)]
struct Spot {
    node: usize,
    at: At,
}

impl Default for List {
    fn default() -> Self {
        List::Packed(Listpack::new())
    }
}

impl List {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            List::Packed(pack) => pack.len(),
            List::Chain(chain) => chain.len,
        }
    }

    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        match self {
            List::Packed(pack) => pack.is_empty(),
            List::Chain(chain) => chain.len == 0,
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self {
            List::Packed(_) => "listpack",
            List::Chain(_) => "quicklist",
        }
    }

    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        match self {
            List::Packed(pack) => pack.memory(),
            List::Chain(chain) => {
                let nodes: usize = chain.nodes.iter().map(Listpack::memory).sum();
                size_of::<Chain>() + chain.nodes.capacity() * size_of::<Listpack>() + nodes
            }
        }
    }

    /// Elements of so many bytes in all are about to be pushed: a list that will not stay small becomes a chain at once.
    pub fn expect(&mut self, elements: usize, bytes: usize, limits: &Thresholds) {
        if let List::Packed(pack) = self {
            let bound = Bound::of(limits);
            if pack.size() + bytes > bound.bytes || pack.len() + elements > bound.elements {
                self.unpack();
            }
        }
    }

    /// Adds an element that [`List::expect`] knows of. As in Redis, what the listpack adds to the bytes of the elements does
    /// not count here; but it must not be most of what there is, for adding in front moves all of it.
    #[inline]
    pub fn push_expected(&mut self, end: End, element: &[u8], limits: &Thresholds) {
        match self {
            List::Packed(pack) if pack.size() <= Bound::of(limits).bytes * 2 => match end {
                End::Left => pack.push_front(element),
                End::Right => pack.push_back(element),
            },
            _ => self.push(end, element, limits),
        }
    }

    /// Adds an element at one end.
    #[inline]
    pub fn push(&mut self, end: End, element: &[u8], limits: &Thresholds) {
        let bound = Bound::of(limits);
        if let List::Packed(pack) = self {
            if bound.admits(pack, element.len()) {
                return match end {
                    End::Left => pack.push_front(element),
                    End::Right => pack.push_back(element),
                };
            }
            self.unpack();
        }
        if let List::Chain(chain) = self {
            chain.push(end, element, bound);
        }
    }

    /// Takes the element at one end and shows it to `take`; none if there is none.
    #[inline]
    pub fn pop<T>(
        &mut self,
        end: End,
        limits: &Thresholds,
        take: impl FnOnce(StrRef<'_>) -> T,
    ) -> Option<T> {
        let taken = match self {
            List::Packed(pack) => pop_from(pack, end, take),
            List::Chain(chain) => chain.pop(end, take),
        };
        self.pack_if_small(limits);
        taken
    }

    /// Element number `index` from the head.
    pub fn get(&self, index: usize) -> Option<StrRef<'_>> {
        let spot = self.seek(index)?;
        Some(self.nodes_get(spot.node)?.get(spot.at))
    }

    /// The elements from number `index` on, towards the tail.
    pub fn iter_from(&self, index: usize) -> Iter<'_> {
        Iter {
            list: self,
            next: self.seek(index),
            backward: false,
        }
    }

    /// The elements from number `index` on, towards the head.
    pub fn iter_back_from(&self, index: usize) -> Iter<'_> {
        Iter {
            list: self,
            next: self.seek(index),
            backward: true,
        }
    }

    /// All elements, head to tail.
    pub fn iter(&self) -> Iter<'_> {
        self.iter_from(0)
    }

    /// Replaces element number `index`; false if there is none.
    pub fn set(&mut self, index: usize, element: &[u8], limits: &Thresholds) -> bool {
        let Some(spot) = self.seek(index) else {
            return false;
        };
        let bound = Bound::of(limits);
        match self {
            List::Packed(pack) => {
                pack.replace(spot.at, element);
                if pack.size() > bound.bytes {
                    self.unpack();
                }
            }
            List::Chain(chain) => {
                chain.nodes[spot.node].replace(spot.at, element);
                chain.divide(spot.node, bound);
            }
        }
        self.pack_if_small(limits);
        true
    }

    /// Inserts beside the first element equal to `pivot`; false if there is none.
    pub fn insert(
        &mut self,
        before: bool,
        pivot: &[u8],
        element: &[u8],
        limits: &Thresholds,
    ) -> bool {
        let Some(spot) = self.find(pivot) else {
            return false;
        };
        let bound = Bound::of(limits);
        let mut is_full = false;
        let pack = match self {
            List::Packed(pack) => {
                is_full = !bound.admits(pack, element.len());
                pack
            }
            List::Chain(chain) => {
                chain.len += 1;
                &mut chain.nodes[spot.node]
            }
        };
        match before {
            true => pack.insert_before(spot.at, element),
            false => pack.insert_after(spot.at, element),
        }
        if is_full {
            self.unpack();
        }
        if let List::Chain(chain) = self {
            chain.divide(spot.node, bound);
        }
        true
    }

    /// Removes up to `most` elements equal to `element`, from the head or from the tail; returns how many.
    pub fn remove(&mut self, from: End, most: usize, element: &[u8], limits: &Thresholds) -> usize {
        let mut removed = 0;
        let count = self.node_count();
        for step in 0..count {
            let node = if from == End::Left {
                step
            } else {
                count - 1 - step
            };
            let pack = match self {
                List::Packed(pack) => pack,
                List::Chain(chain) => &mut chain.nodes[node],
            };
            removed += remove_from(pack, from, most - removed, element);
        }
        if let List::Chain(chain) = self {
            chain.len -= removed;
            chain.nodes.retain(|pack| !pack.is_empty());
        }
        self.pack_if_small(limits);
        removed
    }

    /// Keeps the elements of `range` alone.
    pub fn trim(&mut self, range: std::ops::Range<usize>, limits: &Thresholds) {
        let tail = self.len() - range.end;
        match self {
            List::Packed(pack) => {
                cut(pack, End::Left, range.start);
                cut(pack, End::Right, tail);
            }
            List::Chain(chain) => {
                chain.cut(End::Left, range.start);
                chain.cut(End::Right, tail);
            }
        }
        self.pack_if_small(limits);
    }

    fn node_count(&self) -> usize {
        match self {
            List::Packed(_) => 1,
            List::Chain(chain) => chain.nodes.len(),
        }
    }

    fn nodes_get(&self, node: usize) -> Option<&Listpack> {
        match self {
            List::Packed(pack) => (node == 0).then_some(pack),
            List::Chain(chain) => chain.nodes.get(node),
        }
    }

    fn seek(&self, index: usize) -> Option<Spot> {
        match self {
            List::Packed(pack) => pack.seek(index).map(|at| Spot { node: 0, at }),
            List::Chain(chain) => chain.seek(index),
        }
    }

    fn find(&self, wanted: &[u8]) -> Option<Spot> {
        (0..self.node_count()).find_map(|node| {
            let at = self.nodes_get(node)?.find(wanted, 1)?;
            Some(Spot { node, at })
        })
    }

    fn unpack(&mut self) {
        if let List::Packed(pack) = self {
            let pack = std::mem::take(pack);
            let len = pack.len();
            let nodes = Some(pack).filter(|pack| !pack.is_empty());
            *self = List::Chain(Box::new(Chain {
                nodes: nodes.into_iter().collect(),
                len,
            }));
        }
    }

    /// A chain that has shrunk to half of what a listpack may hold becomes one: half, so that it does not flip back at once.
    fn pack_if_small(&mut self, limits: &Thresholds) {
        let List::Chain(chain) = self else { return };
        let bound = Bound::of(limits);
        let most_nodes = bound.bytes / NODE_BYTES + 2;
        if chain.nodes.len() > most_nodes || chain.len > bound.elements / 2 {
            return;
        }
        let bytes: usize = chain.nodes.iter().map(Listpack::size).sum();
        if bytes <= bound.bytes / 2 {
            let mut nodes = std::mem::take(&mut chain.nodes).into_iter();
            let mut pack = nodes.next().unwrap_or_default();
            for element in
                nodes.flat_map(|node| node.iter().map(StrRef::to_vec).collect::<Vec<_>>())
            {
                pack.push_back(&element);
            }
            *self = List::Packed(pack);
        }
    }
}

impl Chain {
    fn push(&mut self, end: End, element: &[u8], bound: Bound) {
        let node = match end {
            End::Left => self.nodes.front_mut(),
            End::Right => self.nodes.back_mut(),
        };
        self.len += 1;
        match node {
            Some(node) if bound.of_node().admits(node, element.len()) => match end {
                End::Left => node.push_front(element),
                End::Right => node.push_back(element),
            },
            _ => {
                let mut node = Listpack::new();
                node.push_back(element);
                match end {
                    End::Left => self.nodes.push_front(node),
                    End::Right => self.nodes.push_back(node),
                }
            }
        }
    }

    fn pop<T>(&mut self, end: End, take: impl FnOnce(StrRef<'_>) -> T) -> Option<T> {
        let node = match end {
            End::Left => self.nodes.front_mut()?,
            End::Right => self.nodes.back_mut()?,
        };
        let taken = pop_from(node, end, take)?;
        self.len -= 1;
        if node.is_empty() {
            match end {
                End::Left => self.nodes.pop_front(),
                End::Right => self.nodes.pop_back(),
            };
        }
        Some(taken)
    }

    fn cut(&mut self, end: End, mut count: usize) {
        self.len -= count;
        while count > 0 {
            let node = match end {
                End::Left => self.nodes.front_mut(),
                End::Right => self.nodes.back_mut(),
            };
            let Some(node) = node else { return };
            let whole = node.len();
            if whole > count {
                return cut(node, end, count);
            }
            count -= whole;
            match end {
                End::Left => self.nodes.pop_front(),
                End::Right => self.nodes.pop_back(),
            };
        }
    }

    /// Walks the nodes from the nearer end.
    fn seek(&self, index: usize) -> Option<Spot> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut before = 0;
            for (node, pack) in self.nodes.iter().enumerate() {
                let count = pack.len();
                if index < before + count {
                    return pack.seek(index - before).map(|at| Spot { node, at });
                }
                before += count;
            }
        } else {
            let mut after = self.len;
            for (node, pack) in self.nodes.iter().enumerate().rev() {
                after -= pack.len();
                if index >= after {
                    return pack.seek(index - after).map(|at| Spot { node, at });
                }
            }
        }
        None
    }

    /// Splits a node that an insertion has made too large.
    fn divide(&mut self, node: usize, bound: Bound) {
        let bound = bound.of_node();
        let pack = &mut self.nodes[node];
        let count = pack.len();
        if count < 2 || (pack.size() <= bound.bytes * 2 && count <= bound.elements) {
            return;
        }
        let half = count / 2;
        let Some(at) = pack.seek(half) else { return };
        let mut tail = Listpack::new();
        let mut next = Some(at);
        while let Some(here) = next {
            tail.push_back(&pack.get(here).to_vec());
            next = pack.next(here);
        }
        pack.remove(at, count - half);
        self.nodes.insert(node + 1, tail);
    }
}

impl Bound {
    fn of(limits: &Thresholds) -> Self {
        match limits.list_max_listpack_size {
            size if size < 0 => Bound {
                bytes: 4096 << (-(size.max(-5)) - 1),
                elements: usize::MAX,
            },
            size => Bound {
                bytes: SAFETY_BYTES,
                elements: (size as usize).max(1),
            },
        }
    }

    fn of_node(self) -> Self {
        Bound {
            bytes: self.bytes.min(NODE_BYTES),
            ..self
        }
    }

    /// Whether one more element of this many bytes fits, counted as Redis counts.
    fn admits(self, pack: &Listpack, length: usize) -> bool {
        pack.size() + length <= self.bytes
            && (self.elements == usize::MAX || pack.len() < self.elements)
    }
}

fn pop_from<T>(pack: &mut Listpack, end: End, take: impl FnOnce(StrRef<'_>) -> T) -> Option<T> {
    let at = match end {
        End::Left => pack.first()?,
        End::Right => pack.last()?,
    };
    let taken = take(pack.get(at));
    pack.remove(at, 1);
    Some(taken)
}

fn cut(pack: &mut Listpack, end: End, count: usize) {
    let at = match end {
        End::Left => pack.first(),
        End::Right => pack.seek(pack.len() - count),
    };
    if let (Some(at), 1..) = (at, count) {
        pack.remove(at, count);
    }
}

fn remove_from(pack: &mut Listpack, from: End, most: usize, element: &[u8]) -> usize {
    let (mut removed, mut digits) = (0, itoa::Buffer::new());
    let mut next = if from == End::Left {
        pack.first()
    } else {
        pack.last()
    };
    while let Some(at) = next.filter(|_| removed < most) {
        if pack.get(at).bytes(&mut digits) != element {
            next = if from == End::Left {
                pack.next(at)
            } else {
                pack.previous(at)
            };
            continue;
        }
        // Towards the head the places before `at` stay; towards the tail the next element takes this place.
        next = if from == End::Left {
            None
        } else {
            pack.previous(at)
        };
        pack.remove(at, 1);
        removed += 1;
        if from == End::Left {
            next = pack.is_at(at).then_some(at);
        }
    }
    removed
}

/// See [`List::iter_from`].
#[derive(Debug)]
pub struct Iter<'a> {
    list: &'a List,
    next: Option<Spot>,
    backward: bool,
}

impl<'a> Iterator for Iter<'a> {
    type Item = StrRef<'a>;

    fn next(&mut self) -> Option<StrRef<'a>> {
        let Spot { node, at } = self.next?;
        let pack = self.list.nodes_get(node)?;
        self.next = if self.backward {
            pack.previous(at).map(|at| Spot { node, at }).or_else(|| {
                let node = node.checked_sub(1)?;
                let at = self.list.nodes_get(node)?.last()?;
                Some(Spot { node, at })
            })
        } else {
            pack.next(at).map(|at| Spot { node, at }).or_else(|| {
                let node = node + 1;
                let at = self.list.nodes_get(node)?.first()?;
                Some(Spot { node, at })
            })
        };
        Some(pack.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn contents(list: &List) -> Vec<Vec<u8>> {
        list.iter().map(StrRef::to_vec).collect()
    }

    /// Runs random operations against a `VecDeque`.
    #[expect(clippy::too_many_lines, reason = "one arm an operation")]
    fn compare(seed: u64, limits: &Thresholds, growth: usize) {
        let (mut rng, mut list, mut model) =
            (Rng::new(seed), List::default(), VecDeque::<Vec<u8>>::new());
        for step in 0..6_000 {
            let element = match rng.below(4) {
                0 => rng.below(50).to_string().into_bytes(),
                1 => vec![b'x'; rng.below(200)],
                2 if rng.below(50) == 0 => vec![b'y'; 20_000],
                _ => format!("element {}", rng.below(30)).into_bytes(),
            };
            let end = if rng.below(2) == 0 {
                End::Left
            } else {
                End::Right
            };
            let index = rng.below(model.len() + 1);
            match rng.below(14 + growth) {
                0..4 => {
                    let popped = list.pop(end, limits, |element| element.to_vec());
                    assert_eq!(
                        popped,
                        if end == End::Left {
                            model.pop_front()
                        } else {
                            model.pop_back()
                        }
                    );
                }
                4 => {
                    let set = list.set(index, &element, limits);
                    assert_eq!(set, index < model.len());
                    if let Some(old) = model.get_mut(index) {
                        *old = element;
                    }
                }
                5 => {
                    let pivot = model.get(index).cloned().unwrap_or_default();
                    let at = model.iter().position(|other| *other == pivot);
                    assert_eq!(
                        list.insert(end == End::Left, &pivot, &element, limits),
                        at.is_some()
                    );
                    at.into_iter().for_each(|at| {
                        model.insert(at + usize::from(end == End::Right), element.clone())
                    });
                }
                6 => {
                    let most = rng.below(3) + 1;
                    let removed = list.remove(end, most, &element, limits);
                    let mut at: Vec<usize> =
                        (0..model.len()).filter(|i| model[*i] == element).collect();
                    if end == End::Right {
                        at.reverse();
                    }
                    at.truncate(most);
                    assert_eq!(removed, at.len());
                    at.sort_unstable_by(|a, b| b.cmp(a));
                    at.into_iter().for_each(|i| drop(model.remove(i)));
                }
                7 if rng.below(40) == 0 => {
                    let end = index + rng.below(model.len() - index + 1);
                    list.trim(index..end, limits);
                    model = model.range(index..end).cloned().collect();
                }
                8 => {
                    assert_eq!(
                        list.get(index).map(StrRef::to_vec),
                        model.get(index).cloned()
                    );
                    let back: Vec<_> = list.iter_back_from(index).map(StrRef::to_vec).collect();
                    let expected: Vec<_> = model.iter().take(index + 1).rev().cloned().collect();
                    assert_eq!(
                        back,
                        if index < model.len() {
                            expected
                        } else {
                            Vec::new()
                        }
                    );
                }
                _ => {
                    list.push(end, &element, limits);
                    match end {
                        End::Left => model.push_front(element),
                        End::Right => model.push_back(element),
                    }
                }
            }
            assert_eq!(
                (list.len(), list.is_empty()),
                (model.len(), model.is_empty()),
                "seed {seed} step {step}"
            );
        }
        assert_eq!(contents(&list), Vec::from(model), "seed {seed}");
    }

    #[test]
    fn a_list_behaves_like_a_deque_in_every_encoding() {
        for seed in 0..6 {
            compare(seed, &Thresholds::default(), seed as usize);
            compare(
                seed,
                &Thresholds {
                    list_max_listpack_size: 4,
                    ..Thresholds::default()
                },
                3,
            );
            compare(
                seed,
                &Thresholds {
                    list_max_listpack_size: -1,
                    ..Thresholds::default()
                },
                6,
            );
        }
    }

    #[test]
    fn what_is_expected_of_an_empty_list_leaves_no_empty_node() {
        for end in [End::Left, End::Right] {
            let (mut list, limits) = (List::default(), Thresholds::default());
            list.expect(2, 12_000, &limits);
            list.push(End::Right, &[b'x'; 6_000], &limits);
            list.push(End::Right, &[b'y'; 6_000], &limits);
            let length = list.pop(end, &limits, |element| element.to_vec().len());
            assert_eq!((length, list.len()), (Some(6_000), 1));
        }
    }

    #[test]
    fn only_the_bytes_of_expected_elements_count_unless_there_are_hardly_any() {
        let limits = Thresholds::default();
        for (element, count, encoding) in [
            ([b'x'; 100].as_slice(), 81, "listpack"),
            (&[b'x'; 100], 82, "quicklist"),
            (b"", 9_000, "quicklist"),
        ] {
            let mut list = List::default();
            list.expect(count, count * element.len(), &limits);
            (0..count).for_each(|_| list.push_expected(End::Left, element, &limits));
            assert_eq!((list.len(), list.encoding()), (count, encoding));
        }
    }

    #[test]
    fn the_encoding_changes_at_the_limit_and_back_at_half_of_it() {
        let limits = Thresholds {
            list_max_listpack_size: 4,
            ..Thresholds::default()
        };
        let mut list = List::default();
        (0..4).for_each(|n| list.push(End::Right, n.to_string().as_bytes(), &limits));
        assert_eq!(list.encoding(), "listpack");
        list.push(End::Right, b"4", &limits);
        assert_eq!(list.encoding(), "quicklist");
        (0..2).for_each(|_| drop(list.pop(End::Left, &limits, |element| element.to_vec())));
        assert_eq!(list.encoding(), "quicklist");
        list.pop(End::Left, &limits, |element| element.to_vec());
        assert_eq!(list.encoding(), "listpack");
    }
}
