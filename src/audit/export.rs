//! Entries as other programs read them: CSV, JSON Lines, the API.

pub mod csv;
pub mod feed;
pub mod json_lines;
pub mod public_entry;
pub(crate) mod read;
