//! Pages for acting on another person's account.

pub(crate) mod account;
pub(crate) mod code;
pub(crate) mod lists;
pub(crate) mod password;
pub(crate) mod slips;
