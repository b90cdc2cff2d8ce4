//! Metrics of the process: their descriptions, build information, and the process's own figures.
//!
//! Invariant: every metric of the service is in [`METRICS`], and so has a `HELP` and a `TYPE` line.

use std::{fmt::Write, time::Duration};

use jiff::Timestamp;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use rustix::time::{ClockId, clock_gettime};

use crate::telemetry;

#[derive(Clone, Copy)]
enum MetricType {
    Counter,
    Gauge,
    Histogram,
}
use MetricType::{Counter, Gauge, Histogram};

/// Type, name and help text of each metric.
const METRICS: [(MetricType, &str, &str); 46] = [
    (Gauge, "os2nykode_build_info", "Always 1; the label version is the program's version."),
    (Counter, "os2nykode_http_requests_total", "Requests by route and status."),
    (Histogram, DURATION, "Duration of requests by route."),
    (Counter, "os2nykode_rate_limited_total", "Rate-limit delays."),
    (Counter, "os2nykode_errors_total", "Error pages (500)."),
    (Counter, "os2nykode_outages_total", "Outage pages (503) by cause."),
    (Gauge, "os2nykode_ready", "1 after a successful /health/ready, 0 after a failed one."),
    (Counter, "os2nykode_connections_refused_total", "Connections beyond a limit."),
    (Counter, "os2nykode_connections_failed_total", "Connections that failed, by step."),
    (Counter, "os2nykode_connections_closed_total", "Idle connections that were closed to make room."),
    (Counter, "os2nykode_requests_refused_total", "Requests that got no place, by stage."),
    (Counter, "os2nykode_ldap_operations_total", "LDAP operations by kind."),
    (Gauge, "os2nykode_ldap_controller_up", "0 while the domain controller is passed over."),
    (Gauge, "os2nykode_ldap_service_account_refused", "1 while AD refuses the service account."),
    (Counter, "os2nykode_ldap_service_account_refusals_total", "Refused binds of the service account."),
    (Gauge, "os2nykode_provider_usable", "0 while an identity provider is unusable or does not answer."),
    (Counter, "os2nykode_provider_refresh_failures_total", "Failed refreshes of a provider's metadata or discovery document."),
    (Counter, "os2nykode_provider_refused_total", "Answers of providers that proved no login."),
    (Gauge, "os2nykode_own_certificate_expiry_seconds", "Seconds until the service's own SAML and OpenID certificates expire."),
    (Gauge, "os2nykode_saml_provider_certificate_expiry_seconds", "Seconds until the SAML provider's certificate expires."),
    (Gauge, "os2nykode_saml_provider_metadata_expiry_seconds", "Seconds until the SAML provider's metadata expire."),
    (Counter, "os2nykode_local_account_sign_ins_total", "Logins with local accounts by outcome."),
    (Counter, "os2nykode_register_questions_total", "Requests to registers and to the family service by outcome."),
    (Counter, "os2nykode_audit_sealed_total", "Sealed entries of the audit log."),
    (Gauge, "os2nykode_audit_unsealed_entries", "Entries of the audit log that wait for their seal."),
    (Gauge, "os2nykode_audit_unsigned_entries", "Entries of the audit log after the last checkpoint."),
    (Counter, "os2nykode_audit_seal_failures_total", "Failed attempts to seal or sign the audit log."),
    (Gauge, "os2nykode_audit_checkpoint_timestamp_seconds", "Time of the last checkpoint, in seconds since 1970."),
    (
        Counter,
        "os2nykode_audit_inauthentic_entries_total",
        "Entries that the service did not write, or that were changed before their seal.",
    ),
    (Counter, "os2nykode_audit_chain_changed_total", "Checkpoints that were not signed because the chain in the database has changed."),
    (Counter, "os2nykode_audit_foreign_checkpoints_total", "Checkpoints without a valid signature of a known key."),
    (Counter, "os2nykode_audit_foreign_cursors_total", "Cursors of log forwarding that another program has moved."),
    (Gauge, "os2nykode_audit_forward_behind", "Entries that a target of log forwarding does not have yet."),
    (Counter, "os2nykode_audit_forward_failures_total", "Failed attempts of log forwarding."),
    (Counter, "os2nykode_audit_forward_sent_total", "Messages that log forwarding has sent."),
    (Counter, "os2nykode_audit_forward_left_out_total", "Messages of log forwarding that were given up, by reason."),
    (Counter, "os2nykode_audit_alerts_total", "Alerts of the audit log by rule."),
    (Counter, "os2nykode_audit_anchor_failures_total", "Writes of the audit log's anchor that failed."),
    (Counter, "os2nykode_audit_retention_refused_total", "Runs of retention that deleted nothing because of the clock."),
    (Gauge, "os2nykode_ldap_service_account_expiry_seconds", "Seconds until the service account or its password ends; +Inf: never."),
    (Counter, "os2nykode_leaked_lookups_total", "Lookups of new passwords in the lists of leaked ones, by source and outcome."),
    (Histogram, LEAKED_DURATION, "Duration of lookups in the lists of leaked passwords."),
    (Counter, "os2nykode_leaked_unavailable_total", "Lists of leaked passwords that gave no answer, by source."),
    (Gauge, "os2nykode_leaked_ranges_remembered", "Answers of the range API in memory."),
    (Gauge, "os2nykode_leaked_list_hashes", "Hashes in the list of leaked passwords on this machine; 0: not open."),
    (Gauge, "os2nykode_leaked_list_source_timestamp_seconds", "Time of the list's download, in seconds since 1970."),
];

