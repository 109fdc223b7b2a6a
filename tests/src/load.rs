//! A server that is kept busy while a test does something to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::differential::Requests;
use crate::process::Identity;
use crate::resp::Client;

/// Requests that are sent together.
const TOGETHER: usize = 50;

/// Random requests on data of all types, some of which soon expire, in several databases. Ends when it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<usize>>,
}

impl Load {
    /// Begins; `seed` decides the requests, `weakest` is who must know the commands.
    pub fn begin(address: SocketAddr, seed: u64, weakest: &Identity) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let (requests, told) = (Requests::new(seed, weakest), stop.clone());
        let thread = thread::spawn(move || work(address, requests, &told));
        Load {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends; returns how many requests were answered.
    ///
    /// # Panics
    /// If the server has not answered one.
    pub fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take().expect("it ends once");
        thread.join().expect("the server answers")
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn work(address: SocketAddr, mut requests: Requests, stop: &AtomicBool) -> usize {
    let mut client = Client::connect(address).expect("a connection");
    let mut count = 0;
    for round in 0_usize.. {
        let plain = requests
            .by_ref()
            .filter(|request| !reads_odd_numbers(request));
        let mut batch: Vec<Vec<Vec<u8>>> = plain.take(TOGETHER).collect();
        batch.extend(passing(round));
        count += client.pipeline(&batch).expect("answers").len();
        if stop.load(Ordering::Acquire) {
            break;
        }
    }
    count
}

/// Only old servers read hexadecimal scores, blanks before numbers, and the least count of LREM. What a primary that reads them
/// passes on is refused by a later one, which then has not the same.
fn reads_odd_numbers(request: &[Vec<u8>]) -> bool {
    let is = |name: &[u8]| request[0].eq_ignore_ascii_case(name);
    let is_odd = |word: &Vec<u8>| {
        let number = word.strip_prefix(b"(").unwrap_or(word);
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        digits.starts_with(b"0x") || number.first().is_some_and(u8::is_ascii_whitespace)
    };
    let least = i64::MIN.to_string();
    is(b"sort")
        || request.iter().any(is_odd)
        || (is(b"lrem") && request.iter().any(|word| word == least.as_bytes()))
}

/// Keys that soon expire, and another database now and then.
fn passing(round: usize) -> Vec<Vec<Vec<u8>>> {
    let number = round % 100;
    let lines = [
        format!("SET passing:{number} v PX {}", 1 + round % 70),
        format!("RPUSH fading:{number} a b c"),
        format!("PEXPIRE fading:{number} {}", 1 + round % 90),
        format!("INCR passing:{}", (round + 50) % 100),
        format!("SPOP passing-set:{}", number % 7),
        format!("SADD passing-set:{} {round} {}", number % 7, round + 1),
        format!("SELECT {}", round / 20 % 4),
    ];
    let words = |line: &String| {
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    };
    lines.iter().map(words).collect()
}
