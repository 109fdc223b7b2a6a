//! `almandine`: starts a node.

use std::process::ExitCode;
use std::sync::Arc;

use almandine_node::memory::Counting;
use almandine_node::node::Node;
use almandine_node::params::Params;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: Counting<MiMalloc> = Counting(MiMalloc);

fn main() -> ExitCode {
    tracing_subscriber::fmt().init();
    let mut params = Params::default();
    let args: Vec<String> = std::env::args().collect();
    for pair in args[1..].chunks(2) {
        match (
            pair[0].as_str(),
            pair.get(1).and_then(|v| v.parse::<u64>().ok()),
        ) {
            ("--port", Some(port)) => params.port = port as u16,
            ("--threads", Some(threads)) => params.threads = threads as usize,
            _ => {}
        }
    }
    let seed = std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), 0);
    almandine_node::run(Arc::new(Node::new(params, seed)), || async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
