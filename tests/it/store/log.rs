//! The audit log.

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{
        AttemptBegun, AuditLog, OpenAttempt,
        log::{
            cpr::{SealedCpr, Vault},
            entry::StoredEntry,
        },
    },
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party, attempt::AttemptId},
        cpr::Cpr,
        identity::{LoginMethod, level::AssuranceLevel, provider::ProviderId},
    },
    store::Store,
};
use uuid::Uuid;

use super::audit_log;
use super::place::each_store;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("in range")
}

pub fn account(n: u128) -> ObjectGuid {
    Uuid::from_u128(n).into()
}

fn party(n: u128) -> Party {
    Party { guid: account(n), account_name: format!("bruger{n}"), name: "Søren \"Pølse\" Ærø, Å 🎈".to_owned() }
}

/// An attempt of account 1 on itself with every field filled.
pub fn event(attempt: u8) -> AuditEvent {
    AuditEvent {
        at: at(attempt.into()),
        visit: Uuid::from_u128(7),
        kind: EventKind::ChangeAttempt,
        outcome: AuditOutcome::Started,
        reason: String::new(),
        actor: Some(party(1)),
        unknown_name: Some("0123456789abcdef".to_owned()),
        method: Some(LoginMethod::Saml),
        provider: ProviderId::parse("os2faktor"),
        level: Some(AssuranceLevel::Substantial),
        assertion: Some("_a75adf55-01d7-40cc-929f-dbd8372ebdfc".to_owned()),
        actor_cpr: None,
        client: Some("2001:db8::1".parse().expect("an address")),
        user_agent: Some("Mozilla/5.0".to_owned()),
        target: Some(party(1)),
        target_cpr: None,
        controller: Some("dc1.kommune.test".to_owned()),
        attempt: Some(AttemptId::from_random([attempt; 16])),
        authority: Some("circle:Kreds Skole".to_owned()),
        note: Some("Ringede fra sit eget nummer".to_owned()),
        ticket: Some("INC-4711".to_owned()),
        password_set_before: Some(i64::MAX),
    }
}

fn followed(by: EventKind, outcome: AuditOutcome, attempt: u8) -> AuditEvent {
    AuditEvent { kind: by, outcome, reason: "x".to_owned(), ..event(attempt) }
}

async fn latest(log: &AuditLog, attempt: u8) -> AuditEvent {
    log.outcome_of(account(1), AttemptId::from_random([attempt; 16])).await.expect("read").expect("known")
}

#[tokio::test]
async fn every_kind_and_outcome_comes_back_as_it_was_written() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        let mut n = 0;
        for kind in EventKind::ALL {
            for outcome in AuditOutcome::ALL {
                n += 1;
                let full = followed(*kind, *outcome, n);
                let sequence = log.append(&full).await.expect("appended");
                let read = log.history_of(account(1), 1, Timestamp::MIN).await.expect("read").remove(0);
                let looked = [
                    EventKind::AccountViewed,
                    EventKind::AuditLogViewed,
                    EventKind::LogExported,
                    EventKind::CprRevealed,
                    EventKind::AlertRaised,
                ];
                if looked.contains(kind) {
                    assert_ne!(read.sequence, sequence, "who looked is no part of the own history");
                    continue;
                }
                assert_eq!((read.sequence, read.event), (sequence, full));
                let bare = AuditEvent {
                    actor: None,
                    unknown_name: None,
                    method: None,
                    provider: None,
                    level: None,
                    assertion: None,
                    client: None,
                    target: Some(party(2)),
                    controller: None,
                    attempt: None,
                    authority: None,
                    note: None,
                    ticket: None,
                    password_set_before: None,
                    ..followed(*kind, *outcome, n)
                };
                log.append(&bare).await.expect("appended");
                assert_eq!(log.history_of(account(2), 1, Timestamp::MIN).await.expect("read").remove(0).event, bare);
            }
        }
        log.append(&AuditEvent { target: None, ..event(200) }).await.expect("an entry without a target");
    })
    .await;
}

