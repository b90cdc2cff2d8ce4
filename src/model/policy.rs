//! The password policy: what AD and the configuration demand of a new password for one account.
//!
//! Invariant: policies only ever combine to something stricter.

mod complexity;
mod evaluate;
mod fold;
mod rule;
#[cfg(test)]
mod tests;
mod typeable;

pub use evaluate::{Candidate, changeable_at, evaluate};
pub use fold::{contains_folded, contains_name, folded};
pub use rule::{Broken, Rule};

use std::collections::BTreeSet;

use jiff::SignedDuration;

/// Everything that holds for one account's next password. `Default` demands nothing.
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
    /// Not the person's names or account name, however spelled.
    pub no_names: bool,
    /// Words that may not be in it, however spelled.
    pub forbidden_words: BTreeSet<String>,
    /// The only characters allowed, where set.
    pub allowed: Option<BTreeSet<char>>,
    /// AD remembers this many passwords; 0 = none.
    pub history: u32,
    /// How old a password must be before it may be changed again.
    pub min_age: Option<SignedDuration>,
}

impl PasswordPolicy {
    /// The strictest combination of both.
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
            allowed: match (self.allowed, &other.allowed) {
                (Some(mine), Some(theirs)) => Some(mine.intersection(theirs).copied().collect()),
                (mine, theirs) => mine.or_else(|| theirs.clone()),
            },
            history: self.history.max(other.history),
            min_age: self.min_age.into_iter().chain(other.min_age).max(),
        }
    }

    /// The rules to show, in the order they are shown.
    pub fn rules(&self) -> Vec<Rule> {
        rule::rules_of(self)
    }

    /// Why no password at all can satisfy it; `None` where one can.
    pub fn contradiction(&self) -> Option<Contradiction> {
        evaluate::contradiction(self)
    }
}

/// Two demands that can't be met together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contradiction {
    /// The least length is above the greatest.
    Length {
        /// Fewest characters.
        min: u32,
        /// Most characters.
        max: u32,
    },
    /// The allowed characters lack a class that is demanded; named by the code of its rule.
    Allowed(&'static str),
}
