//! What a command may be refused with, in exactly Redis's words.

use std::borrow::Cow;

use almandine_cluster::topology::Refusal;
use almandine_storage::WrongType;

/// An error reply, code word first, without the leading dash. Bytes: it may quote a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Cow<'static, [u8]>);

impl Fault {
    /// The key holds another type.
    pub const WRONG_TYPE: Fault =
        Fault::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Options that do not fit together or are unknown.
    pub const SYNTAX: Fault = Fault::new("ERR syntax error");
    /// Not a 64-bit integer.
    pub const NOT_INTEGER: Fault = Fault::new("ERR value is not an integer or out of range");
    /// A 64-bit integer where one of 32 bits is wanted.
    pub const NOT_INT32: Fault =
        Fault::new("ERR value is out of range, value must between -2147483648 and 2147483647");
    /// Not a float.
    pub const NOT_FLOAT: Fault = Fault::new("ERR value is not a valid float");
    /// A number outside its range.
    pub const OUT_OF_RANGE: Fault = Fault::new("ERR value is out of range");
    /// A count whose negative is no count.
    pub const NOT_NEGATABLE: Fault = Fault::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    /// A count must not be negative.
    pub const NOT_POSITIVE: Fault = Fault::new("ERR value is out of range, must be positive");
    /// RENAME, LSET, ... of nothing.
    pub const NO_SUCH_KEY: Fault = Fault::new("ERR no such key");
    /// LSET beyond the ends.
    pub const INDEX_OUT_OF_RANGE: Fault = Fault::new("ERR index out of range");
    /// SELECT, MOVE, COPY, SWAPDB beyond `databases`.
    pub const DB_OUT_OF_RANGE: Fault = Fault::new("ERR DB index is out of range");
    /// INCR and friends beyond 64 bits.
    pub const INCREMENT_OVERFLOW: Fault = Fault::new("ERR increment or decrement would overflow");
    /// INCRBYFLOAT and friends.
    pub const INCREMENT_NAN: Fault = Fault::new("ERR increment would produce NaN or Infinity");
    /// APPEND, SETRANGE beyond `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: Fault =
        Fault::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

    /// A fixed text.
    pub const fn new(text: &'static str) -> Self {
        Fault(Cow::Borrowed(text.as_bytes()))
    }

    /// A text made for the occasion.
    pub fn text(text: impl Into<String>) -> Self {
        Fault(Cow::Owned(text.into().into_bytes()))
    }

    /// A text around bytes of the request, which are repeated as they are: up to a NUL, for Redis prints them with C's
    /// `%s`, and without line ends at the end of the text.
    pub fn quoting(before: &str, quoted: &[u8], after: &str) -> Self {
        let end = quoted.iter().position(|byte| *byte == 0);
        let quoted = &quoted[..end.unwrap_or(quoted.len())];
        let mut text = [before.as_bytes(), quoted, after.as_bytes()].concat();
        let kept = text.iter().rposition(|byte| !b"\r\n".contains(byte));
        text.truncate(kept.map_or(0, |last| last + 1));
        Fault(Cow::Owned(text))
    }

    /// The whole text.
    pub fn text_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `ERR wrong number of arguments for 'x' command`; `name` in lower case, a subcommand as `config|get`.
    pub fn arity(name: &str) -> Self {
        Fault::text(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// `ERR invalid expire time in 'x' command`.
    pub fn invalid_expire(name: &str) -> Self {
        Fault::text(format!("ERR invalid expire time in '{name}' command"))
    }

    /// Whether it sends the client elsewhere in the cluster, or says that nobody serves the slot.
    pub fn is_redirection(&self) -> bool {
        matches!(
            self.code(),
            "MOVED" | "ASK" | "TRYAGAIN" | "CROSSSLOT" | "CLUSTERDOWN"
        )
    }

    /// The first word, which INFO errorstats counts by.
    pub fn code(&self) -> &str {
        let word = self.0.split(|byte| *byte == b' ').next();
        word.and_then(|word| std::str::from_utf8(word).ok())
            .unwrap_or("ERR")
    }
}

impl From<Refusal> for Fault {
    fn from(Refusal(text): Refusal) -> Self {
        Fault::text(text)
    }
}

impl From<WrongType> for Fault {
    fn from(WrongType: WrongType) -> Self {
        Fault::WRONG_TYPE
    }
}
