//! `os2nykode serve`: starts the service and its jobs, and stops them gracefully.

mod counters;
mod metrics;
mod reload;
mod signals;
mod supervisor;

pub use signals::Signals;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, routing::get};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio::{net::TcpListener, sync::Notify};
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    app::App,
    clock::{Clock, SystemClock},
    config::{Config, Problems},
    flow::{delegation, one_time_code, service_account_watch, service_event},
    http,
    identity::{keys::ProviderKeys, oidc},
    jobs::{alerts, forward, provider_changes, reconcile, seal},
    model::{
        audit::{AuditOutcome, EventKind},
        identity::provider::ProviderId,
    },
    store::availability::{self, Absent},
    telemetry,
};

/// Interval of the reconcile job.
const SETTLE_EVERY: Duration = Duration::from_secs(10);
/// Interval at which unusable providers are read again.
const LOOK_AT_PROVIDERS_EVERY: Duration = Duration::from_mins(1);
/// Interval of the clean-up job.
const TIDY_EVERY: Duration = Duration::from_mins(10);

/// Interval of connection attempts while the database is not available at start.
const TRY_DATABASE_EVERY: Duration = Duration::from_secs(2);
/// Interval of the metrics upkeep, in case no scrape ever comes.
const GATHER_EVERY: Duration = Duration::from_secs(5);
/// Interval at which reachable providers are probed.
const REACH_EVERY: Duration = Duration::from_mins(5);

/// Runs the service until SIGTERM or SIGINT. `read` reads the configuration again.
pub async fn serve(
    config: Config,
    Signals { hangup, mut stop }: Signals,
    read: impl Fn() -> Result<Config, Problems> + Clone + Send + 'static,
) -> anyhow::Result<()> {
    telemetry::raise_descriptors();
    let metrics = Arc::new(metrics::install(SystemClock.now()).context("metrics could not be set up")?);
    tokio::spawn(gather(metrics.handle()));
    tokio::spawn(supervisor::keep_alive());
    tokio::select! {
        there = database(config.store.url.expose_secret()) => there?,
        () = stop.asked() => return Ok(()),
    }
    let app = App::start(config, Arc::new(SystemClock)).await?;
    let listening = http::bind(&app).await.with_context(|| format!("listening on {}", app.config.server.listen))?;
    counters::begin(&app);
    if let Some(address) = app.config.server.metrics_listen {
        let listener = TcpListener::bind(address).await.with_context(|| format!("server.metrics_listen {address}"))?;
        tokio::spawn(serve_metrics(listener, metrics));
    }
    let settling = app.clone();
    tokio::spawn(async move { reconcile::run_reconcile(&settling, SETTLE_EVERY).await });
    let sealing = app.clone();
    let sealing = tokio::spawn(async move { seal::run_sealing(&sealing).await });
    let watching = app.clone();
    tokio::spawn(async move { seal::keep_watch(&watching).await });
    let (keeping, holder) = (app.clone(), Uuid::from_bytes(app.keys.random()?));
    tokio::spawn(async move { seal::run_retention(&keeping, holder).await });
    service_event::record(&app, EventKind::ServiceStarted, AuditOutcome::Succeeded, "", Some(app.config.fingerprint.clone())).await;
    let pushing = forward::start(&app);
    let watching = app.clone();
    tokio::spawn(async move { alerts::run_alerts(&watching).await });
    let watching = app.clone();
    tokio::spawn(async move { service_account_watch::run_alerts(&watching).await });
    tokio::spawn(clean_up(app.clone()));
    let providers = Arc::new(Notify::new());
    tokio::spawn(refresh_providers(app.clone(), providers.clone()));
    let reload = reload::Reload { app: app.clone(), certificate: listening.certificate(), providers, read };
    tokio::spawn(reload.keep_reloading(hangup));
    info!(version = env!("CARGO_PKG_VERSION"), listen = %app.config.server.listen, "started");
    supervisor::listening();
    listening.serve(app.clone(), stop.asked()).await;
    supervisor::stopping();
    service_event::record(&app, EventKind::ServiceStopped, AuditOutcome::Succeeded, "", None).await;
    sealing.abort();
    seal::last_word(&app).await;
    forward::last_word(&app, pushing).await;
    app.store.close().await;
    info!("stopped");
    Ok(())
}

