//! Commands that took long, asked much or answered much: SLOWLOG and COMMANDLOG.

use std::collections::VecDeque;
use std::time::Duration;

use super::Done;
use crate::commands::{Args, Command, Flags};
use crate::params::Params;

/// Arguments kept of a request; the last one tells how many there were more.
const ARGUMENTS_MAX: usize = 32;
/// Bytes kept of an argument.
const ARGUMENT_MAX: usize = 128;
/// What stands in place of a password.
const REDACTED: &[u8] = b"(redacted)";

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By time.
    Slow,
    /// By the size of the request.
    LargeRequest,
    /// By the size of the reply.
    LargeReply,
}

/// The three logs.
#[derive(Debug, Default)]
pub struct CommandLog {
    logs: [Log; 3],
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Rises with every entry of its log, never reused.
    pub id: u64,
    /// When the command was over, Unix time in seconds.
    pub time_s: i64,
    /// Microseconds or bytes.
    pub value: u64,
    /// The request, shortened.
    pub args: Vec<Vec<u8>>,
    /// Address of the client.
    pub peer: String,
    /// Name of the client.
    pub name: Vec<u8>,
}

#[derive(Debug, Default)]
struct Log {
    /// Newest first.
    entries: VecDeque<Entry>,
    next_id: u64,
    /// From which value on a command is logged; none = never.
    threshold: Option<u64>,
    length_max: usize,
}

impl Kind {
    /// By the name COMMANDLOG uses, in any letter case.
    pub fn parse(name: &[u8]) -> Option<Kind> {
        match name.to_ascii_lowercase().as_slice() {
            b"slow" => Some(Kind::Slow),
            b"large-request" => Some(Kind::LargeRequest),
            b"large-reply" => Some(Kind::LargeReply),
            _ => None,
        }
    }
}

impl CommandLog {
    /// Parameters have changed.
    pub fn configure(&mut self, params: &Params) {
        let settings = [
            (params.slowlog_log_slower_than, params.slowlog_max_len),
            (
                params.commandlog_request_larger_than,
                params.commandlog_large_request_max_len,
            ),
            (
                params.commandlog_reply_larger_than,
                params.commandlog_large_reply_max_len,
            ),
        ];
        for (log, (threshold, length_max)) in self.logs.iter_mut().zip(settings) {
            log.length_max = usize::try_from(length_max).unwrap_or(usize::MAX);
            log.threshold = u64::try_from(threshold).ok().filter(|_| log.length_max > 0);
            if log.threshold.is_some() {
                log.entries.truncate(log.length_max);
            }
        }
    }

    /// Whether a command that took this long is logged.
    pub fn is_slow(&self, took: Duration) -> bool {
        self.logs[Kind::Slow as usize].wants(micros(took))
    }

    /// Logs a command that is done where it belongs.
    pub fn consider(&mut self, done: &Done<'_>) {
        let values = [
            micros(done.took),
            done.request_bytes as u64,
            done.reply_bytes as u64,
        ];
        for (log, value) in self.logs.iter_mut().zip(values) {
            if log.wants(value) {
                log.push(done, value);
            }
        }
    }

    /// The entries of a log, newest first.
    pub fn entries(&self, kind: Kind) -> impl ExactSizeIterator<Item = &Entry> {
        self.logs[kind as usize].entries.iter()
    }

    /// Hands out the entries of all logs.
    pub fn take(&mut self) -> [VecDeque<Entry>; 3] {
        let logs = self.logs.each_mut();
        logs.map(|log| std::mem::take(&mut log.entries))
    }

    /// Adds entries of other logs, under ids of its own.
    pub fn absorb(&mut self, entries: [VecDeque<Entry>; 3]) {
        for (log, entries) in self.logs.iter_mut().zip(entries) {
            entries.into_iter().rev().for_each(|entry| log.add(entry));
        }
    }

    /// Empties a log; the ids go on.
    pub fn reset(&mut self, kind: Kind) {
        self.logs[kind as usize].entries.clear();
    }
}

