//! How a connection begins: both sides say who they are and a number that was never used before, then each proves with its
//! first frame that it knows the secret.
//!
//! ```text
//!   [magic 4][version u8][node id 20][nonce 32]
//! ```
//!
//! Both greetings are in the keys of the two directions, so no frame is any good on another connection or sent back.

use hmac::Mac;

use super::codec::{Key, LinkError, NodeId, VERSION};
use super::counters::Fault;

/// Bytes of a greeting.
pub(super) const GREETING: usize = MAGIC.len() + 1 + 20 + NONCE;
const MAGIC: [u8; 4] = *b"ALMB";
const NONCE: usize = 32;
/// What the keys are for.
const PURPOSE: &[u8] = b"almandine bus 1";

/// Who has made the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Dialler,
    Listener,
}

/// What `node` says first, on this connection only.
pub(super) fn greeting(node: NodeId) -> Result<[u8; GREETING], LinkError> {
    let mut greeting = [0; GREETING];
    let (head, nonce) = greeting.split_at_mut(GREETING - NONCE);
    let (magic, rest) = head.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    rest[0] = VERSION;
    rest[1..].copy_from_slice(&node);
    getrandom::fill(nonce).map_err(std::io::Error::other)?;
    Ok(greeting)
}

/// Who says this.
pub(super) fn who(greeting: &[u8; GREETING]) -> Result<NodeId, LinkError> {
    let (magic, rest) = greeting.split_at(MAGIC.len());
    let (version, rest) = rest.split_at(1);
    if magic != MAGIC {
        return Err(LinkError::Bad(Fault::Greeting));
    }
    if version != [VERSION] {
        return Err(LinkError::Bad(Fault::Version));
    }
    let node = rest.first_chunk();
    Ok(*node.expect("a greeting has room for a node id"))
}

/// The keys for what `side` sends and for what it receives.
pub(super) fn keys(
    secret: &[u8],
    side: Side,
    own: &[u8; GREETING],
    theirs: &[u8; GREETING],
) -> (Key, Key) {
    let (first, second) = match side {
        Side::Dialler => (own, theirs),
        Side::Listener => (theirs, own),
    };
    let key = |from: Side| {
        let mut of_connection = keyed(secret);
        for part in [PURPOSE, first, second, &[from as u8]] {
            of_connection.update(part);
        }
        keyed(&of_connection.finalize().into_bytes())
    };
    let other = match side {
        Side::Dialler => Side::Listener,
        Side::Listener => Side::Dialler,
    };
    (key(side), key(other))
}

fn keyed(secret: &[u8]) -> Key {
    Key::new_from_slice(secret).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: Key) -> Vec<u8> {
        key.finalize().into_bytes().to_vec()
    }

    #[test]
    fn both_sides_have_the_same_keys_and_no_other_connection_has_them() {
        let (a, b) = (greeting([1; 20]).unwrap(), greeting([2; 20]).unwrap());
        let (to_b, from_b) = keys(b"secret", Side::Dialler, &a, &b);
        let (to_a, from_a) = keys(b"secret", Side::Listener, &b, &a);
        let (to_a, to_b) = (tag(to_a), tag(to_b));
        assert_eq!((&to_b, &to_a), (&tag(from_a), &tag(from_b)));
        assert_ne!(to_a, to_b, "nothing can be sent back");
        let again = greeting([1; 20]).unwrap();
        assert_ne!(to_b, tag(keys(b"secret", Side::Dialler, &again, &b).0));
        assert_ne!(to_b, tag(keys(b"other", Side::Dialler, &a, &b).0));
        assert_ne!(to_b, tag(keys(b"secret", Side::Dialler, &b, &a).0));
    }

    #[test]
    fn greetings_tell_who_and_what_is_wrong() {
        let mut bytes = greeting([3; 20]).unwrap();
        assert_eq!(who(&bytes).unwrap(), [3; 20]);
        bytes[4] = 9;
        assert_eq!(who(&bytes).unwrap_err().fault(), Some(Fault::Version));
        bytes[0] = b'G';
        assert_eq!(who(&bytes).unwrap_err().fault(), Some(Fault::Greeting));
    }
}
