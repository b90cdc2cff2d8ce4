//! Formatting of values, rules, refusals and events in the visitor's language.

use std::collections::BTreeSet;

use jiff::{RoundMode, SignedDurationRound, Timestamp, TimestampRound, Unit, civil::Date};

use crate::http::i18n::catalogue::{TextValue, text};
use crate::{
    clock::danish,
    config::Language,
    model::{
        account::Account,
        audit::{AuditEvent, AuditOutcome, EventKind},
        authorization::{Denial, strength::Strength},
        guessability::GuessReason,
        identity::level::AssuranceLevel,
        password_policy::{BrokenRule, PolicyRule},
        refusal::Refusal,
    },
};

/// Language and time of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wording {
    pub language: Language,
    pub now: Timestamp,
}

/// A rule as the change form shows it.
pub(crate) struct ShownRule {
    /// Name of the rule in the script.
    pub code: &'static str,
    /// Parameter of the rule for the script; empty without one.
    pub value: String,
    /// Text for people.
    pub text: String,
}

impl Wording {
    /// A text without placeholders.
    pub fn t(&self, key: &str) -> String {
        text(self.language, key, &[])
    }

    /// A text with one word.
    pub fn with(&self, key: &str, name: &'static str, word: &str) -> String {
        text(self.language, key, &[(name, TextValue::Word(word))])
    }

    /// A text with one number.
    pub fn counting(&self, key: &str, name: &'static str, number: i64) -> String {
        text(self.language, key, &[(name, TextValue::Number(number))])
    }

    /// `Side 2 af 400`.
    pub fn page_of(&self, page: usize, pages: usize) -> String {
        let (page, pages) = (page.to_string(), pages.to_string());
        text(self.language, "list-page-of", &[("page", TextValue::Word(&page)), ("pages", TextValue::Word(&pages))])
    }

    /// `24. november kl. 09.10`, in Danish time. Another year than the current one is added.
    pub fn time(&self, at: Timestamp) -> String {
        text(self.language, "at-time", &[("date", TextValue::Word(&self.date(at))), ("time", TextValue::Word(&self.clock(at)))])
    }

