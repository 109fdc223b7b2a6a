//! The vocabulary of a table entry.

use super::call::{Call, Outcome};

/// One command or subcommand. COMMAND, ACL, routing, arity errors, docs and statistics all read this entry.
#[derive(Debug)]
pub struct Command {
    /// Lower case; a subcommand carries its container: `config|get`.
    pub name: &'static str,
    /// Number of arguments, the name included; negative = at least.
    pub arity: i32,
    /// As COMMAND INFO lists them.
    pub flags: Flags,
    /// Categories beyond those that follow from the flags (see [`Command::categories`]).
    pub acl: Acl,
    /// Where the keys are.
    pub keys: &'static [KeySpec],
    /// The heading under which the documentation lists it.
    pub group: Group,
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// Order of growth for people, e.g. `O(1)`.
    pub complexity: &'static str,
    /// The arguments in the synopsis language of `docs.rs`.
    pub args: &'static str,
    /// Who runs it.
    pub run: Run,
}

/// A handler writes its reply into `call.reply` or refuses.
pub type Handler = fn(&mut Call<'_>) -> Outcome;

/// Where a command runs.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// On the shard that owns its keys.
    Shard(Handler),
    /// With the connection's session; needs no key.
    Session(Handler),
    /// With the node's shared state; needs no key.
    Node(Handler),
    /// On every shard, the answers are merged. With one shard the same as `Shard`.
    EveryShard(Handler),
    /// Subcommands; the second argument chooses.
    Container(&'static [Command]),
    /// Subcommands, and a handler of its own (run as `Node`) when no second argument is given: COMMAND.
    ContainerOr(Handler, &'static [Command]),
}

impl Command {
    /// Whether its only key is the first argument after the name.
    #[inline]
    pub fn has_one_key(&self) -> bool {
        matches!(self.keys, [spec] if spec.is_first_argument())
    }

    /// All categories: those of the entry and those that follow from its flags.
    pub fn categories(&self) -> Acl {
        let flags = self.flags;
        let mut all = self.acl;
        // A script that only reads is no @read command: it can be anything.
        let reads = flags.contains(Flags::READONLY) && !self.acl.contains(Acl::SCRIPTING);
        all.set(Acl::READ, all.contains(Acl::READ) || reads);
        for (flag, category) in [
            (Flags::WRITE, Acl::WRITE),
            (Flags::ADMIN, Acl::ADMIN.union(Acl::DANGEROUS)),
            (Flags::PUBSUB, Acl::PUBSUB),
            (Flags::BLOCKING, Acl::BLOCKING),
        ] {
            if flags.contains(flag) {
                all |= category;
            }
        }
        all | match flags.contains(Flags::FAST) {
            true => Acl::FAST,
            false => Acl::SLOW,
        }
    }

    /// First key, last key (negative = from the end) and step, as clients of old read them; zeros if there are none or
    /// they cannot be told so.
    pub fn key_range(&self) -> (i32, i32, i32) {
        let ranges = self.keys.iter().filter_map(KeySpec::range);
        if let [spec] = self.keys {
            return spec.range().unwrap_or_default();
        }
        let mut whole: Option<(i32, i32)> = None;
        for (first, last, step) in ranges {
            match whole {
                // Only neighbours with step 1 make one range.
                _ if step != 1 => {}
                None => whole = Some((first, last)),
                Some((from, to)) if to == first - 1 => whole = Some((from, last)),
                Some(_) => {}
            }
        }
        whole.map_or((0, 0, 0), |(first, last)| (first, last, 1))
    }

    /// The subcommands of a container; of any other command none.
    pub fn subcommands(&self) -> &'static [Command] {
        match self.run {
            Run::Container(subcommands) | Run::ContainerOr(_, subcommands) => subcommands,
            Run::Shard(_) | Run::Session(_) | Run::Node(_) | Run::EveryShard(_) => &[],
        }
    }

    /// What runs when the request resolves to this very entry; of a bare container nothing.
    pub fn handler(&self) -> Option<Handler> {
        match self.run {
            Run::Container(_) => None,
            Run::Shard(handler)
            | Run::Session(handler)
            | Run::Node(handler)
            | Run::EveryShard(handler)
            | Run::ContainerOr(handler, _) => Some(handler),
        }
    }
}

bitflags::bitflags! {
    /// The flags of COMMAND INFO, same names.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Flags: u32 {
        const WRITE = 1 << 0;
        const READONLY = 1 << 1;
        const DENYOOM = 1 << 2;
        const ADMIN = 1 << 3;
        const PUBSUB = 1 << 4;
        const NOSCRIPT = 1 << 5;
        const BLOCKING = 1 << 6;
        const LOADING = 1 << 7;
        const STALE = 1 << 8;
        const SKIP_MONITOR = 1 << 9;
        const SKIP_SLOWLOG = 1 << 10;
        const ASKING = 1 << 11;
        const FAST = 1 << 12;
        const NO_AUTH = 1 << 13;
        const MAY_REPLICATE = 1 << 14;
        const NO_MANDATORY_KEYS = 1 << 15;
        const NO_ASYNC_LOADING = 1 << 16;
        const NO_MULTI = 1 << 17;
        const MOVABLEKEYS = 1 << 18;
        const ALLOW_BUSY = 1 << 19;
    }
}

