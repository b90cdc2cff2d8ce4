//! Account page: state, history and sessions of an own account.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use axum_extra::extract::CookieJar;
use tower_sessions::Session;

use crate::http::extract::form::TokenOnly;
use crate::{
    app::App,
    flow::self_service::{
        list::{self, LinkedAccount},
        sessions,
        show::{self, AccountShown, AccountView},
    },
    http::{
        extract::{form::Form, session, way_back},
        middleware::headers::logged_out,
        page::{AuthenticatedRequest, Frame, MessagePage, PageError, page},
    },
    model::{
        account::PasswordExpiry,
        ad::guid::ObjectGuid,
        authorization::Denial,
        identity::{Identity, LoginMethod, provider::ProviderId},
        refusal::Refusal,
    },
    store::sessions::ListedSession,
};

#[derive(Template)]
#[template(path = "pages/account.html")]
pub(crate) struct AccountPage {
    pub(crate) frame: Frame,
    pub(crate) view: AccountView,
    /// Provider of the login; `None` for a login without one.
    pub(crate) provider: Option<ProviderId>,
    pub(crate) token: String,
    /// The owner's open sessions.
    pub(crate) sessions: Vec<ListedSession>,
}

/// Choice of the linked accounts of a login with none or several.
#[derive(Template)]
#[template(path = "pages/accounts.html")]
pub(crate) struct AccountsPage {
    pub(crate) frame: Frame,
    pub(crate) accounts: Vec<LinkedAccount>,
}

impl AccountPage {
    /// Alerts about the account that need action, each with its kind.
    fn banners(&self) -> Vec<(&'static str, String)> {
        let expired = match self.view.account.password.expiry {
            PasswordExpiry::MustChange => Some("banner-must-change"),
            PasswordExpiry::At(end) if end <= self.frame.words.now => Some("banner-expired"),
            PasswordExpiry::At(_) | PasswordExpiry::Never => None,
        };
        let unlocks = self.provider.is_some() && self.frame.reset_unlocks();
        let key = if unlocks { "banner-locked-reset" } else { "banner-locked" };
        let locked = self.view.account.locked.then_some(("error", self.frame.t(key)));
        expired.map(|key| ("warning", self.frame.t(key))).into_iter().chain(locked).collect()
    }

