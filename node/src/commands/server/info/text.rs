//! The form of INFO: titles, `name:value` lines that end with CRLF, a blank line between sections.

use std::fmt::{Display, Write};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::commands::server) struct Text(String);

impl Text {
    /// A section begins.
    pub(super) fn begin(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    /// A line `name:value`.
    pub(in crate::commands::server) fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// Several lines with whole numbers.
    pub(in crate::commands::server) fn numbers(&mut self, fields: &[(&str, u64)]) {
        for (name, value) in fields {
            self.field(name, value);
        }
    }

    /// A size twice: in bytes and for people.
    pub(in crate::commands::server) fn size(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    /// The answer.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn line(&mut self, line: impl Display) {
        write!(self.0, "{line}\r\n").expect("a string grows");
    }
}

/// A size as people read it: `1.50M`.
pub(in crate::commands::server) fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let unit = (bytes.ilog2() / 10) as usize;
    let value = bytes as f64 / (1u64 << (10 * unit)) as f64;
    format!("{value:.2}{}", UNITS[unit - 1])
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn sizes_for_people_have_two_digits_behind_the_point() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (746_032, "728.55K"),
            (25_276_510_208, "23.54G"),
            (u64::MAX, "16.00E"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }
}
