//! Random commands for our node and for every peer at hand: no difference but the listed ones.
//!
//! A failure prints the seed and the few commands that show the difference. Repeat it with
//! `cargo run -p almandine-tests -- differential --seed N --commands M [--peer PATH]`.

use std::time::{SystemTime, UNIX_EPOCH};

use almandine_tests::differential::{CHAPTER, Plan, run};
use almandine_tests::process::Server;

const COMMANDS: usize = 200_000;

/// Chapters that are played each time: those that once showed a difference which dice would not soon show again, and a
/// few from the beginning, so that one run resembles the last.
const FIXED: &[u64] = &[1, 2, 3];

/// A fresh seed each time, or the one that `DIFFERENTIAL_SEED` names.
fn fresh_seed() -> u64 {
    match std::env::var("DIFFERENTIAL_SEED") {
        Ok(seed) => seed.parse().expect("DIFFERENTIAL_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock stands behind 1970")
            .as_secs(),
    }
}

#[track_caller]
fn compare_with(peer: &Server) {
    let mut plans = vec![(fresh_seed(), COMMANDS)];
    plans.extend(FIXED.iter().map(|seed| (*seed, CHAPTER)));
    for (seed, commands) in plans {
        let plan = Plan {
            seed,
            commands,
            findings_max: 5,
        };
        eprintln!("seed {seed}, {commands} commands");
        let report = run(&plan, peer.clone()).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.findings.is_empty(), "seed {seed}:\n{report}");
        assert!(report.commands >= commands, "{report}");
        eprintln!("{report}");
    }
}

#[test]
fn our_node_answers_as_redis_server_does() {
    if let Some(redis) = Server::redis_if_installed() {
        compare_with(&redis);
    }
}

/// The newest servers, where their binaries are known.
#[test]
fn our_node_answers_as_newer_peers_do() {
    for peer in Server::newer_peers() {
        compare_with(&peer);
    }
}
