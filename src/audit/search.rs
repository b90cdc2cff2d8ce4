//! Searching in the log: any combination, newest or oldest first, a page at a time.
//!
//! Invariants: what is asked is bound, never part of a statement's text; a page costs no more on the thousandth page than on the first; a search that would walk
//! through the whole log stops after a stretch of it and says how far it came.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Any, Row, any::AnyArguments, any::AnyRow, query::Query};

use super::{
    Entry, Log,
    entry::{COLUMNS, StoredEntry},
    row::event,
};
use crate::{
    model::cpr::Cpr,
    store::{StoreError, stored, within},
};

/// Entries on a page.
pub const PAGE: usize = 50;
/// The first stretch that is looked through where no index leads to the entries; each further one is twice as long.
const STRETCH: i64 = 20_000;
/// After this long a page says how far it came.
const PATIENCE: Duration = Duration::from_millis(25);
/// Clocks of instances differ, and entries are committed a little out of order: so many entries around a time are looked at too.
const MARGIN: i64 = 2_000;

/// What is asked. Everything that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Whose account it is about: account name, objectGUID or words of a name.
    pub about: Option<String>,
    /// Who acted: the same.
    pub by: Option<String>,
    /// A CPR number of either.
    pub cpr: Option<Cpr>,
    /// `EventKind::code`.
    pub kind: Option<String>,
    /// `AuditOutcome::code`.
    pub outcome: Option<String>,
    /// A client's address.
    pub client: Option<String>,
    /// An identity provider.
    pub provider: Option<String>,
    /// A visit.
    pub visit: Option<String>,
    /// From this time,
    pub from: Option<Timestamp>,
    /// and before this one.
    pub until: Option<Timestamp>,
    /// Oldest first.
    pub oldest_first: bool,
}

/// Why a search has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// The name fits more people than can be meant.
    TooManyPeople,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// In the order that was asked for.
    pub entries: Vec<Entry>,
    /// Where to go on; `None`: there is no more.
    pub next: Option<i64>,
    /// There may be more, but the search stopped here: the time of the entry that it came to.
    pub stopped_at: Option<Timestamp>,
}

/// A condition with its values.
#[derive(Debug, Clone, Default)]
struct Where {
    conditions: Vec<String>,
    values: Vec<Bound>,
}

#[derive(Debug, Clone)]
enum Bound {
    Text(String),
    Number(i64),
}

impl Where {
    fn place(&mut self, value: Bound) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn is(&mut self, column: &str, value: &str) {
        let place = self.place(Bound::Text(value.to_owned()));
        self.conditions.push(format!("{column} = {place}"));
    }

    fn is_one_of(&mut self, columns: &[&str], values: &[String]) {
        if values.is_empty() {
            self.conditions.push("1 = 0".to_owned());
            return;
        }
        let places: Vec<String> = values.iter().map(|value| self.place(Bound::Text(value.clone()))).collect();
        let any: Vec<String> = columns.iter().map(|column| format!("{column} IN ({})", places.join(", "))).collect();
        self.conditions.push(format!("({})", any.join(" OR ")));
    }

    fn number(&mut self, condition: &str, value: i64) {
        let place = self.place(Bound::Number(value));
        self.conditions.push(format!("{condition} {place}"));
    }

    fn text(&self) -> String {
        if self.conditions.is_empty() { "1 = 1".to_owned() } else { self.conditions.join(" AND ") }
    }

    fn bound(self, statement: String) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement));
        self.values.into_iter().fold(query, |query, value| match value {
            Bound::Text(text) => query.bind(text),
            Bound::Number(number) => query.bind(number),
        })
    }
}

impl Log {
    /// A page of what fits. `after`: the [`Hits::next`] of the page before.
    pub async fn search(&self, search: &Search, after: Option<i64>) -> Result<Result<Hits, Unclear>, StoreError> {
        let condition = match self.condition(search).await? {
            Ok(condition) => condition,
            Err(unclear) => return Ok(Err(unclear)),
        };
        let (lowest, highest) = self.bounds(search).await?;
        if lowest > highest {
            return Ok(Ok(Hits::default()));
        }
        let led = search.led_by_an_index();
        let (mut stretch, began) = (STRETCH, Instant::now());
        let mut place = after.unwrap_or(if search.oldest_first { lowest - 1 } else { highest + 1 });
        let mut hits = Hits::default();
        loop {
            let (from, to) = match (search.oldest_first, led) {
                (true, true) => (place + 1, highest),
                (true, false) => (place + 1, highest.min(place.saturating_add(stretch))),
                (false, true) => (lowest, place - 1),
                (false, false) => (lowest.max(place.saturating_sub(stretch)), place - 1),
            };
            let wanted = PAGE + 1 - hits.entries.len();
            hits.entries.extend(self.stretch(search, condition.clone(), from, to, wanted).await?);
            if hits.entries.len() > PAGE {
                hits.entries.truncate(PAGE);
                hits.next = hits.entries.last().map(|entry| entry.sequence);
                return Ok(Ok(hits));
            }
            let done = if search.oldest_first { to >= highest } else { from <= lowest };
            if led || done {
                return Ok(Ok(hits));
            }
            place = if search.oldest_first { to } else { from };
            if began.elapsed() >= PATIENCE {
                hits.next = Some(place);
                hits.stopped_at = self.time_at(place).await?;
                return Ok(Ok(hits));
            }
            stretch = stretch.saturating_mul(2);
        }
    }