    /// End of a delay, rounded up to the minute so that it is never too early.
    ///
    /// Either `om 2 minutter (kl. 17.25)`, `i dag kl. 19.40` or `i morgen kl. 09.10`, else as [`Wording::time`].
    pub fn wait_until(&self, at: Timestamp) -> String {
        let up = |unit| SignedDurationRound::new().smallest(unit).mode(RoundMode::Ceil);
        let minutes = at.duration_since(self.now).round(up(Unit::Minute)).map_or(i64::MAX, |wait| wait.as_mins());
        let at = at.round(TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::Ceil)).unwrap_or(at);
        let clock = self.clock(at);
        let days = (danish(at).date() - danish(self.now).date()).get_days();
        match (minutes, days) {
            (..=0, _) => self.t("wait-over"),
            (1..60, _) => {
                text(self.language, "wait-minutes", &[("minutes", TextValue::Number(minutes)), ("time", TextValue::Word(&clock))])
            }
            (_, 0) => self.with("wait-today", "time", &clock),
            (_, 1) => self.with("wait-tomorrow", "time", &clock),
            (60.., _) => self.time(at),
        }
    }

    fn clock(&self, at: Timestamp) -> String {
        let format = match self.language {
            Language::Da => "%H.%M",
            Language::En => "%H:%M",
        };
        danish(at).strftime(format).to_string()
    }

    fn date(&self, at: Timestamp) -> String {
        let date = danish(at).date();
        self.dated(date, if date.year() == danish(self.now).year() { "date-this-year" } else { "date-other-year" })
    }

    fn dated(&self, date: Date, key: &str) -> String {
        let (day, year, month) = (date.day().to_string(), date.year().to_string(), self.t(&format!("month-{}", date.month())));
        text(self.language, key, &[("day", TextValue::Word(&day)), ("month", TextValue::Word(&month)), ("year", TextValue::Word(&year))])
    }

    /// A date with its year.
    pub fn day(&self, date: Date) -> String {
        self.dated(date, "date-other-year")
    }

    /// Time with year and second, as in the audit log.
    pub fn exact(&self, at: Timestamp) -> String {
        let clock = match self.language {
            Language::Da => "%H.%M.%S",
            Language::En => "%H:%M:%S",
        };
        let (date, time) = (self.day(danish(at).date()), danish(at).strftime(clock).to_string());
        text(self.language, "at-time", &[("date", TextValue::Word(&date)), ("time", TextValue::Word(&time))])
    }

    /// Expiry of a password, with the days left.
    pub fn expiry(&self, at: Timestamp) -> String {
        if at <= self.now {
            return self.with("expired-on", "time", &self.time(at));
        }
        let days = i64::from((danish(at).date() - danish(self.now).date()).get_days());
        text(self.language, "expires-on", &[("time", TextValue::Word(&self.time(at))), ("days", TextValue::Number(days))])
    }

    /// A rule, before the visitor types.
    pub fn rule(&self, rule: &PolicyRule, account: &Account) -> ShownRule {
        let plain = |code: &'static str, key: &str| ShownRule { code, value: String::new(), text: self.t(key) };
        let count =
            |code, key: &str, number: u32| ShownRule { code, value: number.to_string(), text: self.counting(key, "count", number.into()) };
        match rule {
            PolicyRule::MinLength(n) => count("min_length", "rule-min-length", *n),
            PolicyRule::MaxLength(n) => count("max_length", "rule-max-length", *n),
            PolicyRule::Complexity => plain("complexity", "rule-complexity"),
            PolicyRule::Letters => plain("letters", "rule-letters"),
            PolicyRule::UpperAndLower => plain("upper_and_lower", "rule-upper-and-lower"),
            PolicyRule::Digits => plain("digits", "rule-digits"),
            PolicyRule::Special => plain("special", "rule-special"),
            PolicyRule::NoNames { recognised, exact } => {
                ShownRule { code: "no_names", value: names(account, *recognised, *exact), text: self.t("rule-no-names") }
            }
            PolicyRule::NoForbiddenWords => plain("forbidden", "rule-no-forbidden-words"),
            PolicyRule::NotGuessable => plain("not_guessable", "rule-not-guessable"),
            PolicyRule::NotLeaked => plain("not_leaked", "rule-not-leaked"),
            PolicyRule::Allowed(set) => {
                let characters: String = set.iter().collect();
                let text = self.with("rule-allowed", "characters", &characters);
                ShownRule { code: "allowed", value: characters, text }
            }
            PolicyRule::History(n) => count("history", "rule-history", *n),
            PolicyRule::MinAge(age) => {
                let hours = age.as_secs().div_euclid(3600) + i64::from(age.as_secs() % 3600 != 0);
                ShownRule { code: "min_age", value: String::new(), text: self.counting("rule-min-age", "hours", hours) }
            }
        }
    }

    /// A broken rule and its remedy.
    pub fn broken(&self, broken: &BrokenRule) -> String {
        match broken {
            BrokenRule::TooShort(n) => self.counting("broken-too-short", "count", (*n).into()),
            BrokenRule::TooLong(n) => self.counting("broken-too-long", "count", (*n).into()),
            BrokenRule::NotComplex => self.t("broken-not-complex"),
            BrokenRule::NoLetter => self.t("broken-no-letter"),
            BrokenRule::NotUpperAndLower => self.t("broken-not-upper-and-lower"),
            BrokenRule::NoDigit => self.t("broken-no-digit"),
            BrokenRule::NoSpecial => self.t("broken-no-special"),
            BrokenRule::HoldsName => self.t("broken-holds-name"),
            BrokenRule::HoldsForbiddenWord(word) => self.with("broken-holds-forbidden-word", "word", word),
            BrokenRule::Guessable(reasons) => self.guessable(reasons),
            BrokenRule::Leaked(count) => self.leaked(*count),
            BrokenRule::LeakUnchecked => self.t("broken-leak-unchecked"),
            BrokenRule::CharacterNotAllowed(c) => self.with("broken-character", "character", &c.to_string()),
            BrokenRule::NotTypeable => self.t("broken-not-typeable"),
            BrokenRule::SameAsCurrent => self.t("broken-same"),
            BrokenRule::UsedBefore(n) => self.counting("broken-used-before", "count", (*n).into()),
            BrokenRule::TooYoung(at) => self.with("broken-too-young", "time", &self.wait_until(*at)),
        }
    }

    /// Why a password is easy to guess, and the remedy: the first reason, what it comes with, and advice.
    fn guessable(&self, reasons: &[GuessReason]) -> String {
        let Some((first, others)) = reasons.split_first() else { return self.t("guessable-few-characters") };
        let word = if let GuessReason::CommonWord { word: Some(word), .. } = first {
            self.with(first.message(), "word", word)
        } else {
            self.t(first.message())
        };
        let tail = others.first().and_then(GuessReason::tail).map(|tail| format!(" {}", self.t(tail))).unwrap_or_default();
        format!("{word}{tail}. {}", self.t(first.advice()))
    }

    /// How often a password was seen in leaks, and the remedy.
    fn leaked(&self, count: u64) -> String {
        let shown = grouped(count, if self.language == Language::Da { '.' } else { ',' });
        let values = [("count", TextValue::Number(i64::try_from(count).unwrap_or(i64::MAX))), ("shown", TextValue::Word(&shown))];
        text(self.language, "broken-leaked", &values)
    }

    /// Messages of a refusal, each with the id of its field; the id is empty for the form as a whole.
    pub fn refusal(&self, refusal: &Refusal) -> Vec<(&'static str, String)> {
        let one = |field, text| vec![(field, text)];
        match refusal {
            Refusal::Policy(all) => all.iter().map(|broken| (field(broken), self.broken(broken))).collect(),
            Refusal::WrongCurrent => one("current", self.t("refusal-wrong-current")),
            Refusal::Locked => one("", self.t("refusal-locked")),
            Refusal::NearLockout => one("", self.t("refusal-near-lockout")),
            Refusal::Throttled { until } => one("", self.with("refusal-throttled", "time", &self.wait_until(*until))),
            Refusal::Busy { until } => one("", self.with("refusal-busy", "time", &self.wait_until(*until))),
            Refusal::CannotChange => one("", self.t("refusal-cannot-change")),
            Refusal::NoRight => one("", self.t("refusal-no-right")),
            Refusal::NotUsable => one("", self.t("refusal-not-usable")),
            Refusal::NoRelation => one("", self.t("refusal-no-relation")),
            Refusal::TooWeak { needed } => one("", self.too_weak(needed)),
            Refusal::LoginTooOld => one("", self.t("refusal-login-too-old")),
            Refusal::Denied(denial) => one("", self.denial(*denial)),
            Refusal::CodeEnded => one("", self.t("refusal-code-ended")),
            Refusal::PolicyUnexplained => one("new", self.t("refusal-policy-unexplained")),
        }
    }

    /// Reason of a denial, and its remedy.
    pub fn denial(&self, denial: Denial) -> String {
        match denial {
            Denial::Barred => self.t("denied-barred"),
            Denial::Unreadable => self.t("denied-unreadable"),
            Denial::NoRelation => self.t("denied-no-relation"),
            Denial::NotUsable => self.t("denied-not-usable"),
            Denial::ClosedToOthers => self.t("denied-closed"),
            Denial::Protected => self.t("denied-protected"),
            Denial::MasterAdmin => self.t("denied-master-admin"),
            Denial::PasswordAdmin => self.t("denied-password-admin"),
            Denial::Helper => self.t("denied-helper"),
            Denial::Auditor => self.t("denied-auditor"),
            Denial::Teacher => self.t("denied-teacher"),
            Denial::TooWeak(level) => self.with("denied-too-weak", "level", &self.level(level).unwrap_or_default()),
            Denial::LoginTooOld => self.t("denied-login-too-old"),
            Denial::PasswordChangedSince => self.t("denied-password-changed-since"),
            Denial::NotThisAction => self.t("denied-not-this-action"),
            Denial::TooOften(until) => self.with("denied-too-often", "time", &self.wait_until(until)),
        }
    }

    fn too_weak(&self, needed: &Strength) -> String {
        match (&needed.providers, self.level(needed.level)) {
            (None, Some(level)) => self.with("refusal-too-weak-level", "level", &level),
            (Some(_), Some(level)) => self.with("refusal-too-weak-both", "level", &level),
            (_, None) => self.t("refusal-too-weak-provider"),
        }
    }

    /// Official name of an assurance level. [`AssuranceLevel::None`] has none.
    pub(crate) fn level(&self, level: AssuranceLevel) -> Option<String> {
        match level {
            AssuranceLevel::None => None,
            AssuranceLevel::Low => Some(self.t("level-low")),
            AssuranceLevel::Substantial => Some(self.t("level-substantial")),
            AssuranceLevel::High => Some(self.t("level-high")),
        }
    }

    /// An event of an account's history. `provider`: name of the provider of the actor's login.
    pub fn event(&self, event: &AuditEvent, provider: Option<&str>) -> String {
        if let Some(key) = helped_key(event) {
            let who = event.actor.as_ref().map(|actor| actor.name.as_str()).unwrap_or_default();
            return self.with(key, "who", who);
        }
        if let Some(provider) = provider
            && let Some(key) = reset_key(event)
        {
            return self.with(key, "provider", provider);
        }
        let key = match (event.kind, event.outcome) {
            (EventKind::SignIn, AuditOutcome::Succeeded) => "event-sign-in",
            (EventKind::SignIn, AuditOutcome::Started | AuditOutcome::Refused | AuditOutcome::Failed | AuditOutcome::Unknown) => {
                "event-sign-in-refused"
            }
            (EventKind::SignOut, _) => "event-sign-out",
            (EventKind::CodeRedeemed, AuditOutcome::Succeeded) => "event-code-redeemed",
            (EventKind::CodeRedeemed, AuditOutcome::Started | AuditOutcome::Refused | AuditOutcome::Failed | AuditOutcome::Unknown) => {
                "event-code-refused"
            }
            (_, AuditOutcome::Succeeded) => "event-changed",
            (_, AuditOutcome::Refused) => "event-change-refused",
            (_, AuditOutcome::Failed) => "event-change-failed",
            (_, AuditOutcome::Started | AuditOutcome::Unknown) => "event-change-unknown",
        };
        self.t(key)
    }
}

