//! Which thread carries which connection, and that clients do not notice when it changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::Duration;

use almandine_tests::process::{TestNode, wait_until};
use almandine_tests::resp::{Client, Protocol, Value};

const PATIENCE: Duration = Duration::from_secs(60);
const CROWD: usize = 8;

/// Plays `scene` with a node that serves by io_uring, if the kernel grants it, and with one that serves by epoll.
fn with_each(scene: impl Fn(&TestNode)) {
    let args = ["--threads", "3", "--thread-busy-limit", "100", "--io-uring"];
    for transport in ["auto", "no"] {
        scene(&TestNode::start_with(&[&args[..], &[transport]].concat()));
    }
}

/// Counts up in a database of its own, and knows what the answers must be.
struct Counter {
    client: Client,
    number: usize,
    counted: i64,
}

impl Counter {
    fn connect(node: &TestNode, number: usize) -> Counter {
        let protocol = [Protocol::Resp2, Protocol::Resp3][number % 2];
        let mut client = node.client_with(protocol);
        client.timeout(PATIENCE);
        client.line(&format!("SELECT {number}")).expect("a reply");
        let name = format!("CLIENT SETNAME counter-{number}");
        client.line(&name).expect("a reply");
        Counter {
            client,
            number,
            counted: 0,
        }
    }

    /// With pauses, for connections move only if a processor has time to spare.
    fn count_until(mut self, stop: &AtomicBool) -> Counter {
        while !stop.load(Ordering::Relaxed) {
            let nothing = self.client.line("BLPOP nothing 0.002").expect("a reply");
            assert!(nothing.is_null(), "{nothing:?}");
            match self.number % 4 {
                0 | 1 => self.count_by_pipeline(),
                2 => self.count_by_transaction(),
                _ => self.count_once_the_key_is_watched(),
            }
        }
        self
    }

    fn count_by_pipeline(&mut self) {
        let requests = vec![vec!["INCR", "n"]; 5];
        for reply in self.client.pipeline(&requests).expect("answers") {
            self.counted += 1;
            assert_eq!(reply.integer(), Some(self.counted));
        }
    }

    fn count_by_transaction(&mut self) {
        self.counted += 1;
        for command in ["MULTI", "INCR n"] {
            self.client.line(command).expect("a reply");
        }
        let replies = self.client.line("EXEC").expect("a reply");
        assert_eq!(replies, Value::Array(vec![Value::Integer(self.counted)]));
    }

    /// A change between WATCH and EXEC must be seen.
    fn count_once_the_key_is_watched(&mut self) {
        self.client.line("WATCH n").expect("a reply");
        self.client.line("INCR n").expect("a reply");
        self.counted += 1;
        for command in ["MULTI", "INCR n"] {
            self.client.line(command).expect("a reply");
        }
        let nothing = self.client.line("EXEC").expect("a reply");
        assert!(nothing.is_null(), "{nothing:?}");
    }

    fn check(&mut self) {
        let count = self.client.line("GET n").expect("a reply").text();
        assert_eq!(count, Some(self.counted.to_string()));
        let name = self.client.line("CLIENT GETNAME").expect("a reply").text();
        assert_eq!(name, Some(format!("counter-{}", self.number)));
    }
}

/// How many connections each thread carries.
fn carried(control: &mut Client) -> [usize; 3] {
    let list = control.line("CLIENT LIST").expect("a list").text();
    let list = list.expect("a text");
    [0, 1, 2].map(|thread| list.matches(&format!(" io-thread={thread} ")).count())
}

fn set_limit(control: &mut Client, percent: &str) {
    let reply = control.call(&["CONFIG", "SET", "thread-busy-limit", percent]);
    assert_eq!(reply.expect("a reply").text().as_deref(), Some("OK"));
}

/// All count until some of them are carried by other threads.
fn count_until_some_have_moved(control: &mut Client, counters: Vec<Counter>) -> Vec<Counter> {
    let stop = AtomicBool::new(false);
    set_limit(control, "1");
    scope(|scope| {
        let begin = |counter: Counter| scope.spawn(|| counter.count_until(&stop));
        let threads: Vec<_> = counters.into_iter().map(begin).collect();
        let have_moved = wait_until(PATIENCE, || carried(control)[1..] != [0, 0]);
        stop.store(true, Ordering::Relaxed);
        let threads = threads.into_iter();
        let counters = threads.map(|thread| thread.join().expect("it counts well"));
        let counters = counters.collect();
        assert!(have_moved, "one thread carries all of the load");
        counters
    })
}

#[test]
fn connections_move_when_their_thread_is_busy_and_come_back() {
    with_each(|node| {
        let mut control = node.client();
        let mut counters: Vec<Counter> = (0..CROWD)
            .map(|number| Counter::connect(node, number))
            .collect();
        let together = [CROWD + 1, 0, 0];
        assert_eq!(carried(&mut control), together);
        let files = node.open_files();
        for _ in 0..3 {
            counters = count_until_some_have_moved(&mut control, counters);
            counters.iter_mut().for_each(Counter::check);
            set_limit(&mut control, "100");
            let are_back = wait_until(PATIENCE, || carried(&mut control) == together);
            assert!(are_back, "{:?}", carried(&mut control));
            counters.iter_mut().for_each(Counter::check);
        }
        // Whoever was left behind has gone.
        assert!(wait_until(PATIENCE, || node.open_files() <= files));
        let killed = control.line("CLIENT KILL SKIPME yes").expect("a reply");
        assert_eq!(killed.integer(), Some(CROWD as i64));
        for counter in &mut counters {
            counter.client.until_closed().expect("it is closed");
        }
        assert!(wait_until(PATIENCE, || carried(&mut control) == [1, 0, 0]));
    });
}

#[test]
fn without_a_limit_all_threads_carry_equally_many() {
    let node = TestNode::start_with(&["--threads", "3", "--thread-busy-limit", "0"]);
    let mut control = node.client();
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| node.client()).collect();
    for client in &mut crowd {
        client.line("PING").expect("a reply");
    }
    // The harness has just looked whether the node answers: that connection may have been there still.
    let share = carried(&mut control);
    assert!(share.iter().all(|count| *count >= 2), "{share:?}");
}
