//! Error replies, counted by their first word: INFO errorstats.

use std::collections::BTreeMap;

/// Different words counted; scripts may invent any number of them.
const WORDS_MAX: usize = 128;
/// Under which the others are counted together.
const OVERFLOW: &str = "ERRORSTATS_OVERFLOW";

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct ErrorStats {
    by_code: BTreeMap<Box<str>, u64>,
    total: u64,
}

impl ErrorStats {
    /// An error reply that begins with `code`.
    pub fn count(&mut self, code: &str) {
        self.count_many(code, 1);
    }

    /// Several of them.
    pub fn count_many(&mut self, code: &str, replies: u64) {
        self.total += replies;
        if let Some(count) = self.by_code.get_mut(code) {
            *count += replies;
            return;
        }
        let code = match self.by_code.len() < WORDS_MAX {
            true => code,
            false => OVERFLOW,
        };
        *self.by_code.entry(code.into()).or_default() += replies;
    }

    /// All error replies.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Code words and how often each was replied, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.by_code.iter().map(|(code, count)| (&**code, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_code_in_alphabetical_order() {
        let mut errors = ErrorStats::default();
        for code in ["WRONGTYPE", "ERR", "ERR"] {
            errors.count(code);
        }
        let counts: Vec<_> = errors.iter().collect();
        assert_eq!(counts, [("ERR", 2), ("WRONGTYPE", 1)]);
        assert_eq!(errors.total(), 3);
    }

    #[test]
    fn beyond_128_words_new_ones_are_counted_together() {
        let mut errors = ErrorStats::default();
        (0..130).for_each(|n| errors.count(&format!("E{n}")));
        errors.count("E5");
        let counts: BTreeMap<_, _> = errors.iter().collect();
        assert_eq!(counts.len(), WORDS_MAX + 1);
        assert_eq!((counts[OVERFLOW], counts["E5"]), (2, 2));
        assert_eq!(errors.total(), 131);
    }
}
