//! `[delegation.must_change]`: the default of "must change at next logon" in the form for another person's password. The actor can choose
//! otherwise.

use serde::Deserialize;

use crate::config::{identity::provider::is_ad_attribute, problem::Problems};

/// `[delegation.must_change]`. Precedence: groups, then age if known, then `default`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MustChange {
    /// Used if neither group nor age decides.
    pub default: bool,
    /// Members of these groups, such as the youngest classes, need not change the password.
    pub not_for: Vec<String>,
    /// Age in years, 0 to 99. People of this age or older must change the password, younger ones need not; `None` = age does not count.
    pub from_age: Option<i8>,
    /// AD attribute with the CPR number, which gives the age. For a child of a guardian, the family service gives it too.
    pub cpr_attribute: Option<String>,
}

impl Default for MustChange {
    fn default() -> Self {
        Self { default: true, not_for: Vec::new(), from_age: None, cpr_attribute: None }
    }
}

impl MustChange {
    pub(crate) fn check(&self, problems: &mut Problems) {
        if self.from_age.is_some_and(|age| !(0..=99).contains(&age)) {
            problems.add("delegation.must_change.from_age", "has to be 0 to 99");
        }
        if self.cpr_attribute.as_deref().is_some_and(|attribute| !is_ad_attribute(attribute)) {
            let what = "has to be the LDAP name of the AD attribute that holds the CPR number, such as employeeNumber";
            problems.add("delegation.must_change.cpr_attribute", what);
        }
        if self.cpr_attribute.is_some() && self.from_age.is_none() {
            problems.add("delegation.must_change.cpr_attribute", "is not used without from_age");
        }
    }

    /// True if `from_age` is set but no source gives an age.
    pub(crate) fn asks_nobody(&self, has_family: bool) -> bool {
        self.from_age.is_some() && self.cpr_attribute.is_none() && !has_family
    }
}
