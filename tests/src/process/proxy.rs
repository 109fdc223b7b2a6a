//! A connection between two servers that can be cut, or falls silent.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Listens, and connects whoever comes to another address. Ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    is_closed: AtomicBool,
    has_ended: AtomicBool,
    held: Mutex<Held>,
    is_released: Condvar,
}

/// Whether anything is carried.
#[derive(Default)]
struct Held {
    is_held: bool,
    /// How much is, before nothing more.
    after: Option<usize>,
}

impl Proxy {
    /// Connects to `target` whoever connects to it.
    ///
    /// # Panics
    /// If there is no port to listen on: the test cannot go on.
    pub fn to(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared {
            target,
            open: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            held: Mutex::default(),
            is_released: Condvar::new(),
        });
        let mine = shared.clone();
        thread::spawn(move || mine.accept(&listener));
        Proxy { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made through it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Breaks all connections.
    pub fn cut(&self) {
        for stream in self.shared.open().drain(..) {
            // The other side may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Breaks all connections and lets none through until [`Proxy::open`].
    pub fn close(&self) {
        self.shared.is_closed.store(true, Ordering::Release);
        self.cut();
    }

    /// Carries nothing until [`Proxy::release`]; neither side can tell.
    pub fn hold(&self) {
        self.shared.held().is_held = true;
    }

    /// As [`Proxy::hold`], once so many bytes more have been carried.
    pub fn hold_after(&self, bytes: usize) {
        self.shared.held().after = Some(bytes);
    }

    /// Whether it holds.
    pub fn is_holding(&self) -> bool {
        self.shared.held().is_held
    }

    /// Carries on.
    pub fn release(&self) {
        *self.shared.held() = Held::default();
        self.shared.is_released.notify_all();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.shared.is_closed.store(false, Ordering::Release);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Release);
        self.close();
        self.release();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before so many bytes are carried.
    fn wait_while_held(&self, bytes: usize) {
        let mut held = self.held();
        if let Some(left) = &mut held.after {
            *left = left.saturating_sub(bytes);
            held.is_held |= held.after == Some(0);
        }
        // Whoever held it may be gone; the guard means nothing then.
        drop(self.is_released.wait_while(held, |held| held.is_held));
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.has_ended.load(Ordering::Acquire) {
                return;
            }
            let Ok(near) = stream else { continue };
            if self.is_closed.load(Ordering::Acquire) {
                continue;
            }
            // A target that is gone is what many tests are about.
            let _ = self.join(near);
        }
    }

    fn join(self: &Arc<Self>, near: TcpStream) -> io::Result<()> {
        let far = TcpStream::connect(self.target)?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
            self.open().push(stream.try_clone()?);
        }
        self.connections.fetch_add(1, Ordering::AcqRel);
        for (from, to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            let shared = self.clone();
            thread::spawn(move || shared.carry(from, to));
        }
        Ok(())
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count) = from.read(&mut bytes)
            && count > 0
        {
            self.wait_while_held(count);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // However it ends, it ends for both sides.
        for stream in [from, to] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
