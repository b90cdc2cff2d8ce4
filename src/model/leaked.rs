//! The answer to "is this password in a known leak?", and what follows from it.
//!
//! Invariants: no answer holds a password, a hash or a part of one; a missing answer is `Unknown`, never `No`.

use serde::Deserialize;

use crate::model::password_policy::BrokenRule;

/// Is a password in the list of leaked passwords?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaked {
    /// The list does not hold it, or less often than `min_count`.
    No,
    /// The list holds it.
    Yes {
        /// How often it was seen in leaks; at least 1.
        count: u64,
    },
    /// Neither the file nor the online service could be asked.
    Unknown,
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// The list on this machine (`policy.leaked.file`).
    File,
    /// The range API (`policy.leaked.online`), or its cached answers.
    Online,
    /// Neither: nothing is configured, or nothing could be asked.
    Nobody,
}

/// An answer and who gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakedAnswer {
    /// The answer.
    pub leaked: Leaked,
    /// Who gave it.
    pub decided_by: DecidedBy,
}

/// What happens to a new password whose answer is [`Leaked::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnavailable {
    /// It is accepted, logged and counted.
    #[default]
    Accept,
    /// It is refused, with a reason of its own.
    Refuse,
}

impl Leaked {
    /// The same where a password seen less often than `min_count` times counts as not leaked.
    #[must_use]
    pub fn at_least(self, min_count: u64) -> Self {
        match self {
            Self::Yes { count } if count < min_count => Self::No,
            Self::Yes { .. } | Self::No | Self::Unknown => self,
        }
    }

    /// The worse of two answers about two spellings of one password: the higher count, then `Unknown`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes { count: a }, Self::Yes { count: b }) => Self::Yes { count: a.max(b) },
            (Self::Yes { .. } | Self::Unknown, Self::No | Self::Unknown) | (Self::No, Self::No) => self,
            (Self::No | Self::Unknown, Self::Yes { .. }) | (Self::No, Self::Unknown) => other,
        }
    }

    /// The label of metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::No => "not_leaked",
            Self::Yes { .. } => "leaked",
            Self::Unknown => "unknown",
        }
    }
}

impl DecidedBy {
    /// The label of metrics and the word in log lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Online => "online",
            Self::Nobody => "nobody",
        }
    }
}

impl LeakedAnswer {
    /// No list is configured, or none could be asked.
    pub const UNKNOWN: Self = Self { leaked: Leaked::Unknown, decided_by: DecidedBy::Nobody };

    /// The rule of the policy that a new password with this answer breaks.
    pub fn broken(self, when_unavailable: WhenUnavailable) -> Option<BrokenRule> {
        match (self.leaked, when_unavailable) {
            (Leaked::No, _) | (Leaked::Unknown, WhenUnavailable::Accept) => None,
            (Leaked::Yes { count }, _) => Some(BrokenRule::Leaked(count)),
            (Leaked::Unknown, WhenUnavailable::Refuse) => Some(BrokenRule::LeakUnchecked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_below_the_threshold_is_not_leaked() {
        assert_eq!(Leaked::Yes { count: 9 }.at_least(10), Leaked::No);
        assert_eq!(Leaked::Yes { count: 10 }.at_least(10), Leaked::Yes { count: 10 });
        assert_eq!((Leaked::No.at_least(0), Leaked::Unknown.at_least(10)), (Leaked::No, Leaked::Unknown));
    }

    #[test]
    fn of_two_spellings_the_worse_answer_counts() {
        let answers = [Leaked::No, Leaked::Unknown, Leaked::Yes { count: 1 }, Leaked::Yes { count: 7 }];
        for (i, a) in answers.iter().enumerate() {
            for (j, b) in answers.iter().enumerate() {
                assert_eq!(a.or(*b), answers[i.max(j)], "{a:?} or {b:?}");
            }
        }
    }

    #[test]
    fn a_leaked_password_is_refused_and_an_unchecked_one_as_the_operator_wants() {
        for unavailable in [WhenUnavailable::Accept, WhenUnavailable::Refuse] {
            let answered = |leaked| LeakedAnswer { leaked, decided_by: DecidedBy::File }.broken(unavailable);
            assert_eq!(answered(Leaked::No), None);
            assert_eq!(answered(Leaked::Yes { count: 3 }), Some(BrokenRule::Leaked(3)));
        }
        assert_eq!(LeakedAnswer::UNKNOWN.broken(WhenUnavailable::Accept), None);
        assert_eq!(LeakedAnswer::UNKNOWN.broken(WhenUnavailable::Refuse), Some(BrokenRule::LeakUnchecked));
    }
}
