//! What a controller says of itself, to anyone who asks.

use super::entry::Entry;

/// The parts of rootDSE that matter here (MS-ADTS 3.1.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDse {
    /// DN of the controller's settings object: its identity among the controllers.
    pub settings_dn: String,
    /// DN of the domain.
    pub domain_dn: String,
    /// DN of the configuration partition.
    pub configuration_dn: String,
    /// OIDs of the controls that it takes.
    pub controls: Vec<String>,
    /// Its clock, as `YYYYMMDDhhmmss.0Z`.
    pub current_time: String,
    /// Its DNS name.
    pub dns_name: String,
}

impl RootDse {
    pub(super) const ATTRIBUTES: &[&str] =
        &["dsServiceName", "defaultNamingContext", "configurationNamingContext", "supportedControl", "currentTime", "dnsHostName"];

    pub(super) fn from_entry(entry: &Entry) -> Self {
        let text = |name| entry.text(name).unwrap_or_default().to_owned();
        Self {
            settings_dn: text("dsServiceName"),
            domain_dn: text("defaultNamingContext"),
            configuration_dn: text("configurationNamingContext"),
            controls: entry.all("supportedControl").iter().map(|v| String::from_utf8_lossy(v).into_owned()).collect(),
            current_time: text("currentTime"),
            dns_name: text("dnsHostName"),
        }
    }

    /// Does it list this control?
    pub fn supports(&self, oid: &str) -> bool {
        self.controls.iter().any(|c| c == oid)
    }
}