    async fn condition(&self, search: &Search) -> Result<Result<Where, Unclear>, StoreError> {
        let mut condition = Where::default();
        for (text, column) in [(&search.about, "a.target_guid"), (&search.by, "a.actor_guid")] {
            let Some(text) = text else { continue };
            match self.people_named(text).await? {
                Ok(guids) => condition.is_one_of(&[column], &guids),
                Err(unclear) => return Ok(Err(unclear)),
            }
        }
        if let Some(cpr) = &search.cpr {
            let blinds = self.vault.blinds(cpr);
            if blinds.is_empty() {
                condition.conditions.push("1 = 0".to_owned());
            } else {
                let places: Vec<String> = blinds.into_iter().map(|blind| condition.place(Bound::Text(blind))).collect();
                condition.conditions.push(format!("a.seq IN (SELECT c.seq FROM audit_cpr c WHERE c.blind IN ({}))", places.join(", ")));
            }
        }
        let columns = [
            (&search.kind, "a.kind"),
            (&search.outcome, "a.outcome"),
            (&search.client, "a.client"),
            (&search.provider, "a.provider"),
            (&search.visit, "a.visit"),
        ];
        for (value, column) in columns {
            if let Some(value) = value {
                condition.is(column, value);
            }
        }
        if let Some(from) = search.from {
            condition.number("a.at >=", stored(from));
        }
        if let Some(until) = search.until {
            condition.number("a.at <", stored(until));
        }
        Ok(Ok(condition))
    }

