//! What blocking commands share: the timeout, and looking at several keys.

use super::{Args, Call, Fault, Outcome, Wait};
use crate::commands::call::Nothing;

/// The deadline in argument `i`, seconds with decimals; none for 0, which waits for ever.
pub(super) fn deadline(args: Args<'_>, i: usize, now_ms: i64) -> Result<Option<i64>, Fault> {
    let seconds = args
        .double(i)
        .map_err(|_| Fault::new("ERR timeout is not a float or out of range"))?;
    if seconds < 0.0 {
        return Err(Fault::new("ERR timeout is negative"));
    }
    let millis = (seconds * 1000.0).ceil();
    if millis >= (i64::MAX - now_ms) as f64 {
        return Err(Fault::new("ERR timeout is out of range"));
    }
    Ok((seconds > 0.0).then(|| now_ms + millis as i64))
}

/// Waits for one of `keys`.
pub(super) fn wait_for<'a>(
    call: &mut Call<'_>,
    keys: impl Iterator<Item = &'a [u8]>,
    deadline_ms: Option<i64>,
    in_exec: Nothing,
) -> Outcome {
    let mut keys: Vec<Vec<u8>> = keys.map(<[u8]>::to_vec).collect();
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    call.wait(Wait {
        keys,
        deadline_ms,
        in_exec,
    })
}

/// `numkeys key [key ...]` with the count in argument `at`: the number of keys and the argument after the last one.
pub(super) fn counted_keys(args: Args<'_>, at: usize) -> Result<(usize, usize), Fault> {
    let wrong = Fault::new("ERR numkeys should be greater than 0");
    let count = args
        .integer(at)
        .ok()
        .filter(|count| *count > 0)
        .ok_or(wrong)?;
    let count = usize::try_from(count).map_err(|_| Fault::SYNTAX)?;
    let end = count
        .checked_add(at + 1)
        .filter(|end| *end < args.len())
        .ok_or(Fault::SYNTAX)?;
    Ok((count, end))
}

/// `[COUNT count]` as the last words from argument `at` on; 1 if there are none.
pub(super) fn pop_count(args: Args<'_>, at: usize) -> Result<usize, Fault> {
    match args.len() - at {
        0 => Ok(1),
        2 if args.is(at, "count") => {
            let wrong = Fault::new("ERR count should be greater than 0");
            let count = args
                .integer(at + 1)
                .ok()
                .filter(|count| *count > 0)
                .ok_or(wrong)?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        }
        _ => Err(Fault::SYNTAX),
    }
}
