//! Job that watches when the service account, or its password, ends: on that day all logins and password changes fail.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::gauge;
use tracing::{debug, warn};

use crate::{
    app::App,
    directory::{DirectoryError, OwnAccount},
};

/// Interval of the job.
const EVERY: Duration = Duration::from_hours(6);
/// Less time than this is logged as a warning.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 14);
/// The metric: seconds until the account (`what="account"`) or its password (`what="password"`) ends; infinite if it never does.
pub const METRIC: &str = "os2nykode_ldap_service_account_expiry_seconds";

/// Looks at the account at start and every six hours, forever.
pub async fn run_alerts(app: &App) {
    loop {
        if let Err(fault) = look(app).await {
            debug!(error = %fault, "expiry of the service account not read");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Reads the account on the first controller that answers and publishes the time that is left.
pub async fn look(app: &App) -> Result<(), DirectoryError> {
    let mut last = DirectoryError::NoController;
    for controller in app.directory.controllers() {
        let read = async { app.directory.inspect(controller).await?.own_account().await };
        match read.await {
            Ok(Some(account)) => {
                publish(&account, app.clock.now());
                return Ok(());
            }
            Ok(None) => return Ok(()), // it can't read itself; `check` reports that
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

fn publish(account: &OwnAccount, now: Timestamp) {
    for (what, ends) in [("account", account.ends), ("password", account.password_ends)] {
        let left = ends.map(|ends| ends.duration_since(now));
        gauge!(METRIC, "what" => what).set(left.map_or(f64::INFINITY, |left| left.as_secs_f64()));
        if left.is_some_and(|left| left < SOON) {
            warn!(what, ends = %ends.unwrap_or(now), "the service account or its password ends soon; then nobody can log in");
        }
    }
}
