//! `[reset]` and `[[reset.group]]`: demands on a login at an identity provider before it may set a new password without the old one.

use serde::Deserialize;

use crate::config::problem::Problems;
use crate::model::{
    authorization::strength::Strength,
    identity::{level::AssuranceLevel, provider::ProviderId},
};

/// `[reset]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetConfig {
    /// Demand for accounts that no group's rule applies to.
    pub default: Strength,
    /// `[[reset.group]]`: demands for the members of a group, instead of the default; nested membership counts.
    pub groups: Vec<GroupStrength>,
    /// Longest age of a login in minutes, 1 to 60. After it the person logs in at the provider again.
    pub max_age_minutes: u32,
    /// A reset also unlocks a locked account. Without it, resets of locked accounts are refused.
    pub unlock: bool,
}

/// The demand for one group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStrength {
    /// The group, as DN, sAMAccountName or SID.
    pub group: String,
    pub strength: Strength,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    level: AssuranceLevel,
    providers: Option<Vec<String>>,
    max_age_minutes: u32,
    unlock: bool,
    group: Vec<RawGroup>,
}

impl Default for Raw {
    fn default() -> Self {
        Self { level: AssuranceLevel::Substantial, providers: None, max_age_minutes: 15, unlock: true, group: Vec::new() }
    }
}

#[derive(Deserialize)]
struct RawGroup {
    group: String,
    level: AssuranceLevel,
    providers: Option<Vec<String>>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<ResetConfig> {
        let before = problems.0.len();
        if !(1..=60).contains(&self.max_age_minutes) {
            problems.add("reset.max_age_minutes", "has to be 1 to 60");
        }
        let default = strength("reset", self.level, self.providers, problems);
        let mut groups = Vec::new();
        for RawGroup { group, level, providers } in self.group {
            if group.trim().is_empty() {
                problems.add("reset.group", "a group has no name: set `group` to its DN, sAMAccountName or SID");
            }
            let strength = strength(&format!("reset.group {group:?}"), level, providers, problems);
            groups.push(GroupStrength { group, strength });
        }
        (problems.0.len() == before).then_some(ResetConfig { default, groups, max_age_minutes: self.max_age_minutes, unlock: self.unlock })
    }
}

fn strength(key: &str, level: AssuranceLevel, providers: Option<Vec<String>>, problems: &mut Problems) -> Strength {
    let providers = providers.map(|names| {
        let read = |name: String| {
            let id = ProviderId::parse(&name);
            if id.is_none() {
                problems.add(&format!("{key}.providers"), format!("{name:?} is not a provider id"));
            }
            id
        };
        names.into_iter().filter_map(read).collect()
    });
    Strength { level, providers }
}

impl ResetConfig {
    /// The providers that the rules name, with the rules' keys, to report those that do not exist.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, &ProviderId)> {
        let groups = self.groups.iter().map(|group| (format!("reset.group {:?}", group.group), &group.strength));
        std::iter::once(("reset".to_owned(), &self.default))
            .chain(groups)
            .flat_map(|(key, strength)| strength.providers.iter().flatten().map(move |id| (format!("{key}.providers"), id)))
    }
}
