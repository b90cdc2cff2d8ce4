//! What a login's ID token and UserInfo say, claim by claim, for a test of a login: what counted and what was ignored. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{claims::VerifiedClaims, moment, payload::AmbiguousMember};
use crate::{
    config::{ClaimPath, ClaimSource, LevelSource, OidcProvider},
    identity::shown::{self, Line, Shown, Use},
    model::identity::claim::ClaimKind,
};

/// So many claims are listed; no provider sends as many.
const MOST: usize = 200;
/// What the protocol's own checks read in an ID token, beside the time of the login.
const PROTOCOL: [&str; 9] = ["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "sub", "at_hash"];
/// Values that belong to this login alone.
const SECRET: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];
/// Names and addresses of the protocol, and what a login is like.
const WHOLE: [&str; 5] = ["iss", "aud", "azp", "acr", "amr"];
/// Times, beside the time of the login.
const TIMES: [&str; 5] = ["exp", "iat", "nbf", "auth_time", "updated_at"];

/// Every configured field, there or not, then every other claim.
pub fn lines(said: &VerifiedClaims, provider: &OidcProvider) -> Vec<Line> {
    let configured = configured(provider);
    let mut lines: Vec<_> = configured
        .iter()
        .map(|(field, uses)| Line {
            name: shown::name(&field.from),
            place: place(field.place),
            value: match said.value(field) {
                Ok(None) => Shown::Missing,
                Ok(Some(value)) => of(value, field, uses, provider),
                Err(AmbiguousMember) => Shown::Unreadable,
            },
            uses: uses.union(&protocol(field, provider)).copied().collect(),
        })
        .collect();
    let places = [(ClaimSource::IdToken, Some(&said.id_token)), (ClaimSource::Userinfo, said.userinfo.as_ref())];
    for (at, name, value) in
        places.iter().flat_map(|(at, all)| all.iter().flat_map(|all| all.members()).map(|(name, value)| (*at, name, value)))
    {
        let itself = |field: &ClaimPath| field.place == at && field.steps() == (name.to_owned(), None);
        if lines.len() >= MOST || configured.keys().any(itself) {
            continue;
        }
        // A field inside of this claim is a use of it.
        let inside = configured.iter().filter(|(field, _)| field.place == at && field.steps().0 == name);
        let mut uses: BTreeSet<Use> = inside.flat_map(|(_, uses)| uses.iter().copied()).collect();
        let field = ClaimPath { place: at, from: name.to_owned() };
        uses.extend(protocol(&field, provider));
        let value = match value {
            Ok(Value::Null) => Shown::Missing,
            Ok(value) => of(value, &field, &BTreeSet::new(), provider),
            Err(AmbiguousMember) => Shown::Unreadable,
        };
        lines.push(Line { name: shown::name(name), place: place(at), value, uses });
    }
    lines
}

/// Every configured field and what it is for.
fn configured(provider: &OidcProvider) -> BTreeMap<ClaimPath, BTreeSet<Use>> {
    let mut fields: BTreeMap<ClaimPath, BTreeSet<Use>> = BTreeMap::new();
    let mut add = |field: &ClaimPath, what| {
        fields.entry(field.clone()).or_default().insert(what);
    };
    add(&provider.claim, Use::Account);
    if let LevelSource::Said(sources) = &provider.level {
        for (field, _) in sources {
            add(field, Use::Level);
        }
    }
    for required in &provider.require {
        add(&required.field, Use::Required);
    }
    if let Some(name) = &provider.name {
        add(name, Use::Name);
    }
    add(&provider.reference, Use::Reference);
    fields
}

fn place(place: ClaimSource) -> shown::Place {
    match place {
        ClaimSource::IdToken => shown::Place::IdToken,
        ClaimSource::Userinfo => shown::Place::Userinfo,
    }
}

/// Is it read by the protocol's own checks?
fn protocol(field: &ClaimPath, provider: &OidcProvider) -> BTreeSet<Use> {
    let name = field.from.as_str();
    let checked = match field.place {
        ClaimSource::IdToken => PROTOCOL.contains(&name) || name == provider.auth_time,
        ClaimSource::Userinfo => name == "sub" || (provider.signed_userinfo && ["iss", "aud", "exp", "iat", "nbf"].contains(&name)),
    };
    checked.then_some(Use::Protocol).into_iter().collect()
}

/// What is left of a value.
fn of(value: &Value, field: &ClaimPath, uses: &BTreeSet<Use>, provider: &OidcProvider) -> Shown {
    let name = field.from.as_str();
    if SECRET.contains(&name) || (uses.contains(&Use::Account) && provider.common.match_by == ClaimKind::Cpr) {
        return Shown::Hidden;
    }
    if (TIMES.contains(&name) || name == provider.auth_time)
        && let Some(at) = moment::any(value)
    {
        return Shown::Time(at);
    }
    let text = if uses.contains(&Use::Level) {
        Shown::word
    } else if WHOLE.contains(&name) {
        Shown::whole
    } else {
        Shown::masked
    };
    leaf(value, text)
}

fn leaf(value: &Value, text: fn(&str) -> Shown) -> Shown {
    match value {
        Value::String(said) => text(said),
        Value::Array(list) => Shown::list(list, |value| match value {
            Value::Array(_) => Shown::Structure,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => leaf(value, text),
        }),
        Value::Null => Shown::Missing,
        Value::Bool(_) => Shown::Truth,
        Value::Number(_) => Shown::Number,
        Value::Object(_) => Shown::Structure,
    }
}
