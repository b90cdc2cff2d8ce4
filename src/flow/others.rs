//! Delegation: acting on another person's account, as parent, password admin, teacher or helpdesk.
//!
//! Invariants:
//! - [`crate::model::authority::decide`] is the only authorization decision. Its facts are read from AD for this
//!   request, and again at the write.
//! - A list leads to accounts. It grants nothing.
//! - Every view of another person's account or of a list is logged.

pub mod children;
mod classes;
mod denied;
pub mod explain;
pub mod lists;
mod look;
pub mod show;
pub mod slips;
mod standing;
pub mod unlock;
mod usual;

pub(super) use children::Household;
pub use denied::tell_left_out;
pub(super) use denied::{Answer, counted, log_denied, log_nobody};
pub(super) use look::{Looked, Said, look_at};
pub(super) use standing::{Standing, actors, barring, judge_of, level_of, person_of, standing};
pub use usual::Usual;
use usual::{propose, usual};
