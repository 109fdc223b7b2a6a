//! RESP: requests in, replies out.
//!
//! Architecture invariant: `protocol` knows no command.

pub mod number;
pub mod reply;

pub use reply::{Reply, Reserved, Version};
