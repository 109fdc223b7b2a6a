//! `cluster-seeds`: a node without others asks for them there, again and again, until it is taken in. Names are looked up
//! again, too.

use std::net::IpAddr;
use std::time::Duration;

use tracing::warn;

use crate::params::BUS_OFFSET;
use crate::params::shapes::seed_parts;

/// How often.
pub(super) const AGAIN: Duration = Duration::from_secs(2);

/// Where the seeds are now: the address, and the port of the bus.
pub(super) async fn resolve(seeds: Vec<String>) -> Vec<(IpAddr, u16)> {
    let mut found = Vec::new();
    for seed in seeds {
        let (place, bus_port) = parts(&seed);
        match tokio::net::lookup_host(place).await {
            Ok(addresses) => found.extend(addresses.filter_map(|address| {
                let bus_port = bus_port.or(address.port().checked_add(BUS_OFFSET))?;
                Some((address.ip(), bus_port))
            })),
            Err(error) => warn!(%error, seed, "a seed of the cluster cannot be looked up"),
        }
    }
    found
}

/// `host:port` or `host:port@bus-port`.
fn parts(seed: &str) -> (&str, Option<u16>) {
    let (place, bus_port) = seed_parts(seed);
    (place, bus_port.and_then(|port| port.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_the_port_of_clients_and_perhaps_that_of_nodes() {
        assert_eq!(parts("a.example:6379"), ("a.example:6379", None));
        assert_eq!(parts("[::1]:6379@7"), ("[::1]:6379", Some(7)));
    }

    #[actix_rt::test]
    async fn seeds_are_looked_up_and_those_that_cannot_be_are_left_out() {
        let seeds = [
            "127.0.0.1:6379",
            "127.0.0.1:7000@7",
            "127.0.0.1:60000",
            "no port",
        ];
        let ip: IpAddr = [127, 0, 0, 1].into();
        let found = resolve(seeds.map(str::to_owned).to_vec()).await;
        assert_eq!(found, [(ip, 16379), (ip, 7)]);
    }
}
