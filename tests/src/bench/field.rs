//! The servers of a run.

use std::str::FromStr;

use super::Failure;
use crate::process::{Running, Server, Start};
use crate::sys;

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
            runners.push(Runner {
                name: contender.name.clone(),
                is_ours: contender.is_ours(),
                server: server.map_err(|error| format!("{}: {error}", contender.name))?,
            });
        }
        if let Some(cpu) = pinning.client {
            sys::set_affinity(cpu)?;
        }
        Ok(Field { runners })
    }
}
