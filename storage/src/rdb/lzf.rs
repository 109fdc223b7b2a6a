//! LZF, the compression of strings in RDB files (the format of liblzf by Marc Lehmann).
//!
//! ```text
//! 000lllll                     l + 1 bytes follow as they are
//! lllddddd dddddddd            copy l + 2 bytes from d + 1 bytes back,  l = 1..6
//! 111ddddd llllllll dddddddd   copy l + 9 bytes from d + 1 bytes back
//! ```

/// Longest run of bytes as they are.
const LITERAL_MAX: usize = 32;
/// Shortest and longest copy.
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
/// Copies of this length and more have a length byte of their own.
const COPY_LONG: usize = 9;
/// Farthest place to copy from, bytes back.
const REACH: usize = 1 << 13;
const SLOTS_LOG: u32 = 13;
/// Three bytes of input make at most one copy.
const EXPANSION_MAX: usize = COPY_MAX / 3;

/// Remembers where three bytes were seen last. It is made once for many strings: what older strings left in it is told by
/// its position.
#[derive(Debug)]
pub(super) struct Compressor {
    seen: Box<[u32]>,
    /// The position of the first byte of the next string; those of earlier strings are below.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor {
            seen: vec![0; 1 << SLOTS_LOG].into(),
            base: 1,
        }
    }
}

impl Compressor {
    /// Appends `input`, compressed to at most `most` bytes, to `out`; false if it does not become that small, and `out` is as
    /// before.
    pub(super) fn compress(&mut self, input: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let Some(next_base) = self.room_for(input.len()) else {
            return false;
        };
        let fits = self.squeeze(input, start + most, out);
        self.base = next_base;
        if !fits {
            out.truncate(start);
        }
        fits
    }

    /// False as soon as `out` would become longer than `most`.
    fn squeeze(&mut self, input: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
        let (mut at, mut literals) = (0, 0);
        while at + COPY_MIN <= input.len() {
            let Some((from, len)) = self.find(input, at) else {
                at += 1;
                continue;
            };
            if out.len() + at - literals > most {
                return false;
            }
            put_literals(&input[literals..at], out);
            put_copy(at - from, len, out);
            // Some places inside the copy are worth remembering too: what follows them will be looked for.
            let end = at + len;
            for inside in end - 2..end {
                if inside + COPY_MIN <= input.len() {
                    self.remember(input, inside);
                }
            }
            (at, literals) = (end, end);
        }
        if out.len() + input.len() - literals > most {
            return false;
        }
        put_literals(&input[literals..], out);
        out.len() <= most
    }

    /// Makes room for positions of so many bytes and returns the first one behind them.
    fn room_for(&mut self, len: usize) -> Option<u32> {
        let len = u32::try_from(len).ok()?;
        if self.base.checked_add(len).is_none() {
            self.seen.fill(0);
            self.base = 1;
        }
        self.base.checked_add(len)
    }

    /// An earlier place with the same bytes as at `at`, and how many are the same.
    fn find(&mut self, input: &[u8], at: usize) -> Option<(usize, usize)> {
        let before = self.remember(input, at).checked_sub(self.base)? as usize;
        if at - before > REACH || input[before..before + COPY_MIN] != input[at..at + COPY_MIN] {
            return None;
        }
        let most = COPY_MAX.min(input.len() - at);
        let pairs = input[before..].iter().zip(&input[at..at + most]);
        Some((before, pairs.take_while(|(a, b)| a == b).count()))
    }

    /// Notes that the three bytes at `at` are there, and returns what was noted before.
    fn remember(&mut self, input: &[u8], at: usize) -> u32 {
        let three = u32::from_le_bytes([input[at], input[at + 1], input[at + 2], 0]);
        let slot = three.wrapping_mul(0x9e37_79b1) >> (32 - SLOTS_LOG);
        std::mem::replace(&mut self.seen[slot as usize], self.base + at as u32)
    }
}

fn put_literals(bytes: &[u8], out: &mut Vec<u8>) {
    for run in bytes.chunks(LITERAL_MAX) {
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
    }
}

fn put_copy(distance: usize, len: usize, out: &mut Vec<u8>) {
    let (back, short) = (distance - 1, len - 2);
    if len < COPY_LONG {
        out.push((short << 5 | back >> 8) as u8);
    } else {
        out.extend([(7 << 5 | back >> 8) as u8, (len - COPY_LONG) as u8]);
    }
    out.push(back as u8);
}

/// Writes what `input` stands for over `out`; false if it is damaged or does not stand for exactly `len` bytes.
pub(super) fn decompress(input: &[u8], len: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    if len > input.len().saturating_mul(EXPANSION_MAX) {
        return false;
    }
    out.reserve_exact(len);
    let mut rest = input;
    while let Some((&control, tail)) = rest.split_first() {
        let low = usize::from(control & 0x1f);
        let next = match control >> 5 {
            0 => literals(low + 1, tail, len, out),
            short => copy(usize::from(short), low, tail, len, out),
        };
        match next {
            Some(tail) => rest = tail,
            None => return false,
        }
    }
    out.len() == len
}

