//! Fixtures: valid tokens of a valid provider, and their expected values.

use std::{collections::BTreeMap, sync::LazyLock};

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::forge::{EC, NSIS, RSA, Signer, rsa};
use crate::{
    config::{Algorithm, ClaimPath, ClaimSource, ClientAuth, LevelSource, LogoutBy, OidcProvider, Provider, ResponseMode, Text},
    identity::oidc::{Denied, id_token, jwks::KeySet},
    model::identity::{claim::ClaimKind, level::AssuranceLevel, provider::ProviderId},
};

pub const ISSUER: &str = "https://broker.test/op";
pub const CLIENT: &str = "os2nykode";
pub const NONCE: &str = "5e0f7c2a9d5b4f6e8a7c1b3d2e4f6a8b";
pub const ACCESS: &str = "an access token";

pub fn now() -> Timestamp {
    "2026-11-23T08:10:00Z".parse().expect("a time")
}

/// An RSA key below the minimum size.
pub static WEAK: LazyLock<Signer> = LazyLock::new(|| rsa("weak", 1024));

/// Claims of a valid ID token of `anna`.
pub fn claims() -> Value {
    let second = now().as_second();
    json!({
        "iss": ISSUER, "sub": "6d0c", "aud": CLIENT, "exp": second + 300, "iat": second, "auth_time": second, "nonce": NONCE, "jti": "t-1", "sid": "s-1",
        "loa": format!("{NSIS}Substantial"), "identity_type": "private", "dk.cpr": "0101901234", "name": "Anna Andersen",
    })
}

pub fn set(keys: &[Value]) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), &Algorithm::ALL).expect("a set")
}

pub fn keys() -> KeySet {
    set(&[RSA.jwk(), EC.jwk()])
}

pub fn field(from: &str) -> ClaimPath {
    ClaimPath { place: ClaimSource::IdToken, from: from.to_owned() }
}

pub fn provider() -> OidcProvider {
    let levels = [("Low", AssuranceLevel::Low), ("Substantial", AssuranceLevel::Substantial), ("High", AssuranceLevel::High)];
    OidcProvider {
        common: Provider {
            id: ProviderId::parse("mitid").expect("an id"),
            button: Text { da: "x".to_owned(), en: None },
            mitid: false,
            hint: None,
            match_by: ClaimKind::Cpr,
            match_attribute: Some("employeeNumber".to_owned()),
            highest: AssuranceLevel::High,
        },
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        additional_audiences: Vec::new(),
        client_auth: ClientAuth::Basic("s3cret".to_owned().into()),
        scopes: vec!["openid".to_owned(), "ssn".to_owned()],
        parameters: BTreeMap::new(),
        response_mode: ResponseMode::Query,
        par: true,
        prompt_login: true,
        max_age_seconds: None,
        require_auth_time: true,
        auth_time: "auth_time".to_owned(),
        logout_by: LogoutBy::Form,
        algorithms: Algorithm::ALL.to_vec(),
        encrypted_id_token: false,
        signed_userinfo: false,
        typed_logout_tokens: false,
        skew_seconds: 180,
        claim: field("dk.cpr"),
        name: Some(field("name")),
        reference: field("jti"),
        level: LevelSource::Said(vec![(field("loa"), levels.into_iter().map(|(word, level)| (format!("{NSIS}{word}"), level)).collect())]),
        minimum_level: AssuranceLevel::None,
        require: Vec::new(),
    }
}

/// Validates a token against the usual expected values.
pub fn verify(token: &str) -> Result<id_token::Verified, Denied> {
    verify_by(&provider(), &keys(), token)
}

pub fn verify_by(provider: &OidcProvider, keys: &KeySet, token: &str) -> Result<id_token::Verified, Denied> {
    let expected = id_token::ExpectedToken { provider, keys, nonce: NONCE, asked: now(), forced: provider.prompt_login, now: now() };
    id_token::verify(token, Some(ACCESS), &expected)
}

/// `at_hash` of an access token (OpenID Connect Core 3.1.3.6).
pub fn at_hash(token: &str) -> String {
    BASE64URL_NOPAD.encode(&ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref()[..16])
}
