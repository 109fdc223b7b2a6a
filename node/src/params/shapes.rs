//! Values made of several words: addresses, save points, buffer limits, percentiles, classes of events.

use super::ParamError;
use super::kind::{Kind, append, memory};
use crate::commands::Class;
use almandine_protocol::number;

/// Addresses to listen on; a leading `-` = may be missing on this machine; `*` and `::*` = every address.
pub struct Addresses;

impl Kind for Addresses {
    type Value = Vec<String>;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Vec<String>) -> Result<(), ParamError> {
        slot.clear();
        if words.len() > 16 {
            return Err(ParamError::new("Too many bind addresses specified."));
        }
        for word in words {
            match std::str::from_utf8(word) {
                Ok(text) if !text.is_empty() && !text.contains('\0') => slot.push(text.to_owned()),
                _ => return Err(ParamError::new("Failed to bind to specified addresses.")),
            }
        }
        Ok(())
    }

    fn print(&self, value: &Vec<String>, out: &mut Vec<u8>) {
        out.extend_from_slice(value.join(" ").as_bytes());
    }

    fn synopsis(&self) -> String {
        "address...".into()
    }
}

/// Nodes: `host:port` or `host:port@bus-port`, with blanks or commas between them.
pub struct Seeds;

impl Kind for Seeds {
    type Value = Vec<String>;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Vec<String>) -> Result<(), ParamError> {
        slot.clear();
        for word in words
            .iter()
            .flat_map(|word| word.split(|byte| *byte == b','))
        {
            let seed = std::str::from_utf8(word).ok().filter(|word| is_seed(word));
            let wrong = ParamError::new("a seed is host:port or host:port@bus-port");
            slot.push(seed.ok_or(wrong)?.to_owned());
        }
        Ok(())
    }

    fn print(&self, value: &Vec<String>, out: &mut Vec<u8>) {
        out.extend_from_slice(value.join(" ").as_bytes());
    }

    fn synopsis(&self) -> String {
        "host:port...".into()
    }
}

/// The place of a seed, and the port of its bus if it names one.
pub(crate) fn seed_parts(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((place, bus_port)) => (place, Some(bus_port)),
        None => (text, None),
    }
}

fn is_seed(text: &str) -> bool {
    let (place, bus_port) = seed_parts(text);
    let Some((host, port)) = place.rsplit_once(':') else {
        return false;
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && is_port(port) && bus_port.is_none_or(is_port)
}

/// A snapshot is due after `seconds` if there were `changes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// At least 1.
    pub seconds: i64,
    /// At least 0.
    pub changes: i32,
}

/// `seconds changes` pairs.
pub struct SavePoints;

impl Kind for SavePoints {
    type Value = Vec<SavePoint>;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Vec<SavePoint>) -> Result<(), ParamError> {
        const INVALID: ParamError = ParamError::new("Invalid save parameters");
        slot.clear();
        let pairs = words.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(INVALID);
        }
        for pair in pairs {
            let [Some(seconds), Some(changes)] = [pair[0], pair[1]].map(number::parse_i64) else {
                return Err(INVALID);
            };
            let changes = i32::try_from(changes).map_err(|_| INVALID)?;
            if seconds < 1 || changes < 0 {
                return Err(INVALID);
            }
            slot.push(SavePoint { seconds, changes });
        }
        Ok(())
    }

    fn print(&self, value: &Vec<SavePoint>, out: &mut Vec<u8>) {
        let points = value
            .iter()
            .map(|point| format!("{} {}", point.seconds, point.changes));
        out.extend_from_slice(points.collect::<Vec<_>>().join(" ").as_bytes());
    }

    fn synopsis(&self) -> String {
        "seconds changes...".into()
    }
}

/// How many bytes of replies a client may leave unread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// More than this closes the connection at once; 0 = no limit.
    pub hard: u64,
    /// More than this for `soft_seconds` closes it; 0 = no limit.
    pub soft: u64,
    /// See `soft`.
    pub soft_seconds: u64,
}

/// One limit for each class of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutputLimits {
    /// All that are not of the other two.
    pub normal: OutputLimit,
    /// Links to replicas.
    pub replica: OutputLimit,
    /// Clients with a subscription.
    pub pubsub: OutputLimit,
}

/// `class hard soft seconds` groups; classes that are not named keep their limit.
pub struct ClassLimits;

