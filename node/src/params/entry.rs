//! The vocabulary of the table, and the macro that makes the struct and the table from one list.

use std::fmt;

use super::kind::Kind;
use super::{ParamError, Params};

/// One parameter. Flags, the configuration file, CONFIG GET/SET/REWRITE and the README read this entry.
pub struct Param {
    /// As CONFIG GET prints it.
    pub name: &'static str,
    /// Other names for it in Redis and Valkey.
    pub aliases: &'static [&'static str],
    /// Other names for it on the command line: Garnet's.
    pub flags: &'static [&'static str],
    /// The heading under which people find it.
    pub section: &'static str,
    /// The value when nobody says otherwise, as text.
    pub default: &'static str,
    /// When it may be changed.
    pub change: Change,
    /// What it does in this version.
    pub effect: Effect,
    /// One line for people.
    pub doc: &'static str,
    /// Whether the value is not to be shown in logs.
    pub is_secret: bool,
    pub(super) print: fn(&Params, &mut Vec<u8>),
    pub(super) read: fn(&mut Params, &[&[u8]]) -> Result<(), ParamError>,
    pub(super) synopsis: fn() -> String,
    pub(super) several_words: bool,
}

/// When a parameter may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// At any time, by CONFIG SET.
    Live,
    /// Only by the file, the environment and the command line.
    Startup,
    /// By CONFIG SET only where `enable-protected-configs` allows it.
    Protected,
}

/// What a parameter does in this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What it says.
    Works,
    /// Accepted, kept and printed, because tools set it; nothing follows from it, for this reason.
    Inert(&'static str),
    /// A value other than the default is refused, for this reason: to accept it would mislead.
    Refused(&'static str),
}

impl Param {
    /// The value as CONFIG GET prints it.
    pub fn get(&self, params: &Params) -> Vec<u8> {
        let mut text = Vec::new();
        (self.print)(params, &mut text);
        text
    }

    /// Sets the value. A single argument of several words is cut at its blanks, as Redis does; an empty one holds none.
    ///
    /// # Errors
    /// Why the value is not taken; `params` may then be half changed in this one parameter.
    pub fn set(&self, params: &mut Params, words: &[&[u8]]) -> Result<(), ParamError> {
        match words {
            [word] if self.several_words => (self.read)(params, &cut(word))?,
            words => (self.read)(params, words)?,
        }
        match self.effect {
            Effect::Refused(reason) if !self.is_default(params) => Err(ParamError::new(reason)),
            _ => Ok(()),
        }
    }

    /// Whether the value is the default.
    pub fn is_default(&self, params: &Params) -> bool {
        self.get(params) == self.default.as_bytes()
    }

    /// Whether several words make its value.
    pub fn takes_several_words(&self) -> bool {
        self.several_words
    }

    /// What may be written, for people.
    pub fn synopsis(&self) -> String {
        (self.synopsis)()
    }

    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl fmt::Debug for Param {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

/// The words of a value.
fn cut(text: &[u8]) -> Vec<&[u8]> {
    let words = text.split(|byte| *byte == b' ');
    words
        .take(if text.is_empty() { 0 } else { usize::MAX })
        .collect()
}

/// The default of a field. The table is ours: a default that its own kind refuses cannot pass the tests.
pub(super) fn default_of<K: Kind>(kind: &K, text: &str) -> K::Value {
    let mut value = K::Value::default();
    let words = if K::SEVERAL_WORDS {
        cut(text.as_bytes())
    } else {
        vec![text.as_bytes()]
    };
    match kind.read(&words, &mut value) {
        Ok(()) => value,
        Err(error) => panic!("default {text:?}: {error}"),
    }
}

pub(super) const fn several_words<K: Kind>(_: &K) -> bool {
    K::SEVERAL_WORDS
}

pub(super) const fn is_secret<K: Kind>(_: &K) -> bool {
    K::IS_SECRET
}

/// The name of a field as people write it: dashes for underscores.
pub(super) const fn dashed<const N: usize>(field: &str) -> [u8; N] {
    let mut name = [0; N];
    let mut i = 0;
    while i < N {
        name[i] = match field.as_bytes()[i] {
            b'_' => b'-',
            byte => byte,
        };
        i += 1;
    }
    name
}

/// From lines `field | "alias" ~ "flag": Type = "default", kind, when it changes, what it does, "doc";` under headings, makes the
/// struct [`Params`] and the static `TABLE`.
macro_rules! parameters {
    ($($section:literal {
        $($field:ident $(| $alias:literal)* $(~ $flag:literal)*: $type:ty = $default:literal, $kind:expr, $change:ident, $effect:expr, $doc:literal;)*
    })*) => {
        /// The parameters of a node, each with the type in which the node reads it.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Params {
            $($(
                #[doc = $doc]
                pub $field: $type,
            )*)*
        }

        impl Default for Params {
            fn default() -> Self {
                Params {
                    $($($field: $crate::params::entry::default_of(&$kind, $default),)*)*
                }
            }
        }

        /// Every parameter, grouped by headings.
        pub static TABLE: &[$crate::params::Param] = &[
            $($($crate::params::Param {
                name: {
                    const LEN: usize = stringify!($field).len();
                    const NAME: [u8; LEN] = $crate::params::entry::dashed(stringify!($field));
                    match std::str::from_utf8(&NAME) {
                        Ok(name) => name,
                        Err(_) => panic!("a field's name is ASCII"),
                    }
                },
                aliases: &[$($alias),*],
                flags: &[$($flag),*],
                section: $section,
                default: $default,
                change: $crate::params::Change::$change,
                effect: $effect,
                doc: $doc,
                is_secret: {
                    const fn of<K: $crate::params::kind::Kind<Value = $type>>(kind: &K) -> bool {
                        $crate::params::entry::is_secret(kind)
                    }
                    of(&$kind)
                },
                print: |params, out| $crate::params::kind::Kind::print(&$kind, &params.$field, out),
                read: |params, words| $crate::params::kind::Kind::read(&$kind, words, &mut params.$field),
                synopsis: || {
                    // The type of the number follows from the field's.
                    fn of<K: $crate::params::kind::Kind<Value = $type>>(kind: &K) -> String {
                        kind.synopsis()
                    }
                    of(&$kind)
                },
                several_words: {
                    const fn of<K: $crate::params::kind::Kind<Value = $type>>(kind: &K) -> bool {
                        $crate::params::entry::several_words(kind)
                    }
                    of(&$kind)
                },
            },)*)*
        ];
    };
}
pub(super) use parameters;
