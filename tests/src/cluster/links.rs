//! How nodes reach each other where links can break: each speaks from an address of its own and is reached through proxies,
//! which know by it who comes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::process::{Break, Proxy};

/// The ways to one node.
pub(super) struct Links {
    source: IpAddr,
    clients: Proxy,
    bus: Proxy,
}

impl Links {
    /// The ways to the node that listens at these ports and is the `number`th of its cluster.
    pub(super) fn to(number: usize, port: u16, bus_port: u16) -> io::Result<Links> {
        let last = u8::try_from(number + 1).map_err(io::Error::other)?;
        let proxy = |port| Proxy::to(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Ok(Links {
            source: IpAddr::from([127, 0, 1, last]),
            clients: proxy(port),
            bus: proxy(bus_port),
        })
    }

    /// What the node must be told.
    pub(super) fn args(&self) -> Vec<String> {
        let args = [
            ("--bind-source-addr", self.source.to_string()),
            ("--cluster-announce-ip", Ipv4Addr::LOCALHOST.to_string()),
            ("--cluster-announce-port", self.port().to_string()),
            ("--cluster-announce-bus-port", self.bus_port().to_string()),
        ];
        let words = |(name, value): (&str, String)| [name.to_owned(), value];
        args.into_iter().flat_map(words).collect()
    }

    pub(super) fn source(&self) -> IpAddr {
        self.source
    }

    pub(super) fn port(&self) -> u16 {
        self.clients.address().port()
    }

    pub(super) fn bus_port(&self) -> u16 {
        self.bus.address().port()
    }

    /// The nodes that speak from `sources` do not reach this one any more.
    pub(super) fn break_from(&self, sources: &[IpAddr], how: Break) {
        self.clients.break_from(sources, how);
        self.bus.break_from(sources, how);
    }

    pub(super) fn mend(&self) {
        self.clients.mend();
        self.bus.mend();
    }
}