impl Kind for ClassLimits {
    type Value = OutputLimits;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut OutputLimits) -> Result<(), ParamError> {
        let groups = words.chunks_exact(4);
        if !groups.remainder().is_empty() {
            return Err(ParamError::new(
                "Wrong number of arguments in buffer limit configuration.",
            ));
        }
        for group in groups {
            let limit = match group[0].to_ascii_lowercase().as_slice() {
                b"normal" => &mut slot.normal,
                b"replica" | b"slave" => &mut slot.replica,
                b"pubsub" => &mut slot.pubsub,
                _ => {
                    return Err(ParamError::new(
                        "Invalid client class specified in buffer limit configuration.",
                    ));
                }
            };
            let seconds = number::parse_i64(group[3]).and_then(|value| u64::try_from(value).ok());
            let (Some(hard), Some(soft), Some(soft_seconds)) =
                (memory(group[1]), memory(group[2]), seconds)
            else {
                return Err(ParamError::new(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
                ));
            };
            *limit = OutputLimit {
                hard,
                soft,
                soft_seconds,
            };
        }
        Ok(())
    }

    fn print(&self, value: &OutputLimits, out: &mut Vec<u8>) {
        let classes = [
            ("normal", value.normal),
            ("slave", value.replica),
            ("pubsub", value.pubsub),
        ];
        let groups = classes.map(|(class, limit)| {
            let OutputLimit {
                hard,
                soft,
                soft_seconds,
            } = limit;
            format!("{class} {hard} {soft} {soft_seconds}")
        });
        out.extend_from_slice(groups.join(" ").as_bytes());
    }

    fn synopsis(&self) -> String {
        "(normal|replica|pubsub bytes bytes seconds)...".into()
    }
}

/// Percentiles from 0 to 100.
pub struct Percentiles;

impl Kind for Percentiles {
    type Value = Vec<f64>;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Vec<f64>) -> Result<(), ParamError> {
        slot.clear();
        for word in words {
            let percentile = number::parse_double(word)
                .filter(|value| !value.is_nan())
                .ok_or_else(|| {
                    ParamError::new("Invalid latency-tracking-info-percentiles parameters")
                })?;
            if !(0.0..=100.0).contains(&percentile) {
                return Err(ParamError::new(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
                ));
            }
            slot.push(percentile);
        }
        Ok(())
    }

    fn print(&self, value: &Vec<f64>, out: &mut Vec<u8>) {
        let words: Vec<String> = value.iter().map(f64::to_string).collect();
        out.extend_from_slice(words.join(" ").as_bytes());
    }

    fn synopsis(&self) -> String {
        "0..100...".into()
    }
}

/// The letters of `notify-keyspace-events`.
pub struct EventClasses;

impl EventClasses {
    /// The classes that `A` stands for, in the order in which they are printed.
    const ALL: &'static [(u8, Class)] = &[
        (b'g', Class::GENERIC),
        (b'$', Class::STRING),
        (b'l', Class::LIST),
        (b's', Class::SET),
        (b'h', Class::HASH),
        (b'z', Class::ZSET),
        (b'x', Class::EXPIRED),
        (b'e', Class::EVICTED),
        (b't', Class::STREAM),
        (b'd', Class::MODULE),
    ];
    /// The classes that must be named; `A` hides `n` when it is printed, as in Redis.
    const NEW: (u8, Class) = (b'n', Class::NEW);
    const REST: &'static [(u8, Class)] = &[
        (b'K', Class::KEYSPACE),
        (b'E', Class::KEYEVENT),
        (b'm', Class::KEY_MISS),
    ];

    fn everything() -> Class {
        Self::ALL.iter().map(|(_, class)| *class).collect()
    }

    fn of(letter: u8) -> Option<Class> {
        if letter == b'A' {
            return Some(Self::everything());
        }
        Self::ALL
            .iter()
            .chain([&Self::NEW])
            .chain(Self::REST)
            .find(|(other, _)| *other == letter)
            .map(|(_, class)| *class)
    }
}

impl Kind for EventClasses {
    type Value = Class;

    fn read(&self, words: &[&[u8]], slot: &mut Class) -> Result<(), ParamError> {
        let [word] = words else {
            return Err(ParamError::WORD_COUNT);
        };
        *slot = Class::empty();
        for letter in *word {
            let class = Self::of(*letter).ok_or_else(|| {
                ParamError::new("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
            })?;
            slot.insert(class);
        }
        Ok(())
    }

    fn print(&self, value: &Class, out: &mut Vec<u8>) {
        let put = |out: &mut Vec<u8>, (letter, class): &(u8, Class)| {
            if value.contains(*class) {
                out.push(*letter);
            }
        };
        if value.contains(Self::everything()) {
            out.push(b'A');
        } else {
            Self::ALL.iter().for_each(|entry| put(out, entry));
            put(out, &Self::NEW);
        }
        Self::REST.iter().for_each(|entry| put(out, entry));
    }

    fn synopsis(&self) -> String {
        "letters of Ag$lshzxeKEtmdn".into()
    }
}

bitflags::bitflags! {
    /// How to end after a signal; nothing set = as the node thinks best.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct ShutdownOptions: u8 {
        /// Save even without save points.
        const SAVE = 1;
        /// Do not save.
        const NOSAVE = 2;
        /// Do not wait for replicas.
        const NOW = 4;
        /// End even if saving fails.
        const FORCE = 8;
    }
}

