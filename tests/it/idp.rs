//! The real SAML identity providers (SimpleSAMLphp): registration of a service, people of a test's own, logins without a browser.

use std::{fs, path::PathBuf, sync::LazyLock};

use data_encoding::BASE64;
use os2nykode::{
    clock::{Clock, SystemClock},
    identity::keys::{self, ProviderKeys},
};
use reqwest::{Client, Response};
use scraper::{Html, Selector};

use crate::{
    environment::{environment, unique},
    people::{Admin, Person},
    service::{Service, Setup},
    visitor::{Page, Visitor, client},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idp {
    Os2faktor,
    Nemlogin,
    Unilogin,
}

impl Idp {
    pub const ALL: [Self; 3] = [Self::Os2faktor, Self::Nemlogin, Self::Unilogin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Os2faktor => "os2faktor",
            Self::Nemlogin => "nemlogin",
            Self::Unilogin => "unilogin",
        }
    }

    pub fn fact(self, what: &str) -> &'static str {
        environment().fact(&format!("{}_{what}", self.name().to_uppercase()))
    }

    /// Creates a person at the provider with these attributes. `NameID` becomes the NameID.
    pub fn person(self, user: &str, attributes: &[(&str, &str)]) {
        let attributes: serde_json::Map<_, _> =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), serde_json::json!([value]))).collect();
        let person = serde_json::json!({ "user": user, "attributes": attributes });
        place(&format!("people/{}/{user}.json", self.name()), &person);
    }

    /// The provider's section of the configuration, in a municipality's form.
    pub fn section(self) -> String {
        let metadata = format!("metadata_file = \"{}\"\n", self.fact("METADATA_FILE"));
        let rest = match self {
            Self::Os2faktor => {
                "button = { da = \"OS2faktor\", en = \"OS2faktor\" }\nmatch = { by = \"account_name\", from = \"sAMAccountName\" }\nname_attribute = \"name\"\n\
                 [[saml.provider.level]]\nattribute = \"https://data.gov.dk/concept/core/nsis/loa\"\n\
                 values = { Low = \"low\", Substantial = \"substantial\", High = \"high\" }\n\
                 [[saml.provider.level]]\nattribute = \"dk:gov:saml:attribute:AssuranceLevel\"\nvalues = { 2 = \"low\", 3 = \"substantial\" }\n"
            }
            Self::Nemlogin => {
                "button = { da = \"Log ind med MitID\", en = \"Log in with MitID\" }\nprofile = \"oiosaml3\"\nrequest_id_type = \"person\"\n\
                 match = { by = \"cpr\", from = \"https://data.gov.dk/model/core/eid/cprNumber\", ad_attribute = \"employeeNumber\" }\n\
                 name_attribute = \"https://data.gov.dk/model/core/eid/fullName\"\n"
            }
            Self::Unilogin => {
                "button = { da = \"Uni-Login\", en = \"Uni-Login\" }\nbinding = \"post\"\n\
                 match = { by = \"unilogin_id\", from = \"dk:unilogin:uniid\", ad_attribute = \"employeeID\" }\n\
                 require = { \"dk:unilogin:aktoergruppe\" = [\"Elev\", \"Medarbejder\"] }\n\
                 [[saml.provider.level]]\nattribute = \"dk:gov:saml:attribute:AssuranceLevel\"\nvalues = { 2 = \"low\", 3 = \"substantial\" }\n"
            }
        };
        format!("[[saml.provider]]\nid = \"{}\"\n{metadata}{rest}", self.name())
    }
}

/// Creates a pupil in AD and at Uni-Login, optionally in AD's group of pupils. Returns the account and its Uni-Login id.
pub async fn pupil(admin: &mut Admin, in_group: bool) -> (Person, String) {
    let person = admin.person().await;
    let uniid = unique("uni");
    admin.replace(&person.dn, "employeeID", &uniid).await;
    if in_group {
        let group = format!("CN=Elever,OU=Grupper,{}", environment().fact("PEOPLE_OU"));
        admin.add_to_group(&group, &person.dn).await;
    }
    let attributes = [
        ("NameID", "opaque"),
        ("dk:unilogin:uniid", uniid.as_str()),
        ("dk:unilogin:aktoergruppe", "Elev"),
        ("dk:gov:saml:attribute:AssuranceLevel", "2"),
    ];
    Idp::Unilogin.person(&uniid, &attributes);
    (person, uniid)
}

/// Signing and encryption that the service asks for in its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    pub sign_response: bool,
    pub sign_assertion: bool,
    pub encrypt: bool,
}

