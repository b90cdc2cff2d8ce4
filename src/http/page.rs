//! Page frame, extractors of visitors, and error pages: the parts that all pages share.

pub(crate) mod failure;
pub(crate) mod outage;
pub(crate) mod problem;

use std::{cmp::Ordering, sync::Arc};

use askama::Template;
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use tower_sessions::Session;
use uuid::Uuid;

use super::assets;
use crate::http::{
    extract::{form, known_browser, session},
    i18n::{
        catalogue::{TextValue, text},
        language,
        words::Wording,
    },
    middleware::client::Client,
    page::failure::of_a_layer,
};
use crate::{
    app::App,
    config::{Language, Site},
    flow::{self, RequestContext, sign_in::local_account},
    model::{
        authorization::strength::Strength,
        identity::{Identity, LoginMethod, provider::ProviderId},
    },
    store::sessions::ListedSession,
};

pub(crate) use crate::http::page::failure::PageError;

/// The frame around a page: header, language, and data that templates read from the configuration.
pub struct Frame {
    app: Arc<App>,
    pub(crate) words: Wording,
    /// The page's own path, to which a change of language returns.
    pub path: String,
    pub person: Option<Person>,
}

/// The logged-in visitor, as the frame shows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Display name.
    pub name: String,
    /// CSRF token of the visitor's forms.
    pub token: String,
}

impl Frame {
    fn new(app: &Arc<App>, parts: &Parts) -> Self {
        let language = language::of(&parts.headers, app.config.site.default_language);
        Self { app: app.clone(), words: Wording { language, now: app.clock.now() }, path: parts.uri.path().to_owned(), person: None }
    }

    /// A frame without a request, for tests of templates.
    #[cfg(test)]
    pub(crate) fn sample(app: &Arc<App>, words: Wording, path: &str, person: Option<Person>) -> Self {
        Self { app: app.clone(), words, path: path.to_owned(), person }
    }

    /// The text for a key, in the page's language.
    pub fn t(&self, key: &str) -> String {
        self.words.t(key)
    }

