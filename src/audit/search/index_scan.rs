//! Index scans of the audit log: each yields, in the order of the log, the entries that match one condition.
//!
//! Invariants:
//! - A scan reads one index and nothing else.
//! - Values are bound, never part of a statement's text.

use sqlx::{Any, any::AnyArguments, query::Query};

/// A value of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Bound {
    Text(String),
    Number(i64),
}

/// The values of a statement, in the order of their placeholders.
#[derive(Debug, Clone, Default)]
pub(crate) struct BoundValues(Vec<Bound>);

impl BoundValues {
    pub(crate) fn place(&mut self, value: Bound) -> String {
        self.0.push(value);
        format!("${}", self.0.len())
    }

    pub(crate) fn bound(self, statement: String) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement));
        self.0.into_iter().fold(query, |query, value| match value {
            Bound::Text(text) => query.bind(text),
            Bound::Number(number) => query.bind(number),
        })
    }
}

/// A range of row keys, in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScanRange {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) oldest_first: bool,
}

impl ScanRange {
    /// Distance from the beginning of the range to this entry.
    pub(crate) fn length_to(&self, reached: i64) -> i64 {
        if self.oldest_first { reached.saturating_sub(self.from) } else { self.to.saturating_sub(reached) }
    }

    /// The range up to this entry.
    pub(crate) fn up_to(self, reached: i64) -> Self {
        if self.oldest_first { Self { to: reached, ..self } } else { Self { from: reached, ..self } }
    }

    /// The range after this entry.
    pub(crate) fn after(self, reached: i64) -> Self {
        if self.oldest_first { Self { from: reached.saturating_add(1), ..self } } else { Self { to: reached.saturating_sub(1), ..self } }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from > self.to
    }

    pub(crate) fn order(&self) -> &'static str {
        if self.oldest_first { "ASC" } else { "DESC" }
    }
}

/// A condition with an index: the columns have one of these combinations of values.
#[derive(Debug, Clone)]
pub(crate) struct IndexCondition {
    /// `audit`, or the table of CPR numbers.
    pub(crate) table: &'static str,
    /// Columns of an index that continues with `seq`. Empty: the whole log.
    pub(crate) columns: &'static [&'static str],
    /// Alternative values of the columns.
    pub(crate) keys: Vec<Vec<String>>,
}

impl IndexCondition {
    /// The scan of the whole log.
    pub(crate) const fn whole() -> Self {
        Self { table: "audit", columns: &[], keys: Vec::new() }
    }

    /// Whether the scan can have no entry.
    pub(crate) fn is_dead_end(&self) -> bool {
        !self.columns.is_empty() && self.keys.is_empty()
    }

    /// A statement that yields the `seq` of the first entries of the scan.
    pub(crate) fn walk(&self, values: &mut BoundValues, part: &ScanRange, most: usize) -> String {
        let (from, to, order) = (values.place(Bound::Number(part.from)), values.place(Bound::Number(part.to)), part.order());
        if self.columns.is_empty() {
            return format!("SELECT seq FROM {} WHERE seq >= {from} AND seq <= {to} ORDER BY seq {order} LIMIT {most}", self.table);
        }
        let walks: Vec<String> = self
            .keys
            .iter()
            .map(|key| {
                let all = self
                    .columns
                    .iter()
                    .zip(key)
                    .map(|(column, value)| format!("{column} = {} AND ", values.place(Bound::Text(value.clone()))));
                // Only columns of the index appear in the condition: every planner then prefers it to a scan of the
                // log.
                let all: String = all.collect();
                format!("SELECT seq FROM {} WHERE {all}seq >= {from} AND seq <= {to} ORDER BY seq {order} LIMIT {most}", self.table)
            })
            .collect();
        match walks.as_slice() {
            [one] => one.clone(),
            many => {
                let all: Vec<String> = many.iter().enumerate().map(|(n, walk)| format!("SELECT seq FROM ({walk}) AS way{n}")).collect();
                format!("SELECT seq FROM ({}) AS ways ORDER BY seq {order} LIMIT {most}", all.join(" UNION ALL "))
            }
        }
    }

    /// The condition in SQL, on an entry `a` that another scan has found.
    pub(crate) fn condition(&self, values: &mut BoundValues) -> String {
        let any: Vec<String> = self
            .keys
            .iter()
            .map(|key| {
                let all: Vec<String> = self
                    .columns
                    .iter()
                    .zip(key)
                    .map(|(column, value)| {
                        let place = values.place(Bound::Text(value.clone()));
                        if self.table == "audit" { format!("a.{column} = {place}") } else { format!("c.{column} = {place}") }
                    })
                    .collect();
                format!("({})", all.join(" AND "))
            })
            .collect();
        let any = if any.is_empty() { "1 = 0".to_owned() } else { any.join(" OR ") };
        if self.table == "audit" {
            format!("({any})")
        } else {
            format!("EXISTS (SELECT 1 FROM {} c WHERE c.seq = a.seq AND ({any}))", self.table)
        }
    }
}
