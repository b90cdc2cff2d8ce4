//! One controller: name, TCP, TLS, login, clock, controls.

mod certificate;

pub use certificate::{ChainLink, Offered, offered_chain};

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{Id, Report};
use crate::{
    clock::Clock,
    config::{self, Config},
    directory::{Controller, Directory, Fault, Inspection, POLICY_HINTS, POLICY_HINTS_OLD, RootDse},
    model::dn::Dn,
};

/// A certificate that ends within this time is worth a word.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Kerberos and the minimum age both depend on clocks; AD itself tolerates five minutes.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// Looks at one controller; true where it can be used.
pub(super) async fn check(
    directory: &Directory,
    controller: &Controller,
    config: &Config,
    settings: &config::Controller,
    clock: &dyn Clock,
    report: &mut Report,
) -> bool {
    let area = controller.name();
    let endpoint = controller.endpoint();
    if settings.address.is_none()
        && let Err(error) = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await
    {
        report.problem(
            Id::ControllerNameUnknown,
            area,
            &format!("the name can't be looked up: {error}"),
            "mend DNS, or set the controller's `address` to its IP address",
        );
        return false;
    }
    if !reachable(controller, report).await || !trusted(controller, config, clock, report).await {
        return false;
    }
    match directory.inspect(controller).await {
        Ok(mut inspection) => {
            report.ok(area, "the service account can log in");
            match looks(&mut inspection, config, clock, area, report).await {
                Ok(()) => true,
                Err(fault) => {
                    report.problem(
                        Id::ControllerFailed,
                        area,
                        &fault.to_string(),
                        "run the check again; if it stays so, look at the controller",
                    );
                    false
                }
            }
        }
        Err(Fault::ServiceBind(text)) => {
            let what = format!("the service account can't log in: {}", service_bind_reason(&text));
            report.problem(
                Id::ServiceAccountRefused,
                area,
                &what,
                "set directory.bind_user (UPN or DN) and directory.bind_password_file; test them with ldapwhoami",
            );
            false
        }
        Err(fault) => {
            report.problem(Id::ControllerNotLdap, area, &fault.to_string(), "see that the controller answers LDAP");
            false
        }
    }
}

async fn reachable(controller: &Controller, report: &mut Report) -> bool {
    let endpoint = controller.endpoint();
    let place = format!("{}:{}", endpoint.host, endpoint.port);
    let what = match tokio::time::timeout(endpoint.timeout(), endpoint.tcp()).await {
        Ok(Ok(_)) => {
            report.ok(controller.name(), &format!("{place} accepts connections"));
            return true;
        }
        Ok(Err(error)) => format!("{place} can't be reached: {error}"),
        Err(_) => format!("{place} does not answer"),
    };
    report.problem(
        Id::ControllerUnreachable,
        controller.name(),
        &what,
        "open the firewall from this machine to that port, or correct the address",
    );
    false
}

async fn trusted(controller: &Controller, config: &Config, clock: &dyn Clock, report: &mut Report) -> bool {
    let area = controller.name();
    let offered = match certificate::offered_chain(controller.endpoint(), config.directory.ca_file.as_deref()).await {
        Ok(offered) => offered,
        Err(what) => {
            report.problem(Id::TrustUnusable, area, &what, "see directory.ca_file and the controller's name");
            return false;
        }
    };
    let now = clock.now();
    let chain = offered.chain.iter().map(|link| describe(link, now)).collect::<Vec<_>>().join("\n");
    match &offered.verdict {
        Ok(()) => report.ok(area, &format!("its certificate is trusted\n{chain}")),
        Err(error) => {
            let what = format!("its certificate is not trusted: {error}\n{chain}");
            report.problem(Id::ControllerCertificateOther, area, &what, &advice(error, &offered.chain, area));
        }
    }
    for link in &offered.chain {
        if let Some(ends) = link.ends.filter(|ends| now < *ends && ends.duration_since(now) < SOON) {
            let what = format!("the certificate of {} ends {}", link.subject, ends.strftime("%Y-%m-%d"));
            report.warning(
                Id::ControllerCertificateEnds,
                area,
                &what,
                "renew it on the controller; the service takes the new one by itself",
            );
        }
    }
    offered.verdict.is_ok()
}

fn describe(link: &certificate::ChainLink, now: Timestamp) -> String {
    let ends = link.ends.map_or_else(|| "an unreadable date".to_owned(), |e| e.strftime("%Y-%m-%d").to_string());
    let ended = if link.ends.is_some_and(|e| e <= now) { " (ENDED)" } else { "" };
    let names = if link.names.is_empty() { String::new() } else { format!(", for {}", link.names.join(", ")) };
    format!("           {} (issued by {}), until {ends}{ended}{names}", link.subject, link.issuer)
}