    /// Code of the page's language.
    pub fn language(&self) -> &'static str {
        self.words.language.code()
    }

    /// Code of the other language.
    pub fn other_language(&self) -> &'static str {
        match self.words.language {
            Language::Da => Language::En.code(),
            Language::En => Language::Da.code(),
        }
    }

    /// The configured name and addresses of the service's owner.
    pub fn site(&self) -> &Site {
        &self.app.config.site
    }

    /// The service desk's contact text.
    pub fn contact(&self) -> &str {
        self.site().contact.in_language(self.words.language)
    }

    /// Instructions after a change, one paragraph an item.
    pub fn after_change(&self) -> Vec<&str> {
        self.site().after_change.in_language(self.words.language).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// Ids and button texts of all providers.
    pub fn providers(&self) -> Vec<(String, String)> {
        let language = self.words.language;
        self.app.config.providers().map(|provider| (provider.id.to_string(), provider.button.in_language(language).to_owned())).collect()
    }

    /// A provider's button text; its id if it is no longer configured.
    pub fn provider_name(&self, id: &ProviderId) -> String {
        let provider = self.app.config.provider(id);
        provider.map_or_else(|| id.to_string(), |provider| provider.button.in_language(self.words.language).to_owned())
    }

    /// Login addresses and button texts of the providers whose logins can reach `needed`.
    ///
    /// `now`: the provider of the current login. It is asked for a new login, because it would otherwise repeat the same one.
    pub fn providers_for(&self, needed: &Strength, now: Option<&ProviderId>) -> Vec<(String, String)> {
        let all = self.app.config.providers().filter(|p| needed.accepts(&p.id) && p.reaches(needed.level));
        all.map(|p| {
            let again = if now == Some(&p.id) { "?again" } else { "" };
            (format!("/login/{}{again}", p.id), p.button.in_language(self.words.language).to_owned())
        })
        .collect()
    }

    /// A helpdesk's name; its id if it is no longer configured.
    pub fn helpdesk(&self, id: &str) -> String {
        let desk = self.app.config.delegation.helpdesks.iter().find(|desk| desk.id == id);
        desk.map_or_else(|| id.to_owned(), |desk| desk.name.in_language(self.words.language).to_owned())
    }

    /// The service's address without its scheme, as a helper reads it aloud.
    pub fn public_address(&self) -> &str {
        self.app.config.server.public_url.trim_start_matches("https://")
    }

    /// Checks that a helper makes before a one-time code is given out.
    pub fn checklist(&self) -> Vec<String> {
        let own = self.app.config.delegation.checklist.as_ref().map(|text| text.in_language(self.words.language));
        own.map_or_else(
            || vec![self.t("checklist-default")],
            |text| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        )
    }

    /// Whether delegation is configured, or parents can reset for their children.
    pub fn others(&self) -> bool {
        self.app.config.delegation.is_used() || self.app.family.is_some()
    }

    /// An account's history. Each line: time as shown, time in ISO 8601, event.
    pub fn history(&self, entries: &[crate::audit::AuditEntry]) -> Vec<(String, String, String)> {
        let line = |entry: &crate::audit::AuditEntry| {
            let at = entry.event.at;
            let provider = entry.event.provider.as_ref().map(|id| self.provider_name(id));
            let machine = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            (self.words.time(at), machine, self.words.event(&entry.event, provider.as_deref()))
        };
        entries.iter().map(line).collect()
    }

    /// A session in a list: device, and login method with time.
    pub fn session(&self, known: &ListedSession) -> (String, String) {
        let words = &self.words;
        let label = known.label.as_ref();
        let device = match label.map(|label| (label.device.browser.as_deref(), label.device.system.as_deref())) {
            Some((Some(browser), Some(system))) => {
                text(words.language, "session-device", &[("browser", TextValue::Word(browser)), ("system", TextValue::Word(system))])
            }
            Some((Some(only), None) | (None, Some(only))) => only.to_owned(),
            Some((None, None)) | None => self.t("session-device-unknown"),
        };
        let how = label.map_or_else(String::new, |label| match (&label.provider, label.method) {
            (Some(provider), _) => self.provider_name(provider),
            (None, LoginMethod::AdPassword) => self.t("session-ad-password"),
            (None, LoginMethod::Code) => self.t("session-code"),
            (None, LoginMethod::Local) => self.t("session-local"),
            (None, LoginMethod::Saml | LoginMethod::Oidc) => String::new(),
        });
        let since = words.time(known.since);
        (device, text(words.language, "session-how", &[("how", TextValue::Word(&how)), ("time", TextValue::Word(&since))]))
    }

    /// Whether logins with the AD password are enabled.
    pub fn ad_password(&self) -> bool {
        self.app.config.login.ad_password.enabled
    }

    /// Whether a reset also unlocks the account.
    pub fn reset_unlocks(&self) -> bool {
        self.app.config.reset.unlock
    }

    /// Version of the static files, a segment of their paths.
    pub fn version(&self) -> &'static str {
        assets::version()
    }

    /// The steps to a new password, as seen from step `now` (1 to 3).
    pub fn steps(&self, now: &usize) -> Vec<ProgressStep> {
        let class = |step: usize| match step.cmp(now) {
            Ordering::Less => "done",
            Ordering::Equal => "now",
            Ordering::Greater => "later",
        };
        ["step-log-in", "step-choose", "step-done"]
            .iter()
            .zip(1..)
            .map(|(key, step)| ProgressStep { class: class(step), text: self.t(key) })
            .collect()
    }

    /// The script's announcement for screen readers after a pause in typing. The script replaces `%met` and `%all` by its numbers.
    pub fn rules_told(&self) -> String {
        text(self.words.language, "rules-told", &[("met", TextValue::Word("%met")), ("all", TextValue::Word("%all"))])
    }
}

/// A step to a new password.
#[derive(Debug)]
pub struct ProgressStep {
    /// `done`, `now` or `later`.
    pub class: &'static str,
    pub text: String,
}

/// Key of a password field's label.
pub fn label(field: &str) -> &'static str {
    match field {
        "current" => "field-current",
        "new" => "field-new",
        "repeat" => "field-repeat",
        _ => "field-password",
    }
}

/// Errors of a form, in the order in which they are shown.
#[derive(Debug, Default)]
pub struct Errors(Vec<FieldError>);