/// Key of the text for an event that another person or the service caused; `None` for the owner's events.
fn helped_key(event: &AuditEvent) -> Option<&'static str> {
    let done = event.outcome == AuditOutcome::Succeeded;
    let ended = |done_key, other_key| Some(if done { done_key } else { other_key });
    match event.kind {
        EventKind::UnlockAttempt | EventKind::UnlockOutcome => ended("event-unlocked", "event-unlock-not-done"),
        EventKind::CodeIssued => ended("event-code-issued", "event-code-not-issued"),
        EventKind::AccountViewed
        | EventKind::ListViewed
        | EventKind::SlipsMade
        | EventKind::AuditLogViewed
        | EventKind::LogExported
        | EventKind::CprRevealed => Some("event-seen"),
        EventKind::CodeExpired => Some("event-code-expired"),
        EventKind::StaffAccount => Some("event-staff-account"),
        EventKind::ServiceStarted
        | EventKind::ServiceStopped
        | EventKind::ProviderChanged
        | EventKind::ApiToken
        | EventKind::RetentionRan
        | EventKind::LogVerified
        | EventKind::CprKeyRotated
        | EventKind::AlertRaised
        | EventKind::LoginTested => Some("event-service"),
        EventKind::ResetAttempt | EventKind::ResetOutcome | EventKind::ResetReconciled if is_anothers(event) => Some(match event.outcome {
            AuditOutcome::Succeeded => "event-other-reset",
            AuditOutcome::Refused | AuditOutcome::Failed => "event-other-reset-not-done",
            AuditOutcome::Started | AuditOutcome::Unknown => "event-other-reset-unknown",
        }),
        EventKind::SignOut if is_anothers(event) => Some("event-sign-out-by"),
        EventKind::SignIn
        | EventKind::SignOut
        | EventKind::CodeRedeemed
        | EventKind::ChangeAttempt
        | EventKind::ChangeOutcome
        | EventKind::ChangeReconciled
        | EventKind::ResetAttempt
        | EventKind::ResetOutcome
        | EventKind::ResetReconciled => None,
    }
}

