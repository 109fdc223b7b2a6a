//! Web pages that make a browser talk to us: the lines of their HTTP request would be executed one by one, the first being
//! refused and those of the body not. `POST` and `Host:` betray them; they get no answer.

use tracing::warn;

use crate::commands::Args;
use crate::session::Session;

/// An attacker must not fill the log.
const WARNING_INTERVAL_MS: i64 = 60_000;

/// Says in the log that it happens, once a minute.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    warned_ms: Option<i64>,
}

/// Whether the request is a line of HTTP that no client of ours sends.
pub(super) fn is_http(args: Args<'_>) -> bool {
    args.is(0, "post") || args.is(0, "host:")
}

impl Foreign {
    pub(super) fn note(&mut self, session: &Session, now_ms: i64) {
        let is_due = |warned: i64| now_ms - warned >= WARNING_INTERVAL_MS;
        if !self.warned_ms.is_none_or(is_due) {
            return;
        }
        self.warned_ms = Some(now_ms);
        warn!(
            peer = session.client.peer,
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands. This is likely \
             due to an attacker attempting to use Cross Protocol Scripting. Connection aborted."
        );
    }
}
