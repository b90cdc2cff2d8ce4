//! Logins at real identity providers, and refusals of their responses.

mod flood;
mod own;
mod peers;
mod tested;

use jiff::Timestamp;
use os2nykode::{
    identity::answer::SessionThere,
    model::audit::{AuditOutcome, EventKind},
};
use sqlx::Connection;

use crate::{
    idp::{Idp, Introduced, KEYS_DIR, Wishes, configuration, introduce, introduced},
    people::Admin,
    service::Setup,
    visitor::Visitor,
};

/// Asserts that the visitor is not logged in and that the page gives no reason.
async fn refused(visitor: &Visitor, page: crate::visitor::Page) {
    page.says("Du blev ikke logget ind");
    page.says("Start forfra");
    assert_eq!(page.status, 403);
    assert!(visitor.get("/account").await.path.starts_with("/?"), "nobody is logged in");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_employee_logs_in_whatever_the_provider_signs_and_encrypts() {
    for (sign_response, sign_assertion, encrypt) in
        [(true, false, false), (false, true, false), (true, true, false), (true, false, true), (false, true, true), (true, true, true)]
    {
        let introduced = introduced(Wishes { sign_response, sign_assertion, encrypt }).await;
        let page = introduced.service.visitor().log_in_at(Idp::Os2faktor, "anna").await;
        assert!(page.path.starts_with("/accounts/"), "{sign_response} {sign_assertion} {encrypt}: {} {}", page.path, page.text);
        page.says("Anna Andersen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_with_two_accounts_picks_one() {
    let introduced = introduced(Wishes::USUAL).await;
    let page = introduced.service.visitor().log_in_at(Idp::Nemlogin, "birgit").await;
    page.says("birgit-adm");
    page.says("Vælg");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_an_active_account_gets_in_and_no_page_tells_a_cpr_number() {
    let introduced = introduced(Wishes::USUAL).await;
    for (idp, user, words) in [
        (Idp::Nemlogin, "ukendt", "CPR-nummer"),
        (Idp::Nemlogin, "dorte", "CPR-nummer"),
        (Idp::Nemlogin, "uden-cpr", "oplyser ikke dit CPR-nummer"),
        (Idp::Os2faktor, "nobody", "brugernavn"),
        (Idp::Unilogin, "ekstern", "ikke for dem"),
    ] {
        let visitor = introduced.service.visitor();
        let page = visitor.log_in_at(idp, user).await;
        page.says(words);
        assert!(!page.html.contains("1212825104") && !page.html.contains("121282-5104"));
        assert!(visitor.get("/account").await.path.starts_with("/?"), "{user} is not logged in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_only_in_the_browser_that_asked() {
    let introduced = introduced(Wishes::USUAL).await;
    let (asked, other) = (introduced.service.visitor(), introduced.service.visitor());
    let answer = asked.answer_of("/login/os2faktor", "anna").await;
    // Another person's browser: login CSRF, or a stolen response.
    refused(&other, other.bring(&answer).await).await;
    // A browser with a login of its own, under its own RelayState and under the stolen one.
    let own = other.answer_of("/login/os2faktor", "niels").await;
    let mixed = crate::idp::Answer { response: answer.response.clone(), relay: own.relay.clone() };
    refused(&other, other.bring(&mixed).await).await;
    asked.bring(&answer).await.says("Anna Andersen");
    // Replay in the same browser, whose cookie is gone.
    let again = introduced.service.visitor();
    refused(&again, again.bring(&answer).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_used_up_for_every_instance() {
    let store = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/shared.db", store.path().display());
    let (text, entity) = configuration("");
    introduce(&entity, "https://localhost", Wishes::USUAL);
    let text: &'static str = text.leak();
    let start = || async { Setup { more: text, store: Some(url.clone()), ..Setup::default() }.start().await };
    let (first, second) = (start().await, start().await);
    // The attacker has the response and the browser's cookie.
    let (answer, cookie) = first.visitor().answer_and_cookie("/login/os2faktor", "anna").await;
    first.visitor().bring_with(&answer, &cookie).await.says("Anna Andersen");
    for service in [&first, &second] {
        assert_eq!(service.visitor().bring_with(&answer, &cookie).await.status, 403);
    }
    assert_eq!(reasons(&url).await, ["saml_replayed", "saml_replayed"]);
}

/// Reasons of the logins that did not succeed, oldest first.
pub async fn reasons(url: &str) -> Vec<String> {
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("opened");
    let reasons = sqlx::query_scalar("SELECT reason FROM audit WHERE kind = 'sign_in' AND outcome <> 'succeeded' ORDER BY seq");
    reasons.fetch_all(&mut connection).await.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_asked_for_is_refused_with_a_way_to_start_over() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    let mut answer = visitor.answer_of("/login/os2faktor", "anna").await;
    answer.relay = String::new();
    let page = visitor.bring(&answer).await;
    assert!(page.html.contains("href=\"/\""), "the way to the front page");
    refused(&visitor, page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_took_too_long_is_begun_anew() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    let answer = visitor.answer_of("/login/os2faktor", "anna").await;
    introduced.service.clock.shift_to(16 * 60);
    let page = visitor.bring(&answer).await;
    assert!(page.html.contains("/login/os2faktor"), "the way back");
    refused(&visitor, page).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_says_is_no_answer_to_anothers_request() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    let at_nemlogin = visitor.answer_of("/login/nemlogin", "birgit").await;
    let at_os2faktor = visitor.answer_of("/login/os2faktor", "anna").await;
    for (response, relay) in [(&at_nemlogin, &at_os2faktor), (&at_os2faktor, &at_nemlogin)] {
        let mixed = crate::idp::Answer { response: response.response.clone(), relay: relay.relay.clone() };
        refused(&visitor, visitor.bring(&mixed).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_no_message_is_refused_like_any_other() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    for message in ["", "x", "AAAA", "PGEvPg==", &"A".repeat(400_000), &"A".repeat(10_000_000)] {
        let begun = visitor.go_there("/login/os2faktor").await;
        assert!(begun.1.contains("password"), "a login was begun");
        let answer = crate::idp::Answer { response: message.to_owned(), relay: String::new() };
        let page = visitor.bring(&answer).await;
        assert_eq!(page.status, 403, "{} bytes", message.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_here_logs_out_at_the_provider_too() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    let account = visitor.log_in_at(Idp::Os2faktor, "anna").await;
    let token = crate::page_check::attribute(&account.html, "header input[name=csrf], form[action='/logout'] input[name=csrf]", "value");
    let page = visitor.post("/logout", &[("csrf", &token.expect("a token"))]).await;
    page.says("Du er logget ud her");
    assert!(visitor.get("/account").await.path.starts_with("/?"), "our own session has ended already");
    // The browser follows to the provider, which returns it with a logout response.
    let there = page.headers["refresh"].to_str().expect("text").split_once("url=").expect("an address").1.to_owned();
    let back = visitor.back_from(&there).await;
    assert!(back.contains("SAMLResponse="), "{back}");
    let end = visitor.get(&back).await;
    end.says("Du er logget ud");
    assert!(!end.text.contains("måske stadig"), "everywhere: {}", end.text);
    // The provider's session has ended, so the next login asks for the password.
    let login = visitor.go_there("/login/os2faktor").await;
    assert!(login.1.contains("username"), "the provider asks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_calls_people_by_their_cpr_number_is_told_of_a_logout_in_no_address() {
    let introduced = introduced(Wishes::USUAL).await;
    let app = &introduced.service.app;
    let provider = os2nykode::model::identity::provider::ProviderId::parse("os2faktor").expect("an id");
    for (name_id, by_form) in [("0102805100", true), ("010280-5100", true), ("anna", false)] {
        let subject = os2nykode::identity::saml::subject::LogoutSubject {
            name_id: name_id.to_owned(),
            format: None,
            name_qualifier: None,
            sp_name_qualifier: None,
            session_index: None,
        };
        assert!(!format!("{subject:?}").contains(name_id));
        let begun = os2nykode::flow::sign_out::at_provider::begin(app, &provider, &SessionThere::Saml(subject.clone()))
            .await
            .expect("made")
            .expect("it takes logouts");
        assert_eq!(matches!(begun.transport, os2nykode::identity::transport::Transport::Form { .. }), by_form, "{name_id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_at_the_provider_ends_the_session_here() {
    let introduced = introduced(Wishes::USUAL).await;
    let visitor = introduced.service.visitor();
    let account = visitor.log_in_at(Idp::Os2faktor, "anna").await;
    assert!(visitor.get(&account.path).await.status.is_success());
    let other = introduced.service.visitor();
    other.log_in_at(Idp::Os2faktor, "niels").await;
    let base = Idp::Os2faktor.fact("METADATA_URL").split_once("/saml2/").expect("an address").0;
    let back = visitor.back_from(&format!("{base}/saml2/idp/SingleLogoutService.php?ReturnTo={base}/")).await;
    assert!(back.starts_with("/saml/slo?SAMLRequest="), "{back}");
    let answer = visitor.request(reqwest::Method::GET, &back).send().await.expect("an answer");
    let there = answer.headers()["location"].to_str().expect("the way back");
    assert!(there.starts_with(base) && there.contains("SAMLResponse=") && there.contains("Signature="), "{there}");
    assert!(visitor.get(&account.path).await.path.starts_with("/?"), "the session has ended");
    assert!(other.get("/account").await.path.starts_with("/accounts/"), "nobody else's has");
    // A replay and a modified request have no effect.
    for query in [back.clone(), back.replace("RelayState=", "RelayState=x")] {
        assert_eq!(visitor.get(&query).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_metadata_is_read_by_the_tools_of_providers() {
    let introduced = introduced(Wishes::USUAL).await;
    let page = introduced.service.visitor().request(reqwest::Method::GET, "/saml/metadata").send().await.expect("an answer");
    assert_eq!(page.headers()["content-type"], "application/samlmetadata+xml");
    let text = page.text().await.expect("a body");
    for part in [
        introduced.entity.as_str(),
        "AuthnRequestsSigned=\"true\"",
        "use=\"signing\"",
        "use=\"encryption\"",
        "https://localhost/saml/acs",
        "https://localhost/saml/slo",
        "dk:unilogin:uniid",
        "https://data.gov.dk/model/core/eid/cprNumber",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_used_says_so_and_the_others_go_on() {
    let (text, entity) = configuration("");
    introduce(&entity, "https://localhost", Wishes::USUAL);
    let text = text.replace(Idp::Nemlogin.fact("METADATA_FILE"), "/does/not/exist.xml");
    let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
    let visitor = service.visitor();
    let page = visitor.get("/login/nemlogin").await;
    assert_eq!(page.status, 503);
    page.says("virker ikke lige nu");
    assert_eq!(visitor.get("/login/findes-ikke").await.status, 404);
    visitor.log_in_at(Idp::Os2faktor, "anna").await.says("Anna Andersen");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_from_an_address_is_kept_and_survives_a_provider_that_is_away() {
    let cache = tempfile::tempdir().expect("a folder");
    let (text, entity) = configuration(&format!("cache_dir = \"{}\"", cache.path().display()));
    introduce(&entity, "https://localhost", Wishes::USUAL);
    let file = format!("metadata_file = \"{}\"", Idp::Os2faktor.fact("METADATA_FILE"));
    let from = |url: &str| -> &'static str { text.replace(&file, &format!("metadata_url = \"{url}\"")).leak() };
    let here = Setup { more: from(Idp::Os2faktor.fact("METADATA_URL")), ..Setup::default() }.start().await;
    let id = os2nykode::model::identity::provider::ProviderId::parse("os2faktor").expect("an id");
    let saml = here.app.saml.as_ref().expect("configured");
    assert!(saml.metadata(&id, here.app.clock.now()).is_none(), "nobody was asked yet");
    saml.refresh(&id, here.app.clock.now()).await.expect("read");
    here.visitor().log_in_at(Idp::Os2faktor, "anna").await.says("Anna Andersen");
    let away = Setup { more: from("http://127.0.0.1:9/metadata"), ..Setup::default() }.start().await;
    let saml = away.app.saml.as_ref().expect("configured");
    let told = saml.refresh(&id, away.app.clock.now()).await.expect_err("nobody is there").to_string();
    assert!(told.contains("127.0.0.1:9"), "{told}");
    away.visitor().log_in_at(Idp::Os2faktor, "anna").await.says("Anna Andersen");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_logged_in_where_and_why_not() {
    let introduced = introduced(Wishes::USUAL).await;
    let Introduced { service, .. } = &introduced;
    service.visitor().log_in_at(Idp::Nemlogin, "birgit").await;
    for sam in ["birgit", "birgit-adm"] {
        let guid = Admin::new().await.guid(sam).await;
        let entries = service.app.audit.history_of(guid, 5, Timestamp::MIN).await.expect("read");
        let event = &entries[0].event;
        assert_eq!((event.kind, event.outcome), (EventKind::SignIn, AuditOutcome::Succeeded), "{sam}");
        assert_eq!(event.provider.as_ref().map(std::string::ToString::to_string).as_deref(), Some("nemlogin"));
    }
}

/// An assertion encrypted by `xmlsec1` for the service. Debian 12's version supports OAEP with SHA-1 only.
fn encrypted_by_xmlsec1(assertion: &str, cipher: &str) -> String {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str| dir.path().join(name);
    let template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><xenc:EncryptionMethod \
         Algorithm=\"{cipher}\"/><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey><xenc:EncryptionMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/><xenc:CipherData><xenc:CipherValue/></xenc:CipherData>\
         </xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    );
    std::fs::write(file("template.xml"), template).expect("written");
    std::fs::write(file("assertion.xml"), assertion).expect("written");
    let bits = if cipher.contains("128") { "aes-128" } else { "aes-256" };
    let done = std::process::Command::new("xmlsec1")
        .arg("--encrypt")
        .arg("--pubkey-cert-pem")
        .arg(KEYS_DIR.join("encryption.crt"))
        .args(["--session-key", bits, "--xml-data"])
        .arg(file("assertion.xml"))
        .arg("--output")
        .arg(file("sealed.xml"))
        .arg(file("template.xml"))
        .output()
        .expect("xmlsec1 is there: run scripts/setup");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let sealed = std::fs::read_to_string(file("sealed.xml")).expect("written");
    let (_, sealed) = sealed.split_once("?>").expect("a declaration");
    format!("<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{sealed}</saml:EncryptedAssertion>")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_has_signed_counts_in_every_cipher_that_xmlsec1_makes() {
    let introduced = introduced(Wishes { sign_response: false, sign_assertion: true, encrypt: false }).await;
    for cipher in [
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        "http://www.w3.org/2009/xmlenc11#aes128-gcm",
        "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    ] {
        let visitor = introduced.service.visitor();
        let answer = visitor.answer_of("/login/os2faktor", "anna").await;
        let xml = answer.xml();
        let (start, end) =
            (xml.find("<saml:Assertion").expect("there"), xml.find("</saml:Assertion>").expect("there") + "</saml:Assertion>".len());
        let mut assertion = xml[start..end].to_owned();
        if !assertion.split('>').next().unwrap_or_default().contains("xmlns:saml=") {
            assertion = assertion.replacen("<saml:Assertion", "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"", 1);
        }
        let sealed = format!("{}{}{}", &xml[..start], encrypted_by_xmlsec1(&assertion, cipher), &xml[end..]);
        visitor.bring(&answer.with(&sealed)).await.says("Anna Andersen");
    }
}