/// Waits for the database, and reports it. `Err`: an error that does not end by waiting.
async fn database(url: &str) -> anyhow::Result<()> {
    let seldom = telemetry::Seldom::default();
    loop {
        match availability::present(url).await {
            Ok(()) => return Ok(()),
            Err(Absent::Refused(error)) => return Err(error).context("store could not be opened"),
            Err(Absent::Yet(error)) => {
                supervisor::waiting("waiting for the database");
                if let Some(tries) = seldom.due() {
                    warn!(error = %error, tries, "database not available yet; waiting");
                }
            }
        }
        tokio::time::sleep(TRY_DATABASE_EVERY).await;
    }
}

/// Runs the metrics upkeep: without it, every recorded value stays in memory until the next scrape.
async fn gather(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(GATHER_EVERY).await;
        metrics.run_upkeep();
    }
}

async fn serve_metrics(listener: TcpListener, metrics: Arc<metrics::Metrics>) {
    let router = Router::new().route("/metrics", get(move || std::future::ready(metrics.render())));
    if let Err(error) = axum::serve(listener, router).await {
        warn!(error = %error, "metrics listener ended");
    }
}

/// The last contact with a provider.
struct ProviderContact {
    refreshed: tokio::time::Instant,
    reached: tokio::time::Instant,
    answers: bool,
}

/// The job that refreshes the providers' metadata: after the start, at the operator's request, after the configured
/// hours, and every minute while a provider is unusable. Publishes metrics of usability and expiry.
async fn refresh_providers(app: Arc<App>, asked: Arc<Notify>) {
    let mut last = std::collections::BTreeMap::<ProviderId, ProviderContact>::new();
    loop {
        for provider in app.config.providers() {
            let (id, now) = (&provider.id, tokio::time::Instant::now());
            let hours = if app.config.oidc.provider(id).is_some() { app.config.oidc.refresh_hours } else { app.config.saml.refresh_hours };
            let every = Duration::from_secs(u64::from(hours) * 3600);
            let before = last.get(id);
            let refreshed = before.is_none_or(|at| !usable(&app, id) || !at.answers || now.duration_since(at.refreshed) >= every);
            let answers = if refreshed {
                read_again(&app, id).await
            } else if before.is_some_and(|at| now.duration_since(at.reached) < REACH_EVERY) {
                continue;
            } else {
                reach(&app, id).await
            };
            if !answers && before.is_none_or(|at| at.answers) {
                warn!(provider = id.as_str(), "provider unreachable; logins there may fail");
            }
            let refreshed = if refreshed { now } else { before.map_or(now, |at| at.refreshed) };
            last.insert(id.clone(), ProviderContact { refreshed, reached: now, answers });
            let value = if answers && usable(&app, id) { 1.0 } else { 0.0 };
            ::metrics::gauge!("os2nykode_provider_usable", "provider" => id.to_string()).set(value);
        }
        publish_expiry(&app);
        tokio::select! {
            () = tokio::time::sleep(LOOK_AT_PROVIDERS_EVERY) => {}
            () = asked.notified() => last.clear(),
        }
    }
}

/// Refreshes a provider's metadata. Returns whether the provider answers.
async fn read_again(app: &App, id: &ProviderId) -> bool {
    let was_usable = usable(app, id);
    match refresh(app, id).await {
        Ok(fingerprint) => {
            info!(provider = id.as_str(), "metadata refreshed");
            if let Some(fingerprint) = fingerprint
                && let Err(fault) = provider_changes::note_if_new(app, id, fingerprint).await
            {
                warn!(provider = id.as_str(), error = %fault, "change of a provider could not be written to the audit log");
            }
            true
        }
        Err(error) => {
            ::metrics::counter!("os2nykode_provider_refresh_failures_total", "provider" => id.to_string()).increment(1);
            let what = if was_usable { "last copy stays in use" } else { "provider unusable" };
            warn!(provider = id.as_str(), error, "metadata refresh failed; {what}");
            false
        }
    }
}

