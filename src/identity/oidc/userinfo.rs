//! The UserInfo answer (OpenID Connect Core 5.3): JSON, or a signed JWT, about the person of the ID token and nobody else.

use openidconnect::{HttpResponse, http::StatusCode};
use serde_json::Value;

use super::{
    Refused, Trouble,
    jwks::KeySet,
    jwt::{self, Payload},
};
use crate::{config::OidcProvider, identity::http};

/// Reads an answer. `sub`: whom the ID token is about.
pub fn read(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet, sub: &str) -> Result<Payload, Trouble> {
    if answer.status() != StatusCode::OK {
        return Err(Trouble::Provider(format!("UserInfo: answered {}", answer.status())));
    }
    let payload = match http::content_type(answer).as_str() {
        "application/jwt" => signed(answer, provider, keys)?,
        "application/json" if !provider.signed_userinfo => serde_json::from_slice(answer.body()).map_err(|_| Refused::Userinfo)?,
        _ => return Err(Refused::Userinfo.into()),
    };
    if payload.get("sub").and_then(Value::as_str) != Some(sub) {
        return Err(Refused::Subject.into());
    }
    Ok(payload)
}

/// Signed by the provider, for us.
fn signed(answer: &HttpResponse, provider: &OidcProvider, keys: &KeySet) -> Result<Payload, Refused> {
    let token = std::str::from_utf8(answer.body()).map_err(|_| Refused::NotJwt)?.trim();
    let payload = jwt::verified(token, keys, &provider.algorithms, &["JWT"])?;
    if payload.get("iss").and_then(Value::as_str) != Some(&provider.issuer) {
        return Err(Refused::Issuer);
    }
    if for_us(&payload, &provider.client_id) { Ok(payload) } else { Err(Refused::Audience) }
}

/// Are we the audience, and nobody else?
pub(super) fn for_us(payload: &Payload, client_id: &str) -> bool {
    match payload.get("aud") {
        Some(Value::String(one)) => one == client_id,
        Some(Value::Array(list)) => matches!(list.as_slice(), [Value::String(one)] if one == client_id),
        _ => false,
    }
}
