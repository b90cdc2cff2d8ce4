//! The rules of a policy, for display, and the ways to break them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::model::{guessability::GuessReason, password_policy::PasswordPolicy};

/// A rule as shown before a password is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRule {
    /// Fewest characters.
    MinLength(u32),
    /// Most characters.
    MaxLength(u32),
    /// AD's complexity: three of upper case, lower case, digit, other symbol, other letter.
    Complexity,
    /// At least one letter.
    Letters,
    /// An upper-case and a lower-case letter.
    UpperAndLower,
    /// At least one digit.
    Digits,
    /// At least one special character.
    Special,
    /// No name of the person or the account.
    NoNames {
        /// In no recognisable spelling: the configuration's rule.
        recognised: bool,
        /// Not in the exact spelling: AD's own rule.
        exact: bool,
    },
    /// None of the configured forbidden words. The words themselves are not shown.
    NoForbiddenWords,
    /// Not easy to guess. Only the server decides.
    NotGuessable,
    /// Not known from leaks. Only the server decides.
    NotLeaked,
    /// Only these characters.
    Allowed(BTreeSet<char>),
    /// None of this many latest passwords.
    History(u32),
    /// Minimum age of the current password.
    MinAge(SignedDuration),
}

/// A rule that a new password breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokenRule {
    /// Fewer characters than this.
    TooShort(u32),
    /// More characters than this.
    TooLong(u32),
    /// AD's complexity is not met.
    NotComplex,
    NoLetter,
    /// No upper-case or no lower-case letter.
    NotUpperAndLower,
    NoDigit,
    NoSpecial,
    /// Contains a name of the person or the account.
    HoldsName,
    /// Contains this configured forbidden word.
    HoldsForbiddenWord(String),
    /// Withstands too few guesses, for these reasons; never empty.
    Guessable(Vec<GuessReason>),
    /// Is known from leaks, where it was seen so often.
    Leaked(u64),
    /// Could not be looked up among leaked passwords, and the configuration refuses unchecked passwords.
    LeakUnchecked,
    /// Contains a character that is not allowed.
    CharacterNotAllowed(char),
    /// Contains a character that cannot be typed at the logon screen: a control, format or private-use character, or a blank other than the
    /// space.
    NotTypeable,
    /// Equals the current password.
    SameAsCurrent,
    /// AD remembers it as one of this many latest passwords.
    UsedBefore(u32),
    /// The current password is below its minimum age until this time.
    TooYoung(Timestamp),
}

impl BrokenRule {
    /// The stable code in the audit log.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooShort(_) => "too_short",
            Self::TooLong(_) => "too_long",
            Self::NotComplex => "not_complex",
            Self::NoLetter => "no_letter",
            Self::NotUpperAndLower => "not_upper_and_lower",
            Self::NoDigit => "no_digit",
            Self::NoSpecial => "no_special",
            Self::HoldsName => "holds_name",
            Self::HoldsForbiddenWord(_) => "holds_forbidden_word",
            Self::Guessable(_) => "guessable",
            Self::Leaked(_) => "leaked",
            Self::LeakUnchecked => "leak_unchecked",
            Self::CharacterNotAllowed(_) => "character_not_allowed",
            Self::NotTypeable => "not_typeable",
            Self::SameAsCurrent => "same_as_current",
            Self::UsedBefore(_) => "used_before",
            Self::TooYoung(_) => "too_young",
        }
    }

    /// All codes for the audit log: [`Self::code`], and behind it those of the reasons. They never hold a word of the password.
    pub fn codes(&self) -> Vec<&'static str> {
        let reasons = if let Self::Guessable(reasons) = self { reasons.as_slice() } else { &[] };
        std::iter::once(self.code()).chain(reasons.iter().map(GuessReason::code)).collect()
    }
}

pub(crate) fn rules_of(policy: &PasswordPolicy) -> Vec<PolicyRule> {
    let mut rules = Vec::new();
    if policy.min_length > 0 {
        rules.push(PolicyRule::MinLength(policy.min_length));
    }
    rules.extend(policy.max_length.map(PolicyRule::MaxLength));
    let flags = [
        (policy.complexity, PolicyRule::Complexity),
        (policy.letters, PolicyRule::Letters),
        (policy.upper_and_lower, PolicyRule::UpperAndLower),
        (policy.digits, PolicyRule::Digits),
        (policy.special, PolicyRule::Special),
        (policy.no_names || policy.complexity, PolicyRule::NoNames { recognised: policy.no_names, exact: policy.complexity }),
        (!policy.forbidden_words.is_empty(), PolicyRule::NoForbiddenWords),
        (policy.min_guesses > 0, PolicyRule::NotGuessable),
        (policy.not_leaked, PolicyRule::NotLeaked),
    ];
    rules.extend(flags.into_iter().filter_map(|(on, rule)| on.then_some(rule)));
    rules.extend(policy.allowed.clone().map(PolicyRule::Allowed));
    if policy.history > 0 {
        rules.push(PolicyRule::History(policy.history));
    }
    rules.extend(policy.min_age.map(PolicyRule::MinAge));
    rules
}
