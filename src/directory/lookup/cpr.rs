//! CPR number of an account, in an attribute that the configuration names.
//!
//! Invariant: it is read for one account at a time, is not cached, and is no part of [`crate::model::account::Account`].

use crate::directory::{ControllerSession, Directory, DirectoryError, lookup::PERSON};
use crate::model::{ad::guid::ObjectGuid, cpr::Cpr};

impl Directory {
    /// Reads the account's CPR number. `None`: the account does not exist, or the attribute is empty, unreadable, no CPR number, or holds
    /// several different ones.
    pub async fn cpr_of(&self, pinned: &mut ControllerSession, guid: ObjectGuid, attribute: &str) -> Result<Option<Cpr>, DirectoryError> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        let found = pinned.connection().read_object(&guid.as_dn(), &format!("(&{PERSON})"), [attribute]).await?;
        Ok(found.filter(|entry| self.serves(&entry.dn)).and_then(|entry| sole(entry.all(attribute))))
    }
}

/// The one number that all values spell; `None` if they differ.
fn sole(values: &[Vec<u8>]) -> Option<Cpr> {
    let mut numbers = values.iter().map(|value| std::str::from_utf8(value).ok().and_then(Cpr::parse));
    let first = numbers.next()??;
    numbers.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use crate::directory::lookup::cpr::*;

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
