//! The differences that are none. Each one has its reason, and names the peer that differs.
//!
//! An entry is in order only if Redis 8.2 agrees with our node and an older or another server does not, or if the reply
//! is by nature undetermined. Where our node is wrong, it is mended instead.

use super::generate::Step;
use crate::process::Identity;
use crate::resp::Value;

/// One difference that is none.
pub struct Tolerated {
    /// `redis` or `valkey`.
    family: &'static str,
    /// The first and the last version that differ.
    versions: ((u32, u32), (u32, u32)),
    /// Why.
    pub reason: &'static str,
    /// Whether the servers may hold different things after it; then the chapter ends.
    pub ends_chapter: bool,
    /// Whether these replies (ours, theirs) are that difference.
    is_it: fn(&Step, &Value, &Value) -> bool,
}

const ANY_REDIS: ((u32, u32), (u32, u32)) = ((7, 0), (u32::MAX, 0));
const ANY_VALKEY: ((u32, u32), (u32, u32)) = ((7, 2), (u32::MAX, 0));
const REDIS_7_0: ((u32, u32), (u32, u32)) = ((7, 0), (7, 0));

/// All of them.
pub const TOLERATED: &[Tolerated] = &[
    Tolerated {
        family: "redis",
        versions: ((8, 2), (u32::MAX, 0)),
        reason: "OBJECT ENCODING of strings up to 44 bytes: it has key and value in one allocation of 64 bytes, so \
                 embstr ends earlier, depending on the key's length; with older ones and our node it ends at 44",
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "embstr", "raw"),
    },
    Tolerated {
        family: "redis",
        versions: ANY_REDIS,
        reason: "OBJECT ENCODING of a list that has become shorter: whether a quicklist becomes a listpack again depends \
                 on how its elements happen to be spread over nodes; 7.0 has quicklists only",
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "quicklist"),
    },
    Tolerated {
        family: "redis",
        versions: ANY_REDIS,
        reason: LEFT_OVER,
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "intset"),
    },
    Tolerated {
        family: "redis",
        versions: ANY_REDIS,
        reason: "SORT after any command has met a number out of range: Redis does not reset errno, and takes every \
                 element for such a number",
        ends_chapter: true,
        is_it: |step, ours, theirs| is_sort(step) && !ours.is_error() && is_text(theirs, NO_WEIGHT),
    },
    Tolerated {
        family: "redis",
        versions: ((7, 2), (u32::MAX, 0)),
        reason: CUT_INDEX,
        ends_chapter: true,
        is_it: is_cut_index,
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "SORT and ranges of scores read hexadecimal numbers and blanks before them",
        ends_chapter: true,
        is_it: |step, ours, theirs| {
            let refusal = "ERR min or max is not a float";
            (is_text(ours, refusal) && !is_text(theirs, refusal))
                || (is_sort(step) && is_text(ours, NO_WEIGHT) && !theirs.is_error())
        },
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "OBJECT ENCODING of sets: small ones that are not of integers have been listpacks since 7.2",
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "hashtable"),
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "OBJECT ENCODING after a command with many members: since 7.2 their number decides, whether new or not",
        ends_chapter: false,
        is_it: |step, ours, theirs| {
            is_encoding(step, ours, theirs, "hashtable", "listpack")
                || is_encoding(step, ours, theirs, "skiplist", "listpack")
                || is_encoding(step, ours, theirs, "hashtable", "intset")
        },
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "scores are printed with 17 digits; since 7.2 with as few as it takes",
        ends_chapter: false,
        is_it: |step, ours, theirs| step.name().contains('Z') && is_same_number(ours, theirs),
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "LREM and LPOS RANK take the smallest integer, though it has no opposite",
        ends_chapter: true,
        is_it: |_, ours, theirs| {
            let refusal = "ERR value is out of range, value must between -9223372036854775807 and \
                           9223372036854775807";
            !is_text(theirs, refusal) && is_text(ours, refusal)
        },
    },
    Tolerated {
        family: "redis",
        versions: REDIS_7_0,
        reason: "SCAN takes an empty cursor and refuses blanks before one",
        ends_chapter: false,
        is_it: |step, ours, theirs| {
            let refusal = "ERR invalid cursor";
            step.name().ends_with("SCAN") && is_text(ours, refusal) != is_text(theirs, refusal)
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "OBJECT ENCODING of strings: embstr ends where key and value no longer fit into one allocation",
        ends_chapter: false,
        is_it: |step, ours, theirs| {
            is_encoding(step, ours, theirs, "embstr", "raw")
                || is_encoding(step, ours, theirs, "raw", "embstr")
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "OBJECT ENCODING of a list that has become shorter: see Redis",
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "quicklist"),
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: CUT_INDEX,
        ends_chapter: true,
        is_it: is_cut_index,
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: LEFT_OVER,
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "intset"),
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "OBJECT ENCODING after SDIFFSTORE: the new set begins in the form of the first one",
        ends_chapter: false,
        is_it: |step, ours, theirs| {
            is_encoding(step, ours, theirs, "intset", "listpack")
                || is_encoding(step, ours, theirs, "listpack", "hashtable")
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "MULTI and WATCH inside a transaction are refused in other words, and spoil it",
        ends_chapter: true,
        is_it: |_, ours, theirs| {
            let theirs = theirs.text().unwrap_or_default();
            ours.is_error() && theirs.ends_with("not allowed inside a transaction")
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "SCAN TYPE refuses the name of no type",
        ends_chapter: false,
        is_it: |step, _, theirs| {
            let theirs = theirs.text().unwrap_or_default();
            step.name() == "SCAN" && theirs.starts_with("ERR unknown type name")
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "GETEX looks at the time before the key",
        ends_chapter: false,
        is_it: |step, ours, theirs| {
            step.name() == "GETEX"
                && (ours.is_null() || is_text(ours, WRONG_TYPE))
                && (is_text(theirs, "ERR value is not an integer or out of range")
                    || is_text(theirs, "ERR invalid expire time in 'getex' command"))
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "scores, bounds, weights: hexadecimal, empty and out of range are no numbers",
        ends_chapter: true,
        is_it: |_, ours, theirs| {
            let refusals = [
                NO_WEIGHT,
                "ERR value is not a valid float",
                "ERR weight value is not a float",
                "ERR min or max is not a float",
            ];
            let refused = |value| refusals.iter().any(|text| is_text(value, text));
            refused(theirs) && !refused(ours)
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "ZADD with a long member unpacks the set though XX leaves the member out",
        ends_chapter: false,
        is_it: |step, ours, theirs| is_encoding(step, ours, theirs, "listpack", "skiplist"),
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "LTRIM that removes nothing is no change for those who watch the key",
        ends_chapter: true,
        is_it: |step, ours, theirs| {
            step.name() == "EXEC" && ours.is_null() && matches!(theirs, Value::Array(_))
        },
    },
    Tolerated {
        family: "valkey",
        versions: ANY_VALKEY,
        reason: "LIMIT with a negative offset shows something",
        ends_chapter: true,
        is_it: |step, ours, theirs| {
            let is_limit = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"LIMIT");
            let nothing = matches!(ours, Value::Array(elements) if elements.is_empty())
                || *ours == Value::Integer(0);
            nothing
                && ours != theirs
                && step.name().contains("RANGE")
                && step.request.iter().any(is_limit)
        },
    },
];

const LEFT_OVER: &str = "OBJECT ENCODING of a set from which all but integers were removed: our DUMP does not say in which \
                         form it was, and 7.0 makes a new set of what dice leave over when SPOP takes nearly all";
const CUT_INDEX: &str =
    "LSET cuts its index to 32 bits, and writes to another place than it was told";

fn is_cut_index(step: &Step, ours: &Value, theirs: &Value) -> bool {
    step.name() == "LSET" && is_text(ours, "ERR index out of range") && *theirs == Value::ok()
}

/// What a listening connection was told, without a difference that is none: in Valkey a key whose time is said to be past
/// has expired, in Redis and here it is deleted. Nothing else expires.
pub(super) fn heard(peer: &Identity, mut told: Value) -> Value {
    if peer.family != "valkey" {
        return told;
    }
    if let Value::Array(parts) | Value::Push(parts) = &mut told {
        for part in parts {
            if let Value::Bulk(text) = part
                && let Some(before) = text.strip_suffix(b"expired")
                && (before.is_empty() || before.starts_with(b"__keyevent@"))
            {
                *text = [before, b"del"].concat();
            }
        }
    }
    told
}

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NO_WEIGHT: &str = "ERR One or more scores can't be converted into double";

/// The entry that says why this difference is none.
pub(super) fn find(
    peer: &Identity,
    step: &Step,
    ours: &Value,
    theirs: &Value,
) -> Option<&'static Tolerated> {
    let mut suitable = TOLERATED.iter().filter(|entry| {
        let (first, last) = entry.versions;
        entry.family == peer.family && (first..=last).contains(&peer.version)
    });
    suitable.find(|entry| (entry.is_it)(step, ours, theirs))
}

/// Whether OBJECT ENCODING has answered exactly these two.
fn is_encoding(step: &Step, ours: &Value, theirs: &Value, our: &str, their: &str) -> bool {
    let second = step.request.get(1);
    step.name() == "OBJECT"
        && second.is_some_and(|word| word.eq_ignore_ascii_case(b"ENCODING"))
        && *ours == Value::bulk(our)
        && *theirs == Value::bulk(their)
}

fn is_sort(step: &Step) -> bool {
    matches!(step.name().as_str(), "SORT" | "SORT_RO")
}

fn is_text(value: &Value, text: &str) -> bool {
    value.is_error() && value.bytes() == Some(text.as_bytes())
}

/// Whether the replies have the same form, and texts in it are the same or the same number.
fn is_same_number(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            let mut pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len() && pairs.all(|(a, b)| is_same_number(a, b))
        }
        (Value::Bulk(a), Value::Bulk(b)) | (Value::Double(a), Value::Double(b)) => {
            let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<f64>().ok();
            a == b || number(a).is_some_and(|a| number(b) == Some(a))
        }
        (a, b) => a == b,
    }
}
