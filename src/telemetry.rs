//! What the service says of itself, and what it never says.
//!
//! Invariant: no log line holds a password, a token or the content of an LDAP, SQL or HTTP message.

use std::panic;

use ring::rand::{SecureRandom, SystemRandom};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tracing::{error, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Format, Log};

/// Libraries whose debug lines quote messages: they only speak of errors, whatever level is asked for, unless the filter names them itself.
const QUIET: [&str; 7] = ["ldap3", "lber", "sqlx", "hyper", "h2", "rustls", "tower_sessions_core"];

/// Starts logging to standard output and makes a panic a log line without the panic's own text, which may hold data.
pub fn init(log: &Log) {
    let asked: Targets = log.level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let named = |library: &str| asked.iter().any(|(target, _)| target == library);
    let quiet = QUIET.iter().filter(|library| !named(library)).map(|library| (*library, LevelFilter::ERROR));
    let filter = quiet.fold(asked.clone(), |filter, (library, level)| filter.with_target(library, level));
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        Format::Json => registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).init(),
        Format::Text => registry.with(tracing_subscriber::fmt::layer()).init(),
    }
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        error!(place, "a task ended unexpectedly");
    }));
}

/// Core dumps off, memory closed to other processes of the same user. An error means that the service must not start.
pub fn harden() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// A reference for a fault page and its log line: 8 characters that can't be mistaken for one another when read aloud.
pub fn reference() -> String {
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let mut bytes = [0; 8];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return "UNKNOWN".to_owned();
    }
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
