//! SIGHUP: what can be read again is read again, and the log says what was taken over and what needs a restart.
//!
//! Invariants: what can't be used leaves in use what was before; nothing ends because of it.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::{signal::unix::Signal, sync::Notify};
use tracing::{error, info, warn};

use crate::{
    app::App,
    config::{Config, Problems},
    http::Certificate,
};

/// Sections whose values are read again, as far as their secrets and word lists go.
const LIVE: [&str; 1] = ["policy"];

/// What SIGHUP reads again.
pub(super) struct Reload<Read> {
    pub(super) app: Arc<App>,
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Wakes who reads what the providers say of themselves.
    pub(super) providers: Arc<Notify>,
    /// Reads the configuration, its files and the environment.
    pub(super) read: Read,
}

impl<Read> Reload<Read>
where
    Read: Fn() -> Result<Config, Problems> + Clone + Send + 'static,
{
    /// For ever.
    pub(super) async fn keep_reloading(self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            info!("SIGHUP: what can be read again is read again");
            if let Some(certificate) = &self.certificate {
                match certificate.read_again() {
                    Ok(()) => info!("the certificate was read again"),
                    Err(error) => error!(error = %error, "the renewed certificate can't be used; the one before it stays"),
                }
            }
            // Files may be on a disk that hangs.
            match tokio::task::spawn_blocking(self.read.clone()).await {
                Ok(Ok(fresh)) => self.take(fresh),
                Ok(Err(problems)) => {
                    for problem in &problems.0 {
                        error!(key = problem.key, problem = problem.what, "the configuration can't be used as it is now");
                    }
                    error!(problems = problems.0.len(), "nothing of the configuration was taken over; what was before stays in use");
                }
                Err(_) => error!("reading the configuration ended unexpectedly; what was before stays in use"),
            }
            self.providers.notify_one();
        }
    }

    fn take(&self, fresh: Config) {
        let Self { app, .. } = self;
        let mut restart: Vec<String> =
            app.config.sections_that_differ(&fresh).filter(|section| !LIVE.contains(&section.as_str())).collect();
        if app.config.server.secret.bytes() != fresh.server.secret.bytes() {
            restart.push("server.secret".to_owned());
        }
        let mut taken = vec!["policy"];
        if app.directory.renew_password(fresh.directory.bind_password.expose_secret()) {
            taken.push("directory.bind_password");
        }
        if app.oidc.as_ref().is_some_and(|oidc| oidc.renew_secrets(&fresh.oidc)) {
            taken.push("oidc.provider.client_secret");
        }
        app.renew_policy(fresh.policy);
        info!(taken = taken.join(", "), "the configuration was read again");
        if !restart.is_empty() {
            warn!(sections = restart.join(", "), "changes in these sections count after a restart");
        }
    }
}
