//! Ranges of sorted sets: by rank, by score, by member.

use std::ops::Range;

use almandine_protocol::{Version, number};
use almandine_storage::zset::Iter;
use almandine_storage::{StrRef, Value, Zset};

use super::{note_removed, reply_member};
use crate::commands::{Args, Call, Class, Fault, Outcome};

/// What the two ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// The ends of a range.
#[derive(Debug, Clone, Copy)]
enum Bounds<'a> {
    Rank(i64, i64),
    Score(Edge<f64>, Edge<f64>),
    Lex(Lex<'a>, Lex<'a>),
}

/// One end of a range of scores.
#[derive(Debug, Clone, Copy)]
struct Edge<T> {
    at: T,
    is_open: bool,
}

/// One end of a range of members.
#[derive(Debug, Clone, Copy)]
enum Lex<'a> {
    Lowest,
    Highest,
    Member(Edge<&'a [u8]>),
}

/// A whole range request.
#[derive(Debug)]
struct Query<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    with_scores: bool,
    offset: i64,
    /// Negative = all.
    count: i64,
}

/// The shapes in which the commands spell a [`Query`].
#[derive(Debug, Clone, Copy)]
struct Spelling {
    /// The argument of the first end.
    at: usize,
    /// None = ZRANGE, which says by options.
    by: Option<By>,
    reverse: bool,
    allows_scores: bool,
}

pub(super) fn zrange(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: None,
            reverse: false,
            allows_scores: true,
        },
    )
}

pub(super) fn zrevrange(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Rank),
            reverse: true,
            allows_scores: true,
        },
    )
}

pub(super) fn zrangebyscore(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Score),
            reverse: false,
            allows_scores: true,
        },
    )
}

pub(super) fn zrevrangebyscore(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Score),
            reverse: true,
            allows_scores: true,
        },
    )
}

pub(super) fn zrangebylex(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Lex),
            reverse: false,
            allows_scores: false,
        },
    )
}

pub(super) fn zrevrangebylex(call: &mut Call<'_>) -> Outcome {
    answer(
        call,
        Spelling {
            at: 2,
            by: Some(By::Lex),
            reverse: true,
            allows_scores: false,
        },
    )
}

fn answer(call: &mut Call<'_>, spelling: Spelling) -> Outcome {
    let query = parse(call.args, spelling)?;
    let Some(zset) = call.dbs[call.db].zset(call.args.at(1))? else {
        call.reply.array(0);
        return Ok(());
    };
    let (members, count) = query.select(zset);
    let is_flat = call.reply.version() == Version::Resp2;
    call.reply.array(if query.with_scores && is_flat {
        count * 2
    } else {
        count
    });
    for (member, score) in members {
        if query.with_scores && !is_flat {
            call.reply.array(2);
        }
        reply_member(&mut call.reply, member);
        if query.with_scores {
            call.reply.double(score);
        }
    }
    Ok(())
}

pub(super) fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let query = parse(
        call.args,
        Spelling {
            at: 3,
            by: None,
            reverse: false,
            allows_scores: false,
        },
    )?;
    let (target, source) = (call.args.at(1), call.args.at(2));
    let mut stored = Zset::default();
    if let Some(zset) = call.dbs[call.db].zset(source)? {
        let (members, count) = query.select(zset);
        let members: Vec<(Vec<u8>, f64)> = members
            .map(|(member, score)| (member.to_vec(), score))
            .collect();
        let longest = members
            .iter()
            .map(|(member, _)| member.len())
            .max()
            .unwrap_or(0);
        stored.expect(count, longest, call.thresholds, call.rng);
        for (member, score) in members {
            stored.set(&member, score, call.thresholds, call.rng);
        }
    }
    store(call, target, stored, "zrangestore");
    Ok(())
}

/// Writes a result over a key, or removes the key where the result is empty; answers with its size.
pub(super) fn store(call: &mut Call<'_>, target: &[u8], stored: Zset, event: &'static str) {
    let count = stored.len();
    if count > 0 {
        call.dbs[call.db].insert(target, Value::Zset(stored), None);
        call.changes.modified(call.db, target, Class::ZSET, event);
    } else if call.dbs[call.db].delete(target) {
        call.changes
            .modified(call.db, target, Class::GENERIC, "del");
    }
    call.reply.length(count);
}

pub(super) fn zcount(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Score(score_edge(call.args.at(2))?, score_edge(call.args.at(3))?);
    count(call, bounds)
}

pub(super) fn zlexcount(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Lex(lex_edge(call.args.at(2))?, lex_edge(call.args.at(3))?);
    count(call, bounds)
}

fn count(call: &mut Call<'_>, bounds: Bounds<'_>) -> Outcome {
    let zset = call.dbs[call.db].zset(call.args.at(1))?;
    let count = zset.map_or(0, |zset| bounds.ranks(zset, false).len());
    call.reply.length(count);
    Ok(())
}

pub(super) fn zremrangebyrank(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Rank(call.args.integer(2)?, call.args.integer(3)?);
    remove(call, bounds, "zremrangebyrank")
}

pub(super) fn zremrangebyscore(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Score(score_edge(call.args.at(2))?, score_edge(call.args.at(3))?);
    remove(call, bounds, "zremrangebyscore")
}

pub(super) fn zremrangebylex(call: &mut Call<'_>) -> Outcome {
    let bounds = Bounds::Lex(lex_edge(call.args.at(2))?, lex_edge(call.args.at(3))?);
    remove(call, bounds, "zremrangebylex")
}

