//! Issue of a one-time code to a target: checklist, reason and code.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::http::routes::delegation::lists::denied;
use crate::{
    app::App,
    flow::{
        delegation::show::{self, TargetShown, TargetView},
        one_time_code::{self, Issue, Issued},
    },
    http::{
        extract::form::Form,
        page::{AuthenticatedRequest, Errors, Frame, PageError, page},
    },
    model::{ad::guid::ObjectGuid, authorization::Action},
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
    pub(crate) code: String,
    pub(crate) until: String,
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
    reason: String,
    #[serde(default)]
    ticket: String,
    /// Present if the checklist is ticked.
    checked: Option<String>,
}

/// `POST /delegation/accounts/{account}/code`. Its answer is the page with the code. No address shows the code again.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(sent): Form<IssueForm>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
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
    let issue = Issue { target, reason, ticket: (!ticket.is_empty()).then_some(ticket) };
    Ok(match one_time_code::issue(&app, &member.visit, &member.identity, issue).await? {
        Issued::Code { code, until, account_name } => {
            let mut frame = member.frame;
            frame.path = format!("/delegation/accounts/{target}");
            let until = frame.words.time(until);
            page(StatusCode::OK, &CodeShownPage { frame, account: target, account_name, code: code.shown(), until })
        }
        Issued::Denied(denial) => denied(member.frame, denial),
    })
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
    Ok(match show::show(app, &visit, &identity, target).await? {
        TargetShown::Account(view) if view.may(Action::IssueCode) => {
            page(status, &IssueCodePage { frame, view: *view, token, errors, reason, ticket })
        }
        TargetShown::Account(_) => Redirect::to(&format!("/delegation/accounts/{target}")).into_response(),
        TargetShown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        TargetShown::Denied(denial) => denied(frame, denial),
    })
}
