//! Alerts: raised from the log and logged themselves.

use os2nykode::{
    jobs::alerts::AlertJob,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind},
        identity::{level::AssuranceLevel, provider::ProviderId},
    },
};

use super::{entries, event, place, seal, unguard};
use crate::{
    service::{Service, Setup},
    store::postgres_database,
};

const FEW: &str = "[audit.alerts]\nfailures_for_one_account = 5\naccounts_from_one_address = 4\nresets_by_one_helper = 3\n";

async fn start(store: Option<String>) -> Service {
    Setup { more: FEW, store, ..Setup::default() }.start().await
}

fn watcher(service: &Service) -> AlertJob {
    AlertJob::new(&service.app, service.app.config.audit.alerts.expect("on")).expect("random")
}

async fn append(service: &Service, kind: EventKind, outcome: AuditOutcome, actor: Option<u128>, target: u128) {
    service.app.audit.append(&event(&*service.clock, kind, outcome, actor, Some(target))).await.expect("written");
}

/// Seals, evaluates all entries, and returns the rules of all alerts so far.
async fn raised(service: &Service, watcher: &mut AlertJob) -> Vec<String> {
    seal(&service.app.audit).await;
    while watcher.round(&service.app).await.expect("no fault").expect("ours") {}
    seal(&service.app.audit).await;
    entries(&service.app.store, EventKind::AlertRaised).await.into_iter().map(|alert| alert.reason).collect()
}

async fn each(test: impl AsyncFn(Service)) {
    test(start(None).await).await;
    test(start(Some(postgres_database().await)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attack_is_told_once_in_its_window_and_after_a_restart_too() {
    each(async |service| {
        let mut first = watcher(&service);
        assert!(raised(&service, &mut first).await.is_empty());
        for _ in 0..3 {
            append(&service, EventKind::SignIn, AuditOutcome::Refused, None, 1).await;
        }
        assert!(raised(&service, &mut first).await.is_empty());
        // A second instance continues from the state in the log.
        place(&service).run("UPDATE leases SET until = 0").await.expect("released");
        let mut second = watcher(&service);
        for _ in 0..2 {
            append(&service, EventKind::SignIn, AuditOutcome::Refused, None, 1).await;
        }
        assert_eq!(raised(&service, &mut second).await, ["failures_for_one_account"]);
        let alert = entries(&service.app.store, EventKind::AlertRaised).await.remove(0);
        assert_eq!(alert.target.expect("about an account").account_name, "bruger1");
        assert_eq!((alert.note.as_deref(), alert.client, alert.outcome), (Some("count=5 minutes=10"), None, AuditOutcome::Succeeded));
        for _ in 0..7 {
            append(&service, EventKind::SignIn, AuditOutcome::Refused, None, 1).await;
        }
        place(&service).run("UPDATE leases SET until = 0").await.expect("released");
        let mut third = watcher(&service);
        assert_eq!(raised(&service, &mut third).await.len(), 1, "in this window it was told");
        service.clock.shift_to(11 * 60);
        for _ in 0..5 {
            append(&service, EventKind::SignIn, AuditOutcome::Refused, None, 1).await;
        }
        assert_eq!(raised(&service, &mut third).await.len(), 2, "in the next it is told again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_raises_what_it_is_for() {
    each(async |service| {
        let mut watcher = watcher(&service);
        raised(&service, &mut watcher).await;
        for target in 1..5 {
            append(&service, EventKind::SignIn, AuditOutcome::Refused, None, target).await;
        }
        assert_eq!(raised(&service, &mut watcher).await, ["accounts_from_one_address"]);
        for target in 2..5 {
            append(&service, EventKind::ResetOutcome, AuditOutcome::Succeeded, Some(1), target).await;
        }
        assert_eq!(raised(&service, &mut watcher).await.last().expect("raised"), "resets_by_one_helper");
        let login = |level| AuditEvent {
            provider: ProviderId::parse("nemlogin"),
            level: Some(level),
            ..event(&*service.clock, EventKind::SignIn, AuditOutcome::Succeeded, Some(1), Some(1))
        };
        for _ in 0..30 {
            service.app.audit.append(&login(AssuranceLevel::Substantial)).await.expect("written");
        }
        service.app.audit.append(&login(AssuranceLevel::Low)).await.expect("written");
        assert_eq!(raised(&service, &mut watcher).await.last().expect("raised"), "login_below_usual_level");
        let forged = "INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (9000000000000000, 'x', 'sign_in', 'succeeded', '')";
        place(&service).run(forged).await.expect("an intruder");
        assert_eq!(raised(&service, &mut watcher).await.last().expect("raised"), "unsound_entry");
        service.clock.shift_to(601);
        place(&service).run(forged).await.expect("an intruder");
        let all = raised(&service, &mut watcher).await;
        assert_eq!(all.iter().filter(|rule| *rule == "unsound_entry").count(), 2, "the intruder's own time silences nothing: {all:?}");
        append(&service, EventKind::SignIn, AuditOutcome::Succeeded, None, 1).await;
        seal(&service.app.audit).await;
        unguard(&place(&service)).await;
        place(&service).run("DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)").await.expect("an intruder");
        assert_eq!(raised(&service, &mut watcher).await.last().expect("raised"), "missing_entry");
        let alerts = entries(&service.app.store, EventKind::AlertRaised).await;
        assert_eq!(alerts[0].client, Some("192.0.2.1".parse().expect("an address")));
        assert_eq!(alerts[1].actor.as_ref().expect("a helper").account_name, "bruger1");
        assert_eq!((alerts[2].provider.as_ref().map(ProviderId::as_str), alerts[2].level), (Some("nemlogin"), Some(AssuranceLevel::Low)));
        assert!(alerts[3].note.as_deref().expect("a note").starts_with("number="));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_there_before_raises_nothing() {
    let service = start(None).await;
    for _ in 0..10 {
        append(&service, EventKind::SignIn, AuditOutcome::Refused, None, 1).await;
    }
    seal(&service.app.audit).await;
    assert!(raised(&service, &mut watcher(&service)).await.is_empty());
}
