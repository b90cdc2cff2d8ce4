//! A part of the log is taken away, as a table or with its seals.
//!
//! Invariants: that it is taken away is on disk in the log before its first byte; what is in memory is one page, however long the log is.

use std::str::FromStr;

use futures_util::Stream;
use jiff::{SignedDuration, Timestamp, civil::Date};

use super::Fault;
use crate::{
    audit::{
        Log, csv,
        feed::{Feed, What},
    },
    clock::danish_midnight,
    model::audit::AuditEvent,
};

/// Places of the log that are read at once.
const PAGE: u32 = 500;
/// How far clocks of instances may be apart, and longer than any entry waits for its place.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For spreadsheets.
    Csv,
}

impl Format {
    /// The word on the command line and in forms.
    pub fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Csv].into_iter().find(|format| format.code() == word).ok_or_else(|| "csv".to_owned())
    }
}

/// Days in Denmark, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first; `None` = from the beginning.
    pub from: Option<Date>,
    /// The last; `None` = until now.
    pub to: Option<Date>,
}

impl Period {
    fn begins(&self) -> Timestamp {
        self.from.map_or(Timestamp::MIN, danish_midnight)
    }

    fn ends(&self) -> Timestamp {
        self.to.and_then(|day| day.tomorrow().ok()).map_or(Timestamp::MAX, danish_midnight)
    }

    /// For the entry that says what was taken away.
    pub fn in_words(&self) -> String {
        let day = |day: Option<Date>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
        format!("from={} to={}", day(self.from), day(self.to))
    }
}

/// A part of the log on its way out.
#[derive(Debug)]
pub struct Export {
    feed: Feed,
    format: Format,
    period: Period,
    /// What was read up to; `None`: nothing was told yet.
    after: Option<i64>,
    begin: i64,
    through: i64,
}

impl Export {
    /// Writes `entry` into the log, which says who takes what away, and begins then.
    pub async fn begin(log: &Log, feed: &Feed, entry: &AuditEvent, period: Period, format: Format) -> Result<Self, Fault> {
        log.append(entry).await?;
        // Entries are nearly in the order of their times. A day on each side is looked through for those that are not.
        let begin = feed.before(period.begins().saturating_sub(SLACK).unwrap_or(Timestamp::MIN)).await?;
        let through = feed.before(period.ends().saturating_add(SLACK).unwrap_or(Timestamp::MAX)).await?;
        Ok(Self { feed: feed.clone(), format, period, after: None, begin, through })
    }

    /// What comes next, some hundred lines at most. `None`: that was all.
    pub async fn next(&mut self) -> Result<Option<String>, Fault> {
        let Some(after) = self.after else {
            self.after = Some(self.begin);
            return Ok(Some(match self.format {
                Format::Csv => csv::BOM.to_owned() + &csv::head(),
            }));
        };
        let page = self.feed.after(after, PAGE).await?;
        let Some(last) = page.last().filter(|_| after < self.through) else { return Ok(None) };
        self.after = Some(last.number);
        let (begins, ends) = (self.period.begins().as_microsecond(), self.period.ends().as_microsecond());
        let mut text = String::new();
        for sealed in page {
            let (number, sound) = (sealed.number, sealed.sound);
            // A time of whoever wrote beside the service may be anything: such an entry is in every export that looks at its number.
            if let What::Entry(entry) = sealed.what
                && (!sound || (begins..ends).contains(&entry.at))
            {
                match self.format {
                    Format::Csv => text.push_str(&csv::row(number, sound, *entry)),
                }
            }
        }
        Ok(Some(text))
    }

    /// The same for an answer over HTTP.
    pub fn into_stream(self) -> impl Stream<Item = Result<String, Fault>> + Send {
        futures_util::stream::try_unfold(self, |mut export| async move { Ok(export.next().await?.map(|text| (text, export))) })
    }
}
