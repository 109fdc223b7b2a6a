//! Connections to other nodes.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpSocket, TcpStream, lookup_host};

/// Connects to the first address of `to` that answers, from the address `from` unless it is empty.
pub(super) async fn connect(to: (&str, u16), from: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in lookup_host(to).await? {
        match connect_to(address, from).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr, from: &str) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !from.is_empty() {
        let ip = from.parse().map_err(io::Error::other)?;
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    socket.connect(address).await
}
