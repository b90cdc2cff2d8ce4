//! Searches in the audit log: any combination of conditions, newest or oldest first, page by page.
//!
//! Invariants:
//! - Values are bound, never part of a statement's text.
//! - The thousandth page costs no more than the first.
//! - A search that would read most of the log stops after a while and reports how far it came.

pub(crate) mod index_scan;
pub(crate) mod saved;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Row, any::AnyRow};

use super::{AuditEntry, AuditLog, log::SOUND};
use crate::audit::{
    log::entry::{COLUMNS, StoredEntry},
    search::index_scan::{Bound, BoundValues, IndexCondition, ScanRange},
};
use crate::{
    model::{ad::guid::ObjectGuid, cpr::Cpr},
    store::{StoreError, stored, within},
};

/// Entries on a page.
pub const PAGE: usize = 50;
/// Entries that the first step scans, where there is more than one condition. Each further step scans [`LONGER`] times
/// as many.
const STEP: usize = 200;
const LONGER: usize = 3;
/// Most entries that one step scans.
const LONGEST: usize = 2000;
/// Entries that are probed of each index scan, to choose the shortest.
const PROBE: usize = 500;
/// Time after which a search stops and reports how far it came.
const PATIENCE: Duration = Duration::from_millis(25);
/// Tolerance for clocks that differ or are set back: entries of these hours around a time limit are searched.
const AROUND: jiff::SignedDuration = jiff::SignedDuration::from_hours(6);

/// The conditions of a search. All of them have to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// The target: account name, objectGUID or words of a name.
    pub about: Option<String>,
    /// Targets that `about` stands for: any of these. Never taken from a request.
    #[serde(skip)]
    pub only: Option<Vec<ObjectGuid>>,
    /// The actor: account name, objectGUID or words of a name.
    pub by: Option<String>,
    /// CPR number of the actor or the target.
    pub cpr: Option<Cpr>,
    /// `EventKind::code`.
    pub kind: Option<String>,
    /// `AuditOutcome::code`.
    pub outcome: Option<String>,
    /// The client's IP address.
    pub client: Option<String>,
    /// Id of the identity provider.
    pub provider: Option<String>,
    /// UUID of the visit.
    pub visit: Option<String>,
    /// From this time, inclusive.
    pub from: Option<Timestamp>,
    /// Until this time, exclusive.
    pub until: Option<Timestamp>,
    /// Oldest first; otherwise newest first.
    pub oldest_first: bool,
}

/// Why a search has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchError {
    /// The name matches too many people.
    TooManyPeople,
}

/// A page of results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// In the requested order.
    pub entries: Vec<AuditEntry>,
    /// Cursor of the next page; `None`: there are no more entries.
    pub next: Option<i64>,
    /// Time of the entry at which the search stopped early; there may be more.
    pub stopped_at: Option<Timestamp>,
}

/// The conditions, with the index scans that they allow.
struct Conditions {
    ways: Vec<IndexCondition>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Conditions {
    /// SQL conditions on entry `a`, without the one that the chosen index scan covers.
    fn besides(&self, way: Option<usize>, values: &mut BoundValues) -> Vec<String> {
        let others = self.ways.iter().enumerate().filter(|(n, _)| Some(*n) != way);
        let mut all: Vec<String> = others.map(|(_, other)| other.condition(values)).collect();
        for (condition, time) in [("a.at >=", self.from), ("a.at <", self.until)] {
            if let Some(time) = time {
                all.push(format!("{condition} {}", values.place(Bound::Number(stored(time)))));
            }
        }
        all
    }
}

/// The extent of an index scan.
struct Reach {
    many: usize,
    /// Row key of the last entry.
    reached: i64,
}

/// Entries that one step has read.
struct ScanRead {
    entries: Vec<AuditEntry>,
    rows: usize,
    last: Option<i64>,
}

impl AuditLog {
    /// A page of matching entries. `after`: the [`Hits::next`] of the previous page.
    pub async fn search(&self, search: &Search, after: Option<i64>) -> Result<Result<Hits, SearchError>, StoreError> {
        let conditions = match self.conditions(search).await? {
            Ok(conditions) => conditions,
            Err(unclear) => return Ok(Err(unclear)),
        };
        let (lowest, highest) = self.bounds(search).await?;
        let whole = ScanRange { from: lowest, to: highest, oldest_first: search.oldest_first };
        let part = after.map_or(whole, |after| whole.after(after));
        if part.is_empty() || conditions.ways.iter().any(IndexCondition::is_dead_end) {
            return Ok(Ok(Hits::default()));
        }
        let chosen = self.shortest(&conditions.ways, &part).await?;
        self.walked(&conditions, chosen, part).await.map(Ok)
    }

