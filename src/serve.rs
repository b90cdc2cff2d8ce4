//! `os2nykode serve`: starts everything, keeps house, and stops gracefully.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, routing::get};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, signal::unix::SignalKind};
use tracing::{info, warn};

use crate::{app::App, clock::SystemClock, config::Config, flow::reconcile, http};

/// How often changes without an outcome are looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(10);
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
