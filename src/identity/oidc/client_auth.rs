//! Client authentication (OpenID Connect Core, section 9), and publication of our keys.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::{SignedDuration, Timestamp};
use josekit::{
    jws::{self, JwsHeader, JwsSigner, PS256, RS256},
    jwt::JwtPayload,
};
use openssl::pkey::{PKey, Private};
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    config::{AssertionAudience, ClientAuth},
    identity::keys::{KeyPair, ProviderKeys},
};

/// Validity of a client assertion.
const ASSERTION_FOR: SignedDuration = SignedDuration::from_secs(60);

/// Credentials of a request.
#[derive(Default)]
pub struct ClientCredentials {
    /// Value of the Authorization header.
    pub authorization: Option<Zeroizing<String>>,
    /// Form fields.
    pub fields: Vec<(&'static str, Zeroizing<String>)>,
}

/// Signing a client assertion failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("client assertion not signed")]
pub struct Unsigned;

/// Recipient and time of credentials.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    /// Our client id at the provider.
    pub client_id: &'a str,
    /// The provider's issuer identifier.
    pub issuer: &'a str,
    /// The provider's token endpoint.
    pub token_endpoint: &'a str,
    pub now: Timestamp,
    /// Random bytes for the assertion's `jti`.
    pub random: [u8; 16],
}

/// Creates credentials. With `private_key_jwt` this blocks for some milliseconds.
pub fn credentials(auth: &ClientAuth, keys: Option<&ProviderKeys>, to: &For<'_>) -> Result<ClientCredentials, Unsigned> {
    let field = |name, value: &str| (name, Zeroizing::new(value.to_owned()));
    Ok(match auth {
        ClientAuth::Basic(secret) => {
            // Both are form-encoded first (RFC 6749, section 2.3.1).
            let encoded = |text: &str| {
                let pair = serde_urlencoded::to_string([("", text)]).unwrap_or_default();
                Zeroizing::new(pair.trim_start_matches('=').to_owned())
            };
            let both = Zeroizing::new(format!("{}:{}", *encoded(to.client_id), *encoded(secret.expose_secret())));
            ClientCredentials {
                authorization: Some(Zeroizing::new(format!("Basic {}", BASE64.encode(both.as_bytes())))),
                fields: Vec::new(),
            }
        }
        ClientAuth::Post(secret) => ClientCredentials {
            authorization: None,
            fields: vec![field("client_id", to.client_id), field("client_secret", secret.expose_secret())],
        },
        ClientAuth::PrivateKeyJwt { audience, pss } => {
            let audience = match audience {
                AssertionAudience::Issuer => to.issuer,
                AssertionAudience::TokenEndpoint => to.token_endpoint,
            };
            let assertion = assertion(keys.ok_or(Unsigned)?, audience, *pss, to).map_err(|_| Unsigned)?;
            ClientCredentials {
                authorization: None,
                fields: vec![
                    field("client_id", to.client_id),
                    field("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", assertion),
                ],
            }
        }
    })
}

fn assertion(keys: &ProviderKeys, audience: &str, pss: bool, to: &For<'_>) -> Result<Zeroizing<String>, josekit::JoseError> {
    let second = |at: Timestamp| json!(at.as_second());
    let mut payload = JwtPayload::new();
    for (name, value) in [
        ("iss", json!(to.client_id)),
        ("sub", json!(to.client_id)),
        ("aud", json!(audience)),
        ("jti", json!(BASE64URL_NOPAD.encode(&to.random))),
        ("iat", second(to.now)),
        ("exp", second(to.now + ASSERTION_FOR)),
    ] {
        payload.set_claim(name, Some(value))?;
    }
    let mut header = JwsHeader::new();
    header.set_token_type("JWT");
    header.set_key_id(key_id(&keys.signing));
    // Some providers identify a key by its certificate only.
    header.set_x509_certificate_sha256_thumbprint(digest(&SHA256, keys.signing.certificate()).as_ref());
    let der = Zeroizing::new(private_key(keys.signing.key())?);
    let signer: Box<dyn JwsSigner> =
        if pss { Box::new(PS256.signer_from_der(der.as_slice())?) } else { Box::new(RS256.signer_from_der(der.as_slice())?) };
    let text = serde_json::to_vec(payload.claims_set()).unwrap_or_default();
    Ok(Zeroizing::new(jws::serialize_compact(&text, &header, signer.as_ref())?))
}

fn private_key(key: &PKey<Private>) -> Result<Vec<u8>, josekit::JoseError> {
    key.private_key_to_pkcs8().map_err(|error| josekit::JoseError::InvalidKeyFormat(error.into()))
}

/// Modulus and exponent of an RSA key in base64url. All our keys are RSA keys, because [`ProviderKeys::read`] refuses others.
fn numbers(pair: &KeyPair) -> (String, String) {
    let rsa = pair.key().rsa().expect("our keys are RSA keys");
    (BASE64URL_NOPAD.encode(&rsa.n().to_vec()), BASE64URL_NOPAD.encode(&rsa.e().to_vec()))
}

/// Key id: the thumbprint of RFC 7638, the same for a key everywhere.
pub fn key_id(pair: &KeyPair) -> String {
    let (n, e) = numbers(pair);
    thumbprint(&n, &e)
}

fn thumbprint(n: &str, e: &str) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, format!("{{\"e\":\"{e}\",\"kty\":\"RSA\",\"n\":\"{n}\"}}").as_bytes()).as_ref())
}

/// JWK Set of our public keys, including the next ones, so that providers know them before their use.
pub fn published(keys: &ProviderKeys) -> Value {
    let all = keys.published().map(|(name, pair)| {
        let (n, e) = numbers(pair);
        let mut key = json!({ "kty": "RSA", "n": n, "e": e, "kid": key_id(pair), "x5c": [BASE64.encode(pair.certificate())] });
        if name.ends_with("signing") {
            key["use"] = json!("sig");
        } else {
            key["use"] = json!("enc");
            key["alg"] = json!("RSA-OAEP-256");
        }
        key
    });
    json!({ "keys": all.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::thumbprint;

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_\
                 RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqb\
                 w0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(thumbprint(n, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
