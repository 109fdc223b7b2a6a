//! What blocking commands share: the timeout, and looking at several keys.

use almandine_protocol::number::{self, LongDouble};
use almandine_storage::Kind;

use super::{Args, Call, Fault, Outcome, Wait};
use crate::commands::call::Nothing;

/// The deadline in argument `i`, seconds with decimals; none for 0, which waits for ever.
pub(super) fn deadline(args: Args<'_>, i: usize, now_ms: i64) -> Result<Option<i64>, Fault> {
    let millis =
        millis(args.at(i)).ok_or(Fault::new("ERR timeout is not a float or out of range"))?;
    after(millis, now_ms)
}

/// The moment so many milliseconds from now; none for 0.
pub(super) fn after(millis: i64, now_ms: i64) -> Result<Option<i64>, Fault> {
    match millis {
        0 => Ok(None),
        ..0 => Err(Fault::new("ERR timeout is negative")),
        1.. => now_ms
            .checked_add(millis)
            .map(Some)
            .ok_or(Fault::new("ERR timeout is out of range")),
    }
}

/// Milliseconds, rounded up; the nearest that 64 bits hold if there are too many.
fn millis(seconds: &[u8]) -> Option<i64> {
    if let Some(seconds) = number::parse_i64(seconds) {
        return Some(seconds.saturating_mul(1000));
    }
    if LongDouble::is_infinity(seconds) {
        let is_negative = seconds.starts_with(b"-");
        return Some(if is_negative { i64::MIN } else { i64::MAX });
    }
    LongDouble::parse(seconds).map(LongDouble::thousandths)
}

/// Waits until one of `keys` is made and holds a value of `kind`.
pub(super) fn wait_for<'a>(
    call: &mut Call<'_>,
    kind: Kind,
    keys: impl Iterator<Item = &'a [u8]>,
    deadline_ms: Option<i64>,
    in_exec: Nothing,
) -> Outcome {
    let mut keys: Vec<Vec<u8>> = keys.map(<[u8]>::to_vec).collect();
    let mut seen = std::collections::HashSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    call.wait(Wait {
        keys,
        kind,
        deadline_ms,
        in_exec,
        acknowledgements: None,
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
    let words = args.len() - at;
    if words == 0 {
        return Ok(1);
    }
    if words == 1 || !args.is(at, "count") {
        return Err(Fault::SYNTAX);
    }
    // What is wrong with the count is said before what is wrong with the words behind it.
    let wrong = Fault::new("ERR count should be greater than 0");
    let count = args.integer(at + 1).ok().filter(|count| *count > 0);
    let count = usize::try_from(count.ok_or(wrong)?).unwrap_or(usize::MAX);
    match words {
        2 => Ok(count),
        _ => Err(Fault::SYNTAX),
    }
}
