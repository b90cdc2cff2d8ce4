//! The audit log: searching in it, one entry, the story of a visit or an account.

use std::{net::IpAddr, sync::Arc};

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::others::denied;
use crate::{
    app::App,
    audit::{
        Entry,
        search::{PAGE, Search},
    },
    clock,
    flow::log_pages::{self, Found, One},
    http::{
        form::Form,
        view::{Errors, Failure, Frame, Member, page},
    },
    model::{
        audit::{AuditOutcome, EventKind, Party},
        cpr::Cpr,
        guid::ObjectGuid,
        identity::{Identity, Proof},
    },
};

/// Under which what a page keeps of a search is sealed, with whose it is.
const SEALED: &str = "audit search";

/// What is typed, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Typed {
    about: String,
    by: String,
    cpr: String,
    kind: String,
    outcome: String,
    client: String,
    provider: String,
    from: String,
    until: String,
    order: String,
    /// A sealed search and how far it came, instead of all that.
    more: String,
}

/// A search and where to go on, as a page keeps it: nobody else can read or change it.
#[derive(Serialize, Deserialize)]
struct Kept {
    search: Search,
    after: Option<i64>,
}

/// A field of the form.
pub(super) struct Field {
    name: &'static str,
    label: String,
    hint: Option<String>,
    kind: &'static str,
    value: String,
    choices: Vec<(String, String)>,
}