impl Wishes {
    /// The registration of OS2faktor and NemLog-in.
    pub const USUAL: Self = Self { sign_response: false, sign_assertion: true, encrypt: true };
}

/// Keys of the service, created once because that takes a second.
pub static KEYS_DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder").keep();
    keys::generate(&dir, "localhost", SystemClock.now()).expect("keys");
    dir
});

/// A service that is registered at all three providers.
pub struct Introduced {
    pub entity: String,
    pub service: Service,
}

/// Configuration of a service with the providers, and its entity id. Its group of pupils accepts Uni-Login.
pub fn configuration(more: &str) -> (String, String) {
    let entity = format!("https://localhost/{}", unique("sp"));
    let sections: String = Idp::ALL.iter().map(|idp| idp.section()).collect();
    let calm = "[rate_limit.name]\nattempts_before_delay = 100\n[rate_limit.address]\nattempts_before_delay = 1000\n[login.ad_password]\nanswer_after_ms = 0\n";
    let pupils = "[[reset.group]]\ngroup = \"Elever\"\nlevel = \"low\"\nproviders = [\"unilogin\", \"nemlogin\"]\n";
    let text = format!("{calm}{pupils}[saml]\nentity_id = \"{entity}\"\nkeys_dir = \"{}\"\n{more}\n{sections}", KEYS_DIR.display());
    (text, entity)
}

/// Registers a service at the providers, with the keys of `KEYS_DIR`.
pub fn introduce(entity: &str, origin: &str, wishes: Wishes) {
    let keys = ProviderKeys::read(&KEYS_DIR).expect("keys");
    let sp = serde_json::json!({
        "entity": entity,
        "acs": format!("{origin}/saml/acs"),
        "slo": format!("{origin}/saml/slo"),
        "signing": [BASE64.encode(keys.signing.certificate())],
        "encryption": [BASE64.encode(keys.encryption.certificate())],
        "sign_response": wishes.sign_response,
        "sign_assertion": wishes.sign_assertion,
        "encrypt": wishes.encrypt,
    });
    place(&format!("sp/{}.json", unique("sp")), &sp);
}

/// Starts a service that is registered at the providers.
pub async fn introduced(wishes: Wishes) -> Introduced {
    let (text, entity) = configuration("");
    introduce(&entity, "https://localhost", wishes);
    let service = Setup { more: text.leak(), ..Setup::default() }.start().await;
    Introduced { entity, service }
}

/// Writes the file atomically, because the providers read it at every request.
fn place(path: &str, content: &serde_json::Value) {
    let path = PathBuf::from(environment().fact("IDP_DIR")).join(path);
    let beside = path.with_extension("new");
    fs::write(&beside, content.to_string()).expect("written");
    fs::rename(beside, path).expect("placed");
}

/// Action and fields of a page's form. On pages of the service it is the form that carries a SAML message.
pub fn form(html: &str) -> (String, Vec<(String, String)>) {
    let page = Html::parse_document(html);
    let select = |selector| Selector::parse(selector).expect("a selector");
    let message = select("form[data-send]");
    let ours = page.select(&message).next();
    let any = select("form");
    let form = ours.or_else(|| page.select(&any).next()).unwrap_or_else(|| panic!("a form in {html}"));
    let inputs = select("input[name]");
    let fields = form.select(&inputs).map(|input| {
        let value = |name| input.value().attr(name).unwrap_or_default().to_owned();
        (value("name"), value("value"))
    });
    (form.value().attr("action").unwrap_or_default().to_owned(), fields.collect())
}

/// A provider's response on its way back through the browser.
#[derive(Debug, Clone)]
pub struct Answer {
    pub response: String,
    pub relay: String,
}

impl Answer {
    pub fn xml(&self) -> String {
        String::from_utf8(BASE64.decode(self.response.as_bytes()).expect("base64")).expect("UTF-8")
    }

    /// The same response with another message.
    pub fn with(&self, xml: &str) -> Self {
        Self { response: BASE64.encode(xml.as_bytes()), relay: self.relay.clone() }
    }
}

impl Visitor {
    /// Begins a login, authenticates at the provider, and keeps the response instead of delivering it.
    pub async fn answer_of(&self, path: &str, user: &str) -> Answer {
        let login_page = self.go_there(path).await;
        let (response, relay) = self.log_in_there(login_page, user).await;
        Answer { response, relay }
    }

    /// Begins a login and follows it to the provider's first page.
    pub async fn go_there(&self, path: &str) -> (String, String) {
        let begun = self.request(reqwest::Method::GET, path).send().await.expect("an answer");
        self.first_page_there(begun).await
    }

