//! Reload on SIGHUP: reads certificate, secrets, word lists, leaked passwords and providers' metadata again, and logs the sections that
//! need a restart.
//!
//! Invariants:
//! - An unusable new value leaves the previous one in use.
//! - A reload never ends the service.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::{signal::unix::Signal, sync::Notify};
use tracing::{error, info, warn};

use crate::{
    app::App,
    config::{Config, Problems},
    http::Certificate,
};

/// Sections that take effect on a reload.
const LIVE: [&str; 1] = ["policy"];

/// State of the reload.
pub(super) struct Reload<Read> {
    pub(super) app: Arc<App>,
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Wakes the job that refreshes the providers' metadata.
    pub(super) providers: Arc<Notify>,
    /// Reads the configuration, its files and the environment.
    pub(super) read: Read,
}

impl<Read> Reload<Read>
where
    Read: Fn() -> Result<Config, Problems> + Clone + Send + 'static,
{
    /// Reloads on every SIGHUP, forever.
    pub(super) async fn keep_reloading(self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            info!("SIGHUP: reload");
            if let Some(certificate) = &self.certificate {
                match certificate.read_again() {
                    Ok(()) => info!("certificate reloaded"),
                    Err(error) => error!(error = %error, "new certificate unusable; previous one stays in use"),
                }
            }
            // Files may be on a disk that hangs.
            match tokio::task::spawn_blocking(self.read.clone()).await {
                Ok(Ok(fresh)) => Self::take(&self.app, fresh).await,
                Ok(Err(problems)) => {
                    for problem in &problems.0 {
                        error!(key = problem.key, problem = problem.what, "configuration unusable");
                    }
                    error!(problems = problems.0.len(), "configuration rejected; previous one stays in use");
                }
                Err(_) => error!("reading the configuration panicked; previous one stays in use"),
            }
            self.providers.notify_one();
        }
    }

    async fn take(app: &App, fresh: Config) {
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
        if let Err(error) = app.renew_leaked(&fresh.policy.leaked).await {
            error!(error = %error, "lists of leaked passwords unusable; previous ones stay in use");
        }
        app.renew_policy(fresh.policy);
        info!(taken = taken.join(", "), "configuration reloaded");
        if !restart.is_empty() {
            warn!(sections = restart.join(", "), "changes in these sections need a restart");
        }
    }
}