/// Carries out one run; none if it ends too early or makes more than `most` bytes.
fn literals<'a>(run: usize, tail: &'a [u8], most: usize, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (bytes, tail) = tail.split_at_checked(run)?;
    if out.len() + run > most {
        return None;
    }
    out.extend_from_slice(bytes);
    Some(tail)
}

/// Carries out one copy; none if it reaches before the start or makes more than `most` bytes.
fn copy<'a>(
    short: usize,
    high: usize,
    tail: &'a [u8],
    most: usize,
    out: &mut Vec<u8>,
) -> Option<&'a [u8]> {
    let (long, tail) = match short {
        7 => tail
            .split_first()
            .map(|(len, tail)| (usize::from(*len), tail))?,
        _ => (0, tail),
    };
    let (low, tail) = tail.split_first()?;
    let (distance, len) = ((high << 8 | usize::from(*low)) + 1, short + long + 2);
    let from = out.len().checked_sub(distance)?;
    if out.len() + len > most {
        return None;
    }
    if len <= distance {
        out.extend_from_within(from..from + len);
    } else {
        (from..from + len).for_each(|at| out.push(out[at]));
    }
    Some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    /// Bytes that repeat themselves more or less.
    fn sample(rng: &mut Rng) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (len, letters) = (rng.below(20_000), 1 + rng.below(256));
        while bytes.len() < len {
            let from = rng.below(bytes.len() + 1);
            let run = rng.below(400).min(bytes.len() - from);
            if rng.below(3) == 0 {
                bytes.extend_from_within(from..from + run);
            } else {
                bytes.extend((0..rng.below(40)).map(|_| rng.below(letters) as u8));
            }
        }
        bytes
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let (mut rng, mut compressor, mut back) = (Rng::new(1), Compressor::default(), Vec::new());
        let mut smaller = 0;
        for round in 0..600 {
            let bytes = sample(&mut rng);
            let mut out = b"before".to_vec();
            if round == 300 {
                compressor.base = u32::MAX - 5_000;
            }
            if compressor.compress(&bytes, bytes.len(), &mut out) {
                assert!(out.len() - 6 <= bytes.len());
                smaller += 1;
                assert!(decompress(&out[6..], bytes.len(), &mut back), "{round}");
                assert_eq!(back, bytes, "{round}");
                assert!(!decompress(&out[6..], bytes.len() + 1, &mut back));
                assert!(bytes.is_empty() || !decompress(&out[6..], bytes.len() - 1, &mut back));
                let exact = out.len() - 6;
                assert!(exact == 0 || !compressor.compress(&bytes, exact - 1, &mut out));
            }
            assert!(out.starts_with(b"before"));
        }
        assert!(smaller > 300, "{smaller}");
    }

    #[test]
    fn runs_become_three_bytes_and_noise_is_left_alone() {
        let (mut compressor, mut out) = (Compressor::default(), Vec::new());
        assert!(compressor.compress(&[b'a'; 100], 96, &mut out));
        assert_eq!(out, [0, b'a', 0xe0, 90, 0]);
        out.clear();
        let noise: Vec<u8> = (0..=255).collect();
        assert!(!compressor.compress(&noise, 252, &mut out));
        assert_eq!(out, b"");
    }

    #[test]
    fn the_format_is_that_of_liblzf() {
        let mut out = Vec::new();
        assert!(decompress(b"\x02abc\x20\x02\x40\x00\x00!", 11, &mut out));
        assert_eq!(out, b"abcabccccc!");
        for (bad, len) in [
            (&b"\x02ab"[..], 2),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\x20", 4),
            (b"\x00a\xe0\xff", 265),
            (b"\x00a", usize::MAX),
            (b"\x00a", 2),
            (b"", 1),
        ] {
            assert!(!decompress(bad, len, &mut out), "{bad:?}");
        }
        assert!(decompress(b"", 0, &mut out));
    }

    #[test]
    fn damaged_input_is_refused_or_makes_the_stated_number_of_bytes() {
        let (mut rng, mut compressor, mut back) = (Rng::new(2), Compressor::default(), Vec::new());
        for round in 0..20_000 {
            let bytes = sample(&mut rng);
            let bytes = &bytes[..bytes.len().min(300)];
            let mut out = Vec::new();
            if !compressor.compress(bytes, bytes.len() + 20, &mut out) || out.is_empty() {
                continue;
            }
            let at = rng.below(out.len());
            if rng.below(2) == 0 {
                out[at] ^= 1 << rng.below(8);
            } else {
                out.truncate(at);
            }
            let len = bytes.len() + rng.below(3);
            if decompress(&out, len, &mut back) {
                assert_eq!(back.len(), len, "round {round}");
            }
            assert!(back.capacity() <= 300 * 2 * EXPANSION_MAX, "round {round}");
        }
    }
}
