//! `[policy]`: the municipality's password rules, on top of AD's.

pub mod leaked;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use serde::Deserialize;

use crate::config::{policy::leaked::LeakedConfig, problem::Problems};
use crate::{
    model::{
        guessability::LocalWords,
        password_policy::{Contradiction, PasswordPolicy},
    },
    operator_file::{self, OperatorText},
};

/// Guesses that a password withstands at least where the configuration says nothing.
const DEFAULT_MIN_GUESSES: u64 = 10_000_000_000;

/// `[policy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// `[policy.default]`: for all accounts.
    pub default: PolicyRules,
    /// `[[policy.group]]`: additional rules for the members of a group; nested membership counts.
    pub groups: Vec<GroupRules>,
    /// `[policy.leaked]`: passwords that are known from leaks.
    pub leaked: LeakedConfig,
}

impl PolicyConfig {
    /// The rules for a member of these groups: the strictest of all. Only `min_guesses` of the groups, the strictest of them, replaces the
    /// default: pupils may have less.
    pub fn of_member<'a>(&self, groups: impl IntoIterator<Item = &'a GroupRules>) -> PasswordPolicy {
        let mut policy = self.default.policy();
        let mut min_guesses = None;
        for group in groups {
            policy = policy.and(&group.rules.policy());
            min_guesses = min_guesses.max(group.rules.min_guesses);
        }
        policy.not_leaked = self.leaked.is_on();
        policy.min_guesses = min_guesses.or(self.default.min_guesses).unwrap_or(0);
        policy
    }

    /// Forbidden words are what everybody here knows: to the members of any group they count as words that are guessed early.
    fn share_local_words(&mut self) {
        let all = self.groups.iter().map(|group| &group.rules).chain([&self.default]);
        let words: BTreeSet<&str> = all.flat_map(|rules| &rules.policy.forbidden_words).map(String::as_str).collect();
        self.default.policy.local_words = Arc::new(LocalWords::new(words));
    }
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
pub struct PolicyRules {
    policy: PasswordPolicy,
    /// `None` where nothing is configured.
    min_guesses: Option<u64>,
}

impl PolicyRules {
    /// The rules as a policy that can be combined with others.
    pub fn policy(&self) -> PasswordPolicy {
        self.policy.clone()
    }
}

#[derive(Deserialize)]
pub(super) struct Raw {
    #[serde(default)]
    default: RawRules,
    #[serde(default)]
    group: Vec<RawRules>,
    #[serde(default)]
    leaked: leaked::Raw,
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
    min_guesses: Option<u64>,
}

impl Raw {
    pub(super) fn check(self, problems: &mut Problems) -> Option<PolicyConfig> {
        let before = problems.0.len();
        // Defaults apply to each key: a section that only sets max_length keeps the other defaults.
        let mut default = self.default;
        default.min_length.get_or_insert(12);
        default.no_names.get_or_insert(true);
        default.min_guesses.get_or_insert(DEFAULT_MIN_GUESSES);
        if default.group.is_some() {
            problems.add("policy.default.group", "the default is for all accounts: rules for a group are a [[policy.group]]");
        }
        let default = default.check("policy.default", problems);
        let leaked = self.leaked.check(problems).unwrap_or_default(); // without a result there are problems
        let mut config = PolicyConfig { default, groups: Vec::new(), leaked };
        contradiction("policy.default", &config.of_member([]), problems);
        for raw in self.group {
            let group = raw.group.clone().unwrap_or_default();
            let key = format!("policy.group {group:?}");
            if group.trim().is_empty() {
                problems.add("policy.group", "a group has no name: set `group` to its DN, sAMAccountName or SID");
            }
            let rules = raw.check(&key, problems);
            let rules = GroupRules { group, rules };
            contradiction(&key, &config.of_member([&rules]), problems);
            config.groups.push(rules);
        }
        config.share_local_words();
        (problems.0.len() == before).then_some(config)
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
        let policy = PasswordPolicy {
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
        };
        PolicyRules { policy, min_guesses: self.min_guesses }
    }
}

fn contradiction(key: &str, policy: &PasswordPolicy, problems: &mut Problems) {
    match policy.contradiction() {
        None => {}
        Some(Contradiction::Length { min, max }) => {
            problems.add(key, format!("no password has at least {min} and at most {max} characters"));
        }
        Some(Contradiction::Guesses { min_guesses, max }) => {
            problems.add(key, format!("no password of at most {max} characters withstands {min_guesses} guesses"));
        }
        Some(Contradiction::Allowed(rule)) => problems.add(key, format!("allowed_characters lacks the characters that `{rule}` demands")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::load_text;

    #[test]
    fn of_several_groups_the_strictest_min_guesses_replaces_the_default() {
        let pupils =
            "[[policy.group]]\ngroup = \"Elever\"\nmin_guesses = 1000000\n[[policy.group]]\ngroup = \"Elever 0\"\nmin_guesses = 1000\n";
        let config = load_text(&format!("{pupils}[[policy.group]]\ngroup = \"Ledere\"\nmin_length = 16\n")).expect("complete").policy;
        let of = |groups: &[usize]| config.of_member(groups.iter().map(|at| &config.groups[*at])).min_guesses;
        assert_eq!((of(&[]), of(&[2])), (DEFAULT_MIN_GUESSES, DEFAULT_MIN_GUESSES));
        assert_eq!((of(&[0]), of(&[1]), of(&[1, 2])), (1_000_000, 1000, 1000));
        assert_eq!((of(&[0, 1]), of(&[1, 0])), (1_000_000, 1_000_000));
    }
}
