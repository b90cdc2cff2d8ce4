//! User journeys in a real browser: with and without JavaScript, wide and narrow. axe checks each page.

mod log;
mod others;
mod providers;
mod roles;

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use os2nykode::model::identity::{Identity, level::AssuranceLevel};
use serde_json::json;

use crate::{
    people::{Admin, PASSWORD, bind},
    provider_reset::{os2faktor, setup},
    service::{Service, Setup},
};

const NEW: &str = "Blå-Sejlbåd-4711";

/// A browser of a test's own, which ends with the test.
struct Browser {
    driver: Child,
    client: Client,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Kills the driver's process group, because a browser may outlive its driver.
        let group = i32::try_from(self.driver.id()).ok().and_then(rustix::process::Pid::from_raw);
        let _ = group.map(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL));
        let _ = self.driver.wait();
    }
}

impl Browser {
    #[expect(clippy::zombie_processes, reason = "where the driver does not answer, the test fails and ends it with the run")]
    async fn open(javascript: bool, width: u32) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        let driver = driver.expect("chromedriver is there: run scripts/setup");
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},1000"),
            format!("--user-data-dir={}", profile.path().display()),
            "--lang=da".to_owned(),
        ];
        // 2 = block. Mobile emulation gives the exact narrow width.
        let mut options = json!({ "args": arguments, "prefs": { "intl.accept_languages": "da", "profile.managed_default_content_settings.javascript": if javascript { 1 } else { 2 } } });
        if width < 500 {
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": width, "height": 800, "pixelRatio": 2.0 } });
        }
        let capabilities = json!({ "acceptInsecureCerts": true, "goog:chromeOptions": options });
        let capabilities = capabilities.as_object().expect("an object").clone();
        for _ in 0..100 {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            if let Ok(client) = builder.capabilities(capabilities.clone()).connect(&format!("http://127.0.0.1:{port}")).await {
                return Self { driver, client, _profile: profile };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("chromedriver answers on port {port}");
    }

    async fn go(&self, service: &Service, path: &str) {
        self.client.goto(&format!("https://localhost:{}{path}", service.address.port())).await.expect("the page");
    }

    /// Replaces the identity of the current session.
    async fn begin(&self, service: &Service, identity: &Identity) {
        let cookie = self.client.get_named_cookie("__Host-os2nykode").await.expect("a session");
        let id = cookie.value().parse().expect("an id");
        let session = tower_sessions::Session::new(Some(id), Arc::new(service.app.sessions.clone()), None);
        session.insert("identity", identity).await.expect("kept");
        session.save().await.expect("saved");
    }

    async fn fill(&self, css: &str, text: &str) {
        self.client.wait().for_element(Locator::Css(css)).await.unwrap_or_else(|_| panic!("{css}")).send_keys(text).await.expect("typed");
    }

    async fn press(&self, css: &str) {
        self.client.wait().for_element(Locator::Css(css)).await.unwrap_or_else(|_| panic!("{css}")).click().await.expect("pressed");
    }

    async fn says(&self, words: &str) {
        for _ in 0..100 {
            if let Ok(main) = self.client.find(Locator::Css("main")).await
                && main.text().await.is_ok_and(|text| text.contains(words))
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{words:?} in {}", self.client.source().await.unwrap_or_default());
    }

    async fn log_in(&self, service: &Service, name: &str, password: &str) {
        self.go(service, "/login").await;
        self.fill("#name", name).await;
        self.fill("#password", password).await;
        self.press("main button[type=submit]").await;
    }

    async fn script(&self, script: &str) -> serde_json::Value {
        self.client.execute(script, Vec::new()).await.expect("run")
    }

    /// Checks the page with axe and for overflow of the window's width. Saves a screenshot.
    async fn look(&self, name: &str) {
        let artefacts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/artefacts");
        std::fs::create_dir_all(&artefacts).expect("a folder");
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(artefacts.join(format!("{name}.png")), picture).expect("written");
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("axe-core is there: run scripts/setup");
        self.client.execute(&axe, Vec::new()).await.expect("loaded");
        let found = self
            .client
            .execute_async("const done = arguments[0]; axe.run().then((r) => done(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | '))));", Vec::new())
            .await
            .expect("run");
        assert_eq!(found, json!([]), "{name}");
        let wide = self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(wide, json!(0), "{name}: nothing sticks out at the side");
    }
}

/// Checks every page.
async fn every_page(width: u32) {
    let service = setup("[local_accounts]\nenabled = true\n[codes]\nenabled = true\n").start().await;
    let mut admin = Admin::new().await;
    let (person, must, young) = (admin.person().await, admin.person().await, admin.young_person().await);
    admin.must_change(&must).await;
    let browser = Browser::open(true, width).await;
    let name = |page: &str| format!("{page}-{width}");
    browser.go(&service, "/").await;
    browser.look(&name("front")).await;
    browser.go(&service, "/nowhere").await;
    browser.look(&name("not-found")).await;
    browser.go(&service, "/staff").await;
    browser.look(&name("staff")).await;
    for (css, text) in [("#name", "ukendt-browser"), ("#password", "Helt-Forkert-99"), ("#code", "000000")] {
        browser.fill(css, text).await;
    }
    browser.press("main button[type=submit]").await;
    browser.says("Vi kunne ikke logge dig ind").await;
    browser.look(&name("staff-refused")).await;
    browser.go(&service, "/code").await;
    browser.look(&name("code")).await;
    for (css, text) in [("#name", "ukendt-browser"), ("#code", "k7q 4mxp 9wd")] {
        browser.fill(css, text).await;
    }
    browser.press("main button[type=submit]").await;
    browser.says("Brugernavnet og koden passer ikke sammen").await;
    browser.look(&name("code-refused")).await;
    browser.log_in(&service, "ukendt-browser", "Helt-Forkert-99").await;
    browser.says("Vi kunne ikke logge dig ind").await;
    browser.look(&name("login-refused")).await;
    browser.log_in(&service, &must.sam, PASSWORD).await;
    browser.says("Du skal vælge en ny adgangskode").await;
    browser.look(&name("account-must-change")).await;
    browser.log_in(&service, &young.sam, PASSWORD).await;
    browser.says("Sidst skiftet").await; // the login page has such a button too, for the person who is still logged in
    browser.press("main a.button").await;
    browser.says("Du kan skifte den igen").await;
    browser.look(&name("change-too-young")).await;
    browser.log_in(&service, &person.sam, PASSWORD).await;
    browser.says("Sidst skiftet").await;
    browser.look(&name("account")).await;
    browser.press("main a.button").await;
    browser.fill("#new", "Kort-1").await;
    browser.look(&name("change-typing")).await;
    browser.fill("#current", PASSWORD).await;
    browser.fill("#repeat", "Kort-1").await;
    browser.press("main button[type=submit]").await;
    browser.says("for kort").await;
    assert_eq!(browser.script("return document.activeElement.id").await, json!("error-summary"), "the focus is on what went wrong");
    browser.look(&name("change-refused")).await;
    browser.fill("#current", PASSWORD).await;
    browser.fill("#new", NEW).await;
    browser.fill("#repeat", NEW).await;
    browser.press("main button[type=submit]").await;
    browser.says("Din adgangskode er skiftet").await;
    browser.look(&name("done")).await;
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    browser.press("main p a").await;
    browser.says("Adgangskoden blev skiftet").await;
    browser.look(&name("history")).await;
    let person = admin.person().await;
    let path = format!("/accounts/{}", admin.guid(&person.sam).await);
    for (level, says) in [(AssuranceLevel::Low, "ikke sikkert nok"), (AssuranceLevel::High, "Sidst skiftet")] {
        browser.begin(&service, &os2faktor(&service, &person, level)).await;
        browser.go(&service, &path).await;
        browser.says(says).await;
        browser.look(&name(&format!("account-of-a-login-{}", level.code()))).await;
    }
    browser.press("main a.button").await;
    browser.fill("#new", NEW).await;
    browser.look(&name("reset-typing")).await;
    assert_eq!(
        browser.script("return document.querySelectorAll('#rules li.met').length > 2").await,
        json!(true),
        "the script does its work"
    );
    browser.fill("#repeat", NEW).await;
    browser.press("main button[type=submit]").await;
    browser.says("Din adgangskode er skiftet").await;
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_on_a_desktop() {
    every_page(1280).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_on_a_phone() {
    every_page(320).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_journey_works_without_javascript() {
    let service = Service::start().await;
    let person = Admin::new().await.person().await;
    let browser = Browser::open(false, 1280).await;
    browser.go(&service, "/").await;
    browser.press("main a.button").await;
    browser.fill("#name", &person.sam).await;
    browser.fill("#password", PASSWORD).await;
    browser.press("main button[type=submit]").await;
    browser.says("Sidst skiftet").await; // waits for each page, because an element of the previous page could still be pressed
    browser.press("main a.button").await;
    browser.says("skal den nye adgangskode opfylde").await;
    assert!(browser.client.find(Locator::Css(".show-password")).await.is_err(), "no button that does nothing");
    for (new, says) in [("Kort-1", "for kort"), (NEW, "Din adgangskode er skiftet")] {
        browser.fill("#current", PASSWORD).await;
        browser.fill("#new", new).await;
        browser.fill("#repeat", new).await;
        browser.press("main button[type=submit]").await;
        browser.says(says).await;
    }
    assert_eq!(bind(&person.dn, NEW).await, Ok(()));
    browser.press("header form[action='/language'] button").await;
    browser.says("Your password").await;
    browser.press("header form[action='/logout'] button").await;
    browser.says("You have logged out").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_ticks_the_rules_off_as_the_server_judges_them() {
    let more = "[rate_limit.name]\nattempts_before_delay = 100\n[login.ad_password]\nanswer_after_ms = 0\n\
        [policy.default]\nmin_length = 10\nmax_length = 20\nletters = true\nupper_and_lower = true\ndigits = true\nspecial = true\nno_names = true\n";
    let service = Setup { more, ..Setup::default() }.start().await;
    let mut admin = Admin::new().await;
    let sam = crate::environment::unique("r");
    let person = admin.person_named(&sam, "Åse", "Sørensen").await;
    let browser = Browser::open(true, 1280).await;
    browser.log_in(&service, &person.sam, PASSWORD).await;
    browser.press("main a.button").await;
    browser.says("Mindst 10 tegn").await;
    let (account, _) = service.app.directory.account(admin.guid(&sam).await).await.expect("read");
    let account = account.expect("there");
    let mut policy = service.app.config.policy.default.policy();
    policy.complexity = true;
    let codes = [
        ("too_short", "min_length"),
        ("too_long", "max_length"),
        ("not_complex", "complexity"),
        ("no_letter", "letters"),
        ("not_upper_and_lower", "upper_and_lower"),
        ("no_digit", "digits"),
        ("no_special", "special"),
        ("holds_name", "no_names"),
    ];
    for typed in [
        "a",
        "Abcdefgh-1",
        "æøåæøåæøå",
        "ÆØÅæøå-123",
        "😀😀😀😀😀😀😀😀😀😀",
        "abc defghij",
        "1234567890",
        "s0rensen-Hest9",
        "aase-Hest-123",
        "ASE-hest-123",
        "Soeren-Hest-1",
        "Xx-1Xx-1Xx-1Xx-1Xx-1X",
        "漢字漢字漢字漢字Ab1-",
        "٣٣٣٣٣٣٣٣٣٣aB-",
        "ǅabcdefgh1-",
        "ªabcdefgh1-",
        "Ⅷabcdefgh1-",
        "A\u{308}bcdefgh1-",
        "K1MM1-ABCdef",
        "ⓐbcdefghiJ1-",
        "Sǿrensen-Hest-1",
    ] {
        browser
            .client
            .execute(
                "const i = document.getElementById('new'); i.value = arguments[0]; i.dispatchEvent(new Event('input'));",
                vec![json!(typed)],
            )
            .await
            .expect("typed");
        let unmet = browser.script("return Array.from(document.querySelectorAll('#rules li.unmet'), (li) => li.dataset.rule)").await;
        let new = os2nykode::model::credential::password::Password::parse(typed.to_owned()).expect("a password");
        let candidate =
            os2nykode::model::password_policy::Candidate { new: &new, current: None, account: &account, now: jiff::Timestamp::UNIX_EPOCH };
        let broken: Vec<_> = os2nykode::model::password_policy::evaluate(&policy, candidate)
            .iter()
            .map(os2nykode::model::password_policy::BrokenRule::code)
            .collect();
        let expected: Vec<_> = codes.iter().filter(|(code, _)| broken.contains(code)).map(|(_, rule)| *rule).collect();
        let mut unmet: Vec<String> = serde_json::from_value(unmet).expect("a list");
        unmet.sort_by_key(|rule| codes.iter().position(|(_, r)| r == rule));
        assert_eq!(unmet, expected, "{typed:?}");
    }
    let requests = browser.script("return performance.getEntriesByType('resource').map((r) => new URL(r.name).host)").await;
    let hosts: Vec<String> = serde_json::from_value(requests).expect("a list");
    assert!(hosts.iter().all(|h| *h == format!("localhost:{}", service.address.port())), "no request leaves for another host: {hosts:?}");
    browser.press(".show-password[aria-controls=new]").await;
    assert_eq!(browser.script("return document.getElementById('new').type").await, json!("text"));
}
