//! What these tests share: fields of INFO, waiting until one server has what another has, comparing both.

use std::net::SocketAddr;
use std::time::Duration;

use almandine_tests::contents::{differences, held_by};
use almandine_tests::process::{Proxy, Running, TestNode, wait_for, wait_until};
use almandine_tests::resp::{Client, info_field};

/// A busy machine may need long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A field of INFO; empty if there is none.
pub(crate) fn field(client: &mut Client, name: &str) -> String {
    let info = client.call(&["INFO", "everything"]);
    let info = info.ok().and_then(|info| info.text()).unwrap_or_default();
    info_field(&info, name).unwrap_or_default().to_owned()
}

/// A field of INFO that is a number.
#[track_caller]
pub(crate) fn number(client: &mut Client, name: &str) -> i64 {
    let text = field(client, name);
    text.parse()
        .unwrap_or_else(|_| panic!("{name} is {text:?}"))
}

/// How often a primary has sent all data, and how often it could go on.
pub(crate) fn syncs(server: &Running) -> (i64, i64) {
    let mut client = server.client();
    (
        number(&mut client, "sync_full"),
        number(&mut client, "sync_partial_ok"),
    )
}

/// Has `replica` follow whoever listens at `address`.
#[track_caller]
pub(crate) fn follow(replica: &Running, address: SocketAddr) {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let reply = replica.client().call(&["REPLICAOF", &ip, &port]);
    assert!(!reply.expect("an answer").is_error());
}

/// Has `replica` follow `primary` through a connection that a test cuts, of which both may complain.
#[track_caller]
pub(crate) fn follow_through_proxy(primary: &mut TestNode, replica: &mut TestNode) -> Proxy {
    primary.announce_lost_links();
    replica.announce_lost_links();
    let proxy = Proxy::to(primary.address());
    follow(replica, proxy.address());
    proxy
}

/// Waits until the link of `replica` is up.
#[track_caller]
pub(crate) fn wait_for_link(replica: &Running) {
    let is_up = wait_until(PATIENCE, || {
        field(&mut replica.client(), "master_link_status") == "up"
    });
    assert!(is_up, "no link; the replica says:\n{}", replica.log());
}

/// Waits until `replica` has everything that `primary` has, which must not be written to meanwhile.
#[track_caller]
pub(crate) fn wait_for_offset(primary: &Running, replica: &Running) {
    wait_for_link(replica);
    let (mut above, mut below) = (primary.client(), replica.client());
    let has_all = wait_until(PATIENCE, || {
        let offset = field(&mut above, "master_repl_offset");
        !offset.is_empty() && offset == field(&mut below, "slave_repl_offset")
    });
    assert!(
        has_all,
        "the primary is at {}, the replica at {}",
        field(&mut above, "master_repl_offset"),
        field(&mut below, "slave_repl_offset")
    );
}

/// Waits until `replica` has everything that `primary` has, then compares them. Keys may expire while they are read: what
/// differs is looked at again.
#[track_caller]
pub(crate) fn assert_same(primary: &Running, replica: &Running) {
    let mut found = Vec::new();
    let same = wait_for(PATIENCE, || {
        wait_for_offset(primary, replica);
        let expected = held_by(&mut primary.client());
        found = differences(&expected, &held_by(&mut replica.client()));
        found.is_empty().then_some(())
    });
    assert!(
        same.is_some(),
        "{} differences\n{}",
        found.len(),
        found.join("\n")
    );
}
