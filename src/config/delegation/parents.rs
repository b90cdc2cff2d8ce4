//! `[parents]`: the family service, a web service that maps a parent's CPR number to the children. Off without the section.

use crate::config::problem::Problems;
use crate::config::{
    delegation::all_named,
    identity::oidc::is_pointer_or_name,
    read::dn,
    registers::service::{ServiceConfig, with_service_keys},
};

/// `[parents]`.
#[derive(Debug, Clone)]
pub struct Parents {
    pub service: ServiceConfig,
    /// Position of a child's name in an object of the answer: a literal member name, or a JSON pointer.
    pub name_field: String,
    /// Position of a child's CPR number, likewise.
    pub cpr_field: String,
    /// Age in years, 1 to 25, from which a person is no longer a child.
    pub age_limit: i8,
    /// Units (DNs) whose accounts guardians act on. Without units and groups: every account of a child.
    pub units: Vec<String>,
    /// Groups whose members guardians act on.
    pub groups: Vec<String>,
}

impl Parents {
    /// True if guardians act on every account with the child's CPR number.
    pub fn every_account(&self) -> bool {
        self.units.is_empty() && self.groups.is_empty()
    }
}

/// Custody ends on this birthday (forældreansvarsloven, section 1).
const OF_AGE: i8 = 18;

with_service_keys! {
    struct Raw {
        name_field: Option<String>,
        cpr_field: Option<String>,
        age_limit: Option<i8>,
        units: Vec<String>,
        groups: Vec<String>,
    }
}

impl Raw {
    pub(crate) fn check(mut self, problems: &mut Problems) -> Option<Parents> {
        let before = problems.0.len();
        let service = self.service().check("parents".to_owned(), "parents", problems);
        let name_field = self.name_field.unwrap_or_else(|| "name".to_owned());
        let cpr_field = self.cpr_field.unwrap_or_else(|| "cpr".to_owned());
        for (key, place) in [("parents.name_field", &name_field), ("parents.cpr_field", &cpr_field)] {
            if !is_pointer_or_name(place) {
                problems.add(key, "is neither a member name nor a JSON pointer");
            }
        }
        let age_limit = self.age_limit.unwrap_or(OF_AGE);
        if !(1..=25).contains(&age_limit) {
            problems.add("parents.age_limit", "has to be 1 to 25");
        }
        let Self { units, groups, .. } = self;
        all_named("parents", units.iter().chain(&groups), problems);
        let units = dn::all("parents.units", units, problems);
        (problems.0.len() == before).then_some(Parents { service: service?, name_field, cpr_field, age_limit, units, groups })
    }
}
