//! Answers of Windows controllers, word for word, in every flow. The proxy sends them in place of Samba's, with or without Samba's effect.

use os2nykode::{
    directory::BindAnswer,
    flow::delegation::slips::{Chosen, Made, Missing, make},
    model::{
        audit::{AuditOutcome, EventKind},
        refusal::Refusal,
    },
};

use super::{
    codes::{CODES, given, type_in},
    *,
};
use crate::{
    provider_reset::knows_password,
    proxy::{BIND_ANSWER, MODIFY_ANSWER, Mischief, Proxy, SEARCH_DONE, Words},
};

const POLICY_19: &str = "0000052D: AtrErr: DSID-03190FC9, #1:\n\t0: 0000052D: DSID-03190FC9, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a \
    (unicodePwd)\n\0";
const WRONG_CURRENT: &str = "00000056: AtrErr: DSID-03191083, #1:\n\t0: 00000056: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, \
    Att 9005a (unicodePwd)\n";
const POLICY_53: &str = "0000052D: SvcErr: DSID-031A126C, problem 5003 (WILL_NOT_PERFORM), data 0\n\0";
const UNWILLING: &str = "0000001F: SvcErr: DSID-031A129B, problem 5003 (WILL_NOT_PERFORM), data 0\n\0";
const NO_RIGHT: &str = "00000005: SecErr: DSID-031A1256, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0";
const NO_RIGHT_ON_ATTRIBUTE: &str = "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0";
const READ_ONLY: &str = "0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: 'dc1.kommune.dk'\n\0";
const GONE: &str =
    "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'OU=Kommune,DC=kommune,DC=dk'\n\0";
const LOCKED: &str = "00000775: AtrErr: DSID-03191083, #1:\n\t0: 00000775: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0\n\0";
const RESTRICTED: &str = "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52f, v4563";
const NO_LOGON_RIGHT: &str = "80090308: LdapErr: DSID-0C090588, comment: AcceptSecurityContext error, data 569, v2580";

async fn town() -> (Proxy, Town) {
    let proxy = Proxy::start().await;
    let town = Town::with(CODES, Setup { controllers: vec![proxy.address], ..Setup::default() }).await;
    (proxy, town)
}

