//! Parameters whose value is one of a few words that the node acts on.

use super::kind::Words;

/// `maxmemory-policy`: which keys go when memory is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// None: writes are refused.
    #[default]
    NoEviction,
    /// The least recently used.
    AllkeysLru,
    /// The least recently used of those with an expiry.
    VolatileLru,
    /// Any.
    AllkeysRandom,
    /// Any of those with an expiry.
    VolatileRandom,
    /// The next to expire.
    VolatileTtl,
    /// The least frequently used.
    AllkeysLfu,
    /// The least frequently used of those with an expiry.
    VolatileLfu,
}

impl Policy {
    /// Whether accesses are counted instead of timed.
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::AllkeysLfu | Policy::VolatileLfu)
    }

    /// Whether it matters how keys were used.
    pub fn remembers(self) -> bool {
        self.is_lfu() || matches!(self, Policy::AllkeysLru | Policy::VolatileLru)
    }

    /// Whether only keys with an expiry may go.
    pub fn only_volatile(self) -> bool {
        !matches!(
            self,
            Policy::AllkeysLru | Policy::AllkeysRandom | Policy::AllkeysLfu
        )
    }
}

impl Words for Policy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("volatile-lru", Policy::VolatileLru),
        ("volatile-lfu", Policy::VolatileLfu),
        ("volatile-random", Policy::VolatileRandom),
        ("volatile-ttl", Policy::VolatileTtl),
        ("allkeys-lru", Policy::AllkeysLru),
        ("allkeys-lfu", Policy::AllkeysLfu),
        ("allkeys-random", Policy::AllkeysRandom),
        ("noeviction", Policy::NoEviction),
    ];
}

/// `loglevel`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What helps to follow single connections.
    Verbose,
    /// What an operator wants to know.
    #[default]
    Notice,
    /// What an operator must look at.
    Warning,
    /// Silence.
    Nothing,
}

impl Words for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("debug", LogLevel::Debug),
        ("verbose", LogLevel::Verbose),
        ("notice", LogLevel::Notice),
        ("warning", LogLevel::Warning),
        ("nothing", LogLevel::Nothing),
    ];
}

/// `log-format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

impl Words for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
        ("legacy", LogFormat::Text),
    ];
}

/// `io-uring`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IoUring {
    /// Where the kernel grants it.
    #[default]
    Auto,
    /// Or do not serve.
    Yes,
    /// Never.
    No,
}

impl Words for IoUring {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", IoUring::Auto),
        ("yes", IoUring::Yes),
        ("no", IoUring::No),
    ];
}

/// `enable-debug-command`, `enable-protected-configs`: who may do a dangerous thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Permission {
    /// By nobody.
    #[default]
    No,
    /// By everybody.
    Yes,
    /// By clients on this machine.
    Local,
}

impl Permission {
    /// Whether a client may; `is_local` = it is connected by a Unix socket or from a loopback address.
    pub fn allows(self, is_local: bool) -> bool {
        self == Permission::Yes || (self == Permission::Local && is_local)
    }
}

impl Words for Permission {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("no", Permission::No),
        ("yes", Permission::Yes),
        ("local", Permission::Local),
    ];
}

/// `appendfsync`: when the append-only file is made durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Once a second.
    #[default]
    EverySecond,
    /// Before the reply to a write leaves.
    Always,
    /// When the system likes.
    No,
}

impl Words for Fsync {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("everysec", Fsync::EverySecond),
        ("always", Fsync::Always),
        ("no", Fsync::No),
    ];
}
