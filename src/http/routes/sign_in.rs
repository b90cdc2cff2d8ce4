//! Pages of logins and logouts.

pub(crate) mod ad_password;
pub(crate) mod local_account;
pub(crate) mod login_test;
pub(crate) mod oidc;
pub(crate) mod one_time_code;
pub(crate) mod provider;
pub(crate) mod saml;