impl Field {
    fn described(&self, errors: &Errors) -> Option<String> {
        let ids =
            [self.hint.is_some().then(|| format!("{}-hint", self.name)), errors.has(self.name).then(|| format!("{}-error", self.name))];
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// An entry in a list.
pub(super) struct Line {
    number: i64,
    what: String,
    outcome: String,
    time: String,
    facts: Vec<String>,
}

/// The form, and what was found.
#[derive(Template)]
#[template(path = "pages/log.html")]
pub(super) struct LogPage {
    pub(super) frame: Frame,
    pub(super) token: String,
    pub(super) typed: Typed,
    pub(super) errors: Errors,
    pub(super) everything: bool,
    pub(super) found: Option<Found>,
    /// The search, sealed.
    pub(super) this: Option<String>,
    /// The same with where to go on.
    pub(super) next: Option<String>,
    /// Id, name and sealed search.
    pub(super) kept: Vec<(String, String, String)>,
}

impl LogPage {
    fn fields(&self) -> Vec<Field> {
        let t = |key: &str| self.frame.t(key);
        let text = |name, label, value: &str, kind, hint| Field { name, label, hint, kind, value: value.to_owned(), choices: Vec::new() };
        let any = || (String::new(), t("log-any"));
        let words = &self.frame.words;
        let kinds = EventKind::ALL.iter().map(|kind| (kind.code().to_owned(), words.kind(*kind)));
        let outcomes = AuditOutcome::ALL.iter().map(|outcome| (outcome.code().to_owned(), words.outcome(*outcome)));
        let providers = self.frame.providers();
        let orders = vec![(String::new(), t("log-newest")), ("oldest".to_owned(), t("log-oldest"))];
        let chosen = |name, label, value: &str, choices| Field { name, label, hint: None, kind: "", value: value.to_owned(), choices };
        vec![
            text("about", t("log-about"), &self.typed.about, "text", Some(t("log-name-hint"))),
            text("by", t("log-by"), &self.typed.by, "text", Some(t("log-name-hint"))),
            // What was typed there is not sent back.
            text("cpr", t("log-cpr"), "", "text", None),
            chosen("kind", t("log-kind"), &self.typed.kind, std::iter::once(any()).chain(kinds).collect()),
            chosen("outcome", t("log-outcome"), &self.typed.outcome, std::iter::once(any()).chain(outcomes).collect()),
            text("client", t("log-client"), &self.typed.client, "text", None),
            chosen("provider", t("log-provider"), &self.typed.provider, std::iter::once(any()).chain(providers).collect()),
            text("from", t("log-from"), &self.typed.from, "date", None),
            text("until", t("log-until"), &self.typed.until, "date", None),
            chosen("order", t("log-order"), &self.typed.order, orders),
        ]
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

    /// To go on where the page was not full, or to the next one.
    fn onward(&self, found: &Found) -> String {
        self.frame.t(if found.hits.entries.len() < PAGE { "log-go-on" } else { "log-more" })
    }

    fn lines(&self) -> Vec<Line> {
        self.found.iter().flat_map(|found| &found.hits.entries).map(|entry| line(&self.frame, entry)).collect()
    }
}

fn line(frame: &Frame, entry: &Entry) -> Line {
    let event = &entry.event;
    let words = &frame.words;
    let who = event.actor.as_ref().map(named).map(|who| format!("{}: {who}", words.t("log-who")));
    let own = event.actor.as_ref().map(|party| party.guid) == event.target.as_ref().map(|party| party.guid);
    let whom = event.target.as_ref().filter(|_| !own).map(named).map(|whom| format!("{}: {whom}", words.t("log-whom")));
    let reason = (!event.reason.is_empty()).then(|| event.reason.clone());
    Line {
        number: entry.sequence,
        what: words.kind(event.kind),
        outcome: words.outcome(event.outcome),
        time: words.time(event.at),
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

/// One entry.
#[derive(Template)]
#[template(path = "pages/log-entry.html")]
pub(super) struct EntryPage {
    pub(super) frame: Frame,
    pub(super) token: String,
    pub(super) one: One,
}

impl EntryPage {
    fn title(&self) -> String {
        self.frame.words.with("log-entry", "number", &self.one.entry.sequence.to_string())
    }

    /// Names and values of whatever it holds.
    fn facts(&self) -> Vec<(String, String)> {
        let (event, stored, words) = (&self.one.entry.event, &self.one.stored, &self.frame.words);
        let party = |party: &Option<Party>| party.as_ref().map(|party| format!("{} {}", named(party), party.guid));
        let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let facts = [
            ("log-when", Some(format!("{} ({})", words.time(event.at), event.at))),
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

/// `GET /audit`: the form.
pub(in crate::http) async fn form(State(app): State<Arc<App>>, member: Member) -> Result<Response, Failure> {
    match log_pages::may_read(&app, &member.identity).await? {
        Ok(everything) => shown(&app, member, everything, Typed::default(), Errors::default(), None, None).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

/// `POST /audit`: what was found. By form, so that no name and no number gets into an address.
pub(in crate::http) async fn search(State(app): State<Arc<App>>, member: Member, Form(typed): Form<Typed>) -> Result<Response, Failure> {
    let everything = match log_pages::may_read(&app, &member.identity).await? {
        Ok(everything) => everything,
        Err(denial) => return Ok(denied(member.frame, denial)),
    };
    let asked = if typed.more.is_empty() {
        read(&member.frame, &typed).map(|search| Kept { search, after: None })
    } else {
        opened(&app, &member.identity, &typed.more).ok_or_else(|| [("", member.frame.t("log-old-page"))].into_iter().collect())
    };
    let kept = match asked {
        Ok(kept) => kept,
        Err(errors) => return shown(&app, member, everything, typed, errors, None, None).await,
    };
    found(&app, member, everything, typed, kept).await
}

/// `GET /audit/visits/{visit}`: everything of one visit, as it happened.
pub(in crate::http) async fn visit(State(app): State<Arc<App>>, Path(visit): Path<String>, member: Member) -> Result<Response, Failure> {
    let Ok(visit) = Uuid::try_parse(&visit) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    story(&app, member, Search { visit: Some(visit.to_string()), oldest_first: true, ..Search::default() }).await
}

/// `GET /audit/accounts/{account}`: everything about one account.
pub(in crate::http) async fn account(
    State(app): State<Arc<App>>,
    Path(account): Path<String>,
    member: Member,
) -> Result<Response, Failure> {
    let Some(account) = ObjectGuid::parse(&account) else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    story(&app, member, Search { about: Some(account.to_string()), ..Search::default() }).await
}

async fn story(app: &App, member: Member, search: Search) -> Result<Response, Failure> {
    let typed = Typed {
        about: search.about.clone().unwrap_or_default(),
        order: if search.oldest_first { "oldest".to_owned() } else { String::new() },
        ..Typed::default()
    };
    match log_pages::may_read(app, &member.identity).await? {
        Ok(everything) => found(app, member, everything, typed, Kept { search, after: None }).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

async fn found(app: &App, member: Member, everything: bool, typed: Typed, kept: Kept) -> Result<Response, Failure> {
    match log_pages::search(app, &member.visit, &member.identity, &kept.search, kept.after).await? {
        Ok(found) => shown(app, member, everything, typed, Errors::default(), Some(found), Some(kept.search)).await,
        Err(denial) => Ok(denied(member.frame, denial)),
    }
}

async fn shown(
    app: &App,
    member: Member,
    everything: bool,
    typed: Typed,
    errors: Errors,
    found: Option<Found>,
    search: Option<Search>,
) -> Result<Response, Failure> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let sealed = |after| search.clone().map(|search| seal(app, &member.identity, &Kept { search, after })).transpose();
    let next = found.as_ref().and_then(|found| found.hits.next);
    let (this, next) = (sealed(None)?, if next.is_some() { sealed(next)? } else { None });
    let kept = app.audit.kept_searches(&owner(app, &member.identity)).await.map_err(|error| Failure::new(&error))?;
    let mut frame = member.frame;
    "/audit".clone_into(&mut frame.path);
    Ok(page(status, &LogPage { frame, token: member.token, typed, errors, everything, found, this, next, kept }))
}

/// `GET /audit/entries/{number}`.
pub(in crate::http) async fn entry(State(app): State<Arc<App>>, Path(number): Path<i64>, member: Member) -> Result<Response, Failure> {
    Ok(match log_pages::one(&app, &member.visit, &member.identity, number).await? {
        Ok(one) => page(StatusCode::OK, &EntryPage { frame: member.frame, token: member.token, one }),
        Err(denial) => denied(member.frame, denial),
    })
}

#[derive(Deserialize)]
pub(in crate::http) struct Nothing {}

/// `POST /audit/entries/{number}/cpr/{party}`: shows the CPR number, once it is in the log that it was.
pub(in crate::http) async fn reveal(
    State(app): State<Arc<App>>,
    Path((number, party)): Path<(i64, String)>,
    member: Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Failure> {
    if !["actor", "target"].contains(&party.as_str()) {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    Ok(match log_pages::reveal(&app, &member.visit, &member.identity, number, party == "target").await? {
        Ok(cpr) => {
            let mut frame = member.frame;
            frame.path = format!("/audit/entries/{number}");
            let way = Some((frame.path.clone(), frame.words.with("log-entry", "number", &number.to_string())));
            let told = if cpr.is_some() { "log-cpr-lead" } else { "log-cpr-lost" };
            let paragraphs = cpr.map(|cpr| cpr.dashed()).into_iter().chain([frame.t(told)]).collect();
            let mut notice = crate::http::view::Notice::new(frame, "log-cpr-shown", "log-cpr-lead");
            (notice.paragraphs, notice.way) = (paragraphs, way);
            page(StatusCode::OK, &notice)
        }
        Err(denial) => denied(member.frame, denial),
    })
}

#[derive(Deserialize)]
pub(in crate::http) struct KeepForm {
    name: String,
    search: String,
}

/// `POST /audit/kept`: keeps a search.
pub(in crate::http) async fn keep(State(app): State<Arc<App>>, member: Member, Form(sent): Form<KeepForm>) -> Result<Response, Failure> {
    if let Err(denial) = log_pages::may_read(&app, &member.identity).await? {
        return Ok(denied(member.frame, denial));
    }
    let name: String = sent.name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if let Some(kept) = opened(&app, &member.identity, &sent.search).filter(|_| !name.is_empty()) {
        let sealed = seal(&app, &member.identity, &Kept { after: None, ..kept })?;
        let id = Uuid::from_bytes(app.keys.random().map_err(|e| Failure::new(&e))?).to_string();
        let name = crate::model::cpr::mask_in(&name);
        let now = app.clock.now();
        app.audit.keep_search(&id, &owner(&app, &member.identity), &name, &sealed, now).await.map_err(|error| Failure::new(&error))?;
    }
    Ok(Redirect::to("/audit").into_response())
}

/// `POST /audit/kept/{id}`: forgets one.
pub(in crate::http) async fn drop_kept(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    member: Member,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Failure> {
    app.audit.drop_search(&id, &owner(&app, &member.identity)).await.map_err(|error| Failure::new(&error))?;
    Ok(Redirect::to("/audit").into_response())
}

/// Whose searches they are: the same person at each login.
fn owner(app: &App, identity: &Identity) -> String {
    let who = match &identity.proof {
        Proof::AdPassword { account, .. } | Proof::Code { account, .. } => account.to_string(),
        Proof::Local { id, .. } => id.to_string(),
        Proof::Provider(login) => {
            let spelled = login.claim.spellings().into_iter().next().unwrap_or_default();
            format!("{} {}", login.provider, data_encoding::HEXLOWER.encode(&spelled))
        }
    };
    app.keys.fingerprint(&format!("searches {who}"))
}

fn seal(app: &App, identity: &Identity, kept: &Kept) -> Result<String, Failure> {
    let text = zeroize::Zeroizing::new(serde_json::to_vec(kept).map_err(|error| Failure::new(&error))?);
    app.keys.seal(&format!("{SEALED} {}", owner(app, identity)), &text).map_err(|error| Failure::new(&error))
}

/// `None`: somebody else's, changed, or of another version.
fn opened(app: &App, identity: &Identity, sealed: &str) -> Option<Kept> {
    serde_json::from_slice(&app.keys.open(&format!("{SEALED} {}", owner(app, identity)), sealed)?).ok()
}

/// Reads what was typed.
fn read(frame: &Frame, typed: &Typed) -> Result<Search, Errors> {
    let mut wrong: Vec<(&'static str, String)> = Vec::new();
    let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let cpr = given(&typed.cpr).and_then(|text| {
        let cpr = Cpr::parse(&text);
        if cpr.is_none() {
            wrong.push(("cpr", frame.t("log-bad-cpr")));
        }
        cpr
    });
    let client = given(&typed.client).and_then(|text| {
        let address = text.parse::<IpAddr>().ok();
        if address.is_none() {
            wrong.push(("client", frame.t("log-bad-client")));
        }
        address.map(|address| address.to_string())
    });
    let mut day = |name: &'static str, text: &str, later: i64| {
        let text = given(text)?;
        let at = text.parse::<Date>().ok().and_then(|date| start_of(date, later));
        if at.is_none() {
            wrong.push((name, frame.t("log-bad-date")));
        }
        at
    };
    let (from, until) = (day("from", &typed.from, 0), day("until", &typed.until, 1));
    if !wrong.is_empty() {
        return Err(wrong.into_iter().collect());
    }
    let known = |text: &str, is_one: bool| given(text).filter(|_| is_one);
    Ok(Search {
        about: given(&typed.about),
        only: None,
        by: given(&typed.by),
        cpr,
        kind: known(&typed.kind, EventKind::from_code(&typed.kind).is_some()),
        outcome: known(&typed.outcome, AuditOutcome::from_code(&typed.outcome).is_some()),
        client,
        provider: given(&typed.provider),
        visit: None,
        from,
        until,
        oldest_first: typed.order == "oldest",
    })
}

/// When a Danish day, or the one after it, begins.
fn start_of(date: Date, later: i64) -> Option<Timestamp> {
    let date = date.checked_add(jiff::Span::new().days(later)).ok()?;
    let zone = clock::danish(Timestamp::UNIX_EPOCH).time_zone().clone();
    date.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}
