//! Zset values.

/// A zset.
#[derive(Debug, Clone, Default)]
pub struct Zset;

impl Zset {
    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        true
    }
}
