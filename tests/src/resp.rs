//! What tests say to servers and hear of them.

pub use almandine_node::probe::{Client, ClientError};
pub use almandine_protocol::{Malformed, Value, Version as Protocol, decode};

/// Writes `args` as a request, the way clients do.
pub fn encode_request<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    almandine_protocol::write_request(args.iter().map(AsRef::as_ref), out);
}
