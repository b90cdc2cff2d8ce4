//! Check of one controller: DNS, TCP, TLS, bind, clock and controls.

mod certificate;
mod handshake;
mod pdc;
mod peer;
mod service_bind;

pub use certificate::ChainLink;
pub use handshake::{HandshakeError, Offered, offered_chain};
pub(super) use pdc::check as pdc_is_among;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use peer::Peer;
use rustls::RootCertStore;

use super::{Id, Report};
use crate::{
    clock::Clock,
    config::{self, Config},
    directory::{Controller, ControllerInspection, Directory, DirectoryError, POLICY_HINTS, POLICY_HINTS_OLD, RootDse},
    model::ad::dn::Dn,
};

/// Ports of the global catalog, without and with TLS.
const GLOBAL_CATALOG: [u16; 2] = [3268, 3269];
/// Tolerated difference of clocks. Kerberos and the minimum age depend on them; AD itself tolerates five minutes.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// Runs the check; `true` if the controller can be used.
pub(super) async fn check(
    directory: &Directory,
    controller: &Controller,
    config: &Config,
    settings: &config::ControllerConfig,
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
            &format!("the name cannot be resolved: {error}"),
            "correct DNS, or set the controller's `address` to its IP address",
        );
        return false;
    }
    if GLOBAL_CATALOG.contains(&endpoint.port) {
        let what = format!("port {} is the global catalog, which is read-only and holds only a part of each account", endpoint.port);
        report.problem(Id::ControllerPortGlobalCatalog, area, &what, "remove `port` (636, or 389 with transport = \"starttls\")");
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
                        "run the check again; if the problem stays, read the controller's event log (Directory Service)",
                    );
                    false
                }
            }
        }
        Err(DirectoryError::ServiceBind(text)) => {
            service_bind::refused(area, &config.directory.bind_user, &text, report);
            false
        }
        Err(fault) => {
            report.problem(
                Id::ControllerNotLdap,
                area,
                &fault.to_string(),
                "check that it is a domain controller and that it is not starting",
            );
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
        Ok(Err(error)) => format!("{place} is not reachable: {error}"),
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

/// Checks TLS. If there is none, reports the protocol that answers instead.
async fn trusted(controller: &Controller, config: &Config, clock: &dyn Clock, report: &mut Report) -> bool {
    let area = controller.name();
    let endpoint = controller.endpoint();
    let offered = match offered_chain(endpoint, config.directory.ca_file.as_deref()).await {
        Ok(offered) => offered,
        Err(what) => {
            report.problem(Id::TrustUnusable, area, &what, "check directory.ca_file and the controller's `name`");
            return false;
        }
    };
    let now = clock.now();
    match offered.verdict {
        Ok(()) => {
            certificate::good(area, &offered.chain, now, report);
            return true;
        }
        Err(failure) if offered.chain.is_empty() => instead(controller, &offered.roots, &failure, now, report).await,
        Err(failure) => certificate::bad(area, &offered.chain, &offered.roots, &failure.to_string(), now, report),
    }
    false
}

const VERSION: &str = "enable TLS 1.2 on the controller: HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2\\Server, Enabled = 1 and DisabledByDefault = 0, restart";
const CIPHERS: &str = "on the controller, PowerShell: Enable-TlsCipherSuite TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (for an ECDSA key: TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)\nor the group policy SSL Cipher Suite Order";

/// Reports the protocol on a port that showed no certificate.
async fn instead(controller: &Controller, roots: &RootCertStore, failure: &HandshakeError, now: Timestamp, report: &mut Report) {
    let (area, endpoint) = (controller.name(), controller.endpoint());
    let (port, starttls) = (endpoint.port, endpoint.starttls());
    if *failure == HandshakeError::NoStartTls {
        let remedy = "use port 636 (transport = \"ldaps\"), or give the controller a certificate: without one it offers no StartTLS";
        return report.problem(Id::ControllerStarttlsRefused, area, "it speaks LDAP on that port, but does not offer StartTLS", remedy);
    }
    match peer::look(endpoint, starttls).await {
        Peer::Tls(tls) if tls.is_old() => {
            let what = format!("it supports at most {} ({}); TLS 1.2 is required", tls.version, tls.cipher);
            report.problem(Id::ControllerTlsVersion, area, &what, VERSION);
        }
        Peer::Tls(tls) if tls.has_weak_cipher() => {
            let what = format!("it offers no secure cipher: its best is {} ({})", tls.cipher, tls.version);
            report.problem(Id::ControllerTlsCipher, area, &what, CIPHERS);
        }
        // rustls refuses a certificate that is too weak before it passes it on.
        Peer::Tls(tls) => certificate::bad(area, &certificate::chain(&tls.chain), roots, &failure.to_string(), now, report),
        Peer::PlainLdap if !starttls => {
            let what = format!("port {port} speaks LDAP without TLS at first, but transport is \"ldaps\"");
            let remedy = "remove `port` (636), or set transport = \"starttls\" for port 389";
            report.problem(Id::ControllerTransportWrong, area, &what, remedy);
        }
        _ if starttls && matches!(peer::look(endpoint, false).await, Peer::Tls(_)) => {
            let what = format!("port {port} speaks TLS from the first byte on, but transport is \"starttls\"");
            let remedy = "remove `transport` (\"ldaps\"), or use port 389 with transport = \"starttls\"";
            report.problem(Id::ControllerTransportWrong, area, &what, remedy);
        }
        Peer::Silent => {
            let what = format!("it accepts connections to port {port}, but does not answer in time");
            let remedy = "the controller is overloaded, has no certificate yet, or a firewall drops TLS\ntry `openssl s_client -connect HOST:PORT` from this machine; if that hangs too, read the controller's event log (Directory Service)";
            report.problem(Id::ControllerTlsStalls, area, &what, remedy);
        }
        Peer::SomethingElse => {
            let what = format!("port {port} speaks neither TLS nor LDAP");
            let remedy = "correct `address` and `port`: 636, or 389 with transport = \"starttls\"";
            report.problem(Id::ControllerNotTls, area, &what, remedy);
        }
        Peer::PlainLdap | Peer::Closes => {
            let what = format!("it closes the connection instead of a TLS handshake: {failure}");
            let remedy = "check that it has a certificate with the purpose Server Authentication: certlm.msc, Personal; its event log (Directory Service, 1220 or 1221) shows whether it found one\ncompare with `openssl s_client -connect HOST:PORT`";
            report.problem(Id::ControllerTlsFailed, area, &what, remedy);
        }
    }
}

async fn looks(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    clock: &dyn Clock,
    area: &str,
    report: &mut Report,
) -> Result<(), DirectoryError> {
    let root = inspection.root_dse().await?;
    let base = &config.directory.base_dn;
    if Dn::parse(&root.domain_dn) != Dn::parse(base) {
        report.problem(
            Id::ControllerDomain,
            area,
            &format!("it serves {}, not {base}", root.domain_dn),
            "set directory.base_dn to the domain's DN, or remove the controller",
        );
    }
    clock_difference(&root, clock, area, report);
    if root.is_read_only() {
        let remedy = "remove it from directory.controllers, and add writable ones: Get-ADDomainController -Filter 'IsReadOnly -eq $false'";
        report.problem(Id::ControllerReadOnly, area, "it is a read-only controller (RODC)", remedy);
    }
    if root.supports(POLICY_HINTS) || root.supports(POLICY_HINTS_OLD) {
        report.ok(area, "has the policy-hints control: history and minimum age apply to resets too");
    } else {
        let what = "has no policy-hints control: history and minimum age do not apply to a reset (only to a change)";
        report.warning(
            Id::ControllerNoPolicyHints,
            area,
            what,
            "update the controller to Windows Server 2008 R2 SP1 or later; Samba has no such control",
        );
    }
    match inspection.pdc().await? {
        Some(pdc) if pdc.eq_ignore_ascii_case(&root.settings_dn) => {
            report.ok(area, "is the PDC emulator, which counts all wrong passwords");
        }
        Some(_) | None => {}
    }
    units(inspection, config, area, report).await
}

/// Checks that each configured OU exists and is spelled as in the directory.
///
/// AD finds `OU=Lærere` by `OU=Laerere`. The service compares letter by letter, so that it serves no account that the operator did not
/// name.
async fn units(inspection: &mut ControllerInspection<'_>, config: &Config, area: &str, report: &mut Report) -> Result<(), DirectoryError> {
    for (key, dn) in config.units() {
        match inspection.spelling(dn).await? {
            None => {
                let what = format!("{dn} does not exist, or the service account may not read it");
                report.problem(Id::BaseMissing, area, &what, &format!("correct {key}"));
            }
            Some(spelled) if Dn::parse(&spelled) != Dn::parse(dn) => {
                let what = format!("the directory spells {dn} as {spelled}: accounts below it are not recognised");
                report.problem(Id::BaseSpelling, area, &what, &format!("spell it in {key} as the directory does"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn clock_difference(root: &RootDse, clock: &dyn Clock, area: &str, report: &mut Report) {
    let Some(theirs) = generalized_time(&root.current_time) else {
        report.warning(Id::ControllerClockUnreadable, area, "its clock cannot be read", "");
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
            "use the same time source (NTP) on both machines",
        );
    }
}

/// Parses a generalized time such as `20261123081000.0Z`.
fn generalized_time(text: &str) -> Option<Timestamp> {
    let digits = text.get(..14).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    DateTime::strptime("%Y%m%d%H%M%S", digits).ok()?.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp())
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
