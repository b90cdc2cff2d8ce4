//! Alert rules: combinations of audit entries that look like an attack or a mistake.
//!
//! Invariants: pure, the same entries give the same alerts; memory is bounded, however many entries arrive; an entry that the service did
//! not write raises only the alert about that entry.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
};

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    audit::{AuditEvent, AuditOutcome, EventKind, Party},
    identity::{level::AssuranceLevel, provider::ProviderId},
};

/// Most accounts, addresses and actors that are remembered, of each kind. An attack on more of them shows in those that are remembered.
const MOST_SUBJECTS: usize = 20_000;
/// Most events that are remembered of one subject; above any threshold.
const MOST_EVENTS: usize = 10_000;
/// The usual level of a provider is computed from this many of its latest logins.
const LOGINS: usize = 200;
/// With fewer logins no usual level is assumed.
const FEWEST_LOGINS: usize = 20;

/// An alert rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertRule {
    /// Many failures for one account.
    FailuresForOneAccount,
    /// Failures for many accounts from one client address.
    AccountsFromOneAddress,
    /// One actor reset many passwords of others.
    ResetsByOneHelper,
    /// A login below the level that nearly all logins of its provider reach.
    LoginBelowUsualLevel,
    /// An entry in the audit log that the service did not write.
    UnsoundEntry,
    /// An entry is missing from the audit log.
    MissingEntry,
    /// Retention deleted nothing, because the clock cannot be relied on.
    ClockJumped,
    /// The chain in the database is not what the service has signed.
    ChainChanged,
}

impl AlertRule {
    pub const ALL: [Self; 8] = [
        Self::FailuresForOneAccount,
        Self::AccountsFromOneAddress,
        Self::ResetsByOneHelper,
        Self::LoginBelowUsualLevel,
        Self::UnsoundEntry,
        Self::MissingEntry,
        Self::ClockJumped,
        Self::ChainChanged,
    ];

    /// The stable code in the audit log and in metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::FailuresForOneAccount => "failures_for_one_account",
            Self::AccountsFromOneAddress => "accounts_from_one_address",
            Self::ResetsByOneHelper => "resets_by_one_helper",
            Self::LoginBelowUsualLevel => "login_below_usual_level",
            Self::UnsoundEntry => "unsound_entry",
            Self::MissingEntry => "missing_entry",
            Self::ClockJumped => "clock_jumped",
            Self::ChainChanged => "chain_changed",
        }
    }
}

/// Thresholds of the alert rules. 0 switches a rule off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Events within this time are counted together.
    pub window: SignedDuration,
    /// Failures for one account, or for one login name without an account.
    pub failures_for_one_account: u32,
    /// Accounts, or login names without an account, with failures from one client address.
    pub accounts_from_one_address: u32,
    /// Resets by one actor on accounts of others.
    pub resets_by_one_helper: u32,
    /// Raise an alert for logins below the usual level.
    pub login_below_usual_level: bool,
}

/// The subject of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertSubject {
    /// The account that the failures are about.
    Account(Party),
    /// Keyed fingerprint of a login name without an account.
    Unknown(String),
    /// A client address: one IPv4 address or one IPv6 /64.
    Address(IpAddr),
    /// An actor who reset passwords of others.
    Helper(Party),
    /// An identity provider, and the level of the login.
    Provider(ProviderId, AssuranceLevel),
    /// The audit log itself, and the sequence number of the entry.
    Log(i64),
}

impl AlertSubject {
    /// A stable text that identifies the subject. Level and sequence number are not part of it.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub rule: AlertRule,
    pub subject: AlertSubject,
    /// Number of events counted.
    pub count: usize,
    /// Time of the entry that reached the threshold; for alerts about the log itself the latest time seen before.
    pub at: Timestamp,
}

impl Alert {
    /// Rule and subject. An alert of one name is raised once in a window.
    pub fn name(&self) -> String {
        format!("{}:{}", self.rule.code(), self.subject.key())
    }
}

/// The content of one sequence number of the audit log, as far as the alert rules use it.
#[derive(Debug, Clone, Copy)]
pub enum ObservedEntry<'a> {
    /// An entry that the service wrote.
    Event(&'a AuditEvent),
    /// An entry that the service did not write. Nothing in it can be trusted, its time neither.
    Unsound,
    /// No entry, although retention deleted none there.
    Missing,
}

/// State of the alert rules. It is rebuilt from the latest part of the audit log at each start.
#[derive(Debug)]
pub struct Watch {
    thresholds: Thresholds,
    /// The latest time seen: the clock of the rules. Entries are not strictly ordered by time.
    now: Timestamp,
    failures: EventTimes<()>,
    addresses: EventTimes<String>,
    resets: EventTimes<()>,
    levels: BTreeMap<ProviderId, VecDeque<AssuranceLevel>>,
}

