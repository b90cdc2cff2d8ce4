//! Middleware: the client's address, limits, headers.

pub(crate) mod client;
pub(crate) mod headers;
pub(crate) mod limits;
