//! `[log]`: what the service says of itself.

use serde::Deserialize;
use tracing_subscriber::filter::Targets;

use super::load::Problems;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Log {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`) or a filter of tracing.
    pub level: String,
    /// How a line looks.
    pub format: Format,
}

/// The look of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For reading at a terminal.
    Text,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Json }
    }
}

/// There is no `off`: the service always tells of its errors.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

pub(super) type Raw = Log;

impl Log {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Self> {
        // A lone word that is no level would be taken for a module's name, and everything else would be silent.
        let lone_words_are_levels =
            self.level.split(',').all(|part| part.contains('=') || LEVELS.iter().any(|level| part.trim().eq_ignore_ascii_case(level)));
        if !lone_words_are_levels || self.level.parse::<Targets>().is_err() {
            problems.add("log.level", "has to be error, warn, info, debug, trace, or a list such as `info,os2nykode=debug`");
            return None;
        }
        Some(self)
    }
}
