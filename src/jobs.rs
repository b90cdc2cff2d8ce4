//! Jobs: everything that `serve` runs beside requests.

pub mod alerts;
pub mod forward;
pub mod provider_changes;
pub mod reconcile;
pub mod seal;
