//! What these tests share.

use std::time::Duration;

use almandine_tests::cluster::{Cluster, Plan, Topology};
use almandine_tests::process::wait_until;
use almandine_tests::resp::{Client, Value, info_field};

/// A busy machine may need long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An error reply.
pub(crate) fn error(text: impl AsRef<str>) -> Value {
    Value::Error(text.as_ref().as_bytes().to_vec())
}

/// Two nodes, set up by hand: the first has all slots, the second follows it.
#[track_caller]
pub(crate) fn pair(args: &[&str]) -> Cluster {
    let cluster = Plan::new().args(args).start(2);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    cluster.order(0, "CLUSTER SET-CONFIG-EPOCH 1");
    cluster.order(1, "CLUSTER SET-CONFIG-EPOCH 2");
    cluster.meet(0, 1);
    cluster.agreed_on("two nodes", |topology| topology.nodes.len() == 2);
    cluster.order(1, &format!("CLUSTER REPLICATE {}", cluster.id(0)));
    cluster.agreed_on("a replica", |topology| topology.replicas().count() == 1);
    wait_for_links(&cluster, &[1]);
    cluster
}

/// One primary with all slots, the first node, and so many replicas.
#[track_caller]
pub(crate) fn shard(replicas: usize, args: &[&str]) -> Cluster {
    let cluster = Plan::new().args(args).start(1 + replicas);
    cluster.order(0, "CLUSTER ADDSLOTSRANGE 0 16383");
    for number in 1..=replicas {
        cluster.meet(number, 0);
    }
    cluster.agreed_on("all know each other", |topology| {
        topology.nodes.len() == 1 + replicas
    });
    let numbers: Vec<usize> = (1..=replicas).collect();
    for number in &numbers {
        cluster.order(*number, &format!("CLUSTER REPLICATE {}", cluster.id(0)));
    }
    cluster.agreed_on("replicas", |topology| {
        topology.replicas().count() == replicas
    });
    wait_for_links(&cluster, &numbers);
    wait_until_ok(&cluster);
    cluster
}

/// Waits until these replicas have the link to their primary.
#[track_caller]
pub(crate) fn wait_for_links(cluster: &Cluster, replicas: &[usize]) {
    for replica in replicas {
        let is_up = wait_until(PATIENCE, || {
            let info = cluster.call(*replica, "INFO replication").text();
            info.unwrap_or_default().contains("master_link_status:up")
        });
        assert!(is_up, "no link to the primary\n{}", cluster.logs());
    }
}

/// Looks in a row that must see the same: while voters come and go a primary may stop for a moment.
const LOOKS: usize = 100;

/// Waits until all nodes say `cluster_state:ok`, and go on saying so.
#[track_caller]
pub(crate) fn wait_until_ok(cluster: &Cluster) {
    let mut clients: Vec<Client> = cluster
        .running()
        .into_iter()
        .map(|n| cluster.client(n))
        .collect();
    let mut looks = 0;
    let are_ok = wait_until(PATIENCE, || {
        let all = clients.iter_mut().all(|client| {
            let info = client
                .line("CLUSTER INFO")
                .ok()
                .and_then(|info| info.text());
            info.is_some_and(|info| info.contains("cluster_state:ok"))
        });
        looks = if all { looks + 1 } else { 0 };
        looks >= LOOKS
    });
    assert!(are_ok, "the cluster is not ok\n{}", cluster.logs());
}

/// Waits until a node that was removed knows nobody.
#[track_caller]
pub(crate) fn assert_alone(cluster: &Cluster, number: usize) {
    let is_alone = wait_until(PATIENCE, || {
        info(cluster, number, "cluster_known_nodes") == "1"
    });
    assert!(
        is_alone,
        "node {number} still knows others\n{}",
        cluster.logs()
    );
}

/// A field of CLUSTER INFO; empty if there is none.
#[track_caller]
pub(crate) fn info(cluster: &Cluster, number: usize, name: &str) -> String {
    field(cluster, number, "CLUSTER INFO", name)
}

/// A field of INFO replication; empty if there is none.
#[track_caller]
pub(crate) fn replication(cluster: &Cluster, number: usize, name: &str) -> String {
    field(cluster, number, "INFO replication", name)
}

#[track_caller]
fn field(cluster: &Cluster, number: usize, command: &str, name: &str) -> String {
    let info = cluster.order(number, command).text();
    let info = info.unwrap_or_default();
    info_field(&info, name).unwrap_or_default().to_owned()
}

/// Whether every slot has one owner.
pub(crate) fn is_covered(topology: &Topology) -> bool {
    topology.slot_count() == 16384
}
