//! Keys that a provider signs with.

use openssl::{
    pkey::{Id, PKey, Public},
    x509::X509,
};
use samael::crypto::CertificateDer;

/// A signing key of a provider.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its certificate. Only its key counts; providers let certificates expire.
    pub certificate: CertificateDer,
    pub key: PKey<Public>,
}

impl SigningKey {
    /// From a certificate in DER.
    pub fn of(der: &[u8]) -> Option<Self> {
        let key = X509::from_der(der).ok()?.public_key().ok()?;
        Some(Self { certificate: CertificateDer::from(der.to_vec()), key })
    }

    /// RSA of 2048 bits or more, or EC of 256.
    pub(super) fn is_strong(&self) -> bool {
        match self.key.id() {
            Id::RSA => self.key.bits() >= 2048,
            Id::EC => self.key.bits() >= 256,
            _ => false,
        }
    }

    /// Approximate cost of trying the key on a signature, microseconds; measured with OpenSSL 3.0 on a core of 2023.
    pub(super) fn price(&self) -> u32 {
        let bits = self.key.bits();
        match self.key.id() {
            Id::RSA => (bits / 512) * (bits / 512),
            _ if bits <= 256 => 60,
            _ => 600,
        }
    }
}
