//! The actors of an Almandine node.
pub mod commands;
