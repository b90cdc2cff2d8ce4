//! TLS clients: trusted CA certificates and our own client certificate. There is no switch that turns verification off.

mod certificate;

pub use certificate::{Certificate, CertificateError};

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};

use crate::operator_file;

/// Why a TLS client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The CA file is unreadable, or contains no certificate.
    #[error("the CA file {file}: {what}")]
    CaFile {
        /// Path from the configuration.
        file: String,
        /// Cause.
        what: String,
    },
    /// Our certificate is unreadable, or its key belongs to another certificate.
    #[error("the client certificate {file}: {what}")]
    Certificate {
        /// Path from the configuration.
        file: String,
        /// Cause.
        what: String,
    },
    /// The system has no usable CA certificates.
    #[error("the system has no trusted CA certificates; set directory.ca_file")]
    NoSystemRoots,
}

/// The certificates of the CA file, or the system's where none is given.
pub fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() { Err(TlsSetupError::NoSystemRoots) } else { Ok(roots) };
    };
    let wrong = |what: String| TlsSetupError::CaFile { file: file.display().to_string(), what };
    for certificate in operator_file::certificates(file).map_err(|e| wrong(e.to_string()))? {
        roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
    }
    Ok(roots)
}

/// Our certificate and its key.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// PEM: our certificate first, then its issuers.
    pub file: PathBuf,
    /// The private key, PEM.
    pub key: SecretString,
}

/// TLS 1.2 and 1.3 with full verification of chain and name.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsSetupError> {
    client_config_as(ca_file, None)
}

/// Like [`client_config`], with our certificate where the server asks for one.
pub fn client_config_as(ca_file: Option<&Path>, certificate: Option<&ClientCertificate>) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots(ca_file)?);
    let Some(ClientCertificate { file, key }) = certificate else { return Ok(Arc::new(config.with_no_client_auth())) };
    let wrong = |what: String| TlsSetupError::Certificate { file: file.display().to_string(), what };
    let chain = operator_file::certificates(file).map_err(|e| wrong(e.to_string()))?;
    // The parser's own error may quote a line of the key.
    let key =
        PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_| wrong("its key is no private key in PEM".into()))?;
    Ok(Arc::new(config.with_client_auth_cert(chain, key).map_err(|e| wrong(e.to_string()))?))
}
