//! Set values.

/// A set.
#[derive(Debug, Clone, Default)]
pub struct Set;

impl Set {
    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        true
    }
}
