//! Metrics of leaked passwords: names, descriptions, and the places that count.
//!
//! Invariant: no label holds more than a word from a fixed list.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::header::ListHeader;
use crate::model::leaked::{DecidedBy, Leaked, LeakedAnswer};

pub(crate) const LOOKUPS: &str = "os2nykode_leaked_lookups_total";
pub(crate) const DURATION: &str = "os2nykode_leaked_lookup_duration_seconds";
pub(crate) const UNAVAILABLE: &str = "os2nykode_leaked_unavailable_total";
pub(crate) const REMEMBERED: &str = "os2nykode_leaked_ranges_remembered";
pub(crate) const HASHES: &str = "os2nykode_leaked_list_hashes";
pub(crate) const MODIFIED: &str = "os2nykode_leaked_list_source_timestamp_seconds";

/// Describes every metric and lets counters begin at 0.
pub fn begin() {
    describe_counter!(
        LOOKUPS,
        "Answers to \"is this password leaked?\", by who gave them (file, online, nobody) and outcome (leaked, not_leaked, unknown)"
    );
    describe_histogram!(DURATION, metrics::Unit::Seconds, "Time of one answer, by who gave it");
    describe_counter!(UNAVAILABLE, "Times that the file or the online service could not be asked");
    describe_gauge!(REMEMBERED, "Ranges of the online service that are remembered");
    describe_gauge!(HASHES, "Hashes that the list on this machine holds; 0 = it is not open");
    describe_gauge!(
        MODIFIED,
        metrics::Unit::Seconds,
        "When the source of the list on this machine was written, as Unix time; 0 = it is not open"
    );
    for decided_by in [DecidedBy::File, DecidedBy::Online] {
        counter!(UNAVAILABLE, "source" => decided_by.code()).increment(0);
        for leaked in [Leaked::No, Leaked::Yes { count: 1 }] {
            counter!(LOOKUPS, "decided_by" => decided_by.code(), "outcome" => leaked.code()).increment(0);
        }
    }
    counter!(LOOKUPS, "decided_by" => DecidedBy::Nobody.code(), "outcome" => Leaked::Unknown.code()).increment(0);
}

pub(crate) fn answered(answer: LeakedAnswer, took: Duration) {
    let decided_by = answer.decided_by.code();
    counter!(LOOKUPS, "decided_by" => decided_by, "outcome" => answer.leaked.code()).increment(1);
    histogram!(DURATION, "decided_by" => decided_by).record(took.as_secs_f64());
}

pub(crate) fn unavailable(source: DecidedBy) {
    counter!(UNAVAILABLE, "source" => source.code()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "counts and times far below 2^52")]
pub(crate) fn list(header: Option<&ListHeader>) {
    gauge!(HASHES).set(header.map_or(0.0, |header| header.hashes as f64));
    gauge!(MODIFIED).set(header.map_or(0.0, |header| header.source_modified.as_second() as f64));
}

#[expect(clippy::cast_precision_loss, reason = "some hundreds")]
pub(crate) fn remembered(ranges: usize) {
    gauge!(REMEMBERED).set(ranges as f64);
}
