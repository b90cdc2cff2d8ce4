//! Reading the audit log: pages, exports, and the API for programs.

pub mod api;
pub mod export;
pub(crate) mod helpdesk_scope;
pub mod read;
