//! A new password on the word of an identity provider, on a real controller.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    directory::WriteAnswer,
    flow::{
        Visit, list_accounts, reconcile,
        set_password::{self, Answer, Request},
        show_account::{self, Shown},
        sign_out,
    },
    model::{
        attempt::AttemptId,
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        claim::{Claim, ClaimKind},
        guid::ObjectGuid,
        identity::{Identity, LoginMethod, Proof, ProviderLogin},
        level::Level,
        password::Password,
        policy::Broken,
        provider::ProviderId,
        refusal::Refusal,
        strength::Strength,
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
const OTHER: &str = "Røde-Tage-5522";
const WRONG: &str = "Helt-Forkert-99";
const ASSERTION: &str = "_a75adf55-01d7-40cc-929f-dbd8372ebdfc";

const PROVIDERS: &str = "[throttle.name]\nfree = 100\n[throttle.address]\nfree = 1000\n[login.ad_password]\nanswer_after_ms = 0\n\
    [saml]\nkeys_dir = \"KEYS\"\n\
    [[saml.provider]]\nid = \"os2faktor\"\nbutton = { da = \"OS2faktor\", en = \"OS2faktor login\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"account_name\", from = \"NameID\" }\n\
    [[saml.provider]]\nid = \"mitid\"\nbutton = { da = \"MitID\", en = \"MitID\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"cpr\", from = \"x\", ad_attribute = \"employeeNumber\" }\n\
    [[saml.provider]]\nid = \"unilogin\"\nbutton = { da = \"Uni-Login\", en = \"Uni-Login\" }\nmetadata_file = \"/nowhere\"\nfixed_level = \"low\"\n\
    match = { by = \"account_name\", from = \"NameID\" }\n\
    [[saml.provider]]\nid = \"mail\"\nbutton = { da = \"Post\", en = \"Mail\" }\nmetadata_file = \"/nowhere\"\n\
    match = { by = \"email\", from = \"NameID\", ad_attribute = \"otherMailbox\" }\n";

/// The configuration, with our keys.
fn providers() -> String {
    PROVIDERS.replace("KEYS", &KEYS_DIR.display().to_string())
}

pub fn setup(more: &str) -> Setup {
    Setup { more: format!("{}{more}", providers()).leak(), ..Setup::default() }
}

fn password(text: &str) -> Password {
    Password::parse(text.to_owned()).expect("a password")
}

fn claim(kind: ClaimKind, value: &str) -> Claim {
    Claim::parse(kind, value).expect(value)
}

/// A number of this test's own, of nobody alive: born in 1881.
fn cpr() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = std::process::id().wrapping_mul(5).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{:02}{:02}815{:03}", n % 28 + 1, n / 28 % 12 + 1, n / (28 * 12) % 1000)
}

fn id(name: &str) -> ProviderId {
    ProviderId::parse(name).expect(name)
}

/// Just logged in at a provider.
fn login(service: &Service, provider: &str, claim: Claim, level: Level) -> Identity {
    let proof = Proof::Provider(ProviderLogin { provider: id(provider), level, claim, assertion: ASSERTION.to_owned() });
    let visit = Uuid::from_bytes(service.app.keys.random().expect("random"));
    Identity { proof, name: "Testa Prøvesen".to_owned(), at: service.app.clock.now(), visit }
}

/// The same, at OS2faktor, with the account's name.
pub fn os2faktor(service: &Service, person: &Person, level: Level) -> Identity {
    login(service, "os2faktor", claim(ClaimKind::AccountName, &person.sam), level)
}

/// The login of somebody who knows the account's password.
fn knows_password(service: &Service, account: ObjectGuid, person: &Person) -> Identity {
    let proof = Proof::AdPassword { account: account.into(), account_name: person.sam.clone() };
    Identity { proof, ..os2faktor(service, person, Level::None) }
}

fn visit(identity: &Identity) -> Visit {
    Visit { id: identity.visit, client: "192.0.2.1".parse().expect("an address") }
}

fn form(service: &Service, target: ObjectGuid, current: Option<&str>, new: &str) -> Request {
    let attempt = AttemptId::from_random(service.app.keys.random().expect("random"));
    Request { target, attempt, current: current.map(password), new: password(new) }
}

