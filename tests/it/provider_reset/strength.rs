//! Assurance levels and providers that a reset requires.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_below_the_rule_resets_nothing() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let needed = Strength { level: AssuranceLevel::Substantial, providers: None };
    // The form is opened with a strong login and sent with a weak one.
    let strong = os2faktor(&service, &person, AssuranceLevel::High);
    let AccountShown::Account(view) = show::show(&service.app, &strong, target).await.expect("read") else { panic!("theirs") };
    assert_eq!(view.barred, None);
    for level in [AssuranceLevel::None, AssuranceLevel::Low] {
        let weak = os2faktor(&service, &person, level);
        let AccountShown::Account(view) = show::show(&service.app, &weak, target).await.expect("read") else { panic!("theirs") };
        assert_eq!(view.barred, Some(Refusal::TooWeak { needed: needed.clone() }));
        assert_eq!(reset(&service, &weak, target, NEW).await, SetOutcome::Refused(Refusal::TooWeak { needed: needed.clone() }));
    }
    unchanged(&person).await;
    assert_eq!(history(&service, target).await[0].reason, "too_weak");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pupils_group_may_accept_a_weaker_login_and_several_groups_only_tighten() {
    let mut admin = Admin::new().await;
    let (pupils, protected) = (unique("elever"), unique("beskyttet"));
    let (pupils_dn, protected_dn) = (admin.group(&pupils).await, admin.group(&protected).await);
    let rules = format!(
        "[[reset.group]]\ngroup = \"{pupils}\"\nlevel = \"low\"\nproviders = [\"unilogin\", \"os2faktor\"]\n\
         [[reset.group]]\ngroup = \"{protected_dn}\"\nlevel = \"high\"\nproviders = [\"os2faktor\", \"mitid\"]\n"
    );
    let service = setup(&rules).start().await;
    let (pupil, both, nobody) = (admin.person().await, admin.person().await, admin.person().await);
    admin.add_to_group(&pupils_dn, &pupil.dn).await;
    admin.add_to_group(&pupils_dn, &both.dn).await;
    admin.add_to_group(&protected_dn, &both.dn).await;
    let unilogin = |person: &Person| login(&service, "unilogin", claim(ClaimKind::AccountName, &person.sam), AssuranceLevel::Low);
    let weak = |level, providers: &[&str]| {
        let providers = (!providers.is_empty()).then(|| providers.iter().map(|name| id(name)).collect());
        SetOutcome::Refused(Refusal::TooWeak { needed: Strength { level, providers } })
    };
    let default = weak(AssuranceLevel::Substantial, &[]);
    assert_eq!(reset(&service, &unilogin(&nobody), guid(&nobody).await, NEW).await, default, "no pupil");
    let together = weak(AssuranceLevel::High, &["os2faktor"]);
    assert_eq!(reset(&service, &unilogin(&both), guid(&both).await, NEW).await, together);
    assert_eq!(reset(&service, &os2faktor(&service, &both, AssuranceLevel::Substantial), guid(&both).await, NEW).await, together);
    unchanged(&both).await;
    assert_eq!(reset(&service, &unilogin(&pupil), guid(&pupil).await, NEW).await, SetOutcome::Done);
    assert_eq!(reset(&service, &os2faktor(&service, &both, AssuranceLevel::High), guid(&both).await, NEW).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_a_rule_that_is_not_there_stops_every_reset() {
    let service = setup("[[reset.group]]\ngroup = \"Findes ikke\"\nlevel = \"high\"\n").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    let sent = form(&service, target, None, NEW);
    set_password::set(&service.app, &visit(&identity), &identity, sent).await.expect_err("a fault");
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_older_than_the_limit_resets_nothing() {
    let service = setup("[reset]\nmax_age_minutes = 10\n").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    for minutes in [11, -6] {
        let mut identity = os2faktor(&service, &person, AssuranceLevel::High);
        identity.at -= SignedDuration::from_mins(minutes);
        assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::LoginTooOld), "{minutes}");
    }
    unchanged(&person).await;
    let mut identity = os2faktor(&service, &person, AssuranceLevel::High);
    identity.at -= SignedDuration::from_mins(9);
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_not_act_is_told_why_and_which_logins_would_do() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let path = format!("/accounts/{}", guid(&person).await);
    let weak = login(&service, "unilogin", claim(ClaimKind::AccountName, &person.sam), AssuranceLevel::Low);
    let browser = visitor(&service, &weak).await;
    for path in [path.clone(), format!("{path}/password")] {
        let page = browser.get(&path).await;
        page.says("Dit login er ikke sikkert nok");
        page.says("mindst niveauet Betydelig (NSIS)");
        page.says("Hvis du kan huske din nuværende adgangskode");
        for address in ["/login/os2faktor\"", "/login/mitid\"", "/login\""] {
            assert!(page.html.contains(&format!("href=\"{address}")), "{address}");
        }
        assert!(!page.html.contains("/login/unilogin") && !page.html.contains("/password\""), "{}", page.html);
    }
    let mut old = os2faktor(&service, &person, AssuranceLevel::High);
    old.at -= SignedDuration::from_mins(16);
    let browser = visitor(&service, &old).await;
    let page = browser.get(&format!("{path}/password")).await;
    assert_eq!(page.path, path);
    page.says("skal du logge ind igen");
    assert!(page.html.contains("href=\"/login/os2faktor?again\"") && !page.html.contains("/password\""), "{}", page.html);
    // The form is opened in time and sent too late.
    let mut nearly = os2faktor(&service, &person, AssuranceLevel::High);
    nearly.at -= SignedDuration::from_mins(14);
    let browser = visitor(&service, &nearly).await;
    let form = browser.get(&format!("{path}/password")).await;
    service.clock.shift_to(90);
    let (token, attempt) = (form.token(), form.attempt());
    let page = browser.post(&form.path, &[("csrf", &token), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)]).await;
    assert_eq!(page.path, path);
    page.says("skal du logge ind igen");
    unchanged(&person).await;
}
