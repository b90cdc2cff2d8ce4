//! Ownership of accounts: logins of other people have no access.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_proves_is_never_matched_by_anothers_rule() {
    let cpr = cpr();
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    // The values of one claim kind under another kind.
    admin.replace(&person.dn, "employeeNumber", &cpr).await;
    let target = guid(&person).await;
    let strange = [
        login(&service, "os2faktor", claim(ClaimKind::Cpr, &cpr), AssuranceLevel::High),
        login(&service, "mitid", claim(ClaimKind::AccountName, &person.sam), AssuranceLevel::High),
        login(&service, "mitid", claim(ClaimKind::UniloginId, &cpr), AssuranceLevel::High),
        login(&service, "gone", claim(ClaimKind::AccountName, &person.sam), AssuranceLevel::High),
        login(&service, "os2faktor", claim(ClaimKind::Upn, &format!("{}@kommune.test", person.sam)), AssuranceLevel::High),
    ];
    for identity in strange {
        assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::NoRelation), "{identity:?}");
        assert_eq!(list::list(&service.app, &identity).await.expect("read"), [], "{identity:?}");
    }
    unchanged(&person).await;
    assert_eq!(history(&service, target).await, [], "and it leaves no line in a stranger's history");
}

#[tokio::test(flavor = "multi_thread")]
async fn sören_never_opens_soren() {
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let sam = unique("soren");
    let person = admin.person_named(&sam, "Testa", "Prøvesen").await;
    environment().age(&person.sam, 10);
    let target = guid(&person).await;
    let names =
        [sam.replace('o', "ö"), sam.replace('o', "ø"), sam.replace('s', "ｓ"), format!("{sam}*"), format!("{sam} "), "*".to_owned()];
    for name in names.iter().filter_map(|name| Claim::parse(ClaimKind::AccountName, name)) {
        let identity = login(&service, "os2faktor", name, AssuranceLevel::High);
        assert_eq!(list::list(&service.app, &identity).await.expect("read"), []);
        assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    }
    unchanged(&person).await;
    let shouted = login(&service, "os2faktor", claim(ClaimKind::AccountName, &sam.to_uppercase()), AssuranceLevel::High);
    assert_eq!(reset(&service, &shouted, target, NEW).await, SetOutcome::Done, "case does not matter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_two_accounts_resets_the_one_that_they_chose() {
    let cpr = cpr();
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let (first, second, other) = (admin.person().await, admin.person().await, admin.person().await);
    for person in [&first, &second] {
        admin.replace(&person.dn, "employeeNumber", &cpr).await;
    }
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &cpr), AssuranceLevel::Substantial);
    let listed = list::list(&service.app, &identity).await.expect("read");
    assert!([&first, &second].iter().all(|person| listed.iter().any(|account| account.account_name == person.sam)), "{listed:?}");
    assert_eq!(reset(&service, &identity, guid(&second).await, NEW).await, SetOutcome::Done);
    assert_eq!(reset(&service, &identity, guid(&other).await, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    assert_eq!(bind(&second.dn, NEW).await, Ok(()));
    unchanged(&first).await;
    unchanged(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_two_owners_see_only_what_they_did_themselves() {
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let target = guid(&person).await;
    let (one, two) = (format!("{}@a.dk", person.sam), format!("{}@b.dk", person.sam));
    admin.replace(&person.dn, "otherMailbox", &one).await;
    admin.add(&person.dn, "otherMailbox", &two).await;
    let owner = |mail: &str| login(&service, "mail", claim(ClaimKind::Email, mail), AssuranceLevel::Substantial);
    let (first, second, stranger) = (owner(&one), owner(&two), owner("x@a.dk"));
    let sent = form(&service, target, None, NEW);
    let attempt = sent.attempt;
    assert_eq!(set_password::set(&service.app, &visit(&first), &first, sent).await.expect("an answer"), SetOutcome::Done);
    let told = async |who: &Identity| set_password::outcome_of(&service.app, who, target, target, attempt).await.expect("read").is_some();
    assert!(told(&first).await);
    assert!(!told(&second).await);
    assert!(!told(&stranger).await);
    assert!(matches!(show::show(&service.app, &second, target).await.expect("read"), AccountShown::Account(_)));
    assert_eq!(reset(&service, &stranger, target, OTHER).await, SetOutcome::Refused(Refusal::NoRelation));
    // The second reset follows at once and violates the minimum age.
    assert!(matches!(reset(&service, &second, target, OTHER).await, SetOutcome::Refused(Refusal::Policy(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_or_a_protected_account_is_left_alone() {
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    admin.replace(&person.dn, "userAccountControl", "514").await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    assert_eq!(reset(&service, &identity, guid(&person).await, NEW).await, SetOutcome::Refused(Refusal::NotUsable));
    admin.replace(&person.dn, "userAccountControl", "512").await;
    unchanged(&person).await;
    let beate = login(&service, "os2faktor", claim(ClaimKind::AccountName, "beate"), AssuranceLevel::High);
    assert_eq!(reset(&service, &beate, admin.guid("beate").await, NEW).await, SetOutcome::Refused(Refusal::NoRight));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_uses_up_nobodys_tries() {
    let few = "[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n";
    let all = providers();
    let providers = &all[all.find("[saml]").expect("there")..];
    let service = Setup { more: format!("{few}{providers}").leak(), ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let (person, stranger) = (admin.person().await, admin.person().await);
    let (target, theirs) = (guid(&person).await, guid(&stranger).await);
    let strangers = [
        knows_password(&service, theirs, &stranger),
        os2faktor(&service, &stranger, AssuranceLevel::High),
        os2faktor(&service, &stranger, AssuranceLevel::None),
    ];
    for _ in 0..5 {
        for stranger in &strangers {
            let sent = form(&service, target, Some(WRONG), NEW);
            let answer = set_password::set(&service.app, &visit(stranger), stranger, sent).await.expect("an answer");
            assert_eq!(answer, SetOutcome::Refused(Refusal::NoRelation));
            assert_eq!(
                reset(&service, stranger, target, NEW).await,
                SetOutcome::Refused(Refusal::NoRelation),
                "without a current password"
            );
        }
    }
    assert_eq!(history(&service, target).await, []);
    let owner = knows_password(&service, target, &person);
    let change = async |current: &str| {
        let sent = form(&service, target, Some(current), NEW);
        set_password::set(&service.app, &visit(&owner), &owner, sent).await.expect("an answer")
    };
    for _ in 0..3 {
        assert_eq!(change(WRONG).await, SetOutcome::Refused(Refusal::WrongCurrent), "the owner has all three tries");
    }
    assert!(matches!(change(PASSWORD).await, SetOutcome::Refused(Refusal::Throttled { .. })), "and the fourth waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_has_to_wait_leaves_no_line_in_anybodys_history() {
    let few = "[rate_limit.address]\nattempts_before_delay = 2\n";
    let all = providers();
    let providers = &all[all.find("[saml]").expect("there")..];
    let service = Setup { more: format!("{few}{providers}").leak(), ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let (person, stranger) = (admin.person().await, admin.person().await);
    let target = guid(&person).await;
    let identity = os2faktor(&service, &stranger, AssuranceLevel::High);
    for _ in 0..2 {
        assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::NoRelation));
    }
    assert!(matches!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::Throttled { .. })));
    assert_eq!(history(&service, target).await, []);
}