bitflags::bitflags! {
    /// ACL categories. READ, WRITE, FAST, SLOW, ADMIN, DANGEROUS, PUBSUB and BLOCKING follow from the flags.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Acl: u32 {
        const KEYSPACE = 1 << 0;
        const READ = 1 << 1;
        const WRITE = 1 << 2;
        const SET = 1 << 3;
        const SORTEDSET = 1 << 4;
        const LIST = 1 << 5;
        const HASH = 1 << 6;
        const STRING = 1 << 7;
        const BITMAP = 1 << 8;
        const HYPERLOGLOG = 1 << 9;
        const GEO = 1 << 10;
        const STREAM = 1 << 11;
        const PUBSUB = 1 << 12;
        const ADMIN = 1 << 13;
        const FAST = 1 << 14;
        const SLOW = 1 << 15;
        const BLOCKING = 1 << 16;
        const DANGEROUS = 1 << 17;
        const CONNECTION = 1 << 18;
        const TRANSACTION = 1 << 19;
        const SCRIPTING = 1 << 20;
    }
}

bitflags::bitflags! {
    /// What a command does with a key; the names of COMMAND GETKEYSANDFLAGS.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        const RO = 1 << 0;
        const RW = 1 << 1;
        const OW = 1 << 2;
        const RM = 1 << 3;
        const ACCESS = 1 << 4;
        const UPDATE = 1 << 5;
        const INSERT = 1 << 6;
        const DELETE = 1 << 7;
        const NOT_KEY = 1 << 8;
        const INCOMPLETE = 1 << 9;
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// One place where keys stand.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// What happens to these keys.
    pub flags: KeyFlags,
    /// Where to begin.
    pub begin: Begin,
    /// How to go on from there.
    pub find: Find,
}

impl KeySpec {
    /// Whether it is the first argument after the name and nothing else.
    #[inline]
    fn is_first_argument(&self) -> bool {
        let is_key = !self.flags.contains(KeyFlags::NOT_KEY);
        let begins_there = matches!(self.begin, Begin::Index(1));
        is_key && begins_there && matches!(self.find, Find::Range { last: 0, .. })
    }

    /// First, last and step of a plain range.
    fn range(&self) -> Option<(i32, i32, i32)> {
        match (self.begin, self.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) if last >= 0 => {
                Some((first, first + last, step))
            }
            (Begin::Index(first), Find::Range { last, step, .. }) => Some((first, last, step)),
            _ => None,
        }
    }
}

/// Where a [`KeySpec`] begins.
#[derive(Debug, Clone, Copy)]
pub enum Begin {
    /// At this argument.
    Index(i32),
    /// After this word, looked for from argument `from` (negative = from the end, backwards).
    Keyword(&'static str, i32),
    /// Not to be said in general.
    Unknown,
}

/// How a [`KeySpec`] goes on.
#[derive(Debug, Clone, Copy)]
pub enum Find {
    /// To `last` (relative to the begin; negative = from the end) in steps; `limit` n > 1 = only the first n-th part.
    Range { last: i32, step: i32, limit: i32 },
    /// A count at `at`, the keys from `first`, in steps; all relative to the begin.
    KeyNum { at: i32, first: i32, step: i32 },
    /// Not to be said in general.
    Unknown,
}

/// The heading of a command; the names of COMMAND DOCS and COMMAND LIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `generic`
    Generic,
    /// `string`
    String,
    /// `list`
    List,
    /// `set`
    Set,
    /// `sorted-set`
    SortedSet,
    /// `hash`
    Hash,
    /// `pubsub`
    Pubsub,
    /// `transactions`
    Transactions,
    /// `connection`
    Connection,
    /// `server`
    Server,
    /// `cluster`
    Cluster,
}

impl Group {
    /// As COMMAND DOCS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Cluster => "cluster",
        }
    }
}
