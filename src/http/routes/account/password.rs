//! Change or reset of an own password: form, submission and result.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::http::routes::account::show::{denied, outlived, unavailable};
use crate::{
    app::App,
    flow::{
        self_service::show::{self, AccountShown, AccountView},
        set_password::{self, NOT_LET_IN, NOT_TRIED, STILL_LOCKED, SetOutcome, SetRequest, Whose},
    },
    http::{
        extract::{form::Form, known_browser, session},
        i18n::{
            catalogue::{TextValue, text},
            words::ShownRule,
        },
        page::{AuthenticatedRequest, Errors, Frame, PageError, label, page},
    },
    model::{
        ad::guid::ObjectGuid,
        audit::{AuditOutcome, attempt::AttemptId},
        credential::password::{NotAPassword, Password},
        refusal::Refusal,
    },
};

#[derive(Template)]
#[template(path = "pages/password.html")]
pub(crate) struct PasswordPage {
    pub(crate) frame: Frame,
    pub(crate) view: AccountView,
    pub(crate) token: String,
    pub(crate) attempt: AttemptId,
    /// Whether the form asks for the current password.
    pub(crate) change: bool,
    pub(crate) errors: Errors,
}

impl PasswordPage {
    fn rules(&self) -> Vec<ShownRule> {
        self.view.rules.iter().map(|rule| self.frame.words.rule(rule, &self.view.account)).collect()
    }

    /// Shown before the owner types.
    fn too_young(&self) -> Option<String> {
        let at = self.view.changeable_at?;
        Some(self.frame.words.with("broken-too-young", "time", &self.frame.words.wait_until(at)))
    }
}

/// `GET /accounts/{account}/password`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    form(&app, member, target, StatusCode::OK, Errors::default()).await
}

/// Fields of the form. The login decides between change and reset, not the presence of `current`.
#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    attempt: String,
    #[serde(default)]
    current: String,
    new: String,
    repeat: String,
}

/// `POST /accounts/{account}/password`.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(sent): Form<PasswordForm>,
) -> Result<Response, PageError> {
    let (Some(target), Some(attempt)) = (ObjectGuid::parse(&account), AttemptId::parse(&sent.attempt)) else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    let (current, new) = match parse(&member, sent) {
        Ok(passwords) => passwords,
        Err(errors) => return form(&app, member, target, StatusCode::UNPROCESSABLE_ENTITY, errors).await,
    };
    let whose = Whose::Own { asking: member.session.id().map(Into::into) };
    let own = member.identity.password_of() == Some(target);
    let before = if own { session::password_may_be_set(&member.session).await? } else { None };
    let answer = set_password::set(&app, &member.visit, &member.identity, SetRequest { target, attempt, current, new, whose }).await?;
    if own && matches!(answer, SetOutcome::Refused(_)) {
        session::password_not_set(&member.session, before).await?;
    }
    match answer {
        SetOutcome::Done
        | SetOutcome::StillLocked
        | SetOutcome::NotLetIn(_)
        | SetOutcome::NotTried
        | SetOutcome::Unknown
        | SetOutcome::AlreadySent => {
            let confirmed = matches!(answer, SetOutcome::Done | SetOutcome::StillLocked | SetOutcome::NotLetIn(_) | SetOutcome::NotTried);
            let cookies = confirmed.then(|| known_browser::remember(&app, &member.visit, Some(target)));
            Ok((cookies, Redirect::to(&format!("/accounts/{target}/password/{attempt}"))).into_response())
        }
        SetOutcome::Refused(refusal) => {
            let status = match refusal {
                Refusal::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
                Refusal::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Refusal::NoRelation => return Ok(unavailable(member.frame)),
                Refusal::Policy(_)
                | Refusal::WrongCurrent
                | Refusal::Locked
                | Refusal::NearLockout
                | Refusal::CannotChange
                | Refusal::NoRight
                | Refusal::NotUsable
                | Refusal::TooWeak { .. }
                | Refusal::LoginTooOld
                | Refusal::Denied(_)
                | Refusal::CodeEnded
                | Refusal::PolicyUnexplained => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let errors = member.frame.words.refusal(&refusal).into_iter().collect();
            form(&app, member, target, status, errors).await
        }
    }
}

/// The empty form with a new attempt id; typed passwords are never sent back. Where no form could succeed, redirects to the account page,
/// which shows the reason.
async fn form(
    app: &App,
    member: AuthenticatedRequest,
    target: ObjectGuid,
    status: StatusCode,
    errors: Errors,
) -> Result<Response, PageError> {
    let AuthenticatedRequest { mut frame, identity, token, session, .. } = member;
    frame.path = format!("/accounts/{target}/password");
    let attempt = AttemptId::from_random(app.keys.random().map_err(|e| PageError::new(&e))?);
    Ok(match show::show(app, &identity, target).await? {
        AccountShown::Account(view) if session::is_outlived(&session, &identity, &view.account).await? => outlived(&session).await?,
        AccountShown::Account(view) if view.barred.is_some() => Redirect::to(&format!("/accounts/{target}")).into_response(),
        AccountShown::Account(view) => {
            let change = !identity.resets();
            page(status, &PasswordPage { frame, view: *view, token, attempt, change, errors })
        }
        AccountShown::Denied(denial) => denied(frame, denial),
        AccountShown::Unavailable => unavailable(frame),
    })
}

/// Reads the current password, if the login needs one, and the new one; or returns the errors of the form.
fn parse(member: &AuthenticatedRequest, sent: PasswordForm) -> Result<(Option<Password>, Password), Errors> {
    let mut errors = Errors::default();
    let current = if member.identity.resets() {
        drop(Zeroizing::new(sent.current)); // the form of a reset has no such field
        Some(None)
    } else {
        typed(&member.frame, "current", sent.current, &mut errors).map(Some)
    };
    match (current, twice(&member.frame, sent.new, sent.repeat, &mut errors)) {
        (Some(current), Some(new)) => Ok((current, new)),
        (None, _) | (_, None) => Err(errors),
    }
}

/// Reads a new password for a target, or returns the errors of the form.
pub(crate) fn parse_new(frame: &Frame, new: String, repeat: String) -> Result<Password, Errors> {
    let mut errors = Errors::default();
    twice(frame, new, repeat, &mut errors).ok_or(errors)
}

fn twice(frame: &Frame, new: String, repeat: String, errors: &mut Errors) -> Option<Password> {
    let new = typed(frame, "new", new, errors);
    let repeat = typed(frame, "repeat", repeat, errors);
    match (new, repeat) {
        (Some(new), Some(repeat)) if new == repeat => Some(new),
        (Some(_), Some(_)) => {
            errors.add("repeat", frame.t("form-repeat"));
            None
        }
        (None, _) | (_, None) => None,
    }
}

fn typed(frame: &Frame, field: &'static str, typed: String, errors: &mut Errors) -> Option<Password> {
    match Password::parse(typed) {
        Ok(password) => Some(password),
        Err(problem) => {
            let key = match problem {
                NotAPassword::Empty => "form-empty",
                NotAPassword::TooLong => "form-too-long",
                NotAPassword::Nul => "form-nul",
            };
            let name = frame.t(label(field));
            errors.add(field, text(frame.words.language, key, &[("field", TextValue::Word(&name))]));
            None
        }
    }
}

#[derive(Template)]
#[template(path = "pages/result.html")]
pub(crate) struct ResultPage {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) kind: &'static str,
    pub(crate) done: bool,
    pub(crate) account: ObjectGuid,
}

