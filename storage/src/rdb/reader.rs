//! Reads an RDB file of versions 1 to 12 of Redis or 80 of Valkey, and if wished of later ones, piece by piece.

use std::io::Read;

use super::decoder::Decoder;
use super::error::{Error, Flaw, Foreign};
use super::input::{Input, Stream};
use super::length;
use super::tag::opcode;
use super::{READ_MAX, Trust, Usage, VALKEY_VERSION, Verify, Versions};
use crate::{Rng, Thresholds, Value};

/// The first version with a checksum at its end.
const CHECKSUM_SINCE: u32 = 5;
/// A sound file needs no more ranges of slots than there are slots.
const RANGES_MAX: u64 = 16_384;

/// See the module. Nothing of the source beyond the end of the file is lost, see [`Reader::into_rest`].
#[derive(Debug)]
pub struct Reader<R> {
    decoder: Decoder<Stream<R>>,
    version: u32,
    db: u64,
    key: Vec<u8>,
    /// Whether a value is being read, so that an error can name the key.
    in_value: bool,
    is_over: bool,
}

/// A piece of a file.
#[derive(Debug)]
pub enum Item<'a> {
    /// Something that is said of the file.
    Aux {
        /// `redis-ver`, `ctime`, `repl-id`, ...
        name: &'a [u8],
        /// As text.
        value: &'a [u8],
    },
    /// A library of functions, as its code.
    Function(&'a [u8]),
    /// So many keys are said to follow; the number is not to be trusted with memory.
    Sizes {
        /// The database.
        db: u64,
        /// All keys.
        keys: u64,
        /// Those with an expiry.
        expiring: u64,
    },
    /// Valkey was taking over slots from another node when it wrote this: keys of these slots may be incomplete.
    SlotImport {
        /// The name of the operation.
        job: Vec<u8>,
        /// First and last slot of each range.
        ranges: Vec<(u64, u64)>,
    },
    /// A key.
    Entry(Entry<'a>),
}

/// A key with its value.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The number of the database.
    pub db: u64,
    /// The name.
    pub key: &'a [u8],
    /// What it holds.
    pub value: Value,
    /// Unix time in milliseconds, perhaps long ago; none = lives for ever.
    pub expire_at: Option<i64>,
    /// How it was used.
    pub usage: Usage,
}

/// What came before a key and belongs to it.
#[derive(Debug, Default)]
struct Attributes {
    expire_at: Option<i64>,
    usage: Usage,
}

/// What the next piece is, once its parts are in the reader's buffers.
enum Piece {
    Aux,
    Function,
    Sizes {
        keys: u64,
        expiring: u64,
    },
    SlotImport {
        job: Vec<u8>,
        ranges: Vec<(u64, u64)>,
    },
    Entry(Value, Attributes),
    End,
}

impl<R: Read> Reader<R> {
    /// Reads the first line of a file. Collections are packed within `limits`; `rng` seeds their tables.
    pub fn new(
        source: R,
        limits: &Thresholds,
        rng: &mut Rng,
        trust: impl Into<Trust>,
    ) -> Result<Self, Error> {
        let trust = trust.into();
        let mut reader = Reader {
            decoder: Decoder::new(Stream::new(source), limits, rng),
            version: 0,
            db: 0,
            key: Vec::new(),
            in_value: false,
            is_over: false,
        };
        reader.version = reader
            .header(trust.versions)
            .map_err(|flaw| reader.error(flaw))?;
        if reader.version < CHECKSUM_SINCE || trust.verify == Verify::No {
            reader.decoder.input.leave_unchecked();
        }
        Ok(reader)
    }

    /// The version of the file.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Bytes of the file that were read.
    pub fn offset(&self) -> u64 {
        self.decoder.input.offset()
    }

