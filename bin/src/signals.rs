//! Signals: SIGTERM and SIGINT end the node, a second one at once; SIGHUP opens the log again.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::logging::Log;

/// Exit code after a second signal.
const IMPATIENT: i32 = 130;

/// Resolves at the first signal that ends the node. Must be called on the control thread.
pub(crate) async fn ended(log: Log) {
    if let Err(error) = wait(log).await {
        error!(%error, "signals cannot be caught");
    }
}

async fn wait(log: Log) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            log.reopen();
        }
    });
    let name = either(&mut terminate, &mut interrupt).await;
    info!("Received {name} scheduling shutdown...");
    actix_rt::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        error!("Received {name} again, ending at once");
        process::exit(IMPATIENT);
    });
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
