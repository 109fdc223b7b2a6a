//! MONITOR: the clients that see every command.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clients::Client;
use crate::commands::call::Call;
use crate::commands::spec::Flags;
use crate::params::conf;
use crate::stats::commandlog;

/// See the module.
#[derive(Debug, Default)]
pub struct Monitors(BTreeMap<u64, Arc<Client>>);

impl Monitors {
    /// Whether nobody sees anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `client` sees every command from now on.
    pub fn add(&mut self, client: &Arc<Client>) {
        self.0.insert(client.id, client.clone());
    }

    /// It sees no more.
    pub fn remove(&mut self, client: u64) {
        self.0.remove(&client);
    }
}

/// Shows a command that has run. Those of administrators are not shown, nor are passwords.
#[cold]
pub(super) fn show(call: &mut Call<'_>) {
    if call
        .command
        .flags
        .intersects(Flags::ADMIN.union(Flags::SKIP_MONITOR))
    {
        return;
    }
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let client = &call.session.client;
    let (prefix, peer) = match client.is_unix() {
        true => ("unix:", client.peer.trim_end_matches(":0")),
        false => ("", client.peer.as_str()),
    };
    let mut head = String::new();
    let (seconds, micros, db) = (since.as_secs(), since.subsec_micros(), call.session.db);
    // Writing to a String cannot fail.
    let _ = write!(head, "+{seconds}.{micros:06} [{db} {prefix}{peer}]");
    let mut line = head.into_bytes();
    for word in commandlog::without_secrets(call.command, call.args) {
        line.push(b' ');
        conf::quote(&mut line, word);
    }
    line.extend_from_slice(b"\r\n");
    let monitors: Vec<_> = call.outgoing.monitors.0.values().cloned().collect();
    for monitor in monitors {
        call.outgoing.push(&monitor, &line);
    }
}
