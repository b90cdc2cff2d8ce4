//! The domain as the service account sees it: its rights, its policies, and whether names in the configuration are those of AD.

mod policies;
mod rights;

use super::{Options, Report};
use crate::{
    config::Config,
    directory::{Directory, Inspection},
};

/// Looks at all of it on one controller.
pub(super) async fn check(directory: &Directory, inspection: &mut Inspection<'_>, config: &Config, options: &Options, report: &mut Report) {
    rights::check(inspection, config, options, report).await;
    policies::check(directory, config, report).await;
}
