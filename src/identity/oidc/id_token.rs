//! Validation of an ID token (OpenID Connect Core 3.1.3.7). Pure: no clock, store or network.
//!
//! All checks are here. Only `iss`, `aud`, `azp`, `exp`, `iat`, `nbf`, `nonce`, `sub`, the authentication time and `at_hash` can refuse a
//! token. Configured claims are read in [`super::claims`].

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{
    Denied, OidcRefused, audience,
    jwks::KeySet,
    jwt,
    moment::{self, any, seconds},
    payload::Payload,
};
use crate::config::OidcProvider;

/// Expected values of a token.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedToken<'a> {
    pub provider: &'a OidcProvider,
    pub keys: &'a KeySet,
    /// Nonce of the request.
    pub nonce: &'a str,
    /// Time of the request.
    pub asked: Timestamp,
    /// Whether the request demanded a fresh login.
    pub forced: bool,
    pub now: Timestamp,
}

impl ExpectedToken<'_> {
    fn skew(&self) -> SignedDuration {
        SignedDuration::from_secs(self.provider.skew_seconds.into())
    }
}

/// A valid token.
#[derive(Clone, Debug)]
pub struct Verified {
    /// All its claims.
    pub payload: Payload,
    /// `sub`, the person's identifier.
    pub sub: String,
    /// `sid`, the session's identifier.
    pub sid: Option<String>,
    /// Time of authentication. If the token lacks it: time of issue, or 1970 where the configuration requires the claim.
    pub at: Timestamp,
    /// End of validity, including the tolerated skew.
    pub until: Timestamp,
}

/// Validates a signed token, and the hash of the access token that came with it.
pub fn verify(token: &str, access_token: Option<&str>, expected: &ExpectedToken<'_>) -> Result<Verified, Denied> {
    judge(signed(token, expected)?, access_token, expected)
}

/// The payload of a token with a valid signature by a key of the provider. No other check is made.
pub fn signed(token: &str, expected: &ExpectedToken<'_>) -> Result<Payload, Denied> {
    if jwt::is_encrypted(token) {
        return Err(OidcRefused::Encryption.into());
    }
    Ok(jwt::verified(token, expected.keys, &expected.provider.algorithms, &["JWT"])?)
}

/// All checks of a signed token's claims.
pub fn judge(payload: Payload, access_token: Option<&str>, expected: &ExpectedToken<'_>) -> Result<Verified, Denied> {
    let provider = expected.provider;
    if payload.text("iss") != Some(&provider.issuer) {
        return Err(OidcRefused::Issuer.into());
    }
    audience::of_id_token(&payload, provider)?;
    let until = in_time(&payload, expected)?;
    if payload.text("nonce") != Some(expected.nonce) {
        return Err(OidcRefused::Nonce.into());
    }
    let sub = payload.text("sub").filter(|sub| !sub.is_empty()).ok_or(OidcRefused::Subject)?.to_owned();
    let issued = payload.get("iat").ok().flatten().and_then(seconds).ok_or(OidcRefused::IssuedAt)?;
    if issued < earlier(expected.asked, expected.skew()) || issued > later(expected.now, expected.skew()) {
        return Err(OidcRefused::IssuedAt.into());
    }
    // Without the claim, single sign-on may have issued a new token for an old login. The login then counts as made in 1970, so that a
    // reset asks for a new one, unless the configuration trusts the provider. The provider's clock may be ahead; a login is never later
    // than now.
    let unsaid = if provider.require_auth_time { Timestamp::UNIX_EPOCH } else { issued };
    let at = shown_at(&payload, expected)?.unwrap_or(unsaid).min(expected.now);
    if let Some(access_token) = access_token {
        access_token_is(&payload, access_token)?;
    }
    let sid = payload.text("sid").map(str::to_owned);
    Ok(Verified { sub, sid, at, until: later(until, expected.skew()), payload })
}

/// Checks `exp` and, if present, `nbf`. Returns `exp`.
fn in_time(payload: &Payload, expected: &ExpectedToken<'_>) -> Result<Timestamp, OidcRefused> {
    let until = payload.get("exp").ok().flatten().and_then(moment::end).ok_or(OidcRefused::Expired)?;
    if earlier(expected.now, expected.skew()) >= until {
        return Err(OidcRefused::Expired);
    }
    not_before(payload, later(expected.now, expected.skew()))?;
    Ok(until)
}

/// Checks `nbf`, if present. `latest`: the current time plus the skew.
pub(super) fn not_before(payload: &Payload, latest: Timestamp) -> Result<(), OidcRefused> {
    match payload.get("nbf").map_err(|_| OidcRefused::NotYet)? {
        None => Ok(()),
        Some(from) if any(from).is_some_and(|from| from <= latest) => Ok(()),
        Some(_) => Err(OidcRefused::NotYet),
    }
}

/// Time of authentication, if the token has it and it is as recent as requested (Core 3.1.2.1, `max_age`).
fn shown_at(payload: &Payload, expected: &ExpectedToken<'_>) -> Result<Option<Timestamp>, Denied> {
    let (provider, claim) = (expected.provider, &expected.provider.auth_time);
    let denied = |check| OidcRefused::AuthTime.of(claim, check);
    let Some(said) = payload.get(claim).map_err(|_| denied("is repeated or unreadable"))? else {
        let fresh = expected.forced || provider.max_age_seconds.is_some();
        return if fresh && provider.require_auth_time { Err(denied("is missing, and a fresh login was asked for")) } else { Ok(None) };
    };
    let at = any(said).ok_or_else(|| denied("is no time"))?;
    let oldest = match (expected.forced, provider.max_age_seconds) {
        (true, _) => Some(SignedDuration::ZERO),
        (false, Some(age)) => Some(SignedDuration::from_secs(age.into())),
        (false, None) => None,
    };
    if oldest.is_some_and(|oldest| at < earlier(expected.asked, oldest + expected.skew())) {
        return Err(denied("is older than the login that was asked for"));
    }
    if at > later(expected.now, expected.skew()) { Err(denied("is in the future")) } else { Ok(Some(at)) }
}

/// Checks `at_hash`, if present (Core 3.1.3.6). All accepted algorithms use SHA-256.
fn access_token_is(payload: &Payload, access_token: &str) -> Result<(), OidcRefused> {
    let hash = digest(&SHA256, access_token.as_bytes());
    let right = BASE64URL_NOPAD.encode(&hash.as_ref()[..16]);
    match payload.get("at_hash") {
        Ok(None) => Ok(()),
        Ok(Some(Value::String(hash))) if *hash == right => Ok(()),
        Ok(Some(_)) | Err(_) => Err(OidcRefused::AccessTokenHash),
    }
}

/// Saturating subtraction.
pub(super) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// Saturating addition.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
