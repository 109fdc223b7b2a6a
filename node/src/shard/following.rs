//! A replica: the stream of the primary, carried out as it comes and passed on as it stands.
//!
//! Time stands still for it: keys expire when the primary says so. A transaction is carried out when it is whole; until
//! then nothing of it counts as received, so a link that breaks in the middle has it sent again.

use std::mem;

use almandine_storage::{Databases, Removed};

use super::requests::Requests;
use super::{Phase, Shard};
use crate::commands::Args;
use crate::commands::changes::Effects;
use crate::journal::{History, Id};
use crate::moment::Moment;
use crate::session::{OwnedRequest, Session};

/// See the module.
#[derive(Debug)]
pub struct Following {
    /// Its database is the one that the stream has selected.
    session: Session,
    /// The requests of a transaction that is not whole.
    queued: Option<Vec<OwnedRequest>>,
    /// Its bytes.
    open: Vec<u8>,
    out: Vec<u8>,
}

/// What a piece of the stream has asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// The primary wants to know how far we are.
    pub wants_acknowledgement: bool,
}

/// A copy of all data of a primary.
#[derive(Debug)]
pub struct Copy {
    /// The data.
    pub dbs: Databases,
    /// The id of the primary's stream.
    pub id: Id,
    /// The offset at which the stream follows.
    pub offset: u64,
    /// The database that the stream has selected there.
    pub db: usize,
}

impl Default for Following {
    fn default() -> Self {
        Following {
            session: Session::internal(),
            queued: None,
            open: Vec::new(),
            out: Vec::new(),
        }
    }
}

impl Shard {
    /// Carries out a piece of the primary's stream and hands it on to the journal as it stands.
    ///
    /// # Errors
    /// What a request was refused with. Everything before it is done.
    pub fn follow(&mut self, now: Moment, requests: Requests<'_>) -> Result<Followed, String> {
        self.begin(now);
        let access = self.access();
        self.now_ms = 0;
        self.dbs.set_now(0, access);
        self.dbs.set_keeps_expired(false);
        let mut following = mem::take(&mut self.following);
        let mut effects = Effects::default();
        let outcome = self.follow_all(requests, &mut following, &mut effects);
        if outcome.is_err() {
            // It may be half a transaction: nobody may go on from here.
            self.node.journal.rename(Id::new(self.rng.bits()));
        }
        self.following = following;
        self.changes.effects = Some(effects);
        self.now_ms = now.ms;
        self.dbs.set_now(now.ms, access);
        self.serve_ready();
        outcome
    }

    fn follow_all(
        &mut self,
        requests: Requests<'_>,
        following: &mut Following,
        effects: &mut Effects,
    ) -> Result<Followed, String> {
        let mut followed = Followed::default();
        // The bytes before this place are with the effects or with the open transaction.
        let mut taken = 0;
        let mut start = 0;
        for i in 0..requests.len() {
            let args = requests.args(i);
            let end = start + requests.size(i);
            if let Some(queued) = &mut following.queued {
                if !args.is(0, "exec") {
                    queued.push(OwnedRequest::copy(args));
                    start = end;
                    continue;
                }
                let queued = following.queued.take().unwrap_or_default();
                // Where the transaction begins.
                let before = effects.bytes().len();
                for request in queued {
                    self.follow_one(request.args(), before, following)?;
                }
                effects.pass_on(&mem::take(&mut following.open));
            } else if args.is(0, "multi") {
                effects.pass_on(&requests.buffer[taken..start]);
                taken = start;
                following.queued = Some(Vec::new());
                start = end;
                continue;
            } else if args.is(0, "replconf") {
                followed.wants_acknowledgement |= args.is(1, "getack");
            } else if let Err(reason) =
                self.follow_one(args, effects.bytes().len() + start - taken, following)
            {
                effects.pass_on(&requests.buffer[taken..start]);
                return Err(reason);
            }
            start = end;
            if following.queued.is_none() && args.is(0, "exec") {
                effects.pass_on(&requests.buffer[taken..start]);
                taken = start;
            }
        }
        match following.queued {
            None => effects.pass_on(&requests.buffer[taken..start]),
            Some(_) => following
                .open
                .extend_from_slice(&requests.buffer[taken..start]),
        }
        Ok(followed)
    }

