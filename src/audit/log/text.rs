//! Text in audit entries: accepted by every database, on one line, and shown as it is written.

use crate::model::account::name::is_invisible;

/// Longest text in characters; longer ones are cut. Names are shorter, and the log is no storage for other data.
pub(crate) const LONGEST_TEXT: usize = 1000;

/// A text that every database accepts, that breaks no line, and that reads as it is written: control characters,
/// invisible characters and those that change the text direction become U+FFFD.
pub(crate) fn clean(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() || is_invisible(c) { '\u{FFFD}' } else { c }).collect()
}
