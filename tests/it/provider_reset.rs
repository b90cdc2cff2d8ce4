//! Password resets by provider login, on a real controller.

mod outcomes;
mod owners;
mod strength;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    directory::{ControllerSession, ResetOptions, WriteAnswer},
    flow::{
        FlowError, RequestContext,
        self_service::{
            list,
            show::{self, AccountShown},
        },
        set_password::{self, SetOutcome, SetRequest, Whose},
        sign_out,
    },
    jobs::reconcile,
    model::{
        account::Account,
        ad::guid::ObjectGuid,
        audit::{AuditEvent, AuditOutcome, EventKind, Party, attempt::AttemptId},
        authorization::strength::Strength,
        credential::password::Password,
        guessability::{GuessReason, WordKind},
        identity::{
            Identity, LoginMethod, Proof, ProviderLogin,
            claim::{Claim, ClaimKind},
            level::AssuranceLevel,
            provider::ProviderId,
        },
        password_policy::BrokenRule,
        refusal::Refusal,
    },
};
use uuid::Uuid;

use crate::{
    environment::{environment, unique},
    idp::KEYS_DIR,
    people::{Admin, PASSWORD, Person, bind},
    proxy::{MODIFY, MODIFY_ANSWER, Mischief, Proxy},
    service::{Service, Setup},
    visitor::Visitor,
};

const NEW: &str = "Blå-Sejlbåd-4711";
const OTHER: &str = "Røde-Tagsten-5522";
const WRONG: &str = "Helt-Forkert-99";
const ASSERTION: &str = "_a75adf55-01d7-40cc-929f-dbd8372ebdfc";

const PROVIDERS: &str = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n\
    [saml]\nkeys_dir = \"KEYS\"\n\
    [[saml.provider]]\nid = \"os2faktor\"\nbutton = { da = \"OS2faktor\", en = \"OS2faktor login\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"account_name\", from = \"NameID\" }\n\
    [[saml.provider]]\nid = \"mitid\"\nbutton = { da = \"MitID\", en = \"MitID\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"cpr\", from = \"x\", ad_attribute = \"employeeNumber\" }\n\
    [[saml.provider]]\nid = \"unilogin\"\nbutton = { da = \"Uni-Login\", en = \"Uni-Login\" }\nmetadata_file = \"/nowhere\"\nfixed_level = \"low\"\n\
    match = { by = \"account_name\", from = \"NameID\" }\n\
    [[saml.provider]]\nid = \"mail\"\nbutton = { da = \"Post\", en = \"Mail\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"email\", from = \"NameID\", ad_attribute = \"otherMailbox\" }\n";

fn providers() -> String {
    PROVIDERS.replace("KEYS", &KEYS_DIR.display().to_string())
}

pub fn setup(more: &str) -> Setup {
    Setup { more: format!("{}{more}", providers()).leak(), ..Setup::default() }
}

pub fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

pub fn claim(kind: ClaimKind, value: &str) -> Claim {
    Claim::parse(kind, value).expect(value)
}

/// A CPR number of this test's own, of birth year 1881 and so of no living person.
pub fn cpr() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = std::process::id().wrapping_mul(5).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{:02}{:02}815{:03}", n % 28 + 1, n / 28 % 12 + 1, n / (28 * 12) % 1000)
}

fn id(name: &str) -> ProviderId {
    ProviderId::parse(name).expect(name)
}

/// The identity of a login at a provider just now.
pub fn login(service: &Service, provider: &str, claim: Claim, level: AssuranceLevel) -> Identity {
    let proof = Proof::Provider(ProviderLogin {
        provider: id(provider),
        method: LoginMethod::Saml,
        level,
        claim,
        assertion: ASSERTION.to_owned(),
        ends: None,
    });
    let visit = Uuid::from_bytes(service.app.keys.random().expect("random"));
    Identity { proof, name: "Testa Prøvesen".to_owned(), at: service.app.clock.now(), visit }
}

/// A login at OS2faktor by account name.
pub fn os2faktor(service: &Service, person: &Person, level: AssuranceLevel) -> Identity {
    login(service, "os2faktor", claim(ClaimKind::AccountName, &person.sam), level)
}

