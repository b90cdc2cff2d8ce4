//! Signing keys of a provider.

use data_encoding::BASE64URL_NOPAD;
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::payload::Payload;
use crate::config::Algorithm;

/// Minimum size of an RSA modulus, bytes (NIST SP 800-131A).
const LEAST_RSA_BYTES: usize = 256;

/// Public keys that fit a configured algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `kid`.
    id: Option<String>,
    /// Algorithms whose signatures it may verify.
    fits: Vec<Algorithm>,
    /// Its parameters, for the library.
    numbers: CoreJsonWebKey,
    /// Its parameters as text, for comparison.
    text: String,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Box<RawValue>>,
}

impl KeySet {
    /// Parses a JWK Set (RFC 7517, section 5). Unreadable and unusable keys are ignored. `None`: not a JWK Set.
    pub fn read(document: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        let mut keys: Vec<Key> = Vec::new();
        for raw in document.keys {
            let key = Payload::read(raw.get().as_bytes()).and_then(|jwk| Key::of(&jwk, algorithms));
            keys.extend(key.filter(|key| !keys.contains(key)));
        }
        Some(Self(keys))
    }

    /// An empty set, before the keys are fetched.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// All keys as text, in an order that depends on their content only.
    pub fn in_order(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.0.iter().map(|key| format!("{:?} {}", key.id, key.text)).collect();
        keys.sort_unstable();
        keys
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The only key with this id and algorithm. Without an id, only one key may fit the algorithm.
    pub fn one(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let named = |key: &&Key| id.is_none_or(|id| key.id.as_deref() == Some(id));
        let mut fit = self.0.iter().filter(|key| key.fits.contains(&algorithm)).filter(named);
        match (fit.next(), fit.next()) {
            (Some(key), None) => Some(key),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }
}

impl Key {
    fn of(jwk: &Payload, algorithms: &[Algorithm]) -> Option<Self> {
        let numbers = match jwk.text("kty")? {
            "RSA" => json!({ "kty": "RSA", "n": jwk.text("n")?, "e": jwk.text("e")? }),
            "EC" => json!({ "kty": "EC", "crv": jwk.text("crv")?, "x": jwk.text("x")?, "y": jwk.text("y")? }),
            _ => return None,
        };
        let fits: Vec<_> = algorithms.iter().copied().filter(|algorithm| fits(jwk, *algorithm)).collect();
        let text = numbers.to_string();
        (!fits.is_empty()).then_some(())?;
        Some(Self { id: jwk.text("kid").map(str::to_owned), fits, numbers: serde_json::from_value(numbers).ok()?, text })
    }

    /// Whether this key verifies the signature.
    pub fn has_signed(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.numbers.verify_signature(&signing(algorithm), signed, signature).is_ok()
    }
}

/// Whether the key may verify signatures of this algorithm. Its `use`, `alg` and `key_ops` count if present (RFC 7517, sections 4.2 to
/// 4.4).
fn fits(key: &Payload, algorithm: Algorithm) -> bool {
    let name = match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::ES256 => "ES256",
    };
    let says = |member: &str, right: &dyn Fn(&Value) -> bool| key.get(member).is_ok_and(|said| said.is_none_or(right));
    let verifies = |operations: &Value| operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"));
    if !says("use", &|said| said == "sig") || !says("alg", &|said| said == name) || !says("key_ops", &verifies) {
        return false;
    }
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => {
            let modulus = key.text("n").and_then(|n| BASE64URL_NOPAD.decode(n.as_bytes()).ok()).unwrap_or_default();
            key.text("kty") == Some("RSA") && modulus.iter().skip_while(|byte| **byte == 0).count() >= LEAST_RSA_BYTES
        }
        Algorithm::ES256 => key.text("kty") == Some("EC") && key.text("crv") == Some("P-256"),
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
