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
        let what = "its URL does not ask for a verified certificate: whoever stands in between can say whose account it is";
        report.warning(
            Id::RegisterTlsWeak,
            &format!("people {}", source.id),
            what,
            "let the URL say sslmode=verify-full (MySQL: ssl-mode=VERIFY_IDENTITY)",
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
        let what = "parents act on every account with their child's CPR number, on one that it has as an employee too";
        report.warning(Id::ParentsEveryAccount, "parents", what, "name the pupils' units or groups: parents.units, parents.groups");
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
        let what = "it is asked with the CPR number in the address, which servers and proxies log";
        report.warning(
            Id::RegisterCprInAddress,
            area,
            what,
            "use POST as soon as the service takes it, and keep those logs as you keep CPR numbers",
        );
    }
    if matches!(service.credentials, RegisterCredentials::None) && service.certificate.is_none() {
        let what = "we show it nothing by which it could know us: whoever reaches it may ask it too";
        report.warning(Id::RegisterAnonymous, area, what, "let it ask for a password, a token or a client certificate");
    }
    if let Some(certificate) = &service.certificate {
        match operator_file::certificates(&certificate.file).ok().and_then(|chain| end(chain.first()?)) {
            Some(end) if end < now => {
                report.problem(Id::RegisterCertificateEnded, area, &format!("our certificate ended on {}", day(end)), "get a new one");
            }
            Some(end) if end < now + SOON => {
                report.warning(Id::RegisterCertificateEnds, area, &format!("our certificate ends on {}", day(end)), "get a new one");
            }
            Some(end) => report.ok(area, &format!("our certificate holds until {}", day(end))),
            None => report.problem(
                Id::RegisterSetup,
                area,
                "our certificate can't be read",
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
        Ok(0) => return report.ok(area, "it answers as configured to a number that nobody has"),
        Ok(count) => {
            let what = format!("it names {count} {what}(s) for a number that nobody has");
            return report.warning(
                Id::RegisterNamesSomebody,
                area,
                &what,
                "see that the query or the service goes by the number that it is given",
            );
        }
        Err(trouble) => trouble,
    };
    let advice = match &trouble {
        RegisterErrorCause::Unreachable(_) => {
            "see that this machine may reach it, that the address is right, and that ca_file or sslrootcert (MySQL: ssl-ca) holds its CA"
        }
        RegisterErrorCause::TimedOut => "see that this machine may reach it and that it is fast enough, or raise timeout_seconds",
        RegisterErrorCause::NotLetIn(_) => "compare our credentials with what it has",
        RegisterErrorCause::Refused(_) => "correct the query, or give the user the right to read what it reads",
        RegisterErrorCause::Status(400 | 404 | 410 | 422) => {
            let what = format!("it {trouble} to a number that nobody has: reachable, but whether it knows people is not clear");
            return report.warning(
                Id::RegisterUnclear,
                area,
                &what,
                "where this is how it says that it knows nobody, put the status in not_found_statuses; else correct url",
            );
        }
        RegisterErrorCause::Status(300..400) => "redirects are not followed: write the address that it answers at",
        RegisterErrorCause::Status(_) => "see its own log",
        RegisterErrorCause::NotAsConfigured(_) => {
            "compare account_key, field, accounts_at (for parents: name_field, cpr_field) and the query's first column with what it answers"
        }
        RegisterErrorCause::TooLarge(_) | RegisterErrorCause::TooMany(_) => {
            "see that the query or the service goes by the number that it is given"
        }
        RegisterErrorCause::Crashed => "tell the developers",
    };
    report.problem(Id::RegisterFailed, area, &trouble.to_string(), advice);
}
