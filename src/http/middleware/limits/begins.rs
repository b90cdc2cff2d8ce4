//! Rate limits by address of requests that strangers can make and that cost more than a page.
//!
//! They are the start of a provider login (a signature of ours, and with pushed authorization requests a call to the provider) and a
//! provider's SAML logout message (a signature to verify).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use axum::http::{Method, Uri};
use jiff::Timestamp;

use crate::model::rate_limit::bucket::{Bucket, Rate};

/// A school of 600 may log in at once, then ten a second.
const LOGINS: Rate = Rate { burst: 600.0, per_second: 10.0 };
/// Four classes may log out at once, then five a second.
const LOGOUTS: Rate = Rate { burst: 100.0, per_second: 5.0 };
/// Maximum number of remembered addresses of each kind. At the maximum, all of that kind are forgotten.
const REMEMBERED: usize = 10_000;

/// Token buckets by address.
#[derive(Debug, Default)]
pub(crate) struct Begins {
    logins: Mutex<HashMap<IpAddr, Bucket>>,
    logouts: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Begins {
    /// Takes one token for the request. `Err` holds the kind of the exhausted limit.
    pub(crate) fn allow(&self, address: IpAddr, method: &Method, uri: &Uri, now: Timestamp) -> Result<(), &'static str> {
        let (kind, rate, left) = match uri.path() {
            path if *method == Method::GET && path.starts_with("/login/") => ("login", LOGINS, &self.logins),
            "/saml/slo" => ("logout", LOGOUTS, &self.logouts),
            _ => return Ok(()),
        };
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= REMEMBERED && !left.contains_key(&address) {
            left.clear();
        }
        left.entry(address).or_insert_with(|| Bucket::full(rate, now)).take(rate, now).map_err(|_| kind)
    }
}

#[cfg(test)]
mod tests {
    use crate::http::middleware::limits::begins::*;

    #[test]
    fn a_school_begins_at_once_and_a_flood_is_slowed_down_for_its_own_address() {
        let (begins, now) = (Begins::default(), Timestamp::UNIX_EPOCH);
        let ask = |last, path: &'static str, seconds| {
            begins
                .allow(
                    IpAddr::from([192, 0, 2, last]),
                    &Method::GET,
                    &Uri::from_static(path),
                    now + jiff::SignedDuration::from_secs(seconds),
                )
                .is_ok()
        };
        assert!((0..600).all(|_| ask(1, "/login/nemlogin", 0)));
        assert!(!ask(1, "/login/os2faktor", 0), "of whatever provider");
        assert!(ask(1, "/login", 0) && ask(2, "/login/nemlogin", 0), "other pages and addresses are not slowed down");
        assert_eq!((0..20).filter(|_| ask(1, "/login/nemlogin", 1)).count(), 10, "ten a second");
    }

    #[test]
    fn logouts_are_counted_by_either_method_and_apart_from_logins() {
        let (begins, now) = (Begins::default(), Timestamp::UNIX_EPOCH);
        let ask =
            |last, method: &Method, path: &'static str| begins.allow(IpAddr::from([192, 0, 2, last]), method, &Uri::from_static(path), now);
        for _ in 0..50 {
            assert_eq!(ask(1, &Method::GET, "/saml/slo?SAMLRequest=x"), Ok(()));
            assert_eq!(ask(1, &Method::POST, "/saml/slo"), Ok(()));
        }
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert_eq!(ask(1, &method, "/saml/slo"), Err("logout"), "{method}");
        }
        assert_eq!(ask(1, &Method::GET, "/login/nemlogin"), Ok(()), "whoever is at the same address can log in");
        assert_eq!(ask(2, &Method::GET, "/saml/slo"), Ok(()), "another address");
    }

    #[test]
    fn memory_is_bounded() {
        let begins = Begins::default();
        for number in 0..25_000_u32 {
            for path in ["/login/x", "/saml/slo"] {
                let asked = begins.allow(IpAddr::from(number.to_be_bytes()), &Method::GET, &Uri::from_static(path), Timestamp::UNIX_EPOCH);
                assert_eq!(asked, Ok(()));
            }
        }
        for left in [&begins.logins, &begins.logouts] {
            assert!((1..=REMEMBERED).contains(&left.lock().expect("not poisoned").len()));
        }
    }
}
