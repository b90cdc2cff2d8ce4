//! `os2nykode check`: walks through the set-up and says in plain words what works, what does not, and what to do.
//!
//! It changes nothing in AD and logs in with nobody's account but the service account's.

mod audit;
mod controller;
mod oidc;
mod people;
mod policies;
mod push;
mod report;
mod rights;
mod saml;
mod tls_chain;

pub use report::{Finding, Level, Report};
pub use tls_chain::{ChainLink, Offered, offered_chain};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Clock,
    config::{Config, Provider},
    directory::Directory,
    store,
};

/// What the operator may choose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The sAMAccountName to look at rights by; else any ordinary account.
    pub account: Option<String>,
}

/// Runs every step; one that fails does not keep the others from running.
pub async fn run(config: &Config, options: &Options, clock: &dyn Clock) -> Report {
    let mut report = Report::default();
    report.ok("configuration", "the configuration is complete and without contradictions");
    check_store(config, &mut report).await;
    saml::check(config, clock, &mut report).await;
    oidc::check(config, clock, &mut report).await;
    people::check(config, clock, &mut report).await;
    audit::check(config, clock, &mut report).await;
    push::check(config, &mut report).await;
    let directory = match Directory::new(&config.directory) {
        Ok(directory) => directory,
        Err(error) => {
            report.problem(
                "trust",
                &error.to_string(),
                "put the CA's certificate in directory.ca_file (PEM), or install it on this machine",
            );
            return report;
        }
    };
    let mut answered = None;
    for (controller, settings) in directory.controllers().iter().zip(&config.directory.controllers) {
        if controller::check(&directory, controller, config, settings, clock, &mut report).await {
            answered.get_or_insert(controller);
        }
    }
    let Some(controller) = answered else {
        report.problem(
            "directory",
            "no controller could be used, so rights and policies were not looked at",
            "mend one of the controllers above first",
        );
        return report;
    };
    match directory.inspect(controller).await {
        Ok(mut inspection) => {
            rights::check(&mut inspection, config, options, &mut report).await;
            policies::check(&directory, config, &mut report).await;
        }
        Err(fault) => report.problem("directory", &fault.to_string(), "run the check again"),
    }
    report
}

async fn check_store(config: &Config, report: &mut Report) {
    let url = secrecy::ExposeSecret::expose_secret(&config.store.url);
    // The check may be run by somebody else than the service, who then could not open a database that was made here.
    if let Some(path) = store::missing_file(url) {
        let folder = path.parent().is_some_and(std::path::Path::is_dir);
        return if folder {
            report.ok("store", "the database is not there yet; it is made at the first start");
        } else {
            report.problem(
                "store",
                &format!("the folder of {} is not there", path.display()),
                "make it, writable for the service's user only",
            );
        };
    }
    let opened = store::Store::open(url).await;
    match opened {
        Ok(store) => match store.ping().await {
            Ok(()) => report.ok("store", "the store can be opened and answers"),
            Err(error) => report.problem("store", &error.to_string(), "see that the database runs and that store.url is right"),
        },
        Err(error) => {
            report.problem(
                "store",
                &error.to_string(),
                "see that the database runs, that store.url is right, and that this user may write there",
            );
        }
    }
}

/// A difference near the skew makes logins fail now and then.
fn clocks(ahead: SignedDuration, skew_seconds: u32, area: &str, report: &mut Report) {
    let seconds = ahead.as_secs();
    if seconds.unsigned_abs() * 2 > u64::from(skew_seconds) {
        let what = format!("its clock and ours differ by {} seconds; {} are taken", seconds.abs(), skew_seconds);
        report.warning(area, &what, "let this machine follow a time server (chrony, systemd-timesyncd)");
    } else {
        report.ok(area, "its clock and ours agree");
    }
}

/// Is there any account whose password a login of this provider may set?
fn can_reset(config: &Config, provider: &Provider) -> bool {
    let rules = std::iter::once(&config.reset.default).chain(config.reset.groups.iter().map(|group| &group.strength));
    rules.into_iter().any(|rule| rule.accepts(&provider.id) && provider.reaches(rule.level))
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
