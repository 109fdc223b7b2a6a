//! Sorted sets: members in the order of their scores.
//!
//! ```text
//!   add.rs      ZADD, ZINCRBY
//!   members.rs  removing members, asking for them, ZSCAN
//!   pop.rs      taking from either end, at once or when there is something
//!   random.rs   ZRANDMEMBER
//!   range.rs    ranges by rank, by score, by member: reading and storing
//!   between.rs  counting and removing them
//!   bounds.rs     the ends of a range
//!   combine.rs  unions, intersections, differences
//!   inputs.rs     their inputs
//! ```

pub(super) mod add;
pub(super) mod between;
mod bounds;
pub(super) mod combine;
mod inputs;
pub(super) mod members;
pub(super) mod pop;
pub(super) mod random;
pub(super) mod range;

use super::{Call, Class};

/// Tells of members taken out, and removes the key if they were the last.
fn note_removed(call: &mut Call<'_>, key: &[u8], event: &'static str) {
    call.changes.modified(call.db, key, Class::ZSET, event);
    if call.dbs[call.db].remove_if_empty(key) {
        call.changes.notify(call.db, key, Class::GENERIC, "del");
    }
}
