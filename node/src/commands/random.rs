//! What SRANDMEMBER and HRANDFIELD share: the count, and its limits.

use almandine_protocol::Reply;

use super::call::Args;
use super::errors::Fault;

/// How many elements a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many different ones.
    Distinct(usize),
    /// So many, each drawn from all.
    Repeated(usize),
}

/// A negative count makes a small collection into a reply of any size: here it ends.
const REPEATS_MAX_BYTES: usize = 1 << 30;
/// An element of no bytes takes so many on the wire.
const ELEMENT_MIN_BYTES: usize = 6;

const REPLY_TOO_LONG: Fault = Fault::new("ERR value is out of range, the reply would exceed 1 GiB");

impl Count {
    /// Argument `i`; negative = with repeats.
    pub fn parse(args: Args<'_>, i: usize) -> Result<Self, Fault> {
        let count = args.integer(i)?;
        if count == i64::MIN {
            return Err(Fault::NOT_NEGATABLE);
        }
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        Ok(if count < 0 {
            Count::Repeated(size)
        } else {
            Count::Distinct(size)
        })
    }

    /// The number without its meaning.
    pub fn size(self) -> usize {
        match self {
            Count::Distinct(size) | Count::Repeated(size) => size,
        }
    }
}

/// Calls `draw` so many times, as long as the reply stays within limits.
pub fn repeat<'r>(
    reply: &mut Reply<'r>,
    count: usize,
    mut draw: impl FnMut(&mut Reply<'r>),
) -> Result<(), Fault> {
    let start = reply.position();
    if count > REPEATS_MAX_BYTES / ELEMENT_MIN_BYTES {
        return Err(REPLY_TOO_LONG);
    }
    for _ in 0..count {
        draw(reply);
        if reply.position() - start > REPEATS_MAX_BYTES {
            return Err(REPLY_TOO_LONG);
        }
    }
    Ok(())
}
