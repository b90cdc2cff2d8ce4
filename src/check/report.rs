//! What the check found, for people and for scripts.

mod id;

pub use id::Id;

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
    /// What was found, by its stable name; `None` where it works.
    pub id: Option<Id>,
    /// What was looked at: `store`, `dc1.kommune.dk`, `rights`, …
    pub area: String,
    /// What was seen.
    pub what: String,
    /// What it means for people; empty where it works.
    pub means: &'static str,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

/// Hears of each finding as soon as there is one.
type Listener = Box<dyn FnMut(&Finding) + Send>;

/// Everything that was looked at, in order.
#[derive(Default, Serialize)]
pub struct Report {
    /// The findings.
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
    /// A report whose findings are told as they come: some steps wait for a machine that does not answer.
    pub fn telling(listener: impl FnMut(&Finding) + Send + 'static) -> Self {
        Self { findings: Vec::new(), listener: Some(Box::new(listener)) }
    }

    /// Something works.
    pub fn ok(&mut self, area: &str, what: &str) {
        self.add(Finding { level: Level::Ok, id: None, area: area.to_owned(), what: what.to_owned(), means: "", advice: String::new() });
    }

    /// Something works, but.
    pub fn warning(&mut self, id: Id, area: &str, what: &str, advice: &str) {
        self.found(Level::Warning, id, area, what, advice);
    }

    /// Something does not work.
    pub fn problem(&mut self, id: Id, area: &str, what: &str, advice: &str) {
        self.found(Level::Problem, id, area, what, advice);
    }

    fn found(&mut self, level: Level, id: Id, area: &str, what: &str, advice: &str) {
        let (area, what, advice) = (area.to_owned(), what.to_owned(), advice.to_owned());
        self.add(Finding { level, id: Some(id), area, what, means: id.meaning(), advice });
    }

    fn add(&mut self, finding: Finding) {
        if let Some(listener) = &mut self.listener {
            listener(&finding);
        }
        self.findings.push(finding);
    }

    /// Is there nothing that does not work?
    pub fn is_good(&self) -> bool {
        self.problems() == 0
    }

    /// How many things do not work.
    pub fn problems(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Problem).count()
    }

    /// Was this found?
    pub fn has(&self, id: Id) -> bool {
        self.findings.iter().any(|finding| finding.id == Some(id))
    }

    /// As JSON, for scripts.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and words only")
    }

    /// How many there are of each kind, as a line.
    pub fn summary(&self) -> String {
        let count = |level| self.findings.iter().filter(|f| f.level == level).count();
        format!("{} ok, {} warnings, {} problems", count(Level::Ok), count(Level::Warning), count(Level::Problem))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Ok => "ok     ",
            Level::Warning => "WARNING",
            Level::Problem => "PROBLEM",
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
