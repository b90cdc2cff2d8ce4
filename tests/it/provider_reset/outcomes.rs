//! Outcomes of a reset: locked accounts, lost answers, crashes, repeated forms, the password policy.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_unlocked_with_its_new_password() {
    let service = setup("").start().await;
    let person = locked_person().await;
    let identity = os2faktor(&service, &person, AssuranceLevel::Substantial);
    let target = guid(&person).await;
    visitor(&service, &identity)
        .await
        .get(&format!("/accounts/{target}"))
        .await
        .says("Den bliver låst op, når du vælger en ny adgangskode");
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Done);
    assert!(!is_locked(&person).await);
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_refused_where_unlocking_is_off() {
    let service = setup("[reset]\nunlock = false\n").start().await;
    let person = locked_person().await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    let target = guid(&person).await;
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::Locked));
    assert!(is_locked(&person).await);
    let account = visitor(&service, &identity).await.get(&format!("/accounts/{target}/password")).await;
    assert_eq!(account.path, format!("/accounts/{target}"), "no form that can't succeed");
    account.says("Vent, til den låses op, eller kontakt servicedesken");
    assert!(!account.html.contains("/password"), "{}", account.html);
    Admin::new().await.replace(&person.dn, "lockoutTime", "0").await;
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_stays_locked_has_its_new_password_and_says_so() {
    // Simulates the missing right: the proxy replaces lockoutTime with an attribute that no account may write.
    let proxy = Proxy::start().await;
    proxy.set(Mischief::ReplaceSent(MODIFY, b"lockoutTime", b"badPwdCount"));
    let service = Setup { controllers: vec![proxy.address], ..setup("") }.start().await;
    let person = locked_person().await;
    let target = guid(&person).await;
    let visitor = visitor(&service, &os2faktor(&service, &person, AssuranceLevel::High)).await;
    let page = visitor.reset(&format!("/accounts/{target}"), NEW).await;
    page.says("Din adgangskode er skiftet");
    page.says("din konto er stadig låst");
    page.says("Kontakt servicedesken");
    let last = history(&service, target).await.remove(0);
    assert_eq!((last.kind, last.outcome, last.reason.as_str()), (EventKind::ResetOutcome, AuditOutcome::Succeeded, "still_locked"));
    assert!(is_locked(&person).await);
    Admin::new().await.replace(&person.dn, "lockoutTime", "0").await;
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_reset_is_looked_into() {
    let proxy = Proxy::start().await;
    let slow = "write_timeout_seconds = 1\nretry_after_seconds = 1\n";
    let service = Setup { controllers: vec![proxy.address], directory: slow, ..setup("") }.start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    proxy.set(Mischief::CutAnswer(MODIFY_ANSWER, 3));
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Done);
    let person = admin.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    proxy.set(Mischief::DropRequest(MODIFY));
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Unknown);
    unchanged(&person).await;
    proxy.set(Mischief::None);
    service.clock.shift_to(60);
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    let last = history(&service, target).await.remove(0);
    assert_eq!((last.kind, last.outcome), (EventKind::ResetReconciled, AuditOutcome::Failed));
}

/// A controller that gives its replication metadata as Windows does, as XML only.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_settled_by_the_metadata_of_a_windows_controller() {
    let proxy = Proxy::start().await;
    let service = Setup { controllers: vec![proxy.address], ..setup("") }.start().await;
    proxy.set(Mischief::XmlMetadata);
    for (write, expected) in [(true, "password_set_since"), (false, "password_not_set_since")] {
        let person = Admin::new().await.person().await;
        let target = guid(&person).await;
        let (account, mut pinned) = service.app.directory.account(target).await.expect("read");
        let account = account.expect("there");
        assert_eq!(account.password_version, None, "not in the form of Samba");
        let begun = begun_reset(&service, &person, &account, &mut pinned).await;
        assert!(begun.note.is_some(), "in the form of Windows");
        service.app.audit.begin(&begun).await.expect("begun");
        if write {
            assert_eq!(pinned.reset_password(target, &password(NEW), ResetOptions::default()).await.expect("an answer"), WriteAnswer::Done);
        }
        drop(pinned);
        service.clock.shift_to(60);
        assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
        service.clock.shift_to(0);
        assert_eq!(history(&service, target).await[0].reason, expected);
    }
    // Somebody else's write after it: one more version.
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let (account, mut pinned) = service.app.directory.account(target).await.expect("read");
    let begun = begun_reset(&service, &person, &account.expect("there"), &mut pinned).await;
    drop(pinned);
    service.app.audit.begin(&begun).await.expect("begun");
    for new in [NEW, OTHER] {
        Admin::new().await.set_password(&person, new).await;
    }
    service.clock.shift_to(60);
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    assert_eq!(history(&service, target).await[0].reason, "set_by_somebody_else");
}

