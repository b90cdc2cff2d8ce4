//! Delegation: acting on another person's account, as parent, password admin, teacher or helpdesk.
//!
//! Invariants:
//! - [`crate::model::authorization::authorize`] is the only authorization decision. Its facts are read from AD for this
//!   request, and again at the write.
//! - A list leads to accounts. It grants nothing.
//! - Every view of another person's account or of a list is logged.

mod context;
mod defaults;
mod denial;
pub mod explain;
pub mod guardian;
pub(crate) mod issue_code;
pub mod lists;
mod lookup;
pub mod show;
pub mod slips;
mod teacher;
pub mod unlock;

pub(crate) use crate::flow::delegation::context::{DelegationContext, actors, barring, judge_of, level_of, person_of, standing};
pub use crate::flow::delegation::defaults::FormDefaults;
use crate::flow::delegation::defaults::{propose, usual};
pub use crate::flow::delegation::denial::tell_left_out;
pub(crate) use crate::flow::delegation::denial::{MayDeny, counted, log_denied, log_nobody};
pub(crate) use crate::flow::delegation::guardian::Household;
pub(crate) use crate::flow::delegation::lookup::{RegisterAnswers, TargetLookup, look_at};