/// Whether the actor was another person than the account's owner.
fn is_anothers(event: &AuditEvent) -> bool {
    match (&event.actor, &event.target) {
        (Some(actor), Some(target)) => actor.guid != target.guid,
        (None, _) | (_, None) => event.authority.is_some(),
    }
}

/// Key of the text for a reset by the owner; `None` for other events.
fn reset_key(event: &AuditEvent) -> Option<&'static str> {
    let is_reset = matches!(event.kind, EventKind::ResetAttempt | EventKind::ResetOutcome | EventKind::ResetReconciled);
    is_reset.then_some(match event.outcome {
        AuditOutcome::Succeeded => "event-reset",
        AuditOutcome::Refused => "event-reset-refused",
        AuditOutcome::Failed => "event-reset-failed",
        AuditOutcome::Started | AuditOutcome::Unknown => "event-reset-unknown",
    })
}

/// Field that corrects a broken rule: the new password. The minimum age has no field, because no other password corrects it.
fn field(broken: &BrokenRule) -> &'static str {
    match broken {
        BrokenRule::TooYoung(_) => "",
        BrokenRule::TooShort(_)
        | BrokenRule::TooLong(_)
        | BrokenRule::NotComplex
        | BrokenRule::NoLetter
        | BrokenRule::NotUpperAndLower
        | BrokenRule::NoDigit
        | BrokenRule::NoSpecial
        | BrokenRule::HoldsName
        | BrokenRule::HoldsForbiddenWord(_)
        | BrokenRule::Guessable(_)
        | BrokenRule::Leaked(_)
        | BrokenRule::LeakUnchecked
        | BrokenRule::CharacterNotAllowed(_)
        | BrokenRule::NotTypeable
        | BrokenRule::SameAsCurrent
        | BrokenRule::UsedBefore(_) => "new",
    }
}

