//! Every command, looked up by name.

use super::spec::Command;

/// The families, in the order in which COMMAND lists them.
pub static FAMILIES: &[&[Command]] = &[
    super::connection::COMMANDS,
    super::generic::COMMANDS,
    super::hash::COMMANDS,
    super::list::COMMANDS,
    super::pubsub::COMMANDS,
    super::server::COMMANDS,
    super::set::COMMANDS,
    super::sorted_set::COMMANDS,
    super::string::COMMANDS,
    super::transactions::COMMANDS,
];

/// All commands.
pub fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
