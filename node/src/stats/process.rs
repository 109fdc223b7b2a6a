//! What the system knows of the process and the machine.
#![expect(
    unsafe_code,
    reason = "the calls of the system have no safe form in std"
)]

use std::fs;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Processor time that was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// By the system for us.
    pub system: Duration,
    /// By ourselves.
    pub user: Duration,
}

impl CpuTime {
    /// Of the whole process.
    pub fn of_process() -> CpuTime {
        CpuTime::of(libc::RUSAGE_SELF)
    }

    /// Of children that have ended.
    pub fn of_children() -> CpuTime {
        CpuTime::of(libc::RUSAGE_CHILDREN)
    }

    /// Of the calling thread, where the system counts threads.
    pub fn of_thread() -> Option<CpuTime> {
        #[cfg(target_os = "linux")]
        return Some(CpuTime::of(libc::RUSAGE_THREAD));
        #[cfg(not(target_os = "linux"))]
        return None;
    }

    fn of(who: libc::c_int) -> CpuTime {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the call writes a `rusage` into memory of that size; all zeros are a valid one if it fails.
        let usage = unsafe {
            libc::getrusage(who, usage.as_mut_ptr());
            usage.assume_init()
        };
        CpuTime {
            system: duration(usage.ru_stime),
            user: duration(usage.ru_utime),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
    seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

/// The processor time of one thread, for any thread to look at.
#[derive(Debug, Clone, Copy)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// Of the calling thread, where the system has such clocks.
    #[cfg(target_os = "linux")]
    pub fn of_this_thread() -> Option<ThreadClock> {
        let mut clock = 0;
        // SAFETY: the thread exists, for it asks; the call writes the clock's number.
        let failure = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        (failure == 0).then_some(ThreadClock(clock))
    }

    /// Of the calling thread, where the system has such clocks.
    #[cfg(not(target_os = "linux"))]
    pub fn of_this_thread() -> Option<ThreadClock> {
        None
    }

    /// What the thread has used so far, unless it has ended.
    pub fn time(self) -> Option<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes a `timespec`; the clock of a thread that has ended is an error, not a danger.
        let failure = unsafe { libc::clock_gettime(self.0, &raw mut time) };
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanos = u32::try_from(time.tv_nsec).ok()?;
        (failure == 0).then(|| Duration::new(seconds, nanos))
    }
}

/// From now on the calling thread, when it is woken, takes the processor from none that is at work: it waits until that one
/// has nothing to do or its turn is over.
pub fn preempt_nobody() {
    #[cfg(target_os = "linux")]
    // SAFETY: all zeros are the parameters of this class, and it concerns this thread only.
    unsafe {
        let nothing: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const nothing);
    }
}

/// For how long processors have had nothing to do since the machine started, all together that this process may use; none
/// where the system does not tell. Counted in hundredths of a second.
#[cfg(target_os = "linux")]
pub fn idle_time() -> Option<Duration> {
    let mut usable = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the call writes a set into memory of that size; all zeros are the empty one.
    let (failure, usable) = unsafe {
        let size = size_of::<libc::cpu_set_t>();
        let failure = libc::sched_getaffinity(0, size, usable.as_mut_ptr());
        (failure, usable.assume_init())
    };
    if failure != 0 {
        return None;
    }
    let is_usable = |processor: usize| {
        let most = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
        // SAFETY: the number is below the size of the set.
        processor < most && unsafe { libc::CPU_ISSET(processor, &usable) }
    };
    let text = fs::read_to_string("/proc/stat").ok()?;
    let idle = |line: &str| {
        let (processor, times) = line.strip_prefix("cpu")?.split_once(' ')?;
        // The first line is of all together: it has no number.
        let counts = is_usable(processor.parse().ok()?);
        // What was used by users, nice ones, and the system; then idle.
        let ticks: u64 = times.split(' ').nth(3)?.parse().ok()?;
        counts.then_some(ticks)
    };
    let ticks: u64 = text.lines().filter_map(idle).sum();
    // SAFETY: the call only reads a constant of the system.
    let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    let per_second = u64::try_from(per_second).ok().filter(|count| *count > 0)?;
    Some(Duration::from_millis(
        ticks.saturating_mul(1000) / per_second,
    ))
}

/// None: the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn idle_time() -> Option<Duration> {
    None
}

/// Bytes of real memory that the process occupies; none where the system does not tell.
pub fn resident_memory() -> Option<usize> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size())
}

fn page_size() -> usize {
    // SAFETY: the call only reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Bytes of real memory of the machine; none where the system does not tell.
pub fn total_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Name and release of the system and the kind of processor: `Linux 6.1.0 x86_64`.
pub fn system_name() -> String {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the call writes a `utsname` into memory of that size; all zeros are a valid one if it fails.
    let names = unsafe {
        libc::uname(names.as_mut_ptr());
        names.assume_init()
    };
    [
        text(&names.sysname),
        text(&names.release),
        text(&names.machine),
    ]
    .join(" ")
}

/// A text that ends with a zero, or with its array.
fn text(chars: &[libc::c_char]) -> String {
    let bytes = chars.iter().map(|char| *char as u8);
    String::from_utf8_lossy(&bytes.take_while(|byte| *byte != 0).collect::<Vec<_>>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_in_the_times_of_process_and_thread() {
        let (before, thread) = (CpuTime::of_process(), CpuTime::of_thread());
        let spent = |a: CpuTime, b: CpuTime| (b.user + b.system) - (a.user + a.system);
        let mut rounds = 0u64;
        while spent(before, CpuTime::of_process()) < Duration::from_millis(5) {
            rounds = std::hint::black_box(rounds + 1);
        }
        if let (Some(before), Some(after)) = (thread, CpuTime::of_thread()) {
            assert!(spent(before, after) > Duration::ZERO);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_watched_by_another_until_it_ends() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let clock = ThreadClock::of_this_thread().expect("Linux has such clocks");
            let start = clock.time().expect("the thread runs");
            let mut rounds = 0u64;
            while clock.time().expect("it still runs") < start + Duration::from_millis(5) {
                rounds = std::hint::black_box(rounds + 1);
            }
            tell.send(clock).expect("the other waits");
            ends.recv().expect("the other ends it")
        });
        let clock = told.recv().expect("the thread tells");
        assert!(clock.time().expect("it waits") >= Duration::from_millis(5));
        end.send(()).expect("the thread waits");
        thread.join().expect("it ends");
        // Whoever is joined has ended for us; the system may take a moment longer.
        let joined = std::time::Instant::now();
        while clock.time().is_some() {
            assert!(joined.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_is_written_becomes_resident() {
        let before = resident_memory().expect("/proc/self/statm");
        let block = std::hint::black_box(vec![1u8; 32 << 20]);
        let after = resident_memory().expect("/proc/self/statm");
        assert!(
            after >= before + (16 << 20),
            "{before} {after} {}",
            block.len()
        );
        assert!(total_memory().expect("/proc/meminfo") > after as u64);
    }

    #[test]
    fn the_system_has_a_name_of_three_words() {
        let name = system_name();
        assert!(name.split(' ').count() >= 3, "{name}");
    }
}
