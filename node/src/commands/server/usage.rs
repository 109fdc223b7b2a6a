//! MEMORY USAGE.

use crate::commands::{Call, Fault, Outcome};

/// Members of a large collection that are counted unless the request says how many.
const SAMPLES: usize = 5;

pub(super) fn memory_usage(call: &mut Call<'_>) -> Outcome {
    let mut samples = SAMPLES;
    let mut i = 3;
    while i < call.args.len() {
        if !call.args.is(i, "samples") || i + 1 == call.args.len() {
            return Err(Fault::SYNTAX);
        }
        samples = usize::try_from(call.args.integer(i + 1)?).map_err(|_| Fault::SYNTAX)?;
        i += 2;
    }
    match call.dbs[call.db].details(call.args.at(2), samples) {
        Some(details) => call.reply.length(details.memory()),
        None => call.reply.null(),
    }
    Ok(())
}
