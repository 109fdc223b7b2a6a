//! What CLIENT LIST and CLIENT KILL select by.

use crate::clients::{Client, Peer, Profile};
use crate::commands::Fault;

/// Everything that is given must fit.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) ids: Vec<i64>,
    pub(super) has_ids: bool,
    pub(super) kind: Option<&'static str>,
    pub(super) addr: Option<Vec<u8>>,
    pub(super) laddr: Option<Vec<u8>>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) min_age_s: Option<i64>,
}

impl Filter {
    /// Whether `client` is selected.
    pub(super) fn matches(&self, client: &Client, profile: &Profile, now_ms: i64) -> bool {
        let is = |wanted: &Option<Vec<u8>>, value: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted == value.as_bytes())
        };
        (!self.has_ids || self.ids.contains(&(client.id as i64)))
            && self.kind.is_none_or(|kind| kind == kind_of(profile))
            && is(&self.addr, &client.peer)
            && is(&self.laddr, &client.local)
            && is(&self.user, &profile.user)
            && self
                .min_age_s
                .is_none_or(|age| (now_ms - client.created_ms) / 1000 >= age)
    }
}

/// The class by which clients are filtered and limited.
fn kind_of(profile: &Profile) -> &'static str {
    match profile.peer {
        Peer::Primary => "master",
        Peer::Replica => "replica",
        Peer::Client if profile.is_subscribed() => "pubsub",
        Peer::Client => "normal",
    }
}

pub(super) fn parse_kind(name: &[u8]) -> Result<&'static str, Fault> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok("normal"),
        b"pubsub" => Ok("pubsub"),
        b"master" | b"primary" => Ok("master"),
        b"replica" | b"slave" => Ok("replica"),
        _ => Err(Fault::quoting("ERR Unknown client type '", name, "'")),
    }
}
