//! What a parameter's value looks like as text: numbers, sizes, words. Parsing and printing of one kind stand together.
//! Shapes made of several words (`save`, `bind`, ...) are in `shapes.rs`.

use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::path::Path;

use super::ParamError;
use almandine_protocol::number;

/// Reads and writes the values of one kind of parameter.
pub trait Kind {
    /// What the node reads.
    type Value: Default;

    /// Several words make one value: `bind a b`. In a single argument they are separated by blanks.
    const SEVERAL_WORDS: bool = false;

    /// The value is a password or belongs to one: it is not shown in logs.
    const IS_SECRET: bool = false;

    /// Sets `slot` to what `words` say.
    ///
    /// # Errors
    /// The reason, in Redis's words; `slot` is then unspecified.
    fn read(&self, words: &[&[u8]], slot: &mut Self::Value) -> Result<(), ParamError>;

    /// Appends the value as CONFIG GET prints it.
    fn print(&self, value: &Self::Value, out: &mut Vec<u8>);

    /// What may be written, for people: `yes|no`, `0..65535`.
    fn synopsis(&self) -> String;
}

/// The only word.
fn single<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], ParamError> {
    match words {
        [word] => Ok(word),
        _ => Err(ParamError::WORD_COUNT),
    }
}

/// Appends formatted text; writing into a vector cannot fail.
pub(super) fn append(out: &mut Vec<u8>, text: impl fmt::Display) {
    write!(out, "{text}").expect("a vector grows");
}

/// `yes` or `no`.
pub struct YesNo;

impl Kind for YesNo {
    type Value = bool;

    fn read(&self, words: &[&[u8]], slot: &mut bool) -> Result<(), ParamError> {
        *slot = match single(words)? {
            word if word.eq_ignore_ascii_case(b"yes") => true,
            word if word.eq_ignore_ascii_case(b"no") => false,
            _ => return Err(ParamError::new("argument must be 'yes' or 'no'")),
        };
        Ok(())
    }

    fn print(&self, value: &bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if *value { b"yes" } else { b"no" });
    }

    fn synopsis(&self) -> String {
        "yes|no".into()
    }
}

/// A whole number in a range; `T` holds every number of the range.
pub struct Int<T> {
    min: i64,
    max: i64,
    clamp: Option<(i64, i64)>,
    notation: Notation,
    value: PhantomData<T>,
}

/// How a number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Signed,
    /// Redis words a negative number differently where its own variable has no sign.
    Unsigned,
    /// `10mb`; never negative.
    Memory,
    /// As `Memory`, but Redis's own variable has a sign, which changes the words for a number beyond 63 bits.
    SignedMemory,
    Octal,
}

impl<T> Int<T> {
    const fn with(min: i64, max: i64, notation: Notation) -> Self {
        Int {
            min,
            max,
            clamp: None,
            notation,
            value: PhantomData,
        }
    }

    /// From `min` to `max`.
    pub const fn new(min: i64, max: i64) -> Self {
        Int::with(min, max, Notation::Signed)
    }

    /// From `min` to `max`, of a variable without a sign.
    pub const fn unsigned(min: i64, max: i64) -> Self {
        Int::with(min, max, Notation::Unsigned)
    }

    /// Bytes, with units.
    pub const fn memory() -> Self {
        Int::with(0, i64::MAX, Notation::Memory)
    }

    /// At least so many bytes, with units.
    pub const fn memory_from(min: i64) -> Self {
        Int::with(min, i64::MAX, Notation::SignedMemory)
    }

    /// Written with the digits 0 to 7.
    pub const fn octal(min: i64, max: i64) -> Self {
        Int::with(min, max, Notation::Octal)
    }

    /// Numbers of the range beyond these are taken as these.
    pub const fn clamped(mut self, min: i64, max: i64) -> Self {
        self.clamp = Some((min, max));
        self
    }

    fn number(&self, word: &[u8]) -> Result<i64, ParamError> {
        match self.notation {
            Notation::Signed | Notation::Unsigned => {
                let value = number::parse_i64(word).ok_or_else(|| {
                    ParamError::new("argument couldn't be parsed into an integer")
                })?;
                if value < 0 && self.notation == Notation::Unsigned {
                    return Err(ParamError::NEGATIVE);
                }
                Ok(value)
            }
            Notation::Octal => std::str::from_utf8(word)
                .ok()
                .filter(|word| !word.starts_with('+'))
                .and_then(|word| i64::from_str_radix(word, 8).ok())
                .ok_or_else(|| ParamError::new("argument couldn't be parsed as an octal number")),
            Notation::Memory | Notation::SignedMemory => {
                let value = memory(word)
                    .ok_or_else(|| ParamError::new("argument must be a memory value"))?;
                i64::try_from(value).map_err(|_| match self.notation {
                    Notation::Memory => ParamError::NEGATIVE,
                    _ => self.range(),
                })
            }
        }
    }

    fn range(&self) -> ParamError {
        let (min, max) = (self.min, self.max);
        ParamError::text(if self.notation == Notation::Octal {
            format!("argument must be between {min:o} and {max:o} inclusive")
        } else {
            format!("argument must be between {min} and {max} inclusive")
        })
    }
}

