//! Who is asked, and what counts as most of them.

use std::collections::BTreeSet;

use crate::id::NodeId;

/// The voters of the log. While a change of them is on its way both sets count: any majority of the one that follows has a
/// member who knows that it follows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Electorate {
    /// Who votes on what is proposed now.
    pub voters: BTreeSet<NodeId>,
    /// Who will, when all that this node's log holds is committed: the same, unless a change is on its way.
    pub coming: BTreeSet<NodeId>,
}

impl Electorate {
    /// One with no change on its way.
    pub fn settled(voters: impl IntoIterator<Item = NodeId>) -> Electorate {
        let voters: BTreeSet<NodeId> = voters.into_iter().collect();
        Electorate {
            coming: voters.clone(),
            voters,
        }
    }

    fn sets(&self) -> [&BTreeSet<NodeId>; 2] {
        [&self.voters, &self.coming]
    }

    /// Whether the node votes.
    pub fn has(&self, node: NodeId) -> bool {
        self.voters.contains(&node) || self.coming.contains(&node)
    }

    /// All of both sets.
    pub(super) fn all(&self) -> impl Iterator<Item = NodeId> {
        self.voters.union(&self.coming).copied()
    }

    /// Whether one voter's loss leaves a majority: only then does anybody decide without the primary.
    pub(super) fn can_lose_one(&self) -> bool {
        self.sets().iter().any(|set| set.len() >= 3)
    }

    /// Whether those who are for it are a majority.
    pub(super) fn is_majority(&self, is_for: impl Fn(NodeId) -> bool) -> bool {
        self.sets().iter().all(|set| {
            let count = set.iter().filter(|&&node| is_for(node)).count();
            count > set.len() / 2
        })
    }

    /// The latest moment that a majority has reached.
    pub(super) fn reached(&self, moment: impl Fn(NodeId) -> Option<u64>) -> Option<u64> {
        let of_set = |set: &BTreeSet<NodeId>| {
            let mut moments: Vec<u64> = set.iter().filter_map(|&node| moment(node)).collect();
            moments.sort_unstable_by(|a, b| b.cmp(a));
            moments.get(set.len() / 2).copied()
        };
        let [voters, coming] = self.sets().map(of_set);
        Some(voters?.min(coming?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::new([number; 20])
    }

    fn electorate(voters: &[u8], coming: &[u8]) -> Electorate {
        let set = |numbers: &[u8]| numbers.iter().map(|&number| node(number)).collect();
        Electorate {
            voters: set(voters),
            coming: set(coming),
        }
    }

    #[test]
    fn a_majority_is_more_than_half_of_both_sets() {
        let majority = |electorate: &Electorate, yes: &[u8]| {
            electorate.is_majority(|voter| yes.iter().any(|&number| node(number) == voter))
        };
        let three = electorate(&[1, 2, 3], &[1, 2, 3]);
        assert!(majority(&three, &[1, 3]) && !majority(&three, &[2]));
        let two = electorate(&[1, 2], &[1, 2]);
        assert!(majority(&two, &[1, 2]) && !majority(&two, &[1, 4]));
        let growing = electorate(&[1, 2, 3], &[1, 2, 3, 4]);
        assert!(!majority(&growing, &[1, 2]) && majority(&growing, &[1, 2, 4]));
        assert!(!majority(&growing, &[1, 4]));
        assert!(!majority(&electorate(&[], &[]), &[1]));
    }

    #[test]
    fn a_moment_is_reached_when_a_majority_has_reached_it() {
        let moments = [None, Some(10), Some(30), Some(20), None];
        let reached = |electorate: &Electorate| {
            let of = |voter| (0..5).find(|&number| node(number) == voter);
            electorate.reached(|voter| of(voter).and_then(|at| moments[usize::from(at)]))
        };
        assert_eq!(reached(&electorate(&[1, 2, 3], &[1, 2, 3])), Some(20));
        assert_eq!(reached(&electorate(&[1, 2, 3], &[1, 2, 3, 4])), Some(10));
        assert_eq!(reached(&electorate(&[2, 4], &[2, 4])), None);
        assert_eq!(reached(&electorate(&[], &[])), None);
    }
}
