//! RESP: requests in, replies out.
//!
//! ```text
//!   bytes -- request.rs --> Batch of requests ... commands ... Reply -- reply.rs --> bytes
//!            |  small.rs   nearly all of them, by a short way           |
//!            |  inline.rs  lines of words                               |
//!            |  errors.rs  what cannot be read                          |
//!            |  limits.rs  every bound                                  |
//!            +----------------------- number.rs ------------------------+  numbers as text, both ways
//!
//!   bytes of a server -- decode.rs --> value.rs                         for whoever asks one
//! ```
//!
//! Architecture invariant: `protocol` knows no command, no socket and no clock. Nothing that a client sends makes it
//! panic, or reserve memory for bytes that have not come.

mod decode;
pub mod errors;
mod inline;
pub mod limits;
pub mod number;
pub mod reply;
pub mod request;
mod small;
mod value;

pub use decode::{Malformed, decode};
pub use errors::ProtocolError;
pub use limits::Limits;
pub use reply::{Reply, Reserved, Version, write_request};
pub use request::{Batch, HalfRead, Parser, RequestSpan, Span};
pub use small::glance;
pub use value::Value;
