//! Initial values of the counters: they start at 0, so that a monitoring system sees the first error as a rise.

use metrics::{counter, gauge};

use crate::{app::App, http::OUTAGES};

/// Counters without labels.
const PLAIN: [&str; 9] = [
    "faults_total",
    "throttled_total",
    "connections_closed_total",
    "audit_sealed_total",
    "audit_seal_failures_total",
    "audit_unsound_total",
    "audit_chain_changed_total",
    "audit_foreign_checkpoints_total",
    "audit_foreign_cursors_total",
];

/// Counters with one label whose values are known.
const LABELLED: [(&str, &str, &[&str]); 5] = [
    ("connections_refused_total", "limit", &["all", "address"]),
    ("connections_failed_total", "step", &["accept", "tls"]),
    ("requests_refused_total", "stage", &["arriving", "large", "login", "waiting"]),
    ("outages_total", "what", &OUTAGES),
    ("staff_sign_ins_total", "outcome", &["succeeded", "refused"]),
];

/// Sets every known counter to 0, and every controller to available.
pub(super) fn begin(app: &App) {
    for name in PLAIN {
        counter!(name).increment(0);
    }
    for (name, label, values) in LABELLED {
        for value in values {
            counter!(name, label => *value).increment(0);
        }
    }
    for controller in app.directory.controllers() {
        gauge!("ldap_controller_up", "controller" => controller.name().to_owned()).set(1.0);
    }
    for provider in app.config.providers() {
        counter!("provider_refresh_failures_total", "provider" => provider.id.to_string()).increment(0);
    }
    for target in &app.push {
        counter!("audit_push_failures_total", "target" => target.id.clone()).increment(0);
        counter!("audit_push_sent_total", "target" => target.id.clone()).increment(0);
        for why in ["refused", "old"] {
            counter!("audit_push_left_out_total", "target" => target.id.clone(), "why" => why).increment(0);
        }
    }
}
