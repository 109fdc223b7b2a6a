//! What a handler is given.

use std::cell::RefCell;

pub use almandine_protocol::Span;
use almandine_protocol::{Reply, number};
use almandine_storage::{Databases, Db, Kind, Rng, Thresholds};

use super::changes::Changes;
use super::errors::Fault;
use super::spec::Command;
use crate::node::Node;
use crate::params::Params;
use crate::pubsub::Subscriptions;
use crate::session::Session;
use crate::shard::{Blocked, Migrations, Outgoing, Seat, Tracking, Watches};
use crate::stats::Stats;

/// `Ok` = the reply is written (or the client waits, see [`Call::wait`]). An `Err` takes back what was written.
pub type Outcome = Result<(), Fault>;

/// The arguments of a request, the command's name first. Slices of the read buffer: copying this copies no byte.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The arguments that `spans` cut from `buffer`.
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Self {
        Args { buffer, spans }
    }

    /// How many, the name included.
    #[inline]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// True for the empty request, which no handler ever sees.
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// Argument `i`; the caller knows by the arity that there is one.
    #[inline]
    pub fn at(self, i: usize) -> &'a [u8] {
        let Span { start, end } = self.spans[i];
        &self.buffer[start as usize..end as usize]
    }

    /// The command's name as a word, first byte lowest, zero padded, and its length: of up to eight bytes, and only where
    /// the buffer can be read so far without a look at its end. Whoever gets none reads bytes.
    #[inline]
    pub(super) fn name_word(self) -> Option<(u64, u32)> {
        let Span { start, end } = *self.spans.first()?;
        let word = u64::from_le_bytes(*self.buffer.get(start as usize..)?.first_chunk()?);
        let length = end.checked_sub(start)?;
        matches!(length, 1..=8).then(|| (word & (u64::MAX >> (64 - 8 * length)), length))
    }

    /// Argument `i` if there is one.
    #[inline]
    pub fn get(self, i: usize) -> Option<&'a [u8]> {
        (i < self.spans.len()).then(|| self.at(i))
    }

    /// Whether argument `i` is `word`, in any letter case.
    pub fn is(self, i: usize, word: &str) -> bool {
        self.get(i)
            .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Argument `i` as a 64-bit integer, else `ERR value is not an integer or out of range`.
    pub fn integer(self, i: usize) -> Result<i64, Fault> {
        self.get(i)
            .and_then(number::parse_i64)
            .ok_or(Fault::NOT_INTEGER)
    }

    /// Argument `i` as a double, else `ERR value is not a valid float`.
    pub fn double(self, i: usize) -> Result<f64, Fault> {
        self.get(i)
            .and_then(number::parse_double)
            .ok_or(Fault::NOT_FLOAT)
    }

    /// The request that begins with argument `i`, as COMMAND GETKEYS is given one.
    pub fn tail(self, i: usize) -> Args<'a> {
        Args {
            buffer: self.buffer,
            spans: &self.spans[i.min(self.spans.len())..],
        }
    }

    /// The request as it would be written for other servers, if it stands so in the buffer: then nobody need write it anew.
    /// None too where it would be long to find out.
    pub fn as_written(self) -> Option<&'a [u8]> {
        let [first, ..] = self.spans else { return None };
        let (mut begin, mut end) = (first.start as usize, None);
        for span in self.spans {
            let (start, length) = (span.start as usize, span.end.checked_sub(span.start)?);
            let digit = |number: u32| b'0' + number as u8;
            let header = match length {
                0..10 => self.stands_before(start, [b'$', digit(length), b'\r', b'\n']),
                10..100 => {
                    let (tens, ones) = (digit(length / 10), digit(length % 10));
                    self.stands_before(start, [b'$', tens, ones, b'\r', b'\n'])
                }
                _ => None,
            }?;
            match end {
                None => begin = header,
                Some(end) if end != header => return None,
                Some(_) => {}
            }
            end = Some(span.end as usize + 2);
            self.stands_before(span.end as usize + 2, *b"\r\n")?;
        }
        let count = u8::try_from(self.spans.len()).ok()?;
        let begin = match count {
            1..10 => self.stands_before(begin, [b'*', b'0' + count, b'\r', b'\n']),
            _ => None,
        }?;
        self.buffer.get(begin..end?)
    }

    /// Where these bytes begin, if they are those before `end`.
    #[inline]
    fn stands_before<const N: usize>(self, end: usize, bytes: [u8; N]) -> Option<usize> {
        let (head, found) = self.buffer.get(..end)?.split_last_chunk()?;
        (*found == bytes).then_some(head.len())
    }

    /// The arguments from `i` on.
    pub fn from(
        self,
        i: usize,
    ) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone {
        (i.min(self.len())..self.len()).map(move |i| self.at(i))
    }
}

