//! Initial values of the counters: they start at 0, so that a monitoring system sees the first error as a rise.

use metrics::{counter, gauge};

use crate::{app::App, http::OUTAGES};

/// Counters without labels.
const PLAIN: [&str; 9] = [
    "os2nykode_errors_total",
    "os2nykode_rate_limited_total",
    "os2nykode_connections_closed_total",
    "os2nykode_audit_sealed_total",
    "os2nykode_audit_seal_failures_total",
    "os2nykode_audit_inauthentic_entries_total",
    "os2nykode_audit_chain_changed_total",
    "os2nykode_audit_foreign_checkpoints_total",
    "os2nykode_audit_foreign_cursors_total",
];

/// Counters with one label whose values are known.
const LABELLED: [(&str, &str, &[&str]); 5] = [
    ("os2nykode_connections_refused_total", "limit", &["all", "address"]),
    ("os2nykode_connections_failed_total", "step", &["accept", "tls"]),
    ("os2nykode_requests_refused_total", "stage", &["arriving", "large", "login", "waiting"]),
    ("os2nykode_outages_total", "what", &OUTAGES),
    ("os2nykode_local_account_sign_ins_total", "outcome", &["succeeded", "refused"]),
];

/// Sets every known counter to 0, and every controller to available.
pub(super) fn begin(app: &App) {
    crate::leaked::begin_metrics();
    for name in PLAIN {
        counter!(name).increment(0);
    }
    for (name, label, values) in LABELLED {
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
    for controller in app.directory.controllers() {
        gauge!("os2nykode_ldap_controller_up", "controller" => controller.name().to_owned()).set(1.0);
    }
    for provider in app.config.providers() {
        counter!("os2nykode_provider_refresh_failures_total", "provider" => provider.id.to_string()).increment(0);
    }
    for target in &app.forward_targets {
        counter!("os2nykode_audit_forward_failures_total", "target" => target.id.clone()).increment(0);
        counter!("os2nykode_audit_forward_sent_total", "target" => target.id.clone()).increment(0);
        for why in ["refused", "old"] {
            counter!("os2nykode_audit_forward_left_out_total", "target" => target.id.clone(), "why" => why).increment(0);
        }
    }
}
