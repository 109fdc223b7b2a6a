//! The cluster of a story: set up as an operator would, and looked at from outside.

use std::path::Path;
use std::time::Duration;

use almandine_node::probe::{Value, wait_until};

use super::nodes::{Duty, Nodes, Processes};

/// How long nodes may take to agree.
const AGREE_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Stage {
    pub(super) nodes: Nodes,
}

impl Stage {
    /// Starts the nodes.
    pub(super) fn start(
        dir: &Path,
        processes: &Processes,
        duties: &[Duty],
    ) -> Result<Self, String> {
        let mut nodes = Nodes::new(dir, processes);
        for (duty, letter) in duties.iter().zip('A'..) {
            let name = match duty {
                Duty::Data => letter.to_string(),
                Duty::Witness => "witness".to_owned(),
            };
            nodes.add(&name, *duty)?;
        }
        Ok(Stage { nodes })
    }

    /// Makes a cluster of them, with the first one as the primary.
    pub(super) fn join(&self) -> Result<(), String> {
        let (port, bus) = (self.nodes.address(0).port(), self.nodes.bus_port(0));
        let (port, bus) = (port.to_string(), bus.to_string());
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
        self.nodes.ask(0, &slots)?;
        for number in 1..self.nodes.count() {
            let words = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
            self.nodes.ask(number, &words)?;
        }
        let count = self.nodes.with_data().count().to_string();
        self.wait("all nodes know each other", |stage| {
            let mut numbers = stage.nodes.with_data();
            numbers.all(|number| stage.info(number, "cluster_known_nodes") == count)
        })?;
        let primary = self.nodes.ask(0, &["CLUSTER", "MYID"])?.text();
        let primary = primary.ok_or("CLUSTER MYID is no text")?;
        for replica in self.nodes.with_data().skip(1) {
            self.nodes
                .ask(replica, &["CLUSTER", "REPLICATE", &primary])?;
        }
        self.wait_until_whole()
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut(&Stage) -> bool) -> Result<(), String> {
        match wait_until(AGREE_MAX, || is_so(self)) {
            true => Ok(()),
            false => Err(format!(
                "it has not come to that in {} s: {what}",
                AGREE_MAX.as_secs()
            )),
        }
    }

    /// Waits until one node leads and all others follow, and all vote.
    pub(super) fn wait_until_whole(&self) -> Result<(), String> {
        self.wait("one node leads, all others follow, and all vote", |stage| {
            let Ok(primary) = stage.primary() else {
                return false;
            };
            let mut others = stage.nodes.with_data().filter(|number| *number != primary);
            let count = stage.nodes.count();
            others.all(|number| stage.follows(number))
                && (0..count).all(|number| stage.voters(number) == Some(count))
        })
    }

    /// Waits until all nodes hold the same data.
    pub(super) fn wait_until_same(&self) -> Result<(), String> {
        self.wait("all nodes hold the same data", |stage| {
            let digest = |number| stage.nodes.ask(number, &["DEBUG", "DIGEST"]).ok();
            let digests: Vec<_> = stage.nodes.with_data().map(digest).collect();
            digests[0].is_some() && digests.iter().all(|digest| *digest == digests[0])
        })
    }

    /// Whoever leads by its own word; it leads alone.
    pub(super) fn primary(&self) -> Result<usize, String> {
        let leads = |number: &usize| self.role(*number).first() == Some(&Value::bulk("master"));
        let primaries: Vec<usize> = self.nodes.with_data().filter(leads).collect();
        match primaries[..] {
            [primary] => Ok(primary),
            [] => Err("no node leads".to_owned()),
            _ => Err(format!("{} nodes lead", primaries.len())),
        }
    }

    /// Whether a node has the stream of its primary.
    pub(super) fn follows(&self, number: usize) -> bool {
        let role = self.role(number);
        role.first() == Some(&Value::bulk("slave"))
            && role.get(3) == Some(&Value::bulk("connected"))
    }

    fn role(&self, number: usize) -> Vec<Value> {
        let role = self.nodes.ask(number, &["ROLE"]).ok();
        role.and_then(Value::elements).unwrap_or_default()
    }

    /// How many vote, by the word of a node.
    fn voters(&self, number: usize) -> Option<usize> {
        let shown = self.nodes.ask(number, &["CLUSTER", "VOTERS"]).ok()?;
        let mut words = shown.elements()?.into_iter();
        words.find(|word| *word == Value::bulk("voters"))?;
        Some(words.next()?.elements()?.len())
    }

    /// A field of CLUSTER INFO; empty if the node does not tell.
    fn info(&self, number: usize, field: &str) -> String {
        let info = self.nodes.ask(number, &["CLUSTER", "INFO"]).ok();
        let info = info.and_then(|info| info.text()).unwrap_or_default();
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        let value = lines.find(|(name, _)| *name == field);
        value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    }

    /// `A leads (epoch 3); B follows; C is down`: as each says itself.
    pub(super) fn roles(&self) -> String {
        let told = |number: usize| {
            let name = self.nodes.name(number);
            match self.role(number).first().and_then(Value::text).as_deref() {
                Some("master") => {
                    format!(
                        "{name} leads (epoch {})",
                        self.info(number, "cluster_my_epoch")
                    )
                }
                Some(_) if self.follows(number) => format!("{name} follows"),
                Some(_) => format!("{name} waits for a primary"),
                None => format!("{name} is down"),
            }
        };
        let told: Vec<String> = self.nodes.with_data().map(told).collect();
        told.join("; ")
    }
}
