//! Interpretation of a register's answer by the configuration. Pure.
//!
//! Invariant: an answer that does not match the configuration is an error. Only an empty list, null and an empty text mean "none".

use serde_json::Value;

use crate::registers::{MOST_ACCOUNTS, MOST_CHILDREN, RegisterErrorCause};
use crate::{
    config,
    http_client::at,
    model::{
        account::{
            name::is_invisible,
            reference::{AccountRef, AccountRefKind},
        },
        cpr::Cpr,
    },
};

/// The accounts in the first column of a database's rows. NULL and blanks are no account.
pub fn column(values: &[Option<String>], kind: AccountRefKind) -> Result<Vec<AccountRef>, RegisterErrorCause> {
    values.iter().flatten().filter(|text| !text.trim_matches(' ').is_empty()).map(|text| account(text, kind)).collect()
}

/// The accounts in a web service's answer: an object, a list of objects, a string, or a list of strings.
pub fn accounts(answer: &Value, source: &config::RestSource) -> Result<Vec<AccountRef>, RegisterErrorCause> {
    let mut found = Vec::new();
    for item in items(answer) {
        let values = match &source.field {
            None => std::slice::from_ref(item),
            Some(_) if !item.is_object() => return Err(RegisterErrorCause::not_as_configured("no object to read field from")),
            Some(field) => {
                items(at(item, field).ok_or_else(|| RegisterErrorCause::not_as_configured(format!("no {field} in the answer")))?)
            }
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => found.push(account(text, source.account_key)?),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(RegisterErrorCause::not_as_configured("an account is not a string"));
                }
            }
            if found.len() > MOST_ACCOUNTS {
                return Err(RegisterErrorCause::TooMany(MOST_ACCOUNTS));
            }
        }
    }
    Ok(found)
}

/// Name and CPR number of each child in the family service's answer, a list of objects.
pub fn children(answer: &Value, parents: &config::Parents) -> Result<Vec<(String, Cpr)>, RegisterErrorCause> {
    let list = answer.as_array().ok_or_else(|| RegisterErrorCause::not_as_configured("the answer is not a list"))?;
    if list.len() > MOST_CHILDREN {
        return Err(RegisterErrorCause::TooMany(MOST_CHILDREN));
    }
    let text = |child: &Value, field: &str| {
        let found = at(child, field).filter(|_| child.is_object()).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| RegisterErrorCause::not_as_configured(format!("a child has no string {field}")))
    };
    list.iter()
        .map(|child| {
            let cpr = Cpr::try_from(text(child, &parents.cpr_field)?)
                .map_err(|_| RegisterErrorCause::not_as_configured("a child has no valid CPR number"))?;
            Ok((name(&text(child, &parents.name_field)?), cpr))
        })
        .collect()
}

/// A list, or a single value as a list; null is the empty list.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(several) => several,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => std::slice::from_ref(value),
    }
}

fn account(text: &str, kind: AccountRefKind) -> Result<AccountRef, RegisterErrorCause> {
    AccountRef::parse(kind, text).ok_or_else(|| {
        RegisterErrorCause::not_as_configured(match kind {
            AccountRefKind::AccountName => "a value is not a possible account name",
            AccountRefKind::Upn => "a value is not a possible UPN",
            AccountRefKind::ObjectGuid => "a value is not an objectGUID with hyphens",
        })
    })
}

/// Longest name that is shown, in characters.
const LONGEST: usize = 200;

/// A name for display: one line, no invisible characters, at most [`LONGEST`] characters.
fn name(text: &str) -> String {
    let seen = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !is_invisible(*c));
    let name: String = seen.collect::<String>().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    name.chars().take(LONGEST).collect()
}
