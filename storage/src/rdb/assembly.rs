//! A file that is put together in memory, in the order in which its parts come, and taken away part by part.

use super::crc64::Checksum;
use super::encoder::{Compression, Encoder};
use super::tag::opcode;
use super::writer::Sum;

/// See the module.
#[derive(Debug)]
pub struct Assembly {
    encoder: Encoder,
    checksum: Option<Checksum>,
    out: Vec<u8>,
    selected: Option<usize>,
}

impl Assembly {
    /// Begins a file.
    pub fn new(sum: Sum) -> Self {
        let mut assembly = Assembly {
            encoder: Encoder::new(Compression::None),
            checksum: (sum == Sum::Crc64).then(Checksum::new),
            out: Vec::new(),
            selected: None,
        };
        assembly.encoder.header(&mut assembly.out);
        assembly
    }

    /// Says something of the file.
    pub fn aux(&mut self, name: &str, value: &str) {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        self.encoder.aux(name, value, &mut self.out);
    }

    /// A library of functions.
    pub fn function(&mut self, code: &[u8]) {
        self.encoder.function(code, &mut self.out);
    }

    /// Database `db` has so many keys, so many of them with an expiry. They need not follow at once.
    pub fn sizes(&mut self, db: usize, keys: usize, expiring: usize) {
        self.encoder.select(db, &mut self.out);
        self.encoder.sizes(keys, expiring, &mut self.out);
        self.selected = Some(db);
    }

    /// Bytes that a form has written for keys of database `db`. What ends within a key must be followed by its rest.
    pub fn entries(&mut self, db: usize, bytes: &[u8]) {
        if self.selected != Some(db) {
            self.encoder.select(db, &mut self.out);
            self.selected = Some(db);
        }
        self.out.extend_from_slice(bytes);
    }

    /// Bytes that have come since [`Assembly::take`].
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What has come since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        if let Some(checksum) = &mut self.checksum {
            checksum.add(&self.out);
        }
        std::mem::take(&mut self.out)
    }

    /// The rest of the file, when everything is in it.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(opcode::END);
        let mut rest = self.take();
        let sum = self.checksum.map_or(0, |checksum| checksum.value());
        rest.extend_from_slice(&sum.to_le_bytes());
        rest
    }
}
