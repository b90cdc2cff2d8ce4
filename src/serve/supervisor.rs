//! State notifications to systemd (sd_notify): listening, waiting, alive. Without systemd nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// Extension of systemd's start timeout on each notification. Waits at the start are reported more often than this.
pub(super) const WAITS: Duration = Duration::from_mins(1);

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(error = %error, "systemd could not be notified");
    }
}

/// Reports that the service is not ready yet, with the reason.
pub(super) fn waiting(why: &str) {
    let microseconds = u32::try_from(WAITS.as_micros()).expect("a minute has 60 million microseconds");
    tell(&[NotifyState::Status(why), NotifyState::ExtendTimeoutUsec(microseconds)]);
}

/// Reports that the port is bound and the service is ready.
pub(super) fn listening() {
    tell(&[NotifyState::Ready, NotifyState::Status("listening")]);
}

/// Reports that the service is stopping.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("requests in progress are completed")]);
}

/// Pings systemd's watchdog, three times within `WatchdogSec`: the ping shows that the service's tasks still run.
pub(super) async fn keep_alive() {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(within / 3).await;
    }
}
