//! The process that commits, and what its commits must have left: both follow from the seed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use almandine_storage::Rng;
use almandine_storage::vault::{Change, Vault};

/// The tool that [`write`] is.
pub(super) const WRITER: &str = "vault-writer";
/// The key that holds the number of the last commit.
const NUMBER: &[u8] = b"number";
/// After so many commits, more or less, the vault is closed and opened again.
const OPENED_AGAIN: usize = 25;
const BALLAST: u64 = 1 << 14;

/// What a vault holds.
pub(super) type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// Commits to the vault at `dir`, going on where it stands, up to commit `last`, and says `opened N`, `begin N` and `done N` on
/// standard output.
///
/// # Errors
/// The vault fails, or holds what no commit has left.
pub fn write(dir: &Path, seed: u64, last: u64) -> Result<(), String> {
    let mut vault = open(dir)?;
    let found = vault.load().map_err(|error| error.to_string())?;
    let first = number(&found);
    let mut expected = State::new();
    for number in 1..=first {
        apply(&mut expected, &changes(seed, number));
    }
    if found != expected {
        return Err(format!(
            "the vault does not hold what commit {first} has left"
        ));
    }
    say("opened", first)?;
    let mut rng = Rng::new(seed);
    for number in first + 1..=last {
        if rng.below(OPENED_AGAIN) == 0 {
            drop(vault);
            vault = open(dir)?;
        }
        say("begin", number)?;
        let done = vault.commit(&changes(seed, number));
        done.map_err(|error| super::told(&error))?;
        say("done", number)?;
    }
    Ok(())
}

fn open(dir: &Path) -> Result<Vault, String> {
    Vault::open_with_ballast(dir, BALLAST).map_err(|error| super::told(&error))
}

fn say(what: &str, number: u64) -> Result<(), String> {
    let line = format!("{what} {number}\n");
    let written = io::stdout().write_all(line.as_bytes());
    written.map_err(|error| error.to_string())
}

/// The changes of commit `number`.
pub(super) fn changes(seed: u64, number: u64) -> Vec<Change> {
    let mut rng = Rng::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut changes = vec![(NUMBER.to_vec(), Some(number.to_le_bytes().to_vec()))];
    for _ in 0..=rng.below(4) {
        let longest = [10, 100, 100, 1_000, 1_000, 20_000][rng.below(6)];
        let value = vec![rng.bits() as u8; rng.below(longest)];
        let key = format!("key {}", rng.below(30)).into_bytes();
        changes.push((key, (rng.below(5) > 0).then_some(value)));
    }
    changes
}

/// Makes `changes` to `state`.
pub(super) fn apply(state: &mut State, changes: &[Change]) {
    for (key, value) in changes {
        match value {
            Some(value) => state.insert(key.clone(), value.clone()),
            None => state.remove(key),
        };
    }
}

/// The last commit that `state` knows of.
pub(super) fn number(state: &State) -> u64 {
    let bytes = state.get(NUMBER).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