/// What to do about a chain that is not trusted.
fn advice(error: &str, chain: &[certificate::ChainLink], name: &str) -> String {
    let Some(leaf) = chain.first() else {
        return "the controller offered no certificate: has it one with the purpose Server Authentication?".to_owned();
    };
    let issuer = chain.last().map_or(leaf.issuer.as_str(), |last| last.issuer.as_str());
    if error.contains("UnknownIssuer") {
        format!("put the certificate of `{issuer}` (PEM) in directory.ca_file; export it on the CA with `certutil -ca.cert`")
    } else if error.contains("not valid for name") || error.contains("NotValidForName") {
        let names = leaf.names.join(", ");
        format!(
            "the certificate is for: {names}\nset the controller's `name` to one of these (and `address` if DNS does not know it), instead of `{name}`"
        )
    } else if error.contains("xpired") {
        "renew the controller's certificate".to_owned()
    } else if error.contains("UnsupportedCertVersion") || error.contains("CaUsedAsEndEntity") {
        "give the controller a certificate from the CA (template Domain Controller Authentication), not a self-signed one".to_owned()
    } else {
        "look at the chain above: it has to lead from the controller to a CA in directory.ca_file".to_owned()
    }
}

async fn looks(inspection: &mut Inspection<'_>, config: &Config, clock: &dyn Clock, area: &str, report: &mut Report) -> Result<(), Fault> {
    let root = inspection.root_dse().await?;
    let base = &config.directory.base_dn;
    if Dn::parse(&root.domain_dn) != Dn::parse(base) {
        report.problem(
            Id::ControllerDomain,
            area,
            &format!("it serves {}, not {base}", root.domain_dn),
            "set directory.base_dn to the domain's DN, or take the controller out",
        );
    }
    clock_difference(&root, clock, area, report);
    if root.supports(POLICY_HINTS) || root.supports(POLICY_HINTS_OLD) {
        report.ok(area, "has the policy-hints control: history and minimum age hold for resets too");
    } else {
        let what = "has no policy-hints control: a reset (not a change) is not held against history and minimum age";
        report.warning(
            Id::ControllerNoPolicyHints,
            area,
            what,
            "update the controller to Windows Server 2008 R2 SP1 or later; Samba has no such control",
        );
    }
    match inspection.pdc().await? {
        Some(pdc) if pdc.eq_ignore_ascii_case(&root.settings_dn) => {
            report.ok(area, "is the PDC emulator, which knows of every wrong password");
        }
        Some(_) | None => {}
    }
    units(inspection, config, area, report).await
}

/// Every unit of the configuration has to be there, and to be spelled as the directory spells it. AD finds `OU=Lærere` by `OU=Laerere`; the service compares
/// letter by letter, so that no account is served that the operator did not name.
async fn units(inspection: &mut Inspection<'_>, config: &Config, area: &str, report: &mut Report) -> Result<(), Fault> {
    for (key, dn) in config.units() {
        match inspection.spelling(dn).await? {
            None => {
                let what = format!("{dn} is not there, or the service account may not read it");
                report.problem(Id::BaseMissing, area, &what, &format!("correct {key}"));
            }
            Some(spelled) if Dn::parse(&spelled) != Dn::parse(dn) => {
                let what = format!("the directory knows {dn} as {spelled}: no account below it would be recognised");
                report.problem(Id::BaseSpelling, area, &what, &format!("write it in {key} as the directory does"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn clock_difference(root: &RootDse, clock: &dyn Clock, area: &str, report: &mut Report) {
    let Some(theirs) = generalized_time(&root.current_time) else {
        report.warning(Id::ControllerClockUnreadable, area, "its clock can't be read", "");
        return;
    };
    let difference = theirs.duration_since(clock.now());
    let seconds = difference.as_secs();
    if difference.abs() <= CLOCK_TOLERANCE {
        report.ok(area, &format!("its clock differs by {seconds} s"));
    } else {
        report.warning(
            Id::ControllerClock,
            area,
            &format!("its clock differs by {seconds} s"),
            "let both machines take the time from the same NTP server",
        );
    }
}

/// `20261123081000.0Z`.
fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
}

fn service_bind_reason(text: &str) -> String {
    use crate::directory::{BindAnswer, answer};
    match answer::of_bind(49, text).unwrap_or(BindAnswer::Other(0)) {
        BindAnswer::Wrong => "wrong name or password",
        BindAnswer::Locked => "the account is locked",
        BindAnswer::Disabled => "the account is disabled",
        BindAnswer::AccountExpired => "the account has expired",
        BindAnswer::PasswordExpired => "its password has expired; give it one that does not",
        BindAnswer::MustChange => "its password must be changed at the next logon; take that mark away",
        BindAnswer::NotAtThisHour => "it may not log in at this hour",
        BindAnswer::NotFromHere => "it may not log in from here",
        BindAnswer::Restricted => "a restriction of the account forbids it: is it in Protected Users, or under an authentication policy?",
        BindAnswer::NoLogonRight(_) => "it has not the right `Access this computer from the network` on the controller",
        BindAnswer::Proven | BindAnswer::Other(_) => return text.to_owned(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controllers_clock_is_read() {
        assert_eq!(generalized_time("20261123081000.0Z"), "2026-11-23T08:10:00Z".parse().ok());
        assert_eq!(generalized_time("2026112308100"), None);
        assert_eq!(generalized_time("20261323081000.0Z"), None);
        assert_eq!(generalized_time("ææææææææ"), None);
    }
}