/// A change, a reset of the own account and a helper's reset. `None` is an error of the service. The requests do not reach Samba.
async fn all_three(town: &Town, desk: &Person, person: &Person) -> [Option<SetOutcome>; 3] {
    let (app, target) = (&town.service.app, guid(person).await);
    let request = |current: Option<&str>| {
        let attempt = AttemptId::from_random(app.keys.random().expect("random"));
        SetRequest { target, attempt, current: current.map(password), new: password(NEW), whose: Whose::Own { asking: None } }
    };
    let (knows, proven, helping) = (knows_password(&town.service, target, person), town.login(person), town.login(desk));
    let another = SetRequest { whose: Whose::Anothers { must_change: false }, ..request(None) };
    [
        set_password::set(app, &visit(&knows), &knows, request(Some(PASSWORD))).await.ok(),
        set_password::set(app, &visit(&proven), &proven, request(None)).await.ok(),
        set_password::set(app, &visit(&helping), &helping, another).await.ok(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_means_the_same_in_each_flow_as_on_windows() {
    let (proxy, town) = town().await;
    let (desk, person) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    town.service.visitor().logged_in(&person.sam, PASSWORD).await;
    let refused = |refusal: Refusal| Some(SetOutcome::Refused(refusal));
    for (result, text, change, reset) in [
        (19, POLICY_19, refused(Refusal::PolicyUnexplained), refused(Refusal::PolicyUnexplained)),
        (53, POLICY_53, refused(Refusal::PolicyUnexplained), refused(Refusal::PolicyUnexplained)),
        (19, WRONG_CURRENT, refused(Refusal::WrongCurrent), None),
        (53, UNWILLING, None, None),
        (50, NO_RIGHT, refused(Refusal::CannotChange), refused(Refusal::NoRight)),
        (50, NO_RIGHT_ON_ATTRIBUTE, refused(Refusal::NoRight), refused(Refusal::NoRight)),
        (10, READ_ONLY, None, None),
        (32, GONE, refused(Refusal::NotUsable), refused(Refusal::NotUsable)),
        (49, LOCKED, refused(Refusal::Locked), refused(Refusal::Locked)),
        (53, LOCKED, refused(Refusal::Locked), refused(Refusal::Locked)),
    ] {
        proxy.set(Words::instead(MODIFY_ANSWER, result, text));
        let told = all_three(&town, &desk, &person).await;
        assert_eq!(told, [change, reset.clone(), reset], "{result} {text}");
        proxy.set(Mischief::None);
    }
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    // A login by code, through the pages. The code stays valid because AD has changed nothing.
    let target = guid(&person).await;
    let code = given(&town, &desk, target).await;
    let visitor = town.service.visitor();
    type_in(&visitor, &person.sam, &code).await;
    proxy.set(Words::instead(MODIFY_ANSWER, 53, POLICY_53));
    let page = visitor.reset(&format!("/accounts/{target}"), NEW).await;
    assert_eq!(page.status, 422);
    page.says("afvist af domænets regler");
    proxy.set(Mischief::None);
    visitor.reset(&format!("/accounts/{target}"), NEW).await.says("Din adgangskode er skiftet");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlocking_is_answered_as_windows_does() {
    let (proxy, town) = town().await;
    let (desk, locked) = (town.person(&[&town.desk]).await, locked_person().await);
    let browser = town.browser(&desk).await;
    let path = format!("/delegation/accounts/{}", guid(&locked).await);
    let token = browser.get(&path).await.token();
    for (result, text, status, words) in
        [(50, NO_RIGHT_ON_ATTRIBUTE, 200, "særligt beskyttet"), (53, UNWILLING, 500, "galt hos os"), (10, READ_ONLY, 500, "galt hos os")]
    {
        proxy.set(Words::instead(MODIFY_ANSWER, result, text));
        let page = browser.post(&format!("{path}/unlock"), &[("csrf", &token)]).await;
        assert!(page.status == status || page.status == 422, "{result}: {}", page.status);
        page.says(words);
        proxy.set(Mischief::None);
    }
    assert!(is_locked(&locked).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_password_that_lets_nobody_in_here_is_set_and_said_so() {
    let (proxy, town) = town().await;
    let desk = town.person(&[&town.desk]).await;
    for (result, text, answer, reason) in [
        (49, RESTRICTED, SetOutcome::NotLetIn(BindAnswer::Restricted), "not_let_in:account_restriction:52f"),
        (49, NO_LOGON_RIGHT, SetOutcome::NotLetIn(BindAnswer::NoLogonRight(0x569)), "not_let_in:no_logon_right:569"),
        (51, "", SetOutcome::NotTried, "not_tried"),
    ] {
        let person = town.person(&[]).await;
        let target = guid(&person).await;
        let code = given(&town, &desk, target).await;
        town.service.visitor().logged_in(&person.sam, PASSWORD).await;
        proxy.set(Words::instead(BIND_ANSWER, result, text));
        let identity = town.login(&person);
        assert_eq!(crate::provider_reset::reset(&town.service, &identity, target, NEW).await, answer);
        proxy.set(Mischief::None);
        let last = history(&town.service, target).await.remove(0);
        assert_eq!((last.kind, last.outcome, last.reason.as_str()), (EventKind::ResetOutcome, AuditOutcome::Succeeded, reason));
        assert_eq!(bind(&person.dn, NEW).await, Ok(()));
        assert!(
            !codes::is_in(&type_in(&town.service.visitor(), &person.sam, &code).await),
            "{reason}: the code ended with the old password"
        );
    }
    let person = town.person(&[]).await;
    let (visitor, target) = (visitor(&town.service, &town.login(&person)).await, guid(&person).await);
    visitor.get(&format!("/accounts/{target}")).await;
    proxy.set(Words::instead(BIND_ANSWER, 49, RESTRICTED));
    let page = visitor.reset(&format!("/accounts/{target}"), NEW).await;
    page.says("Din adgangskode er skiftet");
    page.says("AD lukker ingen ind med den her");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_proven_by_the_codes_that_prove_and_by_no_other() {
    let (proxy, town) = town().await;
    let person = town.person(&[]).await;
    let target = guid(&person).await;
    town.service.visitor().logged_in(&person.sam, PASSWORD).await;
    for (data, reason) in [
        ("52e", "wrong_password"),
        ("525", "wrong_password"),
        ("52f", "account_restriction:52f"),
        ("530", "not_at_this_hour"),
        ("531", "not_from_here"),
        ("533", "disabled"),
        ("568", "no_logon_right:568"),
        ("569", "no_logon_right:569"),
        ("701", "account_expired"),
        ("775", "locked"),
        ("78f", "other_answer:78f"),
    ] {
        let text = format!("80090308: LdapErr: DSID-0C09042F, comment: AcceptSecurityContext error, data {data}, v2580\0");
        proxy.set(Words::instead(BIND_ANSWER, 49, text.leak()));
        let page = town.service.visitor().log_in(&person.sam, PASSWORD).await;
        assert_eq!(page.status, 422, "{data}");
        page.says("Vi kunne ikke logge dig ind");
        proxy.set(Mischief::None);
        let last = history(&town.service, target).await.remove(0);
        assert_eq!((last.outcome, last.reason.as_str()), (AuditOutcome::Refused, reason));
    }
    for data in ["532", "773"] {
        let text = format!("80090308: LdapErr: DSID-0C0903C5, comment: AcceptSecurityContext error, data {data}, v23f0");
        proxy.set(Words::instead(BIND_ANSWER, 49, text.leak()));
        town.service.visitor().logged_in(&person.sam, PASSWORD).await;
        proxy.set(Mischief::None);
    }
    // A busy controller has not checked the password: an error of the service, no failed attempt, and the account lock is free at once.
    for (result, status) in [(51, 503), (8, 500), (53, 500)] {
        proxy.set(Words::instead(BIND_ANSWER, result, ""));
        assert_eq!(town.service.visitor().log_in(&person.sam, PASSWORD).await.status, status, "{result}");
        proxy.set(Mischief::None);
        town.service.visitor().logged_in(&person.sam, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_was_cut_short_is_no_answer() {
    let (proxy, town) = town().await;
    let person = town.person(&[]).await;
    town.service.visitor().logged_in(&person.sam, PASSWORD).await;
    proxy.set(Words::after(SEARCH_DONE, 4, ""));
    assert_eq!(town.service.visitor().log_in(&person.sam, PASSWORD).await.status, 500, "nobody knows whose name it is");
    proxy.set(Mischief::None);
    town.service.visitor().logged_in(&person.sam, PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_that_windows_refuses_show_no_password_and_say_why() {
    let (proxy, town) = town().await;
    let mut admin = Admin::new().await;
    let (teachers, pupils) =
        (admin.group(&format!("Lærere {} 4A", town.name)).await, admin.group(&format!("Elever {} 4A", town.name)).await);
    let (teacher, pupil) = (town.person(&[&teachers]).await, town.person(&[&pupils]).await);
    let (app, identity, target) = (&town.service.app, town.login(&teacher), guid(&pupil).await);
    let (group, pinned) = app.directory.find_group(&pupils).await.expect("found");
    drop(pinned);
    for (result, text, expected) in [
        (19, POLICY_19, Missing::Refused(Refusal::PolicyUnexplained)),
        (53, POLICY_53, Missing::Refused(Refusal::PolicyUnexplained)),
        (50, NO_RIGHT, Missing::Refused(Refusal::NoRight)),
        (50, NO_RIGHT_ON_ATTRIBUTE, Missing::Refused(Refusal::NoRight)),
        (32, GONE, Missing::Refused(Refusal::NotUsable)),
        (53, UNWILLING, Missing::Unknown),
        (10, READ_ONLY, Missing::Unknown),
    ] {
        let attempt = AttemptId::from_random(app.keys.random().expect("random"));
        let chosen = Chosen { group: group.clone(), targets: vec![target], attempt };
        proxy.set(Words::instead(MODIFY_ANSWER, result, text));
        let ends = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        let made = make(app, &visit(&identity), &identity, &chosen, ends).await.expect("an answer");
        proxy.set(Mischief::None);
        let Made::Slips(_, slips) = made else { panic!("denied") };
        assert_eq!(slips.iter().map(|slip| slip.outcome.as_ref().err()).collect::<Vec<_>>(), [Some(&expected)], "{result} {text}");
        assert_eq!(bind(&pupil.dn, PASSWORD).await, Ok(()), "{result} {text}");
    }
}
