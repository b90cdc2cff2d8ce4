//! Self-service: the accounts that a login is linked to, what they show, and the sessions of their owner.

pub(crate) mod linked_accounts;
pub mod list;
pub mod sessions;
pub mod show;