/// Whether a provider answers. Uses nothing of its answer.
async fn reach(app: &App, id: &ProviderId) -> bool {
    match (&app.oidc, &app.saml) {
        (Some(oidc), _) if app.config.oidc.provider(id).is_some() => oidc.answers(id).await,
        (_, Some(saml)) => saml.answers(id).await,
        (Some(_) | None, None) => true,
    }
}

fn usable(app: &App, id: &ProviderId) -> bool {
    let saml = app.saml.as_ref().is_some_and(|saml| saml.metadata(id, app.clock.now()).is_some());
    saml || app.oidc.as_ref().is_some_and(|oidc| matches!(oidc.state(id), oidc::OidcProviderState::Ready(_)))
}

/// Refreshes the metadata and returns its fingerprint.
async fn refresh(app: &App, id: &ProviderId) -> Result<Option<String>, String> {
    match (&app.saml, &app.oidc) {
        (_, Some(oidc)) if app.config.oidc.provider(id).is_some() => {
            oidc.refresh(id).await.map(|known| Some(known.fingerprint())).map_err(|error| error.to_string())
        }
        (Some(saml), _) => {
            saml.refresh(id, app.clock.now()).await.map(|metadata| Some(metadata.fingerprint())).map_err(|error| error.to_string())
        }
        (None, _) => Ok(None),
    }
}

/// Metrics of the seconds until certificates and metadata expire; negative after the expiry.
fn publish_expiry(app: &App) {
    let now = app.clock.now();
    let seconds = |end: Timestamp| end.duration_since(now).as_secs_f64();
    let ours = |area: &'static str, keys: &ProviderKeys| {
        for (name, pair) in keys.published() {
            if let Some(end) = pair.expires() {
                ::metrics::gauge!("os2nykode_own_certificate_expiry_seconds", "for" => area, "name" => name).set(seconds(end));
            }
        }
    };
    if let Some(keys) = app.oidc.as_ref().and_then(|oidc| oidc.keys.as_ref()) {
        ours("oidc", keys);
    }
    let Some(saml) = &app.saml else { return };
    ours("saml", &saml.keys);
    for id in saml.ids() {
        let Some(metadata) = saml.metadata(id, now) else { continue };
        if let Some(end) = metadata.first_expiry() {
            ::metrics::gauge!("os2nykode_saml_provider_certificate_expiry_seconds", "provider" => id.to_string()).set(seconds(end));
        }
        if let Some(end) = metadata.valid_until {
            ::metrics::gauge!("os2nykode_saml_provider_metadata_expiry_seconds", "provider" => id.to_string()).set(seconds(end));
        }
    }
}

/// The clean-up job: deletes expired sessions, counts, leases, used ids, codes and alerts. Its errors never stop the
/// service.
async fn clean_up(app: Arc<App>) {
    loop {
        let now = app.clock.now();
        let (sessions, counts, leases, used, codes, alerts) = tokio::join!(
            app.sessions.delete_expired(now),
            app.rate_limits.delete_stale(now),
            app.leases.delete_stale(now),
            app.used.delete_stale(now),
            app.codes.delete_stale(now),
            app.cursors.delete_stale(now)
        );
        for error in [sessions.err(), counts.err(), leases.err(), used.err(), codes.err(), alerts.err()].into_iter().flatten() {
            warn!(error = %error, "expired rows could not be deleted");
        }
        if let Err(fault) = one_time_code::note_expired(&app).await {
            warn!(error = %fault, "expired one-time codes could not be written to the audit log");
        }
        if let Err(fault) = delegation::tell_left_out(&app).await {
            warn!(error = %fault, "number of entries left out could not be written to the audit log");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}
