//! How often logins at providers are begun from one address: each costs a signature of ours, and a question where requests are pushed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::http::{Method, Uri};
use jiff::Timestamp;

use crate::model::rate::{Bucket, Rate};

/// A school of 600 begins its day at once; afterwards ten a second.
const RATE: Rate = Rate { burst: 600.0, per_second: 10.0 };
/// So many addresses are remembered; then all are forgotten.
const REMEMBERED: usize = 10_000;

/// What each address has left.
#[derive(Debug, Default)]
pub(super) struct Begins(Mutex<HashMap<IpAddr, Bucket>>);

impl Begins {
    /// May the address ask for this?
    pub(super) fn allow(&self, address: IpAddr, method: &Method, uri: &Uri, now: Timestamp) -> bool {
        if *method != Method::GET || !uri.path().starts_with("/login/") {
            return true;
        }
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= REMEMBERED && !left.contains_key(&address) {
            left.clear();
        }
        left.entry(address).or_insert_with(|| Bucket::full(RATE, now)).take(RATE, now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_school_begins_at_once_and_a_flood_is_slowed_down_for_its_own_address() {
        let (begins, now) = (Begins::default(), Timestamp::UNIX_EPOCH);
        let ask = |last, path: &'static str, seconds| {
            begins.allow(
                IpAddr::from([192, 0, 2, last]),
                &Method::GET,
                &Uri::from_static(path),
                now + jiff::SignedDuration::from_secs(seconds),
            )
        };
        assert!((0..600).all(|_| ask(1, "/login/nemlogin", 0)));
        assert!(!ask(1, "/login/os2faktor", 0), "of whatever provider");
        assert!(ask(1, "/login", 0) && ask(2, "/login/nemlogin", 0), "other pages and addresses are not slowed down");
        assert_eq!((0..20).filter(|_| ask(1, "/login/nemlogin", 1)).count(), 10, "ten a second");
    }

    #[test]
    fn memory_is_bounded() {
        let begins = Begins::default();
        for number in 0..25_000_u32 {
            begins.allow(IpAddr::from(number.to_be_bytes()), &Method::GET, &Uri::from_static("/login/x"), Timestamp::UNIX_EPOCH);
        }
        assert!(begins.0.lock().expect("not poisoned").len() <= REMEMBERED);
    }
}
