//! The password policy: the demands of AD and of the configuration on a new password for one account.
//!
//! Invariant: combining policies never makes them looser.

mod complexity;
mod evaluate;
mod fold;
mod rule;
#[cfg(test)]
mod tests;
mod typeable;

pub use crate::model::password_policy::evaluate::{Candidate, changeable_at, evaluate, judgement};
pub use crate::model::password_policy::fold::{contains_folded, contains_name, folded};
pub use crate::model::password_policy::rule::{BrokenRule, PolicyRule};

use std::{collections::BTreeSet, sync::Arc};

use jiff::SignedDuration;

use crate::model::guessability::LocalWords;

/// All rules for the next password of one account. `Default` demands nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own that is on or off")]
pub struct PasswordPolicy {
    /// Fewest characters; 0 = no limit.
    pub min_length: u32,
    /// Most characters; `None` = no limit.
    pub max_length: Option<u32>,
    /// AD's complexity with its name rule (pwdProperties bit 0).
    pub complexity: bool,
    /// At least one letter.
    pub letters: bool,
    /// At least one upper-case and one lower-case letter.
    pub upper_and_lower: bool,
    /// At least one digit.
    pub digits: bool,
    /// At least one character that is neither letter, digit nor blank.
    pub special: bool,
    /// No name of the person or the account, in any recognisable spelling.
    pub no_names: bool,
    /// Words that the password may not contain, in any recognisable spelling.
    pub forbidden_words: BTreeSet<String>,
    /// Guesses that a password withstands at least; 0 = it is not judged.
    pub min_guesses: u64,
    /// Not known from leaks. The service asks the list for it: [`crate::model::leaked`].
    pub not_leaked: bool,
    /// Words that everybody in the municipality knows. All policies of one configuration share them.
    pub local_words: Arc<LocalWords>,
    /// The only characters allowed; `None` = all.
    pub allowed: Option<BTreeSet<char>>,
    /// Number of earlier passwords that AD remembers; 0 = none.
    pub history: u32,
    /// Minimum age of a password before the next change.
    pub min_age: Option<SignedDuration>,
}

impl PasswordPolicy {
    /// The stricter of both for every rule.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            min_length: self.min_length.max(other.min_length),
            max_length: self.max_length.into_iter().chain(other.max_length).min(),
            complexity: self.complexity || other.complexity,
            letters: self.letters || other.letters,
            upper_and_lower: self.upper_and_lower || other.upper_and_lower,
            digits: self.digits || other.digits,
            special: self.special || other.special,
            no_names: self.no_names || other.no_names,
            forbidden_words: self.forbidden_words.union(&other.forbidden_words).cloned().collect(),
            min_guesses: self.min_guesses.max(other.min_guesses),
            not_leaked: self.not_leaked || other.not_leaked,
            local_words: if self.local_words.is_empty() { other.local_words.clone() } else { self.local_words },
            allowed: match (self.allowed, &other.allowed) {
                (Some(mine), Some(theirs)) => Some(mine.intersection(theirs).copied().collect()),
                (mine, theirs) => mine.or_else(|| theirs.clone()),
            },
            history: self.history.max(other.history),
            min_age: self.min_age.into_iter().chain(other.min_age).max(),
        }
    }

    /// The rules in display order.
    pub fn rules(&self) -> Vec<PolicyRule> {
        crate::model::password_policy::rule::rules_of(self)
    }

    /// Why no password can satisfy the policy; `None` if one can.
    pub fn contradiction(&self) -> Option<Contradiction> {
        crate::model::password_policy::evaluate::contradiction(self)
    }
}

/// Two rules that cannot both be satisfied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// The minimum length is above the maximum length.
    Length { min: u32, max: u32 },
    /// The allowed characters lack a class that a rule demands. The code of that rule.
    Allowed(&'static str),
    /// No password of so few characters withstands so many guesses.
    Guesses { min_guesses: u64, max: u32 },
}
