//! Test of all pages in every state and both languages, with extreme values, by the page checker.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use askama::Template;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

mod log;

use super::front::{FrontPage, LoginButton};
use crate::http::routes::{
    account::{
        password::{PasswordPage, ResultPage},
        show::{AccountPage, AccountsPage},
    },
    delegation::{
        account::TargetAccountPage,
        code::{CodeShownPage, IssueCodePage},
        lists::{ListPage, ListsPage},
        password::{TargetPasswordPage, TargetResultPage},
        slips::{SlipsConfirmPage, SlipsPage},
    },
    sign_in::{
        ad_password::LoginPage,
        local_account::LocalLoginPage,
        one_time_code::CodePage,
        provider::{SendPage, notice_of},
    },
};
use crate::store::sessions::{Label, ListedSession};
use crate::{
    app::App,
    audit::AuditEntry,
    clock::ShiftedClock,
    config::{self, Language},
    flow::{
        delegation::{
            FormDefaults,
            guardian::{Children, OfChild},
            lists::{ListChoice, ListKey, ListQuery, ListedMembers},
            show::TargetView,
            slips::{Missing, Slip},
        },
        self_service::{list::LinkedAccount, show::AccountView},
        sign_in::provider::LoginFinished,
    },
    http::{
        i18n::words::Wording,
        page::{Errors, Frame, MessagePage, Person},
    },
    identity::answer::{ErrorCode, LoginFailure},
    model::{
        account::{Account, PasswordExpiry, PasswordState},
        ad::{guid::ObjectGuid, sid::Sid},
        audit::{AuditEvent, AuditOutcome, EventKind, RetentionClass, attempt::AttemptId},
        authorization::{Action, Denial, Grant, Group, strength::Strength},
        credential::password::Password,
        device::Device,
        guessability::{GuessReason, WordKind},
        identity::{LoginMethod, claim::ClaimKind, level::AssuranceLevel, provider::ProviderId},
        passphrase::Ease,
        password_policy::{BrokenRule, PasswordPolicy, PolicyRule},
        refusal::Refusal,
    },
};

#[path = "../../../tests/it/page_check.rs"]
#[expect(dead_code, reason = "the browser tests use the rest")]
mod page_check;

/// A name that breaks out of any context without escaping.
const NAME: &str = "Søren \"><script src=x>' & {{ 1 }} { $time } Ærø";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn now() -> Timestamp {
    at("2026-11-23T08:10:00Z")
}

fn guid() -> ObjectGuid {
    ObjectGuid::parse("03020100-0504-0706-0809-0a0b0c0d0e0f").expect("a GUID")
}

