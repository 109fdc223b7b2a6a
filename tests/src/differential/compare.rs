//! Whether two replies say the same.

use super::generate::Step;
use super::grammar::Check;
use crate::resp::Value;

/// A minute, in units of `Check::Times`: what a number that counts down may be off.
const SECONDS_APART: u64 = 60;

/// Whether `ours` and `theirs` are equal replies to `step`.
pub(super) fn same(step: &Step, ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    match step.check {
        Check::Exact => false,
        Check::AnyOrder => sorted(ours, 1) == sorted(theirs, 1),
        Check::Pairs => sorted(ours, 2) == sorted(theirs, 2),
        Check::Times => near(step, ours, theirs),
        Check::Chance | Check::Pop | Check::Scan | Check::Exchange => shape(ours) == shape(theirs),
        Check::Hello => keys(ours).is_some() && keys(ours) == keys(theirs),
    }
}

/// Kind and number of elements: what dice do not decide.
fn shape(value: &Value) -> (u8, Option<Vec<usize>>, Option<&[u8]>) {
    let lengths = |elements: &[Value]| {
        let inner = elements.iter().map(|element| match element {
            Value::Array(inner) => inner.len(),
            _ => 0,
        });
        Some(inner.collect())
    };
    match value {
        Value::Array(elements) => (1, lengths(elements), None),
        Value::Set(elements) => (2, lengths(elements), None),
        Value::Map(pairs) => (3, Some(vec![pairs.len()]), None),
        Value::Bulk(_) => (4, None, None),
        Value::Error(text) => (5, None, Some(text)),
        other => (6, None, other.bytes()),
    }
}

/// The value with its elements in order, `width` of them staying together; other values as they are.
fn sorted(value: &Value, width: usize) -> Value {
    let order = |elements: &[Value]| {
        let mut groups: Vec<Vec<Value>> = elements.chunks(width).map(<[_]>::to_vec).collect();
        groups.sort_unstable();
        groups.concat()
    };
    match value {
        Value::Array(elements) => Value::Array(order(elements)),
        Value::Set(elements) => Value::Set(order(elements)),
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_unstable();
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

/// Seconds, or milliseconds if the command's name begins with P.
fn near(step: &Step, ours: &Value, theirs: &Value) -> bool {
    let unit = match step.name().starts_with('P') {
        true => 1000,
        false => 1,
    };
    match (ours, theirs) {
        (Value::Integer(a), Value::Integer(b)) => {
            *a > 0 && *b > 0 && a.abs_diff(*b) <= SECONDS_APART * unit
        }
        _ => false,
    }
}

/// The keys of HELLO's reply and the protocol's number, which the server's name and version do not change.
fn keys(value: &Value) -> Option<(Vec<Value>, Option<Value>)> {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(pairs) => pairs.clone(),
        Value::Array(elements) => {
            let pairs = elements.chunks_exact(2);
            pairs
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect()
        }
        _ => return None,
    };
    let proto = pairs.iter().find(|(key, _)| *key == Value::bulk("proto"));
    let proto = proto.map(|(_, value)| value.clone());
    Some((pairs.into_iter().map(|(key, _)| key).collect(), proto))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, check: Check) -> Step {
        Step {
            client: 0,
            request: vec![name.into()],
            check,
            alone: false,
        }
    }

    fn array(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(Value::bulk).collect())
    }

    #[test]
    fn order_counts_unless_the_check_says_otherwise() {
        let (ab, ba) = (array(&["a", "b"]), array(&["b", "a"]));
        assert!(!same(&step("LRANGE", Check::Exact), &ab, &ba));
        assert!(same(&step("SMEMBERS", Check::AnyOrder), &ab, &ba));
        assert!(!same(
            &step("SMEMBERS", Check::AnyOrder),
            &ab,
            &array(&["a"])
        ));
        let pairs = step("HGETALL", Check::Pairs);
        assert!(same(
            &pairs,
            &array(&["a", "1", "b", "2"]),
            &array(&["b", "2", "a", "1"])
        ));
        assert!(!same(
            &pairs,
            &array(&["a", "1", "b", "2"]),
            &array(&["a", "2", "b", "1"])
        ));
    }

    #[test]
    fn times_may_be_a_minute_apart_and_no_time_is_no_time() {
        let ttl = step("TTL", Check::Times);
        assert!(same(&ttl, &Value::Integer(1000), &Value::Integer(1060)));
        assert!(!same(&ttl, &Value::Integer(1000), &Value::Integer(1061)));
        assert!(same(
            &step("PTTL", Check::Times),
            &Value::Integer(1),
            &Value::Integer(60_001)
        ));
        assert!(!same(&ttl, &Value::Integer(-1), &Value::Integer(1)));
    }

    #[test]
    fn dice_decide_the_elements_but_not_their_number_and_no_error() {
        let draw = step("SRANDMEMBER", Check::Chance);
        assert!(same(&draw, &array(&["a", "b"]), &array(&["c", "c"])));
        assert!(!same(&draw, &array(&["a", "b"]), &array(&["a"])));
        assert!(!same(
            &draw,
            &Value::Error(b"ERR a".to_vec()),
            &Value::Error(b"ERR b".to_vec())
        ));
        assert!(!same(&draw, &Value::bulk("a"), &Value::NilBulk));
    }
}
