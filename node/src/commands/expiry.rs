//! Times of expiry as options of commands: EX, PX, EXAT, PXAT, and the arithmetic behind EXPIRE.

use super::{Args, Fault};

/// The unit and the origin of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// EX
    Seconds,
    /// PX
    Millis,
    /// EXAT
    UnixSeconds,
    /// PXAT
    UnixMillis,
}

impl Form {
    /// The option at argument `i`, in any letter case.
    pub(super) fn parse(args: Args<'_>, i: usize) -> Option<Form> {
        let forms = [
            ("ex", Form::Seconds),
            ("px", Form::Millis),
            ("exat", Form::UnixSeconds),
            ("pxat", Form::UnixMillis),
        ];
        forms
            .into_iter()
            .find(|(word, _)| args.is(i, word))
            .map(|(_, form)| form)
    }

    /// Whether it counts from the Epoch.
    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Form::UnixSeconds | Form::UnixMillis)
    }

    /// Unix time in milliseconds; none if it does not fit.
    pub(super) fn unix_ms(self, value: i64, now_ms: i64) -> Option<i64> {
        let millis = match self {
            Form::Seconds | Form::UnixSeconds => value.checked_mul(1000)?,
            Form::Millis | Form::UnixMillis => value,
        };
        if self.is_absolute() {
            Some(millis)
        } else {
            now_ms.checked_add(millis)
        }
    }
}

/// The time in argument `i`: a positive integer that fits, as `command` wants it.
pub(super) fn positive(
    args: Args<'_>,
    i: usize,
    form: Form,
    now_ms: i64,
    command: &str,
) -> Result<i64, Fault> {
    let value = args.integer(i)?;
    let at = if value > 0 {
        form.unix_ms(value, now_ms)
    } else {
        None
    };
    at.ok_or_else(|| Fault::invalid_expire(command))
}
