//! UserInfo (OpenID Connect Core 5.3): JSON or a signed JWT about the person of the ID token.

use jiff::{SignedDuration, Timestamp};
use openidconnect::{HttpResponse, http::StatusCode};

use super::{
    Refused, Trouble, audience,
    id_token::{earlier, later, not_before},
    jwks::KeySet,
    jwt, moment,
    payload::Payload,
};
use crate::{config::OidcProvider, identity::http};

/// Reads an answer. `sub`: the ID token's subject.
pub fn read(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet, sub: &str, now: Timestamp) -> Result<Payload, Trouble> {
    if answer.status() != StatusCode::OK {
        return Err(Trouble::Provider(format!("UserInfo: answered {}", answer.status())));
    }
    let payload = match http::content_type(answer).as_str() {
        "application/jwt" => signed(answer, provider, keys, now)?,
        "application/json" if !provider.signed_userinfo => Payload::read(answer.body()).ok_or(Refused::Userinfo)?,
        _ => return Err(Refused::Userinfo.into()),
    };
    if payload.text("sub") != Some(sub) {
        return Err(Refused::Subject.into());
    }
    Ok(payload)
}

/// Payload signed by the provider for us. Its times may be absent (Core 5.3.2); present ones are checked.
fn signed(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet, now: Timestamp) -> Result<Payload, Refused> {
    let token = std::str::from_utf8(answer.body()).map_err(|_| Refused::NotJwt)?.trim();
    let payload = jwt::verified(token, keys, &provider.algorithms, &["JWT"])?;
    if payload.text("iss") != Some(&provider.issuer) {
        return Err(Refused::Issuer);
    }
    audience::of(&payload, provider)?;
    let skew = SignedDuration::from_secs(provider.skew_seconds.into());
    let end = payload.get("exp").map_err(|_| Refused::Expired)?;
    if end.is_some_and(|end| moment::end(end).is_none_or(|end| earlier(now, skew) >= end)) {
        return Err(Refused::Expired);
    }
    not_before(&payload, later(now, skew))?;
    let issued = payload.get("iat").map_err(|_| Refused::IssuedAt)?;
    if issued.is_some_and(|issued| moment::seconds(issued).is_none_or(|issued| issued > later(now, skew))) {
        return Err(Refused::IssuedAt);
    }
    Ok(payload)
}
