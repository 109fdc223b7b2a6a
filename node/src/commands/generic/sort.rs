//! SORT: the elements of a list, set or sorted set in another order, or what other keys say of them.

use std::cmp::Ordering;

use almandine_cluster::slot::Slot;
use almandine_protocol::number;
use almandine_storage::{Db, List, Set, StrRef, Value, ValueRef};

use crate::commands::{Call, Class, Fault, Outcome};

/// The options.
#[derive(Debug, Default)]
struct Query<'a> {
    by: Option<&'a [u8]>,
    gets: Vec<&'a [u8]>,
    offset: i64,
    /// Negative = all.
    count: i64,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

/// What an element is sorted by.
#[derive(Debug)]
enum Weight {
    Number(f64),
    /// None = the key that BY names does not exist.
    Text(Option<Vec<u8>>),
}

pub(super) fn sort(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call, true)?;
    run(call, &query)
}

pub(super) fn sort_ro(call: &mut Call<'_>) -> Outcome {
    let query = Query::parse(call, false)?;
    run(call, &query)
}

fn run(call: &mut Call<'_>, query: &Query<'_>) -> Outcome {
    let db = &mut call.dbs[call.db];
    // Redis unpacks a sorted set to sort it, and leaves it so.
    if let Ok(Some(zset)) = db.zset_mut(call.args.at(1)) {
        zset.index(call.rng);
    }
    let elements = read(db, call.args.at(1), query)?;
    let is_set = matches!(db.peek(call.args.at(1)), Some(ValueRef::Set(_)));
    let mut elements = elements;
    // A set has no order of its own, so what is stored of it unsorted is sorted all the same.
    let keeps_order = query.keeps_order() && !(is_set && query.store.is_some());
    if !keeps_order {
        elements = ordered(db, elements, query, is_set && query.keeps_order())?;
    }
    let elements = cut(elements, query);
    let results: Vec<Option<Vec<u8>>> = if query.gets.is_empty() {
        elements.into_iter().map(Some).collect()
    } else {
        let gets = &query.gets;
        elements
            .iter()
            .flat_map(|element| gets.iter().map(move |pattern| (*pattern, element)))
            .map(|(pattern, element)| look_up(db, pattern, element))
            .collect()
    };
    match query.store {
        Some(target) => store(call, target, results),
        None => {
            call.reply.array(results.len());
            for result in results {
                match result {
                    Some(bytes) => call.reply.bulk(&bytes),
                    None => call.reply.null(),
                }
            }
        }
    }
    Ok(())
}

fn store(call: &mut Call<'_>, target: &[u8], results: Vec<Option<Vec<u8>>>) {
    let (count, limits) = (results.len(), call.thresholds);
    if count > 0 {
        let mut list = List::default();
        let results: Vec<Vec<u8>> = results.into_iter().map(Option::unwrap_or_default).collect();
        list.expect(count, results.iter().map(Vec::len).sum(), limits);
        for element in &results {
            list.push(almandine_storage::list::End::Right, element, limits);
        }
        call.dbs[call.db].insert(target, Value::List(list), None);
        call.changes
            .modified_by(count, call.db, target, Class::LIST, "sortstore");
    } else if call.dbs[call.db].delete(target) {
        call.changes
            .modified(call.db, target, Class::GENERIC, "del");
    }
    call.reply.length(count);
}

impl<'a> Query<'a> {
    fn parse(call: &Call<'a>, may_store: bool) -> Result<Self, Fault> {
        let args = call.args;
        let is_in_cluster = call.node.cluster.is_some();
        let slot = is_in_cluster.then(|| Slot::of(args.at(1)));
        let mut query = Query {
            count: -1,
            ..Query::default()
        };
        let mut i = 2;
        while i < args.len() {
            let left = args.len() - i - 1;
            if args.is(i, "asc") {
                query.descending = false;
            } else if args.is(i, "desc") {
                query.descending = true;
            } else if args.is(i, "alpha") {
                query.alpha = true;
            } else if args.is(i, "limit") && left >= 2 {
                (query.offset, query.count) = (args.integer(i + 1)?, args.integer(i + 2)?);
                i += 2;
            } else if may_store && args.is(i, "store") && left >= 1 {
                query.store = Some(args.at(i + 1));
                i += 1;
            } else if args.is(i, "by") && left >= 1 {
                query.by = Some(args.at(i + 1));
                if !query.keeps_order() {
                    check_slot("BY", args.at(i + 1), slot)?;
                }
                i += 1;
            } else if args.is(i, "get") && left >= 1 {
                if args.at(i + 1) != b"#" {
                    check_slot("GET", args.at(i + 1), slot)?;
                }
                query.gets.push(args.at(i + 1));
                i += 1;
            } else {
                return Err(Fault::SYNTAX);
            }
            i += 1;
        }
        Ok(query)
    }