/// A number with a separator after every three digits.
fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// The person's own names, for the script that checks the rules. The page shows them anyway.
///
/// One name a line: names that must not be recognised in the password, an empty line, names that AD compares letter by letter.
fn names(account: &Account, recognised: bool, exact: bool) -> String {
    let display = account.display_name.as_deref().unwrap_or_default();
    let of_person = [display, account.given_name.as_deref().unwrap_or_default(), account.surname.as_deref().unwrap_or_default()];
    let upn_user = account.upn.as_deref().and_then(|upn| upn.split('@').next()).unwrap_or_default();
    let ours = of_person.into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric())).chain([account.sam.as_str(), upn_user]);
    // AD splits displayName at other characters than we do.
    let ads = display.split([',', '.', '-', '_', '#', ' ', '\t']).chain([account.sam.as_str()]);
    let lines = |names: BTreeSet<&str>| names.into_iter().filter(|name| name.chars().count() >= 3).collect::<Vec<_>>().join("\n");
    let (ours, ads) = (ours.filter(|_| recognised).collect(), ads.filter(|_| exact).collect());
    format!("{}\n\n{}", lines(ours), lines(ads))
}

#[cfg(test)]
mod tests {
    use crate::http::i18n::words::*;

    fn words(language: Language) -> Wording {
        Wording { language, now: "2026-11-23T08:10:00Z".parse().expect("a time") }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn times_are_danish_whatever_the_season() {
        let danish = words(Language::Da);
        assert_eq!(danish.time(at("2026-11-24T08:10:00Z")), "24. november kl. 09.10");
        assert_eq!(danish.time(at("2026-07-01T22:30:00Z")), "2. juli kl. 00.30");
        assert_eq!(danish.time(at("2025-12-31T23:30:00Z")), "1. januar kl. 00.30");
        assert_eq!(words(Language::En).time(at("2025-01-02T08:10:00Z")), "2 January 2025 at 09:10");
        assert_eq!(danish.exact(at("2026-11-24T08:10:09Z")), "24. november 2026 kl. 09.10.09");
    }

    #[test]
    fn a_wait_is_told_in_words_and_never_ends_too_early() {
        let (danish, english) = (words(Language::Da), words(Language::En));
        for (until, da, en) in [
            ("2026-11-23T08:10:03Z", "om 1 minut (kl. 09.11)", "in 1 minute (at 09:11)"),
            ("2026-11-23T08:11:00Z", "om 1 minut (kl. 09.11)", "in 1 minute (at 09:11)"),
            ("2026-11-23T08:11:00.001Z", "om 2 minutter (kl. 09.12)", "in 2 minutes (at 09:12)"),
            ("2026-11-23T08:34:03Z", "om 25 minutter (kl. 09.35)", "in 25 minutes (at 09:35)"),
            ("2026-11-23T10:24:03Z", "i dag kl. 11.25", "today at 11:25"),
            ("2026-11-23T22:59:30Z", "i morgen kl. 00.00", "tomorrow at 00:00"),
            ("2026-11-24T08:10:00Z", "i morgen kl. 09.10", "tomorrow at 09:10"),
            ("2026-11-25T08:10:00Z", "25. november kl. 09.10", "25 November at 09:10"),
            ("2026-11-23T08:10:00Z", "nu", "now"),
        ] {
            assert_eq!((danish.wait_until(at(until)).as_str(), english.wait_until(at(until)).as_str()), (da, en), "{until}");
        }
    }

    #[test]
    fn days_are_calendar_days_in_denmark() {
        let evening = Wording { language: Language::Da, now: at("2026-11-30T16:24:00Z") };
        assert_eq!(evening.expiry(at("2026-12-01T08:15:00Z")), "1. december kl. 09.15 (i morgen)");
        assert_eq!(evening.expiry(at("2026-11-30T22:30:00Z")), "30. november kl. 23.30 (i dag)");
        assert_eq!(evening.expiry(at("2026-11-30T23:30:00Z")), "1. december kl. 00.30 (i morgen)");
        assert_eq!(evening.expiry(at("2026-12-02T08:15:00Z")), "2. december kl. 09.15 (om 2 dage)");
        let spring = Wording { language: Language::Da, now: at("2026-03-28T12:00:00Z") };
        assert_eq!(spring.expiry(at("2026-03-29T22:30:00Z")), "30. marts kl. 00.30 (om 2 dage)");
    }

    #[test]
    fn days_are_counted_in_words() {
        let danish = words(Language::Da);
        assert_eq!(danish.expiry(at("2026-11-25T09:00:00Z")), "25. november kl. 10.00 (om 2 dage)");
        assert_eq!(danish.expiry(at("2026-11-24T09:00:00Z")), "24. november kl. 10.00 (i morgen)");
        assert_eq!(danish.expiry(at("2026-11-23T09:00:00Z")), "23. november kl. 10.00 (i dag)");
        assert_eq!(danish.expiry(at("2026-11-22T09:00:00Z")), "Udløb 22. november kl. 10.00");
    }

    #[test]
    fn what_was_typed_is_shown_as_it_is_and_not_read_as_a_text_of_ours() {
        let text = words(Language::Da).broken(&BrokenRule::HoldsForbiddenWord("{ $word } <b>".into()));
        assert!(text.contains("{ $word } <b>"), "{text}");
    }
}
