//! Complete journeys of a parent and of a circle admin in a real browser, from the provider's login to AD's verdict on the new password.

use super::*;
use crate::{
    environment::environment,
    oidc::real::{self, Op},
    others::logins::{self, families},
    people::Person,
    provider_reset::cpr,
};

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port()
}

async fn is_ticked(browser: &Browser) -> bool {
    browser.script("return document.getElementById('must_change').checked").await == json!(true)
}

async fn proven(person: &Person, new: &str, must_change: bool) {
    assert_eq!(bind(&person.dn, new).await, if must_change { Err("773".to_owned()) } else { Ok(()) }, "the new one");
    assert_eq!(bind(&person.dn, PASSWORD).await, Err("52e".to_owned()), "the old one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_logs_in_with_mitid_and_sets_a_childs_password() {
    let port = free_port();
    let text = Op::Neb.configuration(&format!("https://localhost:{port}"), "response_mode = \"query\"");
    let text = format!("{text}{}[delegation.must_change]\nfrom_age = 13\n", families::section());
    let service = Setup { more: text.leak(), port: Some(port), ..Setup::default() }.start().await;
    real::asked(&service).await;
    let (own, young, grown) = (cpr(), families::child_cpr(), cpr());
    let (child, adult) = (families::numbered(&young).await, families::numbered(&grown).await);
    let user = crate::environment::unique("far");
    Op::Neb.person(&user, &own, "Substantial");
    families::register(&own, &[("Åse Ærøskøbing-Prøvesen", &young), ("Voksen Prøvesen", &grown), ("Uden Konto", &families::child_cpr())])
        .await;
    let browser = Browser::open(true, 390).await;
    browser.go(&service, "/").await;
    browser.press("a[href='/login/neb']").await;
    browser.fill("#user", &user).await;
    browser.fill("#password", environment().fact("OIDC_PASSWORD")).await;
    browser.press("#login").await;
    browser.says("Åse Ærøskøbing-Prøvesen").await;
    let list = browser.client.find(Locator::Css("main")).await.expect("a page").text().await.expect("text");
    assert!(!list.contains("Voksen Prøvesen") && !list.contains(&adult.sam) && list.contains("Uden Konto"), "{list}");
    browser.look("children-390").await;
    browser.press(".people a.button").await;
    browser.says("Dit barn").await;
    browser.look("child-390").await;
    browser.press("main .actions a.button").await;
    browser.says("Sæt en ny adgangskode").await;
    assert!(!is_ticked(&browser).await, "not under thirteen");
    browser.look("childs-password-390").await;
    browser.fill("#new", "Kort-1").await;
    browser.fill("#repeat", "Kort-1").await;
    browser.press("#must_change").await;
    browser.press("main button[type=submit]").await;
    browser.says("for kort").await;
    browser.look("childs-password-refused-390").await;
    assert!(is_ticked(&browser).await, "what was ticked stays so");
    browser.press("#must_change").await;
    browser.fill("#new", NEW).await;
    browser.fill("#repeat", NEW).await;
    browser.press("main button[type=submit]").await;
    browser.says("Adgangskoden er sat").await;
    browser.look("childs-password-set-390").await;
    proven(&child, NEW, false).await;
    assert_eq!(bind(&adult.dn, PASSWORD).await, Ok(()));
    browser.press("main .actions a").await;
    browser.says("satte en ny adgangskode").await;
    browser.look("childs-history-390").await;
    browser.go(&service, &format!("/delegation/accounts/{}", Admin::new().await.guid(&adult.sam).await)).await;
    browser.says("er ikke en, du kan hjælpe med").await;
    browser.look("not-their-child-390").await;
}

/// Input by keyboard only.
impl Browser {
    async fn key(&self, key: char) {
        use fantoccini::actions::{InputSource, KeyAction, KeyActions};
        let keys = KeyActions::new("keyboard".to_owned()).then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        self.client.perform_actions(keys).await.expect("pressed");
    }

    /// Presses Tab until the element has the focus. On the service's pages, every element on the way must show its focus.
    async fn tab_to(&self, css: &str) {
        self.client.wait().for_element(Locator::Css(css)).await.unwrap_or_else(|_| panic!("{css}"));
        for _ in 0..40 {
            self.key(TAB).await;
            let script = "const at = document.activeElement, style = getComputedStyle(at); \
                return [at.matches(arguments[0]), at === document.body || style.outlineStyle !== 'none' || style.boxShadow !== 'none', at.outerHTML]";
            let at = self.client.execute(script, vec![json!(css)]).await.expect("run");
            assert_eq!(at[1], json!(true), "the focus is seen on {}", at[2]);
            if at[0] == json!(true) {
                return;
            }
        }
        panic!("{css} is reached with the tab key in {}", self.client.source().await.unwrap_or_default());
    }

    async fn type_at(&self, css: &str, text: &str) {
        self.tab_to(css).await;
        self.client.active_element().await.expect("the focus is somewhere").send_keys(text).await.expect("typed");
    }

    async fn follow(&self, css: &str) {
        self.tab_to(css).await;
        self.key(ENTER).await;
    }
}

const TAB: char = '\u{E004}';
const ENTER: char = '\u{E007}';
const SPACE: char = ' ';

#[tokio::test(flavor = "multi_thread")]
async fn a_password_admin_helps_a_member_of_the_circle_with_the_keyboard_alone() {
    let service = logins::at(Some(free_port())).await;
    let person = logins::member(&["Elever 3B"]).await;
    let browser = Browser::open(true, 1280).await;
    browser.go(&service, "/").await;
    browser.look("front-of-a-town-1280").await;
    browser.follow("a[href='/login/os2faktor']").await;
    // The provider's page focuses its first field by itself.
    browser.fill("input[name=username]", "pernille").await;
    browser.client.active_element().await.expect("somewhere").send_keys("\u{E004}").await.expect("on");
    browser.client.active_element().await.expect("somewhere").send_keys(environment().fact("IDP_PASSWORD")).await.expect("typed");
    browser.key(ENTER).await;
    browser.says("Pernille Pihl").await;
    browser.look("account-of-an-admin-1280").await;
    browser.follow("a[href='/delegation']").await;
    browser.says("Vælg, hvem du vil hjælpe").await;
    browser.look("others-of-an-admin-1280").await;
    browser.follow("main a.button").await;
    browser.says("Kredsen Kreds Skole").await;
    browser.look("circle-1280").await;
    browser.type_at("#q", &person.sam).await;
    browser.key(ENTER).await;
    browser.says("1 fundet.").await;
    browser.look("circle-found-1280").await;
    browser.follow(".people a").await;
    browser.says("Derfor kan du hjælpe").await;
    browser.look("member-1280").await;
    browser.follow("main .actions a.button").await;
    browser.says("Sæt en ny adgangskode").await;
    browser.type_at("#new", NEW).await;
    browser.type_at("#repeat", NEW).await;
    assert!(is_ticked(&browser).await, "nobody tells an age here: the default");
    browser.tab_to("#must_change").await;
    browser.key(SPACE).await;
    assert!(!is_ticked(&browser).await);
    browser.key(SPACE).await;
    assert!(is_ticked(&browser).await);
    browser.look("members-password-1280").await;
    browser.follow("main button[type=submit]").await;
    browser.says("Adgangskoden er sat").await;
    browser.look("members-password-set-1280").await;
    proven(&person, NEW, true).await;
    browser.follow("main .actions a").await;
    browser.says("Skal skiftes ved næste logon").await;
    browser.says("satte en ny adgangskode").await;
    browser.look("members-history-1280").await;
}
