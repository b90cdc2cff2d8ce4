//! Audit log pages: search, one entry, and the entries of a visit or account.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::form::TokenOnly;
use crate::http::routes::{
    audit::search::{self, FormField, SearchForm},
    delegation::lists::denied,
};
use crate::{
    app::App,
    audit::{
        AuditEntry,
        search::{PAGE, Search},
    },
    flow::{
        FlowError,
        audit::read::{self, EntriesFound, EntryView},
    },
    http::{
        extract::form::Form,
        page::{AuthenticatedRequest, Errors, Frame, PageError, page},
    },
    model::{
        account::name::is_invisible,
        ad::guid::ObjectGuid,
        audit::Party,
        identity::{Identity, Proof},
    },
};

/// Context of the seal of searches; the owner is added to it.
const SEALED: &str = "audit search";

/// A search and its cursor, sealed in the page: only its owner can read it, and none can change it.
#[derive(Serialize, Deserialize)]
struct SealedSearch {
    search: Search,
    after: Option<i64>,
}

/// An entry in a list.
pub(crate) struct LogLine {
    number: i64,
    what: String,
    outcome: String,
    time: String,
    facts: Vec<String>,
    /// Warning on an entry that is not authentic.
    foreign: Option<String>,
}

/// Search form and results.
#[derive(Template)]
#[template(path = "pages/log.html")]
pub(crate) struct LogPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    pub(crate) typed: SearchForm,
    pub(crate) errors: Errors,
    pub(crate) everything: bool,
    pub(crate) found: Option<EntriesFound>,
    /// The search in the words of the form: labels and values.
    pub(crate) asked: Vec<(String, String)>,
    /// The search, sealed.
    pub(crate) this: Option<String>,
    /// The search with its cursor, sealed.
    pub(crate) next: Option<String>,
    /// Id, name and sealed search of each saved search.
    pub(crate) kept: Vec<(String, String, String)>,
}

impl LogPage {
    fn fields(&self) -> Vec<FormField> {
        self.typed.fields(&self.frame, self.everything)
    }

    fn told(&self) -> String {
        let Some(found) = &self.found else { return String::new() };
        let words = &self.frame.words;
        let mut told = Vec::new();
        if found.unclear.is_some() {
            told.push(words.t("log-too-many"));
        } else if found.hits.entries.is_empty() && found.hits.next.is_none() {
            told.push(words.t("log-none"));
        } else if !found.everything && found.hits.next.is_some() && found.hits.entries.len() < PAGE {
            told.push(words.t("log-further"));
        }
        if let Some(at) = found.hits.stopped_at {
            told.push(words.with("log-stopped", "time", &words.time(at)));
        }
        told.join(" ")
    }

    /// Text of the link onwards: to continue a page that is not full, or to the next page.
    fn onward(&self, found: &EntriesFound) -> String {
        self.frame.t(if found.hits.entries.len() < PAGE { "log-go-on" } else { "log-more" })
    }

    fn lines(&self) -> Vec<LogLine> {
        self.found.iter().flat_map(|found| &found.hits.entries).map(|entry| line(&self.frame, entry)).collect()
    }
}

fn line(frame: &Frame, entry: &AuditEntry) -> LogLine {
    let event = &entry.event;
    let words = &frame.words;
    let who = event.actor.as_ref().map(named).map(|who| format!("{}: {who}", words.t("log-who")));
    let own = event.actor.as_ref().map(|party| party.guid) == event.target.as_ref().map(|party| party.guid);
    let whom = event.target.as_ref().filter(|_| !own).map(named).map(|whom| format!("{}: {whom}", words.t("log-whom")));
    let reason = (!event.reason.is_empty()).then(|| event.reason.clone());
    LogLine {
        number: entry.sequence,
        what: words.kind(event.kind),
        outcome: words.outcome(event.outcome),
        time: words.exact(event.at),
        foreign: (!entry.authentic).then(|| words.t("log-foreign")),
        facts: [who, whom, reason, event.client.map(|client| client.to_string())].into_iter().flatten().collect(),
    }
}

fn named(party: &Party) -> String {
    match (party.name.is_empty(), party.account_name.is_empty()) {
        (false, false) => format!("{} ({})", party.name, party.account_name),
        (false, true) => party.name.clone(),
        (true, false) => party.account_name.clone(),
        (true, true) => party.guid.to_string(),
    }
}

/// An entry with all its fields.
#[derive(Template)]
#[template(path = "pages/log-entry.html")]
pub(crate) struct EntryPage {
    pub(crate) frame: Frame,
    pub(crate) token: String,
    pub(crate) one: EntryView,
}

impl EntryPage {
    fn title(&self) -> String {
        self.frame.words.with("log-entry", "number", &self.one.entry.sequence.to_string())
    }

