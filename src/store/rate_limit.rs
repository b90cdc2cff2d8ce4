//! Rate limits: counts of failures by account name, browser, client network and other keys. They survive restarts and are shared by all
//! instances.
//!
//! Invariants: one statement decides on all counts of an attempt, so that parallel attempts neither slip through nor fail; an attempt
//! counts as a failure until it has succeeded; known delays are answered from memory.

mod key;
mod memory;

pub use crate::store::rate_limit::key::{ThrottleKey, site};

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Row, any::AnyRow};
use tokio::sync::Semaphore;

use super::{DerivedKeys, Store, StoreError, stored, within};
use crate::model::rate_limit::delay::DelayLimits;
use crate::store::rate_limit::{key::code_prefix, memory::DelayMemory};

/// Parallel decisions in one instance. The other database connections stay free for the work after the decision.
const AT_ONCE: usize = 8;
/// Longest wait for a turn. After it the attempt fails as "busy": it is no guess, so its actor gets no delay.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(8);
/// An attempt that is under way for longer has failed, because its instance has crashed.
const UNDER_WAY: SignedDuration = SignedDuration::from_mins(2);

/// Result of counting an attempt.
#[derive(Debug)]
pub enum Charge {
    /// The attempt may proceed. It counts as a failure until it is refunded.
    Taken(Receipt),
    /// Delayed until this time; nothing was counted.
    Wait(Timestamp),
}

/// The counts of one attempt, for a refund after a success. Failed attempts are settled too ([`RateLimits::failed`]).
#[derive(Debug)]
#[must_use]
pub struct Receipt {
    keys: Vec<ThrottleKey>,
    at: Timestamp,
}

/// End of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Failed = 0,
    /// It was not a failure.
    Forgiven = 1,
    /// The account's owner logged in: counts that are not shared start again.
    Reset = 2,
}

/// The counts in the store.
#[derive(Debug, Clone)]
pub struct RateLimits {
    store: Store,
    memory: Arc<DelayMemory>,
    turns: Arc<Semaphore>,
}

impl RateLimits {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), memory: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Counts one attempt on every key, or on none if one of the keys is delayed.
    ///
    /// # Errors
    /// [`StoreError::Contended`] in an overload: nothing was counted.
    pub async fn count_attempt(&self, keys: &[(ThrottleKey, DelayLimits)], now: Timestamp) -> Result<Charge, StoreError> {
        if let Some(until) = self.known_wait(keys, now) {
            return Ok(Charge::Wait(until));
        }
        let Ok(Ok(_turn)) = tokio::time::timeout(PATIENCE, self.turns.acquire()).await else { return Err(StoreError::Contended) };
        // While this attempt waited for its turn, another one may have received a delay.
        if let Some(until) = self.known_wait(keys, now) {
            return Ok(Charge::Wait(until));
        }
        let mut sorted: Vec<_> = keys.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name)); // all instances lock rows in the same order
        let mut taken = Receipt { keys: Vec::with_capacity(keys.len()), at: now };
        let mut wait: Option<Timestamp> = None;
        for row in self.authorize(&sorted, now).await? {
            let (name, until): (String, i64) = (row.try_get("name")?, row.try_get("waits_until")?);
            let Some((key, _)) = sorted.iter().find(|(key, _)| key.name == name) else { return Err(StoreError::Corrupt("throttles")) };
            if until == 0 {
                taken.keys.push(key.clone());
            } else {
                let until = Timestamp::from_microsecond(until).map_err(|_| StoreError::Corrupt("throttles"))?;
                self.memory.note(key, now, until);
                wait = wait.max(Some(until));
            }
        }
        let Some(until) = wait else { return Ok(Charge::Taken(taken)) };
        self.settle(&taken, End::Forgiven).await?;
        Ok(Charge::Wait(until))
    }

    /// The delay of an attempt, as far as this instance knows it without a query.
    pub fn known_wait(&self, keys: &[(ThrottleKey, DelayLimits)], now: Timestamp) -> Option<Timestamp> {
        keys.iter().filter_map(|(key, _)| self.memory.wait(key, now)).max()
    }

    /// Refunds an attempt that was not a failure. `reset`: the account's owner has logged in, and counts that are not shared start again.
    pub async fn refund(&self, receipt: Receipt, reset: bool) -> Result<(), StoreError> {
        self.settle(&receipt, if reset { End::Reset } else { End::Forgiven }).await
    }

    /// Settles a failed attempt. Without this call it becomes a failure two minutes later.
    pub async fn failed(&self, receipt: Receipt) -> Result<(), StoreError> {
        let shared = Receipt { keys: receipt.keys.into_iter().filter(|key| key.shared).collect(), at: receipt.at };
        self.settle(&shared, End::Failed).await
    }

    /// Deletes the counts of wrong one-time codes for these names, from all networks.
    pub async fn forget_codes(&self, keys: &DerivedKeys, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            let prefix = code_prefix(keys, name);
            within(sqlx::query("DELETE FROM throttles WHERE name LIKE $1").bind(format!("{prefix}%")).execute(&self.store.pool)).await?;
            self.memory.forget_all(&prefix);
        }
        Ok(())
    }

    /// Deletes counts that have reached their reset time.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM throttles WHERE last <= $1 - forget_after").bind(stored(now));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }

    async fn authorize(&self, sorted: &[&(ThrottleKey, DelayLimits)], now: Timestamp) -> Result<Vec<AnyRow>, StoreError> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(deciding(sorted.len())));
        query = query.bind(stored(now)).bind(stored(now.saturating_add(UNDER_WAY).unwrap_or(Timestamp::MAX)));
        for (key, limits) in sorted {
            let length = |duration: SignedDuration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
            query = query
                .bind(&key.name)
                .bind(i64::from(key.shared))
                .bind(i64::from(limits.attempts_before_delay))
                .bind(length(limits.first_delay))
                .bind(i64::from(limits.doublings()))
                .bind(length(limits.max_delay))
                .bind(length(limits.reset_after));
        }
        within(query.fetch_all(&self.store.pool)).await
    }

    async fn settle(&self, receipt: &Receipt, end: End) -> Result<(), StoreError> {
        if receipt.keys.is_empty() {
            return Ok(());
        }
        let mut query = sqlx::query(sqlx::AssertSqlSafe(settling(receipt.keys.len()))).bind(stored(receipt.at)).bind(end as i64);
        for key in &receipt.keys {
            query = query.bind(&key.name).bind(i64::from(key.shared));
        }
        within(query.execute(&self.store.pool)).await?;
        if end != End::Failed {
            receipt.keys.iter().for_each(|key| self.memory.forget(&key.name));
        }
        Ok(())
    }
}

