//! `[authority.must_change]`: does a password that another sets have to be changed at the next logon? What is ticked when the form opens; the helper can
//! choose otherwise.

use serde::Deserialize;

use super::{load::Problems, provider::is_ad_attribute};

/// `[authority.must_change]`. Groups come first, then the age where it is known, then the default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MustChange {
    /// For everybody of whom nothing else is said.
    pub default: bool,
    /// Not for members of these groups, such as the youngest classes.
    pub not_for: Vec<String>,
    /// For whoever is so many years old, 0 to 99, and not for who is younger; `None` = age does not count.
    pub from_age: Option<i8>,
    /// The AD attribute that holds a CPR number, which tells the age. Of a parent's child the family service tells it too.
    pub cpr_attribute: Option<String>,
}

impl Default for MustChange {
    fn default() -> Self {
        Self { default: true, not_for: Vec::new(), from_age: None, cpr_attribute: None }
    }
}

impl MustChange {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.from_age.is_some_and(|age| !(0..=99).contains(&age)) {
            problems.add("authority.must_change.from_age", "has to be 0 to 99");
        }
        if self.cpr_attribute.as_deref().is_some_and(|attribute| !is_ad_attribute(attribute)) {
            let what = "has to be the LDAP name of the AD attribute that holds the CPR number, such as employeeNumber";
            problems.add("authority.must_change.cpr_attribute", what);
        }
        if self.cpr_attribute.is_some() && self.from_age.is_none() {
            problems.add("authority.must_change.cpr_attribute", "is not used without from_age");
        }
    }

    /// Is there an age to go by, and nobody who tells it?
    pub(super) fn asks_nobody(&self, has_family: bool) -> bool {
        self.from_age.is_some() && self.cpr_attribute.is_none() && !has_family
    }
}
