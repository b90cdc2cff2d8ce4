//! Check of the domain with the service account: the account itself, its rights, AD's policies, and configured names.

mod attributes;
mod classes;
mod lockout;
mod names;
mod policies;
mod remedy;
mod rights;
mod service_account;

use super::{Id, Options, Report};
use crate::{
    clock::Clock,
    config::Config,
    directory::{ControllerInspection, Directory, DirectoryError, Pso},
};

const AGAIN: &str = "run the check again; if the problem stays, check the service account's read access";

/// Runs the check on one controller.
pub(super) async fn check(
    directory: &Directory,
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    options: &Options,
    clock: &dyn Clock,
    report: &mut Report,
) {
    if let Err(fault) = look(directory, inspection, config, options, clock, report).await {
        report.problem(Id::ControllerFailed, "directory", &fault.to_string(), AGAIN);
    }
}

async fn look(
    directory: &Directory,
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    options: &Options,
    clock: &dyn Clock,
    report: &mut Report,
) -> Result<(), DirectoryError> {
    let netbios = inspection.netbios_name().await?;
    let trustee = service_account::check(inspection, config, netbios.as_deref(), clock.now(), report).await?;
    let psos: Vec<Pso> = inspection.psos().await?;
    rights::check(inspection, config, options, &trustee, &psos, report).await?;
    names::check(inspection, config, netbios.as_deref(), report).await?;
    policies::check(directory, config, &psos, report).await;
    Ok(())
}
