//! A connection between two servers that can be cut, or falls silent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
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
    /// By number of the connection.
    open: Mutex<BTreeMap<usize, Joined>>,
    connections: AtomicUsize,
    is_closed: AtomicBool,
    has_ended: AtomicBool,
    held: Mutex<Held>,
    is_released: Condvar,
}

/// Both sides of a connection.
struct Joined {
    number: usize,
    source: IpAddr,
    near: TcpStream,
    far: TcpStream,
}

/// Whether anything is carried.
#[derive(Default)]
struct Held {
    is_held: bool,
    /// How much is, before nothing more.
    after: Option<usize>,
    /// For whom nothing is.
    sources: BTreeSet<IpAddr>,
    /// Who is not let through.
    refused: BTreeSet<IpAddr>,
}

/// What a connection that is no more looks like to its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// It is closed, and no other can be made.
    Closed,
    /// It is open and nothing comes, until everything comes at once.
    Silent,
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
        self.shared.cut(|_| true);
    }

    /// Breaks the connections from `sources`, those that exist and those to come, until [`Proxy::mend`].
    pub fn break_from(&self, sources: &[IpAddr], how: Break) {
        let mut held = self.shared.held();
        match how {
            Break::Silent => held.sources.extend(sources),
            Break::Closed => held.refused.extend(sources),
        }
        drop(held);
        if how == Break::Closed {
            self.shared.cut(|source| sources.contains(&source));
        }
    }

    /// Undoes [`Proxy::break_from`].
    pub fn mend(&self) {
        let mut held = self.shared.held();
        held.sources.clear();
        held.refused.clear();
        drop(held);
        self.shared.is_released.notify_all();
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
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Joined>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks the connections from such sources.
    fn cut(&self, is_cut: impl Fn(IpAddr) -> bool) {
        let open = self.open();
        for joined in open.values().filter(|joined| is_cut(joined.source)) {
            joined.end();
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before so many bytes are carried, which come from or go to `source`.
    fn wait_while_held(&self, bytes: usize, source: IpAddr) {
        let mut held = self.held();
        if let Some(left) = &mut held.after {
            *left = left.saturating_sub(bytes);
            held.is_held |= held.after == Some(0);
        }
        // Whoever held it may be gone; the guard means nothing then.
        let is_held = |held: &mut Held| held.is_held || held.sources.contains(&source);
        drop(self.is_released.wait_while(held, is_held));
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.has_ended.load(Ordering::Acquire) {
                return;
            }
            let Ok(near) = stream else { continue };
            let Ok(source) = near.peer_addr().map(|source| source.ip()) else {
                continue;
            };
            if self.refuses(source) {
                continue;
            }
            // A target that is gone is what many tests are about.
            let _ = self.join(near, source);
        }
    }

    fn refuses(&self, source: IpAddr) -> bool {
        self.is_closed.load(Ordering::Acquire) || self.held().refused.contains(&source)
    }

    fn join(self: &Arc<Self>, near: TcpStream, source: IpAddr) -> io::Result<()> {
        let far = TcpStream::connect(self.target)?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
        }
        let number = self.connections.fetch_add(1, Ordering::AcqRel);
        let joined = || -> io::Result<Joined> {
            Ok(Joined {
                number,
                source,
                near: near.try_clone()?,
                far: far.try_clone()?,
            })
        };
        let (there, back) = (joined()?, joined()?.turned());
        self.open().insert(number, joined()?);
        if self.refuses(source) {
            // Whoever has said so since it was accepted may have looked for it before it was there to be cut.
            there.end();
        }
        for way in [there, back] {
            let shared = self.clone();
            thread::spawn(move || shared.carry(way));
        }
        Ok(())
    }

    /// Carries from the near side to the far one.
    fn carry(&self, mut way: Joined) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count) = way.near.read(&mut bytes)
            && count > 0
        {
            self.wait_while_held(count, way.source);
            if way.far.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // However it ends, it ends for both sides.
        way.end();
        self.open().remove(&way.number);
    }
}

impl Joined {
    fn turned(self) -> Joined {
        Joined {
            near: self.far,
            far: self.near,
            ..self
        }
    }

    fn end(&self) {
        for stream in [&self.near, &self.far] {
            // The other side may have closed it already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
