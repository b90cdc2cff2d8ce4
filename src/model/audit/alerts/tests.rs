use uuid::Uuid;

use crate::model::audit::alerts::*;
use crate::model::{audit::attempt::AttemptId, identity::LoginMethod};

const LIMITS: Thresholds = Thresholds {
    window: SignedDuration::from_mins(10),
    failures_for_one_account: 3,
    accounts_from_one_address: 3,
    resets_by_one_helper: 3,
    login_below_usual_level: true,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn party(n: u128) -> Party {
    Party { guid: Uuid::from_u128(n).into(), account_name: format!("b{n}"), name: format!("B {n}") }
}

fn event(kind: EventKind, outcome: AuditOutcome, second: i64, target: u128) -> AuditEvent {
    AuditEvent {
        at: at(second),
        visit: Uuid::nil(),
        kind,
        outcome,
        reason: String::new(),
        actor: None,
        unknown_name: None,
        method: Some(LoginMethod::AdPassword),
        provider: None,
        level: None,
        assertion: None,
        actor_cpr: None,
        client: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: None,
        target: Some(party(target)),
        target_cpr: None,
        controller: None,
        attempt: Some(AttemptId::from_random([1; 16])),
        authority: None,
        note: None,
        ticket: None,
        password_set_before: None,
    }
}

fn failure(second: i64, target: u128) -> AuditEvent {
    event(EventKind::SignIn, AuditOutcome::Refused, second, target)
}

fn reset(second: i64, actor: u128, target: u128) -> AuditEvent {
    AuditEvent { actor: Some(party(actor)), ..event(EventKind::ResetOutcome, AuditOutcome::Succeeded, second, target) }
}

fn login(second: i64, level: AssuranceLevel) -> AuditEvent {
    let provider = ProviderId::parse("nemlogin");
    AuditEvent { provider, level: Some(level), ..event(EventKind::SignIn, AuditOutcome::Succeeded, second, 1) }
}

/// The rules that alert, entry by entry.
fn told(watch: &mut Watch, events: &[AuditEvent]) -> Vec<Vec<AlertRule>> {
    events.iter().map(|event| watch.see(1, ObservedEntry::Event(event)).iter().map(|alert| alert.rule).collect()).collect()
}

#[test]
fn as_many_failures_as_the_threshold_within_the_window_are_an_alert_about_the_account() {
    let mut watch = Watch::new(LIMITS);
    assert_eq!(told(&mut watch, &[failure(0, 1), failure(300, 1), failure(601, 1)]), [[]; 3], "never three within ten minutes");
    let alerts = watch.see(9, ObservedEntry::Event(&failure(700, 1)));
    let [alert] = &alerts[..] else { panic!("{alerts:?}") };
    assert_eq!(
        (alert.rule, alert.count, alert.at, &alert.subject),
        (AlertRule::FailuresForOneAccount, 3, at(700), &AlertSubject::Account(party(1)))
    );
    assert_eq!(alert.name(), "failures_for_one_account:00000000-0000-0000-0000-000000000001");
}

#[test]
fn failures_by_unknown_names_codes_and_old_passwords_count_and_successes_do_not() {
    let unknown = || AuditEvent { target: None, unknown_name: Some("ab".to_owned()), ..failure(0, 1) };
    assert_eq!(told(&mut Watch::new(LIMITS), &[unknown(), unknown(), unknown()])[2], [AlertRule::FailuresForOneAccount]);
    let wrong = AuditEvent { reason: "wrong_current".to_owned(), ..event(EventKind::ChangeOutcome, AuditOutcome::Refused, 0, 1) };
    let code = event(EventKind::CodeRedeemed, AuditOutcome::Refused, 0, 1);
    assert_eq!(told(&mut Watch::new(LIMITS), &[wrong, code, failure(0, 1)])[2], [AlertRule::FailuresForOneAccount]);
    let good = event(EventKind::SignIn, AuditOutcome::Succeeded, 0, 1);
    let refused = event(EventKind::ChangeOutcome, AuditOutcome::Refused, 0, 1);
    assert_eq!(told(&mut Watch::new(LIMITS), &[good.clone(), refused, good, failure(0, 1)]), [[]; 4]);
}

#[test]
fn an_address_alerts_by_accounts_and_not_by_failures() {
    let mut watch = Watch::new(Thresholds { failures_for_one_account: 0, ..LIMITS });
    let tries: Vec<_> = [1, 1, 2, 1, 2].into_iter().map(|target| failure(0, target)).collect();
    assert_eq!(told(&mut watch, &tries), [[]; 5]);
    let third = AuditEvent { target: None, unknown_name: Some("ab".to_owned()), ..failure(1, 1) };
    assert_eq!(told(&mut watch, &[third]), [[AlertRule::AccountsFromOneAddress]]);
    let elsewhere = AuditEvent { client: Some(IpAddr::from([192, 0, 2, 2])), ..failure(1, 4) };
    assert_eq!(told(&mut watch, &[elsewhere]), [[]]);
}

#[test]
fn an_ipv6_address_counts_as_its_household() {
    let mut watch = Watch::new(LIMITS);
    let mut alerts = Vec::new();
    for n in 0..20_u128 {
        let client = Some(std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) + n).into());
        alerts.extend(watch.see(1, ObservedEntry::Event(&AuditEvent { client, ..failure(1, n) })));
    }
    assert!(alerts.iter().any(|alert| alert.rule == AlertRule::AccountsFromOneAddress), "{alerts:?}");
}

