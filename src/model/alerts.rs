//! Which entries of the log together look like an attack or a mistake.
//!
//! Invariants: pure, and the same entries give the same alerts; what is remembered is bounded, whoever fills the log; an entry that the service did not
//! write raises no alert but the one about itself.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    audit::{AuditEvent, AuditOutcome, EventKind, Party},
    level::Level,
    provider::ProviderId,
};

/// Accounts, addresses and helpers remembered of each; an attack on more is one that the others show already.
const MOST_SUBJECTS: usize = 20_000;
/// Events remembered of each: more than any threshold can be.
const MOST_EVENTS: usize = 10_000;
/// The usual level is judged by so many logins of a provider, the latest.
const LOGINS: usize = 200;
/// Fewer tell nothing.
const FEWEST_LOGINS: usize = 20;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Many failures for one account.
    FailuresForOneAccount,
    /// One address tried many accounts.
    AccountsFromOneAddress,
    /// One helper set many passwords.
    ResetsByOneHelper,
    /// A login less sure than that provider's nearly always are.
    LoginBelowUsualLevel,
    /// Somebody else than the service wrote into the log.
    UnsoundEntry,
    /// An entry was taken out of the log.
    MissingEntry,
}

impl Rule {
    /// All.
    pub const ALL: [Self; 6] = [
        Self::FailuresForOneAccount,
        Self::AccountsFromOneAddress,
        Self::ResetsByOneHelper,
        Self::LoginBelowUsualLevel,
        Self::UnsoundEntry,
        Self::MissingEntry,
    ];

    /// The word in the log and in metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::FailuresForOneAccount => "failures_for_one_account",
            Self::AccountsFromOneAddress => "accounts_from_one_address",
            Self::ResetsByOneHelper => "resets_by_one_helper",
            Self::LoginBelowUsualLevel => "login_below_usual_level",
            Self::UnsoundEntry => "unsound_entry",
            Self::MissingEntry => "missing_entry",
        }
    }
}

/// From where on it is an alert. 0: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// What is counted together.
    pub window: SignedDuration,
    /// Failures for one account, or for one name that belongs to none.
    pub failures_for_one_account: u32,
    /// Accounts or unknown names with failures from one address.
    pub accounts_from_one_address: u32,
    /// Passwords that one person set for others.
    pub resets_by_one_helper: u32,
    /// Are logins below the usual level told of?
    pub login_below_usual_level: bool,
}

/// Whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An account that was tried.
    Account(Party),
    /// A name that belongs to no account, by its fingerprint.
    Unknown(String),
    /// An address.
    Address(IpAddr),
    /// Somebody who acts on others.
    Helper(Party),
    /// An identity provider, and the level of the login.
    Provider(ProviderId, Level),
    /// The log itself, and the entry's number.
    Log(i64),
}

