//! What a controller says of itself, to anyone who asks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::entry::Entry;

/// LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID.
const PARTIAL_SECRETS: &str = "1.2.840.113556.1.4.1920";
/// Read anew after this long: a controller moves to another site, gets other software, or is set up again under its old name.
const FRESH: Duration = Duration::from_mins(10);

/// The last reading.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<Option<(Instant, Arc<RootDse>)>>);

impl Remembered {
    /// Whatever its age.
    pub fn any(&self) -> Option<Arc<RootDse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, root)| root.clone())
    }

    /// One that is still good.
    pub fn fresh(&self, now: Instant) -> Option<Arc<RootDse>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < FRESH).map(|(_, root)| root.clone())
    }

    /// Keeps a new one.
    pub fn keep(&self, now: Instant, root: Arc<RootDse>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, root));
    }
}

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
    /// OIDs of what it is able to do, by which kinds of controllers are told apart.
    pub capabilities: Vec<String>,
    /// Its clock, as `YYYYMMDDhhmmss.0Z`.
    pub current_time: String,
    /// Its DNS name.
    pub dns_name: String,
    /// invocationId of its database: what the replication metadata of every value written there names as its origin. `None`: not read, or not readable.
    pub invocation_id: Option<Uuid>,
}

impl RootDse {
    pub(super) const ATTRIBUTES: &[&str] = &[
        "dsServiceName",
        "defaultNamingContext",
        "configurationNamingContext",
        "supportedControl",
        "supportedCapabilities",
        "currentTime",
        "dnsHostName",
    ];

    pub(super) fn from_entry(entry: &Entry) -> Self {
        let text = |name| entry.text(name).unwrap_or_default().to_owned();
        let texts = |name| entry.all(name).iter().map(|v| String::from_utf8_lossy(v).into_owned()).collect();
        Self {
            settings_dn: text("dsServiceName"),
            domain_dn: text("defaultNamingContext"),
            configuration_dn: text("configurationNamingContext"),
            controls: texts("supportedControl"),
            capabilities: texts("supportedCapabilities"),
            current_time: text("currentTime"),
            dns_name: text("dnsHostName"),
            invocation_id: None,
        }
    }

    /// Does it list this control?
    pub fn supports(&self, oid: &str) -> bool {
        self.controls.iter().any(|c| c == oid)
    }

    /// Is it a read-only controller (MS-ADTS 3.1.1.3.4.3.7)?
    pub fn is_read_only(&self) -> bool {
        self.capabilities.iter().any(|oid| oid == PARTIAL_SECRETS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_good_for_ten_minutes() {
        let (remembered, now) = (Remembered::default(), Instant::now());
        assert_eq!((remembered.any(), remembered.fresh(now)), (None, None));
        let root = Arc::new(RootDse::from_entry(&Entry::default()));
        remembered.keep(now, root.clone());
        assert_eq!(remembered.fresh(now + Duration::from_secs(599)), Some(root.clone()));
        assert_eq!((remembered.any(), remembered.fresh(now + Duration::from_mins(10))), (Some(root), None));
    }
}
