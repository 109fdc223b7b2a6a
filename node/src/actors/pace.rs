//! How long until the next attempt: most often whoever has gone is back at once, and a link that works again after a second
//! was a second too long away.

use std::time::Duration;

/// The first pause, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];
/// A link that was up for less was not worth being made at once.
const WORTH: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Duration,
}

impl Pace {
    /// The pause after an attempt; `was_up` = how long the link that it made was up, if it made one.
    pub(super) fn next(&mut self, was_up: Option<Duration>) -> Duration {
        let [first, longest] = PAUSES;
        self.last = match was_up {
            Some(lasted) if lasted > WORTH => Duration::ZERO,
            _ => (self.last * 2).clamp(first, longest),
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempts_follow_quickly_and_the_others_twice_a_second() {
        let mut pace = Pace::default();
        let mut millis = |was_up| pace.next(was_up).as_millis();
        let long = Some(Duration::from_secs(2));
        let pauses: Vec<u128> = [long, None, None, None, None, None, None]
            .map(&mut millis)
            .to_vec();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 500, 500]);
        assert_eq!(millis(Some(Duration::from_millis(1))), 500, "it is no good");
        assert_eq!(millis(long), 0);
    }
}
