//! What tests say to servers and hear of them.

pub use almandine_node::probe::{Client, ClientError};
pub use almandine_protocol::{Malformed, Value, Version as Protocol, decode};

/// A field of what INFO or CLUSTER INFO says.
pub fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    info.lines().find_map(value)
}

/// Writes `args` as a request, the way clients do.
pub fn encode_request<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    almandine_protocol::write_request(args.iter().map(AsRef::as_ref), out);
}
