//! An ID token: from its text to what it proves (OpenID Connect Core 3.1.3.7). Pure: no clock, no store, no network.
//!
//! The library verifies signature, issuer, audience, expiry and nonce. What it leaves open is here: `azp`, `nbf`, `iat`, `auth_time`, `at_hash`, sizes of keys.

use chrono::{DateTime, Utc};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, EmptyAdditionalClaims, IssuerUrl, Nonce, SignatureVerificationError,
    core::{CoreGenderClaim, CoreIdTokenVerifier, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm},
};
use serde_json::Value;

use super::{
    Refused,
    jwks::{KeySet, signing},
    jwt::{self, Header, Payload},
};
use crate::config::OidcProvider;

type IdToken = openidconnect::IdToken<EmptyAdditionalClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider's configuration.
    pub provider: &'a OidcProvider,
    /// The provider's keys.
    pub keys: &'a KeySet,
    /// What was sent with the request.
    pub nonce: &'a str,
    /// When that was.
    pub asked: Timestamp,
    /// Was a fresh login asked for?
    pub forced: bool,
    /// The present.
    pub now: Timestamp,
}

impl Expected<'_> {
    fn skew(&self) -> SignedDuration {
        SignedDuration::from_secs(self.provider.skew_seconds.into())
    }
}

/// A token that was right.
#[derive(Clone)]
pub struct Verified {
    /// Everything that it says.
    pub payload: Payload,
    /// Whom it is about.
    pub sub: String,
    /// The provider's session.
    pub sid: Option<String>,
    /// When the person showed who they are. Where the token does not say: when it was made, or 1970 where the time is required.
    pub at: Timestamp,
    /// Until when the token could be used.
    pub until: Timestamp,
}

/// Holds a signed token against what is expected, and the access token that came with it against its hash.
pub fn verify(token: &str, access_token: Option<&str>, expected: &Expected<'_>) -> Result<Verified, Refused> {
    if jwt::is_encrypted(token) {
        return Err(Refused::Encryption);
    }
    let algorithm = Header::of(token)?.algorithm(&expected.provider.algorithms)?;
    let payload = jwt::payload(token)?;
    complete(&payload)?;
    let token: IdToken = token.parse().map_err(|_| Refused::NotJwt)?;
    let verifier = verifier(expected)?;
    let claims = token.claims(&verifier, &Nonce::new(expected.nonce.to_owned())).map_err(|error| reason(&error))?;

    // The library compares issuers as addresses; they are texts (Core 3.1.3.7, step 2).
    if payload.get("iss").and_then(Value::as_str) != Some(&expected.provider.issuer) {
        return Err(Refused::Issuer);
    }
    if claims.authorized_party().is_some_and(|party| party.as_str() != expected.provider.client_id) {
        return Err(Refused::AuthorizedParty);
    }
    let issued = timestamp(claims.issue_time()).ok_or(Refused::IssuedAt)?;
    if issued < earlier(expected.asked, expected.skew()) || issued > later(expected.now, expected.skew()) {
        return Err(Refused::IssuedAt);
    }
    if let Some(from) = payload.get("nbf") {
        let from = from.as_i64().and_then(|second| Timestamp::from_second(second).ok()).ok_or(Refused::NotYet)?;
        if from > later(expected.now, expected.skew()) {
            return Err(Refused::NotYet);
        }
    }
    // Where it is not said, single sign-on may have made a new token of an old login: that is as old as can be, so that a reset asks again, unless the
    // configuration trusts the provider in this. Their clock may be ahead of ours; a login is never younger than now.
    let unsaid = if expected.provider.require_auth_time { Timestamp::UNIX_EPOCH } else { issued };
    let at = shown_at(payload.get(&expected.provider.auth_time), expected)?.unwrap_or(unsaid).min(expected.now);
    if let (Some(hash), Some(access_token)) = (claims.access_token_hash(), access_token) {
        let key = token.signing_key(&verifier).map_err(|_| Refused::Key)?;
        let right = AccessTokenHash::from_token(&AccessToken::new(access_token.to_owned()), &signing(algorithm), key);
        if right.ok().as_ref() != Some(hash) {
            return Err(Refused::AccessTokenHash);
        }
    }
    Ok(Verified {
        sub: claims.subject().as_str().to_owned(),
        sid: payload.get("sid").and_then(Value::as_str).map(str::to_owned),
        at,
        until: timestamp(claims.expiration()).map_or(expected.now, |end| later(end, expected.skew())),
        payload,
    })
}

