//! The rootDSE of a controller, which needs no bind.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::directory::session::entry::LdapEntry;

/// LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID.
const PARTIAL_SECRETS: &str = "1.2.840.113556.1.4.1920";
/// Lifetime of a reading. A controller may move to another site, get other software, or be reinstalled under its old name.
const FRESH: Duration = Duration::from_mins(10);

/// The last reading.
#[derive(Debug, Default)]
pub(crate) struct CachedRootDse(Mutex<Option<(Instant, Arc<RootDse>)>>);

impl CachedRootDse {
    /// The last reading, of any age.
    pub fn any(&self) -> Option<Arc<RootDse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(_, root)| root.clone())
    }

    /// The last reading, if it is younger than [`FRESH`].
    pub fn fresh(&self, now: Instant) -> Option<Arc<RootDse>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| now.saturating_duration_since(*at) < FRESH).map(|(_, root)| root.clone())
    }

    pub fn keep(&self, now: Instant, root: Arc<RootDse>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, root));
    }
}

/// The parts of rootDSE that the service uses (MS-ADTS 3.1.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDse {
    /// DN of the controller's settings object, which identifies it among the controllers.
    pub settings_dn: String,
    pub domain_dn: String,
    /// DN of the configuration partition.
    pub configuration_dn: String,
    /// OIDs of the supported controls.
    pub controls: Vec<String>,
    /// OIDs of its capabilities, which distinguish kinds of controllers.
    pub capabilities: Vec<String>,
    /// Its clock, as `YYYYMMDDhhmmss.0Z`.
    pub current_time: String,
    pub dns_name: String,
    /// invocationId of its database, the origin in the replication metadata of values that were written there. `None`: not read, or
    /// unreadable.
    pub invocation_id: Option<Uuid>,
}

impl RootDse {
    pub(crate) const ATTRIBUTES: &[&str] = &[
        "dsServiceName",
        "defaultNamingContext",
        "configurationNamingContext",
        "supportedControl",
        "supportedCapabilities",
        "currentTime",
        "dnsHostName",
    ];

    pub(crate) fn from_entry(entry: &LdapEntry) -> Self {
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

    pub fn supports(&self, oid: &str) -> bool {
        self.controls.iter().any(|c| c == oid)
    }

    /// Whether the controller is read-only (MS-ADTS 3.1.1.3.4.3.7).
    pub fn is_read_only(&self) -> bool {
        self.capabilities.iter().any(|oid| oid == PARTIAL_SECRETS)
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::session::root_dse::*;

    #[test]
    fn a_reading_is_good_for_ten_minutes() {
        let (remembered, now) = (CachedRootDse::default(), Instant::now());
        assert_eq!((remembered.any(), remembered.fresh(now)), (None, None));
        let root = Arc::new(RootDse::from_entry(&LdapEntry::default()));
        remembered.keep(now, root.clone());
        assert_eq!(remembered.fresh(now + Duration::from_secs(599)), Some(root.clone()));
        assert_eq!((remembered.any(), remembered.fresh(now + Duration::from_mins(10))), (Some(root), None));
    }
}
