//! Requests that have been run before: those of the primary's stream, of append-only files, and of the node itself. No check
//! is made but those that keep the data whole.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tracing::warn;

use super::Shard;
use super::dispatch::perform;
use crate::commands::{Args, table};
use crate::session::{OwnedRequest, Session};

/// Tells of requests that are refused, at most so often: a stream may be full of them.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Option<Instant>,
    untold: u64,
}

/// How often a refusal is told.
const TELL: Duration = Duration::from_secs(1);

impl Refusals {
    /// The request that stands at this place was refused.
    pub(super) fn tell(&mut self, place: impl fmt::Display, said: &[u8]) {
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            self.untold += 1;
            return;
        }
        self.told = Some(Instant::now());
        let untold = std::mem::take(&mut self.untold);
        let said = said.escape_ascii().to_string();
        warn!(%place, said, untold, "a request that was run elsewhere is refused here");
    }
}

impl Shard {
    /// Runs a request in the database of `session`; `out` is room for its reply. Returns with what it was refused, where that
    /// may be borne.
    ///
    /// # Errors
    /// Why it cannot be run here though it was elsewhere.
    pub(super) fn replay(
        &mut self,
        args: Args<'_>,
        session: &mut Session,
        out: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Vec<u8>> {
        if args.is(0, "hsetex")
            && let Some(plain) = without_expiry(args)
        {
            return self.replay(plain.args(), session, out);
        }
        if args.is(0, "function") {
            // It changes no key, and what functions write comes as what they have written.
            return self.bear_refusal("function", b"there are no functions here");
        }
        let command = table::resolve(args).map(|id| id.command());
        let command = command
            .and_then(|command| table::check_arity(command, args.len()).map(|()| command))
            .map_err(|fault| fault.text_bytes().to_vec())?;
        let (db, name) = (session.db, command.name);
        out.clear();
        let is_done = perform(&mut self.call(command, args, session, out));
        self.waiting = None;
        // Neither files nor primaries change the cluster.
        if !self.seat.is_idle() {
            self.seat.take_wanted();
        }
        self.settle(db, args);
        match is_done {
            true => Ok(None),
            false => self.bear_refusal(name, out.trim_ascii()),
        }
    }

    fn bear_refusal(&self, name: &str, reply: &[u8]) -> Result<Option<Vec<u8>>, Vec<u8>> {
        let counter = &self.node.replication.counters.unexpected;
        counter.fetch_add(1, Ordering::Relaxed);
        let said = [name.as_bytes(), b": ", reply].concat();
        match name {
            // Whoever has run it first holds what we cannot.
            "select" | "restore" => Err(said),
            // The primary was refused the same way, but has found a key expired on the way: Redis passes such requests on,
            // and they stand in the files of its replicas.
            _ => Ok(Some(said)),
        }
    }
}

/// `HSETEX key KEEPTTL FIELDS n field value ...`, in which Redis 8 passes HINCRBYFLOAT on, is HSET where no field expires.
fn without_expiry(args: Args<'_>) -> Option<OwnedRequest> {
    let is_plain = args.is(2, "keepttl") && args.is(3, "fields") && args.len() > 5;
    let pairs: Vec<&[u8]> = args.from(5).collect();
    let words = [b"HSET".as_slice(), args.get(1)?];
    let words: Vec<&[u8]> = words.into_iter().chain(pairs).collect();
    is_plain.then(|| OwnedRequest::new(words.into_iter()))
}
