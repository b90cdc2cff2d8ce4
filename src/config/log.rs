//! `[log]`: what the service says of itself.

use serde::Deserialize;

use super::load::Problems;

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Log {
    /// A level (`error`, `warn`, `info`, `debug`) or a filter of tracing.
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

pub(super) type Raw = Log;

impl Log {
    pub(super) fn check(self, problems: &mut Problems) -> Option<Self> {
        if self.level.parse::<tracing_subscriber::filter::Targets>().is_err() {
            problems.add("log.level", "has to be error, warn, info, debug, or a list such as `info,os2nykode=debug`");
            return None;
        }
        Some(self)
    }
}