fn remove(call: &mut Call<'_>, bounds: Bounds<'_>, event: &'static str) -> Outcome {
    let key = call.args.at(1);
    let mut removed = 0;
    if let Some(zset) = call.dbs[call.db].zset_mut(key)? {
        let ranks = bounds.ranks(zset, false);
        removed = ranks.len();
        zset.remove_range(ranks);
    }
    if removed > 0 {
        note_removed(call, key, event);
    }
    call.reply.length(removed);
    Ok(())
}

fn parse(args: Args<'_>, spelling: Spelling) -> Result<Query<'_>, Fault> {
    let (mut by, mut reverse) = (spelling.by, spelling.reverse);
    let (mut with_scores, mut limit, mut i) = (false, None, spelling.at + 2);
    while i < args.len() {
        if spelling.allows_scores && args.is(i, "withscores") {
            with_scores = true;
        } else if args.is(i, "limit") && i + 2 < args.len() {
            limit = Some((args.integer(i + 1)?, args.integer(i + 2)?));
            i += 2;
        } else if spelling.by.is_none() && args.is(i, "rev") {
            reverse = true;
        } else if spelling.by.is_none() && by.is_none() && args.is(i, "byscore") {
            by = Some(By::Score);
        } else if spelling.by.is_none() && by.is_none() && args.is(i, "bylex") {
            by = Some(By::Lex);
        } else {
            return Err(Fault::SYNTAX);
        }
        i += 1;
    }
    let by = by.unwrap_or(By::Rank);
    if limit.is_some() && by == By::Rank {
        return Err(Fault::new(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && by == By::Lex {
        return Err(Fault::new(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    // Reversed ranges by score and by member name the higher end first.
    let (low, high) = if reverse && by != By::Rank {
        (spelling.at + 1, spelling.at)
    } else {
        (spelling.at, spelling.at + 1)
    };
    let bounds = match by {
        By::Rank => Bounds::Rank(args.integer(low)?, args.integer(high)?),
        By::Score => Bounds::Score(score_edge(args.at(low))?, score_edge(args.at(high))?),
        By::Lex => Bounds::Lex(lex_edge(args.at(low))?, lex_edge(args.at(high))?),
    };
    let (offset, count) = limit.unwrap_or((0, -1));
    Ok(Query {
        bounds,
        reverse,
        with_scores,
        offset,
        count,
    })
}

impl Query<'_> {
    /// The members in the order asked for, and how many they are.
    fn select<'z>(&self, zset: &'z Zset) -> (std::iter::Take<Iter<'z>>, usize) {
        let ranks = self.bounds.ranks(zset, self.reverse);
        let skipped = usize::try_from(self.offset)
            .unwrap_or(usize::MAX)
            .min(ranks.len());
        let left = ranks.len() - skipped;
        let count = usize::try_from(self.count).map_or(left, |count| count.min(left));
        let members = match (count, self.reverse) {
            (0, _) => zset.iter(),
            (_, false) => zset.iter_from(ranks.start + skipped),
            (_, true) => zset.iter_back_from(ranks.end - 1 - skipped),
        };
        (members.take(count), count)
    }
}

impl Bounds<'_> {
    /// The ranks between the ends. Ranks count from the highest when `reverse`; the result never does.
    fn ranks(&self, zset: &Zset, reverse: bool) -> Range<usize> {
        let range = match self {
            Bounds::Rank(start, stop) => {
                let length = zset.len() as i64;
                let from_end = |index: i64| {
                    if index < 0 {
                        index.saturating_add(length)
                    } else {
                        index
                    }
                };
                let (start, stop) = (from_end(*start).max(0), from_end(*stop).min(length - 1));
                if start > stop {
                    0..0
                } else if reverse {
                    (length - 1 - stop) as usize..(length - start) as usize
                } else {
                    start as usize..stop as usize + 1
                }
            }
            Bounds::Score(low, high) => {
                let start =
                    zset.rank_where(|score, _| score < low.at || (low.is_open && score == low.at));
                let end = zset
                    .rank_where(|score, _| score < high.at || (!high.is_open && score == high.at));
                start..end
            }
            Bounds::Lex(low, high) => {
                let start = zset.rank_where(|_, member| low.is_above(member, true));
                let end = zset.rank_where(|_, member| high.is_above(member, false));
                start..end
            }
        };
        range.start.min(range.end)..range.end
    }
}

impl Lex<'_> {
    /// Whether this end stands behind `member`; as a lower end an open one does behind its own member, as an upper end a
    /// closed one does.
    fn is_above(&self, member: StrRef<'_>, is_lower: bool) -> bool {
        let mut digits = itoa::Buffer::new();
        match self {
            Lex::Lowest => false,
            Lex::Highest => true,
            Lex::Member(edge) => {
                let member = member.bytes(&mut digits);
                member < edge.at || (member == edge.at && edge.is_open == is_lower)
            }
        }
    }
}

fn score_edge(text: &[u8]) -> Result<Edge<f64>, Fault> {
    let (is_open, number) = match text {
        [b'(', number @ ..] => (true, number),
        number => (false, number),
    };
    let at = number::parse_double(number).ok_or(Fault::new("ERR min or max is not a float"))?;
    Ok(Edge { at, is_open })
}

fn lex_edge(text: &[u8]) -> Result<Lex<'_>, Fault> {
    match text {
        b"-" => Ok(Lex::Lowest),
        b"+" => Ok(Lex::Highest),
        [b'(', at @ ..] => Ok(Lex::Member(Edge { at, is_open: true })),
        [b'[', at @ ..] => Ok(Lex::Member(Edge { at, is_open: false })),
        _ => Err(Fault::new("ERR min or max not valid string range item")),
    }
}
