//! Logouts: ours, taken to the provider as a form, and the provider's, told to us behind the browser's back (Back-Channel Logout 1.0).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Refused, Session,
    discovery::Known,
    jwks::KeySet,
    jwt::{self, Payload},
    userinfo::for_us,
    with_query,
};
use crate::{
    config::{LogoutBy, OidcProvider},
    identity::transport::Transport,
    model::cpr::Cpr,
};

/// The event of a logout token (Back-Channel Logout 1.0, section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// A logout token counts for so long after it was made.
const AT_MOST: SignedDuration = SignedDuration::from_mins(10);

/// The way to the provider's logout (RP-Initiated Logout 1.0). An ID token goes in no address. `None`: it has no such place.
pub fn at_provider(known: &Known, provider: &OidcProvider, session: &Session, back_to: &str) -> Option<Transport> {
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

/// The ID token, if a page may hold it: one with a CPR number may not.
pub fn hint(token: &str, payload: &Payload) -> Option<String> {
    // Times have ten digits too, and some of them read as dates of birth.
    let times = ["exp", "iat", "nbf", "auth_time", "updated_at"];
    let holds_one = payload.iter().any(|(name, value)| !times.contains(&name.as_str()) && holds_cpr(value));
    (!holds_one).then(|| token.to_owned())
}

fn holds_cpr(value: &Value) -> bool {
    match value {
        // In a longer text too: some providers make names of it, such as `urn:dk:cpr:…`.
        Value::String(text) => {
            text.split(|c: char| !c.is_ascii_digit() && c != '-').any(|part| Cpr::parse(part.trim_matches('-')).is_some())
        }
        Value::Number(number) => Cpr::parse(&format!("{:0>10}", number.to_string())).is_some(),
        Value::Array(list) => list.iter().any(holds_cpr),
        Value::Object(object) => object.values().any(holds_cpr),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whose sessions a provider's logout ends.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// The token's own name: it counts once.
    pub jti: String,
    /// All sessions of this person, where no session is named.
    pub sub: Option<String>,
    /// One session.
    pub sid: Option<String>,
    /// Until when the token could come again.
    pub until: Timestamp,
}

/// Holds a logout token against section 2.6 of Back-Channel Logout 1.0.
pub fn told(token: &str, provider: &OidcProvider, keys: &KeySet, now: Timestamp) -> Result<LoggedOut, Refused> {
    // Without a type of its own as well: the type is only recommended.
    let payload = jwt::verified(token, keys, &provider.algorithms, &["logout+jwt", "JWT"])?;
    let text = |name: &str| payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let time = |name: &str| payload.get(name).and_then(Value::as_i64).and_then(|second| Timestamp::from_second(second).ok());
    let skew = SignedDuration::from_secs(provider.skew_seconds.into());
    if text("iss").as_ref() != Some(&provider.issuer) {
        return Err(Refused::Issuer);
    }
    if !for_us(&payload, &provider.client_id) {
        return Err(Refused::Audience);
    }
    let issued = time("iat").ok_or(Refused::IssuedAt)?;
    let age = now.duration_since(issued);
    if age > AT_MOST + skew || age < -skew {
        return Err(Refused::IssuedAt);
    }
    // Required since 2022; older providers leave it out.
    if payload.contains_key("exp") && time("exp").is_none_or(|end| now.duration_since(end) >= skew) {
        return Err(Refused::Expired);
    }
    let event = payload.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object);
    if !event || payload.contains_key("nonce") {
        return Err(Refused::LogoutToken);
    }
    let (sub, sid) = (text("sub"), text("sid"));
    if sub.is_none() && sid.is_none() {
        return Err(Refused::LogoutToken);
    }
    let jti = text("jti").ok_or(Refused::LogoutToken)?;
    Ok(LoggedOut { jti, sub, sid, until: now.saturating_add(AT_MOST + skew * 2).unwrap_or(Timestamp::MAX) })
}
