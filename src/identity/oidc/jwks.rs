//! A provider's keys: only those that may verify something.

use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde_json::Value;

use crate::config::Algorithm;

/// Smaller RSA keys verify nothing (NIST SP 800-131A).
const LEAST_RSA_BYTES: usize = 256;

/// Public keys that fit an algorithm of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(CoreJsonWebKeySet);

impl KeySet {
    /// Of everything that the provider publishes.
    pub fn of(all: &CoreJsonWebKeySet, algorithms: &[Algorithm]) -> Self {
        let useful = all.keys().iter().filter(|key| algorithms.iter().any(|algorithm| fits(key, *algorithm)));
        Self(CoreJsonWebKeySet::new(useful.cloned().collect()))
    }

    /// Each as JSON, in an order of their own.
    pub fn in_order(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.0.keys().iter().filter_map(|key| serde_json::to_string(key).ok()).collect();
        keys.sort_unstable();
        keys
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.keys().is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.keys().len()
    }

    /// For the library's verifier.
    pub fn all(&self) -> &CoreJsonWebKeySet {
        &self.0
    }
}

/// May this key verify signatures of this kind? What the library does not tell of a key is read from its JSON.
pub fn fits(key: &CoreJsonWebKey, algorithm: Algorithm) -> bool {
    let Ok(key) = serde_json::to_value(key) else { return false };
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let name = match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::ES256 => "ES256",
    };
    if text("use").is_some_and(|purpose| purpose != "sig") || text("alg").is_some_and(|alg| alg != name) {
        return false;
    }
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => {
            let modulus = text("n").and_then(|n| BASE64URL_NOPAD.decode(n.as_bytes()).ok()).unwrap_or_default();
            text("kty") == Some("RSA") && modulus.iter().skip_while(|byte| **byte == 0).count() >= LEAST_RSA_BYTES
        }
        Algorithm::ES256 => text("kty") == Some("EC") && text("crv") == Some("P-256"),
    }
}

/// The library's name of an algorithm.
pub fn signing(algorithm: Algorithm) -> CoreJwsSigningAlgorithm {
    match algorithm {
        Algorithm::RS256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        Algorithm::PS256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
        Algorithm::ES256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    }
}