async fn reset(service: &Service, identity: &Identity, target: ObjectGuid, new: &str) -> Answer {
    set_password::set(&service.app, &visit(identity), identity, form(service, target, None, new)).await.expect("an answer")
}

async fn guid(person: &Person) -> ObjectGuid {
    Admin::new().await.guid(&person.sam).await
}

async fn is_locked(person: &Person) -> bool {
    Admin::new().await.value(&person.sam, "lockoutTime").await.parse::<i64>().unwrap_or(0) != 0
}

async fn locked_person() -> Person {
    let person = Admin::new().await.person().await;
    for _ in 0..5 {
        bind(&person.dn, WRONG).await.expect_err("wrong");
    }
    assert!(is_locked(&person).await);
    person
}

async fn history(service: &Service, target: ObjectGuid) -> Vec<AuditEvent> {
    let entries = service.app.audit.history_of(target, 50, Timestamp::UNIX_EPOCH).await.expect("read");
    entries.into_iter().map(|entry| entry.event).collect()
}

async fn unchanged(person: &Person) {
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()), "the old password holds");
}

/// A browser with the session of this login.
async fn visitor(service: &Service, identity: &Identity) -> Visitor {
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
    let identity = os2faktor(&service, &person, Level::Substantial);
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Done);
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_the_password_changes_and_never_resets() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = knows_password(&service, target, &person);
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::WrongCurrent), "no current password was sent");
    unchanged(&person).await;
    let sent = form(&service, target, Some(WRONG), NEW);
    let answer = set_password::set(&service.app, &visit(&identity), &identity, sent).await.expect("an answer");
    assert_eq!(answer, Answer::Refused(Refusal::WrongCurrent));
    unchanged(&person).await;
    let kinds: Vec<_> = history(&service, target).await.iter().map(|event| event.kind).collect();
    assert!(kinds.iter().all(|kind| *kind == EventKind::ChangeOutcome), "{kinds:?}");
    // Through the form as well.
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
    let identity = os2faktor(&service, &person, Level::High);
    let sent = form(&service, target, Some(WRONG), NEW);
    assert_eq!(set_password::set(&service.app, &visit(&identity), &identity, sent).await.expect("an answer"), Answer::Done);
    assert_eq!(history(&service, target).await[0].kind, EventKind::ResetOutcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_below_the_rule_resets_nothing() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let needed = Strength { level: Level::Substantial, providers: None };
    // The form was opened with a strong login and is sent with a weak one.
    let strong = os2faktor(&service, &person, Level::High);
    let Shown::Account(view) = show_account::show(&service.app, &strong, target).await.expect("read") else { panic!("theirs") };
    assert_eq!(view.barred, None);
    for level in [Level::None, Level::Low] {
        let weak = os2faktor(&service, &person, level);
        let Shown::Account(view) = show_account::show(&service.app, &weak, target).await.expect("read") else { panic!("theirs") };
        assert_eq!(view.barred, Some(Refusal::TooWeak { needed: needed.clone() }));
        assert_eq!(reset(&service, &weak, target, NEW).await, Answer::Refused(Refusal::TooWeak { needed: needed.clone() }));
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
    let unilogin = |person: &Person| login(&service, "unilogin", claim(ClaimKind::AccountName, &person.sam), Level::Low);
    let weak = |level, providers: &[&str]| {
        let providers = (!providers.is_empty()).then(|| providers.iter().map(|name| id(name)).collect());
        Answer::Refused(Refusal::TooWeak { needed: Strength { level, providers } })
    };
    let default = weak(Level::Substantial, &[]);
    assert_eq!(reset(&service, &unilogin(&nobody), guid(&nobody).await, NEW).await, default, "no pupil");
    let together = weak(Level::High, &["os2faktor"]);
    assert_eq!(reset(&service, &unilogin(&both), guid(&both).await, NEW).await, together);
    assert_eq!(reset(&service, &os2faktor(&service, &both, Level::Substantial), guid(&both).await, NEW).await, together);
    unchanged(&both).await;
    assert_eq!(reset(&service, &unilogin(&pupil), guid(&pupil).await, NEW).await, Answer::Done);
    assert_eq!(reset(&service, &os2faktor(&service, &both, Level::High), guid(&both).await, NEW).await, Answer::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_a_rule_that_is_not_there_stops_every_reset() {
    let service = setup("[[reset.group]]\ngroup = \"Findes ikke\"\nlevel = \"high\"\n").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, Level::High);
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
        let mut identity = os2faktor(&service, &person, Level::High);
        identity.at -= SignedDuration::from_mins(minutes);
        assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::LoginTooOld), "{minutes}");
    }
    unchanged(&person).await;
    let mut identity = os2faktor(&service, &person, Level::High);
    identity.at -= SignedDuration::from_mins(9);
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_proves_is_never_matched_by_anothers_rule() {
    let cpr = cpr();
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    // A number that looks like a name, and a name that looks like a number.
    admin.replace(&person.dn, "employeeNumber", &cpr).await;
    let target = guid(&person).await;
    let strange = [
        login(&service, "os2faktor", claim(ClaimKind::Cpr, &cpr), Level::High),
        login(&service, "mitid", claim(ClaimKind::AccountName, &person.sam), Level::High),
        login(&service, "mitid", claim(ClaimKind::UniloginId, &cpr), Level::High),
        login(&service, "gone", claim(ClaimKind::AccountName, &person.sam), Level::High),
        login(&service, "os2faktor", claim(ClaimKind::Upn, &format!("{}@kommune.test", person.sam)), Level::High),
    ];
    for identity in strange {
        assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::NotYours), "{identity:?}");
        assert_eq!(list_accounts::list(&service.app, &identity).await.expect("read"), [], "{identity:?}");
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
        let identity = login(&service, "os2faktor", name, Level::High);
        assert_eq!(list_accounts::list(&service.app, &identity).await.expect("read"), []);
        assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::NotYours));
    }
    unchanged(&person).await;
    let shouted = login(&service, "os2faktor", claim(ClaimKind::AccountName, &sam.to_uppercase()), Level::High);
    assert_eq!(reset(&service, &shouted, target, NEW).await, Answer::Done, "case does not matter");
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
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &cpr), Level::Substantial);
    let listed = list_accounts::list(&service.app, &identity).await.expect("read");
    assert!([&first, &second].iter().all(|person| listed.iter().any(|account| account.account_name == person.sam)), "{listed:?}");
    assert_eq!(reset(&service, &identity, guid(&second).await, NEW).await, Answer::Done);
    assert_eq!(reset(&service, &identity, guid(&other).await, NEW).await, Answer::Refused(Refusal::NotYours));
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
    let owner = |mail: &str| login(&service, "mail", claim(ClaimKind::Email, mail), Level::Substantial);
    let (first, second, stranger) = (owner(&one), owner(&two), owner("x@a.dk"));
    let sent = form(&service, target, None, NEW);
    let attempt = sent.attempt;
    assert_eq!(set_password::set(&service.app, &visit(&first), &first, sent).await.expect("an answer"), Answer::Done);
    let told = async |who: &Identity| set_password::outcome_of(&service.app, who, target, attempt).await.expect("read").is_some();
    assert!(told(&first).await);
    assert!(!told(&second).await);
    assert!(!told(&stranger).await);
    assert!(matches!(show_account::show(&service.app, &second, target).await.expect("read"), Shown::Account(_)));
    assert_eq!(reset(&service, &stranger, target, OTHER).await, Answer::Refused(Refusal::NotYours));
    // Right after the first, the second meets the minimum age.
    assert!(matches!(reset(&service, &second, target, OTHER).await, Answer::Refused(Refusal::Policy(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_unlocked_with_its_new_password() {
    let service = setup("").start().await;
    let person = locked_person().await;
    let identity = os2faktor(&service, &person, Level::Substantial);
    let target = guid(&person).await;
    visitor(&service, &identity)
        .await
        .get(&format!("/accounts/{target}"))
        .await
        .says("Den bliver låst op, når du vælger en ny adgangskode");
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Done);
    assert!(!is_locked(&person).await);
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_refused_where_unlocking_is_off() {
    let service = setup("[reset]\nunlock = false\n").start().await;
    let person = locked_person().await;
    let identity = os2faktor(&service, &person, Level::High);
    let target = guid(&person).await;
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::Locked));
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
    // In the place of the right that is missing: an attribute that nobody may write.
    let proxy = Proxy::start().await;
    proxy.set(Mischief::ReplaceSent(MODIFY, b"lockoutTime", b"badPwdCount"));
    let service = Setup { controllers: vec![proxy.address], ..setup("") }.start().await;
    let person = locked_person().await;
    let target = guid(&person).await;
    let visitor = visitor(&service, &os2faktor(&service, &person, Level::High)).await;
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
    let identity = os2faktor(&service, &person, Level::High);
    proxy.set(Mischief::CutAnswer(MODIFY_ANSWER, 3));
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Done);
    let person = admin.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, Level::High);
    proxy.set(Mischief::DropRequest(MODIFY));
    assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Unknown);
    unchanged(&person).await;
    proxy.set(Mischief::None);
    service.clock.shift_to(60);
    assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
    let last = history(&service, target).await.remove(0);
    assert_eq!((last.kind, last.outcome), (EventKind::ResetReconciled, AuditOutcome::Failed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_attempt_and_outcome_of_a_reset_is_settled() {
    let service = setup("").start().await;
    let (free, locked) = (Admin::new().await.person().await, locked_person().await);
    for (person, expected) in [(&free, "password_set_since"), (&locked, "still_locked")] {
        let target = guid(person).await;
        let (account, mut pinned) = service.app.directory.account(target).await.expect("read");
        let account = account.expect("there");
        let party = Party { guid: target, account_name: person.sam.clone(), name: String::new() };
        let begun = AuditEvent {
            at: service.app.clock.now(),
            visit: Uuid::from_u128(1),
            kind: EventKind::ResetAttempt,
            outcome: AuditOutcome::Started,
            reason: String::new(),
            actor: Some(party.clone()),
            unknown_name: None,
            method: Some(LoginMethod::Saml),
            provider: Some(id("mitid")),
            level: Some(Level::High),
            assertion: Some(ASSERTION.to_owned()),
            client: None,
            target: Some(party),
            controller: Some(pinned.name().to_owned()),
            attempt: Some(AttemptId::from_random(service.app.keys.random().expect("random"))),
            password_set_before: Some(account.password.last_set_ticks),
        };
        service.app.audit.begin(&begun).await.expect("begun");
        assert_eq!(pinned.reset_password(target, &password(NEW)).await.expect("an answer"), WriteAnswer::Done);
        drop(pinned);
        service.clock.shift_to(60);
        assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
        service.clock.shift_to(0);
        let all = history(&service, target).await;
        assert_eq!(all.len(), 1, "one line for one reset");
        assert_eq!((all[0].kind, all[0].outcome, all[0].reason.as_str()), (EventKind::ResetReconciled, AuditOutcome::Succeeded, expected));
        assert_eq!((&all[0].provider, all[0].level, all[0].assertion.as_deref()), (&Some(id("mitid")), Some(Level::High), Some(ASSERTION)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_sets_one_password() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let target = guid(&person).await;
    let identity = os2faktor(&service, &person, Level::High);
    let first = form(&service, target, None, NEW);
    let again = Request { attempt: first.attempt, ..form(&service, target, None, OTHER) };
    let (visit, app) = (visit(&identity), &service.app);
    let (one, two) = tokio::join!(set_password::set(app, &visit, &identity, first), set_password::set(app, &visit, &identity, again));
    let answers = [one.expect("an answer"), two.expect("an answer")];
    assert!(answers.contains(&Answer::Done) && answers.contains(&Answer::AlreadySent), "{answers:?}");
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
        let identity = os2faktor(&service, person, Level::High);
        let answer = reset(&service, &identity, guid(person).await, new).await;
        let Answer::Refused(Refusal::Policy(broken)) = answer else { panic!("{answer:?}") };
        broken
    };
    assert_eq!(refused(&person, "kort").await, [Broken::TooShort(12), Broken::NotComplex]);
    assert!(matches!(refused(&young, NEW).await.as_slice(), [Broken::TooYoung(_)]));
    unchanged(&person).await;
    unchanged(&young).await;
    assert_eq!(reset(&service, &os2faktor(&service, &must, Level::High), guid(&must).await, NEW).await, Answer::Done);
    assert_eq!(bind(&must.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_or_a_protected_account_is_left_alone() {
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    admin.replace(&person.dn, "userAccountControl", "514").await;
    let identity = os2faktor(&service, &person, Level::High);
    assert_eq!(reset(&service, &identity, guid(&person).await, NEW).await, Answer::Refused(Refusal::NotUsable));
    admin.replace(&person.dn, "userAccountControl", "512").await;
    unchanged(&person).await;
    let beate = login(&service, "os2faktor", claim(ClaimKind::AccountName, "beate"), Level::High);
    assert_eq!(reset(&service, &beate, admin.guid("beate").await, NEW).await, Answer::Refused(Refusal::NoRight));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_uses_up_nobodys_tries() {
    let few = "[throttle.address]\nfree = 1000\n[login.ad_password]\nanswer_after_ms = 0\n";
    let all = providers();
    let providers = &all[all.find("[saml]").expect("there")..];
    let service = Setup { more: format!("{few}{providers}").leak(), ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let (person, stranger) = (admin.person().await, admin.person().await);
    let (target, theirs) = (guid(&person).await, guid(&stranger).await);
    let strangers = [
        knows_password(&service, theirs, &stranger),
        os2faktor(&service, &stranger, Level::High),
        os2faktor(&service, &stranger, Level::None),
    ];
    for _ in 0..5 {
        for stranger in &strangers {
            let sent = form(&service, target, Some(WRONG), NEW);
            let answer = set_password::set(&service.app, &visit(stranger), stranger, sent).await.expect("an answer");
            assert_eq!(answer, Answer::Refused(Refusal::NotYours));
            assert_eq!(reset(&service, stranger, target, NEW).await, Answer::Refused(Refusal::NotYours), "without a current password");
        }
    }
    assert_eq!(history(&service, target).await, []);
    let owner = knows_password(&service, target, &person);
    let change = async |current: &str| {
        let sent = form(&service, target, Some(current), NEW);
        set_password::set(&service.app, &visit(&owner), &owner, sent).await.expect("an answer")
    };
    for _ in 0..3 {
        assert_eq!(change(WRONG).await, Answer::Refused(Refusal::WrongCurrent), "the owner has all three tries");
    }
    assert!(matches!(change(PASSWORD).await, Answer::Refused(Refusal::Throttled { .. })), "and the fourth waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_has_to_wait_leaves_no_line_in_anybodys_history() {
    let few = "[throttle.address]\nfree = 2\n";
    let all = providers();
    let providers = &all[all.find("[saml]").expect("there")..];
    let service = Setup { more: format!("{few}{providers}").leak(), ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let (person, stranger) = (admin.person().await, admin.person().await);
    let target = guid(&person).await;
    let identity = os2faktor(&service, &stranger, Level::High);
    for _ in 0..2 {
        assert_eq!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::NotYours));
    }
    assert!(matches!(reset(&service, &identity, target, NEW).await, Answer::Refused(Refusal::Throttled { .. })));
    assert_eq!(history(&service, target).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_the_sessions_that_the_old_password_began() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let intruder = service.visitor();
    let account = intruder.logged_in(&person.sam, PASSWORD).await;
    let visitor = visitor(&service, &os2faktor(&service, &person, Level::High)).await;
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
async fn who_can_not_act_is_told_why_and_which_logins_would_do() {
    let service = setup("").start().await;
    let person = Admin::new().await.person().await;
    let path = format!("/accounts/{}", guid(&person).await);
    let weak = login(&service, "unilogin", claim(ClaimKind::AccountName, &person.sam), Level::Low);
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
    let mut old = os2faktor(&service, &person, Level::High);
    old.at -= SignedDuration::from_mins(16);
    let browser = visitor(&service, &old).await;
    let page = browser.get(&format!("{path}/password")).await;
    assert_eq!(page.path, path);
    page.says("skal du logge ind igen");
    assert!(page.html.contains("href=\"/login/os2faktor?again\"") && !page.html.contains("/password\""), "{}", page.html);
    // A form that was opened in time and is sent too late.
    let mut nearly = os2faktor(&service, &person, Level::High);
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

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_provider_level_and_assertion_and_nowhere_a_cpr_number() {
    let cpr = cpr();
    let service = setup("").start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    admin.replace(&person.dn, "employeeNumber", &cpr).await;
    let target = guid(&person).await;
    let identity = login(&service, "mitid", claim(ClaimKind::Cpr, &cpr), Level::Substantial);
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
            (&Some(id("mitid")), Some(Level::Substantial), Some(ASSERTION))
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
