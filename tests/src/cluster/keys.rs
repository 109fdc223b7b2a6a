//! Keys in all slots, written to and looked for at whoever owns them.

use std::collections::BTreeMap;
use std::ops::Range;

use almandine_cluster::slot::Slot;

use super::nodes::Cluster;
use super::topology::Topology;
use crate::resp::Value;

impl Cluster {
    /// Writes `<prefix>:<n>` = `n` for these numbers, each to the owner of its slot.
    ///
    /// # Panics
    /// If one is refused.
    #[track_caller]
    pub fn fill(&self, prefix: &str, numbers: Range<usize>) {
        for (owner, numbers) in self.by_owner(prefix, numbers) {
            let request =
                |n: &usize| vec!["SET".to_owned(), format!("{prefix}:{n}"), n.to_string()];
            let requests: Vec<Vec<String>> = numbers.iter().map(request).collect();
            let answers = self.client(owner).pipeline(&requests);
            for answer in answers.expect("answers") {
                assert_eq!(answer, Value::ok(), "node {owner}\n{}", self.logs());
            }
        }
    }

    /// Looks for what [`Cluster::fill`] has written, at the owners of now.
    ///
    /// # Panics
    /// If something is not there.
    #[track_caller]
    pub fn assert_filled(&self, prefix: &str, numbers: Range<usize>) {
        for (owner, numbers) in self.by_owner(prefix, numbers) {
            let request = |n: &usize| vec!["GET".to_owned(), format!("{prefix}:{n}")];
            let requests: Vec<Vec<String>> = numbers.iter().map(request).collect();
            let answers = self.client(owner).pipeline(&requests).expect("answers");
            for (n, answer) in numbers.iter().zip(answers) {
                let expected = Value::bulk(n.to_string());
                assert_eq!(
                    answer,
                    expected,
                    "{prefix}:{n} at node {owner}\n{}",
                    self.logs()
                );
            }
        }
    }

    #[track_caller]
    fn by_owner(&self, prefix: &str, numbers: Range<usize>) -> BTreeMap<usize, Vec<usize>> {
        let topology = self.agreed();
        let owners = self.owners(&topology);
        let mut by_owner: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for n in numbers {
            let slot = Slot::of(format!("{prefix}:{n}").as_bytes()).index();
            let owner = owners[slot].unwrap_or_else(|| panic!("slot {slot} has no owner"));
            by_owner.entry(owner).or_default().push(n);
        }
        by_owner
    }

    /// By slot, the number of the running node that owns it.
    fn owners(&self, topology: &Topology) -> Vec<Option<usize>> {
        let mut owners = vec![None; almandine_cluster::slot::SLOTS];
        for number in self.running() {
            let Some(place) = topology.nodes.get(&self.id(number)) else {
                continue;
            };
            for slot in place.slot_numbers() {
                owners[slot] = Some(number);
            }
        }
        owners
    }
}