    /// `before` = bytes of the stream before the request that the journal does not have yet.
    fn follow_one(
        &mut self,
        args: Args<'_>,
        before: usize,
        following: &mut Following,
    ) -> Result<(), String> {
        if args.is(0, "ping") {
            return Ok(());
        }
        let Following { session, out, .. } = following;
        let replayed = self.replay(args, session, out);
        let refused = replayed.map_err(|reason| reason.escape_ascii().to_string())?;
        if let Some(said) = refused {
            let offset = self.node.journal.offset() + before as u64;
            let place = format_args!("the stream of the primary, offset {offset}");
            self.refusals.tell(place, &said);
        }
        Ok(())
    }

    /// The link begins anew where the journal stands, perhaps under another id: what was received of a transaction comes again.
    pub fn continue_stream(&mut self, id: Option<Id>) {
        self.set_whole(true);
        self.following.queued = None;
        self.following.open = Vec::new();
        if let Some(id) = id {
            self.node.journal.begin_term(id);
            self.node.call_writer();
        }
    }

    /// The database that a reader of the journal up to its end has selected.
    pub fn stream_db(&self) -> usize {
        let own = self.changes.effects.as_ref().and_then(Effects::db);
        own.unwrap_or(self.following.session.db)
    }

    /// The stream goes on in this database: that of the files that were read, or of our own stream.
    pub fn follow_in(&mut self, db: usize) {
        self.following = Following::default();
        self.following.session.db = db.min(self.dbs.count() - 1);
    }

    /// Removes everything, to make room for a copy; clients wait meanwhile.
    pub fn make_room_for_copy(&mut self) {
        self.set_whole(false);
        self.phase = Phase::Emptied;
        let empty = self.node.empty_databases(self.rng.bits());
        self.replace_all(empty);
    }

    /// A copy takes the place of everything.
    pub fn adopt(&mut self, copy: Copy) {
        self.set_whole(true);
        let Copy {
            dbs,
            id,
            offset,
            db,
        } = copy;
        self.replace_all(dbs);
        self.follow_in(db);
        self.node.journal.restart(History::new(id), offset);
        self.node.journal.turn_on();
        self.phase = Phase::Serving;
        self.serve_ready();
    }

    /// There is no copy, and nothing any more of what was here. The journal says so, under a new id.
    pub fn give_copy_up(&mut self) {
        self.phase = Phase::Serving;
        self.node.journal.begin_term(Id::new(self.rng.bits()));
        let mut effects = Effects::default();
        effects.pass_on(b"*1\r\n$8\r\nFLUSHALL\r\n");
        self.changes.effects = Some(effects);
        self.follow_in(0);
    }

    /// Whoever would bring the copy is followed no more.
    pub(super) fn await_no_copy(&mut self) {
        if self.phase == Phase::Emptied {
            self.give_copy_up();
            self.journal();
        }
    }

    /// Others in the cluster must know whether this node could take over.
    fn set_whole(&self, is_whole: bool) {
        if let Some(cluster) = &self.node.cluster {
            cluster.set_whole(is_whole);
        }
    }

