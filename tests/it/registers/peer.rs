//! A web service over https under the test's control, which requires a client certificate. And a capture of log output.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Request, State},
    http::header,
    response::Response,
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use crate::{
    environment::environment,
    oidc::liar::{Says, said},
};

/// A request that the service received.
#[derive(Debug, Clone)]
pub struct Question {
    pub method: String,
    /// Path and query.
    pub address: String,
    pub authorization: Option<String>,
    pub kind: Option<String>,
    pub body: String,
    pub headers: axum::http::HeaderMap,
}

#[derive(Clone)]
pub struct Peer {
    pub address: SocketAddr,
    mind: Arc<Mutex<(Says, Vec<Question>)>>,
    handle: Handle<SocketAddr>,
}

impl Peer {
    /// Starts the service. It refuses clients without a certificate of the test CA.
    pub fn start() -> Self {
        let environment = environment();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = os2nykode::tls::roots(Some(environment.fact("CA_FILE").as_ref())).expect("the test CA");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().expect("a verifier");
        let chain =
            CertificateDer::pem_file_iter(environment.fact("WEB_CERT")).expect("a file").collect::<Result<_, _>>().expect("a chain");
        let key = PrivateKeyDer::from_pem_file(environment.fact("WEB_KEY")).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .expect("a certificate");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        let peer = Self { address, mind: Arc::new(Mutex::new((Says::Status(500), Vec::new()))), handle: Handle::new() };
        let router = Router::new().fallback(answer).with_state(peer.clone());
        let server = axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(Arc::new(config))).expect("a server");
        let serving = server.handle(peer.handle.clone()).serve(router.into_make_service());
        tokio::spawn(serving);
        peer
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub fn says(&self, what: Says) {
        self.mind.lock().expect("alone").0 = what;
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut self.mind.lock().expect("alone").1)
    }

    /// Stops the service and closes all connections.
    pub fn stop(&self) {
        self.handle.shutdown();
    }
}

async fn answer(State(peer): State<Peer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let text = |name| parts.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    let question = Question {
        method: parts.method.to_string(),
        address: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authorization: text(header::AUTHORIZATION),
        kind: text(header::CONTENT_TYPE),
        body: String::from_utf8(body.to_vec()).expect("text"),
        headers: parts.headers.clone(),
    };
    let says = {
        let mut mind = peer.mind.lock().expect("alone");
        mind.1.push(question);
        mind.0.clone()
    };
    said(Some(says)).await
}

/// Configuration of the client certificate.
pub fn certificate(name: &str) -> String {
    let file = |ending: &str| environment().tls(&format!("{name}.{ending}"));
    format!("client_certificate_file = \"{}\"\nclient_key_file = \"{}\"\n", file("pem").display(), file("key").display())
}

/// Configuration of the CA and of a client certificate that the service accepts.
pub fn trusted() -> String {
    format!("ca_file = \"{}\"\n{}", environment().fact("CA_FILE"), certificate("client"))
}

/// Captured log output of this thread, at every level.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    pub fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let ear = self.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || ear.clone());
        // Includes libraries that use the `log` crate, as the service's own subscriber does.
        tracing_subscriber::util::SubscriberInitExt::set_default(subscriber.finish())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("alone")).into_owned()
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("alone").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
