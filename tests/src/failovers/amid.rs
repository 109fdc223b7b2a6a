//! Kills of primaries while a copy, a snapshot or a rewrite is being made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use almandine_node::probe::Watch;

use super::stage::{PATIENCE, Stage};
use super::story::Play;
use crate::process::wait_until;
use crate::resp::{Client, Value};
use crate::sys;

/// How long something goes on before the kill, at most.
const AMID_MAX_MS: usize = 10;

impl Play<'_> {
    /// A replica that has lost everything copies the primary, which is killed meanwhile.
    pub(super) fn kill_amid_copy(
        &mut self,
        shard: usize,
        watch: &Watch,
    ) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        let copying = self.replica(shard, victim);
        self.report.faults += 1;
        self.stage.cluster.kill(copying);
        self.stage.cluster.wipe(copying)?;
        let pid = self.stage.cluster.node(victim).pid();
        let mut client = self.stage.cluster.client(victim);
        let has_copied = AtomicBool::new(false);
        let is_amid = thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let mut is_copied =
                    || says(&mut client, "replication", &["=wait_bgsave", "=send_bulk"]);
                wait_until(PATIENCE, || {
                    let is_amid = is_copied();
                    is_amid || has_copied.load(Ordering::Acquire)
                });
                let is_amid = is_copied();
                watch.mark(shard);
                // It runs until it is waited for.
                is_amid && sys::signal(pid, libc::SIGKILL).is_ok()
            });
            let started = self.stage.cluster.restart(copying);
            let follows = |stage: &Stage| stage.follows(copying);
            let copied = started.and_then(|()| self.stage.wait("it has its copy", follows));
            has_copied.store(true, Ordering::Release);
            let is_amid = killer.join().map_err(|_| "panicked".to_owned())?;
            copied.map(|()| is_amid)
        })?;
        self.report.amid += usize::from(is_amid);
        self.stage.cluster.kill(victim);
        self.come_back(shard, victim, watch)?;
        Ok(vec![victim])
    }

    /// The primary is told to save what it has, and is killed while it does.
    pub(super) fn kill_amid_save(
        &mut self,
        shard: usize,
        watch: &Watch,
        command: &str,
        sign: &str,
    ) -> Result<Vec<usize>, String> {
        let victim = self.victim(shard)?;
        let mut client = self.stage.cluster.client(victim);
        match client.line(command) {
            Ok(Value::Simple(_)) => {}
            answer => return Err(format!("{command}: {answer:?}")),
        }
        self.pass(AMID_MAX_MS, watch);
        self.report.amid += usize::from(says(&mut client, "persistence", &[sign]));
        watch.mark(shard);
        self.stage.cluster.kill(victim);
        self.come_back(shard, victim, watch)?;
        Ok(vec![victim])
    }
}

/// Whether a section of INFO has one of `signs`.
pub(super) fn says(client: &mut Client, section: &str, signs: &[&str]) -> bool {
    let info = client.call(&["INFO", section]).ok();
    let info = info.and_then(|info| info.text()).unwrap_or_default();
    signs.iter().any(|sign| info.contains(sign))
}
