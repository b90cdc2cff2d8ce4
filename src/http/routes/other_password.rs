//! Reset of a target's password: form, submission and result.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{others::denied, password::parse_new};
use crate::{
    app::App,
    flow::{
        others::show::{self, OtherView, Shown},
        set_password::{self, Answer, NOT_LET_IN, NOT_TRIED, Request, STILL_LOCKED, Whose},
    },
    http::{
        form::Form,
        view::{Errors, Failure, Frame, Member, page},
        words::ShownRule,
    },
    model::{
        attempt::AttemptId,
        audit::AuditOutcome,
        authority::{Action, Denial},
        guid::ObjectGuid,
        password::Password,
        refusal::Refusal,
    },
};

#[derive(Template)]
#[template(path = "pages/other-password.html")]
pub(super) struct OtherPasswordPage {
    pub(super) frame: Frame,
    pub(super) view: OtherView,
    pub(super) token: String,
    pub(super) attempt: AttemptId,
    pub(super) errors: Errors,
    /// A suggested password, if the actor asked for one.
    pub(super) proposal: Option<Password>,
}

impl OtherPasswordPage {
    fn rules(&self) -> Vec<ShownRule> {
        self.view.rules.iter().map(|rule| self.frame.words.rule(rule, &self.view.account)).collect()
    }
}

/// `GET /others/accounts/{account}/password`.
pub(in crate::http) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    member: Member,
) -> Result<Response, Failure> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    form(&app, member, target, StatusCode::OK, Errors::default(), None, query.as_deref() == Some("propose")).await
}

/// Fields of the form.
#[derive(Deserialize)]
pub(in crate::http) struct OtherPasswordForm {
    attempt: String,
    new: String,
    #[serde(default)]
    repeat: String,
    /// Present if the password was typed in clear text, which needs no repetition.
    seen: Option<String>,
    /// Present if the target must change the password at the next logon.
    must_change: Option<String>,
}

/// `POST /others/accounts/{account}/password`.
pub(in crate::http) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: Member,
    Form(sent): Form<OtherPasswordForm>,
) -> Result<Response, Failure> {
    let (Some(target), Some(attempt)) = (ObjectGuid::parse(&account), AttemptId::parse(&sent.attempt)) else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    let must_change = sent.must_change.is_some();
    let repeat = if sent.seen.is_some() { sent.new.clone() } else { sent.repeat };
    let new = match parse_new(&member.frame, sent.new, repeat) {
        Ok(new) => new,
        Err(errors) => return form(&app, member, target, StatusCode::UNPROCESSABLE_ENTITY, errors, Some(must_change), false).await,
    };
    let whose = Whose::Anothers { must_change };
    let answer = set_password::set(&app, &member.visit, &member.identity, Request { target, attempt, current: None, new, whose }).await?;
    match answer {
        Answer::Done | Answer::StillLocked | Answer::NotLetIn(_) | Answer::NotTried | Answer::Unknown | Answer::AlreadySent => {
            Ok(Redirect::to(&format!("/others/accounts/{target}/password/{attempt}")).into_response())
        }
        Answer::Refused(Refusal::Denied(denial @ (Denial::NoRelation | Denial::Barred | Denial::TooOften(_)))) => {
            Ok(denied(member.frame, denial))
        }
        Answer::Refused(refusal) => {
            let status = if matches!(refusal, Refusal::Throttled { .. } | Refusal::Busy { .. }) {
                StatusCode::TOO_MANY_REQUESTS
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let errors = member.frame.words.refusal(&refusal).into_iter().collect();
            form(&app, member, target, status, errors, Some(must_change), false).await
        }
    }
}

/// The empty form; only the tick of `must_change` is kept. Where no form could succeed, redirects to the account page, which shows the
/// reason.
async fn form(
    app: &Arc<App>,
    member: Member,
    target: ObjectGuid,
    status: StatusCode,
    errors: Errors,
    must_change: Option<bool>,
    propose: bool,
) -> Result<Response, Failure> {
    let Member { mut frame, visit, identity, token, .. } = member;
    frame.path = format!("/others/accounts/{target}/password");
    let attempt = AttemptId::from_random(app.keys.random().map_err(|e| Failure::new(&e))?);
    Ok(match show::show(app, &visit, &identity, target).await? {
        Shown::Account(view) if view.may(Action::SetPassword) => {
            let proposal = if propose { view.propose(app)? } else { None };
            let mut view = view;
            view.usual.must_change = must_change.unwrap_or(view.usual.must_change);
            page(status, &OtherPasswordPage { frame, view: *view, token, attempt, errors, proposal })
        }
        Shown::Account(_) => Redirect::to(&format!("/others/accounts/{target}")).into_response(),
        Shown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        Shown::Denied(denial) => denied(frame, denial),
    })
}

#[derive(Template)]
#[template(path = "pages/other-result.html")]
pub(super) struct OtherResultPage {
    pub(super) frame: Frame,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) kind: &'static str,
    pub(super) account: ObjectGuid,
}

/// `GET /others/accounts/{account}/password/{attempt}`: the outcome of the actor's attempt, from the audit log.
pub(in crate::http) async fn result(
    State(app): State<Arc<App>>,
    Path((account, attempt)): Path<(String, String)>,
    member: Member,
) -> Result<Response, Failure> {
    let (Some(account), Some(attempt)) = (ObjectGuid::parse(&account), AttemptId::parse(&attempt)) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let Some(outcome) = set_password::outcome_for(&app, &member.identity, account, attempt).await? else {
        return Ok(denied(member.frame, Denial::NoRelation));
    };
    let (kind, title, text) = match outcome.outcome {
        AuditOutcome::Succeeded if outcome.reason == STILL_LOCKED => ("warning", "other-done-title", "other-still-locked"),
        AuditOutcome::Succeeded if outcome.reason.starts_with(NOT_LET_IN) => ("warning", "other-done-title", "other-not-let-in"),
        AuditOutcome::Succeeded if outcome.reason == NOT_TRIED => ("warning", "other-done-title", "other-not-tried"),
        AuditOutcome::Succeeded if outcome.kind.settles() => ("success", "other-done-title", "other-settled"),
        AuditOutcome::Succeeded => ("success", "other-done-title", "other-done"),
        AuditOutcome::Unknown => ("warning", "other-unknown-title", "other-unknown"),
        AuditOutcome::Started => ("info", "other-unknown-title", "result-started"),
        AuditOutcome::Refused | AuditOutcome::Failed => ("error", "other-not-done-title", "other-not-done"),
    };
    let frame = member.frame;
    let (title, text) = (frame.t(title), frame.t(text));
    Ok(page(StatusCode::OK, &OtherResultPage { frame, title, text, kind, account }))
}