/// What a blocked client waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Keys of the session's database; the first that becomes ready wins.
    pub keys: Vec<Vec<u8>>,
    /// What the key must hold.
    pub kind: Kind,
    /// Unix time in milliseconds; none = for ever.
    pub deadline_ms: Option<i64>,
    /// The reply inside a transaction, where nothing waits. (A wait that is over is answered by `*-1`.)
    pub in_exec: Nothing,
    /// Instead of keys: acknowledgements.
    pub acknowledgements: Option<Acknowledgements>,
}

impl Wait {
    /// Until others have done something: they end it, by the client's number.
    pub fn for_others() -> Wait {
        Wait {
            keys: Vec::new(),
            kind: Kind::String,
            deadline_ms: None,
            in_exec: Nothing::Value,
            acknowledgements: None,
        }
    }
}

/// What WAIT and WAITAOF wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgements {
    /// WAITAOF: replicas count once it is on their disks; whether it must be on ours too.
    pub on_disk: Option<bool>,
    /// How many replicas.
    pub replicas: usize,
    /// Up to which offset of the journal; none = that of the batch that is running.
    pub offset: Option<u64>,
}

/// The two replies that say "nothing" in RESP2; both are `_` in RESP3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// `*-1`
    Array,
    /// `$-1`
    Value,
}

/// One command being executed. The fields are separate loans, so a handler may hold a value of `dbs` while it writes
/// into `reply`.
pub struct Call<'a> {
    /// The table entry; of a subcommand, its own.
    pub command: &'static Command,
    /// The request.
    pub args: Args<'a>,
    /// Where the answer goes.
    pub reply: Reply<'a>,
    /// All databases of the shard.
    pub dbs: &'a mut Databases,
    /// The number of the session's database when the command began.
    pub db: usize,
    /// What this command changes: for the journal, watchers and keyspace notifications.
    pub changes: &'a mut Changes,
    /// Where collections leave their packed form.
    pub thresholds: &'a Thresholds,
    /// Unix time in milliseconds, the same for the whole batch.
    pub now_ms: i64,
    /// The shard's dice.
    pub rng: &'a mut Rng,
    /// Set by [`Call::wait`].
    pub waiting: &'a mut Option<Wait>,
    /// Whether EXEC runs this command.
    pub in_exec: bool,
    /// The connection's state.
    pub session: &'a mut Session,
    /// What all threads of the node share.
    pub node: &'a Node,
    /// The parameters as they stood when the batch began.
    pub params: &'a Params,
    /// WATCH.
    pub watches: &'a mut Watches,
    /// CLIENT TRACKING.
    pub tracking: &'a mut Tracking,
    /// Clients in blocking commands.
    pub blocked: &'a mut Blocked,
    /// Keys on their way to other servers.
    pub migrations: &'a mut Migrations,
    /// The cluster, and what this command wants of it.
    pub seat: &'a mut Seat,
    /// Who listens to which channel.
    pub pubsub: &'a RefCell<Subscriptions>,
    /// Bytes for other connections.
    pub outgoing: &'a mut Outgoing,
    /// What is counted.
    pub stats: &'a mut Stats,
}

impl<'a> Call<'a> {
    /// The session's database. Borrows all of `self`; write `&mut self.dbs[self.db]` to go on using the other fields.
    pub fn db(&mut self) -> &mut Db {
        &mut self.dbs[self.db]
    }

