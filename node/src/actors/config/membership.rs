//! What a node of a cluster begins with: its vault, what it remembers, the sockets of its bus.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use almandine_cluster::id::NodeId;
use almandine_cluster::machine::{Effect, Founder, Machine};
use almandine_cluster::topology::{Address, Kind};
use almandine_storage::vault::{self, Vault};
use tracing::info;

use super::picture;
use crate::actors::listener;
use crate::cluster::Picture;
use crate::params::Params;

/// See the module. Nobody has heard of the node yet.
#[derive(Debug)]
pub struct Membership {
    pub(super) vault: Vault,
    pub(super) machine: Machine,
    /// What the machine wants done first.
    pub(super) effects: Vec<Effect>,
    pub(super) sockets: Vec<TcpListener>,
}

impl Membership {
    /// Opens the vault and goes on where it ends, or founds a cluster of one; binds the bus. None if the node is to stand
    /// alone. `seed` decides the dice of the machine.
    ///
    /// # Errors
    /// Why this node cannot take part: another process has the vault, it is damaged, a socket cannot be bound.
    pub fn open(params: &Params, seed: u64) -> Result<Option<Membership>, String> {
        if !params.cluster_enabled {
            return Ok(None);
        }
        let sockets = listener::bind_all(params, params.bus_port())?;
        let dir = vault_dir(params);
        if params.clean_cluster_config {
            set_aside(&dir)?;
        }
        let vault = Vault::open(&dir).map_err(|error| told(&error))?;
        let records = vault.load().map_err(|error| told(&error))?;
        let address = address(params);
        let (machine, effects) = match records.is_empty() {
            true => Machine::found(Founder {
                node: new_node().map_err(|error| format!("no random bytes: {error}"))?,
                kind: match params.witness {
                    true => Kind::Witness,
                    false => Kind::Data,
                },
                address,
                seed,
            }),
            false => {
                Machine::recover(&records, address, seed).map_err(|error| error.to_string())?
            }
        };
        if (machine.identity().kind == Kind::Witness) != params.witness {
            return Err(format!(
                "'witness' is {} now, but this node has joined its cluster as something else: start it with --clean-cluster-config",
                if params.witness { "yes" } else { "no" }
            ));
        }
        info!(
            node = %machine.identity().node,
            cluster = %machine.identity().cluster,
            starts = machine.identity().start,
            epoch = machine.topology().current_epoch,
            members = machine.topology().members().len(),
            "Recovered the state of the cluster"
        );
        Ok(Some(Membership {
            vault,
            machine,
            effects,
            sockets,
        }))
    }

    /// Whether this node was never started before.
    pub fn is_new(&self) -> bool {
        self.machine.identity().start == 1
    }

    /// The cluster as the node remembers it.
    pub fn picture(&self, params: &Params) -> Picture {
        let topology = Arc::new(self.machine.topology().clone());
        picture::of(&self.machine, topology, params, &Default::default())
    }
}

/// Where the vault is: beside the copy for people.
fn vault_dir(params: &Params) -> PathBuf {
    Path::new(&params.dir)
        .join(&params.cluster_config_file)
        .with_extension("db")
}

fn set_aside(dir: &Path) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let stamp = now.unwrap_or_default().as_secs().to_string();
    let moved = vault::set_aside(dir, &stamp).map_err(|error| told(&error))?;
    if let Some(moved) = moved {
        let moved = moved.display();
        info!(%moved, "The old state of the cluster is set aside, this node begins anew");
    }
    Ok(())
}

/// An error with its cause.
fn told(error: &vault::VaultError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn new_node() -> Result<NodeId, io::Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(NodeId::new(bytes))
}

/// How others reach this node. Its IP is not known before somebody has said it, unless the operator has.
pub(super) fn address(params: &Params) -> Address {
    let or = |announced: u16, own: u16| match announced {
        0 => own,
        announced => announced,
    };
    Address {
        ip: params.cluster_announce_ip.parse().ok(),
        port: or(params.cluster_announce_port, params.port),
        bus_port: or(params.cluster_announce_bus_port, params.bus_port()),
        hostname: params.cluster_announce_hostname.clone(),
    }
}
