//! Logins with local accounts: success, refusals, and information that they must not reveal.

use std::time::{Duration, Instant};

use super::*;
use crate::{provider_reset::visitor, store::postgres_database};
use os2nykode::model::identity::{Identity, LoginMethod, level::AssuranceLevel};

const REFUSED: &str = "Vi kunne ikke logge dig ind. Se efter, om navn, adgangskode og kode er skrevet rigtigt.";

#[tokio::test(flavor = "multi_thread")]
async fn the_right_name_password_and_code_log_in_and_the_log_says_so() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    service.visitor().get("/").await.says("Lokal personalekonto");
    let visitor = colleague.at_work(&service).await;
    let page = visitor.get("/account").await;
    assert_eq!(page.path, "/delegation", "it owns no account");
    assert!(page.html.contains("Åse Bech-Øst"), "{}", page.html);
    let event = colleague.history(&service).await.remove(0);
    assert_eq!((event.kind, event.outcome, event.method), (EventKind::SignIn, AuditOutcome::Succeeded, Some(LoginMethod::Local)));
    assert_eq!((event.level, event.provider), (Some(AssuranceLevel::Substantial), None));
    assert_eq!(event.actor.map(|actor| (actor.account_name, actor.name)), Some((colleague.name.clone(), "Åse Bech-Øst".to_owned())));
    let token = visitor.get("/delegation").await;
    let csrf = crate::page_check::attribute(&token.html, "input[name=csrf]", "value").expect("a token");
    assert_eq!(visitor.post("/logout", &[("csrf", &csrf)]).await.path, "/?logged-out");
    let front = visitor.get("/delegation").await;
    assert_eq!(front.path, "/?login");
    let first = front.html.split("class=\"button").nth(1).expect("a login");
    assert!(first.contains("href=\"/staff\""), "the login that the browser used last is the first: {}", front.html);
    let last = colleague.history(&service).await.remove(0);
    assert_eq!((last.kind, last.actor.map(|actor| actor.guid)), (EventKind::SignOut, Some(colleague.account.id.into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_counts_in_any_case_and_the_password_in_none_but_its_own() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Auditor]).await;
    let code = colleague.app.code(service.clock.now());
    let page = log_in(&service.visitor(), &colleague.name, &PASSWORD.to_lowercase(), &code).await;
    assert_eq!(page.status, 422);
    let page =
        log_in(&service.visitor(), &format!(" {} ", colleague.name.to_uppercase()), PASSWORD, &format!("{} {}", &code[..3], &code[3..]))
            .await;
    assert_eq!(page.path, "/delegation");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_looks_the_same_and_the_log_tells_it_apart() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let code = || colleague.app.code(service.clock.now());
    let unknown = unique("ukendt");
    let mut pages = Vec::new();
    for (name, typed, code, reason) in [
        (colleague.name.as_str(), "Helt-Forkert-Cykel-99", code(), Some("wrong_password")),
        (&colleague.name, PASSWORD, colleague.app.wrong_code(service.clock.now()), Some("wrong_code")),
        (&colleague.name, "", code(), Some("wrong_password")),
        (&colleague.name, PASSWORD, String::new(), Some("wrong_code")),
        (&unknown, PASSWORD, code(), None),
        ("", PASSWORD, code(), None),
        ("' OR 1=1 --", PASSWORD, "' OR ''='".to_owned(), None),
        ("*)(objectClass=*", PASSWORD, "1\u{0}2".to_owned(), None),
        ("vagt\u{202E}\u{0}%27;DROP TABLE staff", PASSWORD, code(), None),
        (&"x".repeat(3000), &"y".repeat(3000), "9".repeat(3000), None),
    ] {
        let before = colleague.history(&service).await.len();
        let page = log_in(&service.visitor(), name, typed, &code).await;
        assert_eq!(page.status, 422, "{name:?}");
        page.says(REFUSED);
        assert_eq!(service.visitor().get("/delegation").await.path, "/?login");
        let told = colleague.history(&service).await;
        assert_eq!(told.len() - before, usize::from(reason.is_some()), "{name:?}");
        if let Some(reason) = reason {
            assert_eq!((told[0].outcome, told[0].reason.as_str(), &told[0].actor), (AuditOutcome::Refused, reason, &None));
        }
        pages.push(page.text);
    }
    desk(&service).disable(&colleague.name).await.expect("disabled");
    let page = log_in(&service.visitor(), &colleague.name, PASSWORD, &code()).await;
    assert_eq!((page.status.as_u16(), colleague.history(&service).await[0].reason.as_str()), (422, "disabled"));
    pages.push(page.text);
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "{pages:#?}");
    assert_eq!(desk(&service).all().await.expect("read").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_takes_a_whole_number_of_steps_and_an_unknown_name_is_hashed_too() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let refused = async |service: &Service, name: &str| {
        let visitor = service.visitor();
        let token = visitor.get("/staff").await.token();
        let started = Instant::now();
        let fields = [("csrf", token.as_str()), ("name", name), ("password", "Helt-Forkert-Cykel-99"), ("code", "000000")];
        assert_eq!(visitor.send("/staff", &fields).await.status(), 422);
        started.elapsed()
    };
    let median = async |name: &str| {
        let mut times = Vec::new();
        for _ in 0..9 {
            times.push(refused(&service, name).await);
        }
        times.sort_unstable();
        times[4]
    };
    // Without the hash for unknown names, they would take a quarter of the time.
    let (known, unknown) = (median(&colleague.name).await, median(&unique("ukendt")).await);
    assert!(unknown >= known / 2 && known >= unknown / 2, "{known:?} {unknown:?}");
    let held =
        Setup { more: "[local_accounts]\nenabled = true\n[login.ad_password]\nanswer_after_ms = 400\n", ..Setup::default() }.start().await;
    let known = Colleague::new(&held, &[Role::Helpdesk]).await.name;
    for name in [known, unique("ukendt")] {
        let took = refused(&held, &name).await;
        assert!(took >= Duration::from_millis(400), "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_counts_once_and_with_the_one_before_and_after() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    // Begins at the start of a step, so that the next one is far enough away.
    let begun = 31 - service.clock.now().as_second() % 30;
    service.clock.shift_to(begun);
    let now = service.clock.now();
    let of = |seconds: i64| colleague.app.code(now + jiff::SignedDuration::from_secs(seconds));
    let try_code = async |code: String| log_in(&service.visitor(), &colleague.name, PASSWORD, &code).await.status;
    assert_eq!(try_code(of(-60)).await, 422, "two steps ago");
    assert_eq!(try_code(of(60)).await, 422, "in two steps");
    assert_eq!(try_code(of(-30)).await, 200, "the step before");
    assert_eq!(try_code(of(-30)).await, 422, "once");
    assert_eq!(colleague.history(&service).await[0].reason, "used_code");
    assert_eq!(try_code(of(30)).await, 200, "the step after");
    assert_eq!(try_code(of(0)).await, 422, "a step before the latest that was used is used up with it");
    service.clock.shift_to(begun + 60);
    assert_eq!(try_code(of(60)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_used_at_one_instance_is_used_at_the_other_and_of_many_at_once_one_gets_in() {
    let url = postgres_database().await;
    let first = Setup { store: Some(url.clone()), ..on() }.start().await;
    let second = Setup { store: Some(url), ..on() }.start().await;
    let colleague = Colleague::new(&first, &[Role::Helpdesk]).await;
    let code = colleague.app.code(first.clock.now());
    assert_eq!(log_in(&first.visitor(), &colleague.name, PASSWORD, &code).await.path, "/delegation");
    assert_eq!(log_in(&second.visitor(), &colleague.name, PASSWORD, &code).await.status, 422);
    assert_eq!(colleague.history(&second).await[0].reason, "used_code");
    for service in [&first, &second] {
        service.clock.shift_to(60);
    }
    let code = colleague.app.code(first.clock.now());
    let logins = (0..6).map(|i| {
        let visitor = if i % 2 == 0 { first.visitor() } else { second.visitor() };
        let (name, code) = (colleague.name.clone(), code.clone());
        async move { log_in(&visitor, &name, PASSWORD, &code).await.path }
    });
    let paths = futures_util::future::join_all(logins).await;
    assert_eq!(paths.iter().filter(|path| *path == "/delegation").count(), 1, "{paths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_disabled_removed_or_reset_is_logged_out_at_once() {
    let service = on().start().await;
    for change in ["disable", "remove", "reset"] {
        let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
        let visitor = colleague.at_work(&service).await;
        assert_eq!(visitor.get("/delegation").await.path, "/delegation");
        let identity = Identity::from_staff(&colleague.account, AssuranceLevel::Substantial, service.clock.now(), colleague.account.id);
        let desk = desk(&service);
        match change {
            "disable" => desk.disable(&colleague.name).await.expect("disabled"),
            "remove" => desk.remove(&colleague.name).await.expect("removed"),
            _ => drop(desk.reset(&colleague.name, &password(OTHER)).await.expect("reset")),
        }
        assert_eq!(visitor.get("/delegation").await.path, "/?ended", "{change}: the session is gone");
        // A session that was begun meanwhile has ended too.
        let late = crate::provider_reset::visitor(&service, &identity).await;
        let page = late.get("/delegation").await;
        assert_eq!(page.path, "/?ended", "{change}");
        page.says("Du er logget ud");
        assert_eq!(late.get("/delegation").await.path, "/?login", "and ended");
        let told = colleague.told(&service).await;
        let reason = if change == "reset" { "reset".to_owned() } else { change.trim_end_matches('e').to_owned() + "ed" };
        assert_eq!(told[0], (EventKind::StaffAccount, AuditOutcome::Succeeded, reason.clone()));
        assert_eq!(told[1], (EventKind::StaffAccount, AuditOutcome::Started, reason));
        service.clock.shift_to(60);
        let code = colleague.app.code(service.clock.now());
        assert_eq!(log_in(&service.visitor(), &colleague.name, PASSWORD, &code).await.status, 422, "{change}");
        service.clock.shift_to(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enabled_account_and_new_credentials_let_in_again() {
    let service = on().start().await;
    let mut colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    desk(&service).disable(&colleague.name).await.expect("disabled");
    desk(&service).enable(&colleague.name).await.expect("enabled");
    colleague.at_work(&service).await;
    let secret = desk(&service).reset(&colleague.name, &password(OTHER)).await.expect("reset");
    let old = std::mem::replace(&mut colleague.app, App(secret.bytes().to_vec()));
    service.clock.shift_to(60);
    let now = service.clock.now();
    for (typed, app) in [(PASSWORD, &colleague.app), (OTHER, &old)] {
        assert_eq!(log_in(&service.visitor(), &colleague.name, typed, &app.code(now)).await.status, 422);
    }
    assert_eq!(log_in(&service.visitor(), &colleague.name, OTHER, &colleague.app.code(now)).await.path, "/delegation");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_tries_wait_even_with_the_right_ones_and_only_for_this_name() {
    let more =
        "[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n[local_accounts]\nenabled = true\n";
    let service = Setup { more, ..Setup::default() }.start().await;
    let (colleague, other) = (Colleague::new(&service, &[Role::Helpdesk]).await, Colleague::new(&service, &[Role::Helpdesk]).await);
    let unknown = unique("ukendt");
    for name in [colleague.name.as_str(), unknown.as_str()] {
        for _ in 0..3 {
            assert_eq!(log_in(&service.visitor(), name, "Helt-Forkert-Cykel-99", "000000").await.status, 422);
        }
        let page = log_in(&service.visitor(), &name.to_uppercase(), PASSWORD, &colleague.app.code(service.clock.now())).await;
        assert_eq!(page.status, 429);
        page.says("Der er prøvet for mange gange. Du kan prøve igen");
    }
    // The same name in AD has a count of its own.
    assert_eq!(service.visitor().log_in(&colleague.name, "Helt-Forkert-99").await.status, 422);
    other.at_work(&service).await;
    service.clock.shift_to(31);
    colleague.at_work(&service).await;
    assert_eq!(log_in(&service.visitor(), &colleague.name, "Helt-Forkert-Cykel-99", "000000").await.status, 422, "free tries again");
}

/// The browser stays known after a logout.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_browser_lets_its_owner_in_while_a_stranger_guesses() {
    let more =
        "[rate_limit.address]\nattempts_before_delay = 6\n[login.ad_password]\nanswer_after_ms = 0\n[local_accounts]\nenabled = true\n";
    let service = Setup { more, ..Setup::default() }.start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let owner = colleague.at_work(&service).await;
    let page = owner.get("/delegation").await.html;
    let token =
        page.split("action=\"/logout\"><input type=\"hidden\" name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    owner.send("/logout", &[("csrf", token.expect("a form"))]).await;
    assert!(owner.get("/delegation").await.path.starts_with("/?"), "logged out");
    service.clock.shift_to(31); // the next code
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(log_in(&service.visitor(), &colleague.name, "Helt-Forkert-Cykel-99", "000000").await.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[9]), (422, 429), "{statuses:?}");
    let code = colleague.app.code(service.clock.now());
    assert_eq!(log_in(&service.visitor(), &colleague.name, PASSWORD, &code).await.status, 429, "a browser that nobody has used waits");
    assert_eq!(log_in(&owner, &colleague.name, PASSWORD, &code).await.path, "/delegation");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_earlier_session_is_taken_over() {
    let service = on().start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let session = |response: &reqwest::Response| {
        let cookies = response.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        cookies
            .filter_map(|line| line.strip_prefix("__Host-os2nykode="))
            .map(|line| line.split(';').next().unwrap_or_default().to_owned())
            .next()
    };
    let browser = service.visitor();
    let mut begun = Vec::new();
    for shift in [0, 60] {
        service.clock.shift_to(shift);
        let (token, code) = (browser.get("/staff").await.token(), colleague.app.code(service.clock.now()));
        let fields = [("csrf", token.as_str()), ("name", &colleague.name), ("password", PASSWORD), ("code", &code)];
        let response = browser.send("/staff", &fields).await;
        assert_eq!(response.status(), 303);
        begun.push(session(&response).expect("a session"));
    }
    assert_ne!(begun[0], begun[1]);
    assert_eq!(Visitor::with_session(service.address, &begun[0]).get("/delegation").await.path, "/?ended");
    assert_eq!(Visitor::with_session(service.address, &begun[1]).get("/delegation").await.path, "/delegation");
    let foreign = browser.request(reqwest::Method::POST, "/staff").header("sec-fetch-site", "cross-site").send().await.expect("an answer");
    assert_eq!(foreign.status(), 403);
    let without = browser.send("/staff", &[("name", &colleague.name), ("password", PASSWORD), ("code", "000000")]).await;
    assert_eq!(without.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_by_default_and_turning_it_off_ends_the_sessions() {
    let service = Service::start().await;
    let colleague = Colleague::new(&service, &[Role::Helpdesk]).await;
    let front = service.visitor().get("/").await;
    assert!(!front.html.contains("/staff"), "{}", front.html);
    assert_eq!(service.visitor().get("/staff").await.status, 404);
    let visitor_ = service.visitor();
    let token = visitor_.get("/login").await.token();
    let code = colleague.app.code(service.clock.now());
    let fields = [("csrf", token.as_str()), ("name", &colleague.name), ("password", PASSWORD), ("code", &code)];
    assert_eq!(visitor_.send("/staff", &fields).await.status(), 404);
    let identity = Identity::from_staff(&colleague.account, AssuranceLevel::Substantial, service.clock.now(), colleague.account.id);
    assert_eq!(visitor(&service, &identity).await.get("/delegation").await.path, "/?ended", "its session is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_secret_of_the_service_nobody_gets_in_until_a_reset() {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Some(format!("sqlite://{}/shared.db", dir.path().display()));
    let colleague = Colleague::new(&Setup { store: store.clone(), ..on() }.start().await, &[Role::Helpdesk]).await;
    let setup = Setup { store, ..on() };
    let folder = tempfile::tempdir().expect("a folder");
    let text = setup.text(folder.path(), "127.0.0.1:0").replace(crate::service::SECRET, "HxwdGxoZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIBAAA=");
    let path = folder.path().join("config.toml");
    crate::service::write_private(&path, text).expect("written");
    let config = os2nykode::config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    let rotated = Service::of(config, folder).await;
    let (_, page) = colleague.log_in(&rotated).await;
    assert_eq!(page.status, 422);
    assert_eq!(colleague.history(&rotated).await[0].reason, "unreadable");
    let secret = desk(&rotated).reset(&colleague.name, &password(PASSWORD)).await.expect("reset");
    Colleague { app: App(secret.bytes().to_vec()), ..colleague }.at_work(&rotated).await;
}
