//! From what a register answers to what it means, as the configuration reads it. Pure.
//!
//! Invariant: what is not as configured is trouble; only a list that is empty, and a value that is null or an empty text, mean "none".

use serde_json::Value;

use super::{MOST_ACCOUNTS, MOST_CHILDREN, Trouble};
use crate::{
    config,
    model::{
        account_name::is_invisible,
        account_ref::{AccountRef, AccountRefKind},
        cpr::Cpr,
    },
    outward::at,
};

/// The accounts in one column of a database's answer; no value is no account.
pub fn column(values: &[Option<String>], kind: AccountRefKind) -> Result<Vec<AccountRef>, Trouble> {
    values.iter().flatten().filter(|text| !text.trim_matches(' ').is_empty()).map(|text| account(text, kind)).collect()
}

/// The accounts in a web service's answer: one object, a list of objects, one text, or a list of texts.
pub fn accounts(answer: &Value, source: &config::RestSource) -> Result<Vec<AccountRef>, Trouble> {
    let mut found = Vec::new();
    for item in items(answer) {
        let values = match &source.field {
            None => std::slice::from_ref(item),
            Some(_) if !item.is_object() => return Err(Trouble::not_as_configured("there is no object where field would be looked up")),
            Some(field) => items(at(item, field).ok_or_else(|| Trouble::not_as_configured(format!("there is no {field}")))?),
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => found.push(account(text, source.answers)?),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(Trouble::not_as_configured("an account is no text"));
                }
            }
            if found.len() > MOST_ACCOUNTS {
                return Err(Trouble::TooMany(MOST_ACCOUNTS));
            }
        }
    }
    Ok(found)
}

/// The children in the family service's answer: a list of objects.
pub fn children(answer: &Value, parents: &config::Parents) -> Result<Vec<(String, Cpr)>, Trouble> {
    let list = answer.as_array().ok_or_else(|| Trouble::not_as_configured("there is no list"))?;
    if list.len() > MOST_CHILDREN {
        return Err(Trouble::TooMany(MOST_CHILDREN));
    }
    let text = |child: &Value, field: &str| {
        let found = at(child, field).filter(|_| child.is_object()).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| Trouble::not_as_configured(format!("a child has no text {field}")))
    };
    list.iter()
        .map(|child| {
            let cpr =
                Cpr::try_from(text(child, &parents.cpr_field)?).map_err(|_| Trouble::not_as_configured("a child has no CPR number"))?;
            Ok((name(&text(child, &parents.name_field)?), cpr))
        })
        .collect()
}

/// One, several or none.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(several) => several,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => std::slice::from_ref(value),
    }
}

fn account(text: &str, kind: AccountRefKind) -> Result<AccountRef, Trouble> {
    AccountRef::parse(kind, text).ok_or_else(|| {
        Trouble::not_as_configured(match kind {
            AccountRefKind::AccountName => "a value can be no account name",
            AccountRefKind::Upn => "a value can be no UPN",
            AccountRefKind::ObjectGuid => "a value is no objectGUID with hyphens",
        })
    })
}

/// Longest name that is shown, characters.
const LONGEST: usize = 200;

/// A name that can be shown: one line, nothing that can't be seen, no longer than anybody's.
fn name(text: &str) -> String {
    let seen = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !is_invisible(*c));
    let name: String = seen.collect::<String>().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    name.chars().take(LONGEST).collect()
}
