//! Somebody with a browser, who knows what answers they got.

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

/// 32 hexadecimal digits that nobody else has.
pub fn fresh() -> String {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).expect("randomness");
    HEXLOWER.encode(&bytes)
}

/// What stands after the text, up to the quote.
pub fn after(html: &str, text: &str) -> String {
    html.split(text).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// This status.
    Status(u16),
    /// No answer.
    Nothing,
}

/// What became of a login.
pub enum Entry {
    /// It leads to this account.
    In(String),
    /// It is to be tried again after so many seconds.
    Wait(u64),
    /// The same, said by the rate limit.
    Delayed(u64),
    /// None of these, with this status; 0 where no answer came.
    Not(u16),
}

/// Somebody with an account.
pub struct Visitor {
    client: Client,
    base: String,
    /// Every request: how long it took and what came.
    pub seen: Vec<(Duration, Got)>,
    /// Where the account's form is, and its token.
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

    /// The token of the login form.
    pub async fn login_form(&mut self) -> Option<String> {
        let html = self.get("/login").await?;
        Some(after(&html, "name=\"csrf\" value=\""))
    }

    /// Sends the login form.
    pub async fn send_login(&mut self, token: &str, name: &str, password: &str) -> Entry {
        let fields = [("csrf", token), ("name", name), ("password", password)];
        let Some(answer) = self.send(self.client.post(format!("{}/login", self.base)).form(&fields)).await else { return Entry::Not(0) };
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match (header("location"), header("retry-after").and_then(|seconds| seconds.parse().ok())) {
            (Some(account), _) => Entry::In(account),
            (None, Some(seconds)) if answer.status() == 503 => Entry::Wait(seconds),
            // The rate limit tells the time on its page only; an overload costs five seconds.
            (None, None) if answer.status() == 429 => Entry::Delayed(5),
            (None, _) => Entry::Not(answer.status().as_u16()),
        }
    }

    /// Is the login taken?
    pub async fn log_in(&mut self, name: &str, password: &str) -> bool {
        let Some(token) = self.login_form().await else { return false };
        let Entry::In(account) = self.send_login(&token, name, password).await else { return false };
        let form = format!("{account}/password");
        let Some(html) = self.get(&form).await else { return false };
        let token = after(&html, "action=\"/logout\"><input type=\"hidden\" name=\"csrf\" value=\"");
        self.form = Some((form, token));
        true
    }

    /// Sends the form: where its result is told, and what came.
    pub async fn change(&mut self, current: &str, new: &str) -> Option<(String, Got)> {
        let (path, token) = self.form.clone()?;
        let attempt = fresh();
        let fields = [("csrf", token.as_str()), ("attempt", &attempt), ("current", current), ("new", new), ("repeat", new)];
        self.send(self.client.post(format!("{}{path}", self.base)).form(&fields)).await;
        Some((format!("{path}/{attempt}"), self.seen.last().map_or(Got::Nothing, |seen| seen.1)))
    }

    /// The page of a result.
    pub async fn result(&mut self, path: &str) -> Option<Told> {
        let html = self.get(path).await?;
        [("<h1>Din adgangskode er skiftet", Told::Done), ("<h1>Din adgangskode blev ikke skiftet", Told::Not)]
            .into_iter()
            .find(|(words, _)| html.contains(words))
            .map(|(_, told)| told)
    }
}

/// What a page says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Done,
    Not,
}

/// How many were slower than a second, how many got no or a 5xx answer; the 99th percentile.
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

/// Of times in ascending order.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}