    async fn walked(&self, conditions: &Conditions, chosen: Option<usize>, mut part: ScanRange) -> Result<Hits, StoreError> {
        let whole = IndexCondition::whole();
        let way = chosen.and_then(|n| conditions.ways.get(n)).unwrap_or(&whole);
        let began = Instant::now();
        let only = conditions.besides(chosen, &mut BoundValues::default()).is_empty();
        // Without further conditions, each entry of the scan matches.
        let mut step = if only { PAGE + 1 } else { STEP };
        let mut hits = Hits::default();
        loop {
            let reach = self.reach(way, &part, step).await?;
            let Some(Reach { many, reached }) = reach else { return Ok(hits) };
            let wanted = PAGE + 1 - hits.entries.len();
            let read = self.read(conditions, chosen, way, &part.up_to(reached), step, wanted).await?;
            hits.entries.extend(read.entries);
            if hits.entries.len() > PAGE {
                hits.entries.truncate(PAGE);
                hits.next = hits.entries.last().map(|entry| entry.sequence);
                return Ok(hits);
            }
            // If some rows were unreadable, there may be more on this stretch.
            let reached = if read.rows < wanted { reached } else { read.last.unwrap_or(reached) };
            part = part.after(reached);
            if (many < step && read.rows < wanted) || part.is_empty() {
                return Ok(hits);
            }
            if began.elapsed() >= PATIENCE {
                hits.next = Some(reached);
                hits.stopped_at = self.time_at(reached).await?;
                return Ok(hits);
            }
            step = (step * LONGER).min(LONGEST);
        }
    }

