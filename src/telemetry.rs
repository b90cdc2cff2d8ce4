//! Logging and process hardening.
//!
//! Invariant: no log line contains a password, a token or the content of an LDAP, SQL or HTTP message.

use std::{
    io::IsTerminal,
    panic,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ring::rand::{SecureRandom, SystemRandom};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use tracing::{error, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// Libraries whose debug lines quote messages, by the beginning of their names (`tower` includes `tower_http`). They
/// log errors only, whatever the level, unless the filter names them.
const QUIET: [&str; 9] = ["axum", "ldap3", "lber", "sqlx", "hyper", "h2", "reqwest", "rustls", "tower"];
/// A library whose errors quote values as well (SQL Server's error texts): no filter can enable it.
const SILENT: &str = "tiberius";

/// Starts logging to standard output. A panic becomes a log line without its message, which may contain data.
pub fn init(log: &LogConfig) {
    let registry = tracing_subscriber::registry().with(filter(&log.level));
    match log.format {
        LogFormat::Json => registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).init(),
        LogFormat::Text => registry.with(tracing_subscriber::fmt::layer().with_ansi(colours())).init(),
    }
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "panic");
    }));
}

/// Whether to use colours: only on a terminal, and not where `NO_COLOR` is set (<https://no-color.org>).
fn colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The configured filter, with the libraries of [`QUIET`] at error level unless it names them.
fn filter(level: &str) -> Targets {
    let asked: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let without: Targets = asked.iter().filter(|(target, _)| !target.starts_with(SILENT)).collect();
    let asked = without.with_default(asked.default_level().unwrap_or(LevelFilter::OFF));
    let named = |library: &str| asked.iter().any(|(target, _)| target == library);
    let quiet = QUIET.iter().filter(|library| !named(library)).map(|library| (*library, LevelFilter::ERROR));
    quiet.fold(asked.clone(), |filter, (library, level)| filter.with_target(library, level)).with_target(SILENT, LevelFilter::OFF)
}

/// Disables core dumps and access to memory by other processes of the same user. An error must stop the start.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Raises the limit of open files to its maximum: each connection is one file. If that fails, the limit stays;
/// [`descriptors`] returns it.
pub fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }); // the result is read where it is used
}

/// Number of files and connections that the process may have open.
pub fn descriptors() -> usize {
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// A log line that appears at most every ten seconds, however often its event happens.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    const EVERY: Duration = Duration::from_secs(10);

    /// Counts the event. Returns the count since the last log line, where the next line is due.
    pub fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        if state.0.is_some_and(|last| now.duration_since(last) < Self::EVERY) {
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

/// A reference for an error page and its log line: 8 characters that are not confused when read aloud.
pub fn reference() -> String {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut bytes = [0; 8];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return "UNKNOWN".to_owned();
    }
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_whose_lines_hold_data_are_quiet_unless_they_are_named() {
        let everything = filter("trace");
        for library in ["ldap3::conn", "sqlx::query", "hyper_util::client", "rustls::conn", "axum::rejection", "tower_http::trace"] {
            assert!(!everything.would_enable(library, &Level::WARN), "{library}");
            assert!(everything.would_enable(library, &Level::ERROR), "{library}");
        }
        assert!(everything.would_enable("os2nykode::flow", &Level::TRACE));
        for level in ["trace", "info,tiberius=trace", "info,tiberius::tds=error"] {
            assert!(!filter(level).would_enable("tiberius::tds::stream::token", &Level::ERROR), "{level}");
        }
        let named = filter("info,ldap3=debug");
        assert!(named.would_enable("ldap3::conn", &Level::DEBUG));
        assert!(!named.would_enable("sqlx::query", &Level::WARN) && !named.would_enable("os2nykode", &Level::DEBUG));
    }

    #[test]
    fn what_happens_often_is_logged_every_ten_seconds_with_how_often() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let at = |seconds| seldom.due_at(start + Duration::from_secs(seconds));
        assert_eq!((at(0), at(1), at(9)), (Some(1), None, None));
        assert_eq!((at(10), at(11), at(40)), (Some(3), None, Some(2)));
    }

    #[test]
    fn a_reference_has_eight_characters_that_are_not_mistaken_for_others() {
        let made: std::collections::BTreeSet<String> = (0..200).map(|_| reference()).collect();
        assert_eq!(made.len(), 200);
        for reference in made {
            assert!(reference.len() == 8 && !reference.contains(['0', 'O', '1', 'I']), "{reference}");
        }
    }
}
