//! Logins: with an AD password, at an identity provider, with a one-time code, with a local account.

pub mod ad_password;
pub mod known_browser;
pub mod local_account;
pub(crate) mod one_time_code;
pub(crate) mod password_attempt;
pub mod provider;
