//! The ends of a range, and the ranks between them.

use std::ops::Range;

use almandine_protocol::number;
use almandine_storage::{StrRef, Zset};

use crate::commands::Fault;

/// The ends of a range.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bounds<'a> {
    Rank(i64, i64),
    Score(Edge<f64>, Edge<f64>),
    Lex(Lex<'a>, Lex<'a>),
}

/// One end of a range of scores.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<T> {
    at: T,
    is_open: bool,
}

/// One end of a range of members.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lex<'a> {
    Lowest,
    Highest,
    Member(Edge<&'a [u8]>),
}

impl Bounds<'_> {
    /// The ranks between the ends. Ranks count from the highest when `reverse`; the result never does.
    pub(super) fn ranks(&self, zset: &Zset, reverse: bool) -> Range<usize> {
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

pub(super) fn score_edge(text: &[u8]) -> Result<Edge<f64>, Fault> {
    let (is_open, text) = match text {
        [b'(', text @ ..] => (true, text),
        text => (false, text),
    };
    // Bounds are read as weights, which is otherwise than scores.
    let at = number::parse_weight(text).ok_or(Fault::new("ERR min or max is not a float"))?;
    Ok(Edge { at, is_open })
}

pub(super) fn lex_edge(text: &[u8]) -> Result<Lex<'_>, Fault> {
    match text {
        b"-" => Ok(Lex::Lowest),
        b"+" => Ok(Lex::Highest),
        [b'(', at @ ..] => Ok(Lex::Member(Edge { at, is_open: true })),
        [b'[', at @ ..] => Ok(Lex::Member(Edge { at, is_open: false })),
        _ => Err(Fault::new("ERR min or max not valid string range item")),
    }
}
