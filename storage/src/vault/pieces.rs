//! Values in pieces: sled keeps a page that does not fit into a quarter of a segment in a file that it never syncs. A page has
//! at most a few dozen keys, so with small values no page grows so large.
//!
//! A piece's key is `[length of the key u16][key][number of the piece u32]`, numbers with the high byte first: the pieces of a
//! value follow each other in order.

use std::collections::BTreeMap;
use std::path::Path;

use sled::IVec;

use super::error::{Damage, VaultError};

/// Bytes of one piece; sixteen of them are half of what a page may hold.
const PIECE: usize = 4096;

/// A piece and its name, as sled keeps them.
pub(super) type Piece = (IVec, IVec);

/// Framed values and the numbers of their pieces.
pub(super) type Gathered = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

/// Notes in `batch` that `key` holds `framed` (none = nothing) from now on, where it had `before` pieces. Returns how many it
/// has now.
pub(super) fn put(key: &[u8], framed: Option<&[u8]>, before: u32, batch: &mut sled::Batch) -> u32 {
    let mut after = 0;
    for piece in framed.into_iter().flat_map(|framed| framed.chunks(PIECE)) {
        batch.insert(name(key, after), piece);
        after += 1;
    }
    for number in after..before {
        batch.remove(name(key, number));
    }
    after
}

/// A value of a single piece.
pub(super) fn whole(key: &[u8], framed: &[u8]) -> Piece {
    assert!(framed.len() <= PIECE, "this value needs several pieces");
    (name(key, 0).into(), framed.into())
}

/// All values that the vault at `path` holds, put together.
pub(super) fn gather(held: &[Piece], path: &Path) -> Result<Gathered, VaultError> {
    let mut gathered = Gathered::new();
    for (name, piece) in held {
        let damaged = |key: &[u8], why| VaultError::damaged(path, key, why);
        let (key, number) = parse(name).ok_or_else(|| damaged(name, Damage::Key))?;
        let (framed, pieces) = gathered.entry(key.to_vec()).or_default();
        if *pieces != number {
            return Err(damaged(key, Damage::Missing));
        }
        framed.extend_from_slice(piece);
        *pieces += 1;
    }
    Ok(gathered)
}

fn name(key: &[u8], number: u32) -> Vec<u8> {
    let length = u16::try_from(key.len()).expect("keys of the vault are names");
    [&length.to_be_bytes(), key, &number.to_be_bytes()].concat()
}

fn parse(name: &[u8]) -> Option<(&[u8], u32)> {
    let (length, rest) = name.split_first_chunk()?;
    let (key, number) = rest.split_last_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    (key.len() == length).then_some((key, u32::from_be_bytes(*number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_pieces_come_apart_again_and_in_order() {
        for key in [&b""[..], b"a", b"a\0\0\0\0", &[255; 300]] {
            assert_eq!(parse(&name(key, 7)), Some((key, 7)));
            assert!(name(key, 255) < name(key, 256));
        }
        assert_eq!(parse(b"\x00\x02a\0\0\0\0"), None);
        assert_eq!(parse(b"\x00"), None);
    }
}
