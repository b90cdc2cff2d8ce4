//! Check of the registers and the family service: connection, credentials and response format.
//!
//! The queries use a CPR number that belongs to no person, so that none is looked up.

use jiff::Timestamp;

use super::{Id, Report, day};
use crate::{
    clock::Clock,
    config::{Asks, Config, RegisterCredentials, ServiceConfig},
    operator_file,
    registers::{Family, Lookups, RegisterErrorCause, SetupError},
};

/// A certificate that expires within this time is reported.
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(24 * 30);

/// Checks all registers. An unreachable one does not stop the others.
pub(crate) async fn check(config: &Config, clock: &dyn Clock, report: &mut Report) {
    for source in config.registers.sql.iter().filter(|source| !source.verified) {
        let what = "its URL does not require a verified certificate: a man in the middle can choose the account of a login";
        report.warning(
            Id::RegisterTlsWeak,
            &format!("people {}", source.id),
            what,
            "set sslmode=verify-full in the URL (MySQL: ssl-mode=VERIFY_IDENTITY)",
        );
    }
    for source in &config.registers.rest {
        service(&source.service, &format!("people {}", source.service.id), clock.now(), report);
    }
    match Lookups::new(&config.registers) {
        Ok(lookups) => {
            for probe in lookups.probe().await {
                told(&format!("people {}", probe.id), probe.named, "account", report);
            }
        }
        Err(error) => unusable("people", &error, report),
    }
    let Some(parents) = &config.parents else { return };
    service(&parents.service, "parents", clock.now(), report);
    if parents.every_account() {
        let what = "parents act on every account with their child's CPR number, including an employee account";
        report.warning(Id::ParentsEveryAccount, "parents", what, "set the pupils' units or groups: parents.units, parents.groups");
    }
    match Family::new(parents) {
        Ok(family) => told("parents", family.children_of_nobody().await.map_err(|fault| fault.trouble), "child", report),
        Err(error) => unusable("parents", &error, report),
    }
}

fn unusable(area: &str, error: &SetupError, report: &mut Report) {
    report.problem(Id::RegisterSetup, area, &error.to_string(), "correct ca_file, client_certificate_file or client_key_file");
}

/// Checks a web service's configuration without a request.
fn service(service: &ServiceConfig, area: &str, now: Timestamp, report: &mut Report) {
    if service.asks == Asks::InAddress {
        let what = "requests contain the CPR number in the address, which servers and proxies log";
        report.warning(
            Id::RegisterCprInAddress,
            area,
            what,
            "use POST as soon as the web service accepts it, and protect those logs like CPR numbers",
        );
    }
    if matches!(service.credentials, RegisterCredentials::None) && service.certificate.is_none() {
        let what = "it is queried without credentials: any client that reaches it can query it too";
        report.warning(Id::RegisterAnonymous, area, what, "let the web service require a password, a token or a client certificate");
    }
    if let Some(certificate) = &service.certificate {
        match operator_file::certificates(&certificate.file).ok().and_then(|chain| end(chain.first()?)) {
            Some(end) if end < now => {
                report.problem(
                    Id::RegisterCertificateEnded,
                    area,
                    &format!("the client certificate expired on {}", day(end)),
                    "get a new one",
                );
            }
            Some(end) if end < now + SOON => {
                report.warning(
                    Id::RegisterCertificateEnds,
                    area,
                    &format!("the client certificate expires on {}", day(end)),
                    "get a new one",
                );
            }
            Some(end) => report.ok(area, &format!("the client certificate is valid until {}", day(end))),
            None => report.problem(
                Id::RegisterSetup,
                area,
                "the client certificate cannot be read",
                "client_certificate_file has to be a certificate in PEM",
            ),
        }
    }
}

fn end(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// Reports the response to the unassigned CPR number.
fn told(area: &str, named: Result<usize, RegisterErrorCause>, what: &str, report: &mut Report) {
    let trouble = match named {
        Ok(0) => return report.ok(area, "it answers as configured to an unassigned CPR number"),
        Ok(count) => {
            let what = format!("it returns {count} {what}(s) for an unassigned CPR number");
            return report.warning(
                Id::RegisterNamesSomebody,
                area,
                &what,
                "check that the query or web service selects by the CPR number of the request",
            );
        }
        Err(trouble) => trouble,
    };
    let advice = match &trouble {
        RegisterErrorCause::Unreachable(_) => {
            "check that this machine can reach it, that the address is correct, and that ca_file or sslrootcert (MySQL: ssl-ca) holds its CA"
        }
        RegisterErrorCause::TimedOut => "check that this machine can reach it and that it is fast enough, or raise timeout_seconds",
        RegisterErrorCause::NotLetIn(_) => "compare the configured credentials with those that it knows",
        RegisterErrorCause::Refused(_) => "correct the query, or give the database user the right to read its tables",
        RegisterErrorCause::Status(400 | 404 | 410 | 422) => {
            let what =
                format!("it {trouble} to an unassigned CPR number: it is reachable, but whether it finds existing people is unclear");
            return report.warning(
                Id::RegisterUnclear,
                area,
                &what,
                "if this status means \"no such person\", add it to not_found_statuses; otherwise correct url",
            );
        }
        RegisterErrorCause::Status(300..400) => "redirects are not followed: set the address to which it redirects",
        RegisterErrorCause::Status(_) => "read its own log",
        RegisterErrorCause::NotAsConfigured(_) => {
            "compare account_key, field, accounts_at (for parents: name_field, cpr_field) and the query's first column with its answer"
        }
        RegisterErrorCause::TooLarge(_) | RegisterErrorCause::TooMany(_) => {
            "check that the query or web service selects by the CPR number of the request"
        }
        RegisterErrorCause::Crashed => "report a bug to the developers",
    };
    report.problem(Id::RegisterFailed, area, &trouble.to_string(), advice);
}
