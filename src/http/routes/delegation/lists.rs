//! Delegation start pages: the actor's lists of targets, and a list with its search.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    flow::delegation::{
        guardian::{Children, OfChild, children, may_be_parent},
        lists::{self, AvailableLists, ListChoice, ListKey, ListOutcome, ListQuery, ListedMembers, PAGE},
    },
    http::{
        extract::{
            form::{Form, asked_from_here},
            session,
        },
        page::{AuthenticatedRequest, Frame, MessagePage, PageError, page},
    },
    model::{
        account::{Account, PasswordExpiry},
        audit::attempt::AttemptId,
        authorization::{Denial, Grant},
    },
};

/// The actor's lists and children.
#[derive(Template)]
#[template(path = "pages/others.html")]
pub(crate) struct ListsPage {
    pub(crate) frame: Frame,
    pub(crate) choices: Vec<ListChoice>,
    pub(crate) children: Children,
    /// Whether the page offers to ask the family service.
    pub(crate) offer_children: bool,
    /// Whether the actor may read a part of the audit log.
    pub(crate) log: bool,
}

impl ListsPage {
    fn these(&self) -> &[OfChild] {
        match &self.children {
            Children::These(children) => children,
            Children::NotAsked | Children::TooWeak | Children::Unavailable | Children::TooOften(_) => &[],
        }
    }

    /// Reason why children are not shown.
    fn about_children(&self) -> Option<String> {
        match &self.children {
            Children::TooWeak => Some(self.frame.t("children-too-weak")),
            Children::Unavailable => Some(self.frame.t("children-unavailable")),
            Children::TooOften(until) => Some(self.frame.words.with("children-too-often", "time", &self.frame.words.time(*until))),
            Children::NotAsked | Children::These(_) => None,
        }
    }

    /// Address and name of each list.
    fn lists(&self) -> Vec<(String, String)> {
        self.choices.iter().map(|choice| (address(&choice.place), self.frame.ground(&choice.ground))).collect()
    }
}

/// A list of targets.
#[derive(Template)]
#[template(path = "pages/others-list.html")]
pub(crate) struct ListPage {
    pub(crate) frame: Frame,
    pub(crate) found: ListedMembers,
    pub(crate) question: ListQuery,
    pub(crate) token: String,
    pub(crate) attempt: AttemptId,
    /// Whether all accounts are ticked.
    pub(crate) all: bool,
    /// Whether slips were asked for without a choice.
    pub(crate) none: bool,
}

/// An account in a list.
pub(crate) struct AccountLine {
    guid: String,
    name: String,
    account_name: String,
    states: Vec<String>,
}

impl ListPage {
    fn name(&self) -> String {
        self.frame.ground(&self.found.choice.ground)
    }

    /// Address that creates slips for the ticked accounts.
    fn slips(&self) -> Option<String> {
        matches!(self.found.choice.place, ListKey::Group(_)).then(|| format!("{}/slips", self.address()))
    }

    fn address(&self) -> String {
        address(&self.found.choice.place)
    }

    fn lines(&self) -> Vec<AccountLine> {
        let line = |account: &Account| AccountLine {
            guid: account.guid.to_string(),
            name: account.name().to_owned(),
            account_name: account.sam.clone(),
            states: self.states(account),
        };
        self.found.accounts.iter().map(line).collect()
    }

    fn states(&self, account: &Account) -> Vec<String> {
        let now = self.frame.words.now;
        let password = match account.password.expiry {
            PasswordExpiry::MustChange => Some("state-must-change"),
            PasswordExpiry::At(end) if end <= now => Some("state-expired"),
            PasswordExpiry::At(_) | PasswordExpiry::Never => None,
        };
        let keys = [(!account.usable(now)).then_some("state-disabled"), account.locked.then_some("state-locked"), password];
        keys.into_iter().flatten().map(|key| self.frame.t(key)).collect()
    }

    /// Summary above the lines.
    fn told(&self) -> String {
        let words = &self.frame.words;
        if self.found.unusable_words {
            words.t("list-words")
        } else if self.found.more {
            words.counting("list-more", "count", count(PAGE))
        } else if let Some(total) = self.found.total {
            words.counting("list-total", "count", count(total))
        } else if self.question.words.is_empty() {
            words.t("list-search-first")
        } else {
            words.counting("list-found", "count", count(self.found.accounts.len()))
        }
    }

    fn pages(&self) -> usize {
        self.found.total.map_or(1, |total| total.div_ceil(PAGE).max(1))
    }

    fn now(&self) -> usize {
        self.question.page.clamp(1, self.pages())
    }