    /// Authenticates at the provider for a login that this response has begun.
    pub async fn answer_to(&self, begun: Response, user: &str) -> Answer {
        let login_page = self.first_page_there(begun).await;
        let (response, relay) = self.log_in_there(login_page, user).await;
        Answer { response, relay }
    }

    /// Follows a redirect, a self-submitting page or a form.
    async fn first_page_there(&self, begun: Response) -> (String, String) {
        let header = |name| begun.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
        let there = header("location").or_else(|| header("refresh")?.strip_prefix("0; url=").map(str::to_owned));
        if let Some(there) = there {
            return follow(&self.client, self.client.get(&there).send().await.expect("the provider answers")).await;
        }
        let html = begun.text().await.expect("a body");
        let (action, fields) = form(&html);
        follow(&self.client, self.client.post(&action).form(&fields).send().await.expect("the provider answers")).await
    }

    async fn log_in_there(&self, (at, html): (String, String), user: &str) -> (String, String) {
        let html = if html.contains("SAMLResponse") { html } else { self.type_in(&at, &html, user).await };
        let (_, fields) = form(&html);
        let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        (field("SAMLResponse").unwrap_or_else(|| panic!("an answer in {html}")), field("RelayState").unwrap_or_default())
    }

    async fn type_in(&self, at: &str, html: &str, user: &str) -> String {
        let (_, mut fields) = form(html);
        for (name, value) in &mut fields {
            match name.as_str() {
                "username" => user.clone_into(value),
                "password" => environment().fact("IDP_PASSWORD").clone_into(value),
                _ => {}
            }
        }
        let sent = self.client.post(at).form(&fields).send().await.expect("the provider answers");
        follow(&self.client, sent).await.1
    }

    /// Delivers a response to the service.
    pub async fn bring(&self, answer: &Answer) -> Page {
        let fields = [("SAMLResponse", answer.response.as_str()), ("RelayState", &answer.relay)];
        let request = self.request(reqwest::Method::POST, "/saml/acs").header("sec-fetch-site", "cross-site").header("origin", "null");
        self.follow("/saml/acs", request.form(&fields).send().await.expect("an answer")).await
    }

    /// Like `answer_of`, with a client that keeps no cookie of the service. Returns the cookie as a thief would have it.
    pub async fn answer_and_cookie(&self, path: &str, user: &str) -> (Answer, String) {
        let nobody = Visitor { client: client().build().expect("a client"), ..self.clone() };
        let begun = nobody.request(reqwest::Method::GET, path).send().await.expect("an answer");
        let cookie = begun.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
        let there = begun.headers()["location"].to_str().expect("text").to_owned();
        let page = follow(&self.client, self.client.get(&there).send().await.expect("the provider answers")).await;
        let (response, relay) = self.log_in_there(page, user).await;
        (Answer { response, relay }, cookie)
    }

    /// Delivers a response with this cookie only.
    pub async fn bring_with(&self, answer: &Answer, cookie: &str) -> Page {
        let fields = [("SAMLResponse", answer.response.as_str()), ("RelayState", &answer.relay)];
        let request = self.request(reqwest::Method::POST, "/saml/acs").header("sec-fetch-site", "cross-site").header("cookie", cookie);
        self.follow("/saml/acs", request.form(&fields).send().await.expect("an answer")).await
    }

    /// Follows an address of the provider until it redirects to the service. Returns the path there.
    pub async fn back_from(&self, address: &str) -> String {
        let mut address = address.to_owned();
        for _ in 0..10 {
            let response = self.client.get(&address).send().await.expect("the provider answers");
            let at = response.url().clone();
            let next = response.headers().get("location").map(|next| at.join(next.to_str().expect("text")).expect("an address"));
            let next = match next {
                Some(next) => next.to_string(),
                None => panic!("the provider stops at {at}: {}", response.text().await.expect("a body")),
            };
            if let Some(path) = next.strip_prefix("https://localhost/") {
                return format!("/{path}");
            }
            address = next;
        }
        panic!("the provider leads in a circle");
    }

    /// A complete login.
    pub async fn log_in_at(&self, idp: Idp, user: &str) -> Page {
        let answer = self.answer_of(&format!("/login/{}", idp.name()), user).await;
        self.bring(&answer).await
    }
}

/// Follows redirects among the provider's pages. Returns the last address and page.
async fn follow(client: &Client, mut response: Response) -> (String, String) {
    for _ in 0..10 {
        let at = response.url().clone();
        let Some(next) = response.headers().get("location") else {
            return (at.to_string(), response.text().await.expect("a body"));
        };
        let next = at.join(next.to_str().expect("text")).expect("an address");
        response = client.get(next).send().await.expect("the provider answers");
    }
    panic!("the provider leads in a circle");
}
