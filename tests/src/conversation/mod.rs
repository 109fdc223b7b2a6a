//! Conversations: what clients say and what the server must answer, as text files. The format is in `README.md` of this
//! crate.
//!
//! ```text
//!   words.rs    a line of redis-cli <-> arguments
//!   shape.rs    a reply as indented lines; equality, order-free equality, patterns
//!   file.rs     a file -> sections -> steps
//!   play.rs     plays the steps against a server
//!   rewrite.rs  writes the server's answers back into the file
//!   suite.rs    many files against one server
//! ```

mod file;
mod play;
mod rewrite;
mod shape;
mod suite;
pub mod words;

pub use file::{BadFile, Conversation, Section};
pub use play::Mismatch;
pub use rewrite::rewritten;
pub use shape::Shape;
pub use suite::{Report, Stage, files_below};
