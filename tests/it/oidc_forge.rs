//! Makes tokens of any header and payload with any key, as an honest or a malicious provider may send them.

use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use openssl::{
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sign::{RsaPssSaltlen, Signer as Signing},
};
use serde_json::{Value, json};

pub const NSIS: &str = "https://data.gov.dk/concept/core/nsis/";

pub struct Signer {
    pub kid: &'static str,
    pub key: PKey<Private>,
}

pub fn rsa(kid: &'static str, bits: u32) -> Signer {
    Signer { kid, key: PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key") }
}

pub static RSA: LazyLock<Signer> = LazyLock::new(|| rsa("rsa", 2048));
/// An attacker's key under the key id of the provider's.
pub static STRANGER: LazyLock<Signer> = LazyLock::new(|| rsa("rsa", 2048));
pub static EC: LazyLock<Signer> = LazyLock::new(|| {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
    Signer { kid: "ec", key: PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key") }
});

impl Signer {
    /// The public key as a provider publishes it.
    pub fn jwk(&self) -> Value {
        let text = |bytes: Vec<u8>| BASE64URL_NOPAD.encode(&bytes);
        if let Ok(rsa) = self.key.rsa() {
            return json!({ "kty": "RSA", "kid": self.kid, "use": "sig", "n": text(rsa.n().to_vec()), "e": text(rsa.e().to_vec()) });
        }
        let key = self.key.ec_key().expect("RSA or EC");
        let (mut x, mut y) = (openssl::bn::BigNum::new().expect("a number"), openssl::bn::BigNum::new().expect("a number"));
        let mut context = openssl::bn::BigNumContext::new().expect("a context");
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).expect("a point");
        let padded = |n: &openssl::bn::BigNum| text(n.to_vec_padded(32).expect("32 bytes"));
        json!({ "kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": padded(&x), "y": padded(&y) })
    }

    /// The signature by this algorithm. The name is not validated.
    pub fn signature(&self, alg: &str, signed: &[u8]) -> Vec<u8> {
        let mut signing =
            Signing::new(if alg == "RS512" { MessageDigest::sha512() } else { MessageDigest::sha256() }, &self.key).expect("a signer");
        if alg == "PS256" {
            signing.set_rsa_padding(Padding::PKCS1_PSS).expect("PSS");
            signing.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).expect("a length");
        }
        let made = signing.sign_oneshot_to_vec(signed).expect("signed");
        if alg != "ES256" {
            return made;
        }
        let made = EcdsaSig::from_der(&made).expect("DER");
        [made.r(), made.s()].iter().flat_map(|n| n.to_vec_padded(32).expect("32 bytes")).collect()
    }

    pub fn token(&self, alg: &str, payload: &Value) -> String {
        self.token_with(&json!({ "alg": alg, "kid": self.kid, "typ": "JWT" }), payload)
    }

    /// A token with exactly this header. `none` has no signature; HS256 has the public key as its secret.
    pub fn token_with(&self, header: &Value, payload: &Value) -> String {
        let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(payload));
        let alg = header["alg"].as_str().unwrap_or_default();
        let signature = match alg.to_ascii_lowercase().as_str() {
            "none" => Vec::new(),
            "hs256" => {
                let public = self.key.public_key_to_pem().expect("PEM");
                ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &public), signed.as_bytes()).as_ref().to_vec()
            }
            _ => self.signature(alg, signed.as_bytes()),
        };
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

/// The claims with changes. `null` removes a claim.
#[allow(clippy::needless_pass_by_value, reason = "made in place at every call")]
pub fn but(mut claims: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Authorization header of `client_secret_basic`.
pub fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{client}:{secret}").as_bytes()))
}
