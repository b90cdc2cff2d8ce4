//! A target's account: state, permitted actions with reasons for the others, and unlocking.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use crate::http::extract::form::TokenOnly;
use crate::http::routes::delegation::lists::denied;
use crate::{
    app::App,
    flow::{
        delegation::{
            show::{self, TargetShown, TargetView},
            unlock::{self, UnlockOutcome},
        },
        self_service::sessions,
    },
    http::{
        extract::form::Form,
        page::{AuthenticatedRequest, Frame, PageError, page},
    },
    model::{
        account::PasswordExpiry,
        ad::guid::ObjectGuid,
        authorization::{Action, Denial},
        refusal::Refusal,
    },
};

#[derive(Template)]
#[template(path = "pages/other-account.html")]
pub(crate) struct TargetAccountPage {
    pub(crate) frame: Frame,
    pub(crate) view: TargetView,
    pub(crate) token: String,
    /// Result of the last action or its refusal, with the kind of alert.
    pub(crate) told: Option<(&'static str, String)>,
}

impl TargetAccountPage {
    fn may_set(&self) -> bool {
        self.view.may(Action::SetPassword)
    }

    fn may_unlock(&self) -> bool {
        self.view.account.locked && self.view.may(Action::Unlock)
    }

    /// Ending sessions needs the same right as unlocking.
    fn may_end_sessions(&self) -> bool {
        self.view.may(Action::Unlock)
    }

    fn may_give_code(&self) -> bool {
        self.view.may(Action::IssueCode)
    }

    fn why(&self) -> String {
        self.frame.ground(&self.view.ground)
    }

    /// Reason why neither a reset nor a one-time code is permitted.
    fn hindrance(&self) -> Option<String> {
        self.view.hindrance().map(|denial| self.frame.words.denial(denial))
    }

    fn state(&self) -> String {
        let now = self.frame.words.now;
        let account = &self.view.account;
        let key = if !account.usable(now) {
            "state-disabled"
        } else if account.locked {
            "state-locked"
        } else {
            match account.password.expiry {
                PasswordExpiry::MustChange => "state-must-change",
                PasswordExpiry::At(end) if end <= now => "state-expired",
                PasswordExpiry::At(_) | PasswordExpiry::Never => "state-fine",
            }
        };
        self.frame.t(key)
    }

    fn last_changed(&self) -> Option<String> {
        self.view.account.password.last_set.map(|at| self.frame.words.time(at))
    }

    fn last_logon(&self) -> Option<String> {
        self.view.account.last_logon.map(|at| self.frame.words.time(at))
    }

    fn wrong_tries(&self) -> Option<String> {
        let last = self.view.account.wrong_tries.last?;
        Some(self.frame.words.time(last))
    }

    fn expires(&self) -> String {
        match self.view.account.password.expiry {
            PasswordExpiry::Never => self.frame.t("never-expires"),
            PasswordExpiry::MustChange => self.frame.t("state-must-change"),
            PasswordExpiry::At(end) => self.frame.words.expiry(end),
        }
    }

    /// Time as shown, time in ISO 8601, event. `None` where the actor may not see the history.
    fn history(&self) -> Option<Vec<(String, String, String)>> {
        self.view.history.as_ref().map(|entries| self.frame.history(entries))
    }
}

/// `GET /delegation/accounts/{account}`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let told = match query.as_deref() {
        Some("unlocked") => Some(("success", member.frame.t("unlock-done"))),
        Some("not-locked") => Some(("info", member.frame.t("unlock-not-locked"))),
        Some("logged-out") => Some(("success", member.frame.t("sessions-ended"))),
        Some("unlock-unknown") => Some(("warning", member.frame.t("unlock-unknown"))),
        Some(_) | None => None,
    };
    account_page(&app, member, target, StatusCode::OK, told).await
}

async fn account_page(
    app: &Arc<App>,
    member: AuthenticatedRequest,
    target: ObjectGuid,
    status: StatusCode,
    told: Option<(&'static str, String)>,
) -> Result<Response, PageError> {
    let AuthenticatedRequest { mut frame, visit, identity, token, .. } = member;
    frame.path = format!("/delegation/accounts/{target}");
    Ok(match show::show(app, &visit, &identity, target).await? {
        TargetShown::Account(view) => page(status, &TargetAccountPage { frame, view: *view, token, told }),
        TargetShown::Own => Redirect::to(&format!("/accounts/{target}")).into_response(),
        TargetShown::Denied(denial) => denied(frame, denial),
    })
}

/// `POST /delegation/accounts/{account}/unlock`.
pub(crate) async fn unlock(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let back = |told: &str| Redirect::to(&format!("/delegation/accounts/{target}?{told}")).into_response();
    Ok(match unlock::unlock(&app, &member.visit, &member.identity, target).await? {
        UnlockOutcome::Done => back("unlocked"),
        UnlockOutcome::NotLocked => back("not-locked"),
        UnlockOutcome::Unknown => back("unlock-unknown"),
        UnlockOutcome::Refused(Refusal::Denied(denial @ (Denial::NoRelation | Denial::Barred | Denial::TooOften(_)))) => {
            denied(member.frame, denial)
        }
        UnlockOutcome::Refused(refusal) => {
            let text = member.frame.words.refusal(&refusal).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ");
            let status =
                if matches!(refusal, Refusal::Throttled { .. }) { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNPROCESSABLE_ENTITY };
            account_page(&app, member, target, status, Some(("error", text))).await?
        }
    })
}

/// `POST /delegation/accounts/{account}/sessions/end`: ends all sessions of the target.
pub(crate) async fn end_sessions(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    Ok(match sessions::end_for_another(&app, &member.visit, &member.identity, target).await? {
        Ok(()) => Redirect::to(&format!("/delegation/accounts/{target}?logged-out")).into_response(),
        Err(denial) => denied(member.frame, denial),
    })
}
