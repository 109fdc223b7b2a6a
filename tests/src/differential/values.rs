//! Arguments that are no keys: values, numbers, members, bounds, patterns, times.

use super::atoms::Draw;

/// What is no number that any command would take for a small positive one, and much else.
const GARBAGE: &[&str] = &[
    "",
    "abc",
    "-1",
    "0",
    "-0",
    "00",
    "1.5",
    "1e400",
    "nan",
    "-nan",
    "inf",
    "-inf",
    " 1",
    "1 ",
    "+1",
    "0x10",
    "1_0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "99999999999999999999",
    "*",
    "[a-",
    "(",
    "[",
    "+",
    "-",
    "a b",
    "nx",
    "WITHSCORES",
    "LIMIT",
    "COUNT",
    "MATCH",
    "GET",
    "STORE",
    "KEEPTTL",
    "\u{e9}",
];

const FLOATS: &[&str] = &[
    "0",
    "-0",
    "0.1",
    "0.2",
    "0.30000000000000004",
    "1.5",
    "-1.5",
    "3",
    "3.0",
    "1e3",
    "1E3",
    "1e308",
    "-1e308",
    "1.7976931348623157e308",
    "1e309",
    "5e-324",
    "1e-320",
    "1e-7",
    "0.00001",
    "123456789012345678",
    "17179869184.25",
    "3.14159265358979312",
    "0.1234567890123456789",
    "9007199254740993",
    "1e17",
    "1e21",
    "1e22",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "-infinity",
    "nan",
    "-nan",
    "nan(1)",
    "0x1p3",
    "0x10",
    "0x",
    " 1",
    "1 ",
    "\t1",
    "+1",
    ".5",
    "5.",
    ".",
    "e5",
    "1e",
    "1e+",
    "1_000",
    "",
    "1,5",
    "--1",
    "1e5000",
    "1e-5000",
    "00012",
    "4.9e-324",
    "2.2250738585072014e-308",
];

impl Draw {
    pub(super) fn value(&mut self) -> Vec<u8> {
        match self.below(100) {
            0..=24 => self.pick_text(&[
                "a",
                "b",
                "c",
                "d",
                "e",
                "abc",
                "hello world",
                "ohmytext",
                "mynewtext",
            ]),
            25..=49 => self.number(-20, 300),
            50..=54 => self.pick_text(&["", " ", "0", "-0", "00", "3.0", "1e3", "+5", "0x1f"]),
            55..=64 => self.float(),
            65..=74 => self.int(),
            75..=84 => self.pick_text(&[
                "a\0b",
                "\r\n",
                "\u{e9}\u{20ac}",
                "\u{7f}",
                "\\x00",
                "\"q\"",
                "'",
            ]),
            85..=89 => vec![0xff, 0xfe, self.below(256) as u8],
            _ => self.long_value(),
        }
    }

    /// Values around the lengths where encodings change.
    pub(super) fn long_value(&mut self) -> Vec<u8> {
        const LENGTHS: [usize; 12] = [31, 32, 43, 44, 45, 63, 64, 65, 127, 128, 255, 300];
        let length = match self.below(400) {
            0 => 4000 + self.below(9000),
            _ => LENGTHS[self.below(LENGTHS.len())],
        };
        vec![b'a' + self.below(3) as u8; length]
    }

