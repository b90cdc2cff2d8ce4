//! Rate limits: delays after failures, token buckets, the lockout guard.

pub mod bucket;
pub mod delay;
pub mod known_browser;
pub mod lockout_guard;
