//! Commands of many kinds to a few keys of a shard, wherever that is. What they answer does not matter, only that nodes stand them.

use std::net::SocketAddr;
use std::time::Duration;

use almandine_node::probe::Watch;
use almandine_storage::Rng;

use crate::process::wait_until;
use crate::resp::Client;

/// KEY stands for a key, N for a number.
const COMMANDS: &[&str] = &[
    "SET s:KEY N",
    "SET s:KEY N PX 500",
    "GET s:KEY",
    "SETRANGE s:KEY N x",
    "GETDEL s:KEY",
    "INCRBY c:KEY N",
    "BITFIELD b:KEY SET u8 N 7 GET u8 0",
    "PFADD p:KEY N",
    "HSET h:KEY N v",
    "HINCRBY i:KEY N 1",
    "HGETALL h:KEY",
    "LPUSH l:KEY N",
    "LTRIM l:KEY 0 50",
    "RPOPLPUSH l:KEY l:KEY",
    "SADD m:KEY N",
    "SPOP m:KEY",
    "SMEMBERS m:KEY",
    "ZADD z:KEY N N",
    "ZPOPMIN z:KEY",
    "ZRANGEBYSCORE z:KEY 0 N",
    "GEOADD g:KEY 13.3 38.1 N",
    "XADD x:KEY MAXLEN 50 * f N",
    "XRANGE x:KEY - + COUNT 5",
    "EXPIRE h:KEY 1",
    "PERSIST h:KEY",
    "DEL z:KEY",
    "UNLINK x:KEY",
    "TYPE s:KEY",
    "SCRIPT EXISTS N",
    "INFO replication",
];
const KEYS: usize = 50;
const NUMBERS: usize = 200;
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two commands.
const PAUSE: Duration = Duration::from_millis(2);

/// Sends such commands until it is over, to keys that `tag` gives a slot; how many were answered without an error.
pub(super) fn play(addresses: &[SocketAddr], tag: &str, seed: u64, watch: &Watch) -> u64 {
    let mut rng = Rng::new(seed);
    let mut answered = 0;
    let mut target = 0;
    let mut kept = None;
    while !watch.is_over() {
        let command = COMMANDS[rng.below(COMMANDS.len())];
        let key = format!("{{{tag}}}:{}", rng.below(KEYS));
        let number = rng.below(NUMBERS).to_string();
        let words = command.split(' ').map(|word| match word {
            "N" => number.clone(),
            word => word.replace("KEY", &key),
        });
        match ask(&mut kept, addresses[target], &words.collect::<Vec<_>>()) {
            true => answered += 1,
            // Somebody else may lead.
            false => {
                kept = None;
                target = (target + 1) % addresses.len();
            }
        }
        wait_until(PAUSE, || watch.is_over());
    }
    answered
}

fn ask(kept: &mut Option<Client>, address: SocketAddr, request: &[String]) -> bool {
    let Some(mut client) = kept.take().or_else(|| Client::connect(address).ok()) else {
        return false;
    };
    client.timeout(REPLY_TIMEOUT);
    let is_answered = client.call(request).is_ok_and(|reply| !reply.is_error());
    *kept = Some(client);
    is_answered
}
