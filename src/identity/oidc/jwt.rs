//! JSON Web Tokens in their compact form (RFC 7515): reading what is said, and verifying those that the library has no verifier for.

use data_encoding::BASE64URL_NOPAD;
use openidconnect::{JsonWebKey, core::CoreJsonWebKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Refused,
    jwks::{KeySet, signing},
};
use crate::config::Algorithm;

/// What a token holds.
pub type Payload = Map<String, Value>;

/// The first part of a token. Nothing in it is proven.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The signature or the way to encrypt.
    pub alg: String,
    /// The content's encryption.
    pub enc: Option<String>,
    /// The key's name.
    pub kid: Option<String>,
    /// The token's type.
    pub typ: Option<String>,
    /// The content's type.
    pub cty: Option<String>,
    /// What a reader has to know.
    pub crit: Option<Value>,
    /// Compression.
    pub zip: Option<Value>,
}

impl Header {
    /// Reads it.
    pub fn of(token: &str) -> Result<Self, Refused> {
        let part = token.split('.').next().unwrap_or_default();
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| Refused::NotJwt)?;
        serde_json::from_slice(&bytes).map_err(|_| Refused::NotJwt)
    }

    /// The algorithm, where it is one of these.
    pub fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, Refused> {
        let named = match self.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "PS256" => Algorithm::PS256,
            "ES256" => Algorithm::ES256,
            _ => return Err(Refused::Algorithm),
        };
        if allowed.contains(&named) { Ok(named) } else { Err(Refused::Algorithm) }
    }
}

/// Is it an encrypted one? Those have five parts (RFC 7516, section 7.1).
pub fn is_encrypted(token: &str) -> bool {
    token.split('.').count() == 5
}

/// What a signed token says. Nothing of it is proven.
pub fn payload(token: &str) -> Result<Payload, Refused> {
    let parts: Vec<_> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else { return Err(Refused::NotJwt) };
    let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| Refused::NotJwt)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::NotJwt)
}

/// What a token of one of these types says, once its signature was right. `typ` is compared without regard to case and without `application/` (RFC 7515,
/// section 4.1.9); none is as good as `JWT`.
pub fn verified(token: &str, keys: &KeySet, allowed: &[Algorithm], types: &[&str]) -> Result<Payload, Refused> {
    let header = Header::of(token)?;
    let algorithm = header.algorithm(allowed)?;
    let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    if !types.iter().any(|known| known.eq_ignore_ascii_case(typ)) || header.cty.is_some() || header.crit.is_some() {
        return Err(Refused::Type);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Refused::NotJwt)?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Refused::NotJwt)?;
    let key = the_key(keys, header.kid.as_deref(), algorithm)?;
    key.verify_signature(&signing(algorithm), signed.as_bytes(), &signature).map_err(|_| Refused::Signature)?;
    payload(token)
}

/// The one key of this name and kind. Without a name there must be only one of the kind.
fn the_key<'k>(keys: &'k KeySet, kid: Option<&str>, algorithm: Algorithm) -> Result<&'k CoreJsonWebKey, Refused> {
    let mut fit = keys.all().keys().iter().filter(|key| {
        let name = kid.is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
        name && super::jwks::fits(key, algorithm)
    });
    match (fit.next(), fit.next()) {
        (Some(key), None) => Ok(key),
        (None, _) | (Some(_), Some(_)) => Err(Refused::Key),
    }
}
