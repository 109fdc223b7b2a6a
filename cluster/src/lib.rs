//! The cluster's state machine; nothing of it is here yet.
//!
//! ```text
//!   events in ──▶ pure machine ──▶ ordered effects out
//! ```
//!
//! Architecture invariant: `cluster` knows no clock, no dice, no file, no socket, no actor.
