//! The other way to the clients: io_uring instead of epoll. One ring a thread. Clients' bytes are received without being
//! asked for each time, into buffers that all share; what the connections of a turn of the event loop have to send is
//! handed over in one call.
//!
//! ```text
//!   kernel ──event──▶ driver.rs ──wakes──▶ connections ──▶ socket.rs ──bytes to send, end of receiving──┐
//!                        ▲   turn: hand over, see what is done                                          │
//!                        └──────────────────────────────────── woken behind the connections ◀───────────┘
//!   queues.rs   what the kernel is asked, and what it has done        buffers.rs   what it receives into
//! ```
//!
//! Architecture invariant: `unsafe` stays in `queues` and `buffers`; no client can make either unsound.

mod buffers;
mod driver;
mod probe;
mod queues;
mod socket;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::Waker;

use almandine_storage::Db;

use self::buffers::Lent;
use self::driver::Driver;
pub use self::probe::probe;
use self::queues::{Done, Queues};
pub(super) use self::socket::RingSocket;
use crate::actors::shard::handle::glance;

/// Bytes that a connection may hand over before those before them have left.
const OUT_MAX: usize = 64 * 1024;
/// Reads of a connection that it has not looked at, after which receiving is stopped until it has.
const INBOX_MAX: usize = 16;
/// Buffers for bytes to be sent that are kept, and the size beyond which one is not.
const SPARES: usize = 128;
const SPARE_BYTES: usize = 16 * 1024;

thread_local! {
    static HERE: RefCell<Option<Ring>> = const { RefCell::new(None) };
}

/// The ring of a thread; see the module.
#[derive(Clone)]
pub(super) struct Ring(Rc<RefCell<State>>);

struct State {
    queues: Queues,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// Numbers of the slots with something to ask for.
    dirty: Vec<u32>,
    /// There were not enough buffers.
    is_starved: bool,
    spare: Vec<Vec<u8>>,
    done: Vec<Done>,
    /// Numbers of the slots that have received something in this turn.
    fed: Vec<u32>,
    /// Wakes the driver.
    driver: Option<Waker>,
}

/// One connection.
struct Slot {
    fd: OwnedFd,
    /// Wakes the connection.
    waker: Option<Waker>,
    inbox: VecDeque<Piece>,
    /// No more will come, for this reason (or because the peer has closed).
    end: Option<Result<(), i32>>,
    receive: Receive,
    /// Wants to receive.
    listens: bool,
    watch: Watch,
    out: Vec<u8>,
    is_sending: bool,
    /// Nothing can be sent any more, for this reason.
    broken: Option<i32>,
    /// Wants to know when something has left.
    wants_to_send: bool,
    is_dirty: bool,
    /// The connection is over; the descriptor is closed once the kernel has done with it.
    is_left: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receive {
    Off,
    On,
    /// Still on, and to be stopped.
    Stopping,
}

/// For the end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    New,
    On,
    Over,
}

/// Bytes that one read has brought.
#[derive(Debug)]
pub(super) enum Piece {
    /// In a buffer that all connections share.
    Lent(Lent),
    /// In memory of the connection's own: it has not looked at them for long.
    Own(Vec<u8>),
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Piece::Lent(lent) => lent,
            Piece::Own(bytes) => bytes,
        }
    }
}

/// Makes the ring of this thread and starts its driver.
///
/// # Errors
/// The kernel does not grant it.
pub fn start() -> io::Result<()> {
    let queues = Queues::new()?;
    let news = queues.news()?;
    let ring = Ring(Rc::new(RefCell::new(State::new(queues))));
    actix_rt::spawn(Driver::new(ring.clone(), news));
    HERE.set(Some(ring));
    Ok(())
}

/// The ring of this thread, if it has one.
pub(super) fn here() -> Option<Ring> {
    HERE.with_borrow(Clone::clone)
}

impl Ring {
    /// A connection over the socket `fd`.
    pub(super) fn adopt(self, fd: OwnedFd) -> RingSocket {
        let number = self.0.borrow_mut().add(fd);
        RingSocket::new(self, number)
    }
}

