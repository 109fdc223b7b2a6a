//! Who stands for election first. Random timeouts collide now and then, and each collision costs a round; here every voter
//! has its own, three ticks apart, so that the first candidate has been heard of before the second stands.

use crate::topology::RaftId;

/// Ticks of 25 ms: of silence before a leader counts as gone, between its signs of life, and the least and most that a voter
/// waits (the most is never reached).
pub(super) const ELECTION_TICKS: usize = 10;
pub(super) const HEARTBEAT_TICKS: usize = 4;
pub(super) const MIN_TICKS: usize = ELECTION_TICKS + 1;
pub(super) const MAX_TICKS: usize = 30;
const STEP: usize = 3;

/// How many ticks of silence the member `id` waits for. The order turns with every term, or one voter that cannot win would
/// stand first for ever.
pub(super) fn timeout(voters: &[RaftId], id: RaftId, leader: RaftId, term: u64) -> usize {
    let mut voters: Vec<RaftId> = voters.to_vec();
    voters.retain(|&voter| voter != leader);
    voters.sort_unstable();
    let Some(position) = voters.iter().position(|&voter| voter == id) else {
        return MAX_TICKS - 1;
    };
    let count = voters.len();
    let rank = (position + (term % count as u64) as usize) % count;
    (MIN_TICKS + STEP * rank).min(MAX_TICKS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_stand_apart_from_each_other_and_in_turn() {
        for term in 0..10 {
            let mut all: Vec<usize> = [9, 2, 5, 7]
                .map(|id| timeout(&[7, 2, 9, 5, 1], id, 1, term))
                .to_vec();
            let first = all[(term % 4) as usize];
            all.sort_unstable();
            assert_eq!(all, [11, 14, 17, 20]);
            assert!(first <= 20);
        }
        assert_ne!(timeout(&[1, 2], 1, 0, 1), timeout(&[1, 2], 1, 0, 2));
        assert_eq!(timeout(&[1, 2], 3, 0, 1), 29);
    }
}
