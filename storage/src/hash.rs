//! Hash values.

/// A hash.
#[derive(Debug, Clone, Default)]
pub struct Hash;

impl Hash {
    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        true
    }
}
