//! A cluster of real processes, as its operators and its clients meet it.
//!
//! ```text
//!   bad_bus.rs     what comes to the port between nodes and is not from a node
//!   by_hand.rs     nodes are brought together by CLUSTER commands
//!   clients.rs     redis-cli -c, redis-py, ioredis, redis-benchmark; pipelines and transactions
//!   durable.rs     nodes that wait for their replicas before they acknowledge
//!   kills.rs       nodes are killed while the topology changes
//!   quarantine.rs  what only a deposed primary had
//!   operators.rs   SHUTDOWN, CLUSTER FAILOVER in all its forms, and what is shown of it
//!   redis_cli.rs   redis-cli --cluster ...
//!   redis_rs.rs    the client library of Rust
//!   shards.rs      nodes with several shards are nodes like others
//!   shards_of_others.rs  what they give each other, and themselves after a restart
//! ```

mod bad_bus;
mod by_hand;
mod clients;
mod durable;
mod kills;
mod operators;
mod quarantine;
mod redis_cli;
mod redis_rs;
mod shards;
mod shards_of_others;
mod stage;
