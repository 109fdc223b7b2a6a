//! The primary above, and how far the link to it has come.

/// How far the link has come; the words of ROLE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// There is no connection.
    Connect,
    /// It is being made.
    Connecting,
    /// Both sides introduce themselves.
    Handshake,
    /// All data are copied.
    Sync,
    /// The stream flows.
    Connected,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// As REPLICAOF named it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far the link has come.
    pub state: LinkState,
    /// When something came from it, Unix time in milliseconds.
    pub heard_ms: i64,
    /// Since when the link is down, or up.
    pub since_ms: i64,
    /// Time for which it was down before.
    pub down_ms: i64,
    /// Bytes of the copy: all, where that is known, and those that are here.
    pub copy: (Option<u64>, u64),
    /// Attempts to connect since the link was up, and all.
    pub attempts: (u64, u64),
}

impl LinkState {
    /// As ROLE prints it.
    pub fn name(self) -> &'static str {
        match self {
            LinkState::Connect => "connect",
            LinkState::Connecting => "connecting",
            LinkState::Handshake => "handshake",
            LinkState::Sync => "sync",
            LinkState::Connected => "connected",
        }
    }
}

impl Upstream {
    /// The host of a primary that is not known yet: there is nobody to connect to.
    pub const UNKNOWN: &'static str = "";

    pub(super) fn new(host: &str, port: u16, now_ms: i64) -> Self {
        Upstream {
            host: host.to_owned(),
            port,
            state: LinkState::Connect,
            heard_ms: now_ms,
            since_ms: now_ms,
            down_ms: 0,
            copy: (None, 0),
            attempts: (0, 0),
        }
    }

    pub(super) fn enter(&mut self, state: LinkState, now_ms: i64) {
        let was_up = self.state == LinkState::Connected;
        let is_up = state == LinkState::Connected;
        if is_up && !was_up {
            self.down_ms += now_ms - self.since_ms;
            self.attempts.0 = 0;
        }
        if is_up != was_up {
            self.since_ms = now_ms;
        }
        if state == LinkState::Connecting {
            self.attempts.0 += 1;
            self.attempts.1 += 1;
        }
        if state == LinkState::Sync && self.state != LinkState::Sync {
            self.copy = (None, 0);
        }
        self.state = state;
        self.heard_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_without_a_link_is_counted() {
        let mut upstream = Upstream::new("h", 1, 1000);
        upstream.enter(LinkState::Connecting, 2000);
        assert_eq!((upstream.since_ms, upstream.attempts), (1000, (1, 1)));
        upstream.enter(LinkState::Connected, 4000);
        assert_eq!((upstream.down_ms, upstream.since_ms), (3000, 4000));
        upstream.enter(LinkState::Connect, 9000);
        upstream.enter(LinkState::Connecting, 9000);
        upstream.enter(LinkState::Connected, 10_000);
        assert_eq!((upstream.down_ms, upstream.attempts), (4000, (0, 2)));
    }
}
