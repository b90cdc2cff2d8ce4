//! `[log]`: the service's own log.

use serde::Deserialize;
use tracing_subscriber::filter::Targets;

use crate::config::problem::Problems;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`) or a filter of tracing.
    pub level: String,
    pub format: LogFormat,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text for a terminal.
    Text,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json }
    }
}

/// Without `off`: errors are always logged.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

pub(super) type Raw = LogConfig;

impl LogConfig {
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
