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
    flow::others::{
        children::{Children, OfChild, children, may_be_parent},
        lists::{self, Choice, Found, Listed, PAGE, Place, Question, Ways},
    },
    http::{
        form::{Form, asked_from_here},
        session,
        view::{Failure, Frame, Member, Notice, page},
    },
    model::{
        account::{Account, PasswordExpiry},
        attempt::AttemptId,
        authority::{Denial, Ground},
    },
};

/// The actor's lists and children.
#[derive(Template)]
#[template(path = "pages/others.html")]
pub(super) struct OthersPage {
    pub(super) frame: Frame,
    pub(super) choices: Vec<Choice>,
    pub(super) children: Children,
    /// Whether the page offers to ask the family service.
    pub(super) offer_children: bool,
    /// Whether the actor may read a part of the audit log.
    pub(super) log: bool,
}

impl OthersPage {
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
pub(super) struct ListPage {
    pub(super) frame: Frame,
    pub(super) found: Found,
    pub(super) question: Question,
    pub(super) token: String,
    pub(super) attempt: AttemptId,
    /// Whether all accounts are ticked.
    pub(super) all: bool,
}

/// An account in a list.
pub(super) struct Line {
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
        matches!(self.found.choice.place, Place::Group(_)).then(|| format!("{}/slips", self.address()))
    }

    fn address(&self) -> String {
        address(&self.found.choice.place)
    }

    fn lines(&self) -> Vec<Line> {
        let line = |account: &Account| Line {
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

fn address(place: &Place) -> String {
    match place {
        Place::Group(sid) => format!("/others/group/{sid}"),
        Place::Desk(id) => format!("/others/desk/{id}"),
    }
}

/// `GET /others`: the actor's lists and children.
///
/// The family service is asked only for a request that comes from one of our pages or straight from a login, because each question counts
/// against a rate limit and is logged.
pub(in crate::http) async fn choose(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    member: Member,
) -> Result<Response, Failure> {
    Ok(match lists::ways(&app, &member.identity).await? {
        Ok(Ways { lists: choices, log }) => {
            let theirs = asked_from_here(&headers, &uri, &app.config.server.public_url) || session::has_arrived(&member.session).await?;
            let (children, offer_children) = if theirs {
                (children(&app, &member.visit, &member.identity).await?, false)
            } else {
                (Children::NotAsked, may_be_parent(&app, &member.identity))
            };
            page(StatusCode::OK, &OthersPage { frame: member.frame, choices, children, offer_children, log })
        }
        Err(denial) => denied(member.frame, denial),
    })
}

/// Parameters in the address. A search text is never one of them, because it may contain a CPR number.
#[derive(Deserialize)]
pub(in crate::http) struct Turned {
    #[serde(default)]
    page: String,
}

/// Fields of the form.
#[derive(Deserialize)]
pub(in crate::http) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: String,
    all: Option<String>,
}

/// `GET /others/{kind}/{id}`: a page of a list.
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
    Path(place): Path<(String, String)>,
    Query(turned): Query<Turned>,
    member: Member,
) -> Result<Response, Failure> {
    look(&app, place, Asked { q: String::new(), page: turned.page, all: None }, member).await
}

/// `POST /others/{kind}/{id}`: the result of a search, or the same page with all accounts ticked. It changes nothing.
pub(in crate::http) async fn search(
    State(app): State<Arc<App>>,
    Path(place): Path<(String, String)>,
    member: Member,
    Form(asked): Form<Asked>,
) -> Result<Response, Failure> {
    look(&app, place, asked, member).await
}

async fn look(app: &Arc<App>, (kind, id): (String, String), asked: Asked, member: Member) -> Result<Response, Failure> {
    let Some(place) = Place::parse(&kind, &id) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let words: String = asked.q.trim().chars().filter(|c| !c.is_control()).collect();
    let question = Question { words, page: asked.page.parse().unwrap_or(1).max(1) };
    Ok(match lists::look(app, &member.visit, &member.identity, place, &question).await? {
        Listed::Found(found) => {
            let attempt = AttemptId::from_random(app.keys.random().map_err(|e| Failure::new(&e))?);
            let (frame, token, all) = (member.frame, member.token, asked.all.is_some());
            page(StatusCode::OK, &ListPage { frame, found, question, token, attempt, all })
        }
        Listed::Denied(denial) => denied(member.frame, denial),
    })
}

/// Page of a denial. An account without relation to the actor looks like one that does not exist.
pub(super) fn denied(mut frame: Frame, denial: Denial) -> Response {
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
    let mut notice = Notice::new(frame, title, "denied-no-relation");
    notice.paragraphs = vec![notice.frame.words.denial(denial)];
    notice.way = Some(("/others".to_owned(), notice.frame.t("others-title")));
    page(status, &notice)
}

impl Frame {
    /// Text of the grant's relation.
    pub(in crate::http) fn ground(&self, ground: &Ground) -> String {
        match ground {
            Ground::Own => self.t("ground-own"),
            Ground::Parent => self.t("ground-parent"),
            Ground::Circle(group) => self.words.with("ground-circle", "group", &group.name),
            Ground::MasterOfCircle(group) => self.words.with("ground-master", "group", &group.name),
            Ground::Teacher(group) => self.words.with("ground-teacher", "group", &group.name),
            Ground::Helpdesk(id) => self.helpdesk(id),
        }
    }
}
