//! The account page: state and history.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::front::Method;
use crate::{
    app::App,
    flow::{
        list_accounts::{self, Listed},
        show_account::{self, AccountView, Means, Shown},
    },
    http::view::{Failure, Frame, Member, Notice, page},
    model::{account::PasswordExpiry, guid::ObjectGuid, identity::Identity, provider::ProviderId, refusal::Refusal},
};

#[derive(Template)]
#[template(path = "pages/account.html")]
pub(super) struct AccountPage {
    pub(super) frame: Frame,
    pub(super) view: AccountView,
    /// Other ways to log in that would do, where this one does not.
    pub(super) ways: Vec<Method>,
    /// Would the current password do instead?
    pub(super) ad_password: bool,
    /// Where the person logged in.
    pub(super) provider: Option<ProviderId>,
}

/// The accounts of somebody who has none, or several.
#[derive(Template)]
#[template(path = "pages/accounts.html")]
pub(super) struct AccountsPage {
    pub(super) frame: Frame,
    pub(super) accounts: Vec<Listed>,
}

impl AccountPage {
    pub(super) fn new(app: &App, frame: Frame, identity: &Identity, view: AccountView) -> Self {
        let ways = match &view.means {
            Means::Not(Refusal::TooWeak(needed) | Refusal::OtherProvider(needed)) => app
                .config
                .saml
                .providers
                .iter()
                .filter(|provider| needed.accepts(&provider.id) && provider.reaches().is_none_or(|level| level >= needed.level))
                .map(|provider| Method::of(provider, frame.words.language))
                .collect(),
            Means::Change | Means::Reset | Means::Not(_) => Vec::new(),
        };
        let ad_password = matches!(view.means, Means::Not(_)) && app.config.login.ad_password.enabled;
        let provider = identity.provider().map(|login| login.provider.clone());
        Self { frame, view, ways, ad_password, provider }
    }

    /// Why no new password can be set with this login.
    fn hindrance(&self) -> Option<String> {
        let Means::Not(refusal) = &self.view.means else { return None };
        Some(self.frame.words.refusal(refusal).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "))
    }

    /// The way back to the provider, where all that is wrong is that the login was too long ago.
    fn again(&self) -> Option<String> {
        let (Means::Not(Refusal::LoginTooOld), Some(provider)) = (&self.view.means, &self.provider) else { return None };
        Some(format!("/login/{provider}?again"))
    }

    /// What needs to be done about the account, with the kind of alert.
    fn banners(&self) -> Vec<(&'static str, String)> {
        let expired = match self.view.account.password.expiry {
            PasswordExpiry::MustChange => Some("banner-must-change"),
            PasswordExpiry::At(end) if end <= self.frame.words.now => Some("banner-expired"),
            PasswordExpiry::At(_) | PasswordExpiry::Never => None,
        };
        let locked = self.view.account.locked.then_some(("error", self.frame.t("banner-locked")));
        expired.map(|key| ("warning", self.frame.t(key))).into_iter().chain(locked).collect()
    }

    /// AD does not keep it for a password that must be changed.
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

    /// Time as shown, time for machines, what happened.
    fn history(&self) -> Vec<(String, String, String)> {
        let words = &self.frame.words;
        let line = |entry: &crate::audit::Entry| {
            let at = entry.event.at;
            (words.time(at), at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), words.event(&entry.event))
        };
        self.view.history.iter().map(line).collect()
    }
}

/// `GET /account`: the account that the login has proven, or the choice where there are several.
pub(in crate::http) async fn own(State(app): State<Arc<App>>, member: Member) -> Result<Response, Failure> {
    let accounts = list_accounts::list(&app, &member.identity).await?;
    Ok(match accounts.as_slice() {
        [only] => Redirect::to(&format!("/accounts/{}", only.guid)).into_response(),
        [] | [_, ..] => page(StatusCode::OK, &AccountsPage { frame: member.frame, accounts }),
    })
}

/// `GET /accounts/{account}`.
pub(in crate::http) async fn show(State(app): State<Arc<App>>, Path(account): Path<String>, member: Member) -> Result<Response, Failure> {
    let Some(target) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    Ok(match show_account::show(&app, &member.identity, target).await? {
        Shown::Account(view) => page(StatusCode::OK, &AccountPage::new(&app, member.frame, &member.identity, *view)),
        Shown::Unavailable => unavailable(member.frame),
    })
}

/// Not theirs, gone, or not served: one page for all.
pub(super) fn unavailable(mut frame: Frame) -> Response {
    frame.path = String::from("/");
    page(StatusCode::NOT_FOUND, &Notice::new(frame, "unavailable-title", "unavailable-text"))
}
