//! Server: accepts connections, speaks TLS itself or stands behind a proxy, closes idle connections, and shuts down gracefully.
//!
//! Invariants:
//! - A connection without requests is closed.
//! - One address can't take all connections.
//! - Errors before the first request are counted, and logged at a bounded rate.

mod activity;
mod connections;

pub use crate::tls::{Certificate, CertificateError};

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use metrics::counter;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tracing::{info, warn};

use self::{
    activity::{Activity, Held},
    connections::{ConnectionLimit, ConnectionRefusal},
};
use super::router;
use crate::{app::App, telemetry::Seldom};

/// From the connection to its first request: first byte, TLS handshake and complete header.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// Time for open requests at shutdown.
const GRACE: Duration = Duration::from_secs(10);
/// Largest header section, bytes.
const LARGEST_HEADERS: u16 = 16 * 1024;
/// Concurrent requests on one HTTP/2 connection.
const STREAMS: u32 = 32;
/// Pause after a failed accept with a local cause, such as too few file descriptors.
const REST: Duration = Duration::from_millis(100);

/// A bound port. Connections queue until [`Listening::serve`] accepts them.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    certificate: Option<Arc<Certificate>>,
}

/// Reasons why the service can't listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("server.listen: {0}")]
    Port(#[from] io::Error),
    #[error("server.tls: {0}")]
    Certificate(#[from] CertificateError),
}

/// Binds the configured port and reads the certificate.
pub async fn bind(app: &App) -> Result<Listening, ListenError> {
    let server = &app.config.server;
    let certificate = server.tls.as_ref().map(Certificate::read).transpose()?.map(Arc::new);
    Ok(Listening { listener: TcpListener::bind(server.listen).await?, certificate })
}

impl Listening {
    /// The bound address; it names the port where port 0 is configured.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The certificate in use, for reloading; `None` where a proxy terminates TLS.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.certificate.clone()
    }

    /// Serves requests until `stop` completes, then finishes the open ones within `GRACE`.
    pub async fn serve(self, app: Arc<App>, stop: impl Future<Output = ()>) {
        let connections = ConnectionLimit::new(&app.config.server);
        let router = router(app);
        let (stopping, stopped) = watch::channel(false);
        let doors = Doors::default();
        let mut all = JoinSet::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = all.join_next(), if !all.is_empty() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => match connections.admit(peer.ip()) {
                        Ok(place) => {
                            let connection = ServedConnection {
                                peer,
                                router: router.clone(),
                                certificate: self.certificate.clone(),
                                stopped: stopped.clone(),
                                handshakes: doors.handshakes.clone(),
                            };
                            all.spawn(async move { connection.serve(stream).await; drop(place) });
                        }
                        Err(refusal) => doors.refused(refusal),
                    },
                    Err(error) => doors.failed(&error).await,
                }
            }
        }
        drop(self.listener);
        let _ = stopping.send(true); // fails only without open connections
        let ended = tokio::time::timeout(GRACE, async { while all.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            info!(connections = all.len(), "open connections closed after the grace period");
        }
    }
}

/// Rate-limited log lines for errors before the first request.
#[derive(Default)]
struct Doors {
    accepts: Seldom,
    refusals: Seldom,
    handshakes: Arc<Seldom>,
}

impl Doors {
    fn refused(&self, refusal: ConnectionRefusal) {
        counter!("os2nykode_connections_refused_total", "limit" => refusal.limit()).increment(1);
        if let Some(times) = self.refusals.due() {
            warn!(limit = refusal.limit(), times, "connections refused: limit reached");
        }
    }

    async fn failed(&self, error: &io::Error) {
        counter!("os2nykode_connections_failed_total", "step" => "accept").increment(1);
        if let Some(times) = self.accepts.due() {
            warn!(error = %error, times, "accept failed");
        }
        // A connection that the client aborted is over. A lack of ours, such as of descriptors, lasts longer than a moment.
        if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused) {
            tokio::time::sleep(REST).await;
        }
    }
}

struct ServedConnection {
    peer: SocketAddr,
    router: Router,
    certificate: Option<Arc<Certificate>>,
    stopped: watch::Receiver<bool>,
    handshakes: Arc<Seldom>,
}

impl ServedConnection {
    async fn serve(self, stream: TcpStream) {
        let first = Instant::now() + FIRST_REQUEST_WITHIN;
        if stream.set_nodelay(true).is_err() {
            return; // closed by the client
        }
        let Some(certificate) = &self.certificate else { return self.answer(stream, first).await };
        match timeout_at(first, TlsAcceptor::from(certificate.config()).accept(stream)).await {
            Ok(Ok(stream)) => self.answer(stream, first).await,
            Ok(Err(error)) => self.no_handshake(&error.to_string()),
            Err(_) => self.no_handshake("handshake timed out"),
        }
    }

    fn no_handshake(&self, error: &str) {
        counter!("os2nykode_connections_failed_total", "step" => "tls").increment(1);
        if let Some(times) = self.handshakes.due() {
            warn!(error, times, "TLS handshakes failed");
        }
    }

    async fn answer(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, first: Instant) {
        let activity = Arc::new(Activity::until(first, activity::PATIENCE));
        let (peer, router, busy) = (self.peer, self.router, activity.clone());
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            let work = busy.begin();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answering = router.clone().oneshot(request);
            async move { Ok::<_, Infallible>(work.answered(answering.await).map(|body: Held| Body::new(body))) }
        });
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(connection);
        let mut stopped = self.stopped;
        let mut stops = true;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return, // errors of the client's own connection are not reported
                () = activity.over() => {
                    counter!("os2nykode_connections_closed_total").increment(1);
                    return;
                }
                _ = stopped.wait_for(|stopped| *stopped), if stops => {
                    stops = false;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Serves HTTP/1 and HTTP/2, as the client asks. The header timeout bounds the first request, and on HTTP/1 each later one.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(FIRST_REQUEST_WITHIN).max_buf_size(LARGEST_HEADERS.into());
    builder.http2().timer(TokioTimer::new()).max_header_list_size(LARGEST_HEADERS.into()).max_concurrent_streams(STREAMS);
    builder
}
