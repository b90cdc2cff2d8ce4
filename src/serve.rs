//! `os2nykode serve`: starts everything, keeps house, and stops gracefully.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, routing::get};
use jiff::Timestamp;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tracing::{info, warn};

use crate::{
    app::App,
    clock::SystemClock,
    config::Config,
    flow::reconcile,
    http,
    identity::saml::{Providers, State},
    model::provider::ProviderId,
};

/// How often changes without an outcome are looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(10);
/// How often providers that can't be used are asked again.
const LOOK_AT_PROVIDERS_EVERY: Duration = Duration::from_mins(1);
/// How often what has expired is deleted from the store.
const TIDY_EVERY: Duration = Duration::from_mins(10);

/// Runs the service until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics can't be set up")?;
    let app = App::start(config, Arc::new(SystemClock)).await?;
    if let Some(address) = app.config.server.metrics_listen {
        let listener = TcpListener::bind(address).await.with_context(|| format!("server.metrics_listen {address}"))?;
        tokio::spawn(serve_metrics(listener, metrics));
    }
    let settling = app.clone();
    tokio::spawn(async move { reconcile::keep_settling(&settling, SETTLE_EVERY).await });
    tokio::spawn(keep_tidy(app.clone()));
    if let Some(saml) = app.saml.clone() {
        tokio::spawn(keep_fresh(app.clone(), saml));
    }
    info!(version = env!("CARGO_PKG_VERSION"), listen = %app.config.server.listen, "started");
    http::serve(app.clone(), stop_asked()).await.with_context(|| format!("server.listen {}", app.config.server.listen))?;
    app.store.close().await;
    info!("stopped");
    Ok(())
}

/// Returns once the operator asks the service to stop.
async fn stop_asked() {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate()).expect("the runtime handles signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    info!("stopping: requests under way are finished");
}

async fn serve_metrics(listener: TcpListener, metrics: PrometheusHandle) {
    let router = Router::new().route("/metrics", get(move || std::future::ready(metrics.render())));
    if let Err(error) = axum::serve(listener, router).await {
        warn!(error = %error, "the metrics listener ended");
    }
}

/// Reads the providers' metadata again, now and then: at once where it comes from an address, every minute where a provider can't be used. Publishes how
/// long everything still lasts.
async fn keep_fresh(app: Arc<App>, saml: Arc<Providers>) {
    let every = Duration::from_secs(u64::from(app.config.saml.refresh_hours) * 3600);
    let mut last = std::collections::BTreeMap::<ProviderId, tokio::time::Instant>::new();
    loop {
        for id in saml.ids() {
            let now = app.clock.now();
            let unusable = matches!(saml.state(id, now), State::Unusable(_));
            if last.get(id).is_none_or(|at| unusable || at.elapsed() >= every) {
                last.insert(id.clone(), tokio::time::Instant::now());
                match saml.refresh(id, now).await {
                    Ok(_) if unusable => info!(provider = id.as_str(), "a provider can be used now"),
                    Ok(_) => {}
                    Err(error) => {
                        metrics::counter!("saml_metadata_failures_total", "provider" => id.to_string()).increment(1);
                        let what = if unusable { "the provider can't be used" } else { "the last good copy stays in use" };
                        warn!(provider = id.as_str(), error = %error, "a provider's metadata can't be read: {what}");
                    }
                }
            }
        }
        publish_expiry(&app, &saml);
        tokio::time::sleep(LOOK_AT_PROVIDERS_EVERY).await;
    }
}

/// Days until certificates and metadata end; below 0 where they have.
fn publish_expiry(app: &App, saml: &Providers) {
    let now = app.clock.now();
    #[allow(clippy::cast_precision_loss, reason = "days are few")]
    let days = |end: Timestamp| end.duration_since(now).as_hours() as f64 / 24.0;
    for (name, pair) in saml.keys.published() {
        if let Some(end) = pair.expires() {
            metrics::gauge!("saml_own_certificate_days", "name" => name).set(days(end));
        }
    }
    for id in saml.ids() {
        let metadata = saml.metadata(id, now);
        metrics::gauge!("saml_provider_usable", "provider" => id.to_string()).set(if metadata.is_some() { 1.0 } else { 0.0 });
        let Some(metadata) = metadata else { continue };
        if let Some(end) = metadata.first_expiry() {
            metrics::gauge!("saml_provider_certificate_days", "provider" => id.to_string()).set(days(end));
        }
        if let Some(end) = metadata.valid_until {
            metrics::gauge!("saml_provider_metadata_days", "provider" => id.to_string()).set(days(end));
        }
    }
}

/// Deletes what has expired: sessions and counts. Never fails the service.
async fn keep_tidy(app: Arc<App>) {
    loop {
        let now = app.clock.now();
        let (sessions, counts, leases, used) = tokio::join!(
            app.sessions.delete_expired(now),
            app.throttles.delete_stale(now),
            app.leases.delete_stale(now),
            app.used.delete_stale(now)
        );
        for error in [sessions.err(), counts.err(), leases.err(), used.err()].into_iter().flatten() {
            warn!(error = %error, "what has expired could not be deleted now");
        }
        tokio::time::sleep(TIDY_EVERY).await;
    }
}