#[tokio::test]
async fn no_name_breaks_an_entry() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        for name in ["\0", "a\0b\r\nc", &"Æ".repeat(100_000), "\u{202e}\u{200f}", "'); DROP TABLE audit; --", "$1"] {
            let who = Party { name: name.to_owned(), account_name: name.to_owned(), ..party(1) };
            let entry = AuditEvent {
                kind: EventKind::SignIn,
                target: Some(who),
                reason: name.to_owned(),
                controller: Some(name.to_owned()),
                ..event(1)
            };
            log.append(&entry).await.expect("appended");
            let read = log.history_of(account(1), 1, Timestamp::MIN).await.expect("read").remove(0).event.target.expect("a target").name;
            assert!(read.chars().count() <= 1000 && !read.contains(char::is_control), "{read:?}");
            let unreadable = |c: char| c.is_control() || os2nykode::model::account::name::is_invisible(c);
            assert_eq!(read.chars().next(), name.replace(unreadable, "\u{FFFD}").chars().next());
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_changes_or_deletes_an_entry() {
    each_store(async |store, place| {
        audit_log(&store).append(&event(1)).await.expect("appended");
        let mut forbidden = vec!["UPDATE audit SET outcome = 'failed'", "DELETE FROM audit"];
        if !place.sqlite {
            forbidden.push("TRUNCATE audit");
        }
        for sql in forbidden {
            let refused = place.run(sql).await.expect_err("append-only").to_string();
            assert!(refused.contains("append-only"), "{refused}");
        }
    })
    .await;
}

#[test]
fn no_statement_of_ours_changes_the_log() {
    for file in [
        "src/audit.rs",
        "src/audit/log.rs",
        "src/audit/log/row.rs",
        "src/audit/log/entry.rs",
        "src/store.rs",
        "src/store/sessions.rs",
        "src/store/rate_limit.rs",
        "src/store/leases.rs",
    ] {
        let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file).to_lowercase();
        for statement in ["update audit", "delete from audit", "truncate", "drop table", "replace into", "or replace"] {
            assert!(!text.contains(statement), "{file}: {statement}");
        }
    }
}

