//! The kinds of arguments: what the lower case words of the rules stand for.
//!
//! The key space is small, so that commands meet. The name of a key says which type it mostly holds. No time is near:
//! nothing may expire while the servers are compared. No number makes a server allocate or loop without end.

use almandine_storage::Rng;

/// Makes one argument.
pub(super) type Atom = fn(&mut Draw) -> Vec<u8>;

/// What an argument may depend on.
pub(super) struct Draw {
    pub(super) rng: Rng,
    /// The family of the last key: a second key is mostly of the same one.
    pub(super) family: Family,
    /// The last key.
    pub(super) key: Vec<u8>,
}

/// Keys that mostly hold the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Number,
    List,
    Hash,
    Set,
    Integers,
    Sorted,
    Weight,
    /// Sorted sets with equal scores.
    Lex,
}

const FAMILIES: [(Family, &str, usize); 9] = [
    (Family::Text, "str", 4),
    (Family::Number, "num", 3),
    (Family::List, "list", 4),
    (Family::Hash, "hash", 4),
    (Family::Set, "set", 4),
    (Family::Integers, "ints", 3),
    (Family::Sorted, "zset", 4),
    (Family::Weight, "w_", 6),
    (Family::Lex, "lex", 3),
];

const ATOMS: &[(&str, Atom)] = &[
    ("string", |d| d.key_of(Family::Text)),
    ("number", |d| d.key_of(Family::Number)),
    ("list", |d| d.key_of(Family::List)),
    ("hash", |d| d.key_of(Family::Hash)),
    ("set", |d| d.key_of(Family::Set)),
    ("ints", |d| d.key_of(Family::Integers)),
    ("sets", |d| {
        d.one_of_families(&[Family::Set, Family::Integers])
    }),
    ("zset", |d| d.key_of(Family::Sorted)),
    ("zsets", |d| {
        d.one_of_families(&[
            Family::Sorted,
            Family::Sorted,
            Family::Set,
            Family::Integers,
        ])
    }),
    ("weight", |d| d.key_of(Family::Weight)),
    ("lex", |d| d.plain_key(Family::Lex)),
    ("key", Draw::any_key),
    ("other", Draw::other_key),
    ("same", |d| d.key.clone()),
    ("value", Draw::value),
    ("long", Draw::long_value),
    ("int", Draw::int),
    ("small", |d| d.number(0, 9)),
    ("float", Draw::float),
    ("index", Draw::index),
    ("place", Draw::place),
    ("count", Draw::count),
    ("draws", |d| d.number(-6, 12)),
    ("db", Draw::db),
    ("offset", Draw::offset),
    ("member", Draw::member),
    ("fresh", Draw::fresh_member),
    ("imember", Draw::int_member),
    ("ifresh", |d| d.number(-300, 300)),
    ("field", Draw::member),
    ("score", Draw::score),
    ("bound", Draw::score_bound),
    ("lexbound", Draw::lex_bound),
    ("pattern", Draw::pattern),
    // A pattern without a star means "do not sort", and sets have no order of their own.
    ("bypattern", |d| {
        d.pick_text(&[
            "w_*",
            "w_*",
            "num*",
            "hash*->m1",
            "hash0->*",
            "hash*->",
            "nokey*",
            "*",
            "w_*->f",
            "**",
        ])
    }),
    ("nosort", |d| d.pick_text(&["nosort", "#", "str0", ""])),
    ("sortpattern", Draw::sort_pattern),
    ("channel", Draw::channel),
    ("garbage", Draw::garbage),
    ("secs", |d| d.duration(1)),
    ("msecs", |d| d.duration(1000)),
    ("at", |d| d.moment(1)),
    ("atms", |d| d.moment(1000)),
    ("past", |d| d.pick_text(&["1", "1000", "1600000000"])),
    ("timeout", |d| {
        d.pick_text(&[
            "0.001", "0.001", "0.002", ".001", "1e-3", "-1", "x", "nan", "",
        ])
    }),
    ("type", |d| {
        d.pick_text(&[
            "string", "list", "hash", "set", "zset", "SET", "stream", "x", "",
        ])
    }),
    ("name", |d| {
        d.pick_text(&["n1", "n2", "", "with blank", "a\nb", "\u{e9}"])
    }),
];

/// The atom of this name.
pub(super) fn named(name: &str) -> Option<Atom> {
    let found = ATOMS.iter().find(|(known, _)| *known == name);
    found.map(|(_, atom)| *atom)
}

impl Draw {
    pub(super) fn new(seed: u64) -> Draw {
        Draw {
            rng: Rng::new(seed),
            family: Family::Text,
            key: Vec::new(),
        }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.rng.below(bound)
    }

    /// Whether dice of a hundred sides say so.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick_text(&mut self, texts: &[&str]) -> Vec<u8> {
        texts[self.below(texts.len())].as_bytes().to_vec()
    }

    pub(super) fn number(&mut self, from: i64, to: i64) -> Vec<u8> {
        let width = usize::try_from(to - from + 1).expect("a range to choose from");
        (from + self.below(width) as i64).to_string().into_bytes()
    }

    fn key_of(&mut self, family: Family) -> Vec<u8> {
        let key = match self.below(100) {
            0..=89 => {
                self.family = family;
                self.member_of(family)
            }
            90..=96 => return self.any_key(),
            97..=98 => self.odd_key(),
            _ => b"nokey".to_vec(),
        };
        self.key.clone_from(&key);
        key
    }

    fn member_of(&mut self, family: Family) -> Vec<u8> {
        let known = FAMILIES.iter().find(|(known, ..)| *known == family);
        let (_, stem, size) = known.expect("every family is listed");
        // The first keys of a family are used most: some keys stay as they are for long.
        let number = self.below(*size).min(self.below(*size));
        format!("{stem}{number}").into_bytes()
    }

    fn plain_key(&mut self, family: Family) -> Vec<u8> {
        let key = self.member_of(family);
        self.key.clone_from(&key);
        key
    }

    fn odd_key(&mut self) -> Vec<u8> {
        const ODD: [&[u8]; 5] = [b"", b"\xff\x00\r\n", b"s*r[1]?", b"a b", b"{tag}str0"];
        ODD[self.below(ODD.len())].to_vec()
    }

    fn one_of_families(&mut self, families: &[Family]) -> Vec<u8> {
        let family = families[self.below(families.len())];
        self.key_of(family)
    }

    fn any_key(&mut self) -> Vec<u8> {
        let key = match self.percent(10) {
            true => self.odd_key(),
            false => {
                // All but the last: the keys of `Family::Lex` are used by rules of their own only.
                let (family, ..) = FAMILIES[self.below(FAMILIES.len() - 1)];
                self.family = family;
                self.member_of(family)
            }
        };
        self.key.clone_from(&key);
        key
    }

    fn other_key(&mut self) -> Vec<u8> {
        match self.percent(90) {
            true => self.member_of(self.family),
            false => self.any_key(),
        }
    }
}