impl<T: TryFrom<i64> + fmt::Display + fmt::Octal + Default> Kind for Int<T> {
    type Value = T;

    fn read(&self, words: &[&[u8]], slot: &mut T) -> Result<(), ParamError> {
        let mut value = self.number(single(words)?)?;
        if value < self.min || value > self.max {
            return Err(self.range());
        }
        if let Some((min, max)) = self.clamp {
            value = value.clamp(min, max);
        }
        *slot = T::try_from(value).map_err(|_| self.range())?;
        Ok(())
    }

    fn print(&self, value: &T, out: &mut Vec<u8>) {
        match self.notation {
            Notation::Octal => append(out, format_args!("{value:o}")),
            _ => append(out, value),
        }
    }

    fn synopsis(&self) -> String {
        let (min, max) = self.clamp.unwrap_or((self.min, self.max));
        match self.notation {
            Notation::Octal => format!("octal, {min:o}..{max:o}"),
            Notation::Memory | Notation::SignedMemory if min <= 0 => "bytes".into(),
            Notation::Memory | Notation::SignedMemory => format!("bytes, at least {min}"),
            _ if max >= i64::from(i32::MAX) => format!("integer, at least {min}"),
            _ => format!("{min}..{max}"),
        }
    }
}

/// Bytes written as Redis writes them: digits, then `b`, `k` (1000), `kb` (1024), `m`, `mb`, `g`, `gb` in any case. No
/// digits mean zero. `None` = not such a text; more than 64 bits = the largest number.
pub fn memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(number.saturating_mul(factor))
}

/// Bytes, or a share of `maxmemory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryOrPercent {
    /// Bytes; 0 = no limit.
    Bytes(u64),
    /// Hundredths of `maxmemory`, 1 to 100.
    Percent(u8),
}

impl Default for MemoryOrPercent {
    fn default() -> Self {
        MemoryOrPercent::Bytes(0)
    }
}

/// `10mb` or `5%`.
pub struct MemoryShare;

impl Kind for MemoryShare {
    type Value = MemoryOrPercent;

    fn read(&self, words: &[&[u8]], slot: &mut MemoryOrPercent) -> Result<(), ParamError> {
        let neither = || ParamError::new("argument must be a memory or percent value");
        let word = single(words)?;
        *slot = match word.strip_suffix(b"%") {
            Some(digits) => {
                let percent = number::parse_i64(digits)
                    .filter(|percent| *percent >= 0)
                    .ok_or_else(neither)?;
                match u8::try_from(percent) {
                    Ok(0) => MemoryOrPercent::Bytes(0),
                    Ok(percent) if percent <= 100 => MemoryOrPercent::Percent(percent),
                    _ => {
                        return Err(ParamError::new(
                            "percentage argument must be less or equal to 100",
                        ));
                    }
                }
            }
            None => {
                let bytes = memory(word).ok_or_else(neither)?;
                i64::try_from(bytes).map_err(|_| ParamError::NEGATIVE)?;
                MemoryOrPercent::Bytes(bytes)
            }
        };
        Ok(())
    }

    fn print(&self, value: &MemoryOrPercent, out: &mut Vec<u8>) {
        match value {
            MemoryOrPercent::Bytes(bytes) => append(out, bytes),
            MemoryOrPercent::Percent(percent) => append(out, format_args!("{percent}%")),
        }
    }

    fn synopsis(&self) -> String {
        "bytes or percent".into()
    }
}

/// A value that is one of a few words.
pub trait Words: Copy + Default + PartialEq + 'static {
    /// Every word, in the order in which errors list them. Of two words for one value the first is printed.
    const WORDS: &'static [(&'static str, Self)];
}

/// One of the words of `T`.
pub struct OneOf<T>(PhantomData<T>);

impl<T> OneOf<T> {
    /// Any of its words.
    pub const ANY: Self = OneOf(PhantomData);
}

impl<T: Words> Kind for OneOf<T> {
    type Value = T;

    fn read(&self, words: &[&[u8]], slot: &mut T) -> Result<(), ParamError> {
        let word = single(words)?;
        let found = T::WORDS
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        let all = || T::WORDS.iter().map(|(name, _)| *name);
        *slot = found.ok_or_else(|| ParamError::not_one_of(all()))?.1;
        Ok(())
    }

    fn print(&self, value: &T, out: &mut Vec<u8>) {
        let word = T::WORDS.iter().find(|(_, other)| other == value);
        out.extend_from_slice(word.map_or("", |(name, _)| name).as_bytes());
    }

    fn synopsis(&self) -> String {
        let words: Vec<&str> = T::WORDS.iter().map(|(name, _)| *name).collect();
        words.join("|")
    }
}

/// One of these words, kept as a word: nothing reads it yet.
pub struct Choice(pub &'static [&'static str]);

impl Kind for Choice {
    type Value = &'static str;