/// `GET /accounts/{account}/password/{attempt}`: the outcome of an attempt, from the audit log.
pub(crate) async fn result(
    State(app): State<Arc<App>>,
    Path((account, attempt)): Path<(String, String)>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let (Some(account), Some(attempt)) = (ObjectGuid::parse(&account), AttemptId::parse(&attempt)) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let outcome = set_password::outcome_of(&app, &member.identity, account, account, attempt).await?;
    let Some(outcome) = outcome.filter(|outcome| outcome.target.as_ref().is_none_or(|target| target.guid == account)) else {
        return Ok(unavailable(member.frame));
    };
    let (kind, title, text) = match outcome.outcome {
        AuditOutcome::Succeeded if outcome.reason == STILL_LOCKED => ("warning", "result-done-title", "result-still-locked"),
        AuditOutcome::Succeeded if outcome.reason.starts_with(NOT_LET_IN) => ("warning", "result-done-title", "result-not-let-in"),
        AuditOutcome::Succeeded if outcome.reason == NOT_TRIED => ("warning", "result-done-title", "result-not-tried"),
        AuditOutcome::Succeeded if outcome.kind.settles() => ("success", "result-done-title", "result-settled"),
        AuditOutcome::Succeeded => ("success", "result-done-title", "result-done"),
        AuditOutcome::Unknown if outcome.kind.settles() => ("warning", "result-unknown-title", "result-unknown-settled"),
        AuditOutcome::Unknown => ("warning", "result-unknown-title", "result-unknown"),
        AuditOutcome::Started => ("info", "result-started-title", "result-started"),
        AuditOutcome::Refused => ("error", "result-refused-title", "result-refused"),
        AuditOutcome::Failed => ("error", "result-refused-title", "result-failed"),
    };
    let frame = member.frame;
    let (title, text) = (frame.t(title), frame.t(text));
    Ok(page(StatusCode::OK, &ResultPage { title, text, kind, done: outcome.outcome == AuditOutcome::Succeeded, account, frame }))
}
