//! Ways through the log: each leads, in the order of the log, to the entries that one condition fits.
//!
//! Invariants: a way goes down one index and reads nothing else; what is asked is bound, never part of a statement's text.

use sqlx::{Any, any::AnyArguments, query::Query};

/// A value in a statement.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Text(String),
    Number(i64),
}

/// The values of a statement, in the order of their places.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(Vec<Bound>);

impl Values {
    pub(super) fn place(&mut self, value: Bound) -> String {
        self.0.push(value);
        format!("${}", self.0.len())
    }

    pub(super) fn bound(self, statement: String) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(sqlx::AssertSqlSafe(statement));
        self.0.into_iter().fold(query, |query, value| match value {
            Bound::Text(text) => query.bind(text),
            Bound::Number(number) => query.bind(number),
        })
    }
}

/// Part of the log, in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) oldest_first: bool,
}

impl Part {
    /// How far a walk that came to this entry has come.
    pub(super) fn length_to(&self, reached: i64) -> i64 {
        if self.oldest_first { reached.saturating_sub(self.from) } else { self.to.saturating_sub(reached) }
    }

    /// As far as that entry.
    pub(super) fn up_to(self, reached: i64) -> Self {
        if self.oldest_first { Self { to: reached, ..self } } else { Self { from: reached, ..self } }
    }

    /// What comes after that entry.
    pub(super) fn after(self, reached: i64) -> Self {
        if self.oldest_first { Self { from: reached.saturating_add(1), ..self } } else { Self { to: reached.saturating_sub(1), ..self } }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from > self.to
    }

    pub(super) fn order(&self) -> &'static str {
        if self.oldest_first { "ASC" } else { "DESC" }
    }
}

/// A condition that an index leads to: these columns have one of these values.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// `audit`, or the table of CPR numbers.
    pub(super) table: &'static str,
    /// Columns of an index that goes on with `seq`. None at all: the whole log.
    pub(super) columns: &'static [&'static str],
    /// Values of the columns: any of these.
    pub(super) keys: Vec<Vec<String>>,
}

impl Way {
    /// Every entry.
    pub(super) const fn whole() -> Self {
        Self { table: "audit", columns: &[], keys: Vec::new() }
    }

    /// Does it lead nowhere?
    pub(super) fn is_dead_end(&self) -> bool {
        !self.columns.is_empty() && self.keys.is_empty()
    }

    /// A statement that gives the `seq` of the first entries on it.
    pub(super) fn walk(&self, values: &mut Values, part: &Part, most: usize) -> String {
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
                // Nothing but what the index holds is asked of it: to any planner it is cheaper than a walk through the log itself.
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

    /// The same as a condition on an entry `a` that another way led to.
    pub(super) fn condition(&self, values: &mut Values) -> String {
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