    async fn conditions(&self, search: &Search) -> Result<Result<Conditions, SearchError>, StoreError> {
        let mut ways = Vec::new();
        let people: [(_, &'static [&'static str]); 2] = [(&search.about, &["target_guid"]), (&search.by, &["actor_guid"])];
        for (text, columns) in people {
            let Some(text) = text else { continue };
            if let (["target_guid"], Some(only)) = (columns, &search.only) {
                ways.push(IndexCondition { table: "audit", columns, keys: only.iter().map(|guid| vec![guid.to_string()]).collect() });
                continue;
            }
            match self.people_named(text).await? {
                Ok(guids) => {
                    ways.push(IndexCondition { table: "audit", columns, keys: guids.into_iter().map(|guid| vec![guid]).collect() });
                }
                Err(unclear) => return Ok(Err(unclear)),
            }
        }
        if let Some(cpr) = &search.cpr {
            let keys = self.vault.blinds(cpr).into_iter().map(|blind| vec![blind]).collect();
            ways.push(IndexCondition { table: "audit_cpr", columns: &["blind"], keys });
        }
        let mut one =
            |columns: &'static [&'static str], key: Vec<String>| ways.push(IndexCondition { table: "audit", columns, keys: vec![key] });
        match (&search.kind, &search.outcome) {
            (Some(kind), Some(outcome)) => one(&["kind", "outcome"], vec![kind.clone(), outcome.clone()]),
            (Some(kind), None) => one(&["kind"], vec![kind.clone()]),
            (None, Some(outcome)) => one(&["outcome"], vec![outcome.clone()]),
            (None, None) => {}
        }
        let columns: [(_, &'static [&'static str]); 3] =
            [(&search.client, &["client"]), (&search.provider, &["provider"]), (&search.visit, &["visit"])];
        for (value, columns) in columns {
            if let Some(value) = value {
                one(columns, vec![value.clone()]);
            }
        }
        Ok(Ok(Conditions { ways, from: search.from, until: search.until }))
    }

    /// The index scan with the fewest entries from here on, estimated by a probe of each. `None`: no condition has an
    /// index.
    async fn shortest(&self, ways: &[IndexCondition], part: &ScanRange) -> Result<Option<usize>, StoreError> {
        if ways.len() < 2 {
            return Ok((!ways.is_empty()).then_some(0));
        }
        let mut best: Option<(usize, (bool, i64))> = None;
        for (n, way) in ways.iter().enumerate() {
            let found = match self.reach(way, part, PROBE).await? {
                // Fewer is better, and a scan that ends is better than one that continues.
                None => return Ok(Some(n)),
                Some(reach) if reach.many < PROBE => (true, -i64::try_from(reach.many).unwrap_or(i64::MAX)),
                Some(reach) => (false, part.length_to(reach.reached)),
            };
            if best.is_none_or(|(_, known)| found > known) {
                best = Some((n, found));
            }
        }
        Ok(best.map(|(n, _)| n))
    }

    /// The first and the last row key that can match.
    async fn bounds(&self, search: &Search) -> Result<(i64, i64), StoreError> {
        let first = self.seq("SELECT MIN(seq) AS seq FROM audit", &[]).await?;
        let last = self.seq("SELECT MAX(seq) AS seq FROM audit", &[]).await?;
        let (Some(mut lowest), Some(mut highest)) = (first, last) else { return Ok((1, 0)) };
        let late = |time: Timestamp| stored(time.saturating_add(AROUND).unwrap_or(time));
        let early = |time: Timestamp| stored(time.saturating_sub(AROUND).unwrap_or(time));
        // `+ 0` keeps the planner from scanning the primary key and filtering by time.
        if let Some(from) = search.from {
            let within = "SELECT MIN(seq + 0) AS seq FROM audit WHERE at >= $1 AND at < $2";
            let next = "SELECT seq FROM audit WHERE at >= $1 ORDER BY at, seq LIMIT 1";
            let found = self.seq(within, &[stored(from), late(from)]).await?;
            let Some(seq) = (if found.is_some() { found } else { self.seq(next, &[stored(from)]).await? }) else { return Ok((1, 0)) };
            lowest = lowest.max(seq);
        }
        if let Some(until) = search.until {
            let within = "SELECT MAX(seq + 0) AS seq FROM audit WHERE at >= $1 AND at < $2";
            let next = "SELECT seq FROM audit WHERE at < $1 ORDER BY at DESC, seq DESC LIMIT 1";
            let found = self.seq(within, &[early(until), stored(until)]).await?;
            let Some(seq) = (if found.is_some() { found } else { self.seq(next, &[stored(until)]).await? }) else { return Ok((1, 0)) };
            highest = highest.min(seq);
        }
        Ok((lowest, highest))
    }

    async fn seq(&self, statement: &'static str, times: &[i64]) -> Result<Option<i64>, StoreError> {
        let query = times.iter().fold(sqlx::query(statement), |query, time| query.bind(*time));
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.readers)).await?;
        Ok(row.map(|row| row.try_get::<Option<i64>, _>("seq")).transpose()?.flatten())
    }

    /// The extent of the scan; `None`: it has no entries.
    async fn reach(&self, way: &IndexCondition, part: &ScanRange, most: usize) -> Result<Option<Reach>, StoreError> {
        let mut values = BoundValues::default();
        let walk = way.walk(&mut values, part, most);
        let last = if part.oldest_first { "MAX" } else { "MIN" };
        let query = values.bound(format!("SELECT COUNT(*) AS many, {last}(seq) AS reached FROM ({walk}) AS walk"));
        let row = within(query.fetch_one(&self.store.readers)).await?;
        let (many, reached): (i64, Option<i64>) = (row.try_get("many")?, row.try_get("reached")?);
        Ok(reached.map(|reached| Reach { many: usize::try_from(many).unwrap_or_default(), reached }))
    }

    /// Entries of the scan that match the other conditions too. Scans up to twice as many, so that entries committed
    /// meanwhile do not shorten the stretch.
    async fn read(
        &self,
        conditions: &Conditions,
        chosen: Option<usize>,
        way: &IndexCondition,
        part: &ScanRange,
        step: usize,
        wanted: usize,
    ) -> Result<ScanRead, StoreError> {
        let mut values = BoundValues::default();
        let walk = way.walk(&mut values, part, step * 2);
        let others: String = conditions.besides(chosen, &mut values).iter().map(|other| format!(" AND {other}")).collect();
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        // CROSS JOIN makes the scan run first, in SQLite too. DISTINCT: a CPR number may be both parties'.
        let statement = format!(
            "SELECT a.seq AS seq, {SOUND}, {columns} FROM (SELECT DISTINCT seq AS walked FROM ({walk}) AS walk) AS walks CROSS JOIN audit a
             WHERE a.seq = walks.walked{others} ORDER BY a.seq {} LIMIT {wanted}",
            part.order()
        );
        let rows: Vec<AnyRow> = within(values.bound(statement).fetch_all(&self.store.readers)).await?;
        let last = rows.last().map(|row| row.try_get("seq")).transpose()?;
        // A forged row may contain anything; the others are shown.
        let entries =
            rows.iter().filter_map(|row| self.entry_of(row).inspect_err(|_| tracing::error!("audit entry unreadable")).ok()).collect();
        Ok(ScanRead { entries, rows: rows.len(), last })
    }

    async fn time_at(&self, seq: i64) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query("SELECT at FROM audit WHERE seq >= $1 ORDER BY seq LIMIT 1").bind(seq);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.readers)).await?;
        row.map(|row| Timestamp::from_microsecond(row.try_get("at")?).map_err(|_| StoreError::Corrupt("audit"))).transpose()
    }

    /// One entry by its row key.
    pub async fn entry(&self, seq: i64) -> Result<Option<(AuditEntry, StoredEntry)>, StoreError> {
        let statement = format!("SELECT seq, {SOUND}, {} FROM audit a WHERE seq = $1", COLUMNS.join(", "));
        let row: Option<AnyRow> = within(sqlx::query(sqlx::AssertSqlSafe(statement)).bind(seq).fetch_optional(&self.store.readers)).await?;
        row.map(|row| Ok((self.entry_of(&row)?, StoredEntry::read(&row)?))).transpose()
    }

    /// The CPR number of an entry's actor or target. `None`: none was written, or no key decrypts it.
    pub async fn cpr_of(&self, seq: i64, stored: &StoredEntry, target: bool) -> Result<Option<Cpr>, StoreError> {
        let Some(commitment) = (if target { &stored.target_cpr } else { &stored.actor_cpr }) else { return Ok(None) };
        let party = if target { "target" } else { "actor" };
        let query = sqlx::query("SELECT key_id, blind, sealed FROM audit_cpr WHERE seq = $1 AND party = $2").bind(seq).bind(party);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.readers)).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = crate::audit::log::cpr::SealedCpr {
            key_id: row.try_get("key_id")?,
            blind: row.try_get("blind")?,
            sealed: row.try_get("sealed")?,
        };
        Ok(self.vault.open(commitment, &sealed))
    }
}

impl Search {
    /// The conditions for the audit entry about the search: never a CPR number.
    pub fn told(&self) -> String {
        let text = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let time = |name: &str, value: Option<Timestamp>| value.map(|value| format!("{name}={value}"));
        let parts = [
            text("about", &self.about),
            text("by", &self.by),
            self.cpr.as_ref().map(|_| "cpr".to_owned()),
            text("kind", &self.kind),
            text("outcome", &self.outcome),
            text("client", &self.client),
            text("provider", &self.provider),
            text("visit", &self.visit),
            time("from", self.from),
            time("until", self.until),
        ];
        crate::model::cpr::mask_in(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}
