//! Signals from the operator. The handlers are installed first: a signal without a handler ends the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

#[derive(Debug)]
pub struct Signals {
    /// SIGHUP: reload.
    pub(super) hangup: Signal,
    /// SIGTERM and SIGINT: stop.
    pub(super) stop: Stop,
}

/// Stream of stop signals.
#[derive(Debug)]
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs the handlers. From here on none of these signals ends the process; a signal that comes early waits.
    pub fn install() -> io::Result<Self> {
        let stop = Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        Ok(Self { hangup: signal(SignalKind::hangup())?, stop })
    }
}

impl Stop {
    /// Returns at the first stop signal.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        info!("stopping; requests in progress are completed");
    }
}
