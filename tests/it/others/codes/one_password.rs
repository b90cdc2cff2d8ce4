//! A login by code sets exactly one password, despite any failure in between.

use super::*;
use crate::{
    people::utf16,
    proxy::{MODIFY, Mischief, Proxy},
    service::Setup,
};
use os2nykode::{
    clock::Clock,
    model::{identity::Proof, refusal::Refusal},
};

const CODE: &str = "K7Q-4MXP-9WD";

async fn through(proxy: &Proxy) -> Service {
    let setup = Setup {
        controllers: vec![proxy.address],
        directory: "write_timeout_seconds = 1\nretry_after_seconds = 1\n",
        more: "[rate_limit.name]\nattempts_before_delay = 100\n[login.ad_password]\nanswer_after_ms = 0\n[codes]\nenabled = true\n[local_accounts]\nenabled = true\n[[delegation.helpdesk]]\nid = \"vagt\"\nname = { da = \"Vagten\", en = \"The watch\" }\nlocal_accounts = true\neverybody = true\n",
        ..Setup::default()
    };
    setup.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_ad_refuses_leaves_the_login_good_for_another() {
    let proxy = Proxy::start().await;
    let service = through(&proxy).await;
    let caller = Admin::new().await.person().await;
    let target = guid(&caller).await;
    in_store(&service.app, target, CODE).await;
    let visitor = service.visitor();
    assert!(is_in(&type_in(&visitor, &caller.sam, CODE).await));
    let account = format!("/accounts/{target}");
    // The proxy replaces the password with one that the controller refuses as too simple.
    let simple = "a".repeat(NEW.chars().count());
    proxy.set(Mischief::ReplaceSent(MODIFY, utf16(NEW).leak(), utf16(&simple).leak()));
    for _ in 0..2 {
        let page = visitor.reset(&account, NEW).await;
        assert_eq!(page.status, 422, "{}", page.text);
    }
    let reasons: Vec<_> = history(&service, target).await.into_iter().map(|event| (event.kind, event.outcome, event.reason)).collect();
    assert_eq!(reasons[0], (EventKind::ResetOutcome, AuditOutcome::Refused, "not_complex".to_owned()));
    proxy.set(Mischief::None);
    visitor.reset(&account, "kort").await.says("mindst");
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
    visitor.reset(&account, NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&caller.dn, NEW).await, Ok(()));
    visitor.get(&format!("{account}/password")).await.says("Engangskoden er brugt");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_forms_at_once_one_sets_the_password() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let code = given(&town, &helper, target).await;
    let visitor = town.service.visitor();
    assert!(is_in(&type_in(&visitor, &caller.sam, &code).await));
    let path = format!("/accounts/{target}/password");
    let mut forms = Vec::new();
    for n in 0..4 {
        let form = visitor.get(&path).await;
        forms.push((form.token(), form.attempt(), format!("Blå-Sejlbåd-471{n}")));
    }
    let sent = forms.iter().map(|(token, attempt, new)| {
        let (visitor, path) = (&visitor, &path);
        async move { visitor.post(path, &[("csrf", token), ("attempt", attempt), ("new", new), ("repeat", new)]).await.text }
    });
    let told = futures_util::future::join_all(sent).await;
    let done: Vec<_> = told.iter().map(|text| text.contains("Din adgangskode er skiftet")).collect();
    let mut holds = Vec::new();
    for (_, _, new) in &forms {
        holds.push(bind(&caller.dn, new).await.is_ok());
    }
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{told:?}");
    assert_eq!(done, holds, "the one that was told of is the one that holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_may_have_been_set_was_the_one() {
    let proxy = Proxy::start().await;
    let service = through(&proxy).await;
    let caller = Admin::new().await.person().await;
    let target = guid(&caller).await;
    in_store(&service.app, target, CODE).await;
    let visitor = service.visitor();
    assert!(is_in(&type_in(&visitor, &caller.sam, CODE).await));
    proxy.set(Mischief::DropRequest(MODIFY));
    let account = format!("/accounts/{target}");
    visitor.reset(&account, NEW).await.says("Vi ved ikke, om din adgangskode blev skiftet");
    proxy.set(Mischief::None);
    visitor.get(&format!("{account}/password")).await.says("Engangskoden er brugt");
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_went_back_makes_no_login_younger() {
    let (town, helper, caller) = town().await;
    let (target, helper) = (guid(&caller).await, guid(&helper).await);
    let now = town.service.clock.now();
    for (ahead, good) in
        [(SignedDuration::from_hours(1), false), (SignedDuration::from_secs(61), false), (SignedDuration::from_secs(30), true)]
    {
        given_by(&town.service.app, helper, target, CODE).await;
        let code = Code::parse(CODE).expect("a code");
        let Try::Compare(kept) = town.service.app.codes.begin(target, Some(&code), now).await.expect("read") else {
            panic!("a code");
        };
        assert!(town.service.app.codes.redeem(target, kept.id, now).await.expect("asked"));
        let proof = Proof::Code { account: target.into(), account_name: caller.sam.clone(), code: kept.id, issuer: "hans".to_owned() };
        let identity = Identity { proof, at: now + ahead, ..town.login(&caller) };
        let attempt = AttemptId::from_random(town.service.app.keys.random().expect("random"));
        let request = SetRequest { target, attempt, current: None, new: password(NEW), whose: Whose::Own { asking: None } };
        let answer = set_password::set(&town.service.app, &visit(&identity), &identity, request).await.expect("an answer");
        assert_eq!(answer, if good { SetOutcome::Done } else { SetOutcome::Refused(Refusal::CodeEnded) }, "{ahead}");
    }
}
