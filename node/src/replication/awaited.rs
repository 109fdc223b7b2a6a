//! The replicas that a primary waits for before it answers.

use std::collections::{BTreeMap, BTreeSet};

use almandine_cluster::id::NodeId;

use super::{Replication, lock};
use crate::journal::Journal;

impl Replication {
    /// From now on replies wait for these replicas, all of them.
    pub fn await_replicas(&self, replicas: BTreeSet<NodeId>, journal: &Journal) {
        let mut awaited = lock(&self.awaited);
        match replicas.is_empty() {
            true => journal.await_nobody(),
            false => journal.await_replicas(),
        }
        *awaited = replicas;
        self.confirm_for(&awaited, journal);
    }

    /// A replica has confirmed something. Whether all have now what they had not.
    pub fn look_at_confirmed(&self, journal: &Journal) -> bool {
        let awaited = lock(&self.awaited);
        self.confirm_for(&awaited, journal)
    }

    fn confirm_for(&self, awaited: &BTreeSet<NodeId>, journal: &Journal) -> bool {
        let confirmed = self.confirmed();
        let of = |replica: &NodeId| confirmed.get(replica).copied();
        let least = awaited.iter().map(of).min();
        // Whoever is not here has confirmed nothing.
        least
            .flatten()
            .is_some_and(|offset| journal.confirm(offset))
    }

    /// Up to where each replica that is here has said that it has everything; by its last connection, for it may have lost its
    /// data since the one before.
    pub fn confirmed(&self) -> BTreeMap<NodeId, u64> {
        let mut confirmed = BTreeMap::new();
        for replica in lock(&self.replicas).values() {
            match (replica.node, replica.confirmed()) {
                (Some(node), Some(offset)) => drop(confirmed.insert(node, offset)),
                (Some(node), None) => drop(confirmed.remove(&node)),
                (None, _) => {}
            }
        }
        confirmed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Replica, ReplicaState};
    use super::*;
    use crate::journal::{Bounds, Id};

    fn node(number: u8) -> NodeId {
        NodeId::new([number; 20])
    }

    fn add(replication: &Replication, number: u8) -> Arc<Replica> {
        let ip = "127.0.0.1".to_owned();
        let replica = Replica::new(number.into(), ip, 0, Some(node(number)));
        let replica = Arc::new(replica);
        replication.add(replica.clone());
        replica.enter(ReplicaState::Online);
        replica
    }

    #[test]
    fn what_is_confirmed_all_have_that_are_awaited() {
        let bounds = Bounds {
            backlog: 64,
            reader: 300,
        };
        let (journal, replication) = (Journal::new(Id::new(1), bounds), Replication::default());
        journal.append(b"12345");
        let set = |numbers: &[u8]| numbers.iter().map(|&number| node(number)).collect();
        let first = add(&replication, 1);
        replication.await_replicas(set(&[1, 2]), &journal);
        journal.append(b"678");
        first.confirm(8, None, 0);
        assert!(!replication.look_at_confirmed(&journal), "one is not here");
        assert_eq!(journal.confirmed(), Some(5));
        let second = add(&replication, 2);
        second.confirm(7, None, 0);
        assert!(replication.look_at_confirmed(&journal));
        assert_eq!(journal.confirmed(), Some(7));
        assert!(!replication.look_at_confirmed(&journal), "it is no news");
        replication.await_replicas(set(&[1]), &journal);
        assert_eq!(journal.confirmed(), Some(8));
        replication.await_replicas(set(&[]), &journal);
        assert_eq!(journal.confirmed(), None);
    }
}