#[test]
fn many_names_of_nobody_do_not_push_out_an_account_that_is_attacked() {
    let mut watch = Watch::new(LIMITS);
    let attacked = failure(1, 0);
    watch.see(1, ObservedEntry::Event(&attacked));
    watch.see(1, ObservedEntry::Event(&attacked));
    for n in 0..21_000 {
        watch.see(
            1,
            ObservedEntry::Event(&AuditEvent {
                target: None,
                actor: None,
                unknown_name: Some(format!("{n:016x}")),
                client: None,
                ..failure(1, 0)
            }),
        );
    }
    assert_eq!(told(&mut watch, &[attacked]), [[AlertRule::FailuresForOneAccount]]);
}

#[test]
fn resets_of_others_count_for_who_made_them() {
    let mut watch = Watch::new(LIMITS);
    assert_eq!(told(&mut watch, &[reset(0, 7, 1), reset(1, 7, 7), reset(2, 8, 2), reset(3, 7, 3)]), [[]; 4], "their own is none");
    assert_eq!(told(&mut watch, &[reset(4, 7, 1)]), [[AlertRule::ResetsByOneHelper]]);
    assert_eq!(told(&mut watch, &[reset(605, 7, 4)]), [[]], "the window is over");
}

#[test]
fn a_login_below_what_nearly_all_others_reach_is_an_alert() {
    let mut watch = Watch::new(LIMITS);
    let usual: Vec<_> = (0..20).map(|second| login(second, AssuranceLevel::Substantial)).collect();
    assert!(told(&mut watch, &usual).iter().all(Vec::is_empty));
    assert_eq!(told(&mut watch, &[login(21, AssuranceLevel::High), login(22, AssuranceLevel::Substantial)]), [[]; 2]);
    assert_eq!(told(&mut watch, &[login(23, AssuranceLevel::Low)]), [[AlertRule::LoginBelowUsualLevel]]);
    let mut mixed = Watch::new(LIMITS);
    let some: Vec<_> = (0..40).map(|n| login(n, if n % 10 == 0 { AssuranceLevel::Low } else { AssuranceLevel::Substantial })).collect();
    assert!(told(&mut mixed, &some).iter().all(Vec::is_empty), "low is usual there");
    let few: Vec<_> = (0..19).map(|second| login(second, AssuranceLevel::Substantial)).chain([login(20, AssuranceLevel::Low)]).collect();
    assert!(told(&mut Watch::new(LIMITS), &few).iter().all(Vec::is_empty), "too few to judge by");
}

#[test]
fn what_the_service_did_not_write_alerts_about_the_log_and_counts_for_nothing_else() {
    let mut watch = Watch::new(LIMITS);
    for number in 1..5 {
        let alerts = watch.see(number, ObservedEntry::Unsound);
        let [alert] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!((alert.rule, alert.name().as_str()), (AlertRule::UnsoundEntry, "unsound_entry:log"));
    }
    told(&mut watch, &[failure(0, 1)]);
    assert_eq!(watch.see(6, ObservedEntry::Missing)[0].rule, AlertRule::MissingEntry);
}

#[test]
fn a_threshold_of_nothing_is_never_reached_and_memory_is_bounded() {
    let none = Thresholds {
        failures_for_one_account: 0,
        accounts_from_one_address: 0,
        resets_by_one_helper: 0,
        login_below_usual_level: false,
        ..LIMITS
    };
    let mut watch = Watch::new(none);
    for n in 0..(MOST_SUBJECTS as u128 + 500) {
        let alerts = watch.see(1, ObservedEntry::Event(&AuditEvent { client: None, ..failure(0, n) }));
        assert!(alerts.is_empty());
    }
    assert_eq!(watch.failures.0.len(), MOST_SUBJECTS);
}
