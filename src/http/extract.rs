//! Extractors: forms, sessions, cookies.

pub(crate) mod csrf;
pub(crate) mod form;
pub(crate) mod known_browser;
pub(crate) mod sealed_cookie;
pub(crate) mod session;
pub(crate) mod way_back;