    /// The first and the last key that can fit.
    async fn bounds(&self, search: &Search) -> Result<(i64, i64), StoreError> {
        let one = async |statement: &'static str, at: Option<Timestamp>| -> Result<Option<i64>, StoreError> {
            let query = sqlx::query(statement);
            let query = if let Some(at) = at { query.bind(stored(at)) } else { query };
            let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
            Ok(row.map(|row| row.try_get("seq")).transpose()?)
        };
        let first = one("SELECT seq FROM audit ORDER BY seq LIMIT 1", None).await?;
        let last = one("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1", None).await?;
        let (Some(first), Some(last)) = (first, last) else { return Ok((1, 0)) };
        let lowest = match search.from {
            Some(from) => match one("SELECT seq FROM audit WHERE at >= $1 ORDER BY at LIMIT 1", Some(from)).await? {
                Some(seq) => seq.saturating_sub(MARGIN).max(first),
                None => return Ok((1, 0)),
            },
            None => first,
        };
        let highest = match search.until {
            Some(until) => match one("SELECT seq FROM audit WHERE at < $1 ORDER BY at DESC LIMIT 1", Some(until)).await? {
                Some(seq) => seq.saturating_add(MARGIN).min(last),
                None => return Ok((1, 0)),
            },
            None => last,
        };
        Ok((lowest, highest))
    }

    async fn stretch(&self, search: &Search, mut condition: Where, from: i64, to: i64, wanted: usize) -> Result<Vec<Entry>, StoreError> {
        condition.number("a.seq >=", from);
        condition.number("a.seq <=", to);
        let columns = COLUMNS.iter().map(|column| format!("a.{column} AS {column}")).collect::<Vec<_>>().join(", ");
        let order = if search.oldest_first { "ASC" } else { "DESC" };
        let statement =
            format!("SELECT a.seq AS seq, {columns} FROM audit a WHERE {} ORDER BY a.seq {order} LIMIT {wanted}", condition.text());
        let rows: Vec<AnyRow> = within(condition.bound(statement).fetch_all(&self.store.durable)).await?;
        // What somebody has put there beside the service may be anything; the rest is shown all the same.
        Ok(rows
            .iter()
            .filter_map(|row| entry(row).inspect_err(|_| tracing::error!("an entry of the audit log can't be read")).ok())
            .collect())
    }

    async fn time_at(&self, seq: i64) -> Result<Option<Timestamp>, StoreError> {
        let query = sqlx::query("SELECT at FROM audit WHERE seq >= $1 ORDER BY seq LIMIT 1").bind(seq);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.map(|row| Timestamp::from_microsecond(row.try_get("at")?).map_err(|_| StoreError::Corrupt("audit"))).transpose()
    }

    /// Of each hour since then, what happened how often and how it ended: hours since 1970 UTC, kind, outcome.
    pub async fn counts_since(&self, since: Timestamp) -> Result<Vec<(i64, String, String, i64)>, StoreError> {
        let statement = "SELECT at / 3600000000 AS hour, kind, outcome, COUNT(*) AS many FROM audit WHERE at >= $1 GROUP BY 1, 2, 3";
        let rows: Vec<AnyRow> = within(sqlx::query(statement).bind(stored(since)).fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok((row.try_get("hour")?, row.try_get("kind")?, row.try_get("outcome")?, row.try_get("many")?))).collect()
    }

    /// What was refused most since then, by reason.
    pub async fn refusals_since(&self, since: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        let statement =
            "SELECT reason, COUNT(*) AS many FROM audit WHERE at >= $1 AND outcome = 'refused' GROUP BY reason ORDER BY 2 DESC, 1 LIMIT 20";
        let rows: Vec<AnyRow> = within(sqlx::query(statement).bind(stored(since)).fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok((row.try_get("reason")?, row.try_get("many")?))).collect()
    }

    /// Keeps a sealed search for its owner.
    pub async fn keep_search(&self, id: &str, owner: &str, name: &str, sealed: &str, now: Timestamp) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO audit_searches (id, owner, name, search, at) VALUES ($1, $2, $3, $4, $5)");
        let insert = insert.bind(id.to_owned()).bind(owner.to_owned()).bind(name.to_owned()).bind(sealed.to_owned()).bind(stored(now));
        within(insert.execute(&self.store.durable)).await?;
        Ok(())
    }

    /// Somebody's kept searches: id, name, sealed search; the newest hundred.
    pub async fn kept_searches(&self, owner: &str) -> Result<Vec<(String, String, String)>, StoreError> {
        let query = sqlx::query("SELECT id, name, search FROM audit_searches WHERE owner = $1 ORDER BY at DESC, id LIMIT 100");
        let rows: Vec<AnyRow> = within(query.bind(owner.to_owned()).fetch_all(&self.store.durable)).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name")?, row.try_get("search")?))).collect()
    }

    /// Forgets one of somebody's.
    pub async fn drop_search(&self, id: &str, owner: &str) -> Result<(), StoreError> {
        let delete = sqlx::query("DELETE FROM audit_searches WHERE id = $1 AND owner = $2").bind(id.to_owned()).bind(owner.to_owned());
        within(delete.execute(&self.store.durable)).await?;
        Ok(())
    }

    /// One entry.
    pub async fn entry(&self, seq: i64) -> Result<Option<(Entry, StoredEntry)>, StoreError> {
        let statement = format!("SELECT seq, {} FROM audit WHERE seq = $1", COLUMNS.join(", "));
        let row: Option<AnyRow> = within(sqlx::query(sqlx::AssertSqlSafe(statement)).bind(seq).fetch_optional(&self.store.durable)).await?;
        row.map(|row| Ok((entry(&row)?, StoredEntry::read(&row)?))).transpose()
    }

    /// The CPR number of a party of an entry: `actor` or `target`. `None`: none was written, or its key is not there.
    pub async fn cpr_of(&self, seq: i64, stored: &StoredEntry, target: bool) -> Result<Option<Cpr>, StoreError> {
        let Some(commitment) = (if target { &stored.target_cpr } else { &stored.actor_cpr }) else { return Ok(None) };
        let party = if target { "target" } else { "actor" };
        let query = sqlx::query("SELECT key_id, blind, sealed FROM audit_cpr WHERE seq = $1 AND party = $2").bind(seq).bind(party);
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        let Some(row) = row else { return Ok(None) };
        let sealed = super::cpr::SealedCpr { key_id: row.try_get("key_id")?, blind: row.try_get("blind")?, sealed: row.try_get("sealed")? };
        Ok(self.vault.open(commitment, &sealed))
    }
}

impl Search {
    /// Does an index lead to few entries, or to entries in the order of the search? Else the log is looked through in stretches.
    fn led_by_an_index(&self) -> bool {
        if self.about.is_some() || self.by.is_some() || self.cpr.is_some() || self.visit.is_some() {
            return true;
        }
        let by_what_happened = usize::from(self.kind.is_some() || self.outcome.is_some());
        by_what_happened + usize::from(self.client.is_some()) + usize::from(self.provider.is_some()) <= 1
    }

    /// What of it was asked, for the log: never a CPR number.
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

fn entry(row: &AnyRow) -> Result<Entry, StoreError> {
    Ok(Entry { sequence: row.try_get("seq")?, event: event(&StoredEntry::read(row)?)? })
}
