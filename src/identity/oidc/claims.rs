//! From what a provider says to what a login proves, as the provider's section of the configuration reads it. Pure.

use serde_json::Value;

use super::{Refused, jwt::Payload};
use crate::{
    config::{Field, OidcProvider, Place, Required},
    model::{claim::Claim, level::Level},
};

/// What was said, after it was verified.
#[derive(Clone)]
pub struct Said {
    /// In the ID token.
    pub id_token: Payload,
    /// In UserInfo, where it was asked.
    pub userinfo: Option<Payload>,
}

impl std::fmt::Debug for Said {
    /// Nothing of it: CPR numbers are among it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Said(…)")
    }
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
    /// Reads every configured field.
    pub fn read(&self, provider: &OidcProvider) -> Result<Read, Refused> {
        if !provider.require.iter().all(|required| self.has(required)) {
            return Err(Refused::Required);
        }
        let level = provider.level.level(|field| self.value(field).map(text));
        if level < provider.minimum_level {
            return Err(Refused::Level);
        }
        let value = self.value(&provider.claim).and_then(text).filter(|value| !value.is_empty()).ok_or(Refused::NoClaim)?;
        let claim = Claim::parse(provider.common.match_by, value).ok_or(Refused::Claim)?;
        let plain = |field: &Field| self.value(field).and_then(text).map(str::to_owned).filter(|text| !text.trim().is_empty());
        Ok(Read { claim, level, name: provider.name.as_ref().and_then(plain), reference: plain(&provider.reference).unwrap_or_default() })
    }

    /// The value at a field; `null` is no value.
    fn value(&self, field: &Field) -> Option<&Value> {
        let said = match field.place {
            Place::IdToken => &self.id_token,
            Place::Userinfo => self.userinfo.as_ref()?,
        };
        let found = match field.from.strip_prefix('/') {
            None => said.get(&field.from),
            Some(rest) => {
                let (first, rest) = rest.split_once('/').map_or((rest, None), |(first, rest)| (first, Some(rest)));
                let first = said.get(&first.replace("~1", "/").replace("~0", "~"));
                rest.map_or(first, |rest| first.and_then(|value| value.pointer(&format!("/{rest}"))))
            }
        };
        found.filter(|value| !value.is_null())
    }

    /// Is the value, or one of a list, one of those? Numbers and truth values count by their JSON text.
    fn has(&self, Required { field, values, or_absent }: &Required) -> bool {
        let is = |value: &Value| match value {
            Value::String(text) => values.contains(text),
            Value::Number(number) => values.contains(&number.to_string()),
            Value::Bool(truth) => values.contains(&truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        match self.value(field) {
            Some(Value::Array(several)) => several.iter().any(is),
            Some(one) => is(one),
            None => *or_absent,
        }
    }
}

/// A text, or a list of one text: more would leave it open which counts.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => Some(text),
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