/// What has to be there at all: the library can't say which is missing.
fn complete(payload: &Payload) -> Result<(), Refused> {
    for (name, refused) in [("iss", Refused::Issuer), ("sub", Refused::Subject)] {
        if payload.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(refused);
        }
    }
    for (name, refused) in [("exp", Refused::Expired), ("iat", Refused::IssuedAt)] {
        if !payload.get(name).is_some_and(Value::is_number) {
            return Err(refused);
        }
    }
    if payload.contains_key("aud") { Ok(()) } else { Err(Refused::Audience) }
}

fn verifier<'e>(expected: &Expected<'e>) -> Result<CoreIdTokenVerifier<'e>, Refused> {
    let provider = expected.provider;
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| Refused::Issuer)?;
    let client = ClientId::new(provider.client_id.clone());
    let end = earlier(expected.now, expected.skew()).as_second();
    Ok(CoreIdTokenVerifier::new_public_client(client, issuer, expected.keys.all().clone())
        .set_allowed_algs(provider.algorithms.iter().copied().map(signing))
        .set_time_fn(move || DateTime::<Utc>::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)))
}

/// When the person showed who they are, and whether that is as fresh as was asked for (Core 3.1.2.1, `max_age`).
fn shown_at(said: Option<&Value>, expected: &Expected<'_>) -> Result<Option<Timestamp>, Refused> {
    let fresh = expected.forced || expected.provider.max_age_seconds.is_some();
    let Some(said) = said else {
        return if fresh && expected.provider.require_auth_time { Err(Refused::AuthTime) } else { Ok(None) };
    };
    let at = moment(said).ok_or(Refused::AuthTime)?;
    let oldest = match (expected.forced, expected.provider.max_age_seconds) {
        (true, _) => Some(SignedDuration::ZERO),
        (false, Some(age)) => Some(SignedDuration::from_secs(age.into())),
        (false, None) => None,
    };
    let stale = oldest.is_some_and(|oldest| at < earlier(expected.asked, oldest + expected.skew()));
    if stale || at > later(expected.now, expected.skew()) { Err(Refused::AuthTime) } else { Ok(Some(at)) }
}

/// Seconds since 1970, or ISO 8601.
fn moment(said: &Value) -> Option<Timestamp> {
    match said {
        Value::Number(number) => Timestamp::from_second(number.as_i64()?).ok(),
        Value::String(text) => {
            text.parse().ok().or_else(|| Some(text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn timestamp(at: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::from_second(at.timestamp()).ok()
}

/// Not before the beginning of time.
fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// Not after the end of time.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn reason(error: &ClaimsVerificationError) -> Refused {
    match error {
        ClaimsVerificationError::Expired(_) => Refused::Expired,
        ClaimsVerificationError::InvalidAudience(_) => Refused::Audience,
        ClaimsVerificationError::InvalidAuthTime(_) => Refused::AuthTime,
        ClaimsVerificationError::InvalidIssuer(_) => Refused::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => Refused::Nonce,
        ClaimsVerificationError::InvalidSubject(_) => Refused::Subject,
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::CryptoError(_) => Refused::Signature,
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::NoSignature
            | SignatureVerificationError::UnsupportedAlg(_) => Refused::Algorithm,
            SignatureVerificationError::AmbiguousKeyId(_)
            | SignatureVerificationError::InvalidKey(_)
            | SignatureVerificationError::NoMatchingKey
            | SignatureVerificationError::Other(_)
            | _ => Refused::Key,
        },
        ClaimsVerificationError::Unsupported(_) => Refused::Type,
        ClaimsVerificationError::InvalidAuthContext(_) | ClaimsVerificationError::Other(_) | _ => Refused::NotJwt,
    }
}
