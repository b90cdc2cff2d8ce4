//! `[[delegation.teachers]]`: which groups of teachers and of pupils are a class.

use serde::Deserialize;

use crate::config::{identity::provider::is_ad_attribute, problem::Problems, read::dn};
use crate::model::authorization::{class_names::ClassNames, group_pattern::Pattern};

/// `[[delegation.teachers]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teachers {
    pub names: ClassNames,
    /// Unit (DN) below which both groups are searched; `None` = everywhere. Only with a `*`.
    pub ou: Option<String>,
    /// AD attribute that holds the names with a `*`.
    pub attribute: String,
}

/// The only attribute whose values are unique in the domain.
const UNIQUE: &str = "sAMAccountName";
/// Fewest characters at an end of a pattern.
const SHORTEST: usize = 3;

#[derive(Deserialize)]
pub(super) struct Raw {
    teachers: String,
    pupils: String,
    ou: Option<String>,
    attribute: Option<String>,
    same_unit: Option<bool>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Teachers> {
        let key = format!("delegation.teachers {:?}", self.teachers);
        let (Some(teachers), Some(pupils)) = (Pattern::parse(&self.teachers), Pattern::parse(&self.pupils)) else {
            problems.add(&key, "`teachers` and `pupils` are names of groups, with at most four `*` and text between each two of them");
            return None;
        };
        let before = problems.0.len();
        let attribute = self.attribute.unwrap_or_else(|| UNIQUE.to_owned());
        let is = |name: &str| attribute.eq_ignore_ascii_case(name);
        if teachers.gaps() != pupils.gaps() {
            problems.add(&key, "`teachers` and `pupils` need the same number of `*`: each stands for the same text in both");
        }
        if !teachers.is_wild() && (self.ou.is_some() || !is(UNIQUE) || self.same_unit.is_some()) {
            problems.add(&key, "`ou`, `attribute` and `same_unit` are for names with a `*` only");
        }
        if !is_ad_attribute(&attribute) {
            problems.add(&key, "`attribute` has to be the LDAP name of an AD attribute, such as sAMAccountName, cn or wWWHomePage");
        }
        if !is(UNIQUE) && self.ou.is_none() {
            problems.add(&key, "`attribute` needs `ou`: everywhere else in the domain a group could get the same value");
        }
        if is("cn") && self.same_unit == Some(false) {
            problems.add(&key, "`same_unit` can't be false with the attribute cn: the names of classes repeat between schools");
        }
        let short = |pattern: &Pattern| {
            let (first, last) = pattern.ends();
            pattern.is_wild() && first < SHORTEST && (self.ou.is_none() || last < SHORTEST)
        };
        if short(&teachers) || short(&pupils) {
            problems.add(&key, "needs at least 3 characters before the first `*` or, with `ou`, after the last one");
        }
        let ou = self.ou.as_ref().and_then(|ou| dn::one(&format!("{key}.ou"), ou, problems));
        let same_unit = teachers.is_wild() && self.same_unit.unwrap_or(!is(UNIQUE));
        let names = ClassNames { teachers, pupils, same_unit };
        (problems.0.len() == before).then_some(Teachers { names, ou, attribute })
    }
}
