//! Languages: the translation catalogue and the wording of events.

pub(crate) mod audit_words;
pub(crate) mod catalogue;
pub(crate) mod language;
mod spelling;
pub(crate) mod words;
