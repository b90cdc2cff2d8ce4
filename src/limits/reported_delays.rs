//! Rate-limit delays that the audit log already mentions. Each delay is logged once, so that an attacker cannot fill
//! the log and the disk. The number of entries left out is logged as well.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::model::{ad::guid::ObjectGuid, audit::AuditEvent};

/// Delays in memory; beyond them all are forgotten, and each is logged once more.
const REMEMBERED: usize = 10_000;

/// Logged delays, and counts of the entries left out.
#[derive(Debug, Default)]
pub struct ReportedDelays {
    told: Mutex<HashSet<(IpAddr, Timestamp)>>,
    left_out: Mutex<HashMap<ObjectGuid, LeftOut>>,
}

/// Entries about one person that the log leaves out.
#[derive(Debug)]
struct LeftOut {
    entries: u64,
    /// The last of them.
    last: AuditEvent,
    until: Timestamp,
}

impl ReportedDelays {
    /// Whether this delay of the client is not logged yet. Counted in a metric each time.
    pub fn report_once(&self, client: IpAddr, until: Timestamp) -> bool {
        metrics::counter!("os2nykode_rate_limited_total").increment(1);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert((client, until))
    }

    /// Counts an entry about a person that is left out of the log until then.
    pub(crate) fn leave_out(&self, person: ObjectGuid, entry: &AuditEvent, until: Timestamp) {
        let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED && !all.contains_key(&person) {
            return; // too many logged-in people at once: only the metric counts them
        }
        let left_out = all.entry(person).or_insert_with(|| LeftOut { entries: 0, last: entry.clone(), until });
        left_out.entries += 1;
        left_out.last = entry.clone();
        left_out.until = until;
    }

    /// Takes the number of entries about a person that were left out, for the next entry.
    pub(crate) fn left_out(&self, person: ObjectGuid) -> Option<u64> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).remove(&person).map(|left_out| left_out.entries)
    }

    /// Takes the last entry and the number of entries left out, for every person whose delay is over.
    pub(crate) fn over(&self, now: Timestamp) -> Vec<(AuditEvent, u64)> {
        let mut all = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        all.extract_if(|_, left_out| left_out.until <= now).map(|(_, left_out)| (left_out.last, left_out.entries)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::reported_delays::*;

    #[test]
    fn each_wait_is_told_of_once_and_memory_is_bounded() {
        let waits = ReportedDelays::default();
        let client = IpAddr::from([192, 0, 2, 1]);
        assert!(waits.report_once(client, Timestamp::UNIX_EPOCH));
        assert!(!waits.report_once(client, Timestamp::UNIX_EPOCH));
        assert!(waits.report_once(IpAddr::from([192, 0, 2, 2]), Timestamp::UNIX_EPOCH));
        for second in 1..20_000 {
            waits.report_once(client, Timestamp::from_second(second).expect("a time"));
        }
        assert!(waits.told.lock().expect("not poisoned").len() <= REMEMBERED);
    }
}
