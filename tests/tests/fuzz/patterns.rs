//! Glob patterns: a slow matcher says the same, and no pattern takes long.

use std::time::Duration;

use almandine_storage::glob;
use almandine_tests::sys;

use crate::{Dice, inputs};

/// Time for each byte of the pattern and each of the text, on any machine.
const PER_STEP: Duration = Duration::from_nanos(100);

/// One element of a pattern.
enum Element {
    Star,
    Any,
    Literal(u8),
    /// Ranges, and whether what is in none of them is meant.
    Class(Vec<(u8, u8)>, bool),
}

/// The elements of a pattern as `stringmatchlen` of Redis takes them apart.
fn elements(pattern: &[u8]) -> Vec<Element> {
    let (mut elements, mut rest) = (Vec::new(), pattern);
    loop {
        let (element, after) = match rest {
            [] => return elements,
            [b'*', after @ ..] => (Element::Star, after),
            [b'?', after @ ..] => (Element::Any, after),
            [b'[', b'^', after @ ..] => class(after, true),
            [b'[', after @ ..] => class(after, false),
            [b'\\', escaped, after @ ..] => (Element::Literal(*escaped), after),
            [literal, after @ ..] => (Element::Literal(*literal), after),
        };
        elements.push(element);
        rest = after;
    }
}

fn class(mut rest: &[u8], is_negated: bool) -> (Element, &[u8]) {
    let mut ranges = Vec::new();
    loop {
        rest = match rest {
            [] => return (Element::Class(ranges, is_negated), rest),
            [b'\\', escaped, after @ ..] => {
                ranges.push((*escaped, *escaped));
                after
            }
            [b']', after @ ..] => return (Element::Class(ranges, is_negated), after),
            [low, b'-', high, after @ ..] => {
                ranges.push((*low.min(high), *low.max(high)));
                after
            }
            [literal, after @ ..] => {
                ranges.push((*literal, *literal));
                after
            }
        };
    }
}

/// Whether they match, by a table of all beginnings of both.
fn matches_by_table(elements: &[Element], text: &[u8]) -> bool {
    // In Redis even `*` does not match the empty text.
    if text.is_empty() {
        return elements.is_empty();
    }
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for element in elements {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            match element {
                Element::Star => next[at] = reached[at] || (at > 0 && next[at - 1]),
                _ if at == 0 => {}
                Element::Any => next[at] = reached[at - 1],
                Element::Literal(byte) => next[at] = reached[at - 1] && *byte == text[at - 1],
                Element::Class(ranges, is_negated) => {
                    let is_in = ranges
                        .iter()
                        .any(|(low, high)| (low..=high).contains(&&text[at - 1]));
                    next[at] = reached[at - 1] && is_in != *is_negated;
                }
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[test]
fn patterns_match_what_a_slow_matcher_says() {
    let mut matching = 0;
    for seed in inputs(50_000) {
        let mut dice = Dice::new(seed);
        let alphabet = dice.one_of(&[&b"ab*?[]^-\\"[..], b"a*b", b"a*?", b"[]^-a\\\xff\0"]);
        let pattern = dice.word(alphabet, 24);
        let text = dice.word(b"aab]\\-\xff\0", 40);
        let expected = matches_by_table(&elements(&pattern), &text);
        matching += usize::from(expected);
        let (shown, text_shown) = (pattern.escape_ascii(), text.escape_ascii());
        assert_eq!(
            glob::matches(&pattern, &text),
            expected,
            "seed {seed}: {shown} {text_shown}"
        );
    }
    assert!(matching > 0, "nothing has matched");
}

#[test]
fn no_pattern_takes_long() {
    for pieces in ["a*", "*a", "?*", "a*?", "*[a-z]", "*a*b", "**", "*\\a"] {
        for end in ["b", "[^a]", "?b", "[", "\\"] {
            for times in [10, 100, 500] {
                let pattern = [pieces.repeat(times).as_bytes(), end.as_bytes()].concat();
                let text = vec![b'a'; 2_000];
                let budget = PER_STEP * u32::try_from(pattern.len() * text.len()).expect("few");
                let before = sys::thread_time().expect("the system tells");
                glob::matches(&pattern, &text);
                let took = sys::thread_time().expect("the system tells") - before;
                let shown = &pieces;
                assert!(
                    took < budget,
                    "{shown} {times} times, then {end}: {took:?} instead of {budget:?}"
                );
            }
        }
    }
}