impl ShutdownOptions {
    /// The option that `word` names, in any letter case.
    pub fn named(word: &[u8]) -> Option<Self> {
        let is_it = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
        let mut options = ShutdownWords::WORDS
            .iter()
            .map(|(name, option)| (*name, *option));
        options
            .find(|(name, option)| !option.is_empty() && is_it(name))
            .map(|(_, option)| option)
    }
}

/// Words of SHUTDOWN.
pub struct ShutdownWords;

impl ShutdownWords {
    const WORDS: &'static [(&'static str, ShutdownOptions)] = &[
        ("default", ShutdownOptions::empty()),
        ("save", ShutdownOptions::SAVE),
        ("nosave", ShutdownOptions::NOSAVE),
        ("now", ShutdownOptions::NOW),
        ("force", ShutdownOptions::FORCE),
    ];
}

impl Kind for ShutdownWords {
    type Value = ShutdownOptions;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut ShutdownOptions) -> Result<(), ParamError> {
        let names = || Self::WORDS.iter().map(|(name, _)| *name);
        *slot = ShutdownOptions::empty();
        if words.is_empty() {
            return Err(ParamError::not_one_of(names()));
        }
        for word in words {
            let found = Self::WORDS
                .iter()
                .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
            slot.insert(found.ok_or_else(|| ParamError::not_one_of(names()))?.1);
        }
        if slot.contains(ShutdownOptions::SAVE | ShutdownOptions::NOSAVE) {
            return Err(ParamError::new(
                "shutdown options SAVE and NOSAVE can't be used simultaneously",
            ));
        }
        Ok(())
    }

    fn print(&self, value: &ShutdownOptions, out: &mut Vec<u8>) {
        let set = Self::WORDS
            .iter()
            .filter(|(_, option)| !option.is_empty() && value.contains(*option));
        let words: Vec<&str> = set.map(|(name, _)| *name).collect();
        out.extend_from_slice(match words.as_slice() {
            [] => b"default",
            _ => return out.extend_from_slice(words.join(" ").as_bytes()),
        });
    }

    fn synopsis(&self) -> String {
        "default|save|nosave|now|force...".into()
    }
}

/// Adjustments of the kernel's out-of-memory score.
pub struct OomScores;

impl Kind for OomScores {
    type Value = [i32; 3];
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut [i32; 3]) -> Result<(), ParamError> {
        let [primary, replica, child] = words else {
            return Err(ParamError::WORD_COUNT);
        };
        for (place, word) in slot.iter_mut().zip([primary, replica, child]) {
            *place = number::parse_i64(word)
                .filter(|score| (-2000..=2000).contains(score))
                .and_then(|score| i32::try_from(score).ok())
                .ok_or_else(|| {
                    ParamError::new(
                        "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
                    )
                })?;
        }
        Ok(())
    }

    fn print(&self, value: &[i32; 3], out: &mut Vec<u8>) {
        let [primary, replica, child] = value;
        append(out, format_args!("{primary} {replica} {child}"));
    }

    fn synopsis(&self) -> String {
        "integer integer integer".into()
    }
}

/// `host port`, or `no one`.
pub struct HostPort;

impl Kind for HostPort {
    type Value = Option<(String, u16)>;
    const SEVERAL_WORDS: bool = true;

    fn read(&self, words: &[&[u8]], slot: &mut Self::Value) -> Result<(), ParamError> {
        *slot = match words {
            [] => None,
            [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => None,
            [host, port] => {
                let port = number::parse_i64(port).and_then(|port| u16::try_from(port).ok());
                let port = port.ok_or(ParamError::new("Invalid master port"))?;
                Some((String::from_utf8_lossy(host).into_owned(), port))
            }
            _ => return Err(ParamError::WORD_COUNT),
        };
        Ok(())
    }

    fn print(&self, value: &Self::Value, out: &mut Vec<u8>) {
        if let Some((host, port)) = value {
            append(out, format_args!("{host} {port}"));
        }
    }

    fn synopsis(&self) -> String {
        "host port".into()
    }
}