/// A login with the account's AD password.
pub fn knows_password(service: &Service, account: ObjectGuid, person: &Person) -> Identity {
    let proof = Proof::AdPassword { account: account.into(), account_name: person.sam.clone(), last_set_ticks: i64::MAX };
    Identity { proof, ..os2faktor(service, person, AssuranceLevel::None) }
}

pub fn visit(identity: &Identity) -> RequestContext {
    RequestContext { id: identity.visit, client: "192.0.2.1".parse().expect("an address"), user_agent: None, browser: None }
}

fn form(service: &Service, target: ObjectGuid, current: Option<&str>, new: &str) -> SetRequest {
    let attempt = AttemptId::from_random(service.app.keys.random().expect("random"));
    SetRequest { target, attempt, current: current.map(password), new: password(new), whose: Whose::Own { asking: None } }
}

pub async fn reset(service: &Service, identity: &Identity, target: ObjectGuid, new: &str) -> SetOutcome {
    try_reset(service, identity, target, new).await.expect("an answer")
}

pub async fn try_reset(service: &Service, identity: &Identity, target: ObjectGuid, new: &str) -> Result<SetOutcome, FlowError> {
    set_password::set(&service.app, &visit(identity), identity, form(service, target, None, new)).await
}

pub async fn guid(person: &Person) -> ObjectGuid {
    Admin::new().await.guid(&person.sam).await
}

pub async fn is_locked(person: &Person) -> bool {
    Admin::new().await.value(&person.sam, "lockoutTime").await.parse::<i64>().unwrap_or(0) != 0
}

pub async fn locked_person() -> Person {
    let person = Admin::new().await.person().await;
    for _ in 0..5 {
        bind(&person.dn, WRONG).await.expect_err("wrong");
    }
    assert!(is_locked(&person).await);
    person
}

pub async fn history(service: &Service, target: ObjectGuid) -> Vec<AuditEvent> {
    let entries = service.app.audit.history_of(target, 50, Timestamp::UNIX_EPOCH).await.expect("read");
    entries.into_iter().map(|entry| entry.event).collect()
}

/// A reset that has begun, as it is on disk before AD is asked on this controller.
pub async fn begun_reset(service: &Service, person: &Person, account: &Account, pinned: &mut ControllerSession) -> AuditEvent {
    let party = Party { guid: account.guid, account_name: person.sam.clone(), name: String::new() };
    AuditEvent {
        at: service.app.clock.now(),
        visit: Uuid::from_u128(1),
        kind: EventKind::ResetAttempt,
        outcome: AuditOutcome::Started,
        reason: String::new(),
        actor: Some(party.clone()),
        unknown_name: None,
        method: Some(LoginMethod::Saml),
        provider: Some(id("mitid")),
        level: Some(AssuranceLevel::High),
        assertion: Some(ASSERTION.to_owned()),
        actor_cpr: None,
        client: None,
        user_agent: None,
        target: Some(party),
        target_cpr: None,
        controller: Some(pinned.name().to_owned()),
        attempt: Some(AttemptId::from_random(service.app.keys.random().expect("random"))),
        authority: None,
        note: pinned.version_before(account).await.map(|before| before.to_string()),
        ticket: None,
        password_set_before: Some(account.password.last_set_ticks),
    }
}

pub async fn unchanged(person: &Person) {
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()), "the old password holds");
}

