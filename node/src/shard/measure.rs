//! How the dispatcher measures: quick commands in runs, the others alone. What is counted stands in `stats/`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shard;
use super::requests::Requests;
use super::waiting::Waiting;
use crate::commands::call::Wait;
use crate::commands::table::{self, CommandId};
use crate::session::{OwnedRequest, Replies, Session};
use crate::stats::Done;

impl Shard {
    /// Books the open run of this batch, if there is one.
    #[inline]
    pub(super) fn close_run(&mut self, requests: Requests<'_>, session: &Session) {
        if self.stats.meter.is_empty() {
            return;
        }
        let numbers = self.stats.meter.requests();
        if let Some(share) = self.stats.close_run(&session.client) {
            for i in numbers {
                self.log(requests, i, share, 0, session);
            }
        }
    }

    /// As [`Shard::close_run`]; what follows, up to the next command, is nobody's time.
    pub(super) fn interrupt_run(&mut self, requests: Requests<'_>, session: &Session) {
        self.close_run(requests, session);
        self.stats.meter.pause();
    }

    /// The last command of the run wrote a long reply, so it ends the run.
    #[cold]
    pub(super) fn close_large(
        &mut self,
        requests: Requests<'_>,
        written: usize,
        session: &Session,
    ) {
        let last = self.stats.meter.requests().end - 1;
        self.close_run(requests, session);
        // Its time is a share of the run's, which is looked at already.
        self.log(requests, last, Duration::ZERO, written, session);
    }

    fn log(
        &mut self,
        requests: Requests<'_>,
        i: usize,
        took: Duration,
        written: usize,
        session: &Session,
    ) {
        // The requests of a run have been resolved before.
        if let Ok(id) = table::resolve(requests.args(i)) {
            self.stats.log_slow(&Done {
                id,
                args: requests.args(i),
                client: &session.client,
                took,
                request_bytes: requests.size(i),
                reply_bytes: sent(session, written),
                now_ms: self.now_ms,
            });
        }
    }

    /// Books a command that did not join a run. One that waits is booked when it has its answer.
    pub(super) fn measure_alone(
        &mut self,
        id: CommandId,
        requests: Requests<'_>,
        i: usize,
        written: usize,
        wait: Option<Wait>,
        session: &Session,
    ) -> Option<Waiting> {
        let now = self.stats.now();
        let took = self.stats.meter.lap(now);
        let (args, request_bytes) = (requests.args(i), requests.size(i));
        if let Some(wait) = wait {
            return Some(Waiting {
                id,
                request: OwnedRequest::copy(args),
                request_bytes,
                took,
                wait,
            });
        }
        self.stats.executed(Done {
            id,
            args,
            client: &session.client,
            took,
            request_bytes,
            reply_bytes: sent(session, written),
            now_ms: self.now_ms,
        });
        None
    }

    /// Others see what the client does: the last request.
    pub(super) fn show(&self, session: &mut Session) {
        let index = self.last.map_or(u32::MAX, |id| id.index() as u32);
        session.client.last_command.store(index, Ordering::Relaxed);
        if session.shows_multi || session.transaction.is_some() {
            let transaction = session.transaction.as_ref();
            let mut profile = session.client.profile();
            profile.multi = transaction.map(|transaction| transaction.queued.len());
            profile.multi_memory = transaction.map_or(0, |transaction| transaction.memory);
            session.shows_multi = transaction.is_some();
        }
    }
}

