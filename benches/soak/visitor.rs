//! A visitor with a browser, who records every answer.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use reqwest::{Client, Response, redirect};
use ring::rand::{SecureRandom, SystemRandom};

use crate::environment::environment;

/// A browser at 127.0.0.`last`.
pub fn client(last: u8) -> Client {
    let tls = os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA");
    Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .cookie_store(true)
        .redirect(redirect::Policy::none())
        .local_address(IpAddr::from([127, 0, 0, last]))
        .timeout(Duration::from_secs(40))
        .build()
        .expect("a client")
}

/// 32 random hexadecimal digits.
pub fn fresh() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("randomness");
    HEXLOWER.encode(&bytes)
}

/// The text between `text` and the next quote.
pub fn after(html: &str, text: &str) -> String {
    html.split(text).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// Outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    Status(u16),
    /// No answer arrived.
    Nothing,
}

/// Outcome of a login.
pub enum Entry {
    /// Logged in; the redirect's path.
    In(String),
    /// Overload: try again after so many seconds.
    Wait(u64),
    /// Rate limit: try again after so many seconds.
    Delayed(u64),
    /// Any other status; 0 without an answer.
    Not(u16),
}

/// A person with an account.
pub struct Visitor {
    client: Client,
    base: String,
    /// Duration and outcome of every request.
    pub seen: Vec<(Duration, Got)>,
    /// Path and CSRF token of the account's form.
    form: Option<(String, String)>,
}

impl Visitor {
    pub fn new(last: u8, base: String) -> Self {
        Self { client: client(last), base, seen: Vec::new(), form: None }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Option<Response> {
        let began = Instant::now();
        let answer = request.send().await.ok();
        let got = answer.as_ref().map_or(Got::Nothing, |answer| Got::Status(answer.status().as_u16()));
        self.seen.push((began.elapsed(), got));
        answer
    }

    pub async fn get(&mut self, path: &str) -> Option<String> {
        let answer = self.send(self.client.get(format!("{}{path}", self.base))).await?;
        answer.text().await.ok()
    }

    /// Opens the login form. Returns its CSRF token.
    pub async fn login_form(&mut self) -> Option<String> {
        let html = self.get("/login").await?;
        Some(after(&html, "name=\"csrf\" value=\""))
    }

    pub async fn send_login(&mut self, token: &str, name: &str, password: &str) -> Entry {
        let fields = [("csrf", token), ("name", name), ("password", password)];
        let Some(answer) = self.send(self.client.post(format!("{}/login", self.base)).form(&fields)).await else { return Entry::Not(0) };
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match (header("location"), header("retry-after").and_then(|seconds| seconds.parse().ok())) {
            (Some(account), _) => Entry::In(account),
            (None, Some(seconds)) if answer.status() == 503 => Entry::Wait(seconds),
            // The rate limit gives the time on its page only; five seconds are the service's value for an overload.
            (None, None) if answer.status() == 429 => Entry::Delayed(5),
            (None, _) => Entry::Not(answer.status().as_u16()),
        }
    }

    /// Logs in and opens the form of the account. False if either fails.
    pub async fn log_in(&mut self, name: &str, password: &str) -> bool {
        let Some(token) = self.login_form().await else { return false };
        let Entry::In(account) = self.send_login(&token, name, password).await else { return false };
        let form = format!("{account}/password");
        let Some(html) = self.get(&form).await else { return false };
        let token = after(&html, "action=\"/logout\"><input type=\"hidden\" name=\"csrf\" value=\"");
        self.form = Some((form, token));
        true
    }

    /// Sends the form. Returns the path of the result page, and the outcome of the request.
    pub async fn change(&mut self, current: &str, new: &str) -> Option<(String, Got)> {
        let (path, token) = self.form.clone()?;
        let attempt = fresh();
        let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", current), ("new", new), ("repeat", new)];
        self.send(self.client.post(format!("{}{path}", self.base)).form(&fields)).await;
        Some((format!("{path}/{attempt}"), self.seen.last().map_or(Got::Nothing, |seen| seen.1)))
    }

    /// Reads a result page.
    pub async fn result(&mut self, path: &str) -> Option<Told> {
        let html = self.get(path).await?;
        [("<h1>Din adgangskode er skiftet", Told::Done), ("<h1>Din adgangskode blev ikke skiftet", Told::Not)]
            .into_iter()
            .find(|(words, _)| html.contains(words))
            .map(|(_, told)| told)
    }
}

/// Result of a change according to the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Done,
    Not,
}

/// Number of requests, of slow ones (over a second) and of failed ones (no answer or 5xx), with p50 and p99.
pub fn summary(seen: &[(Duration, Got)]) -> String {
    let slow = seen.iter().filter(|(took, _)| *took > Duration::from_secs(1)).count();
    let failed = seen.iter().filter(|(_, got)| matches!(got, Got::Nothing | Got::Status(500..))).count();
    let mut times: Vec<_> = seen.iter().map(|(took, _)| *took).collect();
    times.sort_unstable();
    format!(
        "{} requests, {slow} slower than 1 s, {failed} without an answer or 5xx; p50 {:.0?}, p99 {:.0?}",
        seen.len(),
        percentile(&times, 50),
        percentile(&times, 99)
    )
}

/// Expects times in ascending order.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}
