//! `os2nykode audit vouch` and `audit restored`: an operator's decision about a log that the service does not sign.

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::{CommandError, complain, entry, log, note_verified, say};
use crate::{
    audit::chain::sealer::{ChainMemory, SignOutcome},
    clock::{Clock, SystemClock},
    config::Config,
    model::audit::{AuditOutcome, EventKind},
    store::Store,
};

/// A decision of an operator about a log that the service does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The examined log is signed.
    Vouch,
    /// The same, after foreign seals were taken out of the chain.
    SetAside,
    /// A backup was restored.
    Restored,
}

impl Decision {
    /// The note of its entry.
    fn code(self) -> &'static str {
        match self {
            Self::Vouch => "vouch",
            Self::SetAside => "vouch --set-aside",
            Self::Restored => "restored",
        }
    }
}

/// Runs the command and reports its result.
pub(super) async fn run(config: &Config, decision: Decision) -> ExitCode {
    match vouch(config, decision).await {
        Ok(SignOutcome::UpTo(number) | SignOutcome::Part(number)) => say(&format!("Signed up to number {number}.\n"), ExitCode::SUCCESS),
        Ok(SignOutcome::NothingNew) => say("There are no new entries to sign.\n", ExitCode::SUCCESS),
        Ok(SignOutcome::Changed(number)) => complain(
            &format!(
                "Nothing was signed: the chain is not intact at number {number}. Keep a copy of the database. \
                 `audit vouch --set-aside` takes seals out that do not belong to the chain; after a restored backup run `audit restored`.\n"
            ),
            ExitCode::FAILURE,
        ),
        Err(trouble) => complain(&format!("{trouble}\n"), ExitCode::FAILURE),
    }
}

/// Seals the waiting entries, as the running service would, and signs.
async fn vouch(config: &Config, decision: Decision) -> Result<SignOutcome, CommandError> {
    let Some(key) = &config.audit.signer else { return Err(CommandError::NoKey) };
    let url = config.store.url.expose_secret();
    if let Some(problem) = crate::cli::account::anothers(url, "audit") {
        return Err(CommandError::Anothers(problem));
    }
    let store = Store::open(url).await?;
    let log = log(config, &store);
    log.append(&entry(config, EventKind::LogVerified, AuditOutcome::Started, decision.code().to_owned())?).await?;
    let now = SystemClock.now();
    let aside = if decision == Decision::SetAside { log.set_aside(key, now).await? } else { 0 };
    let memory = ChainMemory::default();
    while log.seal(&memory).await?.entries > 0 {}
    let signed = match decision {
        Decision::Vouch | Decision::SetAside => log.vouch(key, now).await?,
        Decision::Restored => log.accept(key, now).await?,
    };
    let (outcome, note) = match signed {
        SignOutcome::UpTo(number) | SignOutcome::Part(number) => (AuditOutcome::Succeeded, format!("vouched up to number {number}")),
        SignOutcome::NothingNew => (AuditOutcome::Succeeded, "vouched for nothing new".to_owned()),
        SignOutcome::Changed(number) => (AuditOutcome::Failed, format!("broken at number {number}")),
    };
    let note = if aside > 0 { format!("{note}, {aside} seals set aside") } else { note };
    note_verified(config, &log, outcome, note).await?;
    store.close().await;
    Ok(signed)
}
