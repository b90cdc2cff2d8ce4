//! What systemd is told (sd_notify): that the service listens, what it waits for, and that it lives. Elsewhere nobody listens, and nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// A wait at the start is told of more often than this, and systemd goes on waiting for so long.
pub(super) const WAITS: Duration = Duration::from_mins(1);

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(error = %error, "systemd can't be told of the service's state");
    }
}

/// The service is not there yet, and why.
pub(super) fn waiting(why: &str) {
    let microseconds = u32::try_from(WAITS.as_micros()).expect("a minute has 60 million microseconds");
    tell(&[NotifyState::Status(why), NotifyState::ExtendTimeoutUsec(microseconds)]);
}

/// The port is bound, and everything behind it is there.
pub(super) fn listening() {
    tell(&[NotifyState::Ready, NotifyState::Status("listening")]);
}

/// The end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("requests under way are finished")]);
}

/// Tells systemd that the service's tasks get their turn, twice within the time after which it would restart it (`WatchdogSec`).
pub(super) async fn keep_alive() {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(within / 3).await;
    }
}
