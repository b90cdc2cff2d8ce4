//! Pages of the audit log: auditors read all of it, a helpdesk the entries about accounts that it may see.
//!
//! Invariants:
//! - The reader's rights are read from AD for each request and each entry.
//! - A view is logged before its content is shown.
//! - A CPR number is shown to auditors only, at their request, and that is logged before.

use jiff::{SignedDuration, Timestamp};

use crate::flow::{
    FlowError, RequestContext,
    audit::{
        export::{Export, ExportFormat, Period},
        helpdesk_scope::HelpdeskScope,
    },
    delegation::{self, DelegationContext},
    event_of,
    sign_in::local_account,
};
use crate::{
    app::App,
    audit::{
        AuditEntry,
        log::entry::StoredEntry,
        search::{Hits, Search, SearchError},
    },
    clock,
    model::{
        audit::{AuditEvent, AuditOutcome, EventKind, Party},
        authorization::{Denial, barred, desks_of, is_auditor},
        cpr::Cpr,
        credential::local_account::{Role, StaffAccount},
        identity::Identity,
    },
};

/// Days in the overview.
pub const DAYS: i64 = 30;
/// Events that the overview counts.
const COUNTED: [EventKind; 3] = [EventKind::ChangeOutcome, EventKind::ResetOutcome, EventKind::SignIn];

/// The person who reads the log.
struct Reader {
    /// Actor in the audit entries about the views.
    party: Party,
    /// Limits of the view; `None`: an auditor, who sees everything.
    scope: Option<DelegationContext>,
}

/// The result of a view, or its denial.
pub type LogView<T> = Result<Result<T, Denial>, FlowError>;

/// Entries that the reader may see.
#[derive(Debug)]
pub struct EntriesFound {
    pub hits: Hits,
    /// Whether the reader may see everything.
    pub everything: bool,
    /// Why the search has no answer.
    pub unclear: Option<SearchError>,
}

/// One entry with its stored form.
#[derive(Debug)]
pub struct EntryView {
    pub entry: AuditEntry,
    /// The entry as it is stored.
    pub stored: StoredEntry,
    /// Whether its CPR numbers may be shown.
    pub may_reveal: bool,
}

/// Counts of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Day {
    /// Passwords that were changed or reset.
    pub set: i64,
    /// Changes and resets that were refused.
    pub refused: i64,
    /// Logins that failed.
    pub failed_logins: i64,
}

/// Counts of the last [`DAYS`] days.
#[derive(Debug)]
pub struct Overview {
    /// Danish days, the oldest first.
    pub days: Vec<(jiff::civil::Date, Day)>,
    /// Reasons of refusals with their counts, the most frequent first.
    pub reasons: Vec<(String, i64)>,
}

/// Whether the reader may see everything, for the search form. Denied where the reader may see nothing.
pub async fn may_read(app: &App, identity: &Identity) -> LogView<bool> {
    Ok(reader(app, identity).await?.map(|reader| reader.scope.is_none()))
}

/// Searches the log, and logs the search.
pub async fn search(app: &App, visit: &RequestContext, identity: &Identity, search: &Search, after: Option<i64>) -> LogView<EntriesFound> {
    let mut reader = match reader(app, identity).await? {
        Ok(reader) => reader,
        Err(denial) => return Ok(Err(denial)),
    };
    let mut seen = looked(app, visit, identity, &reader, EventKind::AuditLogViewed);
    seen.note = Some(search.told());
    // A helpdesk may not search by CPR number: a confirmed guess, alone or with a name, would reveal the number.
    if search.cpr.is_some() && reader.scope.is_some() {
        (seen.outcome, seen.reason) = (AuditOutcome::Refused, Denial::NotThisAction.code().to_owned());
        app.audit.append(&seen).await?;
        return Ok(Err(Denial::NotThisAction));
    }
    app.audit.append(&seen).await?;
    let everything = reader.scope.is_none();
    let mut found = EntriesFound { hits: Hits::default(), everything, unclear: None };
    let hits = match &mut reader.scope {
        None => app.audit.search(search, after).await?,
        Some(scope) => HelpdeskScope::new(app, identity, scope).search(search, after).await?,
    };
    match hits {
        Ok(hits) => found.hits = hits,
        Err(unclear) => found.unclear = Some(unclear),
    }
    Ok(Ok(found))
}

