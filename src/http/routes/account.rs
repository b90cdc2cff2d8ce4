//! Pages of one's own account.

pub(crate) mod password;
pub(crate) mod show;
