//! The differences that are none. Each one has its reason, and names the peer that differs.
//!
//! An entry is in order only if Redis 8.2 agrees with our node and an older or another server does not, or if the reply
//! is by nature undetermined. Where our node is wrong, it is mended instead.

use super::generate::Step;
use crate::process::Identity;
use crate::resp::Value;

/// One difference that is none.
pub struct Tolerated {
    /// `redis` or `valkey`.
    family: &'static str,
    /// The first and the last version that differ.
    versions: ((u32, u32), (u32, u32)),
    /// Why.
    pub reason: &'static str,
    /// Whether these replies (ours, theirs) are that difference.
    is_it: fn(&Step, &Value, &Value) -> bool,
}

/// All of them.
pub const TOLERATED: &[Tolerated] = &[Tolerated {
    family: "redis",
    versions: ((8, 2), (8, u32::MAX)),
    reason: "OBJECT ENCODING of strings up to 44 bytes: it has key and value in one allocation of 64 bytes, so \
                 that embstr ends earlier, depending on the key's length; older ones and our node have it end at 44",
    is_it: |step, ours, theirs| {
        is_encoding(step) && *ours == Value::bulk("embstr") && *theirs == Value::bulk("raw")
    },
}];

fn is_encoding(step: &Step) -> bool {
    let second = step.request.get(1);
    step.name() == "OBJECT" && second.is_some_and(|word| word.eq_ignore_ascii_case(b"ENCODING"))
}

/// The reason why this difference is none.
pub(super) fn reason(
    peer: &Identity,
    step: &Step,
    ours: &Value,
    theirs: &Value,
) -> Option<&'static str> {
    let mut suitable = TOLERATED.iter().filter(|entry| {
        let (first, last) = entry.versions;
        entry.family == peer.family && (first..=last).contains(&peer.version)
    });
    suitable
        .find(|entry| (entry.is_it)(step, ours, theirs))
        .map(|entry| entry.reason)
}
