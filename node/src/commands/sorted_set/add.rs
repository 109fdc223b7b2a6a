//! Adding members, setting and raising scores.

use almandine_storage::{Rng, Thresholds, Zset};

use crate::commands::spec::{Begin, Find};
use crate::commands::{
    Acl, Args, Call, Class, Command, Fault, Flags, Group, KeyFlags, KeySpec, Outcome, Run,
};

/// NX, XX, GT, LT, CH and INCR of ZADD.
#[derive(Debug, Clone, Copy, Default)]
struct Flavour {
    only_new: bool,
    only_present: bool,
    only_greater: bool,
    only_less: bool,
    counts_changes: bool,
    increments: bool,
}

fn zadd(call: &mut Call<'_>) -> Outcome {
    let (flavour, at) = parse_flavour(call.args)?;
    add(call, flavour, at)
}

fn zincrby(call: &mut Call<'_>) -> Outcome {
    // A word of ZADD's in place of the increment is a word, after which an argument is missing.
    let (flavour, at) = parse_flavour(call.args)?;
    let flavour = Flavour {
        increments: true,
        ..flavour
    };
    add(call, flavour, at)
}

fn parse_flavour(args: Args<'_>) -> Result<(Flavour, usize), Fault> {
    let (mut flavour, mut i) = (Flavour::default(), 2);
    while i < args.len() {
        let flag = match args.at(i) {
            word if word.eq_ignore_ascii_case(b"nx") => &mut flavour.only_new,
            word if word.eq_ignore_ascii_case(b"xx") => &mut flavour.only_present,
            word if word.eq_ignore_ascii_case(b"gt") => &mut flavour.only_greater,
            word if word.eq_ignore_ascii_case(b"lt") => &mut flavour.only_less,
            word if word.eq_ignore_ascii_case(b"ch") => &mut flavour.counts_changes,
            word if word.eq_ignore_ascii_case(b"incr") => &mut flavour.increments,
            _ => break,
        };
        *flag = true;
        i += 1;
    }
    let words = args.len() - i;
    if words == 0 || words % 2 == 1 {
        return Err(Fault::SYNTAX);
    }
    if flavour.only_new && flavour.only_present {
        return Err(Fault::new(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    let compares = flavour.only_greater || flavour.only_less;
    if (flavour.only_greater && flavour.only_less) || (compares && flavour.only_new) {
        return Err(Fault::new(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if flavour.increments && words > 2 {
        return Err(Fault::new(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    Ok((flavour, i))
}

/// `score member` pairs from argument `at` on. All scores are read before the first one is set.
fn add(call: &mut Call<'_>, flavour: Flavour, at: usize) -> Outcome {
    let (args, key) = (call.args, call.args.at(1));
    for i in (at..args.len()).step_by(2) {
        args.double(i)?;
    }
    let is_missing = call.dbs[call.db].zset_mut(key)?.is_none();
    if is_missing && flavour.only_present {
        match flavour.increments {
            true => call.reply.null(),
            false => call.reply.integer(0),
        }
        return Ok(());
    }
    let zset = call.dbs[call.db].zset_or_create(key)?;
    // Many pairs make a large set, as Redis sees it, though some may name the same member.
    zset.expect((args.len() - at) / 2, 0, call.thresholds, call.rng);
    let (mut added, mut updated, mut last) = (0, 0, Ok(None));
    for i in (at..args.len()).step_by(2) {
        let (score, member) = (args.double(i)?, args.at(i + 1));
        last = flavour.apply(zset, member, score, call.thresholds, call.rng);
        match last {
            Ok(Some(Applied { is_new: true, .. })) => added += 1,
            Ok(Some(Applied {
                is_changed: true, ..
            })) => updated += 1,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    if added + updated > 0 {
        let event = if flavour.increments { "zincr" } else { "zadd" };
        call.changes.modified(call.db, key, Class::ZSET, event);
    }
    call.dbs[call.db].remove_if_empty(key);
    match last? {
        _ if !flavour.increments => call.reply.length(if flavour.counts_changes {
            added + updated
        } else {
            added
        }),
        Some(applied) => call.reply.double(applied.score),
        None => call.reply.null(),
    }
    Ok(())
}

/// What became of one pair.
struct Applied {
    score: f64,
    is_new: bool,
    is_changed: bool,
}

impl Flavour {
    /// None = the conditions forbid it.
    fn apply(
        self,
        zset: &mut Zset,
        member: &[u8],
        score: f64,
        limits: &Thresholds,
        rng: &mut Rng,
    ) -> Result<Option<Applied>, Fault> {
        let Some(old) = zset.score(member) else {
            if self.only_present {
                return Ok(None);
            }
            zset.set(member, score, limits, rng);
            return Ok(Some(Applied {
                score,
                is_new: true,
                is_changed: false,
            }));
        };
        let new = if self.increments { old + score } else { score };
        if self.only_new {
            return Ok(None);
        }
        if new.is_nan() {
            return Err(Fault::new("ERR resulting score is not a number (NaN)"));
        }
        if (self.only_greater && new <= old) || (self.only_less && new >= old) {
            return Ok(None);
        }
        if new != old {
            zset.set(member, new, limits, rng);
        }
        Ok(Some(Applied {
            score: new,
            is_new: false,
            is_changed: new != old,
        }))
    }
}

/// Adding.
pub(in crate::commands) static COMMANDS: &[Command] = &[
    Command {
        name: "zadd",
        arity: -4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Adds members, or sets their scores.",
        complexity: "O(log(N)) for each member",
        args: "key:key [condition=<NX|XX>] [comparison=<GT|LT>] [change=CH] [increment=INCR] data=(score:double member)...",
        run: Run::Shard(zadd),
    },
    Command {
        name: "zincrby",
        arity: 4,
        flags: Flags::DENYOOM.union(Flags::FAST).union(Flags::WRITE),
        acl: Acl::SORTEDSET,
        keys: &[KeySpec {
            flags: KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE),
            begin: Begin::Index(1),
            find: Find::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
        }],
        group: Group::SortedSet,
        since: "1.2.0",
        summary: "Adds to the score of a member.",
        complexity: "O(log(N))",
        args: "key:key increment:integer member",
        run: Run::Shard(zincrby),
    },
];
