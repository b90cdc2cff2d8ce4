//! `[log]`: the service's own log.

use serde::Deserialize;
use tracing_subscriber::filter::Targets;

use super::load::Problems;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Log {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`) or a filter of tracing.
    pub level: String,
    pub format: Format,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text for a terminal.
    Text,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Json }
    }
}

/// Without `off`: errors are always logged.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

pub(super) type Raw = Log;

impl Log {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Self> {
        // tracing takes a single word that is not a level for a module name, and would silence everything else.
        let lone_words_are_levels =
            self.level.split(',').all(|part| part.contains('=') || LEVELS.iter().any(|level| part.trim().eq_ignore_ascii_case(level)));
        if !lone_words_are_levels || self.level.parse::<Targets>().is_err() {
            problems.add("log.level", "has to be error, warn, info, debug, trace, or a list such as `info,os2nykode=debug`");
            return None;
        }
        Some(self)
    }
}
