//! What the commands of a batch have changed: effects for the journal, news for watchers and keyspace notifications.

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
    /// Number of changes, as `rdb_changes_since_last_save` counts.
    pub dirty: u64,
    /// Keys whose watchers must fail.
    pub touched: Vec<(usize, Vec<u8>)>,
    /// In the order in which they happened.
    pub notifications: Vec<Notification>,
    /// Commands to journal instead of the request itself; `Some(vec![])` = journal nothing.
    pub instead: Option<Vec<Vec<Vec<u8>>>>,
}

impl Changes {
    /// A handler changed `key` of database `db`: counts one change, tells watchers, notifies `event`. Called once per
    /// event of Redis, after the change. A request that changed something is journalled as it stands, unless
    /// [`Changes::journal`] says what to write instead.
    pub fn modified(&mut self, db: usize, key: &[u8], class: Class, event: &'static str) {
        self.dirty += 1;
        self.touch(db, key);
        self.notify(db, key, class, event);
    }

    /// Tells watchers of `key`, and nobody else.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.watched {
            self.touched.push((db, key.to_vec()));
        }
    }

    /// Notifies without counting a change.
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
}
