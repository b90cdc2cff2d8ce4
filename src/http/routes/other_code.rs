//! Issue of a one-time code to a target: checklist, reason and code.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::others::denied;
use crate::{
    app::App,
    flow::{
        codes::{self, Issue, Issued},
        others::show::{self, OtherView, Shown},
    },
    http::{
        form::Form,
        view::{Errors, Failure, Frame, Member, page},
    },
    model::{authority::Action, guid::ObjectGuid},
};

/// Shortest reason, characters.
const SHORTEST: usize = 5;
/// Longest reason, characters. A ticket number is at most a tenth of it.
const LONGEST: usize = 500;

#[derive(Template)]
#[template(path = "pages/other-code.html")]
pub(super) struct OtherCodePage {
    pub(super) frame: Frame,
    pub(super) view: OtherView,
    pub(super) token: String,
    pub(super) errors: Errors,
    /// Typed reason, shown again after an error.
    pub(super) reason: String,
    pub(super) ticket: String,
}

impl OtherCodePage {
    fn checklist(&self) -> Vec<String> {
        self.frame.checklist()
    }
}

#[derive(Template)]
#[template(path = "pages/other-code-shown.html")]
pub(super) struct CodeShownPage {
    pub(super) frame: Frame,
    pub(super) account: ObjectGuid,
    pub(super) account_name: String,
    pub(super) code: String,
    pub(super) until: String,
}

/// `GET /others/accounts/{account}/code`.
pub(in crate::http) async fn show(State(app): State<Arc<App>>, Path(account): Path<String>, member: Member) -> Result<Response, Failure> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    form(&app, member, target, StatusCode::OK, Errors::default(), (String::new(), String::new())).await
}

/// Fields of the form.
#[derive(Deserialize)]
pub(in crate::http) struct CodeForm {
    reason: String,
    #[serde(default)]
    ticket: String,
    /// Present if the checklist is ticked.
    checked: Option<String>,
}

/// `POST /others/accounts/{account}/code`. Its answer is the page with the code. No address shows the code again.
pub(in crate::http) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: Member,
    Form(sent): Form<CodeForm>,
) -> Result<Response, Failure> {
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
    Ok(match codes::issue(&app, &member.visit, &member.identity, issue).await? {
        Issued::Code { code, until, account_name } => {
            let mut frame = member.frame;
            frame.path = format!("/others/accounts/{target}");
            let until = frame.words.time(until);
            page(StatusCode::OK, &CodeShownPage { frame, account: target, account_name, code: code.shown(), until })
        }
        Issued::Denied(denial) => denied(member.frame, denial),
    })
}

async fn form(
    app: &Arc<App>,
    member: Member,
    target: ObjectGuid,
    status: StatusCode,
    errors: Errors,
    (reason, ticket): (String, String),
) -> Result<Response, Failure> {
    let Member { mut frame, visit, identity, token, .. } = member;
    frame.path = format!("/others/accounts/{target}/code");
    Ok(match show::show(app, &visit, &identity, target).await? {
        Shown::Account(view) if view.may(Action::IssueCode) => {
            page(status, &OtherCodePage { frame, view: *view, token, errors, reason, ticket })
        }
        Shown::Account(_) => Redirect::to(&format!("/others/accounts/{target}")).into_response(),
        Shown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        Shown::Denied(denial) => denied(frame, denial),
    })
}
