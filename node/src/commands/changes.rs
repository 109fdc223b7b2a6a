//! What the commands of a batch have changed: effects for the journal, news for watchers and keyspace notifications.

use std::mem;

use almandine_protocol::write_request;
use almandine_storage::{Databases, Db};

use super::call::Args;

bitflags::bitflags! {
    /// The classes of `notify-keyspace-events`.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Class: u32 {
        /// `K`: publish to `__keyspace@<db>__:<key>`.
        const KEYSPACE = 1 << 0;
        /// `E`: publish to `__keyevent@<db>__:<event>`.
        const KEYEVENT = 1 << 1;
        /// `g`
        const GENERIC = 1 << 2;
        /// `$`
        const STRING = 1 << 3;
        /// `l`
        const LIST = 1 << 4;
        /// `s`
        const SET = 1 << 5;
        /// `h`
        const HASH = 1 << 6;
        /// `z`
        const ZSET = 1 << 7;
        /// `x`
        const EXPIRED = 1 << 8;
        /// `e`
        const EVICTED = 1 << 9;
        /// `t`
        const STREAM = 1 << 10;
        /// `m`
        const KEY_MISS = 1 << 11;
        /// `n`
        const NEW = 1 << 12;
        /// `d`
        const MODULE = 1 << 13;
    }
}

/// A keyspace notification that somebody may have subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Number of the database.
    pub db: usize,
    /// Name of the event, `set`, `lpush`, ...
    pub event: &'static str,
    /// The key.
    pub key: Vec<u8>,
}

/// Collects what one command changes; the dispatcher takes it after each command.
#[derive(Debug, Default)]
pub struct Changes {
    /// `notify-keyspace-events`; empty = nobody is told.
    pub classes: Class,
    /// Whether some client watches keys; when not, `touched` stays empty.
    pub watched: bool,
    /// Number of changes of the running command.
    pub dirty: u64,
    /// Changes since the start, as `rdb_changes_since_last_save` counts.
    pub total: u64,
    /// Keys whose watchers must fail.
    pub touched: Vec<(usize, Vec<u8>)>,
    /// In the order in which they happened.
    pub notifications: Vec<Notification>,
    /// Where those of the running command begin.
    pub own: usize,
    /// Keys removed because their time was up, since somebody took the number.
    pub expired: u64,
    /// Commands to journal instead of the request itself; `Some(vec![])` = journal nothing.
    pub instead: Option<Vec<Vec<Vec<u8>>>>,
    /// The effects of the batch; none = nobody consumes them.
    pub effects: Option<Effects>,
}

/// The effects of writes as Redis's replication stream: requests in RESP, SELECT before the first of another database.
#[derive(Debug, Default)]
pub struct Effects {
    bytes: Vec<u8>,
    db: Option<usize>,
    /// Inside EXEC: whether MULTI has been written.
    transaction: Option<bool>,
}

/// Bytes of memory that wait for the next effects.
const EFFECTS_KEPT: usize = 1 << 20;

impl Changes {
    /// A batch begins.
    pub fn begin(&mut self, classes: Class, watched: bool) {
        self.classes = classes;
        self.watched = watched;
    }

    /// A handler changed `key` of database `db`: counts one change, tells watchers, notifies `event`. Called once per
    /// event of Redis, after the change. A request that changed something is journalled as it stands, unless
    /// [`Changes::journal`] says what to write instead.
    #[inline]
    pub fn modified(&mut self, db: usize, key: &[u8], class: Class, event: &'static str) {
        self.dirty += 1;
        self.touch(db, key);
        self.notify(db, key, class, event);
    }

    /// As [`Changes::modified`], of a command whose one event stands for several changes (members added, fields set).
    #[inline]
    pub fn modified_by(
        &mut self,
        changes: usize,
        db: usize,
        key: &[u8],
        class: Class,
        event: &'static str,
    ) {
        self.modified(db, key, class, event);
        self.dirty += (changes as u64).saturating_sub(1);
    }