    /// Reason why the owner can't set a password here. A lockout is left out, because the banner covers it.
    fn barred(&self) -> Option<String> {
        let refusal = self.view.barred.as_ref().filter(|refusal| **refusal != Refusal::Locked)?;
        Some(self.frame.words.refusal(refusal).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "))
    }

    /// Logins that would be sufficient: address and text.
    fn logins(&self) -> Vec<(String, String)> {
        match (&self.view.barred, &self.provider) {
            (Some(Refusal::TooWeak { needed }), now) => self.frame.providers_for(needed, now.as_ref()),
            (Some(Refusal::LoginTooOld), Some(now)) => vec![(format!("/login/{now}?again"), self.frame.provider_name(now))],
            (Some(_) | None, _) => Vec::new(),
        }
    }

    /// Whether to suggest a login with the current password.
    fn ad_password(&self) -> bool {
        matches!(self.view.barred, Some(Refusal::TooWeak { .. })) && self.frame.ad_password()
    }

    /// AD has no time for a password that must be changed.
    fn last_changed(&self) -> Option<String> {
        self.view.account.password.last_set.map(|at| self.frame.words.time(at))
    }

    fn expires(&self) -> String {
        match self.view.account.password.expiry {
            PasswordExpiry::Never => self.frame.t("never-expires"),
            PasswordExpiry::MustChange => self.frame.t("must-change"),
            PasswordExpiry::At(end) => self.frame.words.expiry(end),
        }
    }

    /// Device, login method with time, and the handle of a session that can be ended alone: every one but the current.
    fn sessions(&self) -> Vec<(String, String, Option<&str>)> {
        let shown = |known| {
            let (device, how) = self.frame.session(known);
            (device, how, (!known.this).then_some(known.handle.as_str()))
        };
        self.sessions.iter().map(shown).collect()
    }

    /// Time as shown, time in ISO 8601, event.
    fn history(&self) -> Vec<(String, String, String)> {
        self.frame.history(&self.view.history)
    }
}

/// `GET /account`: the linked account of the login, or the choice where there are several.
///
/// Logins at a provider end here: the page that was asked for before the login comes first.
pub(crate) async fn own(State(app): State<Arc<App>>, cookies: CookieJar, member: AuthenticatedRequest) -> Result<Response, PageError> {
    if member.identity.method() == LoginMethod::Local {
        return Ok(Redirect::to("/delegation").into_response()); // a local account has no AD account
    }
    let accounts = list::list(&app, &member.identity).await?;
    if let Some(back) = way_back::asked_before(&cookies, |account| accounts.iter().any(|own| own.guid == account)) {
        return Ok((way_back::forget(), Redirect::to(&back)).into_response());
    }
    Ok(match accounts.as_slice() {
        [] if member.frame.others() => Redirect::to("/delegation").into_response(), // most likely a parent
        [only] => Redirect::to(&format!("/accounts/{}", only.guid)).into_response(),
        [] | [_, ..] => page(StatusCode::OK, &AccountsPage { frame: member.frame, accounts }),
    })
}

/// `GET /accounts/{account}`.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    Ok(match show::show(&app, &member.identity, target).await? {
        AccountShown::Account(view) if session::is_outlived(&member.session, &member.identity, &view.account).await? => {
            outlived(&member.session).await?
        }
        AccountShown::Account(view) => {
            let asking = member.session.id().map(Into::into);
            let sessions = sessions::list(&app, &member.identity, target, asking).await?;
            page(StatusCode::OK, &account_page(member.frame, *view, &member.identity, member.token, sessions))
        }
        AccountShown::Denied(denial) => denied(member.frame, denial),
        AccountShown::Unavailable => unavailable(member.frame),
    })
}

fn account_page(frame: Frame, view: AccountView, identity: &Identity, token: String, sessions: Vec<ListedSession>) -> AccountPage {
    AccountPage { frame, view, provider: identity.provider().map(|login| login.provider.clone()), token, sessions }
}

/// Ends a session whose password has been changed since its login.
pub(crate) async fn outlived(session: &Session) -> Result<Response, PageError> {
    session::end(session).await?;
    Ok(Redirect::to("/?ended").into_response())
}

/// `POST /accounts/{account}/sessions/end`: ends all sessions of the owner, this one too.
pub(crate) async fn end_sessions(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    if !sessions::end_everywhere(&app, &member.visit, &member.identity, target).await? {
        return Ok(unavailable(member.frame));
    }
    session::end(&member.session).await?;
    Ok(logged_out("/?logged-out-everywhere"))
}

/// `POST /accounts/{account}/sessions/{session}/end`: ends one session of the owner.
pub(crate) async fn end_session(
    State(app): State<Arc<App>>,
    Path((account, handle)): Path<(String, String)>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    Ok(match sessions::end_one(&app, &member.visit, &member.identity, target, &handle).await? {
        None => unavailable(member.frame),
        // Where it has ended already, the list says so.
        Some(_ended) => Redirect::to(&format!("/accounts/{target}")).into_response(),
    })
}

/// Page for a linked account that this login may not act on.
pub(crate) fn denied(mut frame: Frame, denial: Denial) -> Response {
    frame.path = String::from("/");
    let mut notice = MessagePage::new(frame, "barred-title", "denied-barred");
    notice.paragraphs = vec![notice.frame.words.denial(denial)];
    page(StatusCode::FORBIDDEN, &notice)
}

/// Page for an account that is another person's, deleted or not served. It does not reveal the reason.
pub(crate) fn unavailable(mut frame: Frame) -> Response {
    frame.path = String::from("/");
    page(StatusCode::NOT_FOUND, &MessagePage::new(frame, "unavailable-title", "unavailable-text"))
}
