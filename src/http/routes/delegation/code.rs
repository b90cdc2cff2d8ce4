//! Issue of a one-time code to a target: checklist, reason and code.
//!
//! Invariants:
//! - A form issues at most one code, however often it is sent in a session: its attempt number is kept there before the code is made.
//! - The code is shown once. Between form and page it is in the issuer's browser only, sealed and bound to attempt, account and session.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use zeroize::Zeroizing;

use crate::http::routes::delegation::lists::denied;
use crate::{
    app::App,
    flow::{
        delegation::show::{self, TargetShown, TargetView},
        one_time_code::{self, Issue, Issued},
    },
    http::{
        extract::form::Form,
        page::{AuthenticatedRequest, Errors, Frame, MessagePage, PageError, page},
    },
    model::{ad::guid::ObjectGuid, audit::attempt::AttemptId, authorization::Action},
};

/// Shortest reason, characters.
const SHORTEST: usize = 5;
/// Longest reason, characters. A ticket number is at most a tenth of it.
const LONGEST: usize = 500;

#[derive(Template)]
#[template(path = "pages/other-code.html")]
pub(crate) struct IssueCodePage {
    pub(crate) frame: Frame,
    pub(crate) view: TargetView,
    pub(crate) token: String,
    pub(crate) errors: Errors,
    /// Typed reason, shown again after an error.
    pub(crate) reason: String,
    pub(crate) ticket: String,
    pub(crate) attempt: AttemptId,
}

impl IssueCodePage {
    fn checklist(&self) -> Vec<String> {
        self.frame.checklist()
    }
}

#[derive(Template)]
#[template(path = "pages/other-code-shown.html")]
pub(crate) struct CodeShownPage {
    pub(crate) frame: Frame,
    pub(crate) account: ObjectGuid,
    pub(crate) account_name: String,
    pub(crate) code: Zeroizing<String>,
    /// The code as it is read aloud, a group a line.
    pub(crate) spelled: Vec<String>,
    pub(crate) until: String,
}

/// Cookie with the sealed code, for the page after the form.
const CODE_COOKIE: &str = "__Host-os2nykode-code";
/// Key in the session: the attempt numbers of forms that were sent.
const SENT: &str = "codes_sent";
/// Most attempt numbers that are kept.
const MOST_SENT: usize = 50;

/// Content of the cookie.
#[derive(Serialize, Deserialize)]
struct SealedCode {
    code: Zeroizing<String>,
    account_name: String,
    until: Timestamp,
}

/// Purpose of the cookie's seal. Only the session, the account and the attempt that the code was made for can open it.
fn purpose(member: &AuthenticatedRequest, target: ObjectGuid, attempt: AttemptId) -> String {
    let session = member.session.id().map(|id| id.to_string()).unwrap_or_default();
    format!("code to read aloud {session} {target} {attempt}")
}

/// Strict: only the form's own answer leads to the page that reads it. Without a lifetime, no browser keeps it when it is closed.
fn code_cookie(value: String) -> Cookie<'static> {
    Cookie::build((CODE_COOKIE, value)).path("/").secure(true).http_only(true).same_site(SameSite::Strict).build()
}

/// Adds the attempt number to those that were sent. False: a form with it was sent before.
async fn first_time(session: &Session, mut sent: Vec<String>, attempt: AttemptId) -> Result<bool, PageError> {
    if sent.contains(&attempt.to_string()) {
        return Ok(false);
    }
    sent.drain(..(sent.len() + 1).saturating_sub(MOST_SENT));
    sent.push(attempt.to_string());
    session.insert(SENT, sent).await?;
    session.save().await?; // before the code is made, so that a form sent twice meets it
    Ok(true)
}

/// `GET /delegation/accounts/{account}/code`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    form(&app, member, target, StatusCode::OK, Errors::default(), (String::new(), String::new())).await
}

/// Fields of the form.
#[derive(Deserialize)]
pub(crate) struct IssueForm {
    attempt: String,
    reason: String,
    #[serde(default)]
    ticket: String,
    /// Present if the checklist is ticked.
    checked: Option<String>,
}

