//! The certificates that a controller offers, and why they are or are not trusted: so that nobody needs a switch that trusts everything.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::{directory::Endpoint, tls};

/// One certificate of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    /// Whom it is for.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The names on it.
    pub names: Vec<String>,
    /// Its last moment.
    pub ends: Option<Timestamp>,
}

/// What was offered and what came of it.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The controller's own certificate first.
    pub chain: Vec<ChainLink>,
    /// `Ok` where it is trusted; else why not.
    pub verdict: Result<(), String>,
}

/// Makes a TLS handshake and ends the connection. The verdict is the same that a real connection would get.
pub async fn offered_chain(endpoint: &Endpoint, ca_file: Option<&Path>) -> Result<Offered, String> {
    let roots = tls::roots(ca_file).map_err(|e| e.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().map_err(|e| e.to_string())?;
    let watcher = Arc::new(Watcher { inner, seen: Mutex::default() });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous() // the verifier below only writes down what it sees; the verdict is the ordinary one's
        .with_custom_certificate_verifier(watcher.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(endpoint.name.clone()).map_err(|e| e.to_string())?;
    let handshake = async {
        let mut stream = endpoint.tcp().await?;
        if endpoint.starttls() {
            start_tls(&mut stream).await?;
        }
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(|_| ())
    };
    let verdict = match tokio::time::timeout(endpoint.timeout(), handshake).await {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    };
    let seen = watcher.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Offered { chain: seen.iter().filter_map(|der| link(der)).collect(), verdict })
}

/// Asks for TLS on the LDAP port (RFC 4511 4.14); the answer has to be success and nothing more.
async fn start_tls(stream: &mut tokio::net::TcpStream) -> std::io::Result<()> {
    const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    const SUCCESS: &[u8] = b"\x0a\x01\x00";
    stream.write_all(REQUEST).await?;
    let mut answer = [0; 512];
    let length = stream.read(&mut answer).await?;
    let success = answer[..length].windows(SUCCESS.len()).any(|w| w == SUCCESS);
    if success { Ok(()) } else { Err(std::io::Error::other("the controller does not offer StartTLS")) }
}

fn link(der: &CertificateDer<'_>) -> Option<ChainLink> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten().map(|extension| {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum: other kinds of names are not for servers")]
        let name = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(ip) => <[u8; 4]>::try_from(*ip).ok().map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            _ => None,
        };
        extension.value.general_names.iter().filter_map(name).collect()
    });
    Some(ChainLink {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names: names.unwrap_or_default(),
        ends: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok(),
    })
}

/// Writes down the certificates and leaves the judgement to the ordinary verifier.
#[derive(Debug)]
struct Watcher {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Watcher {
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
