//! When a command is asked to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Ready once SIGINT or SIGTERM has come. From this call on, neither ends the process by itself.
///
/// # Errors
/// Where the kernel refuses the handlers.
pub fn requested() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        info!(signal = name, "ending");
    })
}
