//! The command `os2nykode check`: checks configuration, store, providers, registers, controllers and rights, and reports each finding with
//! a remedy.
//!
//! It changes nothing in AD or in the database, and binds as the service account only.

mod audit;
mod controller;
mod domain;
mod forward;
pub mod leaked;
mod needs;
mod oidc;
mod registers;
mod report;
mod saml;
mod store;
mod web;

pub use controller::{ChainLink, HandshakeError, Offered, offered_chain};
pub use report::{Finding, FindingLevel, Id, Report};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    config::{Config, Provider},
    directory::Directory,
};

/// Options of the command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// sAMAccountName of the account on which rights are checked; `None` for any ordinary account.
    pub account: Option<String>,
    /// Id of the only identity provider to check; the other steps are skipped.
    pub provider: Option<String>,
}

/// Runs all steps. A failed step does not stop the others.
pub async fn run(config: &Config, options: &Options, clock: &dyn Clock) -> Report {
    let mut report = Report::default();
    run_into(config, options, clock, &mut report).await;
    report
}

/// Same into an existing report, whose listener receives findings as they come.
pub async fn run_into(config: &Config, options: &Options, clock: &dyn Clock, report: &mut Report) {
    report.ok("configuration", "the configuration is complete and without contradictions");
    if options.provider.is_some() {
        saml::check(config, options, clock, report).await;
        return oidc::check(config, options, clock, report).await;
    }
    store::check(config, report).await;
    audit::check(config, clock, report).await;
    web::check(config, clock, report);
    saml::check(config, options, clock, report).await;
    oidc::check(config, options, clock, report).await;
    crate::check::leaked::check(&config.policy.leaked, clock, report).await;
    crate::check::registers::check(config, clock, report).await;
    crate::check::forward::check(config, report).await;
    let directory = match Directory::new(&config.directory) {
        Ok(directory) => directory,
        Err(error) => {
            let remedy = "put the CA's certificate in directory.ca_file (PEM), or install it on this machine";
            return report.problem(Id::TrustUnusable, "trust", &error.to_string(), remedy);
        }
    };
    let mut usable = Vec::new();
    for (controller, settings) in directory.controllers().iter().zip(&config.directory.controllers) {
        if controller::check(&directory, controller, config, settings, clock, report).await {
            usable.push(controller);
        }
    }
    let Some(controller) = usable.first() else {
        let what = "no controller is usable; rights and policies were not checked";
        return report.problem(Id::NoControllerUsable, "directory", what, "solve the problems of one of the controllers above first");
    };
    controller::pdc_is_among(&directory, &usable, report).await;
    match directory.inspect(controller).await {
        Ok(mut inspection) => domain::check(&directory, &mut inspection, config, options, clock, report).await,
        Err(fault) => report.problem(Id::ControllerFailed, "directory", &fault.to_string(), "run the check again"),
    }
}

/// Reports the difference to a provider's clock. Near the tolerance, logins fail now and then.
fn clocks(ahead: SignedDuration, skew_seconds: u32, area: &str, report: &mut Report) {
    let seconds = ahead.as_secs();
    if seconds.unsigned_abs() * 2 > u64::from(skew_seconds) {
        let what = format!("its clock and this machine's differ by {} seconds; {} are tolerated", seconds.abs(), skew_seconds);
        report.warning(Id::ProviderClock, area, &what, "let this machine follow a time server (chrony, systemd-timesyncd)");
    } else {
        report.ok(area, "its clock and this machine's agree");
    }
}

impl Options {
    /// Whether this provider is to be checked.
    fn wants(&self, provider: &Provider) -> bool {
        self.provider.as_deref().is_none_or(|id| id == provider.id.as_str())
    }
}

/// Whether a login of this provider may reset the password of any account.
fn can_reset(config: &Config, provider: &Provider) -> bool {
    let rules = std::iter::once(&config.reset.default).chain(config.reset.groups.iter().map(|group| &group.strength));
    rules.into_iter().any(|rule| rule.accepts(&provider.id) && provider.reaches(rule.level))
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