/// One entry. Logged as a view of the account that the entry is about.
pub async fn one(app: &App, visit: &RequestContext, identity: &Identity, seq: i64) -> LogView<EntryView> {
    let mut reader = match reader(app, identity).await? {
        Ok(reader) => reader,
        Err(denial) => return Ok(Err(denial)),
    };
    let Some((entry, stored)) = app.audit.entry(seq).await? else { return Ok(Err(Denial::NoRelation)) };
    if let Some(scope) = &mut reader.scope
        && !HelpdeskScope::new(app, identity, scope).may_read(&entry.event).await?
    {
        return Ok(Err(Denial::NoRelation));
    }
    let mut seen = looked(app, visit, identity, &reader, EventKind::AuditLogViewed);
    (seen.note, seen.target) = (Some(format!("seq={seq}")), entry.event.target.clone());
    app.audit.append(&seen).await?;
    Ok(Ok(EntryView { entry, stored, may_reveal: reader.scope.is_none() }))
}

/// The CPR number of an entry's actor or target. `None`: there is none, or no key opens it.
pub async fn reveal(app: &App, visit: &RequestContext, identity: &Identity, seq: i64, target: bool) -> LogView<Option<Cpr>> {
    let reader = match reader(app, identity).await? {
        Ok(reader) if reader.scope.is_none() => reader,
        Ok(_) => return Ok(Err(Denial::NoRelation)),
        Err(denial) => return Ok(Err(denial)),
    };
    let Some((entry, stored)) = app.audit.entry(seq).await? else { return Ok(Err(Denial::NoRelation)) };
    let mut seen = looked(app, visit, identity, &reader, EventKind::CprRevealed);
    let party = if target { entry.event.target.clone() } else { entry.event.actor.clone() };
    (seen.note, seen.target) = (Some(format!("seq={seq} {}", if target { "target" } else { "actor" })), party);
    app.audit.append(&seen).await?;
    Ok(Ok(app.audit.cpr_of(seq, &stored, target).await?))
}

/// The overview, for auditors.
pub async fn overview(app: &App, visit: &RequestContext, identity: &Identity) -> LogView<Overview> {
    let reader = match reader(app, identity).await? {
        Ok(reader) if reader.scope.is_none() => reader,
        Ok(_) => return Ok(Err(Denial::NoRelation)),
        Err(denial) => return Ok(Err(denial)),
    };
    let mut seen = looked(app, visit, identity, &reader, EventKind::AuditLogViewed);
    seen.note = Some("overview".to_owned());
    app.audit.append(&seen).await?;
    let today = clock::danish(app.clock.now()).date();
    let first = today - jiff::Span::new().days(DAYS - 1);
    let since = first.to_zoned(clock::danish(app.clock.now()).time_zone().clone()).map_or(Timestamp::MIN, |zoned| zoned.timestamp());
    let mut days: Vec<(jiff::civil::Date, Day)> = (0..DAYS).map(|n| (first + jiff::Span::new().days(n), Day::default())).collect();
    for (hour, kind, outcome, many) in app.audit.counts_since(since, &COUNTED).await? {
        let Some(at) = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(hour)).ok() else { continue };
        let date = clock::danish(at).date();
        let Some((_, day)) = days.iter_mut().find(|(of, _)| *of == date) else { continue };
        match (EventKind::from_code(&kind), AuditOutcome::from_code(&outcome)) {
            (Some(EventKind::ChangeOutcome | EventKind::ResetOutcome), Some(AuditOutcome::Succeeded)) => day.set += many,
            (Some(EventKind::ChangeOutcome | EventKind::ResetOutcome), Some(AuditOutcome::Refused)) => day.refused += many,
            (Some(EventKind::SignIn), Some(AuditOutcome::Refused | AuditOutcome::Failed)) => day.failed_logins += many,
            _ => {}
        }
    }
    Ok(Ok(Overview { days, reasons: app.audit.refusals_since(since).await? }))
}