impl Subject {
    /// The same text for the same subject.
    pub fn key(&self) -> String {
        match self {
            Self::Account(party) | Self::Helper(party) => party.guid.to_string(),
            Self::Unknown(fingerprint) => format!("?{fingerprint}"),
            Self::Address(address) => address.to_string(),
            Self::Provider(id, _) => id.to_string(),
            Self::Log(_) => "log".to_owned(),
        }
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which rule.
    pub rule: Rule,
    /// Whom it is about.
    pub subject: Subject,
    /// How many there were.
    pub count: usize,
    /// The time of the entry that made it an alert; of the one before it where it is about the log itself.
    pub at: Timestamp,
}

impl Alert {
    /// What it is raised once by in a window.
    pub fn name(&self) -> String {
        format!("{}:{}", self.rule.code(), self.subject.key())
    }
}

/// What a place in the log holds, as far as alerts go.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// An entry of the service.
    Event(&'a AuditEvent),
    /// An entry of somebody else: it may say anything, about the time as well.
    Unsound,
    /// None, though the service deleted none.
    Missing,
}

/// What is remembered. Made anew from the latest part of the log at each start.
#[derive(Debug)]
pub struct Watch {
    thresholds: Thresholds,
    /// The latest time seen: the log's own clock. Entries are not quite in the order of their times.
    now: Timestamp,
    failures: Counts<()>,
    addresses: Counts<String>,
    resets: Counts<()>,
    levels: BTreeMap<ProviderId, VecDeque<Level>>,
}

impl Watch {
    /// Nothing seen yet.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            now: Timestamp::MIN,
            failures: Counts::default(),
            addresses: Counts::default(),
            resets: Counts::default(),
            levels: BTreeMap::new(),
        }
    }

    /// Takes in what is at a number. Gives what is over its threshold with it; the same again with each further entry.
    pub fn see(&mut self, number: i64, seen: Seen<'_>) -> Vec<Alert> {
        match seen {
            Seen::Event(event) => {
                self.now = self.now.max(event.at);
                self.event(event)
            }
            Seen::Unsound => vec![Alert { rule: Rule::UnsoundEntry, subject: Subject::Log(number), count: 1, at: self.now }],
            Seen::Missing => vec![Alert { rule: Rule::MissingEntry, subject: Subject::Log(number), count: 1, at: self.now }],
        }
    }

    fn event(&mut self, event: &AuditEvent) -> Vec<Alert> {
        match event.kind {
            EventKind::SignIn | EventKind::CodeUsed => {
                let mut alerts = self.login(event);
                if event.outcome == AuditOutcome::Refused {
                    alerts.extend(self.failure(event));
                }
                alerts
            }
            // Their own old password, tried out by whoever found a session.
            EventKind::ChangeOutcome if event.outcome == AuditOutcome::Refused && event.reason == "wrong_current" => self.failure(event),
            EventKind::ResetOutcome if event.outcome == AuditOutcome::Succeeded => self.reset(event).into_iter().collect(),
            EventKind::SignOut
            | EventKind::ChangeAttempt
            | EventKind::ChangeOutcome
            | EventKind::ChangeReconciled
            | EventKind::ResetAttempt
            | EventKind::ResetOutcome
            | EventKind::ResetReconciled
            | EventKind::UnlockAttempt
            | EventKind::UnlockOutcome
            | EventKind::AccountSeen
            | EventKind::ListSeen
            | EventKind::CodeIssued
            | EventKind::SlipsMade
            | EventKind::StaffAccount
            | EventKind::CodeExpired
            | EventKind::LogSeen
            | EventKind::LogExported
            | EventKind::CprRevealed
            | EventKind::ServiceStarted
            | EventKind::ServiceStopped
            | EventKind::ProviderChanged
            | EventKind::ApiToken
            | EventKind::RetentionRan
            | EventKind::LogVerified
            | EventKind::CprKeyRotated
            | EventKind::AlertRaised => Vec::new(),
        }
    }

    fn failure(&mut self, event: &AuditEvent) -> Vec<Alert> {
        let subject = match (event.target.as_ref().or(event.actor.as_ref()), &event.unknown_name) {
            (Some(party), _) => Subject::Account(party.clone()),
            (None, Some(fingerprint)) => Subject::Unknown(fingerprint.clone()),
            (None, None) => return Vec::new(),
        };
        let since = self.now - self.thresholds.window;
        let key = subject.key();
        let mut alerts = Vec::new();
        if let Some(address) = event.client.map(household) {
            let accounts = self.addresses.add(address.to_string(), event.at, key.clone(), since).distinct();
            alerts.extend(over(self.thresholds.accounts_from_one_address, accounts).map(|count| Alert {
                rule: Rule::AccountsFromOneAddress,
                subject: Subject::Address(address),
                count,
                at: event.at,
            }));
        }
        let failures = self.failures.add(key, event.at, (), since).0.len();
        alerts.extend(over(self.thresholds.failures_for_one_account, failures).map(|count| Alert {
            rule: Rule::FailuresForOneAccount,
            subject,
            count,
            at: event.at,
        }));
        alerts
    }

    fn reset(&mut self, event: &AuditEvent) -> Option<Alert> {
        let actor = event.actor.as_ref().filter(|_| event.is_by_another())?;
        let resets = self.resets.add(actor.guid.to_string(), event.at, (), self.now - self.thresholds.window).0.len();
        let subject = Subject::Helper(actor.clone());
        over(self.thresholds.resets_by_one_helper, resets).map(|count| Alert {
            rule: Rule::ResetsByOneHelper,
            subject,
            count,
            at: event.at,
        })
    }

    /// A login that the provider did vouch for, taken by us or not. Usual is what 19 of 20 reach.
    fn login(&mut self, event: &AuditEvent) -> Vec<Alert> {
        let (Some(provider), Some(level)) = (&event.provider, event.level) else { return Vec::new() };
        let known = self.levels.entry(provider.clone()).or_default();
        let reached = |usual: Level| known.iter().filter(|level| **level >= usual).count() * 20 >= known.len() * 19;
        let usual = Level::ALL.into_iter().rev().find(|usual| reached(*usual)).filter(|_| known.len() >= FEWEST_LOGINS);
        known.push_back(level);
        if known.len() > LOGINS {
            known.pop_front();
        }
        let below = self.thresholds.login_below_usual_level && usual.is_some_and(|usual| level < usual);
        let subject = Subject::Provider(provider.clone(), level);
        below.then_some(Alert { rule: Rule::LoginBelowUsualLevel, subject, count: 1, at: event.at }).into_iter().collect()
    }
}

/// One IPv4 address, or one IPv6 /64, as throttling counts them.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

fn over(threshold: u32, count: usize) -> Option<usize> {
    (threshold > 0 && u32::try_from(count).map_or(true, |count| count >= threshold)).then_some(count)
}

/// When what happened, by subject.
#[derive(Debug)]
struct Counts<T>(BTreeMap<String, Times<T>>);

#[derive(Debug)]
struct Times<T>(VecDeque<(Timestamp, T)>);

impl<T> Default for Counts<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Counts<T> {
    /// Adds one, and forgets what is from before the window.
    fn add(&mut self, key: String, at: Timestamp, what: T, since: Timestamp) -> &Times<T> {
        if self.0.len() >= MOST_SUBJECTS && !self.0.contains_key(&key) {
            self.0.retain(|_, times| times.0.back().is_some_and(|(at, _)| *at > since));
            // Many of which little happens must not push out the one of which much does.
            let least =
                self.0.iter().min_by_key(|(_, times)| (times.0.len(), times.0.back().map(|(at, _)| *at))).map(|(key, _)| key.clone());
            if let Some(least) = least.filter(|_| self.0.len() >= MOST_SUBJECTS) {
                self.0.remove(&least);
            }
        }
        let times = self.0.entry(key).or_insert_with(|| Times(VecDeque::new()));
        if at > since {
            times.0.push_back((at, what));
        }
        times.0.retain(|(at, _)| *at > since);
        if times.0.len() > MOST_EVENTS {
            times.0.pop_front();
        }
        times
    }
}

impl Times<String> {
    fn distinct(&self) -> usize {
        self.0.iter().map(|(_, what)| what).collect::<std::collections::BTreeSet<_>>().len()
    }
}

#[cfg(test)]
mod tests;
