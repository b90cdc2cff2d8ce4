//! What the check found, for people and for scripts.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Works.
    Ok,
    /// Works, but something is missing or will end soon.
    Warning,
    /// Does not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What was looked at: `store`, `dc1.kommune.dk`, `rights`, …
    pub area: String,
    /// What was seen.
    pub what: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

/// Everything that was looked at, in order.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Something works.
    pub fn ok(&mut self, area: &str, what: &str) {
        self.add(Level::Ok, area, what, "");
    }

    /// Something works, but.
    pub fn warning(&mut self, area: &str, what: &str, advice: &str) {
        self.add(Level::Warning, area, what, advice);
    }

    /// Something does not work.
    pub fn problem(&mut self, area: &str, what: &str, advice: &str) {
        self.add(Level::Problem, area, what, advice);
    }

    fn add(&mut self, level: Level, area: &str, what: &str, advice: &str) {
        self.findings.push(Finding { level, area: area.to_owned(), what: what.to_owned(), advice: advice.to_owned() });
    }

    /// Is there nothing that does not work?
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|f| f.level < Level::Problem)
    }

    /// As JSON, for scripts.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and words only")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let mark = match finding.level {
                Level::Ok => "ok     ",
                Level::Warning => "WARNING",
                Level::Problem => "PROBLEM",
            };
            writeln!(f, "{mark}  {}: {}", finding.area, finding.what)?;
            if !finding.advice.is_empty() {
                for line in finding.advice.lines() {
                    writeln!(f, "         → {line}")?;
                }
            }
        }
        let count = |level| self.findings.iter().filter(|f| f.level == level).count();
        writeln!(f, "\n{} ok, {} warnings, {} problems", count(Level::Ok), count(Level::Warning), count(Level::Problem))
    }
}
