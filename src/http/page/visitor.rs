//! Extractors of visitors: with and without a session, logged in and not.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use tower_sessions::{Session, session::Id};
use uuid::Uuid;

use crate::http::{
    extract::{csrf, known_browser, session, way_back},
    middleware::client::Client,
    page::{
        failure::PageError,
        frame::{Frame, Person},
    },
};
use crate::{
    app::App,
    flow::{self, RequestContext, sign_in::local_account},
    model::identity::Identity,
};

/// Extractor for public pages. A session only adds its person to the frame.
pub(crate) struct PageRequest {
    pub frame: Frame,
}

impl FromRequestParts<Arc<App>> for PageRequest {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let mut frame = Frame::new(app, parts);
        if let Ok(session) = Session::from_request_parts(parts, app).await {
            frame.person = person(app, &session).await;
        }
        Ok(Self { frame })
    }
}

/// The logged-in visitor of a session, for the frame. A session that can't be read shows none: a public page needs none.
async fn person(app: &App, session: &Session) -> Option<Person> {
    let identity = session::identity(session).await.ok().flatten()?;
    let over = identity.is_over(app.clock.now()) || local_account::is_over(app, &identity).await.unwrap_or(true);
    let binding = csrf::binding(session, &CookieJar::new()).filter(|_| !over)?;
    Some(Person { name: identity.name, token: app.keys.form_token(&binding) })
}

/// Middleware: adds the logged-in visitor to an error answer, for [`error_pages`](crate::http::page::error_pages()).
///
/// It lies within the limits, because it reads the store. Answers about an outage or an overload are left alone.
pub(crate) async fn person_on_errors(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let id = cookies.get(session::COOKIE).and_then(|cookie| cookie.value().parse::<Id>().ok());
    let mut response = next.run(request).await;
    let shows_a_page = response.status().is_client_error() && !response.headers().contains_key(header::CONTENT_TYPE);
    if let Some(id) = id.filter(|_| shows_a_page) {
        let session = Session::new(Some(id), Arc::new(app.sessions.clone()), None);
        if let Some(person) = person(&app, &session).await {
            response.extensions_mut().insert(person);
        }
    }
    response
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
        let mut frame = Frame::new(app, parts);
        let session = Session::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        session::identity(&session).await.map_err(|e| PageError::from(e).into_response())?;
        frame.person = person(app, &session).await;
        let mut cookies = CookieJar::from_headers(&parts.headers);
        if csrf::binding(&session, &cookies).is_none() {
            let random = Uuid::from_bytes(random(app).map_err(IntoResponse::into_response)?);
            let cookie = Cookie::build((csrf::VISIT_COOKIE, random.simple().to_string()));
            // Not Strict: a link on the intranet would not send it, and the cookie of a second tab would invalidate the form of the first.
            cookies = cookies.add(cookie.path("/").secure(true).http_only(true).same_site(SameSite::Lax));
        }
        let token = csrf::binding(&session, &cookies).map(|binding| app.keys.form_token(&binding)).unwrap_or_default();
        let visit = visit(app, parts).map_err(IntoResponse::into_response)?;
        Ok(Self { frame, session, visit, token, cookies })
    }
}

/// Extractor for logged-in visitors. All others are redirected to the front page, which has all logins.
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
            return Err(to_logins(parts, had_one));
        };
        if identity.is_over(app.clock.now()) {
            session::end(&session).await.map_err(|error| PageError::from(error).into_response())?;
            return Err(to_logins(parts, true));
        }
        if local_account::is_over(app, &identity).await.map_err(|fault| PageError::from(fault).into_response())? {
            session::end(&session).await.map_err(|error| PageError::from(error).into_response())?;
            return Err(to_logins(parts, true));
        }
        let token = csrf::binding(&session, &cookies).map(|binding| app.keys.form_token(&binding)).unwrap_or_default();
        let visit = RequestContext { id: identity.visit, ..visit(app, parts).map_err(IntoResponse::into_response)? };
        frame.person = Some(Person { name: identity.name.clone(), token: token.clone() });
        Ok(Self { frame, session, visit, identity, token })
    }
}

/// The front page with the reason, and the way back to the page that was asked for.
fn to_logins(parts: &Parts, ended: bool) -> Response {
    let front = match (ended, parts.method == Method::POST) {
        (true, true) => "/?ended-form",
        (true, false) => "/?ended",
        (false, _) => "/?login",
    };
    (way_back::remember(parts), Redirect::to(front)).into_response()
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
