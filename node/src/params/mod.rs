//! The parameters of a node. The full table follows; until then these few.

use crate::commands::Class;
use almandine_protocol::Limits;
use almandine_storage::Thresholds;
#[derive(Debug, Clone)]
pub struct Params {
    pub databases: usize,
    pub requirepass: String,
    pub threads: usize,
    pub bind: Vec<String>,
    pub port: u16,
    pub unixsocket: String,
    pub unixsocketperm: u32,
    pub tcp_backlog: u32,
    pub tcp_keepalive: u64,
    pub maxclients: usize,
    pub protected_mode: bool,
    pub maxmemory: u64,
    pub notify_keyspace_events: Class,
    pub client_query_buffer_limit: u64,
    pub maxmemory_policy: Policy,
    pub maxmemory_samples: usize,
    pub lfu_log_factor: u32,
    pub lfu_decay_time: u32,
}
pub struct OutputLimit {
    pub hard: u64,
}
impl Params {
    pub fn thresholds(&self) -> Thresholds {
        Thresholds::default()
    }
    pub fn limits(&self) -> Limits {
        Limits::default()
    }
    pub fn output_limit(&self, _s: bool) -> OutputLimit {
        OutputLimit { hard: 0 }
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    #[default]
    NoEviction,
    AllkeysLru,
    VolatileLru,
    AllkeysRandom,
    VolatileRandom,
    VolatileTtl,
    AllkeysLfu,
    VolatileLfu,
}
impl Policy {
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::AllkeysLfu | Policy::VolatileLfu)
    }
    pub fn only_volatile(self) -> bool {
        !matches!(
            self,
            Policy::AllkeysLru | Policy::AllkeysRandom | Policy::AllkeysLfu
        )
    }
}

impl Default for Params {
    fn default() -> Self {
        Params {
            databases: 16,
            requirepass: String::new(),
            threads: 1,
            bind: vec!["127.0.0.1".into(), "-::1".into()],
            port: 6379,
            unixsocket: String::new(),
            unixsocketperm: 0,
            tcp_backlog: 511,
            tcp_keepalive: 300,
            maxclients: 10000,
            protected_mode: true,
            maxmemory: 0,
            notify_keyspace_events: Class::empty(),
            client_query_buffer_limit: 1 << 30,
            maxmemory_policy: Policy::NoEviction,
            maxmemory_samples: 5,
            lfu_log_factor: 10,
            lfu_decay_time: 1,
        }
    }
}
