//! UserInfo (OpenID Connect Core 5.3): JSON or a signed JWT about the person of the ID token.

use jiff::{SignedDuration, Timestamp};
use openidconnect::{HttpResponse, http::StatusCode};

use super::{
    OidcLoginError, OidcRefused, audience,
    id_token::{earlier, later, not_before},
    jwks::KeySet,
    jwt, moment,
    payload::Payload,
};
use crate::{config::OidcProvider, identity::http};

/// Reads an answer. `sub`: the ID token's subject.
pub fn read(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet, sub: &str, now: Timestamp) -> Result<Payload, OidcLoginError> {
    if answer.status() != StatusCode::OK {
        return Err(OidcLoginError::Provider(format!("UserInfo: answered {}", answer.status())));
    }
    let payload = match http::content_type(answer).as_str() {
        "application/jwt" => signed(answer, provider, keys, now)?,
        "application/json" if !provider.signed_userinfo => Payload::read(answer.body()).ok_or(OidcRefused::Userinfo)?,
        _ => return Err(OidcRefused::Userinfo.into()),
    };
    if payload.text("sub") != Some(sub) {
        return Err(OidcRefused::Subject.into());
    }
    Ok(payload)
}

/// Payload signed by the provider for us. Its times may be absent (Core 5.3.2); present ones are checked.
fn signed(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet, now: Timestamp) -> Result<Payload, OidcRefused> {
    let token = std::str::from_utf8(answer.body()).map_err(|_| OidcRefused::NotJwt)?.trim();
    let payload = jwt::verified(token, keys, &provider.algorithms, &["JWT"])?;
    if payload.text("iss") != Some(&provider.issuer) {
        return Err(OidcRefused::Issuer);
    }
    audience::of(&payload, provider)?;
    let skew = SignedDuration::from_secs(provider.skew_seconds.into());
    let end = payload.get("exp").map_err(|_| OidcRefused::Expired)?;
    if end.is_some_and(|end| moment::end(end).is_none_or(|end| earlier(now, skew) >= end)) {
        return Err(OidcRefused::Expired);
    }
    not_before(&payload, later(now, skew))?;
    let issued = payload.get("iat").map_err(|_| OidcRefused::IssuedAt)?;
    if issued.is_some_and(|issued| moment::seconds(issued).is_none_or(|issued| issued > later(now, skew))) {
        return Err(OidcRefused::IssuedAt);
    }
    Ok(payload)
}
