//! A RESP client of our own: it shows every byte of a reply, which clients for applications hide.
//!
//! ```text
//!   value.rs    a reply, RESP2 or RESP3
//!   decode.rs   bytes -> replies
//!   client.rs   a blocking connection: pipelines, timeouts, replies that nobody asked for
//! ```

mod client;
mod decode;
mod value;

pub use client::{Client, ClientError};
pub use decode::{Malformed, decode};
pub use value::{Protocol, Value};

/// Writes `args` as a request, the way clients do.
pub fn encode_request<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}
