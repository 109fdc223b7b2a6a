//! Seeded fuzz of everything that reads bytes of others: requests, lines of words, patterns, configuration files.
//!
//! Every input has a seed of its own. `FUZZ_INPUTS` says how many inputs each target gets, for longer runs; `FUZZ_SEED` with
//! which it begins, to repeat one that failed. (The arguments of commands are fuzzed where their handlers are, in `node`.)
//!
//! ```text
//!   allocations.rs   what this thread has allocated
//!   requests.rs      the request parser, cut at every byte, against itself; lines of words against a plain reading of them
//!   patterns.rs      glob patterns against a slow matcher; how long they take
//!   configs.rs       configuration files
//!   logs.rs          append-only files and their manifests
//!   streams.rs       what a primary sends to its replica
//! ```

mod allocations;
mod configs;
mod logs;
mod patterns;
mod requests;
mod streams;

use almandine_storage::Rng;

/// Inputs of a target where nobody wishes more, of about so many steps in all.
fn inputs(usual: u64) -> impl Iterator<Item = u64> {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    };
    let first = number("FUZZ_SEED", 1);
    first..first + number("FUZZ_INPUTS", usual)
}

/// Throws the dice of one input.
struct Dice(Rng);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(Rng::new(seed))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Bytes out of `alphabet`, fewer than `bound`.
    fn word(&mut self, alphabet: &[u8], bound: usize) -> Vec<u8> {
        let length = self.below(bound);
        (0..length)
            .map(|_| alphabet[self.below(alphabet.len())])
            .collect()
    }

    fn bytes(&mut self, bound: usize) -> Vec<u8> {
        let length = self.below(bound);
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}
