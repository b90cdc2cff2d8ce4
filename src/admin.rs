//! What an operator administers at the command line: local accounts and API tokens.

pub mod api_tokens;
pub mod local_accounts;