/// The answer is lost and nothing was written. Then a helper sets the password and issues a code.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_attempt_is_not_credited_with_what_came_after_it() {
    let proxy = Proxy::start().await;
    let slow = "write_timeout_seconds = 1\nretry_after_seconds = 1\n";
    let service = Setup { controllers: vec![proxy.address], directory: slow, ..setup("") }.start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    proxy.set(Mischief::DropRequest(MODIFY));
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Unknown);
    proxy.set(Mischief::None);
    // After a lost answer, the account lock expires by itself after a minute.
    service.clock.shift_to(121);
    assert_eq!(reset(&service, &identity, target, OTHER).await, SetOutcome::Done);
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    let settled = history(&service, target).await.into_iter().find(|entry| entry.kind == EventKind::ResetReconciled).expect("settled");
    assert_eq!((settled.outcome, settled.reason.as_str()), (AuditOutcome::Unknown, "set_by_somebody_else"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_attempt_and_outcome_of_a_reset_is_settled() {
    let service = setup("").start().await;
    let (free, locked) = (Admin::new().await.person().await, locked_person().await);
    for (person, expected) in [(&free, "password_set_since"), (&locked, "still_locked")] {
        let target = guid(person).await;
        let (account, mut pinned) = service.app.directory.account(target).await.expect("read");
        let account = account.expect("there");
        let begun = begun_reset(&service, person, &account, &mut pinned).await;
        service.app.audit.begin(&begun).await.expect("begun");
        assert_eq!(pinned.reset_password(target, &password(NEW), ResetOptions::default()).await.expect("an answer"), WriteAnswer::Done);
        drop(pinned);
        service.clock.shift_to(60);
        assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
        service.clock.shift_to(0);
        let all = history(&service, target).await;
        assert_eq!(all.len(), 1, "one line for one reset");
        assert_eq!((all[0].kind, all[0].outcome, all[0].reason.as_str()), (EventKind::ResetReconciled, AuditOutcome::Succeeded, expected));
        assert_eq!(
            (&all[0].provider, all[0].level, all[0].assertion.as_deref()),
            (&Some(id("mitid")), Some(AssuranceLevel::High), Some(ASSERTION))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_sets_one_password() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    let first = form(&service, target, None, NEW);
    let again = SetRequest { attempt: first.attempt, ..form(&service, target, None, OTHER) };
    let (visit, app) = (visit(&identity), &service.app);
    let (one, two) = tokio::join!(set_password::set(app, &visit, &identity, first), set_password::set(app, &visit, &identity, again));
    let answers = [one.expect("an answer"), two.expect("an answer")];
    assert!(answers.contains(&SetOutcome::Done) && answers.contains(&SetOutcome::AlreadySent), "{answers:?}");
    let attempts = history(&service, target).await;
    assert_eq!(attempts.len(), 1);
    let works = [bind(&person.dn, NEW).await, bind(&person.dn, OTHER).await];
    assert_eq!(works.iter().filter(|works| works.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_holds_for_a_reset_and_must_change_lifts_the_minimum_age() {
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let (person, young, must) = (admin.person().await, admin.young_person().await, admin.young_person().await);
    admin.must_change(&must).await;
    let refused = async |person: &Person, new: &str| {
        let identity = os2faktor(&service, person, AssuranceLevel::High);
        let answer = reset(&service, &identity, guid(person).await, new).await;
        let SetOutcome::Refused(Refusal::Policy(broken)) = answer else { panic!("{answer:?}") };
        broken
    };
    assert_eq!(
        refused(&person, "kort").await,
        [
            BrokenRule::TooShort(12),
            BrokenRule::NotComplex,
            BrokenRule::Guessable(vec![GuessReason::CommonWord { kind: WordKind::Danish, word: None }])
        ]
    );
    assert!(matches!(refused(&young, NEW).await.as_slice(), [BrokenRule::TooYoung(_)]));
    unchanged(&person).await;
    unchanged(&young).await;
    assert_eq!(reset(&service, &os2faktor(&service, &must, AssuranceLevel::High), guid(&must).await, NEW).await, SetOutcome::Done);
    assert_eq!(bind(&must.dn, NEW).await, Ok(()));
}
