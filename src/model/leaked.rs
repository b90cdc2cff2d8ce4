//! The answer to "is this password in a known leak?", and what follows from it.
//!
//! Invariants: no answer holds a password, a hash or a part of one; an answer that nobody could give is `Unknown`, never `No`.

use serde::Deserialize;

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
    /// The range API (`policy.leaked.online`), or what is remembered of its answers.
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
    /// It is accepted; the operator is told.
    #[default]
    Accept,
    /// It is refused, with a reason of its own.
    Refuse,
}

/// What the policy says of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakedVerdict {
    /// It may be set.
    Accepted,
    /// It may be set although nobody has checked it.
    AcceptedUnchecked,
    /// It is leaked.
    RefusedLeaked {
        /// How often it was seen in leaks.
        count: u64,
    },
    /// It could not be checked, and the operator wants no unchecked passwords.
    RefusedUnchecked,
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

    /// The worse of two answers about two spellings of one password: the higher count, then what is not known.
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

    /// What follows for a new password.
    pub fn verdict(self, when_unavailable: WhenUnavailable) -> LeakedVerdict {
        match (self.leaked, when_unavailable) {
            (Leaked::No, _) => LeakedVerdict::Accepted,
            (Leaked::Yes { count }, _) => LeakedVerdict::RefusedLeaked { count },
            (Leaked::Unknown, WhenUnavailable::Accept) => LeakedVerdict::AcceptedUnchecked,
            (Leaked::Unknown, WhenUnavailable::Refuse) => LeakedVerdict::RefusedUnchecked,
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
    fn an_unchecked_password_is_never_simply_accepted() {
        assert_eq!(LeakedAnswer::UNKNOWN.verdict(WhenUnavailable::Accept), LeakedVerdict::AcceptedUnchecked);
        assert_eq!(LeakedAnswer::UNKNOWN.verdict(WhenUnavailable::Refuse), LeakedVerdict::RefusedUnchecked);
        for unavailable in [WhenUnavailable::Accept, WhenUnavailable::Refuse] {
            let answered = |leaked| LeakedAnswer { leaked, decided_by: DecidedBy::File }.verdict(unavailable);
            assert_eq!(answered(Leaked::No), LeakedVerdict::Accepted);
            assert_eq!(answered(Leaked::Yes { count: 3 }), LeakedVerdict::RefusedLeaked { count: 3 });
        }
    }
}