    /// Labels and values of the fields that the entry has.
    fn facts(&self) -> Vec<(String, String)> {
        let (event, stored, words) = (&self.one.entry.event, &self.one.stored, &self.frame.words);
        let party = |party: &Option<Party>| party.as_ref().map(|party| format!("{} {}", named(party), party.guid));
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let facts = [
            ("log-when", Some(format!("{} ({})", words.exact(event.at), event.at))),
            ("log-kind", Some(words.kind(event.kind))),
            ("log-outcome", Some(words.outcome(event.outcome))),
            ("log-reason", Some(event.reason.clone()).filter(|reason| !reason.is_empty())),
            ("log-who", party(&event.actor)),
            ("log-unknown-name", text(&event.unknown_name)),
            ("log-role", text(&stored.role)),
            ("log-authority", text(&event.authority)),
            ("log-whom", party(&event.target)),
            ("log-domain", text(&stored.target_domain)),
            ("log-method", text(&stored.method)),
            ("log-provider", text(&stored.provider)),
            ("log-level", text(&stored.level)),
            ("log-assertion", text(&event.assertion)),
            ("log-client", event.client.map(|client| client.to_string())),
            ("log-browser", text(&event.user_agent)),
            ("log-controller", text(&event.controller)),
            ("log-note", text(&event.note)),
            ("log-ticket", text(&event.ticket)),
            ("log-visit", Some(event.visit.to_string())),
        ];
        facts.into_iter().filter_map(|(key, value)| Some((self.frame.t(key), value?))).collect()
    }

    fn numbers(&self) -> Vec<(&'static str, String)> {
        let stored = &self.one.stored;
        let all = [("actor", &stored.actor_cpr, "log-actor-cpr"), ("target", &stored.target_cpr, "log-target-cpr")];
        all.into_iter().filter(|(_, number, _)| number.is_some()).map(|(party, _, key)| (party, self.frame.t(key))).collect()
    }
}

