//! JSON Web Tokens in compact form (RFC 7515): parsing and verification of signatures.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use super::{OidcRefused, jwks::KeySet, payload::Payload};
use crate::config::Algorithm;

/// JOSE header of a token. It is not authenticated.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// Algorithm of the signature or of key encryption.
    pub alg: String,
    /// Algorithm of content encryption.
    pub enc: Option<Value>,
    pub kid: Option<String>,
    /// Type of the token.
    pub typ: Option<String>,
    /// Type of the content.
    pub cty: Option<String>,
    /// Extensions that the reader must understand.
    pub crit: Option<Value>,
    /// Compression.
    pub zip: Option<Value>,
}

impl Header {
    /// Parses the header of a token.
    pub fn of(token: &str) -> Result<Self, OidcRefused> {
        let part = token.split('.').next().unwrap_or_default();
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| OidcRefused::NotJwt)?;
        serde_json::from_slice(&bytes).map_err(|_| OidcRefused::NotJwt)
    }

    /// The signature algorithm, if it is one of `allowed`.
    pub fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, OidcRefused> {
        let named = match self.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "PS256" => Algorithm::PS256,
            "ES256" => Algorithm::ES256,
            _ => return Err(OidcRefused::Algorithm),
        };
        if allowed.contains(&named) { Ok(named) } else { Err(OidcRefused::Algorithm) }
    }
}

/// Whether the token is encrypted. Encrypted ones have five parts (RFC 7516, section 7.1).
pub fn is_encrypted(token: &str) -> bool {
    token.split('.').count() == 5
}

/// Payload of a signed token, not authenticated.
fn payload(token: &str) -> Result<Payload, OidcRefused> {
    let parts: Vec<_> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else { return Err(OidcRefused::NotJwt) };
    let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| OidcRefused::NotJwt)?;
    Payload::read(&bytes).ok_or(OidcRefused::NotJwt)
}

/// Payload of a token of one of `types`, after its signature is verified. `typ` is compared without regard to case and without
/// `application/` (RFC 7515, section 4.1.9); a missing one counts as `JWT`.
pub fn verified(token: &str, keys: &KeySet, allowed: &[Algorithm], types: &[&str]) -> Result<Payload, OidcRefused> {
    let header = Header::of(token)?;
    let algorithm = header.algorithm(allowed)?;
    let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    if !types.iter().any(|known| known.eq_ignore_ascii_case(typ)) || header.cty.is_some() || header.crit.is_some() {
        return Err(OidcRefused::Type);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(OidcRefused::NotJwt)?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| OidcRefused::NotJwt)?;
    let key = keys.one(header.kid.as_deref(), algorithm).ok_or(OidcRefused::Key)?;
    if !key.has_signed(algorithm, signed.as_bytes(), &signature) {
        return Err(OidcRefused::Signature);
    }
    payload(token)
}
