//! Claims of a login, as the provider's configuration reads them. Pure.

use serde_json::Value;

use super::{
    Denied, OidcRefused,
    logout::holds_cpr_number,
    payload::{AmbiguousMember, Payload},
};
use crate::{
    config::{ClaimPath, ClaimSource, LevelSource, ListOf, OidcProvider, Required},
    model::identity::{
        claim::{Claim, ClaimKind},
        level::AssuranceLevel,
    },
};

/// Verified claims of a login.
#[derive(Clone, Debug)]
pub struct VerifiedClaims {
    pub id_token: Payload,
    /// UserInfo, if it was requested.
    pub userinfo: Option<Payload>,
}

/// Result of reading the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsRead {
    /// Claim that leads to the linked accounts.
    pub claim: Claim,
    /// Assurance level.
    pub level: AssuranceLevel,
    /// The person's name.
    pub name: Option<String>,
    /// Reference to the login in the provider's own log; empty without one.
    pub reference: String,
}

impl VerifiedClaims {
    /// Reads all configured fields. A missing or malformed field for the log or the greeting is ignored.
    pub fn read(&self, provider: &OidcProvider) -> Result<ClaimsRead, Denied> {
        for required in &provider.require {
            self.has(required).map_err(|check| OidcRefused::Required.of(&required.field.to_string(), check))?;
        }
        let level = self.level(provider);
        if level < provider.minimum_level {
            return Err(self.too_low(provider));
        }
        let (field, denied) = (provider.claim.to_string(), |refused: OidcRefused, check| refused.of(&provider.claim.to_string(), check));
        let said = self.value(&provider.claim).map_err(|AmbiguousMember| denied(OidcRefused::NoClaim, UNREADABLE))?;
        let said = said.ok_or_else(|| denied(OidcRefused::NoClaim, "is missing"))?;
        let value = text(said).ok_or_else(|| denied(OidcRefused::NoClaim, "is no text, or more than one"))?;
        if value.is_empty() {
            return Err(denied(OidcRefused::NoClaim, "is empty"));
        }
        let claim = Claim::parse(provider.common.match_by, value).ok_or_else(|| OidcRefused::Claim.of(&field, not_a(&provider.common)))?;
        let plain = |field: &ClaimPath| self.value(field).ok().flatten().and_then(text).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(ClaimsRead {
            claim,
            level,
            name: provider.name.as_ref().and_then(plain),
            reference: plain(&provider.reference).unwrap_or_default(),
        })
    }

    /// Assurance level of the login.
    pub fn level(&self, provider: &OidcProvider) -> AssuranceLevel {
        provider.level.level(|field| self.level_at(field))
    }

    /// The level's text in a field: `None` if the field is absent, `Some(None)` if it is not a single text.
    #[expect(clippy::option_option, reason = "as `LevelSource::level` asks")]
    fn level_at(&self, field: &ClaimPath) -> Option<Option<&str>> {
        match self.value(field) {
            Ok(value) => value.map(text),
            Err(AmbiguousMember) => Some(None),
        }
    }

    fn too_low(&self, provider: &OidcProvider) -> Denied {
        let LevelSource::Said(sources) = &provider.level else { return OidcRefused::Level.into() };
        let there = sources.iter().find_map(|(field, values)| self.level_at(field).map(|said| (field, values, said)));
        match there {
            None => {
                let all: Vec<_> = sources.iter().map(|(field, _)| field.to_string()).collect();
                OidcRefused::Level.of(&all.join(", "), "is missing, so the login has no level")
            }
            Some((field, _, None)) => OidcRefused::Level.of(&field.to_string(), "is no text, or more than one, so the login has no level"),
            Some((field, values, Some(said))) if values.contains_key(said) => {
                OidcRefused::Level.of(&field.to_string(), "has a level below minimum_level")
            }
            Some((field, _, Some(_))) => {
                OidcRefused::Level.of(&field.to_string(), "has a value that is not in its map, so the login has no level")
            }
        }
    }

    /// A level that is in no map, with its field, for a log line that lets the operator map it. `None` if the text could be personal data.
    pub fn unknown_level<'s>(&'s self, provider: &'s OidcProvider) -> Option<(&'s ClaimPath, &'s str)> {
        let LevelSource::Said(sources) = &provider.level else { return None };
        let (field, values, said) = sources.iter().find_map(|(field, values)| self.level_at(field).map(|said| (field, values, said)))?;
        let plain = |word: &str| {
            let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '_' | '-');
            (1..=100).contains(&word.len()) && word.chars().all(letters) && !holds_cpr_number(word)
        };
        said.filter(|word| !values.contains_key(*word) && plain(word)).map(|word| (field, word))
    }

    /// Value of a field; `null` counts as absent.
    pub fn value(&self, field: &ClaimPath) -> Result<Option<&Value>, AmbiguousMember> {
        let said = match field.place {
            ClaimSource::IdToken => &self.id_token,
            ClaimSource::Userinfo => match &self.userinfo {
                Some(userinfo) => userinfo,
                None => return Ok(None),
            },
        };
        let (first, rest) = field.steps();
        let found = said.get(&first)?;
        let found = rest.map_or(found, |rest| found.and_then(|value| value.pointer(rest)));
        Ok(found.filter(|value| !value.is_null()))
    }

    /// Checks that a field has a required value: for a list all or any of its values, as configured. Numbers and booleans compare as JSON
    /// text.
    fn has(&self, Required { field, values, or_absent, list }: &Required) -> Result<(), &'static str> {
        let is = |value: &Value| match value {
            Value::String(text) => values.iter().any(|value| value == text.trim()),
            Value::Number(number) => values.contains(&number.to_string()),
            Value::Bool(truth) => values.contains(&truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        let Some(value) = self.value(field).map_err(|AmbiguousMember| UNREADABLE)? else {
            return if *or_absent { Ok(()) } else { Err("is missing, and a value is required") };
        };
        let right = match (value, list) {
            (Value::Array(several), ListOf::Only) => !several.is_empty() && several.iter().all(is),
            (Value::Array(several), ListOf::Any) => several.iter().any(is),
            (one, ListOf::Only | ListOf::Any) => is(one),
        };
        match (right, value) {
            (true, _) => Ok(()),
            (false, Value::Array(_)) => Err("is a list that does not hold what is required, or more than that"),
            (false, _) => Err("does not have a required value"),
        }
    }
}

const UNREADABLE: &str = "is repeated or unreadable";

fn not_a(provider: &crate::config::Provider) -> &'static str {
    match provider.match_by {
        ClaimKind::Cpr => "is no CPR number",
        ClaimKind::ObjectGuid => "is no GUID",
        ClaimKind::ObjectSid => "is no SID",
        ClaimKind::AccountName | ClaimKind::Upn | ClaimKind::Email | ClaimKind::UniloginId => {
            "is longer than any name, or holds control characters"
        }
    }
}

/// The value as text, without surrounding white space: a text, or a list of one text. A longer list is ambiguous.
pub fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.trim()),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => Some(text.trim()),
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