async fn app(dir: &std::path::Path) -> Arc<App> {
    let text = format!(
        "[site]\nname = 'Prøve & Søn \"Kommune\" <b>'\ncontact = {{ da = 'Ring <b> 12', en = 'Call <b>' }}\ncontact_url = 'tel:+4500000000'\n\
         privacy_url = 'https://x.dk/?a=1&b=2'\naccessibility_url = 'https://was.dk/'\n\
         [server]\nlisten = '127.0.0.1:0'\npublic_url = 'https://localhost'\ntrusted_proxies = ['127.0.0.1/32']\nsecret = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='\n\
         [store]\nurl = 'sqlite://{}/x.db'\n\
         [directory]\ncontrollers = [{{ name = 'dc.test' }}]\nbase_dn = 'DC=test'\nbind_user = 'x@test'\nbind_password = 'x'\n\
         [saml]\nkeys_dir = '{}/keys'\n\
         [[saml.provider]]\nid = 'fixed-low'\nbutton = {{ da = 'Lav <b> \"&', en = 'Low' }}\nmetadata_file = '/x'\nfixed_level = 'low'\n\
         match = {{ by = 'account_name', from = 'NameID' }}\n\
         [[saml.provider]]\nid = 'by-attribute'\nbutton = {{ da = 'Høj', en = 'High' }}\nmetadata_file = '/x'\n\
         match = {{ by = 'account_name', from = 'NameID' }}\n",
        dir.display(),
        dir.display()
    );
    crate::identity::keys::generate(&dir.join("keys"), "localhost", now()).expect("keys");
    let file = dir.join("config.toml");
    std::fs::write(&file, text).expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("the owner's only");
    let config = config::load(&file, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    App::start(config, Arc::new(ShiftedClock::default())).await.expect("started")
}

fn account(expiry: PasswordExpiry, locked: bool) -> Account {
    let last_set = (expiry != PasswordExpiry::MustChange).then(|| at("2025-10-01T08:00:00Z"));
    Account {
        guid: guid(),
        sid: crate::model::ad::sid::Sid::parse("S-1-5-21-1-2-3-1104").expect("a SID"),
        sam: "<s&m>".into(),
        upn: Some("x\"y@z".into()),
        display_name: Some(NAME.into()),
        locked,
        password: PasswordState { last_set_ticks: 1, last_set, expiry },
        ..Account::unknown()
    }
}

fn history() -> Vec<AuditEntry> {
    let event = |kind, outcome| AuditEvent {
        at: at("2026-11-22T07:00:00Z"),
        visit: Uuid::nil(),
        kind,
        outcome,
        reason: "locked".into(),
        actor: None,
        unknown_name: None,
        method: None,
        provider: None,
        level: None,
        assertion: None,
        actor_cpr: None,
        client: Some(IpAddr::from([127, 0, 0, 1])),
        user_agent: None,
        target: None,
        target_cpr: None,
        controller: None,
        attempt: None,
        authority: None,
        note: None,
        ticket: None,
        password_set_before: None,
    };
    let by = |provider: &'static str| move |event| AuditEvent { provider: Some(id(provider)), ..event };
    // Events that an account's own history shows.
    let shown =
        |kind: &&EventKind| matches!(kind.class(), RetentionClass::Logins | RetentionClass::Passwords) || **kind == EventKind::StaffAccount;
    let all = EventKind::ALL.iter().filter(shown).flat_map(|kind| AuditOutcome::ALL.iter().map(move |outcome| event(*kind, *outcome)));
    let resets = AuditOutcome::ALL.iter().map(|outcome| event(EventKind::ResetOutcome, *outcome));
    all.chain(resets.clone().map(by("fixed-low")))
        .chain(resets.map(by("gone")))
        .zip(1..)
        .map(|(event, sequence)| AuditEntry { sequence, event, authentic: true })
        .collect()
}

fn rules() -> Vec<PolicyRule> {
    vec![
        PolicyRule::MinLength(12),
        PolicyRule::MaxLength(64),
        PolicyRule::Complexity,
        PolicyRule::Letters,
        PolicyRule::UpperAndLower,
        PolicyRule::Digits,
        PolicyRule::Special,
        PolicyRule::NoNames { recognised: true, exact: true },
        PolicyRule::NoForbiddenWords,
        PolicyRule::NotGuessable,
        PolicyRule::NotLeaked,
        PolicyRule::Allowed("ab<>\"'&{}\u{202e}".chars().collect()),
        PolicyRule::History(24),
        PolicyRule::MinAge(SignedDuration::from_hours(1)),
        PolicyRule::MinAge(SignedDuration::from_hours(25)),
    ]
}

fn broken() -> Vec<BrokenRule> {
    vec![
        BrokenRule::TooShort(12),
        BrokenRule::TooLong(64),
        BrokenRule::NotComplex,
        BrokenRule::NoLetter,
        BrokenRule::NotUpperAndLower,
        BrokenRule::NoDigit,
        BrokenRule::NoSpecial,
        BrokenRule::HoldsName,
        BrokenRule::HoldsForbiddenWord("<script>{ $time }".into()),
        BrokenRule::Guessable(vec![
            GuessReason::CommonWord { kind: WordKind::Local, word: Some("<b>{ $word }".into()) },
            GuessReason::Year,
        ]),
        BrokenRule::Guessable(vec![GuessReason::LikeTheOld]),
        BrokenRule::Leaked(1),
        BrokenRule::Leaked(3412),
        BrokenRule::LeakUnchecked,
        BrokenRule::CharacterNotAllowed('<'),
        BrokenRule::CharacterNotAllowed('{'),
        BrokenRule::NotTypeable,
        BrokenRule::SameAsCurrent,
        BrokenRule::UsedBefore(24),
        BrokenRule::TooYoung(at("2026-11-24T08:10:00Z")),
    ]
}

fn refusals() -> Vec<Refusal> {
    let mut all: Vec<_> = broken().into_iter().map(|one| Refusal::Policy(vec![one])).collect();
    all.extend([
        Refusal::Policy(broken()),
        Refusal::WrongCurrent,
        Refusal::Locked,
        Refusal::NearLockout,
        Refusal::Throttled { until: at("2026-11-23T08:20:00Z") },
        Refusal::Busy { until: at("2026-11-23T08:20:00Z") },
        Refusal::CannotChange,
        Refusal::NoRight,
        Refusal::NotUsable,
        Refusal::NoRelation,
        Refusal::PolicyUnexplained,
        Refusal::CodeEnded,
    ]);
    all.extend(barred());
    all.extend(denials().into_iter().map(Refusal::Denied));
    all
}

fn id(text: &str) -> ProviderId {
    ProviderId::parse(text).expect("an id")
}

/// Refusals that keep a login from a reset.
fn barred() -> Vec<Refusal> {
    let weak = |level, providers: &[&str]| {
        let providers = (!providers.is_empty()).then(|| providers.iter().map(|provider| id(provider)).collect());
        Refusal::TooWeak { needed: Strength { level, providers } }
    };
    vec![
        Refusal::LoginTooOld,
        weak(AssuranceLevel::Low, &[]),
        weak(AssuranceLevel::Substantial, &[]),
        weak(AssuranceLevel::High, &[]),
        weak(AssuranceLevel::Substantial, &["by-attribute"]),
        weak(AssuranceLevel::None, &["gone"]),
    ]
}

/// All results of a provider login without a session.
fn unfinished() -> Vec<LoginFinished> {
    let provider = || ProviderId::parse("mitid").expect("an id");
    let kinds = [
        ClaimKind::Cpr,
        ClaimKind::AccountName,
        ClaimKind::Upn,
        ClaimKind::Email,
        ClaimKind::ObjectGuid,
        ClaimKind::ObjectSid,
        ClaimKind::UniloginId,
    ];
    let word = ErrorCode::parse("mitid_user_aborted-1.0");
    let failures = [
        LoginFailure::Cancelled,
        LoginFailure::Level,
        LoginFailure::Passive,
        LoginFailure::Busy,
        LoginFailure::Other(None),
        LoginFailure::Other(word),
    ];
    let none = kinds.map(|by| LoginFinished::NoAccount { by, provider: provider(), children_unasked: by == ClaimKind::Cpr });
    let failed = failures.map(|failure| LoginFinished::Failed { failure, provider: provider() });
    let refused = [Some(provider()), None].map(|provider| LoginFinished::Refused { provider });
    let rate_limited = LoginFinished::Throttled { until: at("2026-11-23T08:20:00Z") };
    let lacking = kinds.map(Some).into_iter().chain([None]).map(|missing| LoginFinished::NotForHere { missing });
    lacking.chain(none).chain(failed).chain(refused).chain([rate_limited]).collect()
}

fn methods() -> Vec<LoginButton> {
    let hint = Some(NAME.to_owned());
    vec![
        LoginButton { address: "/login/os2faktor".into(), text: NAME.into(), hint, mitid: false },
        LoginButton { address: "/login/mitid".into(), text: "Log ind med MitID".into(), hint: None, mitid: true },
    ]
}

fn grounds() -> Vec<Grant> {
    let group = || Group { sid: Sid::parse("S-1-5-21-1-2-3-1105").expect("a SID"), name: NAME.into() };
    vec![
        Grant::Own,
        Grant::Parent,
        Grant::Circle(group()),
        Grant::MasterOfCircle(group()),
        Grant::Teacher(group()),
        Grant::Helpdesk("gone".into()),
    ]
}

fn denials() -> Vec<Denial> {
    vec![
        Denial::Barred,
        Denial::Unreadable,
        Denial::NoRelation,
        Denial::NotUsable,
        Denial::ClosedToOthers,
        Denial::Protected,
        Denial::MasterAdmin,
        Denial::PasswordAdmin,
        Denial::Helper,
        Denial::Auditor,
        Denial::Teacher,
        Denial::TooWeak(AssuranceLevel::High),
        Denial::LoginTooOld,
        Denial::PasswordChangedSince,
        Denial::NotThisAction,
        Denial::TooOften(jiff::Timestamp::UNIX_EPOCH),
    ]
}

/// Sessions of every kind.
fn sessions() -> Vec<ListedSession> {
    let label = |method, provider, user_agent| Some(Label { method, provider, device: Device::of(user_agent) });
    [
        label(LoginMethod::AdPassword, None, Some("Windows Firefox/1")),
        label(LoginMethod::Saml, Some(id("by-attribute")), Some("iPhone")),
        label(LoginMethod::Oidc, Some(id("gone")), None),
        label(LoginMethod::Code, None, Some("Firefox/1")),
        label(LoginMethod::Local, None, None),
        None,
    ]
    .into_iter()
    .enumerate()
    .map(|(number, label)| ListedSession { handle: format!("{number:016x}"), label, since: now(), this: number == 0 })
    .collect()
}

/// Sample pages of delegation.
fn others(member: &dyn Fn(&str) -> Frame, words: &Wording) -> Vec<(String, askama::Result<String>)> {
    let mut pages = Vec::new();
    let place = ListKey::Group(Sid::parse("S-1-5-21-1-2-3-1105").expect("a SID"));
    let choices: Vec<ListChoice> = grounds().into_iter().map(|ground| ListChoice { place: place.clone(), ground }).collect();
    let listed = LinkedAccount { guid: guid(), account_name: "<x>".into(), name: NAME.into() };
    let child = |accounts| OfChild { name: NAME.into(), accounts };
    let these = Children::These(vec![child(Vec::new()), child(vec![listed])]);
    let late = Children::TooOften(jiff::Timestamp::UNIX_EPOCH);
    for children in [Children::NotAsked, Children::TooWeak, Children::Unavailable, late, these] {
        for choices in [Vec::new(), choices.clone()] {
            let children = children.clone();
            pages.push((
                format!("others {}", choices.len()),
                ListsPage { frame: member("/delegation"), log: choices.is_empty(), offer_children: !choices.is_empty(), choices, children }
                    .render(),
            ));
        }
    }
    let all = [PasswordExpiry::MustChange, PasswordExpiry::At(now()), PasswordExpiry::Never];
    for (total, more, unusable_words, page, text) in [
        (Some(20_000), false, false, 400, ""),
        (Some(20_000), false, false, usize::MAX, ""),
        (Some(0), false, false, 1, ""),
        (None, true, false, 1, NAME),
        (None, false, false, 1, NAME),
        (None, false, false, 1, ""),
        (None, false, true, 1, "x"),
    ] {
        let numbered = |(number, expiry): (u128, &PasswordExpiry)| Account {
            guid: Uuid::from_u128(number).into(),
            ..account(*expiry, *expiry == PasswordExpiry::Never)
        };
        let accounts = (1..).zip(&all).map(numbered).collect();
        let found = ListedMembers { choice: choices[2].clone(), accounts, total, more, unusable_words };
        let list = ListPage {
            frame: member("/x"),
            found,
            question: ListQuery { words: text.into(), page },
            token: "t".into(),
            attempt: AttemptId::from_random([7; 16]),
            all: more,
            none: more,
        };
        pages.push((format!("list {total:?} {page} {text}"), list.render()));
    }
    let view = |ground: Grant, judged: Result<Grant, Denial>, locked| TargetView {
        account: account(PasswordExpiry::Never, locked),
        ground,
        actions: Action::ALL.into_iter().map(|action| (action, judged.clone())).collect(),
        rules: rules(),
        policy: PasswordPolicy::default(),
        usual: FormDefaults { must_change: true, ease: Ease::Easy },
        history: judged.is_ok().then(history),
    };
    for ground in grounds() {
        let page = TargetAccountPage { frame: member("/x"), view: view(ground.clone(), Ok(ground), true), token: "t".into(), told: None };
        pages.push(("other account".into(), page.render()));
    }
    for denial in denials() {
        let told = Some(("error", words.denial(denial)));
        let page = TargetAccountPage { frame: member("/x"), view: view(Grant::Parent, Err(denial), false), token: "t".into(), told };
        pages.push((format!("other account {denial:?}"), page.render()));
    }
    for errors in [Errors::default(), words.refusal(&Refusal::Policy(broken())).into_iter().collect()] {
        let (view, attempt) = (view(Grant::Parent, Ok(Grant::Parent), true), AttemptId::from_random([7; 16]));
        pages.push((
            "other password".into(),
            TargetPasswordPage { frame: member("/x"), view, token: "t".into(), attempt, errors, proposal: None }.render(),
        ));
    }
    let (proposal, attempt) = (Password::parse("Rolig-<b>&\"-47".to_owned()).ok(), AttemptId::from_random([7; 16]));
    let (view_of, errors) = (view(Grant::Parent, Ok(Grant::Parent), true), Errors::default());
    let page = TargetPasswordPage { frame: member("/x"), view: view_of, token: "t".into(), attempt, errors, proposal };
    pages.push(("proposal".into(), page.render()));
    for (errors, reason) in [
        (Errors::default(), ""),
        (["checked", "reason", "ticket"].map(|field| (field, words.t("code-no-reason"))).into_iter().collect(), NAME),
    ] {
        let view = view(Grant::Parent, Ok(Grant::Parent), false);
        let page = IssueCodePage {
            frame: member("/x"),
            view,
            token: "t".into(),
            errors,
            reason: reason.into(),
            ticket: reason.into(),
            attempt: AttemptId::from_random([7; 16]),
        };
        pages.push(("give a code".into(), page.render()));
    }
    pages.extend(handed_out(member, words));
    let result = TargetResultPage { frame: member("/x"), title: NAME.into(), text: NAME.into(), kind: "success", account: guid() };
    pages.push(("other result".into(), result.render()));
    pages
}

/// Sample pages with a code or with passwords to hand out.
fn handed_out(member: &dyn Fn(&str) -> Frame, words: &Wording) -> Vec<(String, askama::Result<String>)> {
    let mut pages = Vec::new();
    let (account_name, code, until) = (NAME.into(), zeroize::Zeroizing::new("K7Q-4MXP-9WD".to_owned()), "nu".into());
    let spelled = words.spelled(&code);
    pages.push(("code".into(), CodeShownPage { frame: member("/x"), account: guid(), account_name, code, spelled, until }.render()));
    let outcomes = [
        Password::parse("Rolig-<b>&\"-47".to_owned()).map_err(|_| Missing::Unknown),
        Err(Missing::Refused(Refusal::Denied(Denial::NoRelation))),
        Err(Missing::NoProposal),
        Err(Missing::AlreadySent),
        Err(Missing::Unknown),
        Err(Missing::NoTime),
    ];
    let slips = outcomes.into_iter().map(|outcome| Slip { name: NAME.into(), account_name: "<x>".into(), outcome }).collect();
    pages.push(("slips".into(), SlipsPage { frame: member("/x"), title: NAME.into(), back: "/delegation".into(), slips }.render()));
    let (action, back, attempt) = ("/x/slips".into(), "/x".into(), AttemptId::from_random([7; 16]));
    let confirm = SlipsConfirmPage { frame: member("/x"), action, back, token: "t".into(), attempt, targets: vec![guid()] };
    pages.push(("slips to confirm".into(), confirm.render()));
    pages
}

/// All pages, each with a name for messages.
fn pages(app: &Arc<App>, language: Language) -> Vec<(String, String)> {
    let words = Wording { language, now: now() };
    let person = || Person { name: NAME.into(), token: "t\"<".into() };
    let member = |path: &str| Frame::sample(app, words, path, Some(person()));
    let guest = |path: &str| Frame::sample(app, words, path, None);
    let view = |account| AccountView {
        account,
        rules: rules(),
        changeable_at: Some(at("2026-11-24T08:10:00Z")),
        barred: None,
        history: history(),
    };
    let mut pages = Vec::new();
    let mut add = |name: String, html: askama::Result<String>| pages.push((name, html.expect("rendered")));
    for (name, frame, logins, notice) in [
        ("front", guest("/"), methods(), None),
        ("front, logged in", member("/"), methods(), None),
        ("front, nothing on", guest("/"), Vec::new(), Some("front-ended")),
    ] {
        let notice = notice.map(|key| ("info", frame.t(key)));
        let some = !logins.is_empty();
        add(name.into(), FrontPage { frame, logins, staff: some, providers: some, notice }.render());
    }
    for (place, error) in [(member("/login"), None), (guest("/login"), None), (guest("/login"), Some("login-refused"))] {
        let errors = error.map(|key| ("", place.t(key))).into_iter().collect();
        add(format!("login {error:?}"), LoginPage { frame: place, token: "t\"".into(), name: NAME.into(), errors }.render());
    }
    for errors in [Errors::default(), std::iter::once(("", words.t("code-refused"))).collect()] {
        add("code".into(), CodePage { frame: guest("/code"), token: "t\"".into(), name: NAME.into(), errors }.render());
    }
    for (place, error) in [(member("/staff"), None), (guest("/staff"), None), (guest("/staff"), Some("staff-refused"))] {
        let errors = error.map(|key| ("", place.t(key))).into_iter().collect();
        add(format!("staff {error:?}"), LocalLoginPage { frame: place, token: "t\"".into(), name: NAME.into(), errors }.render());
    }
    let states =
        [PasswordExpiry::Never, PasswordExpiry::MustChange, PasswordExpiry::At(now()), PasswordExpiry::At(at("2027-01-01T00:00:00Z"))];
    for (number, expiry) in states.into_iter().enumerate() {
        let page = AccountPage {
            frame: member("/accounts/x"),
            view: view(account(expiry, number % 2 == 0)),
            provider: None,
            token: "t\"".into(),
            sessions: sessions(),
        };
        add(format!("account {expiry:?}"), page.render());
    }
    for refusal in barred().into_iter().chain([Refusal::Locked]).map(Some).chain([None]) {
        let name = format!("account of a provider's login {refusal:?}");
        let view = AccountView { barred: refusal, ..view(account(PasswordExpiry::Never, true)) };
        add(
            name,
            AccountPage { frame: member("/accounts/x"), view, provider: Some(id("by-attribute")), token: "t".into(), sessions: Vec::new() }
                .render(),
        );
    }
    let form_of = |change, errors| PasswordPage {
        frame: member("/accounts/x/password"),
        view: view(account(PasswordExpiry::Never, false)),
        token: "t".into(),
        attempt: AttemptId::from_random([7; 16]),
        change,
        errors,
    };
    let form = |errors| form_of(true, errors);
    add("form of a reset".into(), form_of(false, Errors::default()).render());
    add("form".into(), form(Errors::default()).render());
    for refusal in refusals() {
        add(format!("form {refusal:?}"), form(words.refusal(&refusal).into_iter().collect()).render());
        if !matches!(refusal, Refusal::WrongCurrent | Refusal::CannotChange) {
            add(format!("form of a reset {refusal:?}"), form_of(false, words.refusal(&refusal).into_iter().collect()).render());
        }
    }
    for (kind, done) in [("success", true), ("warning", true), ("warning", false), ("info", false), ("error", false)] {
        let page = ResultPage { frame: member("/x"), title: NAME.into(), text: NAME.into(), kind, done, account: guid() };
        add(format!("result {kind}"), page.render());
    }
    let listed = |name: &str| LinkedAccount { guid: guid(), account_name: "<anna>".into(), name: name.into() };
    for accounts in [Vec::new(), vec![listed(NAME), listed("Anna")]] {
        add(format!("accounts {}", accounts.len()), AccountsPage { frame: member("/account"), accounts }.render());
    }
    for (name, html) in others(&member, &words).into_iter().chain(log::pages(&member)).chain(log::tests(&member)) {
        add(name, html);
    }
    let fields = vec![("SAMLRequest", "\"><b>".to_owned())];
    let send =
        SendPage { frame: guest("/login/x"), title: NAME.into(), text: NAME.into(), action: "https://idp.dk/?a=\"&b".into(), fields };
    add("send".into(), send.render());
    for finished in unfinished() {
        add(format!("{finished:?}"), Ok(notice_of(guest("/saml/acs"), &finished).1.render().expect("rendered")));
    }
    for key in ["unavailable", "not-found", "forbidden", "bad-request", "busy", "fault"] {
        let mut notice = MessagePage::new(guest("/"), &format!("{key}-title"), &format!("{key}-text"));
        notice.reference = Some("ABCD2345".into());
        add(format!("notice {key}"), notice.render());
    }
    pages
}

#[tokio::test]
async fn every_page_in_every_state_is_sound() {
    let dir = tempfile::tempdir().expect("a folder");
    let app = app(dir.path()).await;
    let mut largest = 0;
    for language in Language::ALL {
        for (name, html) in pages(&app, language) {
            let wrong = page_check::problems(&html);
            assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{html}");
            assert!(html.contains(&format!("<html lang=\"{}\">", language.code())), "{name}");
            assert!(!html.contains("<script src=x"), "{name}: what people are called is text");
            largest = largest.max(html.len());
        }
    }
    assert!(largest <= 16_000, "{largest} bytes, before anything else is loaded");
}

#[tokio::test]
async fn every_text_is_in_words_and_says_something_of_its_own() {
    for language in Language::ALL {
        let words = Wording { language, now: now() };
        let mut all = BTreeSet::new();
        let account = account(PasswordExpiry::Never, false);
        let (rules, broken) = (rules(), broken());
        let texts = rules.iter().map(|rule| words.rule(rule, &account).text).chain(broken.iter().map(|broken| words.broken(broken)));
        let single = refusals().into_iter().filter(|refusal| !matches!(refusal, Refusal::Policy(_)));
        let refused = single.flat_map(|refusal| words.refusal(&refusal)).map(|(_, text)| text);
        for text in texts.chain(refused) {
            let key = ["rule-", "broken-", "refusal-"].iter().any(|start| text.starts_with(start));
            assert!(!key && text.contains(' ') && !text.contains("{$"), "{text}");
            assert!(all.insert(text.clone()), "twice: {text}");
        }
    }
}
