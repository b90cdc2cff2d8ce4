//! Search form of the audit log: its fields, and a search in the form's words.

use std::net::IpAddr;

use jiff::{Span, civil::Date};
use serde::Deserialize;

use crate::{
    audit::search::Search,
    clock,
    http::page::{Errors, Frame},
    model::{
        audit::{AuditOutcome, EventKind},
        cpr::Cpr,
    },
};

/// The form's fields as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SearchForm {
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
    /// A sealed search with its cursor, which replaces the other fields.
    pub(crate) more: String,
}

/// A field as the page shows it.
pub(crate) struct FormField {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) value: String,
    pub(crate) choices: Vec<(String, String)>,
}

impl FormField {
    pub(crate) fn described(&self, errors: &Errors) -> Option<String> {
        let ids =
            [self.hint.is_some().then(|| format!("{}-hint", self.name)), errors.has(self.name).then(|| format!("{}-error", self.name))];
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

impl SearchForm {
    /// The fields that describe a search. CPR numbers are not sent back, and the form has no field for a visit.
    pub(crate) fn of(search: &Search) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            about: text(&search.about),
            by: text(&search.by),
            cpr: String::new(),
            kind: text(&search.kind),
            outcome: text(&search.outcome),
            client: text(&search.client),
            provider: text(&search.provider),
            from: first_day(search).map(|day| day.to_string()).unwrap_or_default(),
            until: last_day(search).map(|day| day.to_string()).unwrap_or_default(),
            order: if search.oldest_first { "oldest".to_owned() } else { String::new() },
            more: String::new(),
        }
    }

    /// The form's fields. `everything`: the actor may read the whole log; only then is there a field for CPR numbers.
    pub(crate) fn fields(&self, frame: &Frame, everything: bool) -> Vec<FormField> {
        let t = |key: &str| frame.t(key);
        let text =
            |name, label, value: &str, kind, hint| FormField { name, label, hint, kind, value: value.to_owned(), choices: Vec::new() };
        let chosen = |name, label, value: &str, choices| FormField { name, label, hint: None, kind: "", value: value.to_owned(), choices };
        let any = || (String::new(), t("log-any"));
        let words = &frame.words;
        let kinds = EventKind::ALL.iter().map(|kind| (kind.code().to_owned(), words.kind(*kind)));
        let outcomes = AuditOutcome::ALL.iter().map(|outcome| (outcome.code().to_owned(), words.outcome(*outcome)));
        let providers = frame.providers();
        let orders = vec![(String::new(), t("log-newest")), ("oldest".to_owned(), t("log-oldest"))];
        let mut fields = vec![
            text("about", t("log-about"), &self.about, "text", Some(t("log-name-hint"))),
            text("by", t("log-by"), &self.by, "text", Some(t("log-name-hint"))),
            // CPR numbers are not sent back.
            text("cpr", t("log-cpr"), "", "text", None),
            chosen("kind", t("log-kind"), &self.kind, std::iter::once(any()).chain(kinds).collect()),
            chosen("outcome", t("log-outcome"), &self.outcome, std::iter::once(any()).chain(outcomes).collect()),
            text("client", t("log-client"), &self.client, "text", None),
            chosen("provider", t("log-provider"), &self.provider, std::iter::once(any()).chain(providers).collect()),
            text("from", t("log-from"), &self.from, "date", None),
            text("until", t("log-until"), &self.until, "date", None),
            chosen("order", t("log-order"), &self.order, orders),
        ];
        fields.retain(|field| everything || field.name != "cpr");
        fields
    }

    /// Parses the fields, or returns their errors.
    pub(crate) fn read(&self, frame: &Frame, everything: bool) -> Result<Search, Errors> {
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let cpr = given(&self.cpr).and_then(|text| {
            let cpr = Cpr::parse(&text);
            if cpr.is_none() && everything {
                wrong.push(("cpr", frame.t("log-bad-cpr")));
            }
            cpr
        });
        let client = given(&self.client).and_then(|text| {
            let address = text.parse::<IpAddr>().ok();
            if address.is_none() {
                wrong.push(("client", frame.t("log-bad-client")));
            }
            address.map(|address| address.to_string())
        });
        let mut day = |name: &'static str, text: &str, later: i64| {
            let date = given(text)?.parse::<Date>().ok().and_then(|date| date.checked_add(Span::new().days(later)).ok());
            if date.is_none() {
                wrong.push((name, frame.t("log-bad-date")));
            }
            date.map(clock::danish_midnight)
        };
        let (from, until) = (day("from", &self.from, 0), day("until", &self.until, 1));
        if !wrong.is_empty() {
            return Err(wrong.into_iter().collect());
        }
        let known = |text: &str, is_one: bool| given(text).filter(|_| is_one);
        Ok(Search {
            about: given(&self.about),
            only: None,
            by: given(&self.by),
            cpr,
            kind: known(&self.kind, EventKind::from_code(&self.kind).is_some()),
            outcome: known(&self.outcome, AuditOutcome::from_code(&self.outcome).is_some()),
            client,
            provider: given(&self.provider),
            visit: None,
            from,
            until,
            oldest_first: self.order == "oldest",
        })
    }
}

/// The search in the form's words, shown above its results. A CPR number is masked.
pub(crate) fn asked(frame: &Frame, search: &Search) -> Vec<(String, String)> {
    let words = &frame.words;
    let kind = search.kind.as_deref().and_then(EventKind::from_code).map(|kind| words.kind(kind));
    let outcome = search.outcome.as_deref().and_then(AuditOutcome::from_code).map(|outcome| words.outcome(outcome));
    let named = |id: &String| frame.providers().into_iter().find(|(known, _)| known == id).map_or_else(|| id.clone(), |(_, name)| name);
    let all = [
        ("log-about", search.about.clone()),
        ("log-by", search.by.clone()),
        ("log-cpr", search.cpr.as_ref().map(ToString::to_string)),
        ("log-kind", kind),
        ("log-outcome", outcome),
        ("log-client", search.client.clone()),
        ("log-provider", search.provider.as_ref().map(named)),
        ("log-visit", search.visit.clone()),
        ("log-from", first_day(search).map(|day| words.day(day))),
        ("log-until", last_day(search).map(|day| words.day(day))),
        ("log-order", search.oldest_first.then(|| words.t("log-oldest"))),
    ];
    all.into_iter().filter_map(|(key, value)| Some((words.t(key), value?))).collect()
}

fn first_day(search: &Search) -> Option<Date> {
    search.from.map(|from| clock::danish(from).date())
}

/// Last day of the search. Its end is exclusive, at the start of the next day.
fn last_day(search: &Search) -> Option<Date> {
    search.until.and_then(|until| clock::danish(until).date().checked_sub(Span::new().days(1)).ok())
}