/// Parameters of a statement that all rows share: the time, and the latest end of an attempt under way.
const FOR_ALL: usize = 2;

/// The statement that decides on this many counts and updates those without a delay.
///
/// Attempts under way count as an eighth of a failure on shared keys: two hundred simultaneous logins are no attack. A stamp from a clock
/// that was ahead counts as now, once, and not again with each attempt.
fn deciding(keys: usize) -> String {
    const COLUMNS: usize = 7;
    let row = |n: usize| {
        let at = |column: usize| FOR_ALL + n * COLUMNS + column;
        let [name, shared, free, first, doublings, longest, forget] = [1, 2, 3, 4, 5, 6, 7].map(at);
        format!("(${name}, 1, $1, $1, ${shared}, $2, 0, ${free}, ${first}, ${doublings}, ${longest}, ${forget})")
    };
    let rows: Vec<_> = (0..keys).map(row).collect();
    let live = "(CASE WHEN t.pending_until > excluded.last THEN t.pending ELSE 0 END)";
    let failures = format!("(t.failures - {live} + ({live} + 7) / 8)");
    let over = format!("({failures} - excluded.free)");
    let wait = format!(
        "(CASE WHEN {over} < 0 THEN 0 WHEN {over} >= excluded.doublings THEN excluded.longest_wait
            ELSE excluded.first_wait * (CAST(1 AS BIGINT) << CAST({over} AS INTEGER)) END)"
    );
    let stamp = "(CASE WHEN t.last > excluded.last THEN excluded.last ELSE t.last END)";
    let forgotten = "t.last <= excluded.last - excluded.forget_after";
    let waits = format!("excluded.last < {stamp} + {wait}");
    let set = |forgotten_is: &str, waiting_is: &str, else_is: &str| {
        format!("CASE WHEN {forgotten} THEN {forgotten_is} WHEN {waits} THEN {waiting_is} ELSE {else_is} END")
    };
    format!(
        "INSERT INTO throttles AS t (name, failures, last, last_before, pending, pending_until, waits_until, free, first_wait, doublings, longest_wait,
            forget_after) VALUES {}
         ON CONFLICT (name) DO UPDATE SET failures = {}, last = {}, last_before = {}, pending = {}, pending_until = {}, waits_until = {},
            free = excluded.free, first_wait = excluded.first_wait, doublings = excluded.doublings, longest_wait = excluded.longest_wait,
            forget_after = excluded.forget_after
         RETURNING name, waits_until",
        rows.join(", "),
        set("1", "t.failures", "t.failures + 1"),
        set("excluded.last", stamp, "excluded.last"),
        set("excluded.last", "t.last_before", stamp),
        set("excluded.pending", "t.pending", &format!("{live} + excluded.pending")),
        set("excluded.pending_until", "t.pending_until", "excluded.pending_until"),
        set("0", &format!("{stamp} + {wait}"), "0"),
    )
}

/// The statement that settles an attempt on this many counts. It is an upsert although the rows exist, because an upsert locks rows in the
/// order of its values and an update does not. A refund also restores the time of the last failure, unless another failure came later: a
/// success causes no delay.
fn settling(keys: usize) -> String {
    let row = |n: usize| format!("(${}, 0, $1, $1, ${}, 0, 0, 0, 0, 0, 0, 0)", FOR_ALL + n * 2 + 1, FOR_ALL + n * 2 + 2);
    let rows: Vec<_> = (0..keys).map(row).collect();
    format!(
        "INSERT INTO throttles AS t (name, failures, last, last_before, pending, pending_until, waits_until, free, first_wait, doublings, longest_wait,
            forget_after) VALUES {}
         ON CONFLICT (name) DO UPDATE SET
            failures = CASE WHEN $2 = {reset} AND excluded.pending = 0 THEN 0 WHEN $2 <> {failed} AND t.failures > 0 THEN t.failures - 1 ELSE t.failures END,
            pending = CASE WHEN t.pending > excluded.pending THEN t.pending - excluded.pending ELSE 0 END,
            last = CASE WHEN $2 <> {failed} AND t.last = excluded.last THEN t.last_before ELSE t.last END",
        rows.join(", "),
        reset = End::Reset as i64,
        failed = End::Failed as i64,
    )
}
