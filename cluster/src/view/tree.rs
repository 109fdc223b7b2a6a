//! A reply before it is written in one of the protocol's versions.

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    Integer(u64),
    Bulk(String),
    Nil,
    Array(Vec<Tree>),
    /// Pairs one after another where the protocol has no maps.
    Map(Vec<(&'static str, Tree)>),
}

impl From<u64> for Tree {
    fn from(number: u64) -> Tree {
        Tree::Integer(number)
    }
}

impl From<u16> for Tree {
    fn from(number: u16) -> Tree {
        Tree::Integer(number.into())
    }
}

impl From<String> for Tree {
    fn from(text: String) -> Tree {
        Tree::Bulk(text)
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Tree {
        Tree::Bulk(text.to_owned())
    }
}
