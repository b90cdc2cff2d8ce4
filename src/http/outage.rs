//! Outages: a system that the service needs is unavailable. The page asks the visitor to return later; a metric informs monitoring.
//!
//! An outage has no reference and is logged at a bounded rate, because all requests fail for the same cause.

use std::{fmt::Display, sync::LazyLock};

use metrics::counter;

use crate::{flow::away::Away, telemetry::Seldom};

/// Values of the label `what` of the metric `outages_total`, in the order of [`Away`].
pub const OUTAGES: [&str; 4] = ["directory", "database", "register", "busy"];

static SELDOM: LazyLock<[Seldom; OUTAGES.len()]> = LazyLock::new(Default::default);

/// Counts the outage and logs its cause at a bounded rate.
pub(super) fn note(away: Away, cause: &(impl Display + ?Sized)) {
    let (place, what) = (away as usize, code(away));
    counter!("outages_total", "what" => what).increment(1);
    if let Some(times) = SELDOM[place].due() {
        tracing::warn!(what, error = %cause, times, "requests failed: system unavailable or busy");
    }
}

fn code(away: Away) -> &'static str {
    OUTAGES[away as usize]
}

/// Keys of the page's title and text.
pub(super) fn texts(away: Away) -> (&'static str, &'static str) {
    match away {
        Away::Directory => ("away-directory-title", "away-text"),
        Away::Database => ("away-database-title", "away-text"),
        Away::Register => ("away-register-title", "away-text"),
        Away::Busy => ("busy-title", "busy-text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outage_has_its_own_word() {
        for (away, word) in [Away::Directory, Away::Database, Away::Register, Away::Busy].into_iter().zip(OUTAGES) {
            assert_eq!(code(away), word);
        }
    }
}
