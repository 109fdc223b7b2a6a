//! FAILOVER: a primary hands its place over to one of its replicas.

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
    /// The replica is asked to take over.
    InProgress(Plan),
}

impl Failover {
    /// As INFO prints it.
    pub fn name(&self) -> &'static str {
        match self {
            Failover::None => "no-failover",
            Failover::Waiting(_) => "waiting-for-sync",
            Failover::InProgress(_) => "failover-in-progress",
        }
    }
}
