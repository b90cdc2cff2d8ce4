//! Exchange of a code for tokens (OpenID Connect Core 3.1.3).

use openidconnect::HttpResponse;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{OidcLoginError, OidcRefused, client_auth::ClientCredentials};
use crate::identity::http::{self, HttpClient};

/// Tokens of an exchange.
pub struct TokenResponse {
    /// ID token as received, possibly encrypted.
    pub id_token: Zeroizing<String>,
    /// Access token for UserInfo.
    pub access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<Zeroizing<String>>,
    access_token: Zeroizing<String>,
    token_type: String,
}

/// Data of an exchange.
pub struct Exchange<'a> {
    /// Code from the answer.
    pub code: &'a str,
    /// Redirect address of the answer.
    pub redirect_uri: &'a str,
    /// PKCE code verifier of the request.
    pub verifier: &'a str,
}

/// Whether the provider accepts our client authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// It refused the code only.
    Yes,
    /// It refused our client, with this error code.
    No(String),
    /// Another answer.
    Unclear(String),
}

/// Tests client authentication with an invalid code.
pub async fn recognised(
    http: &HttpClient,
    endpoint: &str,
    client: &ClientCredentials,
    what: &Exchange<'_>,
) -> Result<Recognised, http::HttpError> {
    let answer = ask(http, endpoint, client, what).await?;
    Ok(match http::error_word(&answer) {
        Some(word) if word == "invalid_grant" => Recognised::Yes,
        Some(word) if matches!(word.as_str(), "invalid_client" | "unauthorized_client") => Recognised::No(word),
        Some(word) => Recognised::Unclear(format!("answered {} ({word})", answer.status())),
        None => Recognised::Unclear(format!("answered {}", answer.status())),
    })
}

async fn ask(http: &HttpClient, endpoint: &str, client: &ClientCredentials, what: &Exchange<'_>) -> Result<HttpResponse, http::HttpError> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", what.code),
        ("redirect_uri", what.redirect_uri),
        ("code_verifier", what.verifier),
    ];
    form.extend(client.fields.iter().map(|(name, value)| (*name, value.as_str())));
    http.post(endpoint, client.authorization.as_deref().map(String::as_str), &form).await
}

/// Exchanges a code. A refused code is a refusal; other failures are errors of the provider or the configuration.
pub async fn exchange(
    http: &HttpClient,
    endpoint: &str,
    client: &ClientCredentials,
    what: &Exchange<'_>,
) -> Result<TokenResponse, OidcLoginError> {
    let answer = ask(http, endpoint, client, what).await.map_err(|error| OidcLoginError::Provider(format!("token endpoint: {error}")))?;
    let tokens: TokenAnswer = http::json(&answer).map_err(|wrong| match http::error_word(&answer) {
        Some(word) if word == "invalid_grant" => OidcRefused::Code.into(),
        Some(word) => OidcLoginError::Provider(format!("token endpoint: {wrong} ({word})")),
        None => OidcLoginError::Provider(format!("token endpoint: {wrong}")),
    })?;
    if !tokens.token_type.eq_ignore_ascii_case("bearer") {
        return Err(OidcLoginError::Provider("token endpoint: its tokens are not bearer tokens".to_owned()));
    }
    Ok(TokenResponse { id_token: tokens.id_token.ok_or(OidcRefused::NoIdToken)?, access_token: tokens.access_token })
}
