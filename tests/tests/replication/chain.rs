//! Replicas of replicas, and who leads when the first one leaves.

use almandine_tests::contents::{fill, samples};
use almandine_tests::load::Load;
use almandine_tests::process::{Server, Start, TestNode, wait_until};
use almandine_tests::resp::Client;

use crate::stage::{PATIENCE, assert_same, field, follow, syncs, wait_for_link};

/// The last one in the chain is a server of others where one is installed.
#[test]
fn a_chain_has_one_stream_and_goes_on_when_its_middle_leads() {
    let [mut first, mut second] = [TestNode::start(), TestNode::start()];
    let third = Start::new(Server::redis_if_installed().unwrap_or(Server::Almandine));
    let third = third.run().unwrap_or_else(|error| panic!("{error}"));
    first.announce_lost_links();
    second.announce_lost_links();
    fill(&mut first.client(), &samples());
    let load = Load::begin(first.address(), 7, &third.identity());
    follow(&second, first.address());
    wait_for_link(&second);
    follow(&third, second.address());
    wait_for_link(&third);
    assert!(load.end() > 0);
    assert_same(&first, &second);
    assert_same(&first, &third);
    let id = |server: &mut Client| field(server, "master_replid");
    assert_eq!(id(&mut first.client()), id(&mut third.client()));
    // The middle leads: who followed it goes on under its new id, and so does who led before.
    second
        .client()
        .call(&["REPLICAOF", "NO", "ONE"])
        .expect("OK");
    let has_learned = wait_until(PATIENCE, || {
        id(&mut third.client()) == id(&mut second.client())
    });
    assert!(has_learned);
    second.client().call(&["SET", "new", "term"]).expect("OK");
    follow(&first, second.address());
    wait_for_link(&first);
    second.client().call(&["SET", "both", "hear"]).expect("OK");
    assert_same(&second, &first);
    assert_same(&second, &third);
    assert_eq!(syncs(&second), (1, 2), "nothing is copied again");
}
