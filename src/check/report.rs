//! Report of the check, as text for people and JSON for scripts.

mod id;

pub use id::Id;

use std::fmt;

use serde::Serialize;

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// In order.
    Ok,
    /// Works, but a part is missing or will expire.
    Warning,
    /// Does not work.
    Problem,
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: FindingLevel,
    /// Stable id; `None` for [`FindingLevel::Ok`].
    pub id: Option<Id>,
    /// Checked component: `store`, `dc1.kommune.dk`, `rights`, …
    pub area: String,
    /// Observation.
    pub what: String,
    /// Consequence for people; empty for [`FindingLevel::Ok`].
    pub means: &'static str,
    /// Remedy; empty if none is needed.
    pub advice: String,
}

/// Receives each finding at once.
type Listener = Box<dyn FnMut(&Finding) + Send>;

/// All findings, in the order of the steps.
#[derive(Default, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
    #[serde(skip)]
    listener: Option<Listener>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.findings).finish()
    }
}

impl Report {
    /// A report that passes each finding to `listener` at once, because some steps wait for unresponsive machines.
    pub fn telling(listener: impl FnMut(&Finding) + Send + 'static) -> Self {
        Self { findings: Vec::new(), listener: Some(Box::new(listener)) }
    }

    /// Adds a finding of [`FindingLevel::Ok`].
    pub fn ok(&mut self, area: &str, what: &str) {
        self.add(Finding {
            level: FindingLevel::Ok,
            id: None,
            area: area.to_owned(),
            what: what.to_owned(),
            means: "",
            advice: String::new(),
        });
    }

    /// Adds a warning.
    pub fn warning(&mut self, id: Id, area: &str, what: &str, advice: &str) {
        self.found(FindingLevel::Warning, id, area, what, advice);
    }

    /// Adds a problem.
    pub fn problem(&mut self, id: Id, area: &str, what: &str, advice: &str) {
        self.found(FindingLevel::Problem, id, area, what, advice);
    }

    fn found(&mut self, level: FindingLevel, id: Id, area: &str, what: &str, advice: &str) {
        let (area, what, advice) = (area.to_owned(), what.to_owned(), advice.to_owned());
        self.add(Finding { level, id: Some(id), area, what, means: id.meaning(), advice });
    }

    fn add(&mut self, finding: Finding) {
        if let Some(listener) = &mut self.listener {
            listener(&finding);
        }
        self.findings.push(finding);
    }

    /// Whether there are no problems.
    pub fn is_good(&self) -> bool {
        self.problems() == 0
    }

    /// Number of problems.
    pub fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == FindingLevel::Problem).count()
    }

    /// Whether a finding with this id exists.
    pub fn has(&self, id: Id) -> bool {
        self.findings.iter().any(|finding| finding.id == Some(id))
    }

    /// The report as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and words only")
    }

    /// Counts by severity, as one line.
    pub fn summary(&self) -> String {
        let count = |level| self.findings.iter().filter(|f| f.level == level).count();
        format!("{} ok, {} warnings, {} problems", count(FindingLevel::Ok), count(FindingLevel::Warning), count(FindingLevel::Problem))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            FindingLevel::Ok => "ok     ",
            FindingLevel::Warning => "WARNING",
            FindingLevel::Problem => "PROBLEM",
        };
        write!(f, "{mark}  {}: {}", self.area, self.what)?;
        if let Some(id) = self.id {
            write!(f, "  [{}]\n         means: {}", id.code(), self.means)?;
        }
        self.advice.lines().try_for_each(|line| write!(f, "\n         → {line}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
        writeln!(f, "\n{}", self.summary())
    }
}
