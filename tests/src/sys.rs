//! The few system calls that the standard library does not offer.
//!
//! Every `unsafe` of this crate is here, behind functions that are safe to call.

#![expect(
    unsafe_code,
    reason = "system calls through libc; each block says why its arguments are right"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// Makes `command` start on `cpu` only, if any is given, and die with the thread that starts it.
pub fn tie_child(command: &mut Command, cpu: Option<usize>) {
    // SAFETY: the closure runs between fork and exec and makes only async-signal-safe calls on plain values.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            match cpu {
                Some(cpu) => set_affinity(cpu),
                None => Ok(()),
            }
        });
    }
}

/// Lets no file of `command` grow beyond `bytes`: a write beyond fails, as on a full disk. See [`change_file_limit`].
pub fn limit_files(command: &mut Command, bytes: u64) {
    // SAFETY: the closure runs between fork and exec and makes only async-signal-safe calls on plain values.
    unsafe {
        command.pre_exec(move || {
            // The signal would end the process instead.
            if libc::signal(libc::SIGXFSZ, libc::SIG_IGN) == libc::SIG_ERR {
                return Err(io::Error::last_os_error());
            }
            change_file_limit(0, bytes)
        });
    }
}

/// Changes the limit of [`limit_files`] for process `pid` (0 = the calling one).
pub fn change_file_limit(pid: u32, bytes: u64) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::other("no such pid"))?;
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: libc::RLIM_INFINITY,
    };
    let nowhere = std::ptr::null_mut();
    // SAFETY: `limit` is readable for the call, and the old limit is not asked for.
    check(unsafe { libc::prlimit(pid, libc::RLIMIT_FSIZE, &raw const limit, nowhere) }).map(drop)
}

/// Mounts a file system of `bytes` in memory on `dir`; only root may.
pub fn mount_memory(dir: &std::path::Path, bytes: u64) -> io::Result<()> {
    let target = path(dir)?;
    let options = std::ffi::CString::new(format!("size={bytes}"))?;
    // SAFETY: all three are strings that end with a zero and live until the call returns.
    check(unsafe {
        libc::mount(
            c"tmpfs".as_ptr(),
            target.as_ptr(),
            c"tmpfs".as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    })
    .map(drop)
}

/// Undoes [`mount_memory`], even if files are still open.
pub fn unmount(dir: &std::path::Path) -> io::Result<()> {
    let target = path(dir)?;
    // SAFETY: a string that ends with a zero and lives until the call returns.
    check(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

fn path(path: &std::path::Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::CString::new(path.as_os_str().as_bytes())?)
}

/// Lets the calling thread run on `cpu` only.
pub fn set_affinity(cpu: usize) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain data for which all zeros is the empty set; CPU_SET checks its bounds.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        set
    };
    // SAFETY: the set lives until the call returns and its size is passed.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) }).map(drop)
}

/// CPU time that all threads of process `pid` have used, those that have ended included.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::other("no such pid"))?;
    let mut clock = 0;
    // SAFETY: `clock` is writable for the call.
    let failed = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if failed != 0 {
        return Err(io::Error::from_raw_os_error(failed));
    }
    clock_time(clock)
}

/// Processor time that this thread has used.
pub fn thread_time() -> io::Result<Duration> {
    clock_time(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_time(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable for the call.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    let seconds = u64::try_from(time.tv_sec).map_err(io::Error::other)?;
    let nanos = u32::try_from(time.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanos))
}

/// Raises the number of files this process may open to `wanted`, or as far as it may.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is writable for the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    if limit.rlim_cur < wanted {
        limit.rlim_cur = wanted.min(limit.rlim_max);
        // SAFETY: `limit` is readable for the call.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    }
    Ok(limit.rlim_cur)
}

/// Sends `signal` (as `libc::SIGTERM`) to process `pid`.
pub fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::other("no such pid"))?;
    // SAFETY: no memory is passed.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Makes the end of a connection a reset instead of a polite close.
pub fn reset_on_close(socket: BorrowedFd<'_>) -> io::Result<()> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: `linger` lives until the call returns and its size is passed.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of_val(&linger) as libc::socklen_t,
        )
    })
    .map(drop)
}

/// Waits for readiness of many sockets.
pub struct Poll {
    epoll: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// What [`Poll`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Bytes to read.
    Read,
    /// Bytes to read or room to write.
    ReadWrite,
}

impl Poll {
    /// Waits for nothing yet.
    pub fn new() -> io::Result<Poll> {
        // SAFETY: no memory is passed.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Poll {
            // SAFETY: the descriptor was just made and is owned by nobody else.
            epoll: unsafe { OwnedFd::from_raw_fd(epoll) },
            events: vec![libc::epoll_event { events: 0, u64: 0 }; 256],
        })
    }

    /// Waits for `socket` too; `token` is what [`Poll::wait`] calls it.
    pub fn add(&self, socket: BorrowedFd<'_>, token: usize, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, socket, token, interest)
    }

    /// Changes what is waited for.
    pub fn change(
        &self,
        socket: BorrowedFd<'_>,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, socket, token, interest)
    }

    fn control(
        &self,
        operation: i32,
        socket: BorrowedFd<'_>,
        token: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN,
            Interest::ReadWrite => libc::EPOLLIN | libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token as u64,
        };
        // SAFETY: both descriptors are borrowed, `event` lives until the call returns.
        check(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                operation,
                socket.as_raw_fd(),
                &raw mut event,
            )
        })
        .map(drop)
    }

    /// The tokens of sockets that are ready; none if `timeout` passed first.
    pub fn wait(&mut self, timeout: Duration, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the buffer is writable for the length that is passed.
        let count = check(unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as i32,
                timeout,
            )
        });
        let count = match count {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        let events = &self.events[..count as usize];
        ready.extend(events.iter().map(|event| event.u64 as usize));
        Ok(())
    }
}

fn check(result: i32) -> io::Result<i32> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        other => Ok(other),
    }
}
