//! Recent password writes: the controller that wrote an account's password.
//!
//! Until replication the other controllers know only the old password. There the new one is wrong, and AD counts it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::directory::{ControllerSession, Directory};
use crate::model::{account::Account, ad::guid::ObjectGuid};

/// Time until a write is taken as replicated. Between sites, AD replicates every 15 minutes at most.
const UNTIL_REPLICATED: Duration = Duration::from_mins(20);
/// Maximum number of writes. At the maximum, new ones are ignored until old ones have expired.
const KEPT: usize = 50_000;

#[derive(Debug, Clone)]
struct RecentWrite {
    at: Instant,
    controller: String,
    /// pwdLastSet before the write, ticks.
    before: i64,
}

/// Recent writes of this instance, by account.
#[derive(Debug, Default)]
pub(crate) struct RecentWrites(Mutex<HashMap<ObjectGuid, RecentWrite>>);

impl RecentWrites {
    /// Configured name of the controller that wrote the account's password.
    pub(crate) fn writer(&self, account: ObjectGuid) -> Option<String> {
        self.last(account).map(|write| write.controller)
    }

    fn last(&self, account: ObjectGuid) -> Option<RecentWrite> {
        let writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writes.get(&account).filter(|write| write.at.elapsed() < UNTIL_REPLICATED).cloned()
    }
}

impl Directory {
    /// Records that the controller has, or may have, written the account's password. `account`: as read before the write.
    pub fn note_write(&self, pinned: &ControllerSession, account: &Account) {
        let mut writes = self.writes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.len() >= KEPT {
            writes.retain(|_, write| write.at.elapsed() < UNTIL_REPLICATED);
        }
        if writes.len() < KEPT {
            let before = account.password.last_set_ticks;
            writes.insert(account.guid, RecentWrite { at: Instant::now(), controller: pinned.name().to_owned(), before });
        }
    }

    /// Whether the controller still has the password that another controller has replaced.
    pub fn is_behind(&self, pinned: &ControllerSession, account: &Account) -> bool {
        let elsewhere = self.writes.last(account.guid).filter(|write| write.controller != pinned.name());
        elsewhere.is_some_and(|write| write.before == account.password.last_set_ticks)
    }
}
