//! An ID token: from its text to what it proves (OpenID Connect Core 3.1.3.7). Pure: no clock, no store, no network.
//!
//! Every check is here. The claims that decide are `iss`, `aud`, `azp`, `exp`, `iat`, `nbf`, `nonce`, `sub`, the time of the login and `at_hash`; no other
//! claim can refuse a token, whatever it holds. What the configuration reads in it is judged in `claims`.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::{
    Denied, Refused, audience,
    jwks::KeySet,
    jwt,
    moment::{self, any, seconds},
    payload::Payload,
};
use crate::config::OidcProvider;

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
#[derive(Clone, Debug)]
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
pub fn verify(token: &str, access_token: Option<&str>, expected: &Expected<'_>) -> Result<Verified, Denied> {
    if jwt::is_encrypted(token) {
        return Err(Refused::Encryption.into());
    }
    judge(signed(token, expected)?, access_token, expected)
}

/// What a token says, once a key of the provider has signed it. Nothing else was looked at.
pub fn signed(token: &str, expected: &Expected<'_>) -> Result<Payload, Denied> {
    Ok(jwt::verified(token, expected.keys, &expected.provider.algorithms, &["JWT"])?)
}

/// Every check of what a signed token says.
pub fn judge(payload: Payload, access_token: Option<&str>, expected: &Expected<'_>) -> Result<Verified, Denied> {
    let provider = expected.provider;
    if payload.text("iss") != Some(&provider.issuer) {
        return Err(Refused::Issuer.into());
    }
    audience::of_id_token(&payload, provider)?;
    let until = in_time(&payload, expected)?;
    if payload.text("nonce") != Some(expected.nonce) {
        return Err(Refused::Nonce.into());
    }
    let sub = payload.text("sub").filter(|sub| !sub.is_empty()).ok_or(Refused::Subject)?.to_owned();
    let issued = payload.get("iat").ok().flatten().and_then(seconds).ok_or(Refused::IssuedAt)?;
    if issued < earlier(expected.asked, expected.skew()) || issued > later(expected.now, expected.skew()) {
        return Err(Refused::IssuedAt.into());
    }
    // Where it is not said, single sign-on may have made a new token of an old login: that is as old as can be, so that a reset asks again, unless the
    // configuration trusts the provider in this. Their clock may be ahead of ours; a login is never younger than now.
    let unsaid = if provider.require_auth_time { Timestamp::UNIX_EPOCH } else { issued };
    let at = shown_at(&payload, expected)?.unwrap_or(unsaid).min(expected.now);
    if let Some(access_token) = access_token {
        access_token_is(&payload, access_token)?;
    }
    let sid = payload.text("sid").map(str::to_owned);
    Ok(Verified { sub, sid, at, until: later(until, expected.skew()), payload })
}

/// `exp`, and `nbf` where it is there. Gives the end.
fn in_time(payload: &Payload, expected: &Expected<'_>) -> Result<Timestamp, Refused> {
    let until = payload.get("exp").ok().flatten().and_then(moment::end).ok_or(Refused::Expired)?;
    if earlier(expected.now, expected.skew()) >= until {
        return Err(Refused::Expired);
    }
    not_before(payload, later(expected.now, expected.skew()))?;
    Ok(until)
}

/// Does it count by now? `latest`: the present with the skew.
pub(super) fn not_before(payload: &Payload, latest: Timestamp) -> Result<(), Refused> {
    match payload.get("nbf").map_err(|_| Refused::NotYet)? {
        None => Ok(()),
        Some(from) if any(from).is_some_and(|from| from <= latest) => Ok(()),
        Some(_) => Err(Refused::NotYet),
    }
}

/// When the person showed who they are, and whether that is as fresh as was asked for (Core 3.1.2.1, `max_age`).
fn shown_at(payload: &Payload, expected: &Expected<'_>) -> Result<Option<Timestamp>, Denied> {
    let (provider, claim) = (expected.provider, &expected.provider.auth_time);
    let denied = |check| Refused::AuthTime.of(claim, check);
    let Some(said) = payload.get(claim).map_err(|_| denied("stands there twice, or can't be read"))? else {
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

/// `at_hash`, where it is there (Core 3.1.3.6): every algorithm that is taken has SHA-256.
fn access_token_is(payload: &Payload, access_token: &str) -> Result<(), Refused> {
    let hash = digest(&SHA256, access_token.as_bytes());
    let right = BASE64URL_NOPAD.encode(&hash.as_ref()[..16]);
    match payload.get("at_hash") {
        Ok(None) => Ok(()),
        Ok(Some(Value::String(hash))) if *hash == right => Ok(()),
        Ok(Some(_)) | Err(_) => Err(Refused::AccessTokenHash),
    }
}

/// Not before the beginning of time.
pub(super) fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

/// Not after the end of time.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