impl State {
    fn new(queues: Queues) -> Self {
        State {
            queues,
            slots: Vec::new(),
            free: Vec::new(),
            dirty: Vec::new(),
            is_starved: false,
            spare: Vec::new(),
            done: Vec::new(),
            fed: Vec::new(),
            driver: None,
        }
    }

    fn add(&mut self, fd: OwnedFd) -> u32 {
        let slot = Slot {
            fd,
            waker: None,
            inbox: VecDeque::new(),
            end: None,
            receive: Receive::Off,
            listens: false,
            watch: Watch::New,
            out: Vec::new(),
            is_sending: false,
            broken: None,
            wants_to_send: false,
            is_dirty: false,
            is_left: false,
        };
        match self.free.pop() {
            Some(number) => {
                self.slots[number as usize] = Some(slot);
                number
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() as u32 - 1
            }
        }
    }

    /// The slot `number`. Its owner, and the kernel, know it only while it is there.
    fn slot(&mut self, number: u32) -> &mut Slot {
        let slot = self.slots[number as usize].as_mut();
        slot.expect("a number is forgotten before its slot")
    }

    /// There is something to ask for `number`; the driver will do so when the connections that are ready have had their turn.
    fn mark(&mut self, number: u32) {
        let slot = self.slot(number);
        if std::mem::replace(&mut slot.is_dirty, true) {
            return;
        }
        self.dirty.push(number);
        if self.dirty.len() == 1
            && let Some(driver) = &self.driver
        {
            driver.wake_by_ref();
        }
    }

