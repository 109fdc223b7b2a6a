//! The servers of a run.

use std::str::FromStr;
use std::time::Duration;

use super::Failure;
use crate::process::{Running, Server, Start, wait_until};
use crate::sys;

/// How long a cluster of one node may take to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that takes part: `name=program argument...`.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name in tables.
    pub name: String,
    pub(super) start: Start,
}

impl Contender {
    /// Our node and the peers that are known to this machine.
    pub fn known() -> Vec<Contender> {
        let peers = [
            ("redis-7.0", Server::redis()),
            ("redis-8.2", Server::redis82()),
            ("valkey", Server::valkey()),
        ];
        let ours = Contender::new("almandine", Server::Almandine);
        let peers = peers
            .into_iter()
            .filter_map(|(name, server)| Some(Contender::new(name, server?)));
        std::iter::once(ours).chain(peers).collect()
    }

    fn new(name: &str, server: Server) -> Contender {
        Contender {
            name: name.to_owned(),
            start: Start::new(server).keeps_together(),
        }
    }

    /// Whether this is our node, or another build of it.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("almandine")
    }
}

impl FromStr for Contender {
    type Err = String;

    fn from_str(text: &str) -> Result<Contender, String> {
        let (name, command) = text
            .split_once('=')
            .ok_or("a server is given as name=program argument...")?;
        let mut words = command.split_whitespace();
        let server = match words.next() {
            None => return Err("a server needs a program".to_owned()),
            Some("almandine") => Server::Almandine,
            Some(program) => Server::at(program),
        };
        Ok(Contender {
            name: name.to_owned(),
            start: Start::new(server).keeps_together().args(words),
        })
    }
}

/// Which CPUs server and load generator run on; `None` leaves it to the system.
#[derive(Debug, Clone, Copy)]
pub struct Pinning {
    /// Of the servers.
    pub server: Option<usize>,
    /// Of the load generator.
    pub client: Option<usize>,
}

/// Servers that run side by side.
pub struct Field {
    pub(super) runners: Vec<Runner>,
}

/// A contender that runs.
pub(super) struct Runner {
    pub(super) name: String,
    pub(super) is_ours: bool,
    pub(super) server: Running,
}

impl Field {
    /// Starts all contenders and pins the calling thread.
    pub fn start(contenders: &[Contender], pinning: Pinning) -> Result<Field, Failure> {
        let mut runners = Vec::new();
        for contender in contenders {
            let server = contender.start.clone().cpu(pinning.server).run();
            let server = server.map_err(|error| format!("{}: {error}", contender.name))?;
            give_slots(&server).map_err(|error| format!("{}: {error}", contender.name))?;
            runners.push(Runner {
                name: contender.name.clone(),
                is_ours: contender.is_ours(),
                server,
            });
        }
        if let Some(cpu) = pinning.client {
            sys::set_affinity(cpu)?;
        }
        Ok(Field { runners })
    }
}

/// A node of a cluster gets all slots: what it does for its own is compared with a node that stands alone.
fn give_slots(server: &Running) -> Result<(), Failure> {
    let mut client = server.client();
    let mut says = |line: &str| -> Result<String, Failure> {
        let answer = client.line(line)?;
        let text = answer.text().unwrap_or_default();
        match answer.is_error() {
            true => Err(format!("{line}: {text}").into()),
            false => Ok(text),
        }
    };
    if !says("INFO cluster")?.contains("cluster_enabled:1") {
        return Ok(());
    }
    says("CLUSTER ADDSLOTSRANGE 0 16383")?;
    let is_ok = wait_until(PATIENCE, || {
        says("CLUSTER INFO").is_ok_and(|info| info.contains("cluster_state:ok"))
    });
    match is_ok {
        true => Ok(()),
        false => Err("a cluster of one node does not come up".into()),
    }
}