#[tokio::test]
async fn a_form_sent_twice_is_one_attempt_for_one_person() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        assert_eq!(log.begin(&event(1)).await.expect("begun"), AttemptBegun::New);
        assert_eq!(log.begin(&event(1)).await.expect("asked"), AttemptBegun::AlreadySent);
        assert_eq!(log.begin(&event(2)).await.expect("begun"), AttemptBegun::New);
        let somebody_else = AuditEvent { actor: Some(party(2)), ..event(1) };
        assert_eq!(log.begin(&somebody_else).await.expect("begun"), AttemptBegun::New);
        for incomplete in [
            AuditEvent { actor: None, ..event(3) },
            AuditEvent { attempt: None, ..event(3) },
            followed(EventKind::SignIn, AuditOutcome::Started, 3),
        ] {
            log.begin(&incomplete).await.expect_err("could be sent twice");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_many_times_at_once_is_one_attempt() {
    each_store(async |store, place| {
        let second = place.open().await;
        let tries: Vec<_> = (0..20)
            .map(|n| {
                let store: Store = if n % 2 == 0 { store.clone() } else { second.clone() };
                tokio::spawn(async move { audit_log(&store).begin(&event(1)).await.expect("an answer") })
            })
            .collect();
        let mut new = 0;
        for done in tries {
            new += usize::from(done.await.expect("no panic") == AttemptBegun::New);
        }
        assert_eq!(new, 1);
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn only_old_attempts_that_nobody_knows_the_end_of_are_unsettled_and_each_is_settled_once() {
    use AuditOutcome::{Failed, Refused, Succeeded, Unknown};
    use EventKind::{ChangeOutcome, ChangeReconciled};
    each_store(async |store, _| {
        let log = audit_log(&store);
        for n in 1..=6 {
            log.begin(&event(n)).await.expect("begun");
        }
        log.append(&followed(ChangeOutcome, Succeeded, 1)).await.expect("appended");
        log.append(&followed(ChangeOutcome, Unknown, 2)).await.expect("appended");
        log.append(&followed(ChangeOutcome, Refused, 3)).await.expect("appended");
        log.append(&followed(ChangeOutcome, Failed, 4)).await.expect("appended");
        // Another person's entry with the same attempt id does not settle the attempt.
        log.append(&AuditEvent { actor: Some(party(2)), ..followed(ChangeOutcome, Succeeded, 5) }).await.expect("appended");
        let open = async |before, limit| {
            let entries = ours(log.unsettled(before, limit).await.expect("read"));
            assert!(entries.iter().all(|e| e.kind == EventKind::ChangeAttempt && e.password_set_before == Some(i64::MAX)));
            entries.iter().map(|e| e.at.duration_since(at(0)).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(open(at(100), 10).await, [2, 5, 6]);
        assert_eq!(open(at(100), 2).await, [2, 5]);
        assert_eq!(open(at(6), 10).await, [2, 5], "the one of this second may be under way");
        let settlement = followed(ChangeReconciled, Succeeded, 2);
        assert!(log.settle(&settlement).await.expect("settled"));
        assert!(!log.settle(&settlement).await.expect("asked"), "once");
        assert_eq!(open(at(100), 10).await, [5, 6]);
        assert_eq!(latest(&log, 2).await.kind, ChangeReconciled);
    })
    .await;
}

fn ours(open: Vec<OpenAttempt>) -> Vec<AuditEvent> {
    assert!(open.iter().all(|open| open.ours));
    open.into_iter().map(|open| open.attempt).collect()
}

#[tokio::test]
async fn resets_are_kept_open_settled_and_weighed_as_changes_are() {
    use AuditOutcome::{Failed, Refused, Succeeded, Unknown};
    use EventKind::{ResetAttempt, ResetOutcome, ResetReconciled};
    each_store(async |store, _| {
        let log = audit_log(&store);
        let begun = |n| AuditEvent { kind: ResetAttempt, ..event(n) };
        for n in 1..=4 {
            assert_eq!(log.begin(&begun(n)).await.expect("begun"), AttemptBegun::New);
            assert_eq!(log.begin(&begun(n)).await.expect("asked"), AttemptBegun::AlreadySent);
        }
        assert_eq!(log.begin(&event(1)).await.expect("asked"), AttemptBegun::AlreadySent, "nor as a change");
        log.append(&followed(ResetOutcome, Succeeded, 1)).await.expect("appended");
        log.append(&followed(ResetOutcome, Unknown, 2)).await.expect("appended");
        log.append(&followed(ResetOutcome, Refused, 3)).await.expect("appended");
        let open = async || {
            let entries = ours(log.unsettled(at(100), 10).await.expect("read"));
            assert!(entries.iter().all(|entry| entry.kind == ResetAttempt));
            entries.iter().map(|entry| entry.at.duration_since(at(0)).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(open().await, [2, 4]);
        assert!(log.settle(&followed(ResetReconciled, Failed, 2)).await.expect("settled"));
        assert!(!log.settle(&followed(ResetReconciled, Failed, 2)).await.expect("asked"), "once");
        assert_eq!(open().await, [4]);
        assert_eq!(latest(&log, 2).await.kind, ResetReconciled);
        log.append(&followed(ResetOutcome, Succeeded, 2)).await.expect("late");
        assert_eq!(latest(&log, 2).await.outcome, Succeeded);
        assert_eq!(log.history_of(account(1), 10, Timestamp::MIN).await.expect("read").len(), 4, "one line for each");
    })
    .await;
}

#[tokio::test]
async fn what_ad_answered_counts_before_what_was_found_out_afterwards_and_that_before_nobody_knows() {
    use AuditOutcome::{Failed, Succeeded, Unknown};
    use EventKind::{ChangeAttempt, ChangeOutcome, ChangeReconciled};
    each_store(async |store, _| {
        let log = audit_log(&store);
        log.begin(&event(1)).await.expect("begun");
        assert_eq!(latest(&log, 1).await.kind, ChangeAttempt);
        log.settle(&followed(ChangeReconciled, Failed, 1)).await.expect("settled");
        log.append(&followed(ChangeOutcome, Unknown, 1)).await.expect("late");
        assert_eq!(latest(&log, 1).await.kind, ChangeReconciled);
        log.append(&followed(ChangeOutcome, Succeeded, 1)).await.expect("later still");
        assert_eq!(latest(&log, 1).await.outcome, Succeeded);
        let history = log.history_of(account(1), 10, Timestamp::MIN).await.expect("read");
        assert_eq!(history.len(), 1, "one line for one change");
        assert_eq!(history[0].event.outcome, Succeeded);
        assert_eq!(log.outcome_of(account(2), AttemptId::from_random([1; 16])).await.expect("read"), None, "nobody else's");
    })
    .await;
}

#[tokio::test]
async fn the_history_is_the_accounts_own_newest_first_and_bounded() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        for n in 0..30 {
            log.append(&AuditEvent {
                kind: EventKind::SignIn,
                attempt: None,
                target: Some(party(n % 2)),
                at: at(n.try_into().expect("small")),
                ..event(1)
            })
            .await
            .expect("appended");
        }
        let seconds = async |limit, since| {
            let entries = log.history_of(account(1), limit, since).await.expect("read");
            entries.iter().map(|e| e.event.at.duration_since(at(0)).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(seconds(3, Timestamp::MIN).await, [29, 27, 25]);
        assert_eq!(seconds(50, at(30) - SignedDuration::from_secs(4)).await, [29, 27]);
    })
    .await;
}

/// The bytes under MAC and seal are unambiguous for all values of all columns.
#[test]
fn no_two_entries_have_the_same_content() {
    let entry = |fields: &[(&str, &str)]| {
        let mut value = serde_json::json!({ "at": 1, "visit": "v", "kind": "sign_in", "outcome": "failed", "reason": "" });
        for (name, text) in fields {
            value[*name] = (*text).into();
        }
        serde_json::from_value::<StoredEntry>(value).expect("an entry").content()
    };
    let all = [
        entry(&[]),
        entry(&[("note", "")]),
        entry(&[("note", "x")]),
        entry(&[("ticket", "x")]),
        entry(&[("note", "x"), ("ticket", "y")]),
        entry(&[("note", "xticket"), ("ticket", "")]),
        entry(&[("reason", "note"), ("note", "x")]),
    ];
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    assert_eq!(entry(&[("mac", "00")]), entry(&[]), "the mac is not under itself");
}

/// A CPR number is found by its keyed hash and opened by its key. The log itself holds a commitment only.
#[tokio::test]
async fn a_cpr_number_is_written_beside_the_entry_and_encrypted() {
    each_store(async |store, place| {
        let cpr = Cpr::parse("010190-1234").expect("a CPR number");
        let vault = || Vault::new([&[2; 32]]);
        let log = audit_log(&store).with(vault(), "kommune.test");
        log.begin(&AuditEvent { actor_cpr: Some(cpr.clone()), target_cpr: Some(cpr.clone()), ..event(1) }).await.expect("begun");
        assert_eq!(log.begin(&AuditEvent { actor_cpr: Some(cpr.clone()), ..event(1) }).await.expect("asked"), AttemptBegun::AlreadySent);
        let count = async |table: &str| place.one::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert_eq!((count("audit_cpr").await, count("audit_unsealed").await), (2, 1), "of the entry that was written");
        let commitment = place.one::<String>("SELECT actor_cpr FROM audit").await;
        let sealed = SealedCpr {
            key_id: place.one("SELECT key_id FROM audit_cpr WHERE party = 'actor'").await,
            blind: place.one("SELECT blind FROM audit_cpr WHERE party = 'actor'").await,
            sealed: place.one("SELECT sealed FROM audit_cpr WHERE party = 'actor'").await,
        };
        assert_eq!(vault().blinds(&cpr), std::slice::from_ref(&sealed.blind));
        assert_eq!(vault().open(&commitment, &sealed), Some(cpr));
        assert_eq!(place.one::<String>("SELECT target_domain FROM audit").await, "kommune.test");
    })
    .await;
}

/// The documented events match the code: every kind with its class, every refusal and denial.
#[test]
fn the_table_of_events_is_whole() {
    let read = |file: &str| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
    let text = read("docs/audit-events.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")).map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let told: std::collections::BTreeMap<String, String> =
        rows.map(|cells| (cells[0].trim_end_matches('`').to_owned(), cells[1].to_owned())).collect();
    let there = EventKind::ALL.iter().map(|kind| (kind.code().to_owned(), kind.class().code().to_owned())).collect();
    assert_eq!(told, there);
    for outcome in AuditOutcome::ALL {
        assert!(text.contains(&format!("`{}`", outcome.code())), "{}", outcome.code());
    }
    let mut codes = 0;
    for file in ["src/model/refusal.rs", "src/model/authorization.rs", "src/jobs/reconcile.rs"] {
        for code in read(file).split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !code.is_empty()
                && code.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && !["see", "set_password", "unlock", "issue_code"].contains(&code)
            {
                assert!(text.contains(&format!("`{code}`")), "{file}: {code}");
                codes += 1;
            }
        }
    }
    assert!(codes > 15, "{codes}");
}
