//! The server's TLS certificate. The operator can reload it.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use secrecy::ExposeSecret;

use crate::{
    config,
    operator_file::{self, OperatorFileError},
};

/// The certificate in use, and its files.
#[derive(Debug)]
pub struct Certificate {
    files: config::Tls,
    now: RwLock<Arc<ServerConfig>>,
}

/// Reasons why a certificate can't be used. The library's error about a key is left out, because it may quote a line of the key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("certificate_file {0}: {1}")]
    File(String, String),
    #[error("key_file {0}: {1}")]
    KeyFile(String, OperatorFileError),
    #[error("key_file {0}: no private key in PEM can be read")]
    Key(String),
    /// The key does not match the certificate, or rustls refuses them.
    #[error("certificate_file and key_file: {0}")]
    Unfit(rustls::Error),
}

impl Certificate {
    /// Reads both files.
    pub fn read(files: &config::Tls) -> Result<Self, CertificateError> {
        Ok(Self { now: RwLock::new(Arc::new(load(files)?)), files: files.clone() })
    }

    /// Reloads both files. On an error the previous certificate stays in use.
    pub fn read_again(&self) -> Result<(), CertificateError> {
        let fresh = Arc::new(load(&self.files)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn load(files: &config::Tls) -> Result<ServerConfig, CertificateError> {
    let wrong = |what: String| CertificateError::File(files.certificate_file.display().to_string(), what);
    let key_file = || files.key_file.display().to_string();
    let chain = operator_file::certificates(&files.certificate_file).map_err(|error| wrong(error.to_string()))?;
    let pem = operator_file::private_key(&files.key_file).map_err(|error| CertificateError::KeyFile(key_file(), error))?;
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| CertificateError::Key(key_file()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(CertificateError::Unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
