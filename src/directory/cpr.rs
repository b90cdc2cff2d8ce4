//! The CPR number that an account carries in an attribute of the operator's choice.
//!
//! Invariant: read for a question about one account at a time, kept nowhere, and never part of [`crate::model::account::Account`].

use super::{Directory, Fault, Pinned, lookup::PERSON};
use crate::model::{cpr::Cpr, guid::ObjectGuid};

impl Directory {
    /// `None`: the account is gone, or the attribute is empty, not readable, no CPR number, or several different ones.
    pub async fn cpr_of(&self, pinned: &mut Pinned, guid: ObjectGuid, attribute: &str) -> Result<Option<Cpr>, Fault> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        let found = pinned.connection().read_object(&guid.as_dn(), &format!("(&{PERSON})"), [attribute]).await?;
        Ok(found.filter(|entry| self.serves(&entry.dn)).and_then(|entry| sole(entry.all(attribute))))
    }
}

/// The number that all values are, in whatever spelling.
fn sole(values: &[Vec<u8>]) -> Option<Cpr> {
    let mut numbers = values.iter().map(|value| std::str::from_utf8(value).ok().and_then(Cpr::parse));
    let first = numbers.next()??;
    numbers.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_count_where_they_are_one_number() {
        let of = |values: &[&str]| sole(&values.iter().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>());
        let cpr = Cpr::parse("0101901234");
        assert_eq!((of(&["0101901234"]), of(&["010190-1234", "0101901234"])), (cpr.clone(), cpr));
        for values in [&[][..], &["1234"], &["0101901234", "0101901235"], &["0101901234", "x"]] {
            assert_eq!(of(values), None);
        }
    }
}