    /// Tells watchers of `key`, and nobody else.
    #[inline]
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.touched.push((db, key.to_vec()));
        }
    }

    /// Notifies without counting a change.
    #[inline]
    pub fn notify(&mut self, db: usize, key: &[u8], class: Class, event: &'static str) {
        if self.classes.intersects(class) {
            self.notifications.push(Notification {
                db,
                event,
                key: key.to_vec(),
            });
        }
    }

    /// Journal `command` instead of the request (SPOP becomes SREM, EXPIRE becomes PEXPIREAT). May be called several
    /// times; all are journalled, in MULTI/EXEC if more than one.
    pub fn journal(&mut self, command: &[&[u8]]) {
        let command = command.iter().map(|arg| arg.to_vec()).collect();
        self.instead.get_or_insert_default().push(command);
    }

    /// Whether the running command changed nothing.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.dirty == 0
            && self.touched.is_empty()
            && self.notifications.is_empty()
            && self.instead.is_none()
    }

    /// The running command is over: what it changed in database `db` goes into the effects.
    pub fn settle(&mut self, db: usize, args: Args<'_>) {
        self.own = self.notifications.len();
        let instead = self.instead.take();
        let dirty = mem::take(&mut self.dirty);
        self.total += dirty;
        let Some(effects) = &mut self.effects else {
            return;
        };
        match instead {
            Some(commands) => {
                let alone = commands.len() > 1 && effects.transaction.is_none();
                if alone {
                    effects.open();
                }
                for command in &commands {
                    effects.append(db, command.iter().map(Vec::as_slice));
                }
                if alone {
                    effects.close();
                }
            }
            None if dirty > 0 => effects.append_request(db, args),
            None => {}
        }
    }

    /// Takes the notifications.
    pub fn take_notifications(&mut self) -> Vec<Notification> {
        self.own = 0;
        mem::take(&mut self.notifications)
    }

    /// Journals and tells what the look-ups of the running command have found expired. Comes before [`Changes::settle`]:
    /// a key is removed before the command writes it anew.
    #[inline]
    pub fn note_expired(&mut self, dbs: &mut Databases) {
        if dbs.may_have_expired() {
            self.note_expired_of_lent(dbs);
        }
    }

    fn note_expired_of_lent(&mut self, dbs: &mut Databases) {
        for db in dbs.take_lent() {
            if dbs[db].has_expired() {
                self.note_expired_of(db, &mut dbs[db]);
            }
        }
    }

    #[cold]
    fn note_expired_of(&mut self, db: usize, keys: &mut Db) {
        let later = self.notifications.split_off(self.own);
        for key in keys.drain_expired() {
            self.expired += 1;
            self.removed(db, &key, Class::EXPIRED, "expired");
        }
        self.own = self.notifications.len();
        self.notifications.extend(later);
    }

    /// A key was removed because its time was up or memory was short.
    pub fn removed(&mut self, db: usize, key: &[u8], class: Class, event: &'static str) {
        self.total += 1;
        self.touch(db, key);
        self.notify(db, key, class, event);
        if let Some(effects) = &mut self.effects {
            effects.append(db, [b"DEL".as_slice(), key].into_iter());
        }
    }

    /// EXEC begins: effects up to [`Changes::end_transaction`] are one transaction.
    pub fn begin_transaction(&mut self) {
        if let Some(effects) = &mut self.effects {
            effects.open();
        }
    }

    /// EXEC is over.
    pub fn end_transaction(&mut self) {
        if let Some(effects) = &mut self.effects {
            effects.close();
        }
    }
}

impl Effects {
    /// What was collected since [`Effects::clear`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing was.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Somebody else has the bytes now; memory that one large batch has taken is given back.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(EFFECTS_KEPT);
    }

    /// The next effect names its database, for a reader that has seen none before.
    pub fn reselect(&mut self) {
        self.db = None;
    }

    /// The database that a reader of everything up to here has selected.
    pub fn db(&self) -> Option<usize> {
        self.db
    }

    /// A piece of another node's stream, as it stands.
    pub fn pass_on(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn open(&mut self) {
        self.transaction = Some(false);
    }

    fn close(&mut self) {
        if self.transaction.take() == Some(true) {
            self.write([b"EXEC".as_slice()].into_iter());
        }
    }

    fn append<'a>(&mut self, db: usize, command: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.introduce(db);
        self.write(command);
    }

    fn append_request(&mut self, db: usize, args: Args<'_>) {
        self.introduce(db);
        match args.as_written() {
            Some(bytes) => self.bytes.extend_from_slice(bytes),
            None => self.write(args.from(0)),
        }
    }

    /// What comes before an effect on `db`.
    fn introduce(&mut self, db: usize) {
        if self.db != Some(db) {
            self.db = Some(db);
            self.write([b"SELECT".as_slice(), db.to_string().as_bytes()].into_iter());
        }
        if self.transaction == Some(false) {
            self.transaction = Some(true);
            self.write([b"MULTI".as_slice()].into_iter());
        }
    }

    fn write<'a>(&mut self, command: impl ExactSizeIterator<Item = &'a [u8]>) {
        write_request(command, &mut self.bytes);
    }
}

impl Notification {
    /// Publishes to the channels of the key and of the event, as `classes` wants.
    pub fn publish(&self, classes: Class, deliver: &mut dyn FnMut(&[u8], &[u8])) {
        if classes.contains(Class::KEYSPACE) {
            let channel = [format!("__keyspace@{}__:", self.db).as_bytes(), &self.key].concat();
            deliver(&channel, self.event.as_bytes());
        }
        if classes.contains(Class::KEYEVENT) {
            deliver(
                format!("__keyevent@{}__:{}", self.db, self.event).as_bytes(),
                &self.key,
            );
        }
    }
}
