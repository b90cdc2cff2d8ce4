//! Which controller has written an account's password lately. Until it is replicated, the others know the old one only: there the right new password is a wrong
//! try, which AD counts.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Directory, Pinned};
use crate::model::{account::Account, guid::ObjectGuid};

/// Between sites, AD replicates every 15 minutes at the most often.
const UNTIL_REPLICATED: Duration = Duration::from_mins(20);
/// So many are kept; beyond that nothing is noted until some have run out.
const KEPT: usize = 50_000;

#[derive(Debug, Clone)]
struct Write {
    at: Instant,
    controller: String,
    /// pwdLastSet before.
    before: i64,
}

/// Writes by account, in this instance.
#[derive(Debug, Default)]
pub(super) struct RecentWrites(Mutex<HashMap<ObjectGuid, Write>>);

impl RecentWrites {
    /// The configured name of the controller that wrote it last.
    pub(super) fn writer(&self, account: ObjectGuid) -> Option<String> {
        self.last(account).map(|write| write.controller)
    }

    fn last(&self, account: ObjectGuid) -> Option<Write> {
        let writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writes.get(&account).filter(|write| write.at.elapsed() < UNTIL_REPLICATED).cloned()
    }
}

impl Directory {
    /// Notes that the controller has written, or may have written, the account's password. `account`: as it was read before.
    pub fn note_write(&self, pinned: &Pinned, account: &Account) {
        let mut writes = self.writes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if writes.len() >= KEPT {
            writes.retain(|_, write| write.at.elapsed() < UNTIL_REPLICATED);
        }
        if writes.len() < KEPT {
            let before = account.password.last_set_ticks;
            writes.insert(account.guid, Write { at: Instant::now(), controller: pinned.name().to_owned(), before });
        }
    }

    /// Does the controller still know the password only that another one has replaced?
    pub fn is_behind(&self, pinned: &Pinned, account: &Account) -> bool {
        let elsewhere = self.writes.last(account.guid).filter(|write| write.controller != pinned.name());
        elsewhere.is_some_and(|write| write.before == account.password.last_set_ticks)
    }
}
