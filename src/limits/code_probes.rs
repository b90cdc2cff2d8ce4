//! Rate limit of one-time codes that belong to no account, by network.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    model::rate_limit::bucket::{Bucket, Rate},
    store::rate_limit::site,
};

/// Codes per network that are looked up without a delay: over the life of a code a few hundred of the 331,776 possible
/// prefixes.
const PROBES: Rate = Rate { burst: 60.0, per_second: 0.5 };
/// Networks in memory; beyond them all are forgotten.
const REMEMBERED: usize = 10_000;

/// Recent codes of each network. The lookup without a delay needs a limit of its own.
#[derive(Debug, Default)]
pub struct CodeProbes(Mutex<HashMap<IpAddr, Bucket>>);

impl CodeProbes {
    pub(crate) fn take(&self, client: IpAddr, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.entry(site(client)).or_insert_with(|| Bucket::full(PROBES, now)).take(PROBES, now).is_ok()
    }
}
