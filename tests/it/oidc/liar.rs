//! An OpenID provider under the test's control, for answers that no honest provider gives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::oidc_forge::{EC, RSA};

/// Answer at one of the addresses.
#[derive(Debug, Clone)]
pub enum Says {
    Json(u16, Value),
    Status(u16),
    Text(&'static str, String),
    Redirect(String),
    /// No answer, for longer than any timeout.
    Nothing,
    /// A JSON document of so many bytes.
    Much(usize),
}

/// A request that the provider received.
#[derive(Debug, Clone)]
pub struct Question {
    pub path: String,
    pub authorization: Option<String>,
    pub form: BTreeMap<String, String>,
}

#[derive(Default)]
struct Mind {
    says: BTreeMap<&'static str, Says>,
    asked: Vec<Question>,
}

#[derive(Clone)]
pub struct Liar {
    pub issuer: String,
    mind: Arc<Mutex<Mind>>,
}

pub const DISCOVERY: &str = "/.well-known/openid-configuration";

impl Liar {
    /// Starts an honest provider that has no token to issue.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let liar = Self { issuer, mind: Arc::default() };
        liar.says(DISCOVERY, Says::Json(200, liar.discovery()));
        liar.says("/jwks", Says::Json(200, json!({ "keys": [RSA.jwk(), EC.jwk()] })));
        let router = Router::new().fallback(answer).with_state(liar.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        liar
    }

    pub fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/jwks"), "end_session_endpoint": at("/logout"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256"], "authorization_response_iss_parameter_supported": true,
        })
    }

    pub fn says(&self, path: &'static str, what: Says) {
        self.mind.lock().expect("alone").says.insert(path, what);
    }

    /// Answers every code with this ID token.
    pub fn gives(&self, id_token: &str) {
        self.says(
            "/token",
            Says::Json(200, json!({ "access_token": "an access token", "token_type": "Bearer", "expires_in": 60, "id_token": id_token })),
        );
    }

    /// The requests to a path.
    pub fn asked(&self, path: &str) -> Vec<Question> {
        self.mind.lock().expect("alone").asked.iter().filter(|question| question.path == path).cloned().collect()
    }
}

async fn answer(State(liar): State<Liar>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let path = parts.uri.path().to_owned();
    let authorization = parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().expect("text").to_owned());
    let form = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let says = {
        let mut mind = liar.mind.lock().expect("alone");
        mind.asked.push(Question { path: path.clone(), authorization, form });
        mind.says.get(path.as_str()).cloned()
    };
    said(says).await
}

/// The HTTP response of an answer.
pub async fn said(says: Option<Says>) -> Response {
    match says {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Says::Json(status, value)) => {
            let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
            (StatusCode::from_u16(status).expect("a status"), json, value.to_string()).into_response()
        }
        Some(Says::Status(status)) => StatusCode::from_u16(status).expect("a status").into_response(),
        Some(Says::Text(kind, text)) => ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response(),
        Some(Says::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Some(Says::Nothing) => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::OK.into_response()
        }
        Some(Says::Much(size)) => {
            let chunk = vec![b' '; 64 * 1024];
            let chunks = futures_util::stream::iter((0..size / chunk.len()).map(move |_| Ok::<_, std::convert::Infallible>(chunk.clone())));
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], Body::from_stream(chunks)).into_response()
        }
    }
}