    /// One round: hands over what connections ask for, sees what is done, wakes those concerned. Says whether any was.
    fn turn(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.is_starved) {
            self.clear_inboxes();
        }
        self.ask();
        let entered = match self.queues.is_busy() {
            true => self.queues.enter(),
            false => Ok(()),
        };
        let mut done = std::mem::take(&mut self.done);
        self.queues.reap(&mut done);
        let mut has_woken = false;
        for done in done.drain(..) {
            has_woken |= match done {
                Done::Received {
                    number,
                    outcome,
                    goes_on,
                } => self.received(number, outcome, goes_on),
                Done::HungUp { number } => self.hung_up(number),
                Done::Sent {
                    number,
                    bytes,
                    outcome,
                } => self.sent(number, bytes, outcome),
            };
        }
        self.done = done;
        self.glance();
        entered.map(|()| has_woken)
    }

    /// What the connections are about to look up is asked of memory while they are woken: together, or each would wait alone.
    fn glance(&mut self) {
        let State { fed, slots, .. } = self;
        let first = |number: &u32| slots[*number as usize].as_ref()?.first();
        for some in fed.chunks(Db::TOGETHER) {
            glance(some.iter().filter_map(first));
        }
        fed.clear();
    }

    /// Turns what connections want into requests.
    fn ask(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for number in dirty.drain(..) {
            let State { queues, slots, .. } = self;
            let Some(slot) = &mut slots[number as usize] else {
                continue;
            };
            slot.is_dirty = false;
            let fd = slot.fd.as_fd();
            match slot.receive {
                Receive::Off if slot.listens && !slot.is_left && slot.end.is_none() => {
                    queues.receive(number, fd);
                    slot.receive = Receive::On;
                    if slot.watch == Watch::New {
                        queues.watch(number, fd);
                        slot.watch = Watch::On;
                    }
                }
                Receive::On if slot.is_left || !slot.listens => {
                    queues.stop_receiving(number);
                    slot.receive = Receive::Stopping;
                }
                _ => {}
            }
            if slot.is_left && slot.watch == Watch::On {
                queues.stop_watching(number);
            }
            if !slot.is_sending && !slot.out.is_empty() && slot.broken.is_none() {
                let bytes = std::mem::take(&mut slot.out);
                queues.send(number, fd, bytes, 0, !slot.is_left);
                slot.is_sending = true;
            } else if slot.is_left && slot.is_sending {
                queues.stop_sending(number);
            }
            self.close_if_done(number);
        }
        // Nothing has become dirty meanwhile; the vector is kept for its memory.
        self.dirty = dirty;
    }

    /// Closes the descriptor of a connection that is over, once the kernel has nothing more to do with it.
    fn close_if_done(&mut self, number: u32) {
        let slot = self.slot(number);
        let is_asked = slot.is_sending || slot.receive != Receive::Off || slot.watch == Watch::On;
        if slot.is_left && !is_asked && !slot.is_dirty {
            let out = std::mem::take(&mut slot.out);
            self.slots[number as usize] = None;
            self.free.push(number);
            self.keep(out);
        }
    }

    fn received(&mut self, number: u32, outcome: io::Result<Option<Lent>>, goes_on: bool) -> bool {
        let slot = self.slot(number);
        if !goes_on {
            slot.receive = Receive::Off;
        }
        if slot.is_left {
            self.close_if_done(number);
            return false;
        }
        match outcome {
            Ok(Some(lent)) if !lent.is_empty() => {
                slot.inbox.push_back(Piece::Lent(lent));
                if slot.inbox.len() >= INBOX_MAX && slot.receive == Receive::On {
                    slot.receive = Receive::Stopping;
                    self.queues.stop_receiving(number);
                }
                self.fed.push(number);
            }
            Ok(_) => slot.end = Some(Ok(())),
            Err(error) => match error.raw_os_error() {
                // All buffers are in use. If there may be no more, the next turn sees whether they have come back. Who has
                // some to look at needs no others.
                Some(libc::ENOBUFS) if slot.inbox.is_empty() => {
                    self.is_starved |= !self.queues.grow();
                }
                // We have stopped it, or it will go better the next time.
                Some(libc::ENOBUFS | libc::ECANCELED | libc::EINTR | libc::EAGAIN) => {}
                code => slot.end = Some(Err(code.unwrap_or(libc::EIO))),
            },
        }
        self.slot(number).wake()
    }

    /// What has come before is received, and then the end: to ask anew finds it for sure.
    fn hung_up(&mut self, number: u32) -> bool {
        let slot = self.slot(number);
        slot.watch = Watch::Over;
        if slot.is_left {
            self.close_if_done(number);
        } else if slot.receive == Receive::On {
            slot.receive = Receive::Stopping;
            self.queues.stop_receiving(number);
        }
        false
    }

    /// Buffers that connections have not looked at although they have had their turn: their bytes are put aside.
    fn clear_inboxes(&mut self) {
        for slot in self.slots.iter_mut().flatten() {
            for piece in &mut slot.inbox {
                if let Piece::Lent(lent) = piece {
                    *piece = Piece::Own(lent.to_vec());
                }
            }
        }
    }

    fn sent(&mut self, number: u32, bytes: Vec<u8>, outcome: io::Result<usize>) -> bool {
        let State { queues, slots, .. } = self;
        let Some(slot) = &mut slots[number as usize] else {
            return false;
        };
        slot.is_sending = false;
        match outcome {
            Ok(count) if count < bytes.len() && !slot.is_left => {
                // The rest follows with the next turn.
                queues.send(number, slot.fd.as_fd(), bytes, count, true);
                slot.is_sending = true;
                return false;
            }
            Ok(_) => {}
            Err(error) => slot.broken = Some(error.raw_os_error().unwrap_or(libc::EIO)),
        }
        self.keep(bytes);
        let slot = self.slot(number);
        if slot.is_left {
            self.close_if_done(number);
            return false;
        }
        if !slot.out.is_empty() && slot.broken.is_none() {
            self.mark(number);
        }
        let slot = self.slot(number);
        let is_awaited = std::mem::take(&mut slot.wants_to_send) || slot.broken.is_some();
        is_awaited && slot.wake()
    }

    /// Keeps the memory of bytes that have left.
    fn keep(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < SPARES && (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}

impl Drop for State {
    /// The thread ends: what is ready to leave still does.
    fn drop(&mut self) {
        self.ask();
        // There is nobody left to tell.
        let _ = self.queues.enter();
    }
}

impl Slot {
    /// The bytes that its owner will take first.
    fn first(&self) -> Option<&[u8]> {
        self.inbox.front().map(Deref::deref)
    }

    fn wake(&self) -> bool {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
        self.waker.is_some()
    }
}
