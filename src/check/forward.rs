//! Check of log forwarding targets. No message is sent.

use super::{Id, Report};
use crate::{
    config::{Config, ForwardKind},
    forward::{DeliveryError, ForwardTarget},
};

/// Checks each target. An unreachable one does not stop the others.
pub(crate) async fn check(config: &Config, report: &mut Report) {
    for push in &config.audit.forward {
        let area = format!("audit.forward {}", push.id);
        if matches!(&push.kind, ForwardKind::Syslog { tls: None, host, .. } if !is_here(host)) {
            let what = "the log goes there in clear: a man in the middle reads names and addresses, and can change and remove entries";
            report.warning(Id::ForwardingInClear, &area, what, "set transport = \"tls\"");
        }
        let probed = match ForwardTarget::new(push, "check") {
            Ok(target) => target.probe().await,
            Err(error) => {
                report.problem(
                    Id::ForwardingUnusable,
                    &area,
                    &error.to_string(),
                    "correct host, ca_file, client_certificate_file or client_key_file",
                );
                continue;
            }
        };
        match (probed, &push.kind) {
            (Ok(()), ForwardKind::Syslog { .. }) => report.ok(&area, "it is reachable"),
            (Ok(()), ForwardKind::File(_)) => report.ok(&area, "this user can write it; the service's user needs the same right"),
            (Ok(()), ForwardKind::Hook(_)) => report.ok(&area, "it answers"),
            (Err(trouble), _) => report.problem(Id::ForwardingUnreachable, &area, &trouble.to_string(), advice(&trouble)),
        }
    }
}

fn advice(trouble: &DeliveryError) -> &'static str {
    match trouble {
        DeliveryError::Unreachable(_) => {
            "check that this machine can reach it, that host, port or url are correct, and that ca_file holds its CA"
        }
        DeliveryError::TimedOut => {
            "check that this machine can reach it, and that it closes a connection that the service has closed; or raise timeout_seconds"
        }
        DeliveryError::ClosedEarly => "its own log has the cause: it may require a client certificate, or one of another CA",
        DeliveryError::Status(401 | 403) => "compare token_file with its configuration",
        DeliveryError::Status(300..=399) => "redirects are not followed: set the address to which it redirects",
        DeliveryError::Status(_) | DeliveryError::Refused(_) => "correct url, and read its own log",
        DeliveryError::File(_) => "create the folder, writable for the service's user",
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
