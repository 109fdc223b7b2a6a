//! Redis's glob patterns.

/// Whether `text` matches `pattern` as Redis's `stringmatchlen` decides: `*`, `?`, `[a-z]`, `[^a]`, `\x`.
/// Never recurses, at most `pattern.len() * text.len()` steps.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // In Redis no pattern but the empty one matches the empty text; commands that take `*` for "all" say so themselves.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Behind the last star: where the pattern goes on, and how much of the text the star has taken.
    let mut star: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                star = Some((p, t));
                continue;
            }
            None if t == text.len() => return true,
            Some(_) if t < text.len() => {
                let (length, is_match) = element(&pattern[p..], text[t]);
                if is_match {
                    p += length;
                    t += 1;
                    continue;
                }
            }
            _ => {}
        }
        // Only the last star can take more: whatever an earlier one took is right for some match, if there is any.
        match star {
            Some((behind, taken)) if taken < text.len() => {
                star = Some((behind, taken + 1));
                (p, t) = (behind, taken + 1);
            }
            _ => return false,
        }
    }
}

/// How long the first element of `pattern` is, and whether it matches `byte`. `pattern` is not empty.
fn element(pattern: &[u8], byte: u8) -> (usize, bool) {
    match pattern {
        [b'?', ..] => (1, true),
        [b'[', ..] => class(pattern, byte),
        [b'\\', escaped, ..] => (2, *escaped == byte),
        [literal, ..] => (1, *literal == byte),
        [] => (0, false),
    }
}

/// `[...]`; one that does not close ends with the pattern.
fn class(pattern: &[u8], byte: u8) -> (usize, bool) {
    let is_negated = pattern.get(1) == Some(&b'^');
    let mut i = if is_negated { 2 } else { 1 };
    let mut is_match = false;
    loop {
        match &pattern[i..] {
            [] => return (i, is_match != is_negated),
            [b'\\', escaped, ..] => {
                is_match |= *escaped == byte;
                i += 2;
            }
            [b']', ..] => return (i + 1, is_match != is_negated),
            [first, b'-', last, ..] => {
                let (low, high) = (first.min(last), first.max(last));
                is_match |= (low..=high).contains(&&byte);
                i += 3;
            }
            [literal, ..] => {
                is_match |= *literal == byte;
                i += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expect) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", false),
            ("**", "", false),
            ("**", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*ab", "aab", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("h[a-b]llo", "hcllo", false),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[abc", "c", true),
            ("[a-", "-", true),
            ("[\\]]", "]", true),
            ("[a\\-c]", "b", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("a\\?", "a?", true),
            ("a*", "b", false),
            ("*?", "", false),
            ("*?", "a", true),
            ("a*\\", "ab\\", true),
        ] {
            let found = matches(pattern.as_bytes(), text.as_bytes());
            assert_eq!(found, expect, "{pattern} {text}");
        }
        assert!(matches(b"\xff[\x00-\x02]*", b"\xff\x01\n"));
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let (pattern, text) = (b"a*".repeat(200), vec![b'a'; 20_000]);
        assert!(matches(&pattern, &text));
        assert!(!matches(&[pattern, b"b".to_vec()].concat(), &text));
    }

    /// What Redis's rules say, without thought for time.
    fn slowly(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], text) => (0..=text.len()).any(|taken| slowly(rest, &text[taken..])),
            (_, []) => false,
            (pattern, [byte, rest @ ..]) => {
                let (length, is_match) = super::element(pattern, *byte);
                is_match && slowly(&pattern[length..], rest)
            }
        }
    }

    #[test]
    fn taking_only_the_last_star_back_misses_nothing() {
        let mut seed = 7_u64;
        let mut word = |alphabet: &[u8], longest: u64| {
            let mut die = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed >> 33
            };
            let length = die() % longest;
            (0..length)
                .map(|_| alphabet[(die() % alphabet.len() as u64) as usize])
                .collect::<Vec<u8>>()
        };
        for _ in 0..50_000 {
            let (pattern, text) = (word(b"ab*?[]^-\\", 8), word(b"ab]\\", 8));
            let expected = match text.is_empty() {
                true => pattern.is_empty(),
                false => slowly(&pattern, &text),
            };
            let found = matches(&pattern, &text);
            assert_eq!(found, expected, "{pattern:?} {text:?}");
        }
    }
}