/// An error of a form.
#[derive(Debug)]
pub struct FieldError {
    /// Id of the field; empty for an error of the form as a whole.
    pub field: &'static str,
    /// The error and its remedy.
    pub text: String,
}

impl Errors {
    pub(crate) fn add(&mut self, field: &'static str, text: String) {
        self.0.push(FieldError { field, text });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, FieldError> {
        self.0.iter()
    }

    /// Whether the field has an error.
    pub fn has(&self, field: &str) -> bool {
        self.of(field).next().is_some()
    }

    /// The field's errors.
    pub fn of(&self, field: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |e| e.field == field).map(|e| e.text.as_str())
    }

    /// Key of the summary's heading: errors that the visitor can correct, or only errors that no other input would change.
    pub fn heading(&self) -> &'static str {
        if self.0.iter().all(|e| e.field.is_empty()) { "error-stopped" } else { "error-summary" }
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a FieldError;
    type IntoIter = std::slice::Iter<'a, FieldError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<(&'static str, String)> for Errors {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(all: I) -> Self {
        Self(all.into_iter().map(|(field, text)| FieldError { field, text }).collect())
    }
}

/// Renders a page. A rendering error becomes an error page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => PageError::new(&error).into_response(),
    }
}

/// Extractor for public pages. It loads no session.
pub(crate) struct PageRequest {
    pub frame: Frame,
}

impl FromRequestParts<Arc<App>> for PageRequest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        Ok(Self { frame: Frame::new(app, parts) })
    }
}

/// Extractor for messages that a provider sends or that carry their own proof. It loads no session.
pub(crate) struct ErrorPages {
    pub frame: Frame,
    pub visit: RequestContext,
}

impl FromRequestParts<Arc<App>> for ErrorPages {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let mut frame = Frame::new(app, parts);
        frame.path = String::from("/"); // the endpoint's address has no page of its own
        Ok(Self { frame, visit: visit(app, parts).map_err(IntoResponse::into_response)? })
    }
}

/// Extractor for visitors on their way to a login.
pub(crate) struct AnonymousRequest {
    pub frame: Frame,
    pub session: Session,
    pub visit: RequestContext,
    /// CSRF token of the form. `cookies` holds the visit cookie that it is bound to, if that is new.
    pub token: String,
    pub cookies: CookieJar,
}

impl FromRequestParts<Arc<App>> for AnonymousRequest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let frame = Frame::new(app, parts);
        let session = Session::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        session::identity(&session).await.map_err(|e| PageError::from(e).into_response())?;
        let mut cookies = CookieJar::from_headers(&parts.headers);
        if form::binding(&session, &cookies).is_none() {
            let random = Uuid::from_bytes(random(app).map_err(IntoResponse::into_response)?);
            let cookie = Cookie::build((form::VISIT_COOKIE, random.simple().to_string()));
            // Not Strict: a link on the intranet would not send it, and the cookie of a second tab would invalidate the form of the first.
            cookies = cookies.add(cookie.path("/").secure(true).http_only(true).same_site(SameSite::Lax));
        }
        let token = form::binding(&session, &cookies).map(|binding| app.keys.form_token(&binding)).unwrap_or_default();
        let visit = visit(app, parts).map_err(IntoResponse::into_response)?;
        Ok(Self { frame, session, visit, token, cookies })
    }
}

/// Extractor for logged-in visitors. All others are redirected to the login page.
pub(crate) struct AuthenticatedRequest {
    pub frame: Frame,
    pub session: Session,
    pub visit: RequestContext,
    pub identity: Identity,
    pub token: String,
}