impl Watch {
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            now: Timestamp::MIN,
            failures: EventTimes::default(),
            addresses: EventTimes::default(),
            resets: EventTimes::default(),
            levels: BTreeMap::new(),
        }
    }

    /// Takes in the content of one sequence number. Returns the alerts that are at or above their threshold with it; further entries return
    /// them again.
    pub fn see(&mut self, number: i64, seen: ObservedEntry<'_>) -> Vec<Alert> {
        match seen {
            ObservedEntry::Event(event) => {
                self.now = self.now.max(event.at);
                self.event(event)
            }
            ObservedEntry::Unsound => {
                vec![Alert { rule: AlertRule::UnsoundEntry, subject: AlertSubject::Log(number), count: 1, at: self.now }]
            }
            ObservedEntry::Missing => {
                vec![Alert { rule: AlertRule::MissingEntry, subject: AlertSubject::Log(number), count: 1, at: self.now }]
            }
        }
    }

    fn event(&mut self, event: &AuditEvent) -> Vec<Alert> {
        match event.kind {
            EventKind::SignIn | EventKind::CodeRedeemed => {
                let mut alerts = self.login(event);
                if event.outcome == AuditOutcome::Refused {
                    alerts.extend(self.failure(event));
                }
                alerts
            }
            // A wrong current password in a change: a person who finds an open session may try passwords there.
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
            | EventKind::AccountViewed
            | EventKind::ListViewed
            | EventKind::CodeIssued
            | EventKind::SlipsMade
            | EventKind::StaffAccount
            | EventKind::CodeExpired
            | EventKind::AuditLogViewed
            | EventKind::LogExported
            | EventKind::CprRevealed
            | EventKind::ServiceStarted
            | EventKind::ServiceStopped
            | EventKind::ProviderChanged
            | EventKind::ApiToken
            | EventKind::RetentionRan
            | EventKind::LogVerified
            | EventKind::CprKeyRotated
            | EventKind::AlertRaised
            | EventKind::LoginTested => Vec::new(),
        }
    }

    fn failure(&mut self, event: &AuditEvent) -> Vec<Alert> {
        let subject = match (event.target.as_ref().or(event.actor.as_ref()), &event.unknown_name) {
            (Some(party), _) => AlertSubject::Account(party.clone()),
            (None, Some(fingerprint)) => AlertSubject::Unknown(fingerprint.clone()),
            (None, None) => return Vec::new(),
        };
        let since = self.now - self.thresholds.window;
        let key = subject.key();
        let mut alerts = Vec::new();
        if let Some(address) = event.client.map(household) {
            let accounts = self.addresses.add(address.to_string(), event.at, key.clone(), since).distinct();
            alerts.extend(over(self.thresholds.accounts_from_one_address, accounts).map(|count| Alert {
                rule: AlertRule::AccountsFromOneAddress,
                subject: AlertSubject::Address(address),
                count,
                at: event.at,
            }));
        }
        let failures = self.failures.add(key, event.at, (), since).0.len();
        alerts.extend(over(self.thresholds.failures_for_one_account, failures).map(|count| Alert {
            rule: AlertRule::FailuresForOneAccount,
            subject,
            count,
            at: event.at,
        }));
        alerts
    }

    fn reset(&mut self, event: &AuditEvent) -> Option<Alert> {
        let actor = event.actor.as_ref().filter(|_| event.is_by_another())?;
        let resets = self.resets.add(actor.guid.to_string(), event.at, (), self.now - self.thresholds.window).0.len();
        let subject = AlertSubject::Helper(actor.clone());
        over(self.thresholds.resets_by_one_helper, resets).map(|count| Alert {
            rule: AlertRule::ResetsByOneHelper,
            subject,
            count,
            at: event.at,
        })
    }

    /// Judges a login that a provider asserted, whether or not the service accepted it. The usual level is the highest that 19 of 20 logins
    /// reach.
    fn login(&mut self, event: &AuditEvent) -> Vec<Alert> {
        let (Some(provider), Some(level)) = (&event.provider, event.level) else { return Vec::new() };
        let known = self.levels.entry(provider.clone()).or_default();
        let reached = |usual: AssuranceLevel| known.iter().filter(|level| **level >= usual).count() * 20 >= known.len() * 19;
        let usual = AssuranceLevel::ALL.into_iter().rev().find(|usual| reached(*usual)).filter(|_| known.len() >= FEWEST_LOGINS);
        known.push_back(level);
        if known.len() > LOGINS {
            known.pop_front();
        }
        let below = self.thresholds.login_below_usual_level && usual.is_some_and(|usual| level < usual);
        let subject = AlertSubject::Provider(provider.clone(), level);
        below.then_some(Alert { rule: AlertRule::LoginBelowUsualLevel, subject, count: 1, at: event.at }).into_iter().collect()
    }
}

/// One IPv4 address, or one IPv6 /64, as rate limits count clients.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

fn over(threshold: u32, count: usize) -> Option<usize> {
    (threshold > 0 && u32::try_from(count).map_or(true, |count| count >= threshold)).then_some(count)
}

/// Times of events by subject, each with a value.
#[derive(Debug)]
struct EventTimes<T>(BTreeMap<String, Times<T>>);

#[derive(Debug)]
struct Times<T>(VecDeque<(Timestamp, T)>);

impl<T> Default for EventTimes<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> EventTimes<T> {
    /// Adds an event and drops those from before the window.
    fn add(&mut self, key: String, at: Timestamp, what: T, since: Timestamp) -> &Times<T> {
        if self.0.len() >= MOST_SUBJECTS && !self.0.contains_key(&key) {
            self.0.retain(|_, times| times.0.back().is_some_and(|(at, _)| *at > since));
            // A full map gives up the subject with the fewest events, so that many quiet subjects cannot displace one under attack.
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