    fn replace_all(&mut self, dbs: Databases) {
        for db in 0..self.dbs.count() {
            for key in self.watches.keys_of(db) {
                self.watches.touch(db, key);
            }
        }
        self.tracking
            .flushed(&self.node.clients, &mut self.outgoing);
        let keys: usize = self.dbs.iter().map(almandine_storage::Db::len).sum();
        let old: Vec<Removed> = self.dbs.adopt(dbs);
        self.node.lazyfree.discard(old, keys as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use almandine_protocol::{Batch, Limits, Parser};

    use super::*;
    use crate::node::Node;
    use crate::params::Params;

    struct Stage {
        shard: Shard,
        now_ms: i64,
    }

    impl Stage {
        fn new() -> Stage {
            let node = Arc::new(Node::new(Params::default(), 1));
            node.replication.follow("127.0.0.1", 1, 0);
            node.journal.turn_on();
            Stage {
                shard: Shard::new(node, Rc::new(RefCell::default()), 1),
                now_ms: 1_000_000_000_000,
            }
        }

        fn parse(text: &str) -> (Vec<u8>, Batch) {
            let buffer = text.replace(';', "\r\n").into_bytes();
            let mut batch = Batch::default();
            let parsed = Parser::default().parse(&buffer, &Limits::default(), &mut batch);
            parsed.expect("inline requests");
            (buffer, batch)
        }

        /// Follows lines that end with `;`.
        fn follow(&mut self, text: &str) -> Result<Followed, String> {
            let (buffer, batch) = Stage::parse(text);
            let requests = Requests {
                buffer: &buffer,
                batch: &batch,
            };
            let followed = self.shard.follow(Moment::of_day(self.now_ms), requests);
            self.shard.journal();
            followed
        }

        /// What a client is answered.
        fn ask(&mut self, line: &str) -> String {
            let (buffer, batch) = Stage::parse(&format!("{line};"));
            let requests = Requests {
                buffer: &buffer,
                batch: &batch,
            };
            let (mut out, mut session) = (Vec::new(), Session::internal());
            self.shard.begin(Moment::of_day(self.now_ms));
            let at = std::time::Instant::now();
            self.shard.run(at, requests, 0, &mut session, &mut out);
            assert_eq!(self.shard.journal(), None, "a replica journals no effects");
            String::from_utf8(out).expect("text")
        }

        fn journal(&self) -> String {
            let (mut bytes, journal) = (Vec::new(), &self.shard.node.journal);
            assert!(journal.read(journal.backlog().0, usize::MAX, &mut bytes));
            String::from_utf8(bytes).expect("text").replace("\r\n", ";")
        }
    }

    #[test]
    fn the_stream_is_carried_out_and_passed_on_as_it_stands() {
        let mut stage = Stage::new();
        let pieces = [
            "select 3;set a 1;",
            "ping;multi;incr a;",
            "incr a;",
            "exec;incr a;",
        ];
        stage.follow(pieces[0]).expect("sound");
        stage.follow(pieces[1]).expect("sound");
        assert_eq!(stage.journal(), "select 3;set a 1;ping;");
        assert_eq!(stage.ask("select 3"), "+OK\r\n");
        assert_eq!(stage.shard.stream_db(), 3);
        stage.follow(pieces[2]).expect("sound");
        assert_eq!(stage.journal(), "select 3;set a 1;ping;");
        stage.follow(pieces[3]).expect("sound");
        assert_eq!(stage.journal(), pieces.concat());
        assert_eq!(
            stage.shard.dbs[3].string(b"a").unwrap().unwrap().to_vec(),
            b"4"
        );
    }

    #[test]
    fn what_only_newer_servers_say_is_understood() {
        let mut stage = Stage::new();
        stage
            .follow("hsetex h keepttl fields 2 f 1 g 2;")
            .expect("sound");
        assert_eq!(stage.ask("hmget h f g"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
        assert_eq!(stage.journal(), "hsetex h keepttl fields 2 f 1 g 2;");
        assert!(stage.follow("hsetex h ex 5 fields 1 f 1;").is_err());
    }

    #[test]
    fn a_transaction_that_was_cut_off_is_forgotten() {
        let mut stage = Stage::new();
        stage.follow("multi;set a 1;").expect("sound");
        stage.shard.continue_stream(None);
        stage.follow("multi;set b 1;exec;").expect("sound");
        assert_eq!(stage.journal(), "multi;set b 1;exec;");
        assert!(!stage.shard.dbs[0].contains(b"a"));
    }

    /// Redis passes a request on that it has refused if it has found a key expired on the way.
    #[test]
    fn what_the_primary_was_refused_too_does_not_stop_the_stream() {
        let mut stage = Stage::new();
        stage.follow("set a 1;lpush a 2;set b 1;").expect("sound");
        assert_eq!(stage.journal(), "set a 1;lpush a 2;set b 1;");
        let counters = &stage.shard.node.replication.counters;
        assert_eq!(counters.unexpected.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn libraries_of_functions_are_passed_on_and_change_nothing() {
        let mut stage = Stage::new();
        let piece = "function load replace code;set a 1;";
        stage.follow(piece).expect("sound");
        assert_eq!(stage.journal(), piece);
        assert_eq!(stage.ask("get a"), "$1\r\n1\r\n");
        let counters = &stage.shard.node.replication.counters;
        assert_eq!(counters.unexpected.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_cannot_be_held_stops_the_stream_before_it() {
        let mut stage = Stage::new();
        let refused = stage.follow("set a 1;select 16;set b 1;");
        let expected = "select: -ERR DB index is out of range";
        assert_eq!(refused, Err(expected.to_owned()));
        assert_eq!(stage.journal(), "set a 1;");
        let refused = stage.follow("nonsense;").expect_err("refused");
        assert!(refused.contains("unknown command"), "{refused}");
    }

    #[test]
    fn keys_expire_when_the_primary_says_so_and_are_hidden_before() {
        let mut stage = Stage::new();
        stage.follow("set k v pxat 1000000000010;").expect("sound");
        assert_eq!(stage.ask("get k"), "$1\r\nv\r\n");
        stage.now_ms += 20;
        assert_eq!(stage.ask("get k"), "$-1\r\n");
        assert_eq!(stage.ask("dbsize"), ":1\r\n");
        stage.shard.begin(Moment::of_day(stage.now_ms));
        stage.shard.tick();
        assert_eq!(stage.ask("dbsize"), ":1\r\n");
        stage.follow("append k w;persist k;").expect("sound");
        assert_eq!(stage.ask("get k"), "$2\r\nvw\r\n");
    }

    #[test]
    fn writes_of_clients_are_refused_unless_they_are_allowed_and_are_not_passed_on() {
        let mut stage = Stage::new();
        assert!(stage.ask("set k v").starts_with("-READONLY You can't"));
        let node = stage.shard.node.clone();
        node.publish(Params {
            replica_read_only: false,
            ..Params::default()
        });
        assert_eq!(stage.ask("set k v px 10"), "+OK\r\n");
        stage.now_ms += 20;
        assert_eq!(stage.ask("append k w"), ":1\r\n");
        node.publish(Params {
            replica_serve_stale_data: false,
            ..Params::default()
        });
        assert!(stage.ask("get k").starts_with("-MASTERDOWN "));
        assert_eq!(
            stage.ask("ping"),
            "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n"
        );
    }

    #[test]
    fn a_copy_takes_the_place_of_everything() {
        let mut stage = Stage::new();
        stage.follow("set old v;").expect("sound");
        stage.shard.make_room_for_copy();
        assert!(stage.ask("get old").starts_with("-LOADING "));
        let mut dbs = stage.shard.node.empty_databases(5);
        dbs[2].set_string(b"new", b"w", almandine_storage::Ttl::Clear);
        let id = Id::new(9);
        stage.shard.adopt(Copy {
            dbs,
            id,
            offset: 1000,
            db: 2,
        });
        assert_eq!(stage.ask("get old"), "$-1\r\n");
        stage.follow("append new x;").expect("sound");
        let journal = &stage.shard.node.journal;
        assert_eq!(journal.history(), History::new(id));
        assert_eq!(journal.offset(), 1000 + 14);
        assert_eq!(stage.journal(), "append new x;");
        stage.shard.make_room_for_copy();
        stage.shard.begin(Moment::of_day(stage.now_ms));
        stage.shard.give_copy_up();
        stage.shard.journal();
        assert!(stage.journal().ends_with(";FLUSHALL;"));
        assert_ne!(stage.shard.node.journal.history().id(), id);
    }

    #[test]
    fn a_copy_that_will_not_come_any_more_leaves_an_empty_node_that_says_so() {
        let mut stage = Stage::new();
        stage.follow("set old v;").expect("sound");
        let id = stage.shard.node.journal.history().id();
        stage.shard.make_room_for_copy();
        stage.shard.begin(Moment::of_day(stage.now_ms));
        stage.shard.follow_primary("127.0.0.1", 2);
        assert_eq!(stage.ask("get old"), "$-1\r\n");
        assert!(stage.journal().ends_with(";FLUSHALL;"));
        assert_ne!(stage.shard.node.journal.history().id(), id);
    }
}