impl FromRequestParts<Arc<App>> for AuthenticatedRequest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let mut frame = Frame::new(app, parts);
        let session = Session::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let identity = session::identity(&session).await.map_err(|e| PageError::from(e).into_response())?;
        let cookies = CookieJar::from_headers(&parts.headers);
        let Some(identity) = identity else {
            let had_one = cookies.get(session::COOKIE).is_some();
            return Err(Redirect::to(if had_one { "/login?ended" } else { "/login" }).into_response());
        };
        if identity.is_over(app.clock.now()) {
            session::end(&session).await.map_err(|error| PageError::from(error).into_response())?;
            return Err(Redirect::to("/login?ended").into_response());
        }
        if local_account::is_over(app, &identity).await.map_err(|fault| PageError::from(fault).into_response())? {
            session::end(&session).await.map_err(|error| PageError::from(error).into_response())?;
            return Err(Redirect::to(if app.config.local_accounts.enabled { "/staff?ended" } else { "/" }).into_response());
        }
        let token = form::binding(&session, &cookies).map(|binding| app.keys.form_token(&binding)).unwrap_or_default();
        let visit = RequestContext { id: identity.visit, ..visit(app, parts).map_err(IntoResponse::into_response)? };
        frame.person = Some(Person { name: identity.name.clone(), token: token.clone() });
        Ok(Self { frame, session, visit, identity, token })
    }
}

/// Maximum length of the user agent in the audit log, characters. Real ones are shorter.
const LONGEST_USER_AGENT: usize = 300;

fn visit(app: &App, parts: &Parts) -> Result<RequestContext, PageError> {
    let Client(client) = parts.extensions.get::<Client>().copied().ok_or_else(|| PageError::new("no client address"))?;
    let user_agent = parts.headers.get(header::USER_AGENT).map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.chars().take(LONGEST_USER_AGENT).collect::<String>().into()
    });
    let cookies = CookieJar::from_headers(&parts.headers);
    let browser = cookies.get(known_browser::COOKIE).and_then(|cookie| flow::sign_in::known_browser::open(app, cookie.value()));
    Ok(RequestContext { id: Uuid::from_bytes(random(app)?), client, user_agent, browser })
}

fn random(app: &App) -> Result<[u8; 16], PageError> {
    app.keys.random().map_err(|e| PageError::new(&e))
}

/// A page with a message and a link onwards.
#[derive(Template)]
#[template(path = "pages/notice.html")]
pub(crate) struct MessagePage {
    pub frame: Frame,
    pub title: String,
    pub paragraphs: Vec<String>,
    pub reference: Option<String>,
    /// Address and text of the link; `None` leads to the front page.
    pub way: Option<(String, String)>,
}

impl MessagePage {
    pub(crate) fn new(frame: Frame, title: &str, text: &str) -> Self {
        Self { title: frame.t(title), paragraphs: vec![frame.t(text)], reference: None, way: None, frame }
    }
}

/// Middleware: replaces bare error answers by pages in the visitor's language, and by problem details below [`problem::PROGRAMS`].
pub(crate) async fn error_pages(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut frame = Frame::new(&app, &parts);
    let for_machines = frame.path.starts_with("/health/");
    let for_programs = frame.path.starts_with(problem::PROGRAMS);
    frame.path = String::from("/"); // an error page leads back to the front page
    let response = next.run(Request::from_parts(parts, body)).await;
    let mut status = response.status();
    let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    let is_told = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/problem+json");
    if !(status.is_client_error() || status.is_server_error()) || is_page || is_told || for_machines {
        return response;
    }
    let failure = match response.extensions().get::<PageError>().cloned() {
        None if status == StatusCode::INTERNAL_SERVER_ERROR => Some(of_a_layer(&app).await),
        failure => failure,
    };
    if let Some(PageError::Outage(_)) = failure {
        status = StatusCode::SERVICE_UNAVAILABLE;
    }
    if for_programs {
        return problem::instead_of(status, &response, failure);
    }
    let (title, text) = match status {
        _ if failure.is_some() => failure.as_ref().map_or(("fault-title", "fault-text"), PageError::texts),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => ("not-found-title", "not-found-text"),
        StatusCode::FORBIDDEN => ("forbidden-title", "forbidden-text"),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => ("busy-title", "busy-text"),
        _ if status.is_client_error() => ("bad-request-title", "bad-request-text"),
        _ => ("fault-title", "fault-text"),
    };
    let mut notice = MessagePage::new(frame, title, text);
    notice.reference = failure.and_then(PageError::reference);
    let mut answer = page(status, &notice);
    for (name, value) in response.headers() {
        if name == header::SET_COOKIE || name == header::ALLOW {
            answer.headers_mut().append(name.clone(), value.clone());
        }
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    answer
}
