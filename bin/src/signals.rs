//! Signals: SIGTERM and SIGINT end the node, a second one at once; SIGHUP opens the log again.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::logging::Log;

/// Exit code after a second signal.
const IMPATIENT: i32 = 130;

/// Catches the signals from now on; resolves at the first that ends the node. Must be called on the control thread.
///
/// # Errors
/// The system does not let us.
pub(crate) fn caught(log: Log) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            log.reopen();
        }
    });
    Ok(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        info!("Received {name} scheduling shutdown...");
        actix_rt::spawn(async move {
            let name = either(&mut terminate, &mut interrupt).await;
            error!("Received {name} again, ending at once");
            process::exit(IMPATIENT);
        });
    })
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
