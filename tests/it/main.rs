//! Tests against the real parts: Active Directory, PostgreSQL, a browser. `scripts/test` sets them up and runs everything.

mod environment;
mod layers;
mod store;
