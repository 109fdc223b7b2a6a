//! Ports that nobody takes while a node is dead: below those that the system gives to connections, which a story has many of.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// The system gives ports from 32768 on to whoever asks for none in particular.
const RANGE: Range<u16> = 20_000..32_700;

/// A port of loopback that is free, and that this process does not hand out again soon.
///
/// # Errors
/// None is free.
pub fn free_port() -> io::Result<u16> {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let count = RANGE.len() as u16;
    // Processes that run at once begin far from each other.
    let next = NEXT.get_or_init(|| {
        let begin = std::process::id().wrapping_mul(7919) % u32::from(count);
        AtomicU16::new(begin as u16)
    });
    let mut candidates =
        (0..count).map(|_| RANGE.start + next.fetch_add(1, Ordering::Relaxed) % count);
    candidates
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| io::ErrorKind::AddrInUse.into())
}
