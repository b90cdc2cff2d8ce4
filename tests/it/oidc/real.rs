//! Logins at real OpenID providers (npm's oidc-provider, set up like two brokers), with every kind of client authentication and response.

use std::{fs, path::PathBuf};

use os2nykode::identity::{
    keys::{self, ProviderKeys},
    oidc::client_auth,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{CALM, NEW, bring, citizen, last_reason, refused};
use crate::{
    environment::{environment, unique},
    idp::{KEYS_DIR, form},
    oidc_forge::NSIS,
    people::{Admin, Person, bind},
    service::{Service, Setup},
    visitor::{Page, Visitor},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Neb,
    Idura,
}

impl Op {
    pub fn name(self) -> &'static str {
        match self {
            Self::Neb => "neb",
            Self::Idura => "idura",
        }
    }

    fn issuer(self) -> &'static str {
        environment().fact(&format!("{}_ISSUER", self.name().to_uppercase()))
    }

    /// Writes the file atomically, because the providers read it at every request.
    fn place(self, path: &str, content: &Value) {
        let path = PathBuf::from(environment().fact("OIDC_DIR")).join(self.name()).join(path);
        let beside = path.with_extension("new");
        fs::write(&beside, content.to_string()).expect("written");
        fs::rename(beside, path).expect("placed");
    }

    /// Creates a person at the provider with this CPR number and level.
    pub fn person(self, user: &str, cpr: &str, level: &str) {
        let person = match self {
            Self::Neb => json!({
                "user": user, "id_token": { "loa": format!("{NSIS}{level}"), "identity_type": "private", "mitid.uuid": user },
                "ssn": { "dk.cpr": cpr, "mitid.identity_name": "Testa Prøvesen" },
            }),
            Self::Idura => json!({
                "user": user, "id_token": { "loA": level.to_uppercase(), "uuid": user, "name": "Testa Prøvesen", "address": { "country": "DK" } },
                "ssn": { "cprNumberIdentifier": cpr },
            }),
        };
        self.place(&format!("people/{user}.json"), &person);
    }

    /// Registers a client.
    fn client(self, id: &str, origin: &str, changes: &Value) {
        let mut client = json!({
            "client_id": id, "client_secret": "s3:cret %", "scope": "openid ssn profile", "require_auth_time": true, "grant_types": ["authorization_code"],
            "redirect_uris": [format!("{origin}/oidc/callback/{}", self.name())], "post_logout_redirect_uris": [format!("{origin}/oidc/logged-out")],
        });
        for (name, value) in changes.as_object().expect("an object") {
            client[name] = value.clone();
        }
        self.place(&format!("clients/{id}.json"), &client);
    }

    /// The provider's section of the configuration, in a municipality's form.
    fn section(self, client: &str, more: &str) -> String {
        let secret = if more.contains("private_key_jwt") { "" } else { "client_secret = \"s3:cret %\"\n" };
        let rest = match self {
            Self::Neb => format!(
                "match = {{ by = \"cpr\", from = \"dk.cpr\", in = \"userinfo\", ad_attribute = \"employeeNumber\" }}\n\
                 name = {{ from = \"mitid.identity_name\", in = \"userinfo\" }}\nreference = {{ from = \"transaction_id\" }}\n\
                 [[oidc.provider.level]]\nfrom = \"loa\"\nvalues = {{ \"{NSIS}Low\" = \"low\", \"{NSIS}Substantial\" = \"substantial\" }}\n\
                 [[oidc.provider.require]]\nfrom = \"identity_type\"\nvalues = [\"private\"]\n"
            ),
            Self::Idura => {
                "match = { by = \"cpr\", from = \"cprNumberIdentifier\", ad_attribute = \"employeeNumber\" }\nname = { from = \"name\" }\n\
                 [[oidc.provider.level]]\nfrom = \"loA\"\nvalues = { LOW = \"low\", SUBSTANTIAL = \"substantial\" }\n\
                 [[oidc.provider.require]]\nfrom = \"/address/country\"\nvalues = [\"DK\"]\n"
                    .to_owned()
            }
        };
        format!(
            "[[oidc.provider]]\nid = \"{}\"\nmitid = true\nissuer = \"{}\"\nclient_id = \"{client}\"\n{secret}scopes = [\"openid\", \"ssn\"]\n{more}\n{rest}",
            self.name(),
            self.issuer()
        )
    }
}

