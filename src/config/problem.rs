//! Problems of the configuration: all are collected before any is reported.

use std::fmt;

pub(crate) const MISSING: &str = "missing: it has no default; config/example.toml explains it";

/// A problem with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `section.key`.
    pub key: String,
    /// The problem and its remedy. Never holds the value of a secret.
    pub what: String,
}

/// All problems.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, key: &str, what: impl Into<String>) {
        self.0.push(Problem { key: key.to_owned(), what: what.into() });
    }

    /// The value of a key without a default; its absence is a problem.
    pub(crate) fn required<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.add(key, MISSING);
        }
        value
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|p| writeln!(f, "{}: {}", p.key, p.what))
    }
}

impl std::error::Error for Problems {}