/// `POST /delegation/accounts/{account}/code`: redirects to the page that shows the code once.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(sent): Form<IssueForm>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let Some(attempt) = AttemptId::parse(&sent.attempt) else { return Ok(StatusCode::BAD_REQUEST.into_response()) };
    let (reason, ticket) = (sent.reason.trim().to_owned(), sent.ticket.trim().to_owned());
    let mut errors = Errors::default();
    if sent.checked.is_none() {
        errors.add("checked", member.frame.t("code-not-checked"));
    }
    if !(SHORTEST..=LONGEST).contains(&reason.chars().count()) {
        errors.add("reason", member.frame.t("code-no-reason"));
    }
    if ticket.chars().count() > LONGEST / 10 {
        errors.add("ticket", member.frame.t("code-long-ticket"));
    }
    if !errors.is_empty() {
        return form(&app, member, target, StatusCode::UNPROCESSABLE_ENTITY, errors, (reason, ticket)).await;
    }
    let shown = Redirect::to(&format!("/delegation/accounts/{target}/code/{attempt}"));
    let before: Vec<String> = member.session.get(SENT).await?.unwrap_or_default();
    if !first_time(&member.session, before.clone(), attempt).await? {
        return Ok(shown.into_response());
    }
    let issue = Issue { target, reason, ticket: (!ticket.is_empty()).then_some(ticket) };
    Ok(match one_time_code::issue(&app, &member.visit, &member.identity, issue).await? {
        Issued::Code { code, until, account_name } => {
            let made = SealedCode { code: Zeroizing::new(code.shown()), account_name, until };
            let text = Zeroizing::new(serde_json::to_vec(&made).map_err(|error| PageError::new(&error))?);
            let sealed = app.keys.seal(&purpose(&member, target, attempt), &text).map_err(|error| PageError::new(&error))?;
            (CookieJar::new().add(code_cookie(sealed)), shown).into_response()
        }
        Issued::Denied(denial) => {
            member.session.insert(SENT, before).await?; // no code was made: a repetition is judged and logged again
            denied(member.frame, denial)
        }
    })
}

/// `GET /delegation/accounts/{account}/code/{attempt}`: shows the code, once.
pub(crate) async fn shown(
    State(app): State<Arc<App>>,
    Path((account, attempt)): Path<(String, String)>,
    cookies: CookieJar,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let (Some(target), Some(attempt)) = (ObjectGuid::parse(&account), AttemptId::parse(&attempt)) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let sealed = cookies.get(CODE_COOKIE).and_then(|cookie| app.keys.open(&purpose(&member, target, attempt), cookie.value()));
    let made = sealed.map(Zeroizing::new).and_then(|text| serde_json::from_slice::<SealedCode>(&text).ok());
    let mut frame = member.frame;
    frame.path = format!("/delegation/accounts/{target}");
    let Some(SealedCode { code, account_name, until }) = made.filter(|made| app.clock.now() < made.until) else {
        let mut notice = MessagePage::new(frame, "code-shown-before-title", "code-shown-before");
        notice.way = Some((format!("/delegation/accounts/{target}/code"), notice.frame.t("code-make-new")));
        return Ok(page(StatusCode::OK, &notice));
    };
    let (until, spelled) = (frame.words.time(until), frame.words.spelled(&code));
    let mut gone = code_cookie(String::new());
    gone.set_max_age(time::Duration::ZERO);
    let shown = page(StatusCode::OK, &CodeShownPage { frame, account: target, account_name, code, spelled, until });
    Ok((CookieJar::new().add(gone), shown).into_response())
}

async fn form(
    app: &Arc<App>,
    member: AuthenticatedRequest,
    target: ObjectGuid,
    status: StatusCode,
    errors: Errors,
    (reason, ticket): (String, String),
) -> Result<Response, PageError> {
    let AuthenticatedRequest { mut frame, visit, identity, token, .. } = member;
    frame.path = format!("/delegation/accounts/{target}/code");
    let attempt = AttemptId::from_random(app.keys.random().map_err(|e| PageError::new(&e))?);
    Ok(match show::show(app, &visit, &identity, target).await? {
        TargetShown::Account(view) if view.may(Action::IssueCode) => {
            page(status, &IssueCodePage { frame, view: *view, token, errors, reason, ticket, attempt })
        }
        TargetShown::Account(_) => Redirect::to(&format!("/delegation/accounts/{target}")).into_response(),
        TargetShown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        TargetShown::Denied(denial) => denied(frame, denial),
    })
}
