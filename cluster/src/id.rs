//! Names that never change: of a node, of a shard, of a whole cluster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bytes of a name; clients see twice as many hexadecimal digits.
const BYTES: usize = 20;

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; BYTES]);

        impl $name {
            /// The caller throws the dice.
            pub const fn new(random: [u8; BYTES]) -> $name {
                $name(random)
            }

            /// The bytes that it was made of.
            pub const fn bytes(self) -> [u8; BYTES] {
                self.0
            }

            /// The 40 digits.
            pub fn to_hex(self) -> String {
                self.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Digits of either case, as many as there must be.
            fn from_str(text: &str) -> Result<$name, NotAnId> {
                read(text).map($name)
            }
        }
    )*};
}

ids! {
    /// A node, from its first start to `CLUSTER RESET HARD`.
    NodeId
    /// A primary with its replicas, whoever leads them.
    ShardId
    /// All that share one log; every frame between nodes carries it.
    ClusterId
}

fn read(text: &str) -> Result<[u8; BYTES], NotAnId> {
    let mut bytes = [0; BYTES];
    let digits = text.as_bytes();
    if digits.len() != 2 * BYTES {
        return Err(NotAnId);
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

fn digit(byte: u8) -> Result<u8, NotAnId> {
    let value = char::from(byte).to_digit(16).ok_or(NotAnId)?;
    u8::try_from(value).map_err(|_| NotAnId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = NodeId::new(std::array::from_fn(|at| at as u8 * 13));
        assert_eq!(id.to_hex().len(), 40);
        assert_eq!(id.to_hex().parse(), Ok(id));
        assert_eq!(id.to_hex().to_uppercase().parse(), Ok(id));
        for bad in ["", "ab", &"g".repeat(40), &"é".repeat(20), &"0".repeat(41)] {
            assert_eq!(bad.parse::<NodeId>(), Err(NotAnId), "{bad}");
        }
    }
}
