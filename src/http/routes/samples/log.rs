//! Sample pages of the audit log.

use askama::Template;

use super::{NAME, at, guid, history};
use crate::{
    audit::{
        AuditEntry,
        log::entry::StoredEntry,
        search::{Hits, Search, SearchError},
    },
    flow::{
        audit::read::{Day, EntriesFound, EntryView, Overview},
        sign_in::provider::report::{LoginReport, Verdict},
    },
    http::{
        page::{Errors, Frame},
        routes::{
            audit::{
                log::{EntryPage, LogPage},
                overview::OverviewPage,
                search::{SearchForm, asked},
            },
            sign_in::login_test::{LoginTestPage, LoginTestResultPage as TestResultPage},
        },
    },
    identity::shown::{Line, Place, Shown, Use},
    model::{
        audit::{AuditEvent, EventKind, Party},
        identity::level::AssuranceLevel,
    },
};

pub(super) fn pages(member: &dyn Fn(&str) -> Frame) -> Vec<(String, askama::Result<String>)> {
    let found = |everything, stopped_at: Option<jiff::Timestamp>, unclear| EntriesFound {
        hits: Hits { entries: entries(), next: stopped_at.map(|_| 7), stopped_at },
        everything,
        unclear,
    };
    let log = |errors: Errors, found: Option<EntriesFound>, kept: bool| LogPage {
        frame: member("/audit"),
        token: "t".into(),
        typed: SearchForm::default(),
        everything: errors.is_empty() || errors.has("cpr"),
        next: found.as_ref().and_then(|found| found.hits.next).map(|_| "n\"<".into()),
        asked: if kept { asked(&member("/audit"), &search()) } else { Vec::new() },
        this: found.is_some().then(|| "s\"<".into()),
        errors,
        found,
        kept: if kept { vec![("k".into(), NAME.into(), "s".into())] } else { Vec::new() },
    };
    let words = |key: &str| member("/audit").t(key);
    let wrong =
        [("cpr", words("log-bad-cpr")), ("client", words("log-bad-client")), ("from", words("log-bad-date")), ("", words("log-old-page"))];
    let mut pages = vec![
        ("log".to_owned(), log(Errors::default(), None, true).render()),
        ("log, wrong".to_owned(), log(wrong.into_iter().collect(), None, false).render()),
        ("log, found".to_owned(), log(Errors::default(), Some(found(true, None, None)), false).render()),
        ("log, stopped".to_owned(), log(Errors::default(), Some(found(false, Some(at("2026-11-22T07:00:00Z")), None)), true).render()),
        ("log, unclear".to_owned(), log(Errors::default(), Some(found(true, None, Some(SearchError::TooManyPeople))), false).render()),
    ];
    for (number, entry) in entries().into_iter().enumerate() {
        let text = || Some(NAME.to_owned());
        let stored: StoredEntry = serde_json::from_value(serde_json::json!({
            "at": 1, "visit": "v", "kind": "sign_in", "outcome": "failed", "reason": "", "role": NAME, "target_domain": NAME,
            "actor_cpr": "00", "target_cpr": (number % 2 == 0).then_some("00"),
        }))
        .expect("an entry");
        let mut one = EntryView { entry, stored, may_reveal: number % 2 == 0 };
        (one.entry.event.user_agent, one.entry.event.note, one.entry.event.authority) = (text(), text(), text());
        pages.push((format!("log entry {number}"), EntryPage { frame: member("/audit"), token: "t".into(), one }.render()));
    }
    let day = |n: i64| (jiff::civil::date(2026, 11, 1) + jiff::Span::new().days(n), Day { set: n, refused: 2 * n, failed_logins: 900 * n });
    for (days, reasons) in [((0..30).map(day).collect(), vec![(NAME.to_owned(), 7)]), (Vec::new(), Vec::new())] {
        pages.push((
            "log overview".into(),
            OverviewPage { frame: member("/audit/overview"), token: "t".into(), overview: Overview { days, reasons } }.render(),
        ));
    }
    pages
}

/// A search with all fields.
fn search() -> Search {
    let text = || Some(NAME.to_owned());
    Search {
        about: text(),
        only: None,
        by: text(),
        cpr: crate::model::cpr::Cpr::parse("010190-1234"),
        kind: Some("sign_in".into()),
        outcome: Some("failed".into()),
        client: Some("192.0.2.1".into()),
        provider: text(),
        visit: text(),
        from: Some(at("2026-11-01T23:00:00Z")),
        until: Some(at("2026-11-22T23:00:00Z")),
        oldest_first: true,
    }
}

/// Entries of every kind, about other accounts and the actor's own.
fn entries() -> Vec<AuditEntry> {
    let party = || Party { guid: guid(), account_name: "<x>".into(), name: NAME.into() };
    let event = history().remove(0).event;
    let kinds = EventKind::ALL.iter().zip(1..);
    kinds
        .map(|(kind, sequence)| {
            let actor = (sequence % 3 != 0).then(party);
            let target = (sequence % 4 != 0).then(|| Party { name: String::new(), ..party() });
            AuditEntry { sequence, authentic: sequence % 7 != 0, event: AuditEvent { kind: *kind, actor, target, ..event.clone() } }
        })
        .collect()
}

/// Tests of logins: the list, and every value and use that there is.
pub(super) fn tests(member: &dyn Fn(&str) -> Frame) -> Vec<(String, askama::Result<String>)> {
    let list = |providers| LoginTestPage { frame: member("/audit/login-test"), token: "t\"<".into(), providers };
    let first = vec![Shown::Masked { first: '<', last: '"', length: 9 }, Shown::Hidden];
    let values = [
        Shown::Missing,
        Shown::Unreadable,
        Shown::Hidden,
        Shown::Whole(NAME.into()),
        Shown::Time(at("2026-11-22T07:00:00Z")),
        Shown::Short(1),
        Shown::Number,
        Shown::Truth,
        Shown::Structure,
        Shown::List { first, all: 7 },
    ];
    let line = |value| Line { name: NAME.into(), place: Place::Userinfo, value, uses: [Use::Account, Use::Level].into() };
    let ignored = Line { name: "<script>".into(), place: Place::IdToken, value: Shown::Truth, uses: [].into() };
    let every = [Use::Required, Use::Name, Use::Reference, Use::Protocol];
    let every = Line { name: NAME.into(), place: Place::IdToken, value: Shown::Truth, uses: every.into() };
    let of_saml = [Place::Assertion, Place::Attribute].map(|place| Line { place, ..ignored.clone() });
    let lines: Vec<_> = values.into_iter().map(line).chain([ignored, every]).chain(of_saml).collect();
    let refused = |field: &str, check| Verdict::Refused { reason: "oidc_level", field: field.into(), check };
    let reports = [
        (Verdict::Accepted { accounts: 0 }, Some(AssuranceLevel::None), lines.clone()),
        (Verdict::Accepted { accounts: 1 }, Some(AssuranceLevel::High), lines.clone()),
        (refused(NAME, "is below"), Some(AssuranceLevel::Low), lines),
        (refused("", ""), None, Vec::new()),
    ];
    let mut pages = vec![
        ("login test, none".to_owned(), list(Vec::new()).render()),
        ("login test".to_owned(), list(vec![("mitid".into(), NAME.into())]).render()),
    ];
    for (verdict, level, lines) in reports {
        let report = LoginReport { provider: super::id("gone"), verdict, level, lines };
        pages.push(("tested".to_owned(), TestResultPage { frame: member("/audit/login-test"), report }.render()));
    }
    pages
}
