//! Exchanging a code for tokens (OpenID Connect Core 3.1.3).

use openidconnect::HttpResponse;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Refused, Trouble, client_auth::Credentials};
use crate::identity::http::{self, Http};

/// What came for the code.
pub struct Tokens {
    /// As it came, perhaps encrypted.
    pub id_token: Zeroizing<String>,
    /// For UserInfo.
    pub access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Answer {
    id_token: Option<Zeroizing<String>>,
    access_token: Zeroizing<String>,
    token_type: String,
}

/// What is exchanged.
pub struct Exchange<'a> {
    /// From the answer.
    pub code: &'a str,
    /// Where that was sent.
    pub redirect_uri: &'a str,
    /// What the request was bound to.
    pub verifier: &'a str,
}

/// Does a provider know us?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// It refused the code, and not us.
    Yes,
    /// It refused us, with this word.
    No(String),
    /// It answered something else.
    Unclear(String),
}

/// Asks with a code that does not exist.
pub async fn recognised(http: &Http, endpoint: &str, client: &Credentials, what: &Exchange<'_>) -> Result<Recognised, http::HttpError> {
    let answer = ask(http, endpoint, client, what).await?;
    Ok(match http::error_word(&answer) {
        Some(word) if word == "invalid_grant" => Recognised::Yes,
        Some(word) if matches!(word.as_str(), "invalid_client" | "unauthorized_client") => Recognised::No(word),
        Some(word) => Recognised::Unclear(format!("answered {} ({word})", answer.status())),
        None => Recognised::Unclear(format!("answered {}", answer.status())),
    })
}

async fn ask(http: &Http, endpoint: &str, client: &Credentials, what: &Exchange<'_>) -> Result<HttpResponse, http::HttpError> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", what.code),
        ("redirect_uri", what.redirect_uri),
        ("code_verifier", what.verifier),
    ];
    form.extend(client.fields.iter().map(|(name, value)| (*name, value.as_str())));
    http.post(endpoint, client.authorization.as_deref().map(String::as_str), &form).await
}

/// Exchanges it. A code that the provider does not take is a refusal; anything else is the provider's or ours to mend.
pub async fn exchange(http: &Http, endpoint: &str, client: &Credentials, what: &Exchange<'_>) -> Result<Tokens, Trouble> {
    let answer = ask(http, endpoint, client, what).await.map_err(|error| Trouble::Provider(format!("token endpoint: {error}")))?;
    let tokens: Answer = http::json(&answer).map_err(|wrong| match http::error_word(&answer) {
        Some(word) if word == "invalid_grant" => Refused::Code.into(),
        Some(word) => Trouble::Provider(format!("token endpoint: {wrong} ({word})")),
        None => Trouble::Provider(format!("token endpoint: {wrong}")),
    })?;
    if !tokens.token_type.eq_ignore_ascii_case("bearer") {
        return Err(Trouble::Provider("token endpoint: its tokens are not bearer tokens".to_owned()));
    }
    Ok(Tokens { id_token: tokens.id_token.ok_or(Refused::NoIdToken)?, access_token: tokens.access_token })
}
