//! Signals: SIGTERM and SIGINT end the node as `shutdown-on-sigterm` and `shutdown-on-sigint` say, a second one at once;
//! SIGHUP opens the log again. The drill ends at once.

use std::io;
use std::process;
use std::sync::Arc;
use std::thread;

use almandine_node::actors::node::messages::{Ending, Shutdown};
use almandine_node::node::Node;
use almandine_node::params::{Params, ShutdownOptions};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::logging::Log;

/// Exit code after a second signal.
const IMPATIENT: i32 = 130;

/// Catches the signals from now on; what it returns carries them out. Must be called on the control thread.
///
/// # Errors
/// The system does not let us.
pub(crate) fn caught(log: Log, node: Arc<Node>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            log.reopen();
        }
    });
    Ok(async move {
        loop {
            let caught = either(&mut terminate, &mut interrupt).await;
            if node.is_ending() {
                error!("Received {} again, ending at once", caught.name());
                process::exit(IMPATIENT);
            }
            info!("Received {} scheduling shutdown...", caught.name());
            let how = caught.options(&node.params());
            if !node.end(Shutdown::Begin(Ending { how, client: None })) {
                process::exit(0);
            }
        }
    })
}

/// Calls `then` when SIGTERM or SIGINT comes, on a thread of its own.
///
/// # Errors
/// The system does not let us.
pub(crate) fn on_end(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    drop(entered);
    thread::spawn(move || {
        runtime.block_on(either(&mut terminate, &mut interrupt));
        then();
    });
    Ok(())
}

/// A signal that ends the node.
#[derive(Debug, Clone, Copy)]
enum Caught {
    Terminate,
    Interrupt,
}

impl Caught {
    fn name(self) -> &'static str {
        match self {
            Caught::Terminate => "SIGTERM",
            Caught::Interrupt => "SIGINT",
        }
    }

    fn options(self, params: &Params) -> ShutdownOptions {
        match self {
            Caught::Terminate => params.shutdown_on_sigterm,
            Caught::Interrupt => params.shutdown_on_sigint,
        }
    }
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> Caught {
    tokio::select! {
        _ = terminate.recv() => Caught::Terminate,
        _ = interrupt.recv() => Caught::Interrupt,
    }
}
