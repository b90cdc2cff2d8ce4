//! Audience of a token: `aud` and `azp` (OpenID Connect Core 3.1.3.7, steps 3 to 5).

use serde_json::Value;

use super::{OidcRefused, payload::Payload};
use crate::config::OidcProvider;

/// Checks that `aud` contains our client id, and no other than configured additional audiences. Returns whether it contains others.
pub fn of(payload: &Payload, provider: &OidcProvider) -> Result<bool, OidcRefused> {
    let said = payload.get("aud").map_err(|_| OidcRefused::Audience)?;
    let list = match said {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let is_us = |one: &Value| one == provider.client_id.as_str();
    let known = |one: &Value| is_us(one) || one.as_str().is_some_and(|one| provider.additional_audiences.iter().any(|known| known == one));
    if list.iter().any(is_us) && list.iter().all(known) { Ok(!list.iter().all(is_us)) } else { Err(OidcRefused::Audience) }
}

/// Checks `azp`: it is absent or our client id.
pub fn made_for(payload: &Payload, provider: &OidcProvider) -> Result<(), OidcRefused> {
    match payload.get("azp") {
        Ok(None) => Ok(()),
        Ok(Some(party)) if party == provider.client_id.as_str() => Ok(()),
        Ok(Some(_)) | Err(_) => Err(OidcRefused::AuthorizedParty),
    }
}

/// Checks an ID token, where several audiences require `azp`.
pub fn of_id_token(payload: &Payload, provider: &OidcProvider) -> Result<(), OidcRefused> {
    let with_others = of(payload, provider)?;
    made_for(payload, provider)?;
    if with_others && payload.get("azp") == Ok(None) { Err(OidcRefused::AuthorizedParty) } else { Ok(()) }
}
