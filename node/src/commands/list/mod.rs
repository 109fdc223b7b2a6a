//! Lists.
//!
//! ```text
//!   ends.rs      pushing, popping, moving from one list to another
//!   places.rs    elements by their place or value: reading, replacing, inserting, removing
//!   search.rs    LPOS
//!   blocking.rs  what can wait for an element; LMPOP
//! ```

pub(super) mod blocking;
pub(super) mod ends;
pub(super) mod places;
pub(super) mod search;

use almandine_storage::list::End;

use super::{Args, Call, Class, Fault};

/// Tells of elements taken from one end, and removes the key if they were the last.
fn note_popped(call: &mut Call<'_>, key: &[u8], end: End) {
    let event = if end == End::Left { "lpop" } else { "rpop" };
    call.changes.modified(call.db, key, Class::LIST, event);
    note_if_empty(call, key);
}

fn note_if_empty(call: &mut Call<'_>, key: &[u8]) {
    if call.dbs[call.db].remove_if_empty(key) {
        call.changes.notify(call.db, key, Class::GENERIC, "del");
    }
}

fn pop_name(end: End) -> &'static [u8] {
    if end == End::Left { b"LPOP" } else { b"RPOP" }
}

fn end_at(args: Args<'_>, i: usize) -> Result<End, Fault> {
    if args.is(i, "left") {
        Ok(End::Left)
    } else if args.is(i, "right") {
        Ok(End::Right)
    } else {
        Err(Fault::SYNTAX)
    }
}
