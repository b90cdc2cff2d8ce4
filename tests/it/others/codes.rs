//! One-time codes: issued by a helper, redeemed once by the caller.

mod limits;
mod one_password;

use jiff::SignedDuration;
use os2nykode::{
    flow::one_time_code::{self, Issue, Issued},
    model::{
        audit::{AuditOutcome, EventKind, Party},
        credential::{
            local_account::{Role, StaffAccount, StaffName},
            one_time_code::Code,
            slow_hash::SlowHash,
        },
    },
    store::{
        DerivedKeys,
        codes::{StoredCode, Try},
        local_accounts::{LocalAccounts, LocalCredentials},
    },
};
use uuid::Uuid;

use super::*;

pub const CODES: &str = "[codes]\nenabled = true\n";

async fn town() -> (Town, Person, Person) {
    let town = Town::new(CODES).await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    (town, helper, caller)
}

/// Issues a code through the pages.
pub async fn code_for(browser: &Visitor, target: ObjectGuid) -> String {
    let path = format!("/delegation/accounts/{target}/code");
    let form = browser.get(&path).await;
    form.says("Det skal du kontrollere først");
    let fields = [
        ("csrf", form.token()),
        ("attempt", form.attempt()),
        ("checked", "1".into()),
        ("reason", "Ringede fra sin telefon, cpr 010190-1234".into()),
        ("ticket", "INC-1".into()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = browser.post(&path, &fields).await;
    page.says("Læs koden op");
    page.says(" som ");
    page.html.split("code-shown\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_shown_once_and_a_form_sent_again_makes_no_other() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let (helping, path) = (town.browser(&helper).await, format!("/delegation/accounts/{target}/code"));
    let form = helping.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("checked", "1"), ("reason", "Kendt stemme"), ("ticket", "")];
    let page = helping.post(&path, &fields).await;
    assert_eq!(page.path, format!("{path}/{attempt}"));
    let code = page.html.split("code-shown\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code").to_owned();
    let again = [helping.get(&page.path).await, helping.post(&path, &fields).await];
    for shown in again {
        shown.says("Koden er allerede vist");
        shown.says("Lav en ny kode");
        shown.does_not_hold(&code);
    }
    let issued = history(&town.service, target).await.into_iter().filter(|event| event.kind == EventKind::CodeIssued).count();
    assert_eq!(issued, 1);
    assert!(is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "the code that was read aloud still works");
    assert_eq!(helping.send(&path, &[("csrf", &token), ("reason", "Kendt stemme"), ("checked", "1")]).await.status(), 400);
}

/// Issues a code without the pages.
pub async fn given(town: &Town, helper: &Person, target: ObjectGuid) -> String {
    let identity = town.login(helper);
    let issue = Issue { target, reason: "Kendt stemme".to_owned(), ticket: None };
    match one_time_code::issue(&town.service.app, &visit(&identity), &identity, issue).await.expect("an answer") {
        Issued::Code { code, .. } => code.shown(),
        Issued::Denied(denial) => panic!("{denial:?}"),
    }
}

pub async fn type_in(visitor: &Visitor, name: &str, code: &str) -> Page {
    let token = visitor.get("/code").await.token();
    let page = visitor.post("/code", &[("csrf", &token), ("name", name), ("code", code)]).await;
    for typed in [code, &code.replace('-', "")] {
        assert!(is_in(&page) || typed.len() < 6 || !page.html.contains(typed), "{typed} comes back");
    }
    page.does_not_hold(code);
    page
}

/// A local account of a helpdesk.
async fn local_helper(staff: &LocalAccounts, keys: &DerivedKeys, now: jiff::Timestamp) -> ObjectGuid {
    let random = || Uuid::from_bytes(keys.random().expect("random"));
    let name = StaffName::parse(&crate::environment::unique("vagt")).expect("a name");
    let account = StaffAccount {
        id: random(),
        name: name.as_str().to_owned(),
        full_name: "Hans Hjælper".to_owned(),
        stamp: random(),
        disabled: false,
        created: now,
        roles: [Role::Helpdesk].into(),
    };
    let credentials = LocalCredentials { hash: String::new(), totp: vec![0; 20].into() };
    assert!(staff.add(&account, &name, &credentials).await.expect("added"));
    account.id.into()
}

/// Stores a known code, issued by a local helper.
async fn in_store(app: &os2nykode::app::App, target: ObjectGuid, code: &str) {
    let helper = local_helper(&app.local_accounts, &app.keys, app.clock.now()).await;
    given_by(app, helper, target, code).await;
}

/// Stores a known code, issued by this helper.
async fn given_by(app: &os2nykode::app::App, helper: ObjectGuid, target: ObjectGuid, code: &str) {
    let issuer = Party { guid: helper, account_name: "hans".to_owned(), name: "Hans Hjælper".to_owned() };
    let code = Code::parse(code).expect("a code");
    let (account, _) = app.directory.account(target).await.expect("a controller");
    let name = account.expect("an account").sam.to_lowercase();
    let hash = SlowHash::of(code.bytes(), app.keys.random().expect("random")).expect("memory");
    let kept = StoredCode { id: Uuid::from_bytes(app.keys.random().expect("random")), hash, issuer };
    let now = app.clock.now();
    let selectors = app.codes.selectors(target, &name, None, &code);
    app.codes.issue(target, &kept, &selectors, now, now + SignedDuration::from_mins(15)).await.expect("kept");
}

/// A different code with the same beginning.
fn nearly(code: &str) -> String {
    let (start, last) = code.split_at(code.len() - 1);
    format!("{start}{}", if last == "A" { "C" } else { "A" })
}

pub fn is_in(page: &Page) -> bool {
    page.path.ends_with("/password")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_chooses_a_password_that_the_helper_never_knows() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let helping = town.browser(&helper).await;
    let code = code_for(&helping, target).await;
    let visitor = town.service.visitor();
    visitor.get("/").await.says("Engangskode fra servicedesken");
    let form = type_in(&visitor, &caller.sam, &code.to_lowercase().replace('-', " ")).await;
    assert!(is_in(&form), "{} {}", form.path, form.text);
    assert!(!form.html.contains("name=\"current\""), "there is no old password to give");
    let done = visitor.reset(&format!("/accounts/{target}"), NEW).await;
    done.says("Din adgangskode er skiftet");
    assert_eq!(bind(&caller.dn, NEW).await, Ok(()));
    assert_eq!(bind(&caller.dn, PASSWORD).await, Err("52e".to_owned()));
    // A code works once.
    assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await));
    let again = visitor.get(&format!("/accounts/{target}/password")).await;
    again.says("Engangskoden er brugt");
    let events = history(&town.service, target).await;
    let told: Vec<_> = events.iter().map(|event| (event.kind, event.outcome, event.authority.as_deref())).collect();
    let by = format!("code:{}", helper.sam);
    assert_eq!(
        told,
        [
            (EventKind::ResetOutcome, AuditOutcome::Succeeded, Some(by.as_str())),
            (EventKind::CodeRedeemed, AuditOutcome::Succeeded, Some(by.as_str())),
            (EventKind::CodeIssued, AuditOutcome::Succeeded, Some("helpdesk:desk")),
        ]
    );
    let issued = events.last().expect("given out");
    assert_eq!((issued.ticket.as_deref(), issued.note.as_deref()), (Some("INC-1"), Some("Ringede fra sin telefon, cpr 010190-••••")));
    for file in ["os2nykode.db", "os2nykode.db-wal"] {
        let bytes = std::fs::read(town.service.dir.path().join(file)).unwrap_or_default();
        for secret in [code.as_str(), &code.replace('-', ""), NEW, "010190-1234"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "it is not in {file}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_used_old_replaced_and_strangers_codes_all_look_the_same() {
    let (town, helper, caller) = town().await;
    let (target, other) = (guid(&caller).await, town.person(&[]).await);
    let mut told = std::collections::BTreeSet::new();
    let mut refused = async |name: &str, code: &str| {
        let page = type_in(&town.service.visitor(), name, code).await;
        assert!(!is_in(&page), "{name}");
        told.insert((page.status.as_u16(), page.text));
    };
    let first = given(&town, &helper, target).await;
    let second = given(&town, &helper, target).await;
    refused(&caller.sam, &first).await; // replaced by a newer code
    refused(&other.sam, &second).await; // another person's code
    refused("findes-ikke", &second).await;
    refused("", &second).await;
    refused("*)(cn=*", &second).await;
    for wrong in ["", "ACD-EFGH-JKM", "x".repeat(5000).as_str(), "';DROP TABLE codes;--"] {
        refused(&caller.sam, wrong).await;
    }
    // Five wrong codes with the right beginning end the code.
    for _ in 0..5 {
        refused(&caller.sam, &nearly(&second)).await;
    }
    refused(&caller.sam, &second).await;
    let third = given(&town, &helper, target).await;
    town.service.clock.shift_to(15 * 60 + 1);
    refused(&caller.sam, &third).await; // expired
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_have_the_right_code_at_once_one_wins() {
    let (town, helper, caller) = town().await;
    let code = given(&town, &helper, guid(&caller).await).await;
    let tries = (0..4).map(|_| {
        let visitor = town.service.visitor();
        let (sam, code) = (caller.sam.clone(), code.clone());
        async move { is_in(&type_in(&visitor, &sam, &code).await) }
    });
    let won = futures_util::future::join_all(tries).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_in_parallel_get_no_more_than_five_tries() {
    let (town, helper, caller) = town().await;
    let code = given(&town, &helper, guid(&caller).await).await;
    let guesses = (0..12).map(|_| {
        let visitor = town.service.visitor();
        let (sam, guess) = (caller.sam.clone(), nearly(&code));
        async move { type_in(&visitor, &sam, &guess).await.status.as_u16() }
    });
    assert_eq!(futures_util::future::join_all(guesses).await, [422; 12]);
    assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await));
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", town.service.dir.path().display())).await.expect("open");
    for (reason, expected) in [("wrong_code", 5), ("code_tries_used_up", 8)] {
        let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM audit WHERE reason = '{reason}'"));
        let (entries,): (i64,) = sqlx::query_as(statement).fetch_one(&pool).await.expect("count");
        assert_eq!(entries, expected, "{reason}");
    }
    pool.close().await;
    let told = history(&town.service, guid(&caller).await).await;
    assert_eq!(told.len(), 2, "one line for what was guessed, and that the code was given out: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_the_account_after_the_code_was_given_counts() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let mut admin = Admin::new().await;
    for (attribute, value, back) in [("userAccountControl", "514", "512"), ("adminCount", "1", "")] {
        // Changed between the code's issue and its use.
        let code = given(&town, &helper, target).await;
        admin.replace(&caller.dn, attribute, value).await;
        assert!(!is_in(&type_in(&town.service.visitor(), &caller.sam, &code).await), "{attribute}");
        admin.replace(&caller.dn, attribute, back).await;
        // Changed between the code's use and the reset.
        let code = given(&town, &helper, target).await;
        let visitor = town.service.visitor();
        let form = type_in(&visitor, &caller.sam, &code).await;
        assert!(is_in(&form), "{attribute}");
        admin.replace(&caller.dn, attribute, value).await;
        let fields = [("csrf", form.token()), ("attempt", form.attempt()), ("new", NEW.to_owned()), ("repeat", NEW.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let page = visitor.post(&form.path, &fields).await;
        assert!(!page.text.contains("Din adgangskode er skiftet"), "{attribute}: {}", page.text);
        admin.replace(&caller.dn, attribute, back).await;
    }
    assert_eq!(bind(&caller.dn, PASSWORD).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_code_is_for_one_password_of_one_account() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let mut admin = Admin::new().await;
    for group in [&town.admins, &town.circle] {
        admin.add_to_group(group, &caller.dn).await;
    }
    let other = town.person(&[&town.circle]).await;
    let master = town.person(&[&town.masters, &town.circle]).await;
    let identity = town.login(&master);
    let issue = Issue { target, reason: "Kendt stemme".to_owned(), ticket: None };
    let denied = one_time_code::issue(&town.service.app, &visit(&identity), &identity, issue).await.expect("an answer");
    assert!(matches!(denied, Issued::Denied(_)), "password admins give no codes here");
    admin.remove(&town.admins, "member", &caller.dn).await;
    let code = given(&town, &helper, target).await;
    let visitor = town.service.visitor();
    assert!(is_in(&type_in(&visitor, &caller.sam, &code).await));
    admin.add_to_group(&town.desk, &caller.dn).await; // the caller's own delegation, which a login by code does not include
    for path in [
        format!("/delegation/accounts/{}", guid(&other).await),
        "/delegation/desk/desk".to_owned(),
        format!("/accounts/{}", guid(&other).await),
    ] {
        assert_eq!(visitor.get(&path).await.status, 404, "{path}");
    }
    visitor.get("/delegation").await.says("Der er ingen, du kan hjælpe");
    admin.remove(&town.desk, "member", &caller.dn).await;
    // A new code ends the login by the earlier code.
    given(&town, &helper, target).await;
    let page = visitor.get(&format!("/accounts/{target}/password")).await;
    page.says("Du er logget ud");
    // A login by code ends when the code would expire.
    let code = given(&town, &helper, target).await;
    let slow = town.service.visitor();
    let form = type_in(&slow, &caller.sam, &code).await;
    assert!(is_in(&form));
    town.service.clock.shift_to(9 * 60);
    slow.get(&form.path).await.says("Vælg adgangskode");
    town.service.clock.shift_to(15 * 60 + 1);
    slow.get(&form.path).await.says("Engangskoden er brugt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_needs_a_check_a_reason_and_the_right_to_give_it() {
    let (town, helper, caller) = town().await;
    let target = guid(&caller).await;
    let helping = town.browser(&helper).await;
    let path = format!("/delegation/accounts/{target}/code");
    let form = helping.get(&path).await;
    let page =
        helping.post(&path, &[("csrf", &form.token()), ("attempt", &form.attempt()), ("reason", " x "), ("ticket", &"9".repeat(51))]).await;
    assert_eq!(page.status, 422);
    for text in ["sæt et kryds", "mellem 5 og 500 tegn", "højst have 50 tegn"] {
        page.says(text);
    }
    let stranger = town.browser(&town.person(&[]).await).await;
    assert_eq!(stranger.get(&path).await.status, 404);
    let fields = [("csrf", stranger.get("/accounts").await.html), ("checked", "1".into()), ("reason", "Fordi jeg vil".into())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(stranger.send(&path, &fields).await.status().is_client_error());
    let masters = town.person(&[&town.masters]).await;
    let refused = helping.get(&format!("/delegation/accounts/{}/code", guid(&masters).await)).await;
    assert!(!refused.html.contains("code-shown") && !refused.html.contains("name=\"reason\""), "{}", refused.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_set_today_can_be_forgotten_today() {
    let (town, helper, _) = town().await;
    let mut admin = Admin::new().await;
    let (caller, member) = (admin.young_person().await, admin.young_person().await);
    let target = guid(&caller).await;
    let code = given(&town, &helper, target).await;
    let visitor = town.service.visitor();
    let form = type_in(&visitor, &caller.sam, &code).await;
    assert!(is_in(&form));
    assert!(!form.text.contains("Du kan skifte den igen") && !form.text.contains("skal have været brugt i"), "{}", form.text);
    visitor.reset(&format!("/accounts/{target}"), NEW).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&caller.dn, NEW).await, Ok(()));
    set_for(&town.browser(&helper).await, guid(&member).await, NEW, false).await.says("Adgangskoden er sat");
    assert_eq!(bind(&member.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_off_unless_they_are_switched_on() {
    let town = Town::new("").await;
    let (helper, caller) = (town.person(&[&town.desk]).await, town.person(&[]).await);
    assert_eq!(town.service.visitor().get("/code").await.status, 404);
    let page = town.browser(&helper).await.get(&format!("/delegation/accounts/{}", guid(&caller).await)).await;
    assert!(!page.text.contains("engangskode"), "{}", page.text);
}
