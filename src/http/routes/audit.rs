//! Pages of the audit log.

pub(crate) mod log;
pub(crate) mod overview;
pub(crate) mod search;
