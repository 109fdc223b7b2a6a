//! RESP: requests in, replies out.
//!
//! ```text
//!   bytes ── request.rs ──▶ Batch of requests ... commands ... Reply ── reply.rs ──▶ bytes
//!               limits.rs (every bound)                         number.rs (numbers as Redis prints them)
//! ```
//!
//! Architecture invariant: `protocol` knows no command.

pub mod limits;
pub mod number;
pub mod reply;
pub mod request;

pub use limits::Limits;
pub use reply::{Reply, Reserved, Version};
pub use request::{Batch, Parser, ProtocolError, RequestSpan, Span};
