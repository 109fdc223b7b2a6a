//! How many files the process may open. Every client is one; without room for all whom `maxclients` permits, those beyond
//! would wait for ever instead of being told.
#![expect(
    unsafe_code,
    reason = "the calls of the system have no safe form in std"
)]

use std::io;

/// Files beside those of clients: sockets that listen, event queues of threads, files on the disk.
const RESERVED: u64 = 128;

/// What came of asking for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For so many clients there is room: as many as were asked for, or fewer.
    pub clients: usize,
    /// Files that the process might open before.
    pub before: u64,
    /// Files that it may open now.
    pub files: u64,
}

/// Makes room for `clients`, as far as the system permits.
///
/// # Errors
/// The system does not tell its limit.
pub fn make_room(clients: usize) -> io::Result<Room> {
    let wanted = (clients as u64).saturating_add(RESERVED);
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is writable for the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let before = limit.rlim_cur;
    if before < wanted {
        limit.rlim_cur = wanted.min(limit.rlim_max);
        // SAFETY: `limit` is readable for the call.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
            limit.rlim_cur = before;
        }
    }
    Ok(room(clients, before, limit.rlim_cur))
}

fn room(clients: usize, before: u64, files: u64) -> Room {
    let room = usize::try_from(files.saturating_sub(RESERVED)).unwrap_or(usize::MAX);
    Room {
        clients: clients.min(room),
        before,
        files,
    }
}

/// Makes room for `maxclients` at the start; lowers it where there is none. Returns what is to be said about it.
///
/// # Errors
/// There is room for no client at all.
pub fn fit(maxclients: &mut usize) -> Result<Option<String>, String> {
    let wanted = *maxclients;
    let room = match make_room(wanted) {
        Ok(room) => room,
        Err(error) => {
            return Ok(Some(format!(
                "Unable to obtain the current NOFILE limit ({error})"
            )));
        }
    };
    if room.clients == 0 {
        return Err(format!(
            "Your current 'ulimit -n' of {} is not enough for the server to start. Please increase your open file limit to \
             at least {}. Exiting.",
            room.files,
            wanted as u64 + RESERVED
        ));
    }
    *maxclients = room.clients;
    Ok((room.clients < wanted).then(|| {
        format!(
            "You requested maxclients of {wanted} requiring at least {} max file descriptors. Current maximum open files is \
             {}. maxclients has been reduced to {} to compensate for low ulimit. If you need higher maxclients increase \
             'ulimit -n'.",
            wanted as u64 + RESERVED,
            room.files,
            room.clients
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_as_many_as_files_are_left() {
        assert_eq!(room(10, 1024, 1024).clients, 10);
        assert_eq!(room(10_000, 1024, 1024).clients, 1024 - 128);
        assert_eq!(room(10_000, 100, 100).clients, 0);
        let mut few = 1;
        assert_eq!(fit(&mut few), Ok(None), "every system permits so many");
        assert_eq!(few, 1);
    }
}
