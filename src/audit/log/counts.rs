//! Counts of entries by hour, kept with the seals, so that an overview needs no scan of the log.
//!
//! Invariants:
//! - Each entry is counted once, in the transaction that gives it its sequence number.
//! - Counts contain no person.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::audit::{AuditLog, log::entry::StoredEntry};
use crate::{
    model::audit::{AuditOutcome, EventKind},
    store::{StoreError, stored, within},
};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// Rows in one statement.
const ROWS: usize = 50;

/// The key of a count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Alike {
    hour: i64,
    kind: String,
    outcome: String,
    /// Empty for outcomes other than a refusal.
    reason: String,
}

/// Counts of a batch.
#[derive(Debug, Default)]
pub(crate) struct BatchCounts(BTreeMap<Alike, i64>);

impl BatchCounts {
    pub(crate) fn add(&mut self, entry: &StoredEntry) {
        let reason = if entry.outcome == AuditOutcome::Refused.code() { entry.reason.clone() } else { String::new() };
        let alike = Alike { hour: entry.at.div_euclid(HOUR), kind: entry.kind.clone(), outcome: entry.outcome.clone(), reason };
        *self.0.entry(alike).or_default() += 1;
    }

    /// In a fixed order, so that concurrent transactions cannot deadlock.
    pub(crate) async fn write(&self, transaction: &mut Transaction<'_, Any>) -> Result<(), sqlx::Error> {
        let all: Vec<_> = self.0.iter().collect();
        for rows in all.chunks(ROWS) {
            let values: Vec<String> = (0..rows.len())
                .map(|n| format!("(${}, ${}, ${}, ${}, ${})", n * 5 + 1, n * 5 + 2, n * 5 + 3, n * 5 + 4, n * 5 + 5))
                .collect();
            let insert = format!(
                "INSERT INTO audit_hours (hour, kind, outcome, reason, many) VALUES {}
                 ON CONFLICT (hour, kind, outcome, reason) DO UPDATE SET many = audit_hours.many + excluded.many",
                values.join(", ")
            );
            let mut insert = sqlx::query(sqlx::AssertSqlSafe(insert));
            for (alike, many) in rows {
                insert =
                    insert.bind(alike.hour).bind(alike.kind.clone()).bind(alike.outcome.clone()).bind(alike.reason.clone()).bind(**many);
            }
            insert.execute(&mut **transaction).await?;
        }
        Ok(())
    }
}

impl AuditLog {
    /// Counts of sealed entries since this time: hour (hours since 1970 UTC), kind, outcome, count.
    pub async fn counts_since(&self, since: Timestamp, kinds: &[EventKind]) -> Result<Vec<(i64, String, String, i64)>, StoreError> {
        // PostgreSQL's SUM has a type that sqlx's `Any` driver does not support.
        let places: Vec<String> = (2..kinds.len() + 2).map(|n| format!("${n}")).collect();
        let statement = format!(
            "SELECT hour, kind, outcome, CAST(SUM(many) AS BIGINT) AS many FROM audit_hours WHERE hour >= $1 AND kind IN ({}) GROUP BY 1, 2, 3",
            places.join(", ")
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(stored(since).div_euclid(HOUR));
        let query = kinds.iter().fold(query, |query, kind| query.bind(kind.code()));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        rows.iter().map(|row| Ok((row.try_get("hour")?, row.try_get("kind")?, row.try_get("outcome")?, row.try_get("many")?))).collect()
    }

    /// The most frequent reasons of refusals since this time, with their counts; at most 20.
    pub async fn refusals_since(&self, since: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        let statement = "SELECT reason, CAST(SUM(many) AS BIGINT) AS many FROM audit_hours WHERE hour >= $1 AND outcome = 'refused'
            GROUP BY reason ORDER BY 2 DESC, 1 LIMIT 20";
        let query = sqlx::query(statement).bind(stored(since).div_euclid(HOUR));
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.readers)).await?;
        rows.iter().map(|row| Ok((row.try_get("reason")?, row.try_get("many")?))).collect()
    }

    /// Deletes the counts of hours before this time.
    pub async fn forget_hours(&self, before: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM audit_hours WHERE hour < $1").bind(stored(before).div_euclid(HOUR));
        Ok(within(delete.execute(&self.store.durable)).await?.rows_affected())
    }
}