    pub(super) fn int(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=6 => self.number(-10, 30),
            7 => self.number(-100_000, 100_000),
            8 => self.pick_text(&[
                "127",
                "128",
                "-128",
                "-129",
                "255",
                "256",
                "8191",
                "8192",
                "-4096",
                "32767",
                "32768",
                "-32769",
                "65536",
                "8388607",
                "8388608",
                "2147483647",
                "2147483648",
                "-2147483649",
                "9223372036854775806",
                "9223372036854775807",
                "-9223372036854775807",
                "-9223372036854775808",
            ]),
            _ => self.garbage(),
        }
    }

    pub(super) fn float(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=2 => self.number(-5, 20),
            3..=5 => {
                let whole = self.below(2_000_000) as i64 - 1_000_000;
                let scale = [10.0, 100.0, 1e3, 1e7][self.below(4)];
                (whole as f64 / scale).to_string().into_bytes()
            }
            6 => f64::from_bits(self.rng.bits()).to_string().into_bytes(),
            _ => self.pick_text(FLOATS),
        }
    }

    pub(super) fn index(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=15 => self.number(-6, 8),
            16..=17 => self.number(-140, 140),
            18 => self.pick_text(&[
                "9223372036854775807",
                "-9223372036854775808",
                "4294967296",
                "-4294967297",
            ]),
            _ => self.garbage(),
        }
    }

    /// Of LSET, which Redis 8.2 cuts to 32 bits.
    pub(super) fn place(&mut self) -> Vec<u8> {
        match self.percent(95) {
            true => self.number(-9, 9),
            false => self.number(-140, 140),
        }
    }

    pub(super) fn count(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=15 => self.number(0, 6),
            16 => self.number(-4, -1),
            17 => self.number(10, 600),
            18 => self.pick_text(&[
                "9223372036854775807",
                "-9223372036854775808",
                "4294967296",
                "2147483648",
            ]),
            _ => self.garbage(),
        }
    }

    pub(super) fn db(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=11 => b"0".to_vec(),
            12..=17 => self.number(1, 2),
            18 => self.pick_text(&["15", "16", "-1", "2147483648", "4294967296"]),
            _ => self.garbage(),
        }
    }

    /// Of SETRANGE: what is not small is beyond the longest string.
    pub(super) fn offset(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=16 => self.number(0, 70),
            17 => self.pick_text(&["536870912", "536870913", "4294967296", "-1"]),
            _ => self.garbage(),
        }
    }

    pub(super) fn member(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=12 => format!("m{}", self.below(12)).into_bytes(),
            13..=15 => self.number(-3, 12),
            16 => self.fresh_member(),
            _ => self.value(),
        }
    }

    /// For collections that outgrow their packed form.
    pub(super) fn fresh_member(&mut self) -> Vec<u8> {
        let number = self.below(700);
        format!("m{number}").into_bytes()
    }

    pub(super) fn int_member(&mut self) -> Vec<u8> {
        match self.below(20) {
            0..=13 => self.number(-3, 12),
            14..=15 => self.number(-40_000, 40_000),
            16..=18 => self.pick_text(&[
                "32767",
                "32768",
                "-32768",
                "-32769",
                "2147483647",
                "2147483648",
                "-2147483648",
                "-2147483649",
                "9223372036854775807",
                "-9223372036854775808",
                "007",
                "1.0",
                "x",
            ]),
            _ => self.value(),
        }
    }

    pub(super) fn score(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=5 => self.number(-4, 9),
            6..=7 => (self.below(80) as f64 / 8.0 - 5.0).to_string().into_bytes(),
            _ => self.float(),
        }
    }

    pub(super) fn score_bound(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=1 => self.pick_text(&["-inf", "+inf", "inf", "(-inf", "(inf", "(+inf"]),
            2..=4 => [b"(".as_slice(), &self.score()].concat(),
            _ => self.score(),
        }
    }

    pub(super) fn lex_bound(&mut self) -> Vec<u8> {
        match self.below(10) {
            0..=3 => self.pick_text(&[
                "-", "+", "-", "+", "[", "(", "", "m", "[m", "(m1", "--", "+1",
            ]),
            4..=6 => [b"[".as_slice(), &self.member()].concat(),
            _ => [b"(".as_slice(), &self.member()].concat(),
        }
    }

    pub(super) fn pattern(&mut self) -> Vec<u8> {
        self.pick_text(&[
            "*", "*", "*", "m*", "m?", "?", "??", "str*", "*1", "m[0-4]", "m[^0-4]", "[a-c]*",
            "[lh]*", "\\*", "m\\1", "", "[", "[a-", "[^", "m[", "\\", "*\\", "s\\*r*", "**", "m1",
            "[]", "[z-a]*", "news.*", "n?ws*", "*[0-9", "a**b", "[\\]]",
        ])
    }

    pub(super) fn sort_pattern(&mut self) -> Vec<u8> {
        self.pick_text(&[
            "w_*",
            "w_*",
            "w_*",
            "num*",
            "hash*->m1",
            "hash0->*",
            "hash*->",
            "#",
            "nokey*",
            "str0",
            "str*",
            "*",
            "->",
            "w_*->f",
        ])
    }

    pub(super) fn channel(&mut self) -> Vec<u8> {
        self.pick_text(&["news.a", "news.b", "other", "", "news.*", "a\0b"])
    }

    /// What makes little sense wherever it stands.
    pub(super) fn garbage(&mut self) -> Vec<u8> {
        match self.below(10) {
            0 => {
                let bytes = 0..self.below(6);
                let mut bytes: Vec<u8> = bytes.map(|_| self.rng.below(256) as u8).collect();
                // A number would be a time that is near, where a time is asked for.
                if bytes.iter().all(u8::is_ascii_digit) {
                    bytes.push(b'x');
                }
                bytes
            }
            1 => self.long_value(),
            _ => self.pick_text(GARBAGE),
        }
    }

    /// A time from now on: so far away that nothing expires, or not allowed.
    pub(super) fn duration(&mut self, unit: i64) -> Vec<u8> {
        match self.below(20) {
            0..=16 => ((100_000 + self.below(1_000_000_000) as i64) * unit)
                .to_string()
                .into_bytes(),
            _ => self.garbage(),
        }
    }

    /// A point of time, far away.
    pub(super) fn moment(&mut self, unit: i64) -> Vec<u8> {
        match self.below(20) {
            0..=11 => ((4_000_000_000 + self.below(9) as i64) * unit)
                .to_string()
                .into_bytes(),
            12..=16 => ((3_000_000_000 + self.below(1_000_000_000) as i64) * unit)
                .to_string()
                .into_bytes(),
            _ => self.garbage(),
        }
    }
}
