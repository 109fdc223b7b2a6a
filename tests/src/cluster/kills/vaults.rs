//! What a dead node has on its disk.

use std::path::Path;

use almandine_cluster::machine::Machine;
use almandine_cluster::record::{Generation, Records};
use almandine_cluster::topology::Address;
use almandine_storage::vault::Vault;

/// The record with the term, the vote and the commit index.
const HARD: &[u8] = b"h";
/// The fields of that record.
const TERM: u64 = 1;
const VOTE: u64 = 2;

/// What must not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    generation: Generation,
    term: u64,
    vote: u64,
    committed: u64,
    epoch: u64,
}

/// Opens the vault as the node will do, and reads it as the node will do.
pub(super) fn look(dir: &Path) -> Result<Kept, String> {
    let vault = Vault::open(dir).map_err(|error| error.to_string())?;
    let records = vault.load().map_err(|error| error.to_string())?;
    drop(vault);
    let nowhere = Address {
        ip: None,
        port: 0,
        bus_port: 0,
        hostname: String::new(),
    };
    let (machine, _) = Machine::recover(&records, nowhere, 0).map_err(|error| error.to_string())?;
    let (term, vote) = term_and_vote(&records)?;
    Ok(Kept {
        generation: machine.identity().generation,
        term,
        vote,
        committed: machine.voters().committed,
        epoch: machine.topology().current_epoch,
    })
}

impl Kept {
    /// Whether a node may have this after it had `before`.
    pub(super) fn follows(&self, before: &Kept) -> Result<(), String> {
        let is_later = (self.generation, self.term) >= (before.generation, before.term);
        let is_same_term = (self.generation, self.term) == (before.generation, before.term);
        // Who has not voted in a term may still do so; who has must not vote again.
        let has_voted_twice = is_same_term && before.vote != 0 && self.vote != before.vote;
        let is_behind = self.generation == before.generation && self.committed < before.committed;
        match is_later && !has_voted_twice && !is_behind && self.epoch >= before.epoch {
            true => Ok(()),
            false => Err(format!("{self:?} after {before:?}")),
        }
    }
}

fn term_and_vote(records: &Records) -> Result<(u64, u64), String> {
    let mut bytes = records.get(HARD).ok_or("no term and no vote")?.as_slice();
    let (mut term, mut vote) = (0, 0);
    while !bytes.is_empty() {
        // Numbers only: the kind of each field is 0.
        let (tag, number) = (varint(&mut bytes)?, varint(&mut bytes)?);
        match (tag >> 3, tag & 7) {
            (TERM, 0) => term = number,
            (VOTE, 0) => vote = number,
            (_, 0) => {}
            _ => return Err(format!("a field {tag} among term and vote")),
        }
    }
    Ok((term, vote))
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("a number has no end")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_and_vote_are_read() {
        let records = Records::from([(HARD.to_vec(), vec![8, 0xac, 2, 16, 5, 24, 9])]);
        assert_eq!(term_and_vote(&records), Ok((300, 5)));
        for bytes in [vec![8], vec![8, 0x80], vec![10, 1]] {
            let records = Records::from([(HARD.to_vec(), bytes.clone())]);
            assert!(term_and_vote(&records).is_err(), "{bytes:?}");
        }
    }
}
