//! Reset of a target's password: form, submission and result.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use crate::http::routes::{account::password::parse_new, delegation::lists::denied};
use crate::{
    app::App,
    flow::{
        delegation::show::{self, TargetShown, TargetView},
        set_password::{self, NOT_LET_IN, NOT_TRIED, STILL_LOCKED, SetOutcome, SetRequest, Whose},
    },
    http::{
        extract::form::Form,
        i18n::words::ShownRule,
        page::{AuthenticatedRequest, Errors, Frame, PageError, page},
    },
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, attempt::AttemptId},
        authorization::{Action, Denial},
        credential::password::Password,
        refusal::Refusal,
    },
};

#[derive(Template)]
#[template(path = "pages/other-password.html")]
pub(crate) struct TargetPasswordPage {
    pub(crate) frame: Frame,
    pub(crate) view: TargetView,
    pub(crate) token: String,
    pub(crate) attempt: AttemptId,
    pub(crate) errors: Errors,
    /// A suggested password, if the actor asked for one.
    pub(crate) proposal: Option<Password>,
}

impl TargetPasswordPage {
    fn rules(&self) -> Vec<ShownRule> {
        self.view.rules.iter().map(|rule| self.frame.words.rule(rule, &self.view.account)).collect()
    }
}

/// `GET /delegation/accounts/{account}/password`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    form(&app, member, target, StatusCode::OK, Errors::default(), None, query.as_deref() == Some("propose")).await
}

/// Fields of the form.
#[derive(Deserialize)]
pub(crate) struct TargetPasswordForm {
    attempt: String,
    new: String,
    #[serde(default)]
    repeat: String,
    /// Present if the password was typed in clear text, which needs no repetition.
    seen: Option<String>,
    /// Present if the target must change the password at the next logon.
    must_change: Option<String>,
}

/// `POST /delegation/accounts/{account}/password`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(sent): Form<TargetPasswordForm>,
) -> Result<Response, PageError> {
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
    let answer =
        set_password::set(&app, &member.visit, &member.identity, SetRequest { target, attempt, current: None, new, whose }).await?;
    match answer {
        SetOutcome::Done
        | SetOutcome::StillLocked
        | SetOutcome::NotLetIn(_)
        | SetOutcome::NotTried
        | SetOutcome::Unknown
        | SetOutcome::AlreadySent => Ok(Redirect::to(&format!("/delegation/accounts/{target}/password/{attempt}")).into_response()),
        SetOutcome::Refused(Refusal::Denied(denial @ (Denial::NoRelation | Denial::Barred | Denial::TooOften(_)))) => {
            Ok(denied(member.frame, denial))
        }
        SetOutcome::Refused(refusal) => {
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
    member: AuthenticatedRequest,
    target: ObjectGuid,
    status: StatusCode,
    errors: Errors,
    must_change: Option<bool>,
    propose: bool,
) -> Result<Response, PageError> {
    let AuthenticatedRequest { mut frame, visit, identity, token, .. } = member;
    frame.path = format!("/delegation/accounts/{target}/password");
    let attempt = AttemptId::from_random(app.keys.random().map_err(|e| PageError::new(&e))?);
    Ok(match show::show(app, &visit, &identity, target).await? {
        TargetShown::Account(view) if view.may(Action::SetPassword) => {
            let proposal = if propose { view.propose(app)? } else { None };
            let mut view = view;
            view.usual.must_change = must_change.unwrap_or(view.usual.must_change);
            page(status, &TargetPasswordPage { frame, view: *view, token, attempt, errors, proposal })
        }
        TargetShown::Account(_) => Redirect::to(&format!("/delegation/accounts/{target}")).into_response(),
        TargetShown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        TargetShown::Denied(denial) => denied(frame, denial),
    })
}

#[derive(Template)]
#[template(path = "pages/other-result.html")]
pub(crate) struct TargetResultPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) kind: &'static str,
    pub(crate) account: ObjectGuid,
}

/// `GET /delegation/accounts/{account}/password/{attempt}`: the outcome of the actor's attempt, from the audit log.
pub(crate) async fn result(
    State(app): State<Arc<App>>,
    Path((account, attempt)): Path<(String, String)>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
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
    Ok(page(StatusCode::OK, &TargetResultPage { frame, title, text, kind, account }))
}
