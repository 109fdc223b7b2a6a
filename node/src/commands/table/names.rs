//! Names as machine words in lower case, in a hash table.

use super::{Command, CommandId, Entry};

/// Longest name that may be looked up; longer ones belong to nobody.
const NAME_MAX: usize = 32;

/// An open hash from names in lower case to numbers, a quarter full at most.
pub(super) struct Names {
    slots: Box<[Slot]>,
    shift: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    /// The first eight bytes, zero padded.
    head: u64,
    /// The last eight bytes (overlapping with `head` in a short name); 0 up to eight bytes.
    tail: u64,
    /// 0 = empty slot: no name is empty.
    length: u8,
    id: CommandId,
}

const EMPTY: Slot = Slot {
    head: 0,
    tail: 0,
    length: 0,
    id: CommandId(0),
};

impl Names {
    pub(super) fn build(named: &[(&'static str, CommandId)]) -> Names {
        let size = (named.len() * 4).next_power_of_two();
        let shift = 64 - size.trailing_zeros();
        let mut slots = vec![EMPTY; size].into_boxed_slice();
        for &(name, id) in named {
            assert!(!name.is_empty() && name.len() <= NAME_MAX, "{name}");
            let (head, tail) = words(name.as_bytes());
            let mut at = place(head, tail, shift);
            while slots[at].length != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot {
                head,
                tail,
                length: name.len() as u8,
                id,
            };
        }
        Names { slots, shift }
    }

    /// The number of a name of up to eight bytes, read as a word and zero padded, if it stands where it is sought first.
    #[inline]
    pub(super) fn find_word(&self, word: u64, length: u32) -> Option<CommandId> {
        let head = lower(word);
        let slot = &self.slots[place(head, 0, self.shift) & (self.slots.len() - 1)];
        (slot.head == head && u32::from(slot.length) == length).then_some(slot.id)
    }

    #[inline]
    pub(super) fn find(&self, name: &[u8], entries: &[Entry]) -> Option<CommandId> {
        if name.is_empty() || name.len() > NAME_MAX {
            return None;
        }
        let (head, tail) = words(name);
        let mask = self.slots.len() - 1;
        let mut at = place(head, tail, self.shift);
        loop {
            let slot = &self.slots[at & mask];
            if slot.length == 0 {
                return None;
            }
            if slot.head == head && slot.tail == tail && usize::from(slot.length) == name.len() {
                // Both words cover a name of up to sixteen bytes; the middle of a longer one is compared.
                let same = name.len() <= 16 || ends_with(entries[slot.id.index()].command, name);
                return same.then_some(slot.id);
            }
            at += 1;
        }
    }
}

/// Whether the full name of `command` ends with `name`, which is how a subcommand's does after the bar.
fn ends_with(command: &Command, name: &[u8]) -> bool {
    let full = command.name.as_bytes();
    let own = &full[full.len().saturating_sub(name.len())..];
    own.eq_ignore_ascii_case(name)
}

#[inline]
fn place(head: u64, tail: u64, shift: u32) -> usize {
    // Fibonacci hashing: the upper bits of a product with an odd constant of the golden ratio.
    ((head ^ tail.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
}

/// First and last eight bytes of a name in lower case, see [`Slot`].
#[inline]
fn words(name: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let tail = match name.len() {
            8 => 0,
            _ => lower(u64::from_le_bytes(*tail)),
        };
        return (lower(u64::from_le_bytes(*head)), tail);
    }
    (lower(short_word(name)), 0)
}

/// Up to seven bytes as a word, in two overlapping reads.
#[inline]
fn short_word(name: &[u8]) -> u64 {
    let length = name.len();
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let high = u64::from(u32::from_le_bytes(*tail)) << (8 * (length - 4));
        return u64::from(u32::from_le_bytes(*head)) | high;
    }
    match *name {
        [a] => u64::from(a),
        [a, b] => u64::from(a) | u64::from(b) << 8,
        [a, b, c] => u64::from(a) | u64::from(b) << 8 | u64::from(c) << 16,
        _ => 0,
    }
}

/// Lower case of eight ASCII bytes at once; other bytes stay as they are.
#[inline]
fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * ONES);
    // The high bit of a byte says: at least 'A'; above 'Z'; not ASCII.
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let above_z = low + (0x7f - b'Z' as u64) * ONES;
    let upper = (from_a ^ above_z) & !word & (0x80 * ONES);
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_of_a_word_agrees_with_the_standard_library() {
        for byte in 0..=255_u8 {
            for at in 0..8 {
                let mut bytes = *b"Az@[`{~\x80";
                bytes[at] = byte;
                let lowered = lower(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(lowered, bytes.map(|b| b.to_ascii_lowercase()));
            }
        }
    }
}
