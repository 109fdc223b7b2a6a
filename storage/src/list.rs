//! List values.

/// A list.
#[derive(Debug, Clone, Default)]
pub struct List;

impl List {
    /// Whether nothing is left, so that the key must go.
    pub fn is_empty(&self) -> bool {
        true
    }
}
