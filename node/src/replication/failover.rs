//! FAILOVER: a primary hands its place over to one of its replicas.
//!
//! ```text
//!   None ──FAILOVER──▶ Waiting ──a replica has everything──▶ InProgress ──it leads──▶ None
//!     ▲                   │ writes are paused                    │ we are its replica already
//!     └──── aborted ──────┴──────────────────────────────────────┘ it refuses: we lead again
//! ```

use std::sync::Arc;

use super::replica::{Replica, ReplicaState};

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which replica; none = the first that has everything.
    pub target: Option<(String, u16)>,
    /// Until when, Unix time in milliseconds; none = for ever.
    pub deadline_ms: Option<i64>,
    /// Whether the target takes over at the deadline though it lacks something.
    pub is_forced: bool,
}

/// How it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Failover {
    /// There is none.
    #[default]
    None,
    /// Writes are paused until a replica has everything.
    Waiting(Plan),
    /// This replica is asked to take over.
    InProgress(String, u16),
}

/// What comes next while a failover waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    Wait,
    /// This replica takes over.
    HandOver(String, u16),
    /// It has come to nothing.
    GiveUp,
}

impl Failover {
    /// As INFO prints it.
    pub fn name(&self) -> &'static str {
        match self {
            Failover::None => "no-failover",
            Failover::Waiting(_) => "waiting-for-sync",
            Failover::InProgress(..) => "failover-in-progress",
        }
    }
}

impl Plan {
    /// What comes next: the stream ends at `offset`, and nothing is added to it while writes are paused.
    pub fn step(&self, replicas: &[Arc<Replica>], offset: u64, now_ms: i64) -> Step {
        if self.deadline_ms.is_some_and(|deadline| now_ms >= deadline) {
            return match &self.target {
                Some((host, port)) if self.is_forced => Step::HandOver(host.clone(), *port),
                _ => Step::GiveUp,
            };
        }
        let may_lead = |replica: &&Arc<Replica>| {
            let is_meant = match &self.target {
                Some((host, port)) => replica.is_at(host, *port),
                None => true,
            };
            is_meant && replica.has(offset, false)
        };
        match replicas.iter().find(may_lead) {
            Some(replica) => Step::HandOver(replica.ip.clone(), replica.port),
            None => Step::Wait,
        }
    }
}

/// How a replica at this address stands, if there is one.
pub(super) fn find(replicas: &[Arc<Replica>], host: &str, port: u16) -> Option<ReplicaState> {
    let found = replicas.iter().find(|replica| replica.is_at(host, port));
    found.map(|replica| replica.state())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(id: u64, acknowledged: u64) -> Arc<Replica> {
        let replica = Replica::new(id, "Host".into(), id as u16, None);
        replica.enter(ReplicaState::Online);
        replica.acknowledge(acknowledged, None, 1);
        Arc::new(replica)
    }

    fn plan(target: Option<u16>, deadline_ms: Option<i64>, is_forced: bool) -> Plan {
        Plan {
            target: target.map(|port| ("host".to_owned(), port)),
            deadline_ms,
            is_forced,
        }
    }

    fn to(port: u16, host: &str) -> Step {
        Step::HandOver(host.to_owned(), port)
    }

    #[test]
    fn the_first_replica_that_has_everything_takes_over_unless_one_is_named() {
        let replicas = [replica(1, 90), replica(2, 100), replica(3, 100)];
        let any = plan(None, None, false);
        assert_eq!(any.step(&replicas, 100, 0), to(2, "Host"));
        assert_eq!(any.step(&replicas, 101, 0), Step::Wait);
        assert_eq!(
            plan(Some(3), None, false).step(&replicas, 100, 0),
            to(3, "Host")
        );
        assert_eq!(
            plan(Some(1), None, false).step(&replicas, 100, 0),
            Step::Wait
        );
        assert_eq!(
            plan(Some(4), None, false).step(&replicas, 100, 0),
            Step::Wait,
            "it may come back"
        );
        replicas[1].enter(ReplicaState::Copying);
        assert_eq!(any.step(&replicas, 100, 0), to(3, "Host"));
    }

    #[test]
    fn at_the_deadline_it_is_given_up_or_forced() {
        let replicas = [replica(1, 90)];
        let patient = plan(Some(1), Some(50), false);
        assert_eq!(patient.step(&replicas, 100, 49), Step::Wait);
        assert_eq!(patient.step(&replicas, 100, 50), Step::GiveUp);
        let forced = plan(Some(1), Some(50), true);
        assert_eq!(forced.step(&replicas, 100, 49), Step::Wait);
        assert_eq!(forced.step(&[], 100, 50), to(1, "host"));
    }
}