/// Exports a part of the log, for auditors.
pub async fn export(app: &App, visit: &RequestContext, identity: &Identity, period: Period, format: ExportFormat) -> LogView<Export> {
    let reader = match reader(app, identity).await? {
        Ok(reader) if reader.scope.is_none() => reader,
        Ok(_) => return Ok(Err(Denial::NoRelation)),
        Err(denial) => return Ok(Err(denial)),
    };
    let mut entry = looked(app, visit, identity, &reader, EventKind::LogExported);
    entry.note = Some(format!("{} {}", format.code(), period.in_words()));
    Ok(Ok(Export::begin(&app.audit, &app.feed, &entry, period, format).await?))
}

/// Whether the actor may read any part of the log. For links only: the pages decide again, on assurance level and age
/// of the login as well.
pub(crate) async fn concerns(app: &App, identity: &Identity, standing: &DelegationContext) -> Result<bool, FlowError> {
    let (rules, actor, now) = (&standing.rules, &standing.actor, app.clock.now());
    Ok(is_auditor(rules, actor, now) || !desks_of(rules, actor, now).is_empty() || staff_auditor(app, identity).await?.is_some())
}

/// By what the log names an auditor, who reads all of it; nobody else.
pub(crate) async fn auditor(app: &App, identity: &Identity) -> LogView<Party> {
    Ok(match reader(app, identity).await? {
        Ok(Reader { party, scope: None }) => Ok(party),
        Ok(Reader { scope: Some(_), .. }) => Err(Denial::NoRelation),
        Err(denial) => Err(denial),
    })
}

async fn staff_auditor(app: &App, identity: &Identity) -> Result<Option<StaffAccount>, FlowError> {
    Ok(local_account::current(app, identity).await?.filter(|account| account.roles.contains(&Role::Auditor)))
}

async fn reader(app: &App, identity: &Identity) -> LogView<Reader> {
    if let Some(account) = staff_auditor(app, identity).await? {
        let since = app.clock.now().duration_since(identity.at);
        return Ok(if delegation::level_of(app, identity) < app.config.audit.level {
            Err(Denial::TooWeak(app.config.audit.level))
        } else if since > app.config.delegation.max_age {
            Err(Denial::LoginTooOld)
        } else {
            Ok(Reader { party: local_account::party(&account), scope: None })
        });
    }
    let standing = match delegation::standing(app, identity).await? {
        Ok(standing) => standing,
        Err(denial) => return Ok(Err(denial)),
    };
    if let Some(denial) = barred(&standing.rules, &standing.actor) {
        return Ok(Err(denial));
    }
    let now = app.clock.now();
    let party = standing.somebody(app, identity);
    let everything = is_auditor(&standing.rules, &standing.actor, now);
    let desks = !desks_of(&standing.rules, &standing.actor, now).is_empty();
    if !everything && !desks {
        return Ok(Err(Denial::NoRelation));
    }
    if standing.actor.level < app.config.audit.level {
        return Ok(Err(Denial::TooWeak(app.config.audit.level)));
    }
    if now.duration_since(standing.actor.at) > standing.rules.max_age {
        return Ok(Err(Denial::LoginTooOld));
    }
    Ok(Ok(Reader { party, scope: if everything { None } else { Some(standing) } }))
}

fn looked(app: &App, visit: &RequestContext, identity: &Identity, reader: &Reader, kind: EventKind) -> AuditEvent {
    let mut entry = event_of(visit, identity, app.clock.now(), kind, AuditOutcome::Succeeded, "");
    entry.actor = Some(reader.party.clone());
    entry.authority = Some(if reader.scope.is_some() { "helpdesk" } else { "auditor" }.to_owned());
    entry
}
