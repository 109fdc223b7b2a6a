use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use actix::{Addr, Arbiter, System};

use super::*;
use crate::actors::lifeline::{Child, ChildExited, Exit};

/// Writes down what it hears.
struct Ear {
    persisted: Sender<u64>,
    exited: Sender<ChildExited>,
}

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Persisted> for Ear {
    type Result = ();

    fn handle(&mut self, Persisted { number }: Persisted, _: &mut Context<Self>) {
        self.persisted.send(number).unwrap();
    }
}

impl Handler<ChildExited> for Ear {
    type Result = ();

    fn handle(&mut self, exited: ChildExited, _: &mut Context<Self>) {
        self.exited.send(exited).unwrap();
    }
}

/// A vault actor in a directory of its own, and what is heard of it.
struct Stage {
    dir: std::path::PathBuf,
    persisted: Receiver<u64>,
    exited: Receiver<ChildExited>,
}

impl Stage {
    /// Plays `play` with the actor on its own thread, as in a node.
    fn play(name: &str, play: impl FnOnce(&Stage, Addr<VaultActor>)) {
        let name = format!("almandine-vault-actor-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).unwrap();
        let vault = Vault::open_with_ballast(&dir.join("cluster.db"), 1 << 16).unwrap();
        let (persisted_tx, persisted) = channel();
        let (exited_tx, exited) = channel();
        let stage = Stage {
            dir,
            persisted,
            exited,
        };
        let _system = System::new();
        let (arbiter, ears) = (Arbiter::new(), Arbiter::new());
        let ear = Ear::start_in_arbiter(&ears.handle(), |_| Ear {
            persisted: persisted_tx,
            exited: exited_tx,
        });
        let lifeline = Lifeline::new(Child::Vault, ear.clone().recipient());
        let actor = VaultActor::new(vault, ear.recipient(), lifeline);
        let addr = VaultActor::start_in_arbiter(&arbiter.handle(), |_| actor);
        play(&stage, addr);
        arbiter.stop();
        ears.stop();
        fs::remove_dir_all(&stage.dir).unwrap();
    }
}

fn commit(number: u64) -> Commit {
    Commit {
        number,
        changes: vec![(
            format!("k{}", number % 5).into_bytes(),
            Some(number.to_string().into_bytes()),
        )],
    }
}

#[test]
fn every_commit_is_answered_in_order_and_is_there_afterwards() {
    Stage::play("order", |stage, addr| {
        for number in 1..=500 {
            addr.do_send(commit(number));
        }
        let answers: Vec<u64> = stage.persisted.iter().take(500).collect();
        assert!(answers.iter().copied().eq(1..=500));
        drop(addr);
        let exited = stage.exited.recv().unwrap();
        assert_eq!((exited.child, exited.exit), (Child::Vault, Exit::Stopped));
        let values = Vault::open(&stage.dir.join("cluster.db"))
            .unwrap()
            .load()
            .unwrap();
        assert_eq!(values[&b"k0"[..]], b"500");
        assert_eq!(values.len(), 5);
    });
}

#[test]
fn the_readable_copy_is_written() {
    Stage::play("export", |stage, addr| {
        let path = stage.dir.join("nodes.conf");
        addr.do_send(commit(1));
        addr.do_send(Export {
            path: path.clone(),
            text: "one node\n".to_owned(),
        });
        assert_eq!(stage.persisted.recv(), Ok(1));
        while !path.exists() {
            thread::yield_now();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one node\n");
    });
}

/// A vault that panics must take the node with it, and the node hears of it.
#[test]
fn commits_out_of_order_are_a_bug_that_the_parent_hears_of() {
    Stage::play("bug", |stage, addr| {
        addr.do_send(commit(2));
        assert_eq!(stage.persisted.recv(), Ok(2));
        addr.do_send(Commit {
            number: 3,
            changes: vec![(b"\0format".to_vec(), None)],
        });
        let exited = stage.exited.recv().unwrap();
        assert_eq!((exited.child, exited.exit), (Child::Vault, Exit::Panicked));
    });
}
