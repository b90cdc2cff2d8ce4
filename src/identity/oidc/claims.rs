//! From what a provider says to what a login proves, as the provider's section of the configuration reads it. Pure.

use serde_json::Value;

use super::{
    Denied, Refused,
    logout::holds_cpr_number,
    payload::{Payload, Unreadable},
};
use crate::{
    config::{Field, LevelSource, ListOf, OidcProvider, Place, Required},
    model::{
        claim::{Claim, ClaimKind},
        level::Level,
    },
};

/// What was said, after it was verified.
#[derive(Clone, Debug)]
pub struct Said {
    /// In the ID token.
    pub id_token: Payload,
    /// In UserInfo, where it was asked.
    pub userinfo: Option<Payload>,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What leads to accounts.
    pub claim: Claim,
    /// How sure the login is.
    pub level: Level,
    /// The person's name.
    pub name: Option<String>,
    /// What the provider's own log names the login by; empty where it says nothing.
    pub reference: String,
}

impl Said {
    /// Reads every configured field. A field that is configured for nothing but the log or the greeting refuses nobody.
    pub fn read(&self, provider: &OidcProvider) -> Result<Read, Denied> {
        for required in &provider.require {
            self.has(required).map_err(|check| Refused::Required.of(&required.field.to_string(), check))?;
        }
        let level = provider.level.level(|field| self.level_at(field));
        if level < provider.minimum_level {
            return Err(self.too_low(provider));
        }
        let (field, denied) = (provider.claim.to_string(), |refused: Refused, check| refused.of(&provider.claim.to_string(), check));
        let said = self.value(&provider.claim).map_err(|Unreadable| denied(Refused::NoClaim, UNREADABLE))?;
        let said = said.ok_or_else(|| denied(Refused::NoClaim, "is missing"))?;
        let value = text(said).ok_or_else(|| denied(Refused::NoClaim, "is no text, or more than one"))?;
        if value.is_empty() {
            return Err(denied(Refused::NoClaim, "is empty"));
        }
        let claim = Claim::parse(provider.common.match_by, value).ok_or_else(|| Refused::Claim.of(&field, not_a(&provider.common)))?;
        let plain = |field: &Field| self.value(field).ok().flatten().and_then(text).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Read { claim, level, name: provider.name.as_ref().and_then(plain), reference: plain(&provider.reference).unwrap_or_default() })
    }

    /// What counts as the level at a place: `None` where nothing is said there, `Some(None)` where it is no one text.
    #[expect(clippy::option_option, reason = "as `LevelSource::level` asks")]
    fn level_at(&self, field: &Field) -> Option<Option<&str>> {
        match self.value(field) {
            Ok(value) => value.map(text),
            Err(Unreadable) => Some(None),
        }
    }

    fn too_low(&self, provider: &OidcProvider) -> Denied {
        let LevelSource::Said(sources) = &provider.level else { return Refused::Level.into() };
        let there = sources.iter().find_map(|(field, values)| self.level_at(field).map(|said| (field, values, said)));
        match there {
            None => {
                let all: Vec<_> = sources.iter().map(|(field, _)| field.to_string()).collect();
                Refused::Level.of(&all.join(", "), "is missing, so the login has no level")
            }
            Some((field, _, None)) => Refused::Level.of(&field.to_string(), "is no text, or more than one, so the login has no level"),
            Some((field, values, Some(said))) if values.contains_key(said) => {
                Refused::Level.of(&field.to_string(), "tells a level below minimum_level")
            }
            Some((field, _, Some(_))) => {
                Refused::Level.of(&field.to_string(), "has a value that is not in its map, so the login has no level")
            }
        }
    }

    /// A word for a level that is in no map: where it stands, and the word itself, if it can't be anything personal. For the log, so that the operator can map it.
    pub fn unknown_level<'s>(&'s self, provider: &'s OidcProvider) -> Option<(&'s Field, &'s str)> {
        let LevelSource::Said(sources) = &provider.level else { return None };
        let (field, values, said) = sources.iter().find_map(|(field, values)| self.level_at(field).map(|said| (field, values, said)))?;
        let plain = |word: &str| {
            let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '_' | '-');
            (1..=100).contains(&word.len()) && word.chars().all(letters) && !holds_cpr_number(word)
        };
        said.filter(|word| !values.contains_key(*word) && plain(word)).map(|word| (field, word))
    }

    /// The value at a field; `null` is no value.
    pub fn value(&self, field: &Field) -> Result<Option<&Value>, Unreadable> {
        let said = match field.place {
            Place::IdToken => &self.id_token,
            Place::Userinfo => match &self.userinfo {
                Some(userinfo) => userinfo,
                None => return Ok(None),
            },
        };
        let (first, rest) = field.steps();
        let found = said.get(&first)?;
        let found = rest.map_or(found, |rest| found.and_then(|value| value.pointer(rest)));
        Ok(found.filter(|value| !value.is_null()))
    }

    /// Is the value one of those? Of a list, all or any, as is configured. Numbers and truth values count by their JSON text.
    fn has(&self, Required { field, values, or_absent, list }: &Required) -> Result<(), &'static str> {
        let is = |value: &Value| match value {
            Value::String(text) => values.iter().any(|value| value == text.trim()),
            Value::Number(number) => values.contains(&number.to_string()),
            Value::Bool(truth) => values.contains(&truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        let Some(value) = self.value(field).map_err(|Unreadable| UNREADABLE)? else {
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

const UNREADABLE: &str = "stands there twice, or can't be read";

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

/// A text, or a list of one text: more would leave it open which counts. Blanks and line breaks around it are no part of it.
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
