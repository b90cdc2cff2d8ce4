//! Credentials: passwords, one-time codes, API tokens, local accounts.

pub mod api_token;
pub mod local_account;
pub mod one_time_code;
pub mod password;
pub mod slow_hash;
