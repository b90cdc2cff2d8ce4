//! Forms, sessions, headers and limits, against browsers and other clients.

use reqwest::{Method, StatusCode};

use crate::{
    environment::environment,
    page_check::attribute,
    people::{Admin, PASSWORD, bind},
    service::{Service, Setup},
    visitor::Visitor,
};

const NEW: &str = "Blå-Sejlbåd-4711";

async fn status(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> StatusCode {
    visitor.send(path, fields).await.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_counts_only_with_its_own_token_and_from_our_own_page() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let before = visitor.get("/login").await.token();
    let stranger = service.visitor().get("/login").await.token();
    let login = |token| [("csrf", token), ("name", person.sam.as_str()), ("password", PASSWORD)];
    for token in ["", "x", stranger.as_str()] {
        assert_eq!(status(&visitor, "/login", &login(token)).await, 403, "{token}");
    }
    assert_eq!(status(&visitor, "/login", &[("name", &person.sam), ("password", PASSWORD)]).await, 400, "no token at all");
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    let change = |token| [("csrf", token), ("attempt", attempt.as_str()), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    assert_eq!(status(&visitor, &path, &change(&before)).await, 403, "a token from before the login");
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.dk"), ("origin", "null")]
    {
        let sent = visitor.request(Method::POST, &path).header(name, value).form(&change(&token)).send().await.expect("an answer");
        assert_eq!(sent.status(), 403, "{name}: {value}");
        assert!(sent.text().await.expect("text").contains("Intet er ændret"));
    }
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    visitor.post(&path, &change(&token)).await.says("Din adgangskode er skiftet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_makes_a_new_session_and_ends_the_one_before() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (first, second) = (admin.person().await, admin.person().await);
    let visitor = service.visitor();
    let login = async |name: &str| {
        let token = visitor.get("/login").await.token();
        let sent = visitor.send("/login", &[("csrf", &token), ("name", name), ("password", PASSWORD)]).await;
        assert_eq!(sent.status(), 303);
        let cookie =
            sent.headers().get_all("set-cookie").iter().map(|c| c.to_str().expect("text")).find(|c| c.starts_with("__Host-os2nykode="));
        let cookie = cookie.expect("a session").to_owned();
        for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        (cookie.split(';').next().expect("a value").to_owned(), sent.headers()["location"].to_str().expect("text").to_owned())
    };
    let (one, first_page) = login(&first.sam).await;
    let (two, second_page) = login(&second.sam).await;
    assert_ne!(one, two);
    visitor.get(&second_page).await.says(&second.sam);
    assert_eq!(visitor.get(&first_page).await.status, 404, "the new login inherits nothing");
    let old = Visitor::new(service.address);
    let answer = old.request(Method::GET, &first_page).header("cookie", &one).send().await.expect("an answer");
    assert_eq!(answer.headers()["location"], "/?ended", "the old session has ended");
    // Session fixation: an id chosen by the client is not adopted.
    let chosen = "__Host-os2nykode=AAAAAAAAAAAAAAAAAAAAAA";
    let fixed = Visitor::new(service.address);
    let page = fixed.request(Method::GET, "/login").header("cookie", chosen).send().await.expect("an answer");
    let visit = page.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a value").to_owned();
    let token = attribute(&page.text().await.expect("text"), "main input[name=csrf]", "value").expect("a form");
    let fields = [("csrf", token.as_str()), ("name", &first.sam), ("password", PASSWORD)];
    let sent =
        fixed.request(Method::POST, "/login").header("cookie", format!("{chosen}; {visit}")).form(&fields).send().await.expect("an answer");
    assert_eq!(sent.status(), 303);
    let made = sent.headers().get_all("set-cookie").iter().map(|c| c.to_str().expect("text")).find(|c| c.starts_with("__Host-os2nykode="));
    assert!(!made.expect("a session").starts_with(chosen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_at_logout_idle_and_after_half_an_hour() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    service.clock.shift_to(11 * 60);
    let (token, attempt) = (form.token(), form.attempt());
    let change = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    let late = visitor.post(&path, &change).await;
    assert!(late.path.starts_with("/?ended") || late.status == 403, "{} {}", late.path, late.status);
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    visitor.get(&account.path).await.says("Log ind");
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    for minute in [19, 27, 35, 40] {
        service.clock.shift_to(minute * 60);
        visitor.get(&account.path).await.says(&person.sam);
    }
    service.clock.shift_to(42 * 60);
    visitor.get(&account.path).await.says("Du er logget ud, fordi");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_on_an_account_that_is_not_theirs() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (mine, theirs) = (admin.person().await, admin.person().await);
    let group = admin.group(&crate::environment::unique("g")).await;
    let group = group.trim_start_matches("CN=").split(',').next().expect("a name").to_owned();
    let visitor = service.visitor();
    let account = visitor.logged_in(&mine.sam, PASSWORD).await;
    let form = visitor.get(&format!("{}/password", account.account_path())).await;
    let (token, attempt) = (form.token(), form.attempt());
    let guids = [
        admin.guid(&theirs.sam).await.to_string(),
        admin.guid("beate").await.to_string(),
        admin.guid(&group).await.to_string(),
        "00000000-0000-0000-0000-000000000000".to_owned(),
    ];
    for guid in guids {
        let path = format!("/accounts/{guid}/password");
        assert_eq!(visitor.get(&path).await.status, 404);
        assert_eq!(visitor.get(&format!("/accounts/{guid}")).await.status, 404);
        let change = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
        assert_eq!(visitor.post(&path, &change).await.status, 404);
    }
    assert_eq!(bind(&theirs.dn, PASSWORD).await, Ok(()));
    let theirs = admin.guid(&theirs.sam).await;
    let history = service.app.audit.history_of(theirs, 10, jiff::Timestamp::UNIX_EPOCH).await.expect("read");
    assert!(history.is_empty(), "nobody writes into somebody else's history");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_with_two_accounts_never_change_the_wrong_one() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let (first, second) = (admin.person().await, admin.person().await);
    let visitor = service.visitor();
    let account = visitor.logged_in(&first.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    visitor.logged_in(&second.sam, PASSWORD).await;
    let (token, attempt) = (form.token(), form.attempt());
    let change = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    assert_eq!(visitor.post(&path, &change).await.status, 403, "the first tab's form belongs to a login that has ended");
    for person in [first, second] {
        assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_posted_twice_is_one_change() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    let (token, attempt) = (form.token(), form.attempt());
    let change = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    let (one, two) = tokio::join!(visitor.post(&path, &change), visitor.post(&path, &change));
    for page in [&one, &two] {
        assert!(page.path.ends_with(&attempt), "both lead to the result: {} {}", page.status, page.text);
    }
    visitor.post(&path, &change).await.says("Din adgangskode er skiftet");
    visitor.get(&one.path).await.says("Din adgangskode er skiftet");
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    assert_eq!(Admin::new().await.value(&person.sam, "badPwdCount").await, "0");
    let other = service.visitor();
    let somebody = Admin::new().await.person().await;
    other.logged_in(&somebody.sam, PASSWORD).await;
    assert_eq!(other.get(&one.path).await.status, 404, "nobody else sees the result");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_disabled_after_the_login_is_left_alone() {
    let service = Service::start().await;
    let mut admin = Admin::new().await;
    let person = admin.person().await;
    let visitor = service.visitor();
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    let form = visitor.get(&path).await;
    admin.replace(&person.dn, "userAccountControl", "514").await;
    let (token, attempt) = (form.token(), form.attempt());
    let change = [("csrf", token.as_str()), ("attempt", &attempt), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
    visitor.post(&path, &change).await.says("Kontoen");
    admin.replace(&person.dn, "userAccountControl", "512").await;
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    visitor.get(&path).await;
    admin.delete(&person.dn).await;
    assert_eq!(visitor.post(&path, &change).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_input_in_every_field_gets_a_clear_answer() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let mega = "x".repeat(15_000);
    let odd = [
        "",
        " ",
        "\0",
        "a\0b",
        "\u{1}\u{1b}[31m",
        "\u{202e}anna",
        "😀",
        "*",
        "*)(objectClass=*",
        "anna)(|(cn=*",
        "\\2a",
        "CN=Anna\\, x,DC=kommune,DC=test",
        "a\r\nb: c",
        "<script>alert(1)</script>",
        "{ $time }",
        "' OR 1=1 --",
        "a\u{30a}",
        mega.as_str(),
    ];
    let visitor = service.visitor();
    for text in odd {
        let page = visitor.log_in(text, text).await;
        assert!([422, 413].contains(&page.status.as_u16()), "{text:?}: {}", page.status);
        assert!(!page.html.contains("<script>alert"));
    }
    let account = visitor.logged_in(&person.sam, PASSWORD).await;
    let path = format!("{}/password", account.account_path());
    for text in odd {
        let form = visitor.get(&path).await;
        let (token, attempt) = (form.token(), form.attempt());
        let fits = (12..=256).contains(&text.chars().count()); // valid as a password
        for (current, new, repeat) in [(PASSWORD, if fits { "kort" } else { text }, text), (PASSWORD, NEW, text)] {
            let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", current), ("new", new), ("repeat", repeat)];
            let page = visitor.post(&path, &fields).await;
            assert!([422, 413].contains(&page.status.as_u16()), "{text:?}: {} {}", page.status, page.text);
        }
        let bad = [("csrf", token.as_str()), ("attempt", text), ("current", PASSWORD), ("new", NEW), ("repeat", NEW)];
        let page = visitor.post(&path, &bad).await;
        assert!([400, 413].contains(&page.status.as_u16()), "{text:?}: {}", page.status);
    }
    assert_eq!(bind(&person.dn, PASSWORD).await, Ok(()));
    for path in [
        "/accounts/x",
        "/accounts/../etc/passwd",
        "/accounts/%00",
        "/nothing",
        "/accounts/00000000-0000-0000-0000-00000000000g/password",
        "/static/x/../../Cargo.toml",
        "/static/x/style.css",
    ] {
        assert_eq!(visitor.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_large_or_not_utf8_or_not_a_form_is_refused() {
    let service = Service::start().await;
    let visitor = service.visitor();
    let token = visitor.get("/login").await.token();
    let send = async |body: Vec<u8>| {
        let request = visitor.request(Method::POST, "/login").header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.expect("an answer").status()
    };
    assert_eq!(send(vec![b'x'; 1_000_000]).await, 413);
    assert_eq!(send(format!("csrf={token}&name=anna&password=%ff%fe-Hest-4711").into_bytes()).await, 400);
    assert_eq!(send(b"\xff\xfe".to_vec()).await, 400);
    assert_eq!(send(b"{}".to_vec()).await, 400);
    assert_eq!(send(format!("csrf={token}&name=anna").into_bytes()).await, 400);
    for (method, path) in [(Method::DELETE, "/login"), (Method::PUT, "/"), (Method::GET, "/logout"), (Method::GET, "/language")] {
        let answer = visitor.request(method.clone(), path).header("sec-fetch-site", "same-origin").send().await.expect("an answer");
        assert_eq!(answer.status(), 405, "{method} {path}");
    }
    let huge = visitor.request(Method::GET, "/").header("x-big", "x".repeat(100_000)).send().await;
    assert!(huge.is_err() || huge.expect("an answer").status() == 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_follows_the_choice_and_then_the_browser() {
    let service = Service::start().await;
    let mut visitor = service.visitor();
    visitor.get("/").await.says("Skift din adgangskode");
    let sent = visitor.send("/language", &[("language", "en"), ("back", "/login")]).await;
    assert_eq!((sent.status(), sent.headers()["location"].to_str().expect("text")), (StatusCode::SEE_OTHER, "/login"));
    let page = visitor.get("/login").await;
    page.says("User name");
    assert_eq!(attribute(&page.html, "html", "lang").as_deref(), Some("en"));
    visitor.send("/language", &[("language", "da"), ("back", "//evil.dk")]).await;
    visitor.language = "en";
    visitor.get("/").await.says("Skift din adgangskode");
    for back in ["//evil.dk", "https://evil.dk", "/\\evil.dk"] {
        assert_eq!(visitor.send("/language", &[("language", "da"), ("back", back)]).await.headers()["location"], "/");
    }
    assert_eq!(visitor.send("/language", &[("language", "xx"), ("back", "/")]).await.status(), 400);
    let english = Visitor { language: "en-GB", ..service.visitor() };
    english.get("/").await.says("Change your password");
    let sent = english.request(Method::GET, "/was").send().await.expect("an answer");
    assert_eq!(sent.headers()["location"], "https://www.was.digst.dk/proeve");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_visit_is_light_and_later_pages_are_lighter() {
    let service = Service::start().await;
    let visitor = service.visitor();
    let front = visitor.get("/").await;
    let style = attribute(&front.html, "link[rel=stylesheet]", "href").expect("a style sheet");
    let script = attribute(&front.html, "script", "src").expect("a script");
    let fonts = ["IBMPlexSans-Regular.woff2", "IBMPlexSans-SemiBold.woff2"].map(|f| style.replace("style.css", &format!("fonts/{f}")));
    let mut total = front.html.len();
    for path in [style.clone(), script].into_iter().chain(fonts) {
        let answer = visitor.request(Method::GET, &path).header("accept-encoding", "gzip, br").send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable", "{path}");
        total += answer.bytes().await.expect("a body").len();
    }
    assert!(total <= 250_000, "{total} bytes");
    let plain = visitor.request(Method::GET, &style).send().await.expect("an answer");
    assert!(plain.headers().get("content-encoding").is_none());
    let person = environment().fact("PEOPLE_PASSWORD");
    let account = visitor.logged_in("anna", person).await;
    let form = visitor.get(&format!("{}/password", account.account_path())).await;
    for page in [account, form] {
        assert!(page.html.len() <= 10_000, "{}: {} bytes", page.path, page.html.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_mere_look_and_nothing_changes_by_get() {
    let service = Service::start().await;
    let visitor = service.visitor();
    let front = visitor.get("/").await;
    assert!(front.headers.get("set-cookie").is_none(), "the front page sets no cookie");
    let rows = async || {
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}/os2nykode.db", service.dir.path().display())).await.expect("open");
        let mut counts = Vec::new();
        for table in ["audit", "sessions", "throttles", "leases"] {
            let (n,): (i64,) =
                sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).fetch_one(&pool).await.expect("count");
            counts.push(n);
        }
        pool.close().await;
        counts
    };
    for path in ["/", "/login", "/account", "/was", "/health/live", "/accounts/00000000-0000-0000-0000-000000000000/password"] {
        visitor.request(Method::GET, path).send().await.expect("an answer");
    }
    assert_eq!(rows().await, [0, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_places_wait_for_one() {
    let setup = Setup { server: "max_concurrent_requests = 2\n", more: "[login.ad_password]\nanswer_after_ms = 500\n", ..Setup::default() };
    let service = setup.start().await;
    let slow = (0..4).map(|number| {
        let visitor = service.visitor();
        tokio::spawn(async move { visitor.log_in(&format!("ukendt{number}"), "Helt-Forkert-99").await.status })
    });
    for answer in futures_util::future::join_all(slow).await {
        assert_eq!(answer.expect("ended"), 422, "one place for its address, and nobody is turned away");
    }
    assert_eq!(service.visitor().get("/").await.status, 200);
}