    /// BY a name without a star: do not sort.
    fn keeps_order(&self) -> bool {
        self.by.is_some_and(|pattern| !pattern.contains(&b'*'))
    }
}

/// In a cluster all keys that a pattern makes must be where the sorted one is.
fn check_slot(option: &str, pattern: &[u8], slot: Option<Slot>) -> Result<(), Fault> {
    let Some(slot) = slot else { return Ok(()) };
    let star = pattern.iter().position(|byte| *byte == b'*');
    // Whatever stands for the star, the tag before it decides.
    let before = star.map(|star| &pattern[..star]);
    let is_fixed = before.is_none_or(|before| {
        let open = before.iter().position(|byte| *byte == b'{');
        let tag = open.map(|open| &before[open + 1..]);
        let close = tag.and_then(|tag| tag.iter().position(|byte| *byte == b'}'));
        close.is_some_and(|close| close > 0)
    });
    match is_fixed && Slot::of(pattern) == slot {
        true => Ok(()),
        false => Err(Fault::text(format!(
            "ERR {option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
        ))),
    }
}

fn read(db: &mut Db, key: &[u8], query: &Query<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    match db.get(key) {
        None => Ok(Vec::new()),
        Some(ValueRef::List(list)) => {
            let mut elements: Vec<_> = list.iter().map(StrRef::to_vec).collect();
            if query.keeps_order() && query.descending {
                elements.reverse();
            }
            Ok(elements)
        }
        Some(ValueRef::Set(set)) => Ok(Set::iter(set).map(StrRef::to_vec).collect()),
        Some(ValueRef::Zset(zset)) => {
            let names = |(member, _): (StrRef<'_>, f64)| member.to_vec();
            match zset.len() {
                0 => Ok(Vec::new()),
                count if query.keeps_order() && query.descending => {
                    Ok(zset.iter_back_from(count - 1).map(names).collect())
                }
                _ => Ok(zset.iter().map(names).collect()),
            }
        }
        Some(_) => Err(Fault::WRONG_TYPE),
    }
}

/// `by_name`: an unsorted set that is to be stored is sorted by its members' names.
fn ordered(
    db: &mut Db,
    elements: Vec<Vec<u8>>,
    query: &Query<'_>,
    by_name: bool,
) -> Result<Vec<Vec<u8>>, Fault> {
    let mut weighted = Vec::with_capacity(elements.len());
    for element in elements {
        let by = query.by.filter(|_| !by_name);
        let text = match by {
            Some(pattern) => look_up(db, pattern, &element),
            None => Some(element.clone()),
        };
        let weight = if query.alpha || by_name {
            Weight::Text(text)
        } else {
            let number = text.map_or(Some(0.0), |text| number::parse_weight(&text));
            Weight::Number(number.ok_or(Fault::new(
                "ERR One or more scores can't be converted into double",
            ))?)
        };
        weighted.push((weight, element));
    }
    weighted.sort_by(|a, b| {
        let order = compare(a, b);
        if query.descending {
            order.reverse()
        } else {
            order
        }
    });
    Ok(weighted.into_iter().map(|(_, element)| element).collect())
}

fn compare(a: &(Weight, Vec<u8>), b: &(Weight, Vec<u8>)) -> Ordering {
    match (&a.0, &b.0) {
        (Weight::Number(x), Weight::Number(y)) => x
            .partial_cmp(y)
            .unwrap_or(Ordering::Equal)
            .then_with(|| a.1.cmp(&b.1)),
        (Weight::Text(x), Weight::Text(y)) => x.cmp(y),
        _ => Ordering::Equal,
    }
}

fn cut(mut elements: Vec<Vec<u8>>, query: &Query<'_>) -> Vec<Vec<u8>> {
    let start = usize::try_from(query.offset)
        .unwrap_or(0)
        .min(elements.len());
    let count = usize::try_from(query.count).unwrap_or(usize::MAX);
    let end = start.saturating_add(count).min(elements.len());
    elements.truncate(end);
    elements.split_off(start)
}

/// The value that `pattern` names for an element: `#` the element itself, `key_*` a string, `key_*->field` a field of a hash.
fn look_up(db: &mut Db, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after
        .windows(2)
        .position(|pair| pair == b"->")
        .filter(|arrow| arrow + 2 < after.len());
    let (after, field) = match arrow {
        Some(arrow) => (&after[..arrow], Some(&after[arrow + 2..])),
        None => (after, None),
    };
    let key = [before, element, after].concat();
    match (db.get(&key)?, field) {
        (ValueRef::String(value), None) => Some(value.to_vec()),
        (ValueRef::Hash(hash), Some(field)) => hash.get(field).map(StrRef::to_vec),
        _ => None,
    }
}