/// Bytes that leave of those written: CLIENT REPLY may keep them back.
fn sent(session: &Session, written: usize) -> usize {
    match session.replies {
        Replies::On => written,
        Replies::Off | Replies::SkipNext | Replies::SkipThis => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::sync::{Arc, LazyLock};
    use std::time::Instant;

    use almandine_protocol::{Batch, Limits, Parser};

    use super::*;
    use crate::clients::testing::client;
    use crate::moment::Moment;
    use crate::node::Node;
    use crate::params::Params;
    use crate::shard::Progress;
    use crate::stats::Stats;
    use crate::stats::commandlog::Kind;
    use crate::stats::commands::Row;

    thread_local! {
        static LOOKS: Cell<u32> = const { Cell::new(0) };
    }

    /// A clock on which ten microseconds pass between two looks, and never else.
    fn clock() -> Instant {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let looks = LOOKS.get() + 1;
        LOOKS.set(looks);
        *START + Duration::from_micros(10) * looks
    }

    struct Stage {
        shard: Shard,
        session: Session,
        replies: String,
        clock: fn() -> Instant,
    }

    impl Stage {
        fn new(change: impl FnOnce(&mut Params)) -> Stage {
            let mut params = Params::default();
            change(&mut params);
            let node = Arc::new(Node::new(params, 1));
            let mut shard = Shard::new(node.clone(), Rc::new(RefCell::default()), 1);
            shard.stats = Stats::with_clock(&node.params(), clock);
            let session = Session::new(client(1), true);
            node.clients.add(session.client.clone());
            Stage {
                shard,
                session,
                replies: String::new(),
                clock,
            }
        }

        /// Runs lines as one batch; says how often the clock was looked at.
        fn run(&mut self, lines: &[&str]) -> u32 {
            let session = self.session.clone();
            let (session, looks) = self.run_as(session, lines);
            self.session = session;
            looks
        }

        fn run_as(&mut self, mut session: Session, lines: &[&str]) -> (Session, u32) {
            let buffer = (lines.join("\r\n") + "\r\n").into_bytes();
            let mut batch = Batch::default();
            let parsed = Parser::default().parse(&buffer, &Limits::default(), &mut batch);
            parsed.expect("inline requests");
            let (before, mut out) = (LOOKS.get(), Vec::new());
            let requests = Requests {
                buffer: &buffer,
                batch: &batch,
            };
            self.shard.foresee(requests, 0, &session);
            self.shard.begin(Moment::of_day(1_000_000_000_000));
            let progress: Progress =
                self.shard
                    .run((self.clock)(), requests, 0, &mut session, &mut out);
            assert!(progress.done <= lines.len());
            self.replies = String::from_utf8_lossy(&out).into_owned();
            (session, LOOKS.get() - before)
        }

        fn row(&self, name: &str) -> &Row {
            self.shard.stats.commands.row(id(name))
        }

        /// Calls and microseconds.
        fn booked(&self, name: &str) -> (u64, u64) {
            (self.row(name).calls, self.row(name).micros())
        }

        /// What a log holds, newest first.
        fn logged(&self, kind: crate::stats::commandlog::Kind) -> Vec<(u64, String)> {
            let entries = self.shard.stats.log.entries(kind);
            entries
                .map(|entry| {
                    let args = entry.args.join(&b' ');
                    (entry.value, String::from_utf8_lossy(&args).into_owned())
                })
                .collect()
        }
    }

    fn id(name: &str) -> CommandId {
        table::find_full(name.as_bytes()).expect("a command")
    }

    #[test]
    fn a_batch_of_quick_commands_costs_two_looks_at_the_clock() {
        let mut stage = Stage::new(|_| {});
        assert_eq!(stage.run(&["get k"]), 2);
        assert_eq!(stage.booked("get"), (1, 10));
        let lines = ["get k", "set k v", "incr n", "ping", "get k"];
        assert_eq!(stage.run(&lines), 2);
        assert_eq!(stage.booked("get"), (3, 14));
        assert_eq!(stage.booked("ping"), (1, 2));
        let client = &stage.session.client;
        assert_eq!(client.commands.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_command_that_may_be_slow_is_measured_alone() {
        let mut stage = Stage::new(|_| {});
        // Looks: begin, end of the GETs, end of LRANGE, end of LRANGE, end of the last GET.
        let lines = ["get k", "get k", "lrange l 0 -1", "lrange l 0 -1", "get k"];
        assert_eq!(stage.run(&lines), 5);
        assert_eq!(stage.booked("get"), (3, 20));
        assert_eq!(stage.booked("lrange"), (2, 20));
        // Without a run before it, the begin of the batch is the begin of the command.
        assert_eq!(stage.run(&["lrange l 0 -1"]), 2);
    }

    #[test]
    fn refused_and_queued_commands_take_nobodys_time() {
        let mut stage = Stage::new(|_| {});
        stage.run(&["get k", "nothing", "incr", "get k"]);
        assert_eq!(stage.booked("get"), (2, 20));
        assert_eq!(stage.booked("incr"), (0, 0));
        assert_eq!(stage.row("incr").rejected, 1);
        assert_eq!(stage.shard.stats.errors.total(), 2);
        stage.run(&["multi", "get k", "lrange l 0 -1", "hset h f v", "exec"]);
        assert_eq!(stage.booked("get"), (3, 30));
        assert_eq!(stage.booked("lrange"), (1, 10));
        assert_eq!(stage.booked("hset"), (1, 10));
        // EXEC takes as long as what it runs, and began when the queue was full.
        assert_eq!(stage.booked("exec"), (1, 50));
        assert_eq!(stage.booked("multi"), (1, 10));
        let client = &stage.session.client;
        assert_eq!(client.commands.load(Ordering::Relaxed), 7);
    }

    #[test]
    fn a_command_that_answers_with_an_error_has_failed() {
        let mut stage = Stage::new(|_| {});
        stage.run(&["set k v", "lpush k x", "multi", "lpush k x", "exec", "exec"]);
        assert_eq!(stage.booked("lpush").0, 2);
        assert_eq!(
            (stage.row("lpush").failed, stage.row("lpush").rejected),
            (2, 0)
        );
        assert_eq!((stage.row("exec").calls, stage.row("exec").failed), (2, 1));
        let errors: Vec<_> = stage.shard.stats.errors.iter().collect();
        assert_eq!(errors, [("ERR", 1), ("WRONGTYPE", 2)]);
    }

    #[test]
    fn a_fast_slow_log_measures_every_command_alone() {
        let mut stage = Stage::new(|params| params.slowlog_log_slower_than = 5);
        assert_eq!(stage.run(&["get a", "set b c", "get d"]), 4);
        let logged = stage.logged(Kind::Slow);
        assert_eq!(
            logged,
            [
                (10, "get d".into()),
                (10, "set b c".into()),
                (10, "get a".into())
            ]
        );
        stage.run(&["multi", "get e", "exec"]);
        let logged = stage.logged(Kind::Slow);
        // EXEC is not logged, what it runs is.
        assert_eq!(logged[..2], [(10, "get e".into()), (10, "multi".into())]);
    }

    #[test]
    fn every_command_of_a_slow_run_is_logged() {
        let mut stage = Stage::new(|params| params.slowlog_log_slower_than = 1000);
        // A thread that is suspended again and again: a millisecond and a half pass between two looks.
        fn suspended() -> Instant {
            clock() + Duration::from_micros(1500) * LOOKS.get()
        }
        stage.clock = suspended;
        stage.shard.stats = Stats::with_clock(&stage.shard.params, suspended);
        stage.run(&["get a", "incr n"]);
        assert!(stage.logged(Kind::Slow).is_empty(), "755 microseconds each");
        stage.run(&["get a"]);
        assert_eq!(stage.logged(Kind::Slow), [(1510, "get a".into())]);
    }

    #[test]
    fn large_requests_and_replies_are_logged_apart() {
        let mut stage = Stage::new(|params| {
            params.commandlog_request_larger_than = 100;
            params.commandlog_reply_larger_than = 50;
        });
        let long = "x".repeat(90);
        let set = format!("set k {long}");
        stage.run(&["get k", &set, "get k", "strlen k"]);
        // Every argument is cut at 128 bytes, which this one does not reach.
        assert_eq!(stage.logged(Kind::LargeRequest), []);
        assert_eq!(stage.logged(Kind::LargeReply), [(97, "get k".into())]);
        let long = "x".repeat(100);
        let set = format!("set k {long}");
        stage.run(&[&set]);
        assert_eq!(stage.logged(Kind::LargeRequest), [(108, set)]);
        stage.run(&["client reply off", "get k"]);
        assert_eq!(stage.logged(Kind::LargeReply).len(), 1);
    }

    #[test]
    fn a_long_reply_ends_its_run() {
        let mut stage = Stage::new(|_| {});
        let value = "x".repeat(17_000);
        let set = format!("set k {value}");
        stage.run(&[&set]);
        assert_eq!(stage.booked("set"), (1, 10));
        assert_eq!(stage.run(&["ping", "get k", "ping"]), 3);
        assert_eq!(
            (stage.booked("get"), stage.booked("ping")),
            ((1, 5), (2, 15))
        );
    }

    #[test]
    fn a_client_that_waited_is_booked_when_it_has_its_answer() {
        let mut stage = Stage::new(|_| {});
        let waiter = Session::new(client(2), true);
        stage.run_as(waiter.clone(), &["blpop l 0"]);
        assert_eq!(stage.booked("blpop"), (0, 0));
        assert!(waiter.client.profile().blocked_memory > 0);
        stage.run(&["ping", "rpush l a", "ping"]);
        // Ten microseconds when it began to wait and ten when it was served; the run before was closed.
        assert_eq!(stage.booked("blpop"), (1, 20));
        assert_eq!(
            (stage.booked("rpush"), stage.booked("ping")),
            ((1, 5), (2, 15))
        );
        assert_eq!(waiter.client.commands.load(Ordering::Relaxed), 1);
        assert_eq!(stage.session.client.commands.load(Ordering::Relaxed), 3);
        stage.run_as(waiter.clone(), &["blpop l 0"]);
        stage.run(&["client unblock 2 error"]);
        assert_eq!((stage.booked("blpop").0, stage.row("blpop").failed), (2, 1));
        assert_eq!(waiter.client.profile().blocked_memory, 0);
    }

    #[test]
    fn others_see_the_last_command_and_the_queue() {
        let mut stage = Stage::new(|_| {});
        let last = |stage: &Stage| {
            let index = stage.session.client.last_command.load(Ordering::Relaxed);
            CommandId::from_index(index as usize).map(|id| id.command().name)
        };
        stage.run(&["ping", "config get port", "get k"]);
        assert_eq!(last(&stage), Some("get"));
        stage.run(&["get"]);
        assert_eq!(last(&stage), Some("get"));
        stage.run(&["nothing"]);
        assert_eq!(last(&stage), None);
        stage.run(&["multi", "ping", "ping"]);
        let multi = |stage: &Stage| {
            let profile = stage.session.client.profile();
            (profile.multi, profile.multi_memory > 0)
        };
        assert_eq!(multi(&stage), (Some(2), true));
        stage.run(&["client list", "exec"]);
        assert!(stage.replies.contains("multi=3 "), "{}", stage.replies);
        assert_eq!(multi(&stage), (None, false));
    }

    #[test]
    fn a_parameter_set_in_a_batch_holds_for_the_rest_of_it_and_for_its_own_entry() {
        let mut stage = Stage::new(|_| {});
        let on = "config set slowlog-log-slower-than 0";
        stage.run(&[
            "get k",
            on,
            "get k",
            "config set slowlog-log-slower-than -1",
            "get k",
        ]);
        assert_eq!(
            stage.logged(Kind::Slow),
            [(10, "get k".into()), (10, on.into())]
        );
    }

    #[test]
    fn batches_are_counted_and_timed() {
        let mut stage = Stage::new(|_| {});
        stage.run(&["get k", "get k"]);
        stage.run(&["get k", "lrange l 0 -1"]);
        let batches = stage.shard.stats.meter.batches;
        assert_eq!((batches.count, batches.micros()), (2, 30));
    }
}
