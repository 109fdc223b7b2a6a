//! Who answers for a shard: every node of it is asked all the time, whoever leads it.

use std::net::SocketAddr;
use std::time::Duration;

use almandine_node::probe::Watch;

use crate::process::wait_until;
use crate::resp::Client;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(4);
/// Longer than a node stands still.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads `key` from the node at `address` until it is over. Who does not lead the shard refuses.
pub(super) fn read(address: SocketAddr, shard: usize, key: &str, watch: &Watch) {
    let mut client = None;
    while !watch.is_over() {
        let sent = watch.now();
        if answers(&mut client, address, key) {
            watch.served(shard, address, sent);
        }
        wait_until(PAUSE, || watch.is_over());
    }
}

fn answers(kept: &mut Option<Client>, address: SocketAddr, key: &str) -> bool {
    let Some(mut client) = kept.take().or_else(|| Client::connect(address).ok()) else {
        return false;
    };
    client.timeout(REPLY_TIMEOUT);
    let Ok(reply) = client.call(&["GET", key]) else {
        return false;
    };
    *kept = Some(client);
    !reply.is_error()
}
