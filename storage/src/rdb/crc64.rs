//! The checksum of RDB files and DUMP payloads: CRC-64 by Jones, as Redis starts it (with 0, reflected).

use crc::{CRC_64_REDIS, Crc, Digest, Table};

static JONES: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// A checksum on its way.
#[derive(Clone)]
pub(super) struct Checksum(Digest<'static, u64, Table<16>>);

impl Checksum {
    /// Of no bytes yet.
    pub(super) fn new() -> Self {
        Checksum(JONES.digest())
    }

    /// Of more bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all the bytes so far.
    pub(super) fn value(&self) -> u64 {
        self.0.clone().finalize()
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checksum({:x})", self.value())
    }
}

/// The checksum of `bytes`.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    JONES.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_checksum_of_redis() {
        assert_eq!(checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(checksum(b""), 0);
        let text = b"parts make the same checksum as the whole";
        let mut parts = Checksum::new();
        text.chunks(5).for_each(|part| parts.add(part));
        assert_eq!(parts.value(), checksum(text));
    }
}
