//! Processes that end with us, also when we are killed.
//!
//! Linux kills a child when the *thread* that started it ends, and the threads of tests end early. So one thread that
//! lives as long as the process starts all children.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};

use crate::sys;

struct Order {
    command: Command,
    cpu: Option<usize>,
    answer: Sender<io::Result<Child>>,
}

/// Starts `command`, on `cpu` only if one is given.
pub(super) fn spawn(command: Command, cpu: Option<usize>) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| Mutex::new(start_spawner()));
    let (answer, child) = channel();
    let order = Order {
        command,
        cpu,
        answer,
    };
    let gone = || io::Error::other("the thread that starts processes is gone");
    spawner
        .lock()
        .map_err(|_| gone())?
        .send(order)
        .map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

fn start_spawner() -> Sender<Order> {
    let (orders, inbox) = channel::<Order>();
    std::thread::spawn(move || {
        for mut order in inbox {
            sys::tie_child(&mut order.command, order.cpu);
            // Nobody waits for the answer any more: then nobody needs the child either.
            if let Err(unwanted) = order.answer.send(order.command.spawn())
                && let Ok(mut child) = unwanted.0
            {
                let _ = child.kill();
            }
        }
    });
    orders
}
