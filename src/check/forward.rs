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
            let what =
                "the log goes there in clear: whoever stands in between reads names and addresses, and can change and swallow entries";
            report.warning(Id::ForwardingInClear, &area, what, "let transport be \"tls\"");
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
            (Ok(()), ForwardKind::Syslog { .. }) => report.ok(&area, "it can be reached"),
            (Ok(()), ForwardKind::File(_)) => report.ok(&area, "this user can write it; the service's own has to, too"),
            (Ok(()), ForwardKind::Hook(_)) => report.ok(&area, "it answers"),
            (Err(trouble), _) => report.problem(Id::ForwardingUnreachable, &area, &trouble.to_string(), advice(&trouble)),
        }
    }
}

fn advice(trouble: &DeliveryError) -> &'static str {
    match trouble {
        DeliveryError::Unreachable(_) => {
            "see that this machine may reach it, that host, port or url are right, and that ca_file holds its CA"
        }
        DeliveryError::TimedOut => {
            "see that this machine may reach it, and that it closes a connection that we have closed; or raise timeout_seconds"
        }
        DeliveryError::ClosedEarly => "see in its own log why: it may want a client certificate, or one of another CA",
        DeliveryError::Status(401 | 403) => "compare token_file with what it has",
        DeliveryError::Status(300..=399) => "redirects are not followed: write the address that it answers at",
        DeliveryError::Status(_) | DeliveryError::Refused(_) => "correct url, and see its own log",
        DeliveryError::File(_) => "make the folder, writable for the service's user",
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