    fn place(&self) -> String {
        self.frame.words.page_of(self.now(), self.pages())
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn address(place: &ListKey) -> String {
    match place {
        ListKey::Group(sid) => format!("/delegation/group/{sid}"),
        ListKey::Desk(id) => format!("/delegation/desk/{id}"),
    }
}

/// `GET /delegation`: the actor's lists and children.
///
/// The family service is asked only for a request that comes from one of our pages or straight from a login, because each question counts
/// against a rate limit and is logged.
pub(crate) async fn choose(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    Ok(match lists::ways(&app, &member.identity).await? {
        Ok(AvailableLists { lists: choices, log }) => {
            let theirs = asked_from_here(&headers, &uri, &app.config.server.public_url) || session::has_arrived(&member.session).await?;
            let (children, offer_children) = if theirs {
                (children(&app, &member.visit, &member.identity).await?, false)
            } else {
                (Children::NotAsked, may_be_parent(&app, &member.identity))
            };
            page(StatusCode::OK, &ListsPage { frame: member.frame, choices, children, offer_children, log })
        }
        Err(denial) => denied(member.frame, denial),
    })
}

/// Parameters in the address. A search text is never one of them, because it may contain a CPR number.
#[derive(Deserialize)]
pub(crate) struct Turned {
    #[serde(default)]
    page: String,
    none: Option<String>,
}

/// Fields of the form.
#[derive(Deserialize)]
pub(crate) struct ListForm {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
    all: Option<String>,
    /// Set by the address only.
    #[serde(skip)]
    none: bool,
}

/// `GET /delegation/{kind}/{id}`: a page of a list.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(place): Path<(String, String)>,
    Query(turned): Query<Turned>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    look(&app, place, ListForm { q: String::new(), page: turned.page, all: None, none: turned.none.is_some() }, member).await
}

/// `POST /delegation/{kind}/{id}`: the result of a search, or the same page with all accounts ticked. It changes nothing.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Path(place): Path<(String, String)>,
    member: AuthenticatedRequest,
    Form(asked): Form<ListForm>,
) -> Result<Response, PageError> {
    look(&app, place, asked, member).await
}

async fn look(app: &Arc<App>, (kind, id): (String, String), asked: ListForm, member: AuthenticatedRequest) -> Result<Response, PageError> {
    let Some(place) = ListKey::parse(&kind, &id) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let words: String = asked.q.trim().chars().filter(|c| !c.is_control()).collect();
    let question = ListQuery { words, page: asked.page.parse().unwrap_or(1).max(1) };
    Ok(match lists::look(app, &member.visit, &member.identity, place, &question).await? {
        ListOutcome::Found(found) => {
            let attempt = AttemptId::from_random(app.keys.random().map_err(|e| PageError::new(&e))?);
            let (frame, token, all, none) = (member.frame, member.token, asked.all.is_some(), asked.none);
            page(StatusCode::OK, &ListPage { frame, found, question, token, attempt, all, none })
        }
        ListOutcome::Denied(denial) => denied(member.frame, denial),
    })
}

/// Page of a denial. An account without relation to the actor looks like one that does not exist.
pub(crate) fn denied(mut frame: Frame, denial: Denial) -> Response {
    frame.path = String::from("/");
    let (status, title) = match denial {
        Denial::NoRelation => (StatusCode::NOT_FOUND, "unavailable-title"),
        Denial::TooOften(_) => (StatusCode::TOO_MANY_REQUESTS, "denied-title"),
        Denial::Barred
        | Denial::Unreadable
        | Denial::NotUsable
        | Denial::ClosedToOthers
        | Denial::Protected
        | Denial::MasterAdmin
        | Denial::PasswordAdmin
        | Denial::Helper
        | Denial::Auditor
        | Denial::Teacher
        | Denial::TooWeak(_)
        | Denial::LoginTooOld
        | Denial::PasswordChangedSince
        | Denial::NotThisAction => (StatusCode::FORBIDDEN, "denied-title"),
    };
    let mut notice = MessagePage::new(frame, title, "denied-no-relation");
    notice.paragraphs = vec![notice.frame.words.denial(denial)];
    notice.way = Some(("/delegation".to_owned(), notice.frame.t("others-title")));
    page(status, &notice)
}

impl Frame {
    /// Text of the grant's relation.
    pub(crate) fn ground(&self, ground: &Grant) -> String {
        match ground {
            Grant::Own => self.t("ground-own"),
            Grant::Parent => self.t("ground-parent"),
            Grant::Circle(group) => self.words.with("ground-circle", "group", &group.name),
            Grant::MasterOfCircle(group) => self.words.with("ground-master", "group", &group.name),
            Grant::Teacher(group) => self.words.with("ground-teacher", "group", &group.name),
            Grant::Helpdesk(id) => self.helpdesk(id),
        }
    }
}
