//! Configuration files: whatever stands in them is read or refused, and what we write we read again.

use almandine_node::params::layers::Layers;
use almandine_node::params::rewrite::{Extent, rewritten};
use almandine_node::params::{Effect, Params, TABLE, conf};

use crate::{Dice, inputs};

const LINE: &[u8] = b"ab0 \t\"'\\x\x0b\0\xff#\r";

/// A file of directives that are nearly right.
fn file(dice: &mut Dice) -> Vec<u8> {
    let mut file = Vec::new();
    for _ in 0..dice.below(8) {
        match dice.below(8) {
            0 => file.extend_from_slice(&dice.word(LINE, 30)),
            1 => file.extend_from_slice(&dice.bytes(30)),
            _ => {
                let param = &TABLE[dice.below(TABLE.len())];
                file.extend_from_slice(param.name.as_bytes());
                for _ in 0..=dice.below(3) {
                    file.push(b' ');
                    file.extend_from_slice(&value(dice, param.default));
                }
            }
        }
        file.extend_from_slice(dice.one_of(&[&b"\n"[..], b"\r\n", b"\n\n", b" "]));
    }
    file
}

fn value(dice: &mut Dice, default: &str) -> Vec<u8> {
    const VALUES: &[&str] = &[
        "0",
        "1",
        "-1",
        "yes",
        "no",
        "\"\"",
        "''",
        "100mb",
        "1gb",
        "99999999999999999999",
        "-9223372036854775808",
        "1e9",
        "50%",
        "60 1",
        "normal 0 0 0",
        "pubsub 1mb 1kb",
        "*",
        "AKE",
        "\"\\x00\"",
        "/",
        "::1",
        "allkeys-lru",
        "everysec",
        "0777",
    ];
    match dice.below(4) {
        0 => default.as_bytes().to_vec(),
        1 => dice.word(LINE, 12),
        _ => dice.one_of(VALUES).as_bytes().to_vec(),
    }
}

/// Reads it as a start of the node does.
fn read(text: &[u8]) -> Option<Params> {
    let directives = conf::directives(text).ok()?;
    let mut layers = Layers::new();
    layers.directives(directives).ok()?;
    Some(layers.finish().ok()?.0)
}

#[test]
fn any_file_is_read_or_refused() {
    let mut read_files = 0;
    for seed in inputs(20_000) {
        let mut dice = Dice::new(seed);
        let mut text = file(&mut dice);
        // An include may read any file of this machine.
        while let Some(at) = text
            .windows(7)
            .position(|word| word.eq_ignore_ascii_case(b"include"))
        {
            text[at] = b'x';
        }
        let Some(params) = read(&text) else { continue };
        read_files += 1;
        // What is in force is written into the file, and is in force after the next start.
        let written = rewritten(&text, &params, Extent::Changed);
        let again = read(&written);
        let again = again.unwrap_or_else(|| panic!("seed {seed}: {}", written.escape_ascii()));
        for param in TABLE.iter().filter(|param| param.effect == Effect::Works) {
            let (before, after) = (params.get(param.name), again.get(param.name));
            assert_eq!(
                before,
                after,
                "seed {seed}: {} in {}",
                param.name,
                text.escape_ascii()
            );
        }
    }
    assert!(read_files > 100, "only {read_files} files were read");
}

#[test]
fn words_are_read_as_they_were_written() {
    for seed in inputs(50_000) {
        let mut dice = Dice::new(seed);
        let words: Vec<Vec<u8>> = (0..dice.below(5)).map(|_| dice.bytes(12)).collect();
        let mut line = Vec::new();
        for word in &words {
            conf::write_word(&mut line, word);
            line.push(b' ');
        }
        assert_eq!(
            conf::split(&line),
            Some(words),
            "seed {seed}: {}",
            line.escape_ascii()
        );
        // Any line is split or refused.
        conf::split(&dice.word(LINE, 40));
    }
}
