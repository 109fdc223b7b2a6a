//! Writes an RDB file into an `io::Write`, piece by piece, with the checksum at its end.

use std::io::{self, Write};

use super::crc64::Checksum;
use super::encoder::{Compression, Encoder};
use crate::Stored;

/// Bytes that are collected before they are written.
const BUFFER: usize = 64 << 10;

/// See the module. What was written is a file only after [`Writer::finish`].
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    encoder: Encoder,
    buffer: Vec<u8>,
    checksum: Option<Checksum>,
    written: u64,
}

/// Whether a file ends with its checksum (`rdbchecksum`); it costs little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// It does.
    Crc64,
    /// It ends with zeros.
    Zeros,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(out: W, compression: Compression, sum: Sum) -> Self {
        let mut writer = Writer {
            out,
            encoder: Encoder::new(compression),
            buffer: Vec::with_capacity(BUFFER),
            checksum: (sum == Sum::Crc64).then(Checksum::new),
            written: 0,
        };
        writer.encoder.header(&mut writer.buffer);
        writer
    }

    /// Says something of the file.
    pub fn aux(&mut self, name: &[u8], value: &[u8]) -> io::Result<()> {
        self.encoder.aux(name, value, &mut self.buffer);
        self.write_if_full()
    }

    /// A library of functions.
    pub fn function(&mut self, code: &[u8]) -> io::Result<()> {
        self.encoder.function(code, &mut self.buffer);
        self.write_if_full()
    }

    /// The keys that follow are in database `db`, so many of them, so many with an expiry.
    pub fn select(&mut self, db: usize, keys: usize, expiring: usize) -> io::Result<()> {
        self.encoder.select(db, &mut self.buffer);
        self.encoder.sizes(keys, expiring, &mut self.buffer);
        self.write_if_full()
    }

    /// A key of the database that was selected.
    pub fn entry(&mut self, entry: Stored<'_>) -> io::Result<()> {
        self.encoder.entry(entry, &mut self.buffer);
        self.write_if_full()
    }

    /// Pieces that another [`Encoder`] has made. They may leave another database selected.
    pub fn pieces(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_buffer()?;
        self.write(bytes)
    }

    /// Bytes of the file so far.
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Never: a file begins with its version.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the file and hands its place back.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.push(super::tag::opcode::END);
        self.write_buffer()?;
        let sum = self.checksum.as_ref().map_or(0, Checksum::value);
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_if_full(&mut self) -> io::Result<()> {
        if self.buffer.len() < BUFFER {
            return Ok(());
        }
        self.write_buffer()
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.write(&buffer);
        // A huge value has made the buffer huge; the next ones need not keep it so.
        buffer.clear();
        buffer.shrink_to(BUFFER * 2);
        self.buffer = buffer;
        outcome
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(checksum) = &mut self.checksum {
            checksum.add(bytes);
        }
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}