/// A browser with the session of this login.
pub async fn visitor(service: &Service, identity: &Identity) -> Visitor {
    let session = tower_sessions::Session::new(None, Arc::new(service.app.sessions.clone()), None);
    session.insert("identity", identity).await.expect("kept");
    session.save().await.expect("saved");
    Visitor::with_session(service.address, &session.id().expect("an id").to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_proven_by_a_bind_and_the_old_password_is_dead() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::Substantial);
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Done);
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_the_password_changes_and_never_resets() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = knows_password(&service, target, &person);
    assert_eq!(reset(&service, &identity, target, NEW).await, SetOutcome::Refused(Refusal::WrongCurrent), "no current password was sent");
    unchanged(&person).await;
    let sent = form(&service, target, Some(WRONG), NEW);
    let answer = set_password::set(&service.app, &visit(&identity), &identity, sent).await.expect("an answer");
    assert_eq!(answer, SetOutcome::Refused(Refusal::WrongCurrent));
    unchanged(&person).await;
    let kinds: Vec<_> = history(&service, target).await.iter().map(|event| event.kind).collect();
    assert!(kinds.iter().all(|kind| *kind == EventKind::ChangeOutcome), "{kinds:?}");
    // The same through the form.
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let page = visitor.get(&path).await;
    let (token, attempt) = (page.token(), page.attempt());
    let page = visitor.post(&path, &[("csrf", &token), ("attempt", &attempt), ("new", NEW), ("repeat", NEW)]).await;
    assert_eq!(page.status, 422);
    page.says("Skriv Nuværende adgangskode");
    unchanged(&person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_at_a_provider_resets_whatever_its_form_says() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, AssuranceLevel::High);
    let sent = form(&service, target, Some(WRONG), NEW);
    assert_eq!(set_password::set(&service.app, &visit(&identity), &identity, sent).await.expect("an answer"), SetOutcome::Done);
    assert_eq!(history(&service, target).await[0].kind, EventKind::ResetOutcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_the_sessions_that_the_old_password_began() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let intruder = service.visitor();
    let account = intruder.logged_in(&person.sam, PASSWORD).await;
    let visitor = visitor(&service, &os2faktor(&service, &person, AssuranceLevel::High)).await;
    let form = visitor.get(&format!("{}/password", account.path)).await;
    form.says("Vælg adgangskode");
    form.says("Mindst 12 tegn");
    assert!(!form.html.contains("name=\"current\"") && !form.text.contains("Nuværende adgangskode"), "{}", form.html);
    visitor.reset(&account.path, NEW).await.says("Din adgangskode er skiftet");
    let account = visitor.get(&account.path).await;
    account.says("Ny adgangskode sat (OS2faktor)");
    intruder.get(&account.path).await.says("Du er logget ud, fordi");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_provider_level_and_assertion_and_nowhere_a_cpr_number() {
    let cpr = cpr();
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    admin.replace(&person.dn, "employeeNumber", &cpr).await;
    let target = guid(&person).await;
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &cpr), AssuranceLevel::Substantial);
    let browser = visitor(&service, &identity).await;
    browser.reset(&format!("/accounts/{target}"), "kort").await;
    browser.reset(&format!("/accounts/{target}"), NEW).await.says("Din adgangskode er skiftet");
    reset(&service, &identity, admin.guid("anna").await, NEW).await;
    sign_out::sign_out(&service.app, &visit(&identity), &identity).await.expect("logged");
    let all = history(&service, target).await;
    assert_eq!(all.len(), 2);
    for event in &all {
        assert_eq!(event.method, Some(LoginMethod::Saml));
        assert_eq!(
            (&event.provider, event.level, event.assertion.as_deref()),
            (&Some(id("mitid")), Some(AssuranceLevel::Substantial), Some(ASSERTION))
        );
        assert_eq!(event.actor.as_ref().map(|actor| actor.guid), Some(target), "the own account acts");
    }
    let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", service.dir.path().display())).await.expect("open");
    let query = "SELECT COUNT(*) FROM audit WHERE provider = 'mitid' AND level = 'substantial' AND assertion IS NOT NULL";
    let (entries,): (i64,) = sqlx::query_as(query).fetch_one(&pool).await.expect("count");
    pool.close().await;
    assert_eq!(entries, 5, "refused, begun, done, not theirs, logged out");
    let dashed = format!("{}-{}", &cpr[..6], &cpr[6..]);
    for file in ["os2nykode.db", "os2nykode.db-wal"] {
        let bytes = std::fs::read(service.dir.path().join(file)).unwrap_or_default();
        for secret in [cpr.as_str(), &dashed, NEW, "kort"] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is not in {file}");
        }
    }
    assert!(!format!("{identity:?}").contains(&cpr));
}
