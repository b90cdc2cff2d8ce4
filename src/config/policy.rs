//! `[policy]`: the municipality's password rules, on top of AD's.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::problem::Problems;
use crate::{
    model::password_policy::{Contradiction, PasswordPolicy},
    operator_file::{self, OperatorText},
};

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// `[policy.default]`: for all accounts.
    pub default: PolicyRules,
    /// `[[policy.group]]`: additional rules for the members of a group; nested membership counts.
    pub groups: Vec<GroupRules>,
}

/// The rules for one group's members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRules {
    /// The group, as DN, sAMAccountName or SID.
    pub group: String,
    pub rules: PolicyRules,
}

/// Configured rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyRules(PasswordPolicy);

impl PolicyRules {
    /// The rules as a policy that can be combined with others.
    pub fn policy(&self) -> PasswordPolicy {
        self.0.clone()
    }
}

#[derive(Deserialize)]
pub(super) struct Raw {
    #[serde(default)]
    default: RawRules,
    #[serde(default)]
    group: Vec<RawRules>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own that is on or off")]
struct RawRules {
    group: Option<String>,
    min_length: Option<u32>,
    max_length: Option<u32>,
    letters: bool,
    upper_and_lower: bool,
    digits: bool,
    special: bool,
    no_names: Option<bool>,
    forbidden_words: Vec<String>,
    forbidden_words_file: Option<PathBuf>,
    allowed_characters: Option<String>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<PolicyConfig> {
        let before = problems.0.len();
        // Defaults apply to each key: a section that only sets max_length keeps the other defaults.
        let mut default = self.default;
        default.min_length.get_or_insert(12);
        default.no_names.get_or_insert(true);
        if default.group.is_some() {
            problems.add("policy.default.group", "the default is for all accounts: rules for a group are a [[policy.group]]");
        }
        let default = default.check("policy.default", problems);
        contradiction("policy.default", &default.policy(), problems);
        let mut groups = Vec::new();
        for raw in self.group {
            let group = raw.group.clone().unwrap_or_default();
            let key = format!("policy.group {group:?}");
            if group.trim().is_empty() {
                problems.add("policy.group", "a group has no name: set `group` to its DN, sAMAccountName or SID");
            }
            let rules = raw.check(&key, problems);
            contradiction(&key, &default.policy().and(&rules.policy()), problems);
            groups.push(GroupRules { group, rules });
        }
        (problems.0.len() == before).then_some(PolicyConfig { default, groups })
    }
}

impl RawRules {
    fn check(self, key: &str, problems: &mut Problems) -> PolicyRules {
        let mut words = self.forbidden_words;
        if let Some(file) = self.forbidden_words_file {
            match operator_file::text(&file) {
                Ok(OperatorText { text, .. }) => {
                    words.extend(text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned));
                }
                Err(error) => problems.add(&format!("{key}.forbidden_words_file"), format!("{}: {error}", file.display())),
            }
        }
        if let Some(word) = words.iter().find(|word| crate::model::password_policy::folded(word).chars().count() < 3) {
            problems.add(
                &format!("{key}.forbidden_words"),
                format!("{word:?} is shorter than 3 characters and would forbid almost every password"),
            );
        }
        for (name, length) in [("min_length", self.min_length), ("max_length", self.max_length)] {
            if length.is_some_and(|length| length > 256) {
                problems.add(&format!("{key}.{name}"), "AD takes at most 256 characters");
            }
        }
        PolicyRules(PasswordPolicy {
            min_length: self.min_length.unwrap_or(0),
            max_length: self.max_length,
            letters: self.letters,
            upper_and_lower: self.upper_and_lower,
            digits: self.digits,
            special: self.special,
            no_names: self.no_names.unwrap_or(false),
            forbidden_words: words.into_iter().collect(),
            allowed: self.allowed_characters.map(|characters| characters.chars().collect()),
            ..PasswordPolicy::default()
        })
    }
}

fn contradiction(key: &str, policy: &PasswordPolicy, problems: &mut Problems) {
    match policy.contradiction() {
        None => {}
        Some(Contradiction::Length { min, max }) => {
            problems.add(key, format!("no password has at least {min} and at most {max} characters"));
        }
        Some(Contradiction::Allowed(rule)) => problems.add(key, format!("allowed_characters lacks the characters that `{rule}` demands")),
    }
}
