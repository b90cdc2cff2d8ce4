//! What a controller says of itself, to anyone who asks.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::entry::Entry;

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
    /// Its clock, as `YYYYMMDDhhmmss.0Z`.
    pub current_time: String,
    /// Its DNS name.
    pub dns_name: String,
    /// invocationId of its database: what the replication metadata of every value written there names as its origin. `None`: not read, or not readable.
    pub invocation_id: Option<Uuid>,
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
            invocation_id: None,
        }
    }

    /// Does it list this control?
    pub fn supports(&self, oid: &str) -> bool {
        self.controls.iter().any(|c| c == oid)
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