impl Op {
    /// Configuration of a service at this address, registered at the provider.
    pub fn configuration(self, origin: &str, ours: &str) -> String {
        let client = unique("client");
        self.client(&client, origin, &json!({}));
        configuration(&self.section(&client, ours), &KEYS_DIR)
    }
}

fn configuration(section: &str, keys_dir: &std::path::Path) -> String {
    let ca_file = environment().fact("CA_FILE");
    format!("{CALM}[oidc]\nkeys_dir = \"{}\"\nca_file = \"{ca_file}\"\n{section}", keys_dir.display())
}

/// A service that is registered at one provider.
async fn introduced(op: Op, ours: &str, theirs: &Value, keys_dir: Option<&std::path::Path>) -> Service {
    let client = unique("client");
    op.client(&client, "https://localhost", theirs);
    started(op, &client, ours, keys_dir).await
}

async fn started(op: Op, client: &str, ours: &str, keys_dir: Option<&std::path::Path>) -> Service {
    let text = configuration(&op.section(client, ours), keys_dir.unwrap_or(&KEYS_DIR));
    let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
    asked(&service).await;
    service
}

/// Reads the metadata of the providers, as the service does after its start.
pub async fn asked(service: &Service) {
    let oidc = service.app.oidc.as_ref().expect("configured");
    for id in oidc.ids() {
        oidc.refresh(id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
    }
}

/// The provider's answer, by redirect or by form.
#[derive(Debug)]
enum Back {
    Query(String),
    Form(String, Vec<(String, String)>),
}

impl Visitor {
    /// Follows the provider's redirects. An error is a page that the provider shows.
    async fn follow_there(&self, mut address: String) -> Result<Back, (String, String)> {
        for _ in 0..10 {
            if let Some(path) = address.strip_prefix("https://localhost/") {
                return Ok(Back::Query(format!("/{path}")));
            }
            let response = self.client.get(&address).send().await.expect("the provider answers");
            let at = response.url().clone();
            let Some(next) = response.headers().get("location") else {
                let html = response.text().await.expect("a body");
                if html.contains("name=\"code\"") || html.contains("name=\"error\"") {
                    let (action, fields) = form(&html);
                    return Ok(Back::Form(action.trim_start_matches("https://localhost").to_owned(), fields));
                }
                return Err((at.to_string(), html));
            };
            address = at.join(next.to_str().expect("text")).expect("an address").to_string();
        }
        panic!("the provider leads in a circle");
    }

    /// Fills in the provider's login form and presses a button, such as the one that cancels.
    async fn at_login(&self, (at, html): (String, String), user: &str, button: &str) -> Back {
        assert!(html.contains("id=\"password\""), "a login page: {html}");
        let fields = [("user", user), ("password", environment().fact("OIDC_PASSWORD")), ("do", button)];
        let sent = self.client.post(&at).form(&fields).send().await.expect("the provider answers");
        let next = sent.url().join(sent.headers()["location"].to_str().expect("text")).expect("an address");
        self.follow_there(next.to_string()).await.unwrap_or_else(|(at, html)| panic!("{at}: {html}"))
    }

    async fn go_to(&self, op: Op) -> String {
        let response = self.request(Method::GET, &format!("/login/{}", op.name())).send().await.expect("an answer");
        response.headers().get("location").unwrap_or_else(|| panic!("{}", response.status())).to_str().expect("text").to_owned()
    }

    async fn answer_there(&self, op: Op, user: &str, button: &str) -> Back {
        let page = self.follow_there(self.go_to(op).await).await.expect_err("a login page");
        self.at_login(page, user, button).await
    }

    async fn bring_back(&self, back: &Back) -> Page {
        match back {
            Back::Query(path) => bring(self, path).await,
            Back::Form(path, fields) => {
                let request = self.request(Method::POST, path).header("sec-fetch-site", "cross-site").header("origin", "null");
                self.follow(path, request.form(fields).send().await.expect("an answer")).await
            }
        }
    }

    async fn log_in_by(&self, op: Op, user: &str) -> Page {
        let back = self.answer_there(op, user, "login").await;
        self.bring_back(&back).await
    }
}

/// An account, and its person at the provider.
pub async fn known_to(op: Op, admin: &mut Admin, level: &str) -> (Person, String) {
    let (person, cpr) = citizen(admin).await;
    op.person(&person.sam, &cpr, level);
    (person, cpr)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_log_in_however_we_show_who_we_are_and_however_the_answer_travels() {
    let mut admin = Admin::new().await;
    let published = client_auth::published(&ProviderKeys::read(&KEYS_DIR).expect("keys"));
    let jwt = |audience: &str, alg: &str| {
        format!("client_auth = \"private_key_jwt\"\nassertion_audience = \"{audience}\"\nassertion_algorithm = \"{alg}\"\n")
    };
    let by_key = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": published });
    let encrypted = json!({
        "jwks": published, "id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A256GCM", "id_token_signed_response_alg": "PS256",
    });
    for (what, op, ours, theirs) in [
        ("basic, pushed", Op::Neb, String::new(), json!({})),
        ("basic, not pushed", Op::Neb, "par = false".to_owned(), json!({})),
        (
            "post, form",
            Op::Neb,
            "client_auth = \"post\"\nresponse_mode = \"form_post\"".to_owned(),
            json!({ "token_endpoint_auth_method": "client_secret_post" }),
        ),
        ("key, pushed, form", Op::Neb, jwt("issuer", "RS256") + "response_mode = \"form_post\"", by_key.clone()),
        ("key, PS256, another audience", Op::Idura, jwt("token_endpoint", "PS256"), by_key),
        ("ES256", Op::Idura, "algorithms = [\"ES256\"]".to_owned(), json!({ "id_token_signed_response_alg": "ES256" })),
        ("encrypted, PS256", Op::Idura, "encrypted_id_token = true".to_owned(), encrypted),
        ("signed UserInfo", Op::Neb, "signed_userinfo = true".to_owned(), json!({ "userinfo_signed_response_alg": "PS256" })),
    ] {
        let (person, cpr) = known_to(op, &mut admin, "Substantial").await;
        let service = introduced(op, &ours, &theirs, None).await;
        let visitor = service.visitor();
        let back = visitor.answer_there(op, &person.sam, "login").await;
        assert_eq!(matches!(back, Back::Form(..)), ours.contains("form_post"), "{what}");
        let account = visitor.bring_back(&back).await;
        assert!(account.path.starts_with("/accounts/"), "{what}: {} {}, {}", account.path, account.text, last_reason(&service).await);
        account.says("Testa Prøvesen");
        account.does_not_hold(&cpr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_mitid_is_proven_by_a_bind_and_a_low_login_resets_nothing() {
    let mut admin = Admin::new().await;
    let service = introduced(Op::Neb, "", &json!({}), None).await;
    for (level, resets) in [("Substantial", true), ("Low", false)] {
        let (person, _) = known_to(Op::Neb, &mut admin, level).await;
        let visitor = service.visitor();
        let account = visitor.log_in_by(Op::Neb, &person.sam).await;
        if resets {
            visitor.reset(&account.account_path(), NEW).await.says("Din adgangskode er skiftet");
        } else {
            account.says("niveauet Betydelig");
        }
        assert_eq!(bind(&person.dn, NEW).await.is_ok(), resets);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_at_the_provider_is_not_enough_where_a_fresh_login_is_asked_for() {
    let mut admin = Admin::new().await;
    for (ours, asks_again) in [("", true), ("prompt_login = false\nmax_age_seconds = 3600", false), ("prompt_login = false", false)] {
        let (person, _) = known_to(Op::Neb, &mut admin, "Substantial").await;
        let service = introduced(Op::Neb, ours, &json!({}), None).await;
        let visitor = service.visitor();
        assert!(visitor.log_in_by(Op::Neb, &person.sam).await.path.starts_with("/accounts/"));
        let second = visitor.follow_there(visitor.go_to(Op::Neb).await).await;
        assert_eq!(second.is_err(), asks_again, "{ours}");
        if let Ok(back) = second {
            assert!(visitor.bring_back(&back).await.path.starts_with("/accounts/"), "{ours}");
        }
        // A login that is too old for a reset takes this route.
        let again = visitor.request(Method::GET, "/login/neb?again").send().await.expect("an answer");
        let there = again.headers()["location"].to_str().expect("text").to_owned();
        assert!(visitor.follow_there(there).await.is_err(), "{ours}: the login page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_login_or_client_is_worth_nothing() {
    let mut admin = Admin::new().await;
    let (person, _) = known_to(Op::Neb, &mut admin, "Substantial").await;
    let service = introduced(Op::Neb, "", &json!({}), None).await;
    let other = introduced(Op::Neb, "", &json!({}), None).await;
    let code_of = |back: &Back| {
        let Back::Query(path) = back else { panic!("by address") };
        let (start, rest) = path.split_once("code=").expect("a code");
        let (code, rest) = rest.split_once('&').expect("more");
        (start.to_owned(), code.to_owned(), rest.to_owned())
    };
    for (what, from) in [("another login here", &service), ("another client", &other)] {
        let thief = from.visitor();
        let (_, stolen, _) = code_of(&thief.answer_there(Op::Neb, &person.sam, "login").await);
        let victim = service.visitor();
        let (start, _, rest) = code_of(&victim.answer_there(Op::Neb, &person.sam, "login").await);
        let page = bring(&victim, &format!("{start}code={stolen}&{rest}")).await;
        refused(&victim, &page, what).await;
        assert_eq!(last_reason(&service).await, "oidc_code", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_can_not_be_let_in_is_told_why() {
    let service = introduced(Op::Neb, "", &json!({}), None).await;
    for (user, button, text) in [
        ("nocpr", "login", "oplyser ikke dit CPR-nummer"),
        ("erhverv", "login", "ikke for dem"),
        ("ukendt", "login", "ingen aktiv konto her med dit CPR-nummer"),
        ("anna", "cancel", "afbrudt eller afvist"),
    ] {
        let visitor = service.visitor();
        let back = visitor.answer_there(Op::Neb, user, button).await;
        visitor.bring_back(&back).await.says(text);
        assert!(visitor.get("/account").await.path.starts_with("/?"));
    }
    let two = service.visitor().log_in_by(Op::Neb, "birgit").await;
    two.says("Dine konti");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_keys_are_known_to_the_provider_before_they_are_used() {
    let mut admin = Admin::new().await;
    let (person, _) = known_to(Op::Idura, &mut admin, "Substantial").await;
    let dir = tempfile::tempdir().expect("a folder");
    let now = os2nykode::clock::Clock::now(&os2nykode::clock::SystemClock);
    for _ in 0..2 {
        keys::generate(dir.path(), "localhost", now).expect("keys");
    }
    let client = unique("client");
    let theirs = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": client_auth::published(&ProviderKeys::read(dir.path()).expect("keys")) });
    Op::Idura.client(&client, "https://localhost", &theirs);
    for round in ["the first keys", "the next ones"] {
        let service = started(Op::Idura, &client, "client_auth = \"private_key_jwt\"", Some(dir.path())).await;
        let told: Value = service
            .visitor()
            .request(Method::GET, "/oidc/jwks")
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .map(|text| serde_json::from_str(&text).expect("JSON"))
            .expect("a body");
        assert!(told["keys"].as_array().is_some_and(|keys| keys.len() >= 2), "{round}");
        assert!(service.visitor().log_in_by(Op::Idura, &person.sam).await.path.starts_with("/accounts/"), "{round}");
        if round == "the first keys" {
            keys::rollover(dir.path()).expect("rolled over");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_heard_from_a_provider_that_encrypts_its_tokens() {
    let mut admin = Admin::new().await;
    let (person, _) = known_to(Op::Idura, &mut admin, "Substantial").await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let client = unique("client");
    let theirs = json!({
        "backchannel_logout_uri": format!("https://localhost:{port}/oidc/logout/idura"), "backchannel_logout_session_required": true,
        "jwks": client_auth::published(&ProviderKeys::read(&KEYS_DIR).expect("keys")), "id_token_signed_response_alg": "RS256",
        "id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A256GCM",
    });
    Op::Idura.client(&client, "https://localhost", &theirs);
    let oidc = configuration(&Op::Idura.section(&client, "encrypted_id_token = true"), &KEYS_DIR);
    let service = Setup { more: oidc.leak(), listen: Some(port), ..Setup::default() }.start().await;
    asked(&service).await;
    let visitor = service.visitor();
    assert!(visitor.log_in_by(Op::Idura, &person.sam).await.path.starts_with("/accounts/"));
    let page = visitor.follow_there(format!("{}/session/end?client_id={client}", Op::Idura.issuer())).await.expect_err("a page");
    log_out_there(&visitor, page).await;
    assert!(visitor.get("/account").await.path.starts_with("/?"), "the session here has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_there_ends_the_session_here_and_the_other_way_round() {
    let mut admin = Admin::new().await;
    let (person, _) = known_to(Op::Neb, &mut admin, "Substantial").await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let client = unique("client");
    let theirs = json!({ "backchannel_logout_uri": format!("https://localhost:{port}/oidc/logout/neb"), "backchannel_logout_session_required": true });
    Op::Neb.client(&client, "https://localhost", &theirs);
    let oidc = configuration(&Op::Neb.section(&client, ""), &KEYS_DIR);
    // The service listens at the port that the provider calls for a logout.
    let service = Setup { more: oidc.leak(), listen: Some(port), ..Setup::default() }.start().await;
    asked(&service).await;
    let visitor = service.visitor();
    let account = visitor.log_in_by(Op::Neb, &person.sam).await;
    assert!(account.path.starts_with("/accounts/"), "{}", account.text);

    // The provider's own logout notifies the service by a back-channel request.
    let page = visitor.follow_there(format!("{}/session/end?client_id={client}", Op::Neb.issuer())).await.expect_err("a page");
    log_out_there(&visitor, page).await;
    assert!(visitor.get("/account").await.path.starts_with("/?"), "the session here has ended");

    // A logout here ends the service's session at once. Its form ends the session at the provider.
    let account = visitor.log_in_by(Op::Neb, &person.sam).await;
    let token = crate::page_check::attribute(&account.html, "input[name=csrf]", "value").expect("a token");
    let page = visitor.post("/logout", &[("csrf", &token)]).await;
    assert!(visitor.get("/account").await.path.starts_with("/?"));
    let (action, fields) = form(&page.html);
    assert!(fields.iter().any(|(name, _)| name == "id_token_hint"), "the ID token holds no CPR number");
    let there = visitor.client.post(&action).form(&fields).send().await.expect("the provider answers");
    let at = there.url().to_string();
    let back = log_out_there(&visitor, (at, there.text().await.expect("a body"))).await;
    assert_eq!(back.as_deref(), Some("https://localhost/oidc/logged-out"));
}

/// Confirms the provider's logout page. Returns the address of the redirect.
async fn log_out_there(visitor: &Visitor, (at, html): (String, String)) -> Option<String> {
    let (action, mut fields) = form(&html);
    fields.push(("logout".to_owned(), "yes".to_owned()));
    let action = reqwest::Url::parse(&at).and_then(|at| at.join(&action)).expect("an address");
    let sent = visitor.client.post(action).form(&fields).send().await.expect("the provider answers");
    sent.headers().get("location").map(|next| next.to_str().expect("text").to_owned())
}
