//! TLS handshake that records the offered certificates, so that no option for unverified TLS is needed.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::certificate::{self, ChainLink};
use crate::{directory::ControllerEndpoint, tls};

/// Result of a handshake.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The offered certificates, the controller's own first.
    pub chain: Vec<ChainLink>,
    /// `Ok` if the chain is trusted.
    pub verdict: Result<(), HandshakeError>,
    /// Trusted root certificates.
    pub roots: Arc<RootCertStore>,
}

/// Reasons why a handshake failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    #[error("no answer in time")]
    TimedOut,
    /// The controller refused StartTLS.
    #[error("the controller does not offer StartTLS")]
    NoStartTls,
    /// Another error, with the message of the library or system.
    #[error("{0}")]
    Other(String),
}

/// Makes a TLS handshake and closes the connection. The verdict is that of an ordinary connection.
pub async fn offered_chain(endpoint: &ControllerEndpoint, ca_file: Option<&Path>) -> Result<Offered, String> {
    let roots = Arc::new(tls::roots(ca_file).map_err(|e| e.to_string())?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build().map_err(|e| e.to_string())?;
    let watcher = Arc::new(RecordingVerifier { inner, seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous() // the verifier below only records; the ordinary one decides
        .with_custom_certificate_verifier(watcher.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(endpoint.name.clone()).map_err(|e| e.to_string())?;
    let other = |error: std::io::Error| HandshakeError::Other(error.to_string());
    let handshake = async {
        let mut stream = endpoint.tcp().await.map_err(other)?;
        if endpoint.starttls() {
            start_tls(&mut stream).await?;
        }
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(|_| ()).map_err(other)
    };
    let verdict = tokio::time::timeout(endpoint.timeout(), handshake).await.unwrap_or(Err(HandshakeError::TimedOut));
    let seen = watcher.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Offered { chain: certificate::chain(&seen), verdict, roots })
}

/// Requests StartTLS on the LDAP port (RFC 4511, section 4.14). Only a response of success counts.
pub(super) async fn start_tls(stream: &mut TcpStream) -> Result<(), HandshakeError> {
    const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const SUCCESS: &[u8] = b"\x0a\x01\x00";
    /// First byte of every LDAP message (SEQUENCE).
    const LDAP: u8 = 0x30;
    let other = |error: std::io::Error| HandshakeError::Other(error.to_string());
    stream.write_all(REQUEST).await.map_err(other)?;
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).await.map_err(other)?;
    match answer[..length].first() {
        Some(&LDAP) if answer[..length].windows(SUCCESS.len()).any(|w| w == SUCCESS) => Ok(()),
        Some(&LDAP) => Err(HandshakeError::NoStartTls),
        Some(_) => Err(HandshakeError::Other("the answer to StartTLS is not LDAP".to_owned())),
        None => Err(HandshakeError::Other("the connection was closed instead of an answer to StartTLS".to_owned())),
    }
}

/// Verifier that records the certificates and delegates to the ordinary one.
#[derive(Debug)]
struct RecordingVerifier {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates).map(|c| c.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = all;
        self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
