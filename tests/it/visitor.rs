//! A visitor at a browser without JavaScript. Every page passes the page checker.

use std::net::SocketAddr;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};

use crate::{
    environment::environment,
    page_check::{attribute, main_text, problems},
};

/// A page with its status and headers.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub path: String,
    pub html: String,
    pub text: String,
    pub headers: reqwest::header::HeaderMap,
}

#[derive(Clone)]
pub struct Visitor {
    pub client: Client,
    pub base: String,
    pub language: &'static str,
}

impl Visitor {
    pub fn new(address: SocketAddr) -> Self {
        let client = client().cookie_store(true).build().expect("a client");
        Self { client, base: format!("https://localhost:{}", address.port()), language: "da" }
    }

    /// The visitor with a session that the test has put into the store.
    pub fn with_session(address: SocketAddr, session: &str) -> Self {
        let mut visitor = Self::new(address);
        let jar = reqwest::cookie::Jar::default();
        jar.add_cookie_str(&format!("__Host-os2nykode={session}; Path=/; Secure"), &visitor.base.parse().expect("an address"));
        visitor.client = client().cookie_provider(std::sync::Arc::new(jar)).build().expect("a client");
        visitor
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).header("accept-language", self.language)
    }

    /// Opens a page and follows redirects within the service.
    pub async fn get(&self, path: &str) -> Page {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let response = self.request(Method::GET, &path).header("sec-fetch-site", "same-origin").send().await.expect("an answer");
            match location(&response) {
                Some(next) if next.starts_with('/') => path = next,
                _ => return page(path, response).await,
            }
        }
        panic!("{path} leads in a circle");
    }

    /// Sends the form without following the answer.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.request(Method::POST, path).header("sec-fetch-site", "same-origin").form(fields).send().await.expect("an answer")
    }

    /// Sends the form and follows the answer.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let response = self.send(path, fields).await;
        self.follow(path, response).await
    }

    /// The page that an answer leads to.
    pub async fn follow(&self, path: &str, response: Response) -> Page {
        match location(&response) {
            Some(next) => self.get(&next).await,
            None => page(path.to_owned(), response).await,
        }
    }

    /// Fills in the login form. Asserts that the password does not come back in the page.
    pub async fn log_in(&self, name: &str, password: &str) -> Page {
        let token = self.get("/login").await.token();
        let page = self.post("/login", &[("csrf", &token), ("name", name), ("password", password)]).await;
        page.does_not_hold(password);
        page
    }

    /// Logs in. Returns the account page.
    pub async fn logged_in(&self, name: &str, password: &str) -> Page {
        let page = self.log_in(name, password).await;
        assert!(page.path.starts_with("/accounts/"), "{name} is logged in: {} {}", page.status, page.text);
        page
    }

    /// Opens the change form of an account page, fills it in and sends it.
    pub async fn change(&self, account: &Page, current: &str, new: &str) -> Page {
        self.change_with_repeat(account, current, new, new).await
    }

    /// Opens the reset form of a provider login, fills it in and sends it.
    pub async fn reset(&self, account: &str, new: &str) -> Page {
        let path = format!("{account}/password");
        let form = self.get(&path).await;
        let (token, attempt) = (form.token(), form.attempt());
        let page = self.post(&path, &[("csrf", &token), ("attempt", &attempt), ("new", new), ("repeat", new)]).await;
        page.does_not_hold(new);
        page
    }

    pub async fn change_with_repeat(&self, account: &Page, current: &str, new: &str, repeat: &str) -> Page {
        let path = format!("{}/password", account.account_path());
        let form = self.get(&path).await;
        let (token, attempt) = (form.token(), form.attempt());
        let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", current), ("new", new), ("repeat", repeat)];
        let page = self.post(&path, &fields).await;
        for secret in [current, new] {
            page.does_not_hold(secret);
        }
        page
    }
}

pub fn client() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA");
    Client::builder().tls_backend_preconfigured((*tls).clone()).redirect(redirect::Policy::none())
}

fn location(response: &Response) -> Option<String> {
    response.status().is_redirection().then(|| response.headers()["location"].to_str().expect("text").to_owned())
}

async fn page(path: String, response: Response) -> Page {
    let (status, headers) = (response.status(), response.headers().clone());
    let html = response.text().await.expect("a body");
    let page = Page { status, path, text: main_text(&html), html, headers };
    if page.headers.get("content-type").is_some_and(|t| t.as_bytes().starts_with(b"text/html")) {
        let wrong = problems(&page.html);
        assert!(wrong.is_empty(), "{} {}: {wrong:#?}\n{}", page.path, page.status, page.html);
        assert_eq!(page.headers["cache-control"], "no-store", "{}", page.path);
        assert!(page.headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'none'"));
        assert_eq!(page.headers["strict-transport-security"], "max-age=31536000");
    }
    page
}

impl Page {
    pub fn token(&self) -> String {
        attribute(&self.html, "main input[name=csrf]", "value").unwrap_or_else(|| panic!("a form in {}", self.html))
    }

    pub fn attempt(&self) -> String {
        attribute(&self.html, "input[name=attempt]", "value").unwrap_or_else(|| panic!("a change form in {}", self.html))
    }

    /// `/accounts/{guid}`.
    pub fn account_path(&self) -> String {
        self.path.split('/').take(3).collect::<Vec<_>>().join("/")
    }

    pub fn does_not_hold(&self, secret: &str) {
        if secret.chars().count() >= 6 {
            assert!(!self.html.contains(secret) && !self.path.contains(secret), "{} does not tell what was typed", self.path);
        }
    }

    pub fn says(&self, words: &str) {
        assert!(self.text.contains(words), "{words:?} in {} {}: {}", self.status, self.path, self.text);
    }
}
