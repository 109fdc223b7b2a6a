//! What can be wrong with bytes that should be an RDB file or a DUMP payload.

use std::{fmt, io};

/// What is wrong, where, and with which key.
#[derive(Debug)]
pub struct Error {
    /// Bytes of the input before the place where it was noticed.
    pub offset: u64,
    /// The key whose value was being read.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong.
#[derive(Debug)]
pub enum Flaw {
    /// The input cannot be read.
    Source(io::Error),
    /// The input ends too early.
    Ended,
    /// The input does not begin as an RDB file.
    NotRdb,
    /// A version that nobody here can read.
    Version(String),
    /// The bytes are not those that were written.
    Checksum {
        /// As the input ends.
        stated: u64,
        /// As it should end.
        computed: u64,
    },
    /// Something in it cannot be so.
    Damaged(&'static str),
    /// A collection without elements, which no key can hold.
    Empty,
    /// It is right, but holds what this server does not.
    Foreign(Foreign),
}

/// What other servers can hold and this one cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// A stream.
    Stream,
    /// A hash whose fields have times to live.
    FieldExpiry,
    /// A value or data of a module, by the module's name.
    Module(String),
    /// A value of a module from before modules had names in files.
    OldModule,
    /// Functions in the form of release candidates of Redis 7.0.
    OldFunction,
    /// A type number that nobody has given away yet.
    Type(u8),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flaw.fmt(f)?;
        if let Some(key) = &self.key {
            write!(f, " in key \"{}\"", key.escape_ascii())?;
        }
        write!(f, " at byte {}", self.offset)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Source(_) => f.write_str("the input cannot be read"),
            Flaw::Ended => f.write_str("the input ends too early"),
            Flaw::NotRdb => f.write_str("the input is no RDB file"),
            Flaw::Version(version) => write!(f, "unknown RDB version {version}"),
            Flaw::Checksum { stated, computed } => {
                write!(f, "checksum {stated:016x} instead of {computed:016x}")
            }
            Flaw::Damaged(what) => f.write_str(what),
            Flaw::Empty => f.write_str("a collection without elements"),
            Flaw::Foreign(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Foreign::Stream => f.write_str("a stream, which this server does not have"),
            Foreign::FieldExpiry => {
                f.write_str("a hash whose fields expire, which this server does not have")
            }
            Foreign::Module(name) => write!(f, "data of the module type \"{name}\""),
            Foreign::OldModule => f.write_str("data of an unnamed module"),
            Foreign::OldFunction => f.write_str("functions of a release candidate of Redis 7.0"),
            Foreign::Type(number) => write!(f, "a value of the unknown type {number}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.flaw {
            Flaw::Source(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Flaw::Ended,
            _ => Flaw::Source(error),
        }
    }
}
