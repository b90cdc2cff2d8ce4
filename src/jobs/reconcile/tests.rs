//! Tests of the verdict on attempts with an unknown outcome.

use uuid::Uuid;

use crate::jobs::reconcile::*;
use crate::model::{
    account::{PasswordExpiry, PasswordState},
    ad::{filetime, password_version::PasswordVersion},
};

const ASKED: Uuid = Uuid::from_u128(7);
const OTHER: Uuid = Uuid::from_u128(8);

fn at() -> Timestamp {
    "2026-11-23T08:10:00Z".parse().expect("a time")
}

fn account(last_set: Option<Timestamp>, version: Option<(u32, Uuid)>) -> Account {
    let last_set_ticks = last_set.map_or(0, filetime::ticks);
    let written = last_set.unwrap_or_else(at);
    Account {
        sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
        password: PasswordState { last_set_ticks, last_set, expiry: PasswordExpiry::Never },
        password_version: version.map(|(version, origin)| PasswordVersion { version, at: written, origin }),
        ..Account::unknown()
    }
}

#[test]
fn only_what_ad_really_shows_is_told() {
    let second = SignedDuration::from_secs(1);
    let old = at() - second * 100_000;
    let before = Before { last_set_ticks: filetime::ticks(old), version: Some(VersionBefore { version: 7, asked: ASKED }) };
    let told = |seen: Option<&Account>, before, same, hours| {
        let now = at() + SignedDuration::from_hours(hours);
        verdict(at(), before, seen, same, now).map(|(_, reason)| reason)
    };
    for (last_set, version, same, hours, expected) in [
        (Some(at() + second / 10), Some((8, ASKED)), true, 0, Some("password_set_since")),
        (Some(at() + second / 10), Some((8, ASKED)), false, 0, Some("password_set_since")),
        // With "must change", pwdLastSet has no time; the metadata has one.
        (None, Some((8, ASKED)), true, 0, Some("password_set_since")),
        (None, Some((7, ASKED)), true, 0, Some("password_not_set_since")),
        // The same number of writes, but not ours: later, on another controller, or after ours.
        (Some(at() + second * 5), Some((8, ASKED)), true, 0, Some("not_provable")),
        (Some(at() + second / 10), Some((8, OTHER)), true, 0, Some("set_by_somebody_else")),
        (Some(at() + second / 10), Some((9, ASKED)), true, 0, Some("set_by_somebody_else")),
        (Some(old), Some((7, OTHER)), true, 0, Some("password_not_set_since")),
        (Some(old), Some((7, OTHER)), false, 0, None),
        (Some(old), Some((7, OTHER)), false, 25, Some("controller_never_back")),
        // Without the metadata, pwdLastSet proves only a missing write.
        (Some(at() + second / 10), None, true, 0, Some("not_provable")),
        (Some(old), None, true, 0, Some("password_not_set_since")),
        (None, None, true, 0, Some("not_provable")),
    ] {
        assert_eq!(told(Some(&account(last_set, version)), before, same, hours), expected, "{last_set:?} {version:?} {same} {hours}");
    }
    assert_eq!(told(None, before, true, 0), Some("account_gone"));
    let unread = Before { version: None, ..before };
    assert_eq!(told(Some(&account(Some(at() + second / 10), Some((8, ASKED)))), unread, true, 0), Some("not_provable"));
    assert_eq!(told(Some(&account(Some(old), Some((7, ASKED)))), unread, true, 0), Some("password_not_set_since"));
    let never = Before { last_set_ticks: 0, version: None };
    assert_eq!(told(Some(&account(None, None)), never, true, 0), Some("not_provable"), "must change before and after");
}