impl Log {
    fn wants(&self, value: u64) -> bool {
        self.threshold.is_some_and(|threshold| value >= threshold)
    }

    #[cold]
    fn push(&mut self, done: &Done<'_>, value: u64) {
        let command = done.id.command();
        if command.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        self.add(Entry {
            id: 0,
            time_s: done.now_ms / 1000,
            value,
            args: shorten(command, done.args),
            peer: done.client.peer.clone(),
            name: done.client.profile().name.clone(),
        });
    }

    /// As the newest; it gets the next id.
    fn add(&mut self, entry: Entry) {
        let id = self.next_id;
        self.entries.push_front(Entry { id, ..entry });
        self.next_id += 1;
        self.entries.truncate(self.length_max);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The arguments with passwords made out.
pub fn without_secrets<'a>(command: &'a Command, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
    (0..args.len()).map(move |i| match is_secret(command, args, i) {
        true => REDACTED,
        false => args.at(i),
    })
}

/// The arguments as they are logged: not too many, not too long, no passwords.
fn shorten(command: &Command, args: Args<'_>) -> Vec<Vec<u8>> {
    let kept = match args.len() > ARGUMENTS_MAX {
        true => ARGUMENTS_MAX - 1,
        false => args.len(),
    };
    let shown = without_secrets(command, args).take(kept);
    let mut words: Vec<Vec<u8>> = shown.map(shorten_one).collect();
    if kept < args.len() {
        let more = args.len() - kept;
        words.push(format!("... ({more} more arguments)").into_bytes());
    }
    words
}

fn shorten_one(arg: &[u8]) -> Vec<u8> {
    let Some(more) = arg.len().checked_sub(ARGUMENT_MAX).filter(|more| *more > 0) else {
        return arg.to_vec();
    };
    let mut word = arg[..ARGUMENT_MAX].to_vec();
    word.extend_from_slice(format!("... ({more} more bytes)").as_bytes());
    word
}

/// Whether argument `i` tells a password.
fn is_secret(command: &Command, args: Args<'_>, i: usize) -> bool {
    match command.name {
        "auth" => i > 0,
        "hello" => args.is(i.wrapping_sub(1), "auth") || args.is(i.wrapping_sub(2), "auth"),
        "config|set" => {
            let is_value = i > 2 && i % 2 == 1;
            is_value && Params::find(args.at(i - 1)).is_some_and(|(param, _)| param.is_secret)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clients::{Client, Identity};
    use crate::commands::call::Span;
    use crate::commands::table;

    fn client() -> Arc<Client> {
        let identity = Identity {
            id: 1,
            peer: "127.0.0.1:5".into(),
            local: "127.0.0.1:6".into(),
            fd: 3,
            worker: 0,
        };
        let client = Client::new(identity, None);
        client.profile().name = b"bob".to_vec();
        Arc::new(client)
    }

    /// Runs `test` with the request made of these words.
    fn with_request<T>(words: &[Vec<u8>], test: impl FnOnce(Args<'_>) -> T) -> T {
        let (mut buffer, mut spans) = (Vec::new(), Vec::new());
        for word in words {
            let start = buffer.len() as u32;
            buffer.extend_from_slice(word);
            let end = buffer.len() as u32;
            spans.push(Span { start, end });
        }
        test(Args::new(&buffer, &spans))
    }

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    fn shortened(words: &[Vec<u8>]) -> Vec<String> {
        with_request(words, |args| {
            let id = table::resolve(args).expect("a command");
            let words = shorten(id.command(), args).into_iter();
            words
                .map(|word| String::from_utf8(word).expect("text"))
                .collect()
        })
    }

    /// A log that has seen GET k take each of these times.
    fn log_after(params: &Params, times: &[u64]) -> CommandLog {
        let (mut log, client) = (CommandLog::default(), client());
        log.configure(params);
        with_request(&words("get k"), |args| {
            for time in times {
                log.consider(&Done {
                    id: table::find(b"get").expect("GET exists"),
                    args,
                    client: &client,
                    took: Duration::from_micros(*time),
                    request_bytes: 20,
                    reply_bytes: 5,
                    now_ms: 1_000_000_000_999,
                });
            }
        });
        log
    }

    #[test]
    fn the_newest_slow_commands_are_kept_newest_first() {
        let params = Params {
            slowlog_log_slower_than: 100,
            slowlog_max_len: 2,
            ..Params::default()
        };
        let log = log_after(&params, &[99, 100, 5, 200, 300]);
        let entries: Vec<_> = log.entries(Kind::Slow).collect();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].id, entries[0].value), (2, 300));
        assert_eq!((entries[1].id, entries[1].value), (1, 200));
        assert_eq!(entries[0].time_s, 1_000_000_000);
        assert_eq!(entries[0].args, [b"get".to_vec(), b"k".to_vec()]);
        assert_eq!(entries[0].peer, "127.0.0.1:5");
        assert_eq!(entries[0].name, b"bob");
        assert_eq!(log.entries(Kind::LargeReply).len(), 0);
    }

    #[test]
    fn sizes_have_logs_of_their_own() {
        let params = Params {
            slowlog_log_slower_than: -1,
            commandlog_request_larger_than: 20,
            commandlog_reply_larger_than: 6,
            ..Params::default()
        };
        let log = log_after(&params, &[1_000_000]);
        assert_eq!(log.entries(Kind::Slow).len(), 0);
        assert_eq!(log.entries(Kind::LargeReply).len(), 0);
        let entry = log.entries(Kind::LargeRequest).next().expect("logged");
        assert_eq!((entry.id, entry.value), (0, 20));
    }

    #[test]
    fn a_shorter_log_is_cut_at_once_and_ids_outlive_a_reset() {
        let mut params = Params {
            slowlog_log_slower_than: 0,
            ..Params::default()
        };
        let mut log = log_after(&params, &[1, 2, 3]);
        params.slowlog_max_len = 1;
        log.configure(&params);
        assert_eq!(
            log.entries(Kind::Slow).next().map(|entry| entry.id),
            Some(2)
        );
        assert_eq!(log.entries(Kind::Slow).len(), 1);
        log.reset(Kind::Slow);
        assert_eq!(log.entries(Kind::Slow).len(), 0);
        assert_eq!(log.logs[0].next_id, 3);
    }

    #[test]
    fn a_length_of_zero_switches_a_log_off() {
        let params = Params {
            slowlog_log_slower_than: 0,
            slowlog_max_len: 0,
            ..Params::default()
        };
        assert_eq!(log_after(&params, &[5]).entries(Kind::Slow).len(), 0);
    }

    #[test]
    fn long_arguments_and_long_requests_are_cut() {
        let long = vec![b'x'; 130];
        let logged = shortened(&[b"set".to_vec(), b"k".to_vec(), long]);
        assert_eq!(logged[2], format!("{}... (2 more bytes)", "x".repeat(128)));
        let exact = shortened(&[b"set".to_vec(), b"k".to_vec(), vec![b'x'; 128]]);
        assert_eq!(exact[2].len(), 128);
        let many: Vec<_> = words("rpush l")
            .into_iter()
            .chain((0..31).map(|n| format!("{n}").into_bytes()))
            .collect();
        let logged = shortened(&many);
        assert_eq!(
            (logged.len(), logged[31].as_str()),
            (32, "... (2 more arguments)")
        );
        assert_eq!(shortened(&many[..32])[31], "29");
    }

    #[test]
    fn passwords_are_not_logged() {
        let redacted = |line: &str| shortened(&words(line)).join(" ");
        assert_eq!(redacted("auth user secret"), "auth (redacted) (redacted)");
        assert_eq!(
            redacted("hello 3 AUTH user secret setname x"),
            "hello 3 AUTH (redacted) (redacted) setname x"
        );
        assert_eq!(
            redacted("config set maxmemory 5 RequirePass secret"),
            "config set maxmemory 5 RequirePass (redacted)"
        );
    }
}
