//! Bad input: every case gets the right error, keeps or closes the connection as Redis does, and leaves memory flat.
//!
//! ```text
//!   corpus.rs     what is sent, what must be answered, what becomes of the connection
//!   exchange.rs   plays it: at once, behind a good request, cut at every byte; with our node and with its peers
//!   siege.rs      a node among hostile clients: what it holds before, meanwhile and afterwards
//!   crowds.rs     many clients that each want little, or much that they never pay for
//!   gluttons.rs   single clients that want more than is good for the others
//! ```

mod corpus;
mod crowds;
mod exchange;
mod gluttons;
mod siege;

use almandine_tests::process::{Running, Server, Start, TestNode};
use almandine_tests::resp::Client;

use crate::exchange::Stage;

const PASSWORD: &[&str] = &["--requirepass", "secret"];

/// Everything that is asked of a server without a password, and of one with.
#[track_caller]
fn plays_the_corpus(open: &Running, locked: &Running) {
    let friendly = Stage {
        server: open,
        control: open.client(),
        before: PONG,
        behind: PONG,
    };
    let mut wrong = exchange::play_all(friendly, &corpus::open());
    for (cases, behind) in [(corpus::locked(), NO_AUTH), (corpus::unlocked(), PONG)] {
        let strict = Stage {
            server: locked,
            control: authenticated(locked),
            before: NO_AUTH,
            behind,
        };
        wrong.extend(exchange::play_all(strict, &cases));
    }
    assert!(
        wrong.is_empty(),
        "{} exchanges went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

const PONG: &str = "+PONG\r\n";
const NO_AUTH: &str = "-NOAUTH Authentication required.\r\n";

fn authenticated(server: &Running) -> Client {
    let mut client = server.client();
    let reply = client.call(&["AUTH", "secret"]).expect("AUTH is answered");
    assert!(!reply.is_error(), "{reply:?}");
    client
}

#[test]
fn our_node_answers_the_corpus() {
    let mut open = TestNode::start();
    let mut locked = TestNode::start_with(PASSWORD);
    for node in [&mut open, &mut locked] {
        node.announce("SECURITY ATTACK");
    }
    plays_the_corpus(&open, &locked);
}

/// What is expected is what Redis does.
#[test]
fn redis_answers_the_corpus_the_same() {
    if let Some(redis) = Server::redis_if_installed() {
        peer_answers(redis);
    }
}

#[test]
fn newer_peers_answer_the_corpus_the_same() {
    Server::newer_peers().into_iter().for_each(peer_answers);
}

fn peer_answers(peer: Server) {
    let start = |args: &[&str]| {
        let started = Start::new(peer.clone()).args(args).run();
        started.unwrap_or_else(|error| panic!("{error}"))
    };
    plays_the_corpus(&start(&[]), &start(PASSWORD));
}
