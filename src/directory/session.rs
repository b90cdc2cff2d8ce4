//! Sessions with domain controllers: connections, the choice of a controller, the service account.

pub(crate) mod connection;
pub(crate) mod controller;
pub(crate) mod entry;
pub(crate) mod pinned;
pub(crate) mod recent_writes;
pub(crate) mod root_dse;
pub(crate) mod selection;
pub(crate) mod service_account;
