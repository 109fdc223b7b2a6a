//! The tree of actors. `NodeActor` starts the others in order and hears when one of them dies.
//!
//! | actor | thread | owns | if it dies |
//! |---|---|---|---|
//! | `NodeActor` | control | the tree | the process exits |
//! | `ConfigActor` | control | the parameters | the process exits |
//! | `ListenerActor` | control | listening sockets | it is started again |
//! | `ConnectionActor` | worker k | a socket, its session | that client is closed |
//! | `ShardActor` | worker 0 | the keyspace | the process exits |
//! | `PersistenceActor`, its `SyncActor` | disk, sync | the append-only file | the process exits |
//! | `GateActor` | worker k | replies that wait for the journal | the process exits |
//! | `ReplicationActor` | journal | the links to other nodes | the process exits |
//! | `PrimaryLinkActor` | journal | the connection to the primary | it is started again |
//! | `ReplicaLinkActor` | journal | the connection of a replica | the replica comes back |
//! | `VaultActor` | its own | the state of the cluster on the disk | the process exits |
//! | `BusActor` | control | the links to the nodes of the cluster | the process exits |
//! | `BusLinkActor` | control | a connection to one of them | it is made again |
//! | `PubSubActor` | worker 0 | subscriptions | the process exits |

pub mod bus;
pub mod config;
pub mod connection;
mod dial;
pub mod failure_detector;
pub mod gate;
pub mod lifeline;
pub mod listener;
pub mod node;
mod pace;
pub mod persistence;
pub mod pubsub;
pub mod replication;
pub mod shard;
pub mod vault;
