//! What a node shows of its cluster, without what each node sees in its own way.

use std::collections::BTreeMap;
use std::fmt;

use crate::resp::Value;

/// What CLUSTER NODES says, by the names of nodes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// Every node.
    pub nodes: BTreeMap<String, Place>,
}

/// A line of CLUSTER NODES without the mark `myself`, the times of pings and the state of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `ip:port@bus-port`
    pub address: String,
    /// Without `myself`.
    pub flags: Vec<String>,
    /// Whom it follows.
    pub primary: Option<String>,
    /// Of its shard.
    pub epoch: u64,
    /// Ranges of slots as they are written.
    pub slots: Vec<String>,
}

/// What CLUSTER NODES of one node says.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) myself: String,
    pub(super) topology: Topology,
    /// Of the node itself: `[slot->-id]`, `[slot-<-id]`.
    pub(super) open_slots: Vec<String>,
    /// Those to whom there is no link.
    pub(super) unlinked: Vec<String>,
}

impl Place {
    /// Whether it has this flag.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    /// The slots that it owns.
    pub fn slot_numbers(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().flat_map(|range| numbers(range))
    }

    /// How many slots it owns.
    pub fn slot_count(&self) -> usize {
        self.slot_numbers().count()
    }
}

impl Topology {
    /// Those that own slots or could.
    pub fn primaries(&self) -> impl Iterator<Item = (&String, &Place)> {
        self.nodes.iter().filter(|(_, place)| place.is("master"))
    }

    /// Those that follow another.
    pub fn replicas(&self) -> impl Iterator<Item = (&String, &Place)> {
        self.nodes.iter().filter(|(_, place)| place.is("slave"))
    }

    /// Slots that have an owner.
    pub fn slot_count(&self) -> usize {
        self.nodes.values().map(Place::slot_count).sum()
    }

    /// The highest epoch of a shard.
    pub fn epoch(&self) -> u64 {
        let epochs = self.nodes.values().map(|place| place.epoch);
        epochs.max().unwrap_or(0)
    }
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, place) in &self.nodes {
            let primary = place.primary.as_deref().unwrap_or("-");
            write!(
                f,
                "\n  {id} {} {} {primary} {} {}",
                place.address,
                place.flags.join(","),
                place.epoch,
                place.slots.join(" ")
            )?;
        }
        Ok(())
    }
}

/// The slots of `5` or `5-9`; none if it is neither.
fn numbers(range: &str) -> std::ops::Range<usize> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => first..last + 1,
        _ => 0..0,
    }
}

/// Reads the answer to CLUSTER NODES.
pub(super) fn parse(answer: &Value) -> Result<Report, String> {
    let text = match answer {
        Value::Bulk(_) | Value::Verbatim(..) => answer.text().unwrap_or_default(),
        other => return Err(format!("CLUSTER NODES says {other:?}")),
    };
    let mut report = Report {
        myself: String::new(),
        topology: Topology::default(),
        open_slots: Vec::new(),
        unlinked: Vec::new(),
    };
    if !text.ends_with('\n') {
        return Err(format!("the last line has no end: {text:?}"));
    }
    for line in text.lines() {
        read_line(line, &mut report).ok_or_else(|| format!("not a line of nodes: {line:?}"))?;
    }
    match report.myself.is_empty() {
        true => Err(format!("a node does not show itself: {text}")),
        false => Ok(report),
    }
}

fn read_line(line: &str, report: &mut Report) -> Option<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let [id, address, flags, primary, _, _, epoch, link, slots @ ..] = &words[..] else {
        return None;
    };
    let is_hex = |id: &str| id.len() == 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex(id) || !(*primary == "-" || is_hex(primary)) {
        return None;
    }
    let (flags, own): (Vec<&str>, Vec<&str>) = flags.split(',').partition(|flag| *flag != "myself");
    let (open, slots): (Vec<&str>, Vec<&str>) =
        slots.iter().partition(|slot| slot.starts_with('['));
    if !own.is_empty() {
        report.myself = (*id).to_owned();
    }
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    report.open_slots.extend(owned(open));
    match *link {
        "connected" => {}
        "disconnected" => report.unlinked.push((*id).to_owned()),
        _ => return None,
    }
    let place = Place {
        address: (*address).to_owned(),
        flags: owned(flags),
        primary: (*primary != "-").then(|| (*primary).to_owned()),
        epoch: epoch.parse().ok()?,
        slots: owned(slots),
    };
    report.topology.nodes.insert((*id).to_owned(), place);
    Some(())
}

/// The answer to CLUSTER SHARDS or CLUSTER SLOTS in an order of its own, without how far and how well each node is: of that
/// others hear later.
pub(super) fn settled(answer: Value) -> Value {
    match answer {
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.into_iter().map(settled).collect();
            blank_after(&mut elements, &["replication-offset", "health"]);
            // Entries have no order; what is inside one begins with a word or a number and keeps its order.
            if elements.iter().all(|e| matches!(e, Value::Array(_))) {
                elements.sort();
            }
            Value::Array(elements)
        }
        other => other,
    }
}

fn blank_after(elements: &mut [Value], names: &[&str]) {
    for at in 1..elements.len() {
        let name = elements[at - 1].text().unwrap_or_default();
        if names.contains(&name.as_str()) {
            elements[at] = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "07c37dfeb235213a872192d90877d0cd55635b91";
    const B: &str = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";

    #[test]
    fn a_topology_is_read_without_what_is_one_nodes_own() {
        let of_a = format!(
            "{A} 127.0.0.1:21300@21800 myself,master - 0 0 7 connected 0-5460 9 [3300->-{B}]\n\
             {B} 127.0.0.1:21301@21801 slave {A} 0 1 7 disconnected\n"
        );
        let of_b = format!(
            "{B} 127.0.0.1:21301@21801 myself,slave {A} 0 0 7 connected\n\
             {A} 127.0.0.1:21300@21800 master - 5 6 7 connected 0-5460 9\n"
        );
        let (of_a, of_b) = (
            parse(&Value::bulk(of_a)).unwrap(),
            parse(&Value::bulk(of_b)).unwrap(),
        );
        assert_eq!(of_a.topology, of_b.topology);
        assert_eq!((of_a.myself.as_str(), of_b.myself.as_str()), (A, B));
        assert_eq!(of_a.open_slots, [format!("[3300->-{B}]")]);
        assert_eq!(of_a.unlinked, [B]);
        assert_eq!(
            (of_a.topology.slot_count(), of_a.topology.epoch()),
            (5462, 7)
        );
        assert_eq!(of_a.topology.replicas().count(), 1);
    }

    #[test]
    fn what_is_no_line_of_nodes_is_refused() {
        for text in ["", "x\n", "a b c - 0 0 0 connected\n"] {
            assert!(parse(&Value::bulk(text)).is_err(), "{text}");
        }
        let unfinished = format!("{A} :1@2 myself,master - 0 0 0 connected");
        assert!(parse(&Value::bulk(unfinished)).is_err());
    }
}
