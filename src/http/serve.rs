//! Listening: TLS by ourselves or a proxy before us; slow clients cut off; a graceful end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::rt::TokioTimer;
use tracing::{error, info};

use super::router;
use crate::app::App;

/// Longest wait for the headers of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// What is under way at the end gets this long.
const GRACE: Duration = Duration::from_secs(10);
/// Longest headers, bytes.
const LARGEST_HEADERS: usize = 16 * 1024;

/// Listens as configured until `stop` is over.
pub async fn serve(app: Arc<App>, stop: impl Future<Output = ()>) -> std::io::Result<()> {
    serve_with(app, stop, Handle::new()).await
}

/// The same with a handle that tells the address that was bound.
pub async fn serve_with(app: Arc<App>, stop: impl Future<Output = ()>, handle: Handle<SocketAddr>) -> std::io::Result<()> {
    let listen = app.config.server.listen;
    let tls = app.config.server.tls.clone();
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let serving = async {
        if let Some(files) = tls {
            // Only fails where one is installed already, by a test.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let config = RustlsConfig::from_pem_file(&files.certificate_file, &files.key_file).await?;
            tokio::spawn(reload(config.clone(), files));
            let mut server = axum_server::bind_rustls(listen, config).handle(handle.clone());
            limit(server.http_builder());
            server.serve(service).await
        } else {
            let mut server = axum_server::bind(listen).handle(handle.clone());
            limit(server.http_builder());
            server.serve(service).await
        }
    };
    tokio::select! {
        done = serving => done,
        () = async { stop.await; handle.graceful_shutdown(Some(GRACE)); handle_ended(&handle).await } => Ok(()),
    }
}

/// Waits until nobody is connected any more, at most the time of grace.
async fn handle_ended(handle: &Handle<SocketAddr>) {
    let end = tokio::time::Instant::now() + GRACE;
    while handle.connection_count() > 0 && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(LARGEST_HEADERS);
    builder.http2().timer(TokioTimer::new()).max_header_list_size(16 * 1024).max_concurrent_streams(32).keep_alive_interval(HEADERS_WITHIN);
}

/// Reads a renewed certificate on SIGHUP; a broken one is told of and the old one stays.
async fn reload(config: RustlsConfig, files: crate::config::Tls) {
    let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        match config.reload_from_pem_file(&files.certificate_file, &files.key_file).await {
            Ok(()) => info!("the certificate was read again"),
            Err(error) => error!(error = %error, "the renewed certificate can't be used; the one before it stays"),
        }
    }
}
