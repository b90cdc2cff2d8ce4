//! Authorization request: its parameters, and its transport, pushed if the provider supports that (RFC 9126).

use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde::Deserialize;

use super::{OidcLoginError, client_auth::ClientCredentials, discovery::DiscoveredProvider, with_query};
use crate::{
    config::{OidcProvider, ResponseMode},
    identity::http::{self, HttpClient},
};

/// Values of one login request.
pub struct Begin {
    /// Returned with the answer.
    pub state: String,
    /// Returned in the ID token.
    pub nonce: String,
    /// PKCE code verifier (RFC 7636): 43 to 128 letters and digits.
    pub verifier: String,
    /// Whether the person must authenticate again despite a session at the provider.
    pub force: bool,
    /// Language of the visitor's pages.
    pub language: &'static str,
}

impl Begin {
    /// All parameters but the client's credentials.
    pub fn parameters(&self, provider: &OidcProvider, redirect_uri: &str) -> Vec<(String, String)> {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(self.verifier.clone()));
        let mut all: Vec<(String, String)> = [
            ("client_id", provider.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", redirect_uri),
            ("scope", &provider.scopes.join(" ")),
            ("state", self.state.as_str()),
            ("nonce", self.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("ui_locales", self.language),
        ]
        .into_iter()
        .filter(|(name, _)| !provider.parameters.contains_key(*name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
        match provider.response_mode {
            ResponseMode::Query => {}
            ResponseMode::FormPost => add("response_mode", "form_post".to_owned()),
        }
        if self.force {
            add("prompt", "login".to_owned());
        }
        if let Some(age) = provider.max_age_seconds {
            add("max_age", age.to_string());
        }
        for (name, value) in &provider.parameters {
            add(name, value.clone());
        }
        all
    }
}

/// Address for the browser, with these parameters.
pub fn address(known: &DiscoveredProvider, parameters: &[(String, String)]) -> String {
    with_query(&known.authorize, parameters)
}

#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

/// Pushes the parameters. Returns an address that holds only a reference to them.
pub async fn push(
    http: &HttpClient,
    known: &DiscoveredProvider,
    par: &str,
    client: &ClientCredentials,
    parameters: &[(String, String)],
) -> Result<String, OidcLoginError> {
    let mut form: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    form.extend(client.fields.iter().filter(|(name, _)| *name != "client_id").map(|(name, value)| (*name, value.as_str())));
    let answer = http.post(par, client.authorization.as_deref().map(String::as_str), &form).await;
    let answer = answer.map_err(|error| OidcLoginError::Provider(format!("pushed authorization request: {error}")))?;
    let pushed: Pushed = http::json(&answer).map_err(|wrong| {
        let word = http::error_word(&answer).map(|word| format!(" ({word})")).unwrap_or_default();
        OidcLoginError::Provider(format!("pushed authorization request: {wrong}{word}"))
    })?;
    let client_id = parameters.iter().find(|(name, _)| name == "client_id").cloned();
    let short: Vec<_> = client_id.into_iter().chain([("request_uri".to_owned(), pushed.request_uri)]).collect();
    Ok(address(known, &short))
}
