//! The two queues shared with the kernel: what it is asked to do, and what it has done.
#![expect(
    unsafe_code,
    reason = "requests that outlive the call that makes them have no safe form"
)]

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::rc::Rc;

use io_uring::types::{CancelBuilder, Fd, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::buffers::{Buffers, GROUP, Lent};

/// Requests that may be made before they are handed over.
const ENTRIES: u32 = 1024;
/// Completions that may wait to be seen; the kernel keeps those beyond.
const COMPLETIONS: u32 = 4 * ENTRIES;
/// For `enter`: look what is done, too. Work that was put off runs then and only then.
const GET_EVENTS: u32 = 1;
/// Marks completions that nobody waits for.
const NOBODY: u64 = u64::MAX;
/// How long the end of the queues waits for that of the requests in them, nanoseconds.
const PARTING: u32 = 100_000_000;

/// See the module. A connection is named by its number; it receives, and it sends one buffer at a time.
pub(super) struct Queues {
    uring: IoUring,
    buffers: Rc<Buffers>,
    /// Signalled when there is something to see.
    event: OwnedFd,
    /// What is being sent, by number. Untouched until it is done with.
    sending: Vec<Option<Sending>>,
    /// Requests for which there was no room yet.
    backlog: VecDeque<squeue::Entry>,
    /// Requests that have not ended.
    open: usize,
}

struct Sending {
    bytes: Vec<u8>,
    from: usize,
}

/// Something is done.
pub(super) enum Done {
    /// Bytes have come, or none will: an empty buffer is the end.
    Received {
        number: u32,
        outcome: io::Result<Option<Lent>>,
        /// More will come without being asked for.
        goes_on: bool,
    },
    /// The peer has hung up, or [`Queues::stop_watching`] was asked for.
    HungUp { number: u32 },
    /// Bytes have left.
    Sent {
        number: u32,
        bytes: Vec<u8>,
        /// How many bytes of them have left by now.
        outcome: io::Result<usize>,
    },
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Receive,
    Send,
    Watch,
}

/// Bits of a completion's mark that hold its kind.
const KIND_BITS: u32 = 2;

impl Kind {
    fn of(self, number: u32) -> u64 {
        (u64::from(number) << KIND_BITS) | self as u64
    }
}

impl Queues {
    /// New queues.
    ///
    /// # Errors
    /// The kernel is too old for what is needed, or does not permit it.
    pub(super) fn new() -> io::Result<Self> {
        let uring = IoUring::builder()
            .setup_clamp()
            .setup_cqsize(COMPLETIONS)
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .build(ENTRIES)?;
        // SAFETY: takes no pointers; a descriptor that is returned is ours.
        let event = unsafe {
            let event = libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK);
            if event < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(event)
        };
        uring.submitter().register_eventfd(event.as_raw_fd())?;
        // SAFETY: `drop` below sees to it that the requests end first; nothing was asked for yet.
        let buffers = unsafe { Buffers::new(&uring.submitter())? };
        Ok(Queues {
            uring,
            buffers,
            event,
            sending: Vec::new(),
            backlog: VecDeque::new(),
            open: 0,
        })
    }

    /// Tells the event loop of the current thread when there is something to see.
    ///
    /// # Errors
    /// No room for it.
    pub(super) fn news(&self) -> io::Result<AsyncFd<OwnedFd>> {
        let event = self.event.try_clone()?;
        // SAFETY: an owned descriptor is valid and the same until it is dropped.
        let news = unsafe { AsyncFd::register_with_interest(event, Interest::READABLE) };
        Ok(news?)
    }

    /// Makes more buffers; false = there may be no more.
    pub(super) fn grow(&self) -> bool {
        self.buffers.grow()
    }

    /// Asks for all bytes that come through `fd` from now on.
    pub(super) fn receive(&mut self, number: u32, fd: BorrowedFd<'_>) {
        let entry = opcode::RecvMulti::new(Fd(fd.as_raw_fd()), GROUP).build();
        self.push(entry.user_data(Kind::Receive.of(number)));
        self.open += 1;
    }

    /// Asks that `bytes` be sent, but for the first `from`. Nothing else is being sent for `number`. Unless it `waits`, this
    /// ends at once with what fits.
    pub(super) fn send(
        &mut self,
        number: u32,
        fd: BorrowedFd<'_>,
        bytes: Vec<u8>,
        from: usize,
        waits: bool,
    ) {
        let place = number as usize;
        if self.sending.len() <= place {
            self.sending.resize_with(place + 1, || None);
        }
        assert!(self.sending[place].is_none(), "one send at a time");
        let rest = &bytes[from..];
        let flags = match waits {
            true => libc::MSG_NOSIGNAL,
            false => libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
        };
        let entry = opcode::Send::new(Fd(fd.as_raw_fd()), rest.as_ptr(), rest.len() as u32)
            .flags(flags)
            .build();
        // The bytes stay where they are until the completion is seen.
        self.sending[place] = Some(Sending { bytes, from });
        self.push(entry.user_data(Kind::Send.of(number)));
        self.open += 1;
    }

    /// Asks to be told once when the peer has hung up. To receive is not enough: kernels (6.18) now and then lose an
    /// end that comes together with the bytes before it, as a storm of connections shows.
    pub(super) fn watch(&mut self, number: u32, fd: BorrowedFd<'_>) {
        let entry = opcode::PollAdd::new(Fd(fd.as_raw_fd()), libc::POLLRDHUP as u32).build();
        self.push(entry.user_data(Kind::Watch.of(number)));
        self.open += 1;
    }

    /// Asks for the end of [`Queues::watch`].
    pub(super) fn stop_watching(&mut self, number: u32) {
        self.cancel(Kind::Watch.of(number));
    }

    /// Asks for the end of receiving. It is over with the next `Received` that does not go on.
    pub(super) fn stop_receiving(&mut self, number: u32) {
        self.cancel(Kind::Receive.of(number));
    }

    /// Asks for the end of sending. It is over with the next `Sent`.
    pub(super) fn stop_sending(&mut self, number: u32) {
        self.cancel(Kind::Send.of(number));
    }

    fn cancel(&mut self, request: u64) {
        let entry = opcode::AsyncCancel::new(request).build();
        self.push(entry.user_data(NOBODY).flags(squeue::Flags::SKIP_SUCCESS));
    }

    fn push(&mut self, entry: squeue::Entry) {
        if !self.backlog.is_empty() || !self.try_push(&entry) {
            self.backlog.push_back(entry);
        }
    }

    fn try_push(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: what `entry` points to is owned by `self.sending`, until the completion or for ever.
        unsafe { self.uring.submission().push(entry) }.is_ok()
    }

    /// Whether there is something to hand over or to see.
    pub(super) fn is_busy(&mut self) -> bool {
        let submission = self.uring.submission();
        let is_asked = !submission.is_empty() || submission.taskrun() || submission.cq_overflow();
        drop(submission);
        is_asked || !self.backlog.is_empty() || !self.uring.completion().is_empty()
    }

    /// Hands over all requests, and does what was put off.
    ///
    /// # Errors
    /// The kernel has taken none; if there is too much that nobody has seen yet, it will once that is seen.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        loop {
            let count = self.uring.submission().len() as u32;
            // SAFETY: the requests are valid, see `try_push`; there is no argument.
            unsafe {
                let submitter = self.uring.submitter();
                submitter.enter::<libc::sigset_t>(count, 0, GET_EVENTS, None)?;
            }
            if self.backlog.is_empty() {
                return Ok(());
            }
            while let Some(entry) = self.backlog.pop_front() {
                if !self.try_push(&entry) {
                    self.backlog.push_front(entry);
                    break;
                }
            }
        }
    }

    /// Appends what is done to `done`.
    pub(super) fn reap(&mut self, done: &mut Vec<Done>) {
        let Queues {
            uring,
            buffers,
            sending,
            open,
            ..
        } = self;
        for completion in uring.completion() {
            let (user, result) = (completion.user_data(), completion.result());
            if user == NOBODY {
                continue;
            }
            let (number, goes_on) = ((user >> KIND_BITS) as u32, cqueue::more(completion.flags()));
            *open -= usize::from(!goes_on);
            let kind = user & ((1 << KIND_BITS) - 1);
            if kind == Kind::Watch as u64 {
                done.push(Done::HungUp { number });
                continue;
            }
            let outcome = match usize::try_from(result) {
                Ok(count) => Ok(count),
                Err(_) => Err(io::Error::from_raw_os_error(-result)),
            };
            if kind == Kind::Send as u64 {
                let place = &mut sending[number as usize];
                let Sending { bytes, from } = place.take().expect("it is sent until now");
                done.push(Done::Sent {
                    number,
                    bytes,
                    outcome: outcome.map(|count| from + count),
                });
                continue;
            }
            let length = *outcome.as_ref().unwrap_or(&0);
            let lent = cqueue::buffer_select(completion.flags()).map(|buffer| {
                // SAFETY: this completion names it, and each completion is seen once.
                unsafe { buffers.lend(buffer, length) }
            });
            done.push(Done::Received {
                number,
                outcome: outcome.map(|_| lent),
                goes_on,
            });
        }
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        // What nobody will see the end of: replies of the last turn leave, as far as they can.
        let _ = self.enter();
        let mut done = Vec::new();
        self.reap(&mut done);
        if self.open > 0 {
            let wait = Timespec::new().nsec(PARTING);
            let _ = self
                .uring
                .submitter()
                .register_sync_cancel(Some(wait), CancelBuilder::any());
            let _ = self.enter();
            self.reap(&mut done);
        }
        drop(done);
        if self.open > 0 {
            // The kernel may still read and write: then the memory is its own.
            std::mem::forget(self.buffers.clone());
            std::mem::forget(std::mem::take(&mut self.sending));
        }
    }
}