    /// The next piece; none at the end of the file. After an error nothing that follows means anything. Keys without
    /// elements, which old versions of Redis could write, are passed over.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let piece = match self.piece() {
            Ok(piece) => piece,
            Err(flaw) => return Err(self.error(flaw)),
        };
        let (db, key) = (self.db, self.key.as_slice());
        Ok(match piece {
            Piece::End => {
                self.is_over = true;
                None
            }
            Piece::Aux => Some(Item::Aux {
                name: key,
                value: &self.decoder.first,
            }),
            Piece::Function => Some(Item::Function(&self.decoder.first)),
            Piece::Sizes { keys, expiring } => Some(Item::Sizes { db, keys, expiring }),
            Piece::SlotImport { job, ranges } => Some(Item::SlotImport { job, ranges }),
            Piece::Entry(value, Attributes { expire_at, usage }) => Some(Item::Entry(Entry {
                db,
                key,
                value,
                expire_at,
                usage,
            })),
        })
    }

    /// What was read from the source beyond the end of the file, and the source.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.decoder.input.into_rest()
    }

    fn error(&self, flaw: Flaw) -> Error {
        Error {
            offset: self.offset(),
            key: self.in_value.then(|| self.key.clone()),
            flaw,
        }
    }

    fn header(&mut self, accepted: Versions) -> Result<u32, Flaw> {
        let line: [u8; 9] = self.decoder.input.array()?;
        let text = std::str::from_utf8(&line).map_err(|_| Flaw::NotRdb)?;
        let (digits, versions) = if let Some(digits) = text.strip_prefix("REDIS") {
            (digits, 1..=READ_MAX)
        } else if let Some(digits) = text.strip_prefix("VALKEY") {
            (digits, VALKEY_VERSION..=VALKEY_VERSION)
        } else {
            return Err(Flaw::NotRdb);
        };
        let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
        let version = digits.parse().ok().filter(|_| is_number);
        let is_later = |version: &u32| accepted == Versions::Any && version > versions.end();
        version
            .filter(|version| versions.contains(version) || is_later(version))
            .ok_or_else(|| Flaw::Version(text.escape_default().to_string()))
    }

    fn piece(&mut self) -> Result<Piece, Flaw> {
        let mut attributes = Attributes::default();
        loop {
            let input = &mut self.decoder.input;
            match input.byte()? {
                opcode::EXPIRE_MS => {
                    attributes.expire_at = Some(i64::from_le_bytes(input.array()?));
                }
                opcode::EXPIRE_S => {
                    let seconds = i32::from_le_bytes(input.array()?);
                    attributes.expire_at = Some(i64::from(seconds) * 1000);
                }
                opcode::IDLE => attributes.usage = Usage::Idle(length::read_plain(input)?),
                opcode::FREQUENCY => attributes.usage = Usage::Frequency(input.byte()?),
                opcode::SELECT => self.db = length::read_plain(input)?,
                opcode::SIZES => return self.sizes(),
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        length::read_plain(input)?;
                    }
                }
                opcode::AUX => {
                    self.read_key()?;
                    self.decoder.read_first()?;
                    return Ok(Piece::Aux);
                }
                opcode::FUNCTION => {
                    self.decoder.first = self.decoder.owned()?;
                    return Ok(Piece::Function);
                }
                opcode::SLOT_IMPORT => return self.slot_import(),
                opcode::OLD_FUNCTION => return Err(Flaw::Foreign(Foreign::OldFunction)),
                opcode::MODULE => return Err(self.decoder.module()),
                opcode::END => return self.end(),
                kind => {
                    self.read_key()?;
                    self.in_value = true;
                    let value = match self.decoder.value(kind) {
                        Err(Flaw::Empty) => None,
                        value => Some(value?),
                    };
                    self.in_value = false;
                    let attributes = std::mem::take(&mut attributes);
                    if let Some(value) = value {
                        return Ok(Piece::Entry(value, attributes));
                    }
                }
            }
        }
    }

    fn read_key(&mut self) -> Result<(), Flaw> {
        self.key.clear();
        self.key.extend_from_slice(self.decoder.text()?);
        Ok(())
    }

    fn sizes(&mut self) -> Result<Piece, Flaw> {
        let input = &mut self.decoder.input;
        let (keys, expiring) = (length::read_plain(input)?, length::read_plain(input)?);
        Ok(Piece::Sizes { keys, expiring })
    }

    fn slot_import(&mut self) -> Result<Piece, Flaw> {
        let job = self.decoder.owned()?;
        let count = length::read_plain(&mut self.decoder.input)?;
        if count > RANGES_MAX {
            return Err(Flaw::Damaged(
                "an import of more ranges than there are slots",
            ));
        }
        let input = &mut self.decoder.input;
        let ranges = (0..count)
            .map(|_| Ok((length::read_plain(input)?, length::read_plain(input)?)))
            .collect::<Result<_, Flaw>>()?;
        Ok(Piece::SlotImport { job, ranges })
    }

    fn end(&mut self) -> Result<Piece, Flaw> {
        if self.version < CHECKSUM_SINCE {
            return Ok(Piece::End);
        }
        let computed = self.decoder.input.checksum();
        let stated = u64::from_le_bytes(self.decoder.input.array()?);
        match computed {
            // Whoever wrote it was told not to compute one.
            _ if stated == 0 => Ok(Piece::End),
            Some(computed) if computed != stated => Err(Flaw::Checksum { stated, computed }),
            _ => Ok(Piece::End),
        }
    }
}
