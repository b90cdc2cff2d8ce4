//! Testing a login: the providers, and what came of a test. Works without a script.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;

use crate::http::extract::form::TokenOnly;
use crate::http::routes::{
    delegation::lists::denied,
    sign_in::provider::{leave, name_of},
};
use crate::{
    app::App,
    flow::{
        login_test,
        sign_in::provider::LoginBegun,
        sign_in::provider::report::{LoginReport, Verdict},
    },
    http::{
        extract::{form::Form, sealed_cookie},
        page::{AuthenticatedRequest, Frame, MessagePage, PageError, page},
    },
    identity::shown::{Place, Shown, Use},
};

/// The providers.
#[derive(Template)]
#[template(path = "pages/login-test.html")]
pub(crate) struct LoginTestPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    /// The id of each, and what its button says.
    pub(crate) providers: Vec<(String, String)>,
}

/// What came of a test.
#[derive(Template)]
#[template(path = "pages/login-test-result.html")]
pub(crate) struct LoginTestResultPage {
    pub(crate) frame: Frame,
    pub(crate) report: LoginReport,
}

/// A claim as the page shows it.
struct Row {
    name: String,
    place: String,
    value: String,
    uses: String,
    /// It is what the login was refused for.
    refused: bool,
}

impl LoginTestResultPage {
    fn provider(&self) -> String {
        self.frame.provider_name(&self.report.provider)
    }

    fn level(&self) -> Option<String> {
        let level = self.report.level?;
        Some(self.frame.words.level(level).unwrap_or_else(|| self.frame.t("login-test-no-level")))
    }

    /// How many accounts, where the login would have been taken.
    fn accounts(&self) -> Option<String> {
        match self.report.verdict {
            Verdict::Accepted { accounts } => {
                Some(self.frame.words.counting("login-test-accounts", "number", i64::try_from(accounts).unwrap_or(i64::MAX)))
            }
            Verdict::Refused { .. } => None,
        }
    }

    /// Reason, field and check, where it would have been refused.
    fn refusal(&self) -> Option<(&'static str, &str, &'static str)> {
        match &self.report.verdict {
            Verdict::Accepted { .. } => None,
            Verdict::Refused { reason, field, check } => Some((reason, field, check)),
        }
    }

    fn rows(&self) -> Vec<Row> {
        let words = |used: &Use| {
            self.frame.t(match used {
                Use::Account => "login-test-use-account",
                Use::Level => "login-test-use-level",
                Use::Required => "login-test-use-required",
                Use::Name => "login-test-use-name",
                Use::Reference => "login-test-use-reference",
                Use::Protocol => "login-test-use-protocol",
            })
        };
        let row = |line: &crate::identity::shown::Line| Row {
            name: line.name.clone(),
            place: self.frame.t(match line.place {
                Place::IdToken => "login-test-id-token",
                Place::Userinfo => "login-test-userinfo",
                Place::Assertion => "login-test-assertion",
                Place::Attribute => "login-test-attribute",
            }),
            value: shown(&self.frame, &line.value),
            uses: if line.uses.is_empty() {
                self.frame.t("login-test-ignored")
            } else {
                line.uses.iter().map(words).collect::<Vec<_>>().join(", ")
            },
            refused: matches!(&self.report.verdict, Verdict::Refused { field, .. } if *field == line.name),
        };
        self.report.lines.iter().map(row).collect()
    }
}

fn shown(frame: &Frame, value: &Shown) -> String {
    let number = |length: &usize| i64::try_from(*length).unwrap_or(i64::MAX);
    let characters = |length| frame.words.counting("login-test-characters", "number", number(length));
    match value {
        Shown::Missing => frame.t("login-test-missing"),
        Shown::Unreadable => frame.t("login-test-unreadable"),
        Shown::Hidden => frame.t("login-test-hidden"),
        Shown::Whole(text) => text.clone(),
        Shown::Time(at) => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Shown::Masked { first, last, length } => format!("{first}…{last} ({})", characters(length)),
        Shown::Short(length) => format!("… ({})", characters(length)),
        Shown::Number => frame.t("login-test-number"),
        Shown::Truth => frame.t("login-test-truth"),
        Shown::Structure => frame.t("login-test-structure"),
        Shown::List { first, all } => {
            let several = frame.words.counting("login-test-list", "number", number(all));
            let first: Vec<_> = first.iter().map(|value| shown(frame, value)).collect();
            let more = if first.len() < *all { ", …" } else { "" };
            format!("{several}: {}{more}", first.join(", "))
        }
    }
}

/// `GET /audit/login-test`.
pub(crate) async fn show(State(app): State<Arc<App>>, member: AuthenticatedRequest) -> Result<Response, PageError> {
    if let Err(denial) = login_test::may(&app, &member.identity).await? {
        return Ok(denied(member.frame, denial));
    }
    let providers = login_test::testable(&app).map(|id| (id.to_string(), member.frame.provider_name(id))).collect();
    Ok(page(StatusCode::OK, &LoginTestPage { frame: member.frame, token: member.token, providers }))
}

/// `POST /audit/login-test/{provider}`: on the way there. The auditor's own session stays as it is.
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    cookies: CookieJar,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let AuthenticatedRequest { mut frame, identity, .. } = member;
    frame.path = String::from("/audit/login-test"); // this address shows nothing on its own
    Ok(match login_test::begin(&app, &identity, &provider, frame.words.language).await? {
        Err(denial) => denied(frame, denial),
        Ok(LoginBegun::Unknown) => StatusCode::NOT_FOUND.into_response(),
        Ok(LoginBegun::Unusable) => {
            page(StatusCode::SERVICE_UNAVAILABLE, &MessagePage::new(frame, "provider-unusable-title", "provider-unusable"))
        }
        Ok(LoginBegun::Go { transport, relay, sealed }) => {
            let text = frame.words.with("provider-continue", "name", &name_of(&app, &frame, &provider));
            let title = frame.t("login-test-title");
            (sealed_cookie::keep(cookies, &relay, &sealed, app.clock.now()), leave(frame, transport, title, text)).into_response()
        }
    })
}

/// What came of a test, on the page that the provider's answer leads to.
pub(crate) fn result(mut frame: Frame, report: &LoginReport) -> Response {
    frame.path = String::from("/audit/login-test");
    page(StatusCode::OK, &LoginTestResultPage { frame, report: report.clone() })
}
