//! Trust: which CA a controller's certificate has to come from. There is no switch that trusts everything.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Why trust can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// The CA file can't be read, or holds no certificate.
    #[error("the CA file {file}: {what}")]
    CaFile {
        /// As configured.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The system has no usable roots.
    #[error("the system has no trusted CA certificates; set directory.ca_file")]
    NoSystemRoots,
}

/// The roots of the CA file, or the system's where none is given.
pub fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = ca_file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() { Err(TlsSetupError::NoSystemRoots) } else { Ok(roots) };
    };
    let wrong = |what: String| TlsSetupError::CaFile { file: file.display().to_string(), what };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| wrong(e.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
        roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
    }
    if roots.is_empty() { Err(wrong("holds no certificate".into())) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 with full verification of chain and name.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots(ca_file)?)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
