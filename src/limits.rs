//! Limits and results that one instance keeps in memory: rate limits of tokens, codes and registers, delays that the audit log already
//! mentions, the last readiness.
//!
//! Invariant: each of them is bounded, and depends on nothing above the store.

pub mod api_rates;
pub mod code_probes;
pub mod readiness;
pub mod register_limit;
pub mod reported_delays;
