//! What the operator asks a running service for. The handlers are there before anything else is done: a signal that nobody handles ends a process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// The signals that the service handles.
#[derive(Debug)]
pub struct Signals {
    /// SIGHUP: read again what can be read again.
    pub(super) hangup: Signal,
    /// SIGTERM and SIGINT: stop.
    pub(super) stop: Stop,
}

/// Asked to stop.
#[derive(Debug)]
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on no signal of these ends the process by itself. One that comes before it is looked at waits.
    pub fn install() -> io::Result<Self> {
        let stop = Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        Ok(Self { hangup: signal(SignalKind::hangup())?, stop })
    }
}

impl Stop {
    /// Returns once the operator asks the service to stop.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        info!("stopping: requests under way are finished");
    }
}
