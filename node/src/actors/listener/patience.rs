//! How long clients may be silent or leave replies unread. Looked at once a second by the `ListenerActor`.

use std::sync::atomic::Ordering;

use tracing::debug;

use crate::clients::{Client, Peer};
use crate::node::Node;
use crate::params::Params;

/// Closes the clients that have exhausted our patience.
pub(super) fn close_overdue(node: &Node, now_ms: i64) {
    let params = node.params();
    for client in node.clients.all() {
        // The links of nodes have their own patience.
        if client.profile().peer != Peer::Client {
            continue;
        }
        if is_idle(&client, &params, now_ms) {
            debug!(client = client.id, "closing idle client");
            client.kill();
        } else if leaves_too_much_unread(&client, &params, now_ms) {
            debug!(
                client = client.id,
                "closing client that has not read its replies for long"
            );
            client.kill();
        }
    }
}

/// `timeout`. Who waits for us, in a blocking command or for messages, is not idle.
fn is_idle(client: &Client, params: &Params, now_ms: i64) -> bool {
    if params.timeout == 0 {
        return false;
    }
    let silence_ms = now_ms - client.active_ms.load(Ordering::Relaxed);
    if !exceeds(silence_ms, params.timeout) {
        return false;
    }
    let profile = client.profile();
    !profile.blocked && !profile.is_subscribed()
}

/// `client-output-buffer-limit`. The connection looks at the hard limit itself whenever it has something to send, and
/// remembers since when it is beyond the soft one; but the limits may have become lower while it waits.
fn leaves_too_much_unread(client: &Client, params: &Params, now_ms: i64) -> bool {
    let unread = client.output_buffer.load(Ordering::Relaxed);
    let since = &client.backlog_since_ms;
    if unread == 0 {
        since.store(0, Ordering::Relaxed);
        return false;
    }
    let limit = params.output_limit(client.profile().is_subscribed());
    if limit.hard > 0 && unread > limit.hard {
        return true;
    }
    if limit.soft == 0 || unread <= limit.soft {
        since.store(0, Ordering::Relaxed);
        return false;
    }
    let begun = since.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed);
    begun.is_err_and(|since| exceeds(now_ms - since, limit.soft_seconds))
}

fn exceeds(duration_ms: i64, seconds: u64) -> bool {
    u64::try_from(duration_ms).is_ok_and(|ms| ms > seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Identity;

    fn client() -> Client {
        let identity = Identity {
            id: 1,
            peer: "127.0.0.1:1".into(),
            local: "127.0.0.1:2".into(),
            fd: 3,
            worker: 0,
        };
        Client::new(identity, None)
    }

    #[test]
    fn silence_is_idleness_unless_we_owe_an_answer() {
        let client = client();
        client.active_ms.store(10_000, Ordering::Relaxed);
        let params = Params {
            timeout: 5,
            ..Params::default()
        };
        assert!(!is_idle(&client, &params, 15_000));
        assert!(is_idle(&client, &params, 15_001));
        assert!(!is_idle(&client, &Params::default(), i64::MAX));
        client.profile().blocked = true;
        assert!(!is_idle(&client, &params, 60_000));
        client.profile().blocked = false;
        client.profile().subscriptions = [0, 1, 0];
        assert!(!is_idle(&client, &params, 60_000));
    }

    #[test]
    fn the_soft_limit_is_that_of_the_class() {
        let client = client();
        let params = Params::default();
        client.profile().subscriptions = [1, 0, 0];
        client.output_buffer.store(8 << 20, Ordering::Relaxed);
        assert!(!leaves_too_much_unread(&client, &params, 1));
        assert!(!leaves_too_much_unread(&client, &params, i64::MAX));
        client.output_buffer.store((8 << 20) + 1, Ordering::Relaxed);
        assert!(!leaves_too_much_unread(&client, &params, 1));
        assert!(!leaves_too_much_unread(&client, &params, 60_001));
        assert!(leaves_too_much_unread(&client, &params, 60_002));
        client.profile().subscriptions = [0; 3];
        assert!(!leaves_too_much_unread(&client, &params, i64::MAX));
    }

    #[test]
    fn the_hard_limit_may_come_later_than_the_replies() {
        let client = client();
        client.output_buffer.store(1000, Ordering::Relaxed);
        let mut params = Params::default();
        assert!(!leaves_too_much_unread(&client, &params, 1));
        params.client_output_buffer_limit.normal.hard = 999;
        assert!(leaves_too_much_unread(&client, &params, 1));
    }
}