    fn read(&self, words: &[&[u8]], slot: &mut &'static str) -> Result<(), ParamError> {
        let word = single(words)?;
        let found = self
            .0
            .iter()
            .find(|name| name.as_bytes().eq_ignore_ascii_case(word));
        *slot = found.ok_or_else(|| ParamError::not_one_of(self.0.iter().copied()))?;
        Ok(())
    }

    fn print(&self, value: &&'static str, out: &mut Vec<u8>) {
        out.extend_from_slice(value.as_bytes());
    }

    fn synopsis(&self) -> String {
        self.0.join("|")
    }
}

/// Bytes that need not be UTF-8: names, passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Never the content: these are passwords, and `Debug` ends in logs.
impl fmt::Debug for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

/// Any bytes.
pub struct AnyBytes;

impl Kind for AnyBytes {
    type Value = Bytes;
    const IS_SECRET: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Bytes) -> Result<(), ParamError> {
        slot.0 = single(words)?.to_vec();
        Ok(())
    }

    fn print(&self, value: &Bytes, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.0);
    }

    fn synopsis(&self) -> String {
        "text".into()
    }
}

/// A text in UTF-8 that passes a check.
pub struct Text(pub fn(&str) -> Result<(), ParamError>);

impl Text {
    /// Any text.
    pub const ANY: Text = Text(|_| Ok(()));
    /// A directory that exists.
    pub const DIRECTORY: Text = Text(is_directory);
    /// What may stand in DNS.
    pub const HOSTNAME: Text = Text(is_hostname);
    /// Without characters that would break CLUSTER NODES.
    pub const NODE_NAME: Text = Text(is_node_name);
    /// Names of variables in braces, known ones only.
    pub const PROCESS_TITLE: Text = Text(is_process_title);
    /// A collation this server can sort by.
    pub const LOCALE: Text = Text(is_locale);
}

impl Kind for Text {
    type Value = String;

    fn read(&self, words: &[&[u8]], slot: &mut String) -> Result<(), ParamError> {
        let text = std::str::from_utf8(single(words)?)
            .map_err(|_| ParamError::new("argument must be UTF-8 text"))?;
        if text.contains('\0') {
            return Err(ParamError::new("argument must not contain a NUL byte"));
        }
        (self.0)(text)?;
        text.clone_into(slot);
        Ok(())
    }

    fn print(&self, value: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(value.as_bytes());
    }

    fn synopsis(&self) -> String {
        "text".into()
    }
}

/// A file name without a directory; `what` begins the error.
pub struct FileName {
    /// The parameter.
    pub what: &'static str,
    /// `filename` or `dirname`.
    pub noun: &'static str,
    /// Whether a name is needed.
    pub is_required: bool,
}

impl Kind for FileName {
    type Value = String;

    fn read(&self, words: &[&[u8]], slot: &mut String) -> Result<(), ParamError> {
        Text::ANY.read(words, slot)?;
        let (what, noun) = (self.what, self.noun);
        if slot.is_empty() && self.is_required {
            return Err(ParamError::text(format!("{what} can't be empty")));
        }
        if slot.contains('/') {
            let text = format!("{what} can't be a path, just a {noun}");
            return Err(ParamError::text(text));
        }
        Ok(())
    }

    fn print(&self, value: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(value.as_bytes());
    }

    fn synopsis(&self) -> String {
        self.noun.into()
    }
}

fn is_directory(text: &str) -> Result<(), ParamError> {
    let reason = match Path::new(text).metadata() {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "Not a directory".to_owned(),
        Err(error) => match error.kind() {
            std::io::ErrorKind::NotFound => "No such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "Permission denied".to_owned(),
            _ => error.to_string(),
        },
    };
    Err(ParamError::text(reason))
}

fn is_hostname(text: &str) -> Result<(), ParamError> {
    if text.len() >= 256 {
        return Err(ParamError::new(
            "Hostnames must be less than 256 characters",
        ));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if text.bytes().all(is_plain) {
        return Ok(());
    }
    Err(ParamError::new(
        "Hostnames may only contain alphanumeric characters, hyphens or dots",
    ))
}

fn is_node_name(text: &str) -> Result<(), ParamError> {
    const FORBIDDEN: &[u8] = b"!#$%&()*+:;<>?@[]^{|}~,='\"\\";
    if text.bytes().any(|byte| FORBIDDEN.contains(&byte)) {
        return Err(ParamError::new(
            "Announced human node name contained invalid character",
        ));
    }
    Ok(())
}

fn is_process_title(text: &str) -> Result<(), ParamError> {
    const VARIABLES: &[&str] = &[
        "title",
        "listen-addr",
        "server-mode",
        "port",
        "tls-port",
        "unixsocket",
        "config-file",
    ];
    let invalid = || ParamError::new("template format is invalid or contains unknown variables");
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (variable, behind) = after.split_once('}').ok_or_else(invalid)?;
        if !VARIABLES.contains(&variable) {
            return Err(invalid());
        }
        rest = behind;
    }
    Ok(())
}

fn is_locale(text: &str) -> Result<(), ParamError> {
    match text {
        "" | "C" | "POSIX" => Ok(()),
        _ => Err(ParamError::new("Invalid locale name")),
    }
}
