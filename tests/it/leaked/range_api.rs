//! An HTTP server with the range protocol and real vectors, and with faults on request.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::net::{TcpListener, TcpStream};

use super::vectors::VECTORS;

/// Behaviour of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Like the public service.
    Well,
    /// Like a mirror of static files: no padding, line feeds only.
    Mirror,
    /// Answers after so many milliseconds.
    Slow(u64),
    /// Never answers.
    Stall,
    /// Begins an answer and never ends it.
    StallInside,
    /// Answers with this status.
    Status(u16),
    /// Answers 429 with this Retry-After in seconds.
    Pause(u64),
    /// Redirects to another address.
    Redirect,
    /// Answers 200 with a proxy's page.
    Html,
    /// Answers 200 with an empty body.
    Empty,
    /// Answers with 100 MB of valid lines.
    Huge,
    /// Ends the connection in the middle of the answer.
    BreakOff,
    /// Answers every request with the same range.
    SameRange,
    /// Answers with the suffixes of NT hashes.
    Nt,
    /// Answers with whole hashes.
    WholeHashes,
    /// Answers with padding only.
    OnlyPadding,
}

/// A request that the server received.
#[derive(Debug, Clone)]
pub struct Asked {
    pub uri: String,
    pub headers: HeaderMap,
}

#[derive(Clone)]
pub struct RangeApi(Arc<Inner>);

struct Inner {
    address: String,
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<Asked>>,
    connections: AtomicUsize,
}

impl RangeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let api = Self::at(address);
        let app = api.router();
        let counted = Counted { listener, api: api.clone() };
        tokio::spawn(async move { axum::serve(counted, app).await });
        api
    }

    pub fn at(address: String) -> Self {
        Self(Arc::new(Inner { address, behaviour: Mutex::new(Behaviour::Well), asked: Mutex::default(), connections: AtomicUsize::new(0) }))
    }

    pub fn router(&self) -> Router {
        Router::new().route("/range/{prefix}", get(range)).fallback(foreign).with_state(self.clone())
    }

    pub fn address(&self) -> &str {
        &self.0.address
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.0.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn connections(&self) -> usize {
        self.0.connections.load(SeqCst)
    }
}

/// Counts connections.
struct Counted {
    listener: TcpListener,
    api: RangeApi,
}

impl axum::serve::Listener for Counted {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let accepted = self.listener.accept().await.expect("a connection");
        self.api.0.connections.fetch_add(1, SeqCst);
        accepted
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn foreign(State(api): State<RangeApi>, uri: Uri, headers: HeaderMap) -> StatusCode {
    note(&api, &uri, headers);
    StatusCode::NOT_FOUND
}

fn note(api: &RangeApi, uri: &Uri, headers: HeaderMap) {
    api.0.asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { uri: uri.to_string(), headers });
}

async fn range(State(api): State<RangeApi>, Path(prefix): Path<String>, uri: Uri, headers: HeaderMap) -> Response {
    let padded = headers.get("add-padding").is_some_and(|value| value == "true");
    note(&api, &uri, headers);
    let behaviour = *api.0.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
    if prefix.len() != 5 || !prefix.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)) {
        return (StatusCode::BAD_REQUEST, "The hash prefix was not in a valid format").into_response();
    }
    let well = lines(&prefix, padded, "\r\n");
    match behaviour {
        Behaviour::Well => text(well),
        Behaviour::Mirror => text(lines(&prefix, false, "\n")),
        Behaviour::Slow(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            text(well)
        }
        Behaviour::Stall => std::future::pending().await,
        Behaviour::StallInside => {
            use futures_util::StreamExt as _;
            let begin = futures_util::stream::iter([Ok::<_, io::Error>(Bytes::from(well))]);
            Body::from_stream(begin.chain(futures_util::stream::pending())).into_response()
        }
        Behaviour::Status(status) => (StatusCode::from_u16(status).expect("a status"), "no").into_response(),
        Behaviour::Pause(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], "slow down").into_response()
        }
        Behaviour::Redirect => (StatusCode::FOUND, [(header::LOCATION, format!("{}/range/{prefix}", api.address()))]).into_response(),
        Behaviour::Html => axum::response::Html("<html><title>Log in to the network</title></html>").into_response(),
        Behaviour::Empty => text(String::new()),
        Behaviour::Huge => {
            let part = Bytes::from(well.repeat(1 + 1_000_000 / well.len()));
            Body::from_stream(futures_util::stream::iter((0..100).map(move |_| Ok::<_, io::Error>(part.clone())))).into_response()
        }
        Behaviour::BreakOff => {
            let half = Bytes::from(well[..well.len() / 2].to_owned());
            Body::from_stream(futures_util::stream::iter([Ok(half), Err(io::Error::other("gone"))])).into_response()
        }
        Behaviour::SameRange => text(lines("5BAA6", padded, "\r\n")),
        Behaviour::Nt => text(well.lines().map(|line| format!("{}\r\n", line.split_at(8).1)).collect()),
        Behaviour::WholeHashes => text(well.lines().map(|line| format!("{prefix}{line}\r\n")).collect()),
        Behaviour::OnlyPadding => text(padding(&prefix, "\r\n")),
    }
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain")], body).into_response()
}

/// The vectors of this range among generated hashes, with padding at the end if it is wanted.
fn lines(prefix: &str, padded: bool, end: &str) -> String {
    let known = VECTORS.iter().filter_map(|vector| Some(format!("{}:{}{end}", vector.sha1.strip_prefix(prefix)?, vector.count)));
    let others = (0..500).map(|number| format!("{}:{}{end}", suffix(prefix, number), number % 40 + 1));
    let mut all: Vec<String> = others.chain(known).collect();
    all.sort();
    all.concat() + &if padded { padding(prefix, end) } else { String::new() }
}

fn padding(prefix: &str, end: &str) -> String {
    (500..900).map(|number| format!("{}:0{end}", suffix(prefix, number))).collect()
}

fn suffix(prefix: &str, number: u32) -> String {
    let bytes = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{prefix} {number}").as_bytes());
    data_encoding::HEXUPPER.encode(bytes.as_ref())[5..].to_owned()
}