/// `GET /audit`: the search form.
pub(crate) async fn form(State(app): State<Arc<App>>, member: AuthenticatedRequest) -> Result<Response, PageError> {
    match read::may_read(&app, &member.identity).await? {
        Ok(everything) => shown(&app, member, everything, SearchForm::default(), Errors::default(), None).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

/// `POST /audit`: the results. The search is sent by form, so that no name or CPR number stands in an address.
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    member: AuthenticatedRequest,
    Form(typed): Form<SearchForm>,
) -> Result<Response, PageError> {
    let everything = match read::may_read(&app, &member.identity).await? {
        Ok(everything) => everything,
        Err(denial) => return Ok(denied(member.frame, denial)),
    };
    let asked = if typed.more.is_empty() {
        typed.read(&member.frame, everything).map(|search| SealedSearch { search, after: None })
    } else {
        opened(&app, &member.identity, &typed.more).ok_or_else(|| [("", member.frame.t("log-old-page"))].into_iter().collect())
    };
    let kept = match asked {
        Ok(kept) => kept,
        Err(errors) => return shown(&app, member, everything, typed, errors, None).await,
    };
    found(&app, member, everything, kept).await
}

/// `GET /audit/visits/{visit}`: all entries of a visit, oldest first.
pub(crate) async fn visit(
    State(app): State<Arc<App>>,
    Path(visit): Path<String>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Ok(visit) = Uuid::try_parse(&visit) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    story(&app, member, Search { visit: Some(visit.to_string()), oldest_first: true, ..Search::default() }).await
}

/// `GET /audit/accounts/{account}`: all entries about an account.
pub(crate) async fn account(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    let Some(account) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    story(&app, member, Search { about: Some(account.to_string()), ..Search::default() }).await
}

async fn story(app: &App, member: AuthenticatedRequest, search: Search) -> Result<Response, PageError> {
    match read::may_read(app, &member.identity).await? {
        Ok(everything) => found(app, member, everything, SealedSearch { search, after: None }).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

async fn found(app: &App, member: AuthenticatedRequest, everything: bool, kept: SealedSearch) -> Result<Response, PageError> {
    match read::search(app, &member.visit, &member.identity, &kept.search, kept.after).await? {
        Ok(found) => shown(app, member, everything, SearchForm::of(&kept.search), Errors::default(), Some((found, kept.search))).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

async fn shown(
    app: &App,
    member: AuthenticatedRequest,
    everything: bool,
    typed: SearchForm,
    errors: Errors,
    found: Option<(EntriesFound, Search)>,
) -> Result<Response, PageError> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (found, search) = found.unzip();
    let sealed = |after| search.clone().map(|search| seal(app, &member.identity, &SealedSearch { search, after })).transpose();
    let next = found.as_ref().and_then(|found| found.hits.next);
    let (this, next) = (sealed(None)?, if next.is_some() { sealed(next)? } else { None });
    let kept = app.audit.kept_searches(&owner(app, &member.identity)).await.map_err(FlowError::from)?;
    let mut frame = member.frame;
    "/audit".clone_into(&mut frame.path);
    let asked = search.as_ref().map(|search| search::asked(&frame, search)).unwrap_or_default();
    Ok(page(status, &LogPage { frame, token: member.token, typed, errors, everything, found, asked, this, next, kept }))
}

/// `GET /audit/entries/{number}`.
pub(crate) async fn entry(
    State(app): State<Arc<App>>,
    Path(number): Path<i64>,
    member: AuthenticatedRequest,
) -> Result<Response, PageError> {
    Ok(match read::one(&app, &member.visit, &member.identity, number).await? {
        Ok(one) => page(StatusCode::OK, &EntryPage { frame: member.frame, token: member.token, one }),
        Err(denial) => denied(member.frame, denial),
    })
}

/// `POST /audit/entries/{number}/cpr/{party}`: reveals a CPR number, after the audit entry about it is written.
pub(crate) async fn reveal(
    State(app): State<Arc<App>>,
    Path((number, party)): Path<(i64, String)>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    if !["actor", "target"].contains(&party.as_str()) {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    Ok(match read::reveal(&app, &member.visit, &member.identity, number, party == "target").await? {
        Ok(cpr) => {
            let mut frame = member.frame;
            frame.path = format!("/audit/entries/{number}");
            let way = Some((frame.path.clone(), frame.words.with("log-entry", "number", &number.to_string())));
            let told = if cpr.is_some() { "log-cpr-lead" } else { "log-cpr-lost" };
            let paragraphs = cpr.map(|cpr| cpr.dashed()).into_iter().chain([frame.t(told)]).collect();
            let mut notice = crate::http::page::MessagePage::new(frame, "log-cpr-shown", "log-cpr-lead");
            (notice.paragraphs, notice.way) = (paragraphs, way);
            page(StatusCode::OK, &notice)
        }
        Err(denial) => denied(member.frame, denial),
    })
}

#[derive(Deserialize)]
pub(crate) struct KeepForm {
    name: String,
    search: String,
}

/// `POST /audit/saved-searches`: saves a search.
pub(crate) async fn keep(
    State(app): State<Arc<App>>,
    member: AuthenticatedRequest,
    Form(sent): Form<KeepForm>,
) -> Result<Response, PageError> {
    if let Err(denial) = read::may_read(&app, &member.identity).await? {
        return Ok(denied(member.frame, denial));
    }
    let name: String = sent.name.trim().chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(60).collect();
    if let Some(kept) = opened(&app, &member.identity, &sent.search).filter(|_| !name.is_empty()) {
        let sealed = seal(&app, &member.identity, &SealedSearch { after: None, ..kept })?;
        let id = Uuid::from_bytes(app.keys.random().map_err(|e| PageError::new(&e))?).to_string();
        let name = crate::model::cpr::mask_in(&name);
        let now = app.clock.now();
        app.audit.keep_search(&id, &owner(&app, &member.identity), &name, &sealed, now).await.map_err(FlowError::from)?;
    }
    Ok(Redirect::to("/audit").into_response())
}

/// `POST /audit/saved-searches/{id}`: deletes a saved search.
pub(crate) async fn drop_kept(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    member: AuthenticatedRequest,
    Form(TokenOnly {}): Form<TokenOnly>,
) -> Result<Response, PageError> {
    app.audit.drop_search(&id, &owner(&app, &member.identity)).await.map_err(FlowError::from)?;
    Ok(Redirect::to("/audit").into_response())
}

/// Owner of saved searches: the same for each login of a person.
fn owner(app: &App, identity: &Identity) -> String {
    let who = match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => account.to_string(),
        Proof::Local { id, .. } => id.to_string(),
        Proof::Provider(login) => {
            format!("{} {}", login.provider, data_encoding::HEXLOWER.encode(&login.claim.key()))
        }
    };
    app.keys.fingerprint(&format!("searches {who}"))
}

fn seal(app: &App, identity: &Identity, kept: &SealedSearch) -> Result<String, PageError> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(kept).map_err(|error| PageError::new(&error))?);
    app.keys.seal(&format!("{SEALED} {}", owner(app, identity)), &text).map_err(|error| PageError::new(&error))
}

/// Opens a sealed search; `None` if it belongs to another person, was changed, or has an old format.
fn opened(app: &App, identity: &Identity, sealed: &str) -> Option<SealedSearch> {
    serde_json::from_slice(&app.keys.open(&format!("{SEALED} {}", owner(app, identity)), sealed)?).ok()
}
