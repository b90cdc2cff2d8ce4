//! Export of the audit log, as a table or with its seals.
//!
//! Invariants:
//! - The audit entry about an export is on disk before the first byte leaves.
//! - Memory holds one page, however long the log is.

use std::str::FromStr;

use futures_util::Stream;
use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::flow::FlowError;
use crate::{
    audit::{
        AuditLog,
        export::{
            csv,
            feed::{Feed, SealedEntry, What},
            json_lines::ExportLine,
        },
    },
    clock::danish_midnight,
    model::audit::AuditEvent,
};

/// Audit entries in one read.
const PAGE: u32 = 500;
/// Covers the clock differences between instances, and the longest time between an entry and its number.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// For spreadsheets: the entries of the period.
    Csv,
    /// With seals, for verification: whole segments between two checkpoints that enclose the period.
    JsonLines,
}

impl ExportFormat {
    /// Name on the command line and in forms.
    pub fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Csv, Self::JsonLines].into_iter().find(|format| format.code() == word).ok_or_else(|| "csv or jsonl".to_owned())
    }
}

/// Days in Denmark, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day; `None`: from the beginning.
    pub from: Option<Date>,
    /// Last day; `None`: until now.
    pub to: Option<Date>,
}

impl Period {
    fn begins(&self) -> Timestamp {
        self.from.map_or(Timestamp::MIN, danish_midnight)
    }

    fn ends(&self) -> Timestamp {
        self.to.and_then(|day| day.tomorrow().ok()).map_or(Timestamp::MAX, danish_midnight)
    }

    /// The period in an audit entry about an export.
    pub fn in_words(&self) -> String {
        let day = |day: Option<Date>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
        format!("from={} to={}", day(self.from), day(self.to))
    }
}

/// An export in progress.
#[derive(Debug)]
pub struct Export {
    log: AuditLog,
    feed: Feed,
    format: ExportFormat,
    period: Period,
    /// Number before the first entry.
    begin: i64,
    /// Number of the last entry.
    through: i64,
    step: ExportStep,
}

#[derive(Debug)]
enum ExportStep {
    Head,
    /// The number of the last checkpoint that was written.
    Checkpoints(i64),
    /// The number of the last entry that was written.
    Entries(i64),
}

impl Export {
    /// Appends the audit entry about the export, then begins.
    pub async fn begin(log: &AuditLog, feed: &Feed, entry: &AuditEvent, period: Period, format: ExportFormat) -> Result<Self, FlowError> {
        log.append(entry).await?;
        // Entries are nearly in the order of their times: a day on each side of the period is searched as well.
        let mut begin = feed.before(period.begins().saturating_sub(SLACK).unwrap_or(Timestamp::MIN)).await?;
        let mut through = feed.before(period.ends().saturating_add(SLACK).unwrap_or(Timestamp::MAX)).await?;
        if format == ExportFormat::JsonLines {
            begin = feed.checkpoint_up_to(begin).await?.unwrap_or(0);
            through = feed.checkpoints(through - 1, i64::MAX, 1).await?.first().map_or(through, |next| next.number);
        }
        Ok(Self { log: log.clone(), feed: feed.clone(), format, period, begin, through, step: ExportStep::Head })
    }

    /// The next part, at most some hundred lines. `None`: the export is complete.
    pub async fn next(&mut self) -> Result<Option<String>, FlowError> {
        match (&self.step, self.format) {
            (ExportStep::Head, ExportFormat::Csv) => {
                self.step = ExportStep::Entries(self.begin);
                Ok(Some(csv::BOM.to_owned() + &csv::head()))
            }
            (ExportStep::Head, ExportFormat::JsonLines) => {
                self.step = ExportStep::Checkpoints(self.begin - 1);
                let purges = self.log.purges().await?;
                let foreign = self.log.foreign_rows().await?.into_iter().map(|foreign| ExportLine::Foreign { foreign });
                Ok(Some(lines(purges.into_iter().map(|purge| ExportLine::Purge { purge }).chain(foreign))))
            }
            (ExportStep::Checkpoints(after), _) => {
                let page = self.feed.checkpoints(*after, self.through, PAGE).await?;
                self.step = page.last().map_or(ExportStep::Entries(self.begin), |last| ExportStep::Checkpoints(last.number));
                Ok(Some(lines(page.into_iter().map(|checkpoint| ExportLine::Checkpoint { checkpoint }))))
            }
            (ExportStep::Entries(after), _) if *after >= self.through => Ok(None),
            (ExportStep::Entries(after), ExportFormat::Csv) => {
                let page = self.feed.after(*after, PAGE).await?;
                let Some(last) = page.last() else { return Ok(None) };
                self.step = ExportStep::Entries(last.number);
                Ok(Some(page.into_iter().filter_map(|sealed| self.row(sealed)).collect()))
            }
            (ExportStep::Entries(after), ExportFormat::JsonLines) => {
                let mut page = self.log.sealed_after(*after, PAGE).await?;
                page.retain(|line| line.number <= self.through);
                let Some(last) = page.last() else { return Ok(None) };
                self.step = ExportStep::Entries(last.number);
                Ok(Some(lines(page.into_iter().map(|line| ExportLine::Entry(Box::new(line))))))
            }
        }
    }

    /// An entry not written by the service may carry any time. It is in every export whose range includes its number.
    fn row(&self, sealed: SealedEntry) -> Option<String> {
        let (number, authentic) = (sealed.number, sealed.authentic);
        let What::Entry(entry) = sealed.what else { return None };
        let period = self.period.begins().as_microsecond()..self.period.ends().as_microsecond();
        (number <= self.through && (!authentic || period.contains(&entry.at))).then(|| csv::row(number, authentic, *entry))
    }

    /// The export as a stream, for an HTTP response.
    pub fn into_stream(self) -> impl Stream<Item = Result<String, FlowError>> + Send {
        futures_util::stream::try_unfold(self, |mut export| async move { Ok(export.next().await?.map(|text| (text, export))) })
    }
}

fn lines(all: impl Iterator<Item = ExportLine>) -> String {
    all.map(|line| line.json() + "\n").collect()
}