    /// Calls `each` with every key of the session's database from argument `first` on, `step` apart. Memory is asked for
    /// many of them at once: misses that overlap cost little.
    pub fn for_keys(
        &mut self,
        first: usize,
        step: usize,
        mut each: impl FnMut(&mut Self, &'a [u8], usize),
    ) {
        let (args, db) = (self.args, self.db);
        if args.len() <= first + step {
            return each(self, args.at(first), first);
        }
        let mut hashes = [0; Db::TOGETHER];
        for (nth, i) in (first..args.len()).step_by(step).enumerate() {
            let at = nth % Db::TOGETHER;
            if at == 0 {
                hashes = self.dbs[db].ask_for(args.from(i).step_by(step));
            }
            let key = args.at(i);
            self.dbs.foresee(db, key, hashes[at]);
            each(self, key, i);
        }
        self.dbs.forget_foreseen(db);
    }

    /// The number of a database in argument `i`.
    pub fn database(&self, i: usize) -> Result<usize, Fault> {
        let index = i32::try_from(self.args.integer(i)?).map_err(|_| Fault::NOT_INT32)?;
        let db = usize::try_from(index)
            .ok()
            .filter(|db| *db < self.dbs.count());
        db.ok_or(Fault::DB_OUT_OF_RANGE)
    }

    /// The client waits until one of `keys` is made or the time is up; then the handler runs again from its start. Write
    /// no reply. Inside a transaction nothing waits.
    pub fn wait(&mut self, wait: Wait) -> Outcome {
        if self.in_exec {
            match wait.in_exec {
                Nothing::Array => self.reply.null_array(),
                Nothing::Value => self.reply.null(),
            }
        } else {
            *self.waiting = Some(wait);
        }
        Ok(())
    }

    /// The call of another command in the same place: EXEC runs its queue so.
    pub fn nested<'b>(&'b mut self, command: &'static Command, args: Args<'b>) -> Call<'b> {
        Call {
            command,
            args,
            reply: self.reply.reborrow(self.session.version),
            dbs: self.dbs,
            db: self.session.db,
            changes: self.changes,
            thresholds: self.thresholds,
            now_ms: self.now_ms,
            rng: self.rng,
            waiting: self.waiting,
            in_exec: true,
            session: self.session,
            node: self.node,
            params: self.params,
            watches: self.watches,
            tracking: self.tracking,
            blocked: self.blocked,
            migrations: self.migrations,
            seat: self.seat,
            pubsub: self.pubsub,
            outgoing: self.outgoing,
            stats: self.stats,
        }
    }

    /// Hands a message to all listeners; this very connection gets it after the reply of this command.
    pub fn publish(&mut self, kind: crate::pubsub::Kind, channel: &[u8], message: &[u8]) -> usize {
        let outgoing = &mut *self.outgoing;
        self.pubsub
            .borrow()
            .publish(kind, channel, message, &mut |client, bytes| {
                outgoing.push(client, bytes);
            })
    }
}

#[cfg(test)]
mod tests {
    use almandine_protocol::{Batch, Limits, Parser, write_request};

    use super::*;

    /// What [`Args::as_written`] says of each request, and what would be written.
    fn told(bytes: &[u8]) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
        let mut batch = Batch::default();
        let parsed = Parser::default().parse(bytes, &Limits::default(), &mut batch);
        parsed.expect("sound requests");
        let told = |i: usize| {
            let (buffer, spans) = batch.slices(bytes, i);
            let args = Args::new(buffer, spans);
            let mut written = Vec::new();
            write_request(args.from(0), &mut written);
            (args.as_written().map(<[u8]>::to_vec), written)
        };
        (0..batch.requests.len()).map(told).collect()
    }

    fn request(lengths: &[usize]) -> Vec<u8> {
        let words: Vec<Vec<u8>> = lengths.iter().map(|length| vec![b'$'; *length]).collect();
        let mut bytes = Vec::new();
        write_request(words.iter().map(Vec::as_slice), &mut bytes);
        bytes
    }

    #[test]
    fn a_request_that_is_sent_as_it_is_written_is_passed_on_as_it_stands() {
        let lengths: [&[usize]; 4] = [&[1], &[3, 0, 9], &[3, 10, 99], &[1, 2, 3, 4, 5, 6, 7, 8, 9]];
        let together: Vec<u8> = lengths
            .iter()
            .flat_map(|lengths| request(lengths))
            .collect();
        let all = told(&together);
        assert_eq!(all.len(), lengths.len());
        for (as_written, written) in all {
            assert_eq!(as_written, Some(written));
        }
    }

    #[test]
    fn any_other_request_is_written_anew() {
        assert_eq!(told(b"SET a b\r\n")[0].0, None);
        assert_eq!(told(b"PING\r\n")[0].0, None);
        assert_eq!(told(&request(&[3, 100]))[0].0, None, "long to find out");
        assert_eq!(told(&request(&[1; 10]))[0].0, None);
    }

    #[test]
    fn whatever_is_passed_on_as_it_stands_is_what_would_be_written() {
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let sound = request(&[3, 11, 2]);
            let mut bytes = sound.clone();
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (at, value) = ((state >> 33) as usize % bytes.len(), (state >> 20) as u8);
            bytes[at] = value;
            let mut batch = Batch::default();
            let parsed = Parser::default().parse(&bytes, &Limits::default(), &mut batch);
            if parsed.is_ok() {
                for (as_written, written) in told(&bytes) {
                    assert!(as_written.is_none_or(|as_written| as_written == written));
                }
            }
        }
    }
}
