//! Waiting for a condition: the one place where tests and the drill sleep.

use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Waits until `condition` holds; false if it did not within `patience`.
pub fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    wait_for(patience, || condition().then_some(())).is_some()
}

/// Waits until `find` finds something; nothing if it did not within `patience`.
pub fn wait_for<T>(patience: Duration, mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        // Looked at once more after the deadline: a test that got no processor for long must not fail for that.
        let is_last = Instant::now() >= deadline;
        let found = find();
        if found.is_some() || is_last {
            return found;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
