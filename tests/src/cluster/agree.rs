//! Waits until all nodes of a cluster show the same.

use std::collections::BTreeSet;
use std::time::Duration;

use super::nodes::Cluster;
use super::topology::{self, Report, Topology};
use crate::process::wait_for;
use crate::resp::Value;

/// A busy machine may need long.
const PATIENCE: Duration = Duration::from_secs(60);

impl Cluster {
    /// The topology that all running nodes show, once they show the same and all see each other.
    ///
    /// # Panics
    /// If they come to no agreement.
    #[track_caller]
    pub fn agreed(&self) -> Topology {
        self.agreed_on("all show the same", |_| true)
    }

    /// The same, once `is_wanted` holds as well.
    ///
    /// # Panics
    /// If it does not come to that.
    #[track_caller]
    pub fn agreed_on(&self, wanted: &str, is_wanted: impl FnMut(&Topology) -> bool) -> Topology {
        self.try_agreed_on(wanted, is_wanted)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, as a result.
    pub fn try_agreed_on(
        &self,
        wanted: &str,
        mut is_wanted: impl FnMut(&Topology) -> bool,
    ) -> Result<Topology, String> {
        let mut last = String::new();
        let found = wait_for(PATIENCE, || match self.common() {
            Ok(topology) if is_wanted(&topology) => Some(topology),
            Ok(topology) => {
                last = format!("{topology:?}");
                None
            }
            Err(reason) => {
                last = reason;
                None
            }
        });
        found.ok_or_else(|| {
            format!(
                "{wanted}: it does not come to that: {last}\n{}",
                self.logs()
            )
        })
    }

    /// What all running nodes show at this moment; why they do not show the same.
    fn common(&self) -> Result<Topology, String> {
        let running = self.running();
        let reports: Vec<Report> = running
            .iter()
            .map(|node| topology::parse(&self.try_call(*node, "CLUSTER NODES")?))
            .collect::<Result<_, String>>()?;
        let alive: BTreeSet<&String> = reports.iter().map(|report| &report.myself).collect();
        let Some(first) = reports.first() else {
            return Err("no node runs".to_owned());
        };
        for report in &reports {
            if report.topology != first.topology {
                return Err(format!(
                    "{} shows {:?}\n{} shows {:?}",
                    first.myself, first.topology, report.myself, report.topology
                ));
            }
            let mut missing = report.unlinked.iter().filter(|id| alive.contains(id));
            if let Some(id) = missing.next() {
                return Err(format!("{} has no link to {id}", report.myself));
            }
        }
        for request in ["CLUSTER SLOTS", "CLUSTER SHARDS"] {
            self.same_everywhere(&running, request)?;
        }
        Ok(first.topology.clone())
    }

    fn same_everywhere(&self, running: &[usize], request: &str) -> Result<(), String> {
        let ask = |node: &usize| self.try_call(*node, request).map(topology::settled);
        let answers: Vec<Value> = running.iter().map(ask).collect::<Result<_, _>>()?;
        match answers.iter().find(|answer| **answer != answers[0]) {
            None => Ok(()),
            Some(other) => Err(format!("{request}: {:?}\nbut {other:?}", answers[0])),
        }
    }
}
