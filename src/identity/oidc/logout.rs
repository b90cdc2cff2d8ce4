//! Logouts: RP-initiated logout at the provider by a form, and the provider's back-channel logout (Back-Channel Logout 1.0).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{OidcRefused, OidcSession, audience, discovery::DiscoveredProvider, jwks::KeySet, jwt, moment, payload::Payload, with_query};
use crate::{
    config::{LogoutBy, OidcProvider},
    identity::transport::Transport,
    model::cpr::Cpr,
};

/// Event of a logout token (Back-Channel Logout 1.0, section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Validity of a logout token after its issue.
const AT_MOST: SignedDuration = SignedDuration::from_mins(10);

/// Transport to the provider's logout (RP-Initiated Logout 1.0). ID tokens are never put in an address. `None`: the provider has no logout.
pub fn at_provider(known: &DiscoveredProvider, provider: &OidcProvider, session: &OidcSession, back_to: &str) -> Option<Transport> {
    let action = known.end_session.clone()?;
    let mut fields = vec![("client_id", provider.client_id.clone()), ("post_logout_redirect_uri", back_to.to_owned())];
    Some(match provider.logout_by {
        LogoutBy::Form => {
            fields.extend(session.hint.clone().map(|hint| ("id_token_hint", hint)));
            Transport::Form { action, fields }
        }
        LogoutBy::Address => Transport::Redirect(with_query(&action, &fields)),
    })
}

/// The ID token, if it may be put on a page: it contains no CPR number and no unreadable claim.
pub fn hint(token: &str, payload: &Payload) -> Option<String> {
    // Times have ten digits too, and some of them parse as dates of birth.
    let times = ["exp", "iat", "nbf", "auth_time", "updated_at"];
    let may_hold_one = payload.members().any(|(name, value)| match value {
        Ok(Value::Number(_)) if times.contains(&name) => false,
        Ok(value) => holds_cpr(value),
        Err(_) => true,
    });
    (!may_hold_one).then(|| token.to_owned())
}

fn holds_cpr(value: &Value) -> bool {
    match value {
        Value::String(text) => holds_cpr_number(text),
        Value::Number(number) => Cpr::parse(&format!("{:0>10}", number.to_string().split('.').next().unwrap_or_default())).is_some(),
        Value::Array(list) => list.iter().any(holds_cpr),
        // Some providers use CPR numbers as member names.
        Value::Object(object) => object.iter().any(|(name, value)| holds_cpr_number(name) || holds_cpr(value)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether the text contains a CPR number, including within longer text such as `urn:dk:cpr:…`.
pub fn holds_cpr_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && c != '-').any(|part| Cpr::parse(part.trim_matches('-')).is_some())
}

/// The sessions that a provider's logout ends.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// Id of the token, which counts once.
    pub jti: String,
    /// All sessions of this person, or the session `sid` of this person.
    pub sub: Option<String>,
    /// One session.
    pub sid: Option<String>,
    /// Time until which the token could be replayed.
    pub until: Timestamp,
}

/// Validates a logout token (Back-Channel Logout 1.0, section 2.6).
pub fn told(token: &str, provider: &OidcProvider, keys: &KeySet, now: Timestamp) -> Result<LoggedOut, OidcRefused> {
    // `typ` is only recommended, so it is required only if the provider is known to set it.
    let types: &[&str] = if provider.typed_logout_tokens { &["logout+jwt"] } else { &["logout+jwt", "JWT"] };
    let payload = jwt::verified(token, keys, &provider.algorithms, types)?;
    let text = |name: &str| payload.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let skew = SignedDuration::from_secs(provider.skew_seconds.into());
    if payload.text("iss") != Some(&provider.issuer) {
        return Err(OidcRefused::Issuer);
    }
    audience::of(&payload, provider)?;
    let issued = payload.get("iat").ok().flatten().and_then(moment::seconds).ok_or(OidcRefused::IssuedAt)?;
    let age = now.duration_since(issued);
    if age > AT_MOST + skew || age < -skew {
        return Err(OidcRefused::IssuedAt);
    }
    // Required since 2022; older providers omit it.
    let end = payload.get("exp").map_err(|_| OidcRefused::Expired)?;
    if end.is_some_and(|end| moment::end(end).is_none_or(|end| now.duration_since(end) >= skew)) {
        return Err(OidcRefused::Expired);
    }
    let event = payload.get("events").ok().flatten().and_then(|events| events.get(EVENT)).is_some_and(Value::is_object);
    if !event || payload.has("nonce") {
        return Err(OidcRefused::LogoutToken);
    }
    // A present but unreadable identifier must not widen the set of sessions that end.
    let named = |name: &str| match payload.get(name) {
        Ok(None) => Ok(None),
        Ok(Some(_)) | Err(_) => text(name).map(Some).ok_or(OidcRefused::LogoutToken),
    };
    let (sub, sid) = (named("sub")?, named("sid")?);
    if sub.is_none() && sid.is_none() {
        return Err(OidcRefused::LogoutToken);
    }
    let jti = text("jti").ok_or(OidcRefused::LogoutToken)?;
    Ok(LoggedOut { jti, sub, sid, until: now.saturating_add(AT_MOST + skew * 2).unwrap_or(Timestamp::MAX) })
}
