//! A proxy between the service and the real controller, which counts operations and makes faults.
//!
//! It speaks TLS on both sides (with a certificate of the test CA) and forwards whole LDAP messages.
#![allow(clippy::wildcard_enum_match_arm, reason = "each mischief touches one place")]

mod metadata;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::environment::environment;

/// Application tags of LDAP requests and of their answers (RFC 4511 4.2).
pub const BIND: u8 = 0x60;
pub const BIND_ANSWER: u8 = 0x61;
pub const SEARCH: u8 = 0x63;
pub const ENTRY: u8 = 0x64;
pub const SEARCH_DONE: u8 = 0x65;
pub const MODIFY: u8 = 0x66;
pub const MODIFY_ANSWER: u8 = 0x67;

/// The proxy's fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mischief {
    /// Forwards everything.
    #[default]
    None,
    /// Accepts TCP connections and sends nothing.
    Stall,
    /// Closes each connection at once.
    Refuse,
    /// Forwards only so many bytes of the answer with this tag, then closes the connection.
    CutAnswer(u8, usize),
    /// Drops the request with this tag and closes the connection.
    DropRequest(u8),
    /// Never forwards the answer with this tag.
    KeepAnswer(u8),
    /// Replaces the answer with this tag by these bytes.
    ReplaceAnswer(u8, Vec<u8>),
    /// Replaces the answer with this tag by a well-formed one with result 19 and a text that is not UTF-8.
    NotUtf8(u8),
    /// Replaces a text by another of the same length, in answers with this tag.
    ReplaceText(u8, &'static [u8], &'static [u8]),
    /// The same in requests with this tag.
    ReplaceSent(u8, &'static [u8], &'static [u8]),
    /// Never forwards the request with this tag, but forwards the others.
    HoldRequest(u8),
    /// Answers with this result, as another kind of controller would.
    Say(Words),
    /// Delays every answer.
    Slow(Duration),
    /// Delays a request with this tag that contains this text; forwards the others at once.
    Delay(u8, Vec<u8>, Duration),
    /// Returns replication metadata as XML (Windows) instead of in binary form (Samba).
    XmlMetadata,
    /// Presents the certificate and key of these files.
    Certificate(&'static str, &'static str),
}

/// An LDAP result with a controller's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Tag of the answer.
    pub answer: u8,
    pub result: u8,
    pub text: &'static str,
    /// Whether the controller performs the request. Otherwise the request is not forwarded.
    pub done: bool,
}

impl Words {
    /// The request is not forwarded.
    pub fn instead(answer: u8, result: u8, text: &'static str) -> Mischief {
        Mischief::Say(Self { answer, result, text, done: false })
    }

    /// The request is performed; only its answer is replaced.
    pub fn after(answer: u8, result: u8, text: &'static str) -> Mischief {
        Mischief::Say(Self { answer, result, text, done: true })
    }

    /// Tag of the request (RFC 4511 4.2): one below its answer's, except for a search, which has entries in between.
    fn request(self) -> u8 {
        if self.answer == SEARCH_DONE { SEARCH } else { self.answer - 1 }
    }

    fn to(self, message: &[u8]) -> Vec<u8> {
        let result = [&[0x0a, 1, self.result, 4, 0][..], &ber(4, self.text.as_bytes())].concat();
        ber(0x30, &[id_of(message), &ber(self.answer, &result)].concat())
    }
}

fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("short").to_be_bytes();
    [&[tag, 0x82, length[0], length[1]][..], content].concat()
}

/// The message's id with its tag and length.
fn id_of(message: &[u8]) -> &[u8] {
    let header = if message[1] < 0x80 { 2 } else { 2 + usize::from(message[1] & 0x7f) };
    &message[header..header + 2 + usize::from(message[header + 1])]
}

#[derive(Default)]
struct State {
    mischief: Mischief,
    operations: HashMap<u8, usize>,
    connections: usize,
    /// Connections of earlier rounds are closed.
    round: watch::Sender<usize>,
    last: HashMap<u8, Vec<u8>>,
}

