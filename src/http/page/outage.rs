//! Outages: a system that the service needs is unavailable. The page asks the visitor to return later; a metric informs monitoring.
//!
//! An outage has no reference and is logged at a bounded rate, because all requests fail for the same cause.

use std::{fmt::Display, sync::LazyLock};

use metrics::counter;

use crate::{flow::outage::Outage, telemetry::Seldom};

/// Values of the label `what` of the metric `os2nykode_outages_total`, in the order of [`Outage`].
pub const OUTAGES: [&str; 4] = ["directory", "database", "register", "busy"];

static SELDOM: LazyLock<[Seldom; OUTAGES.len()]> = LazyLock::new(Default::default);

/// Counts the outage and logs its cause at a bounded rate.
pub(crate) fn note(away: Outage, cause: &(impl Display + ?Sized)) {
    let (place, what) = (away as usize, code(away));
    counter!("os2nykode_outages_total", "what" => what).increment(1);
    if let Some(times) = SELDOM[place].due() {
        tracing::warn!(what, error = %cause, times, "requests failed: system unavailable or busy");
    }
}

fn code(away: Outage) -> &'static str {
    OUTAGES[away as usize]
}

/// Keys of the page's title and text.
pub(crate) fn texts(away: Outage) -> (&'static str, &'static str) {
    match away {
        Outage::Directory => ("away-directory-title", "away-text"),
        Outage::Database => ("away-database-title", "away-text"),
        Outage::Register => ("away-register-title", "away-text"),
        Outage::Busy => ("busy-title", "busy-text"),
    }
}

#[cfg(test)]
mod tests {
    use crate::http::page::outage::*;

    #[test]
    fn every_outage_has_its_own_word() {
        for (away, word) in [Outage::Directory, Outage::Database, Outage::Register, Outage::Busy].into_iter().zip(OUTAGES) {
            assert_eq!(code(away), word);
        }
    }
}