const DURATION: &str = "os2nykode_http_request_duration_seconds";
const LEAKED_DURATION: &str = "os2nykode_leaked_lookup_duration_seconds";
/// Upper bounds in seconds: from a page without LDAP to the longest wait for a place.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The recorder of the process, with all metrics described.
pub(super) struct Metrics {
    handle: PrometheusHandle,
    started: Timestamp,
}

/// Installs the recorder. Once a process.
pub(super) fn install(started: Timestamp) -> Result<Metrics, BuildError> {
    // Without bounds a histogram would be a summary.
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    describe();
    metrics::gauge!("os2nykode_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(Metrics { handle, started })
}

fn describe() {
    for (kind, name, help) in METRICS {
        match kind {
            Counter => metrics::describe_counter!(name, help),
            Gauge => metrics::describe_gauge!(name, help),
            Histogram => metrics::describe_histogram!(name, help),
        }
    }
}

impl Metrics {
    /// For the upkeep job.
    pub(super) fn handle(&self) -> PrometheusHandle {
        self.handle.clone()
    }

    /// All metrics in Prometheus' text format.
    pub(super) fn render(&self) -> String {
        self.handle.render() + &process(self.started)
    }
}

/// Prometheus' own names for the figures of a process. A figure that the operating system does not give is left out.
fn process(started: Timestamp) -> String {
    let mut text = String::new();
    let mut add = |kind: &str, name: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"); // a String takes all
        }
    };
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default()).as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let since_1970 = Some(started.as_duration().as_secs_f64());
    add("counter", "process_cpu_seconds_total", "Processor time in seconds.", Some(seconds));
    add("gauge", "process_resident_memory_bytes", "Memory in RAM.", kibibytes(&status, "VmRSS:"));
    add("gauge", "process_virtual_memory_bytes", "Address space.", kibibytes(&status, "VmSize:"));
    add("gauge", "process_threads", "Threads.", field(&status, "Threads:"));
    add("gauge", "process_start_time_seconds", "Start of the process, in seconds since 1970.", since_1970);
    add("gauge", "process_max_fds", "Limit of open files.", u32::try_from(telemetry::descriptors()).ok().map(f64::from));
    // A process without core dumps may only count its files as root.
    let open = std::fs::read_dir("/proc/self/fd").ok().and_then(|files| u32::try_from(files.count()).ok());
    add("gauge", "process_open_fds", "Open files and connections.", open.map(f64::from));
    text
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    field(status, name).map(|value| value * 1024.0)
}

/// A number of /proc/self/status.
fn field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Names that begin with `os2nykode_` between other characters than those of names.
    fn named(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("os2nykode_")).map(str::to_owned).collect()
    }

    fn described() -> BTreeSet<String> {
        METRICS.iter().map(|(_, name, _)| (*name).to_owned()).collect()
    }

    fn project(file: &str) -> String {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
    }

    fn sources(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                sources(&entry, found);
            } else if !entry.ends_with("serve/metrics.rs") {
                let text = fs::read_to_string(&entry).expect("text");
                let quoted = text.split('"').filter(|part| {
                    part.len() > "os2nykode_".len()
                        && part.starts_with("os2nykode_")
                        && !part.contains(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == '2'))
                });
                found.extend(quoted.map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_metric_of_the_source_is_described_and_every_description_has_a_metric() {
        let mut used = BTreeSet::from(["os2nykode_build_info".to_owned()]);
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        assert_eq!(used, described());
    }

    #[test]
    fn operations_md_lists_every_metric() {
        let listed = named(&project("docs/operations.md"));
        let missing: Vec<_> = described().into_iter().filter(|name| !listed.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn alert_rules_and_dashboard_name_only_metrics_that_exist() {
        let described = described();
        for file in ["packaging/monitoring/alerts.yml", "packaging/monitoring/grafana-dashboard.json"] {
            let named = named(&project(file));
            assert!(named.len() > 8, "{file} names metrics");
            let series = |name: &String| {
                ["", "_bucket", "_count", "_sum"].iter().any(|end| name.strip_suffix(end).is_some_and(|name| described.contains(name)))
            };
            let unknown: Vec<_> = named.iter().filter(|name| !series(name)).collect();
            assert!(unknown.is_empty(), "{file}: {unknown:?}");
        }
    }

    #[test]
    fn the_figures_of_a_process_are_those_of_the_operating_system() {
        let text = process(Timestamp::from_second(1_000_000).expect("a time"));
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect(name);
            line.parse().expect("a number")
        };
        assert!(
            value("process_resident_memory_bytes") > 1e6 && value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes")
        );
        assert!(value("process_threads") >= 1.0 && value("process_max_fds") >= 64.0 && value("process_cpu_seconds_total") > 0.0);
        assert!((value("process_start_time_seconds") - 1_000_000.0).abs() < 1e-6);
        assert_eq!(kibibytes("VmRSS:\t  12 kB\n", "VmRSS:"), Some(12288.0));
        assert_eq!(field("VmRSS:\n", "VmRSS:"), None);
    }
}