/// A running proxy, which ends with the test.
#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    controller: String,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub async fn start() -> Self {
        Self::before(environment().fact("DC_IP")).await
    }

    /// In front of the controller at this address.
    pub async fn before(controller: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self { address: listener.local_addr().expect("bound"), controller: controller.to_owned(), state: Arc::default() };
        let running = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(running.clone().serve(client));
            }
        });
        proxy
    }

    pub fn set(&self, mischief: Mischief) {
        self.state.lock().expect("state").mischief = mischief;
    }

    fn mischief(&self) -> Mischief {
        self.state.lock().expect("state").mischief.clone()
    }

    /// Number of requests with this tag since the last [`Proxy::forget`].
    pub fn count(&self, tag: u8) -> usize {
        self.state.lock().expect("state").operations.get(&tag).copied().unwrap_or_default()
    }

    /// Number of requests except unbind and abandon.
    pub fn operations(&self) -> usize {
        self.state.lock().expect("state").operations.iter().filter(|(tag, _)| ![0x42, 0x50].contains(*tag)).map(|(_, n)| n).sum()
    }

    /// The last request with this tag.
    pub fn last(&self, tag: u8) -> Option<Vec<u8>> {
        self.state.lock().expect("state").last.get(&tag).cloned()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().expect("state").connections
    }

    pub fn forget(&self) {
        let mut state = self.state.lock().expect("state");
        state.operations.clear();
        state.connections = 0;
    }

    /// Closes all connections, as a dying controller does.
    pub fn end_connections(&self) {
        self.state.lock().expect("state").round.send_modify(|round| *round += 1);
    }

    async fn serve(self, client: TcpStream) -> std::io::Result<()> {
        let mut round = {
            let mut state = self.state.lock().expect("state");
            state.connections += 1;
            state.round.subscribe()
        };
        client.set_nodelay(true)?;
        let (certificate, key) = match self.mischief() {
            Mischief::Refuse => return Ok(()),
            Mischief::Stall => {
                tokio::time::sleep(Duration::from_mins(2)).await;
                return Ok(());
            }
            Mischief::Certificate(certificate, key) => (certificate, key),
            _ => ("dc.pem", "dc.key"),
        };
        let client = acceptor(certificate, key).accept(client).await?;
        let server = TcpStream::connect((self.controller.as_str(), 636)).await?;
        server.set_nodelay(true)?;
        let name = ServerName::try_from(environment().fact("DC_NAME").to_owned()).expect("a DNS name");
        let server = connector().connect(name, server).await?;
        let (mut from_client, to_client) = tokio::io::split(client);
        let to_client = tokio::sync::Mutex::new(to_client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let requests = async {
            while let Some(message) = read_message(&mut from_client).await? {
                let tag = operation(&message);
                {
                    let mut state = self.state.lock().expect("state");
                    *state.operations.entry(tag).or_default() += 1;
                    state.last.insert(tag, message.clone());
                }
                if self.mischief() == Mischief::DropRequest(tag) {
                    break;
                }
                match self.mischief() {
                    Mischief::HoldRequest(at) if at == tag => continue,
                    Mischief::Delay(at, text, delay) if at == tag && holds(&message, &text) => tokio::time::sleep(delay).await,
                    Mischief::XmlMetadata if tag == SEARCH && holds(&message, metadata::XML) => {
                        let answer = metadata::answer(&self.controller, &message).await;
                        let mut to_client = to_client.lock().await;
                        to_client.write_all(&answer).await?;
                        to_client.flush().await?;
                        continue;
                    }
                    Mischief::Say(words) if !words.done && words.request() == tag => {
                        let mut to_client = to_client.lock().await;
                        to_client.write_all(&words.to(&message)).await?;
                        to_client.flush().await?;
                        continue;
                    }
                    _ => {}
                }
                let message = match self.mischief() {
                    Mischief::ReplaceSent(at, from, to) if at == tag => replaced(message, from, to),
                    _ => message,
                };
                to_server.write_all(&message).await?;
                to_server.flush().await?;
            }
            std::io::Result::Ok(())
        };
        let answers = async {
            while let Some(message) = read_message(&mut from_server).await? {
                if !self.answer(&mut *to_client.lock().await, message).await? {
                    break;
                }
            }
            std::io::Result::Ok(())
        };
        tokio::select! { done = requests => done, done = answers => done, _ = round.changed() => Ok(()) }
    }

    /// Forwards an answer or makes the fault. False if the connection is to be closed.
    async fn answer(&self, to_client: &mut (impl AsyncWrite + Unpin), message: Vec<u8>) -> std::io::Result<bool> {
        let tag = operation(&message);
        let (bytes, goes_on) = match self.mischief() {
            Mischief::CutAnswer(at, length) if at == tag => (message[..length.min(message.len())].to_vec(), false),
            Mischief::ReplaceAnswer(at, bytes) if at == tag => (bytes, true),
            Mischief::NotUtf8(at) if at == tag => {
                let id = &message[2..4 + usize::from(message[3])];
                let body = [id, &[at, 9, 0x0a, 1, 19, 4, 0, 4, 2, 0xff, 0xfe]].concat();
                ([&[0x30, u8::try_from(body.len()).expect("short")], body.as_slice()].concat(), true)
            }
            Mischief::Say(words) if words.done && words.answer == tag => (words.to(&message), true),
            Mischief::ReplaceText(at, from, to) if at == tag => (replaced(message, from, to), true),
            Mischief::XmlMetadata if tag == ENTRY => (replaced(message, metadata::BINARY, b"xeplPropertyMetaData"), true),
            Mischief::KeepAnswer(at) if at == tag => {
                tokio::time::sleep(Duration::from_mins(2)).await;
                return Ok(false);
            }
            Mischief::Slow(delay) => {
                tokio::time::sleep(delay).await;
                (message, true)
            }
            _ => (message, true),
        };
        to_client.write_all(&bytes).await?;
        to_client.flush().await?;
        Ok(goes_on)
    }
}

fn holds(message: &[u8], text: &[u8]) -> bool {
    message.windows(text.len()).any(|window| window == text)
}

fn replaced(mut message: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    while let Some(place) = message.windows(from.len()).position(|w| w == from) {
        message[place..place + to.len()].copy_from_slice(to);
    }
    message
}

fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(environment().tls(certificate)).expect("a certificate").map(|c| c.expect("PEM")).collect();
    let key = PrivateKeyDer::from_pem_file(environment().tls(key)).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("certificate and key fit");
    TlsAcceptor::from(Arc::new(config))
}

fn connector() -> TlsConnector {
    let config = os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA");
    TlsConnector::from(config)
}

/// One BER message. `None` at the end of the stream.
async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; 2];
    match stream.read_exact(&mut message).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut length = usize::from(message[1]);
    if length >= 0x80 {
        let mut bytes = vec![0; length & 0x7f];
        stream.read_exact(&mut bytes).await?;
        length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        message.extend(bytes);
    }
    let start = message.len();
    message.resize(start + length, 0);
    stream.read_exact(&mut message[start..]).await?;
    Ok(Some(message))
}

/// Tag of the operation, which follows the message's header and id.
fn operation(message: &[u8]) -> u8 {
    let header = if message[1] < 0x80 { 2 } else { 2 + usize::from(message[1] & 0x7f) };
    let id_length = usize::from(message[header + 1]);
    message[header + 2 + id_length]
}
