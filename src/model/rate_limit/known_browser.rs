//! Known browsers: browsers in which owners of accounts have logged in (OWASP: device cookie).
//!
//! Invariants: a known browser proves no identity, it only has attempts of its own; it counts for an account only as long as the account
//! has the password of that login.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::ad::guid::ObjectGuid;

/// Most accounts of one browser; the latest logins count.
const OWNERS: usize = 8;
/// Lifetime of an entry after the owner's last login.
pub const LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Tolerated difference between our clock and a controller's.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Content of the sealed cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBrowser {
    /// Random and new at each login, so that a stolen copy of an older cookie has attempts of its own.
    pub id: Uuid,
    owners: Vec<Owner>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owner {
    account: Uuid,
    proven: Timestamp,
}

impl KnownBrowser {
    /// The browser after a login of the account's owner. Other accounts stay known.
    #[must_use]
    pub fn after_login(before: Option<&Self>, id: Uuid, account: ObjectGuid, now: Timestamp) -> Self {
        let account = Uuid::from(account);
        let others = before.iter().flat_map(|known| &known.owners).filter(|owner| owner.account != account && is_alive(owner, now));
        let owners = std::iter::once(Owner { account, proven: now }).chain(others.cloned()).take(OWNERS).collect();
        Self { id, owners }
    }

    /// True if the account's owner has logged in with this browser since the current password was set. `password_set`: time of that write;
    /// `None` if the password must be changed.
    pub fn vouches_for(&self, account: ObjectGuid, password_set: Option<Timestamp>, now: Timestamp) -> bool {
        let (account, Some(set)) = (Uuid::from(account), password_set) else { return false };
        let with_this_password = |owner: &Owner| owner.proven.saturating_add(CLOCKS).unwrap_or(Timestamp::MAX) >= set;
        self.owners.iter().any(|owner| owner.account == account && is_alive(owner, now) && with_this_password(owner))
    }
}

fn is_alive(owner: &Owner, now: Timestamp) -> bool {
    let age = now.duration_since(owner.proven);
    age <= LIFE && age >= -CLOCKS
}

#[cfg(test)]
mod tests {
    use crate::model::rate_limit::known_browser::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1_000_000 + hours)
    }

    fn account(n: u128) -> ObjectGuid {
        Uuid::from_u128(n).into()
    }

    fn known(accounts: std::ops::Range<u128>) -> KnownBrowser {
        let mut known = None;
        for n in accounts {
            known = Some(KnownBrowser::after_login(known.as_ref(), Uuid::from_u128(100 + n), account(n), at(0)));
        }
        known.expect("at least one")
    }

    #[test]
    fn it_knows_the_owners_of_the_last_logins_and_nobody_else() {
        let known = known(0..20);
        for n in 0..20 {
            assert_eq!(known.vouches_for(account(n), Some(at(-1)), at(1)), n >= 12, "{n}");
        }
        assert!(!known.vouches_for(account(99), Some(at(-1)), at(1)));
        let again = KnownBrowser::after_login(Some(&known), Uuid::from_u128(1), account(19), at(1));
        assert_eq!(again.owners.len(), OWNERS, "the same owner is there once");
        assert_ne!(again.id, known.id);
    }

    #[test]
    fn it_counts_for_the_password_that_was_proven_and_not_for_ever() {
        let known = known(1..2);
        let year = LIFE.as_hours();
        for (set, now, expected) in
            [(Some(at(-1)), at(0), true), (Some(at(1)), at(2), false), (None, at(0), false), (Some(at(-1)), at(year), true)]
        {
            assert_eq!(known.vouches_for(account(1), set, now), expected, "{set:?} {now}");
        }
        assert!(!known.vouches_for(account(1), Some(at(-1)), at(year + 1)));
        assert!(!known.vouches_for(account(1), Some(at(-1)), at(-1)), "it was proven in the future");
        let minutes = SignedDuration::from_mins(4);
        assert!(known.vouches_for(account(1), Some(at(0) + minutes), at(1)), "the controller's clock is a little ahead");
    }
}
