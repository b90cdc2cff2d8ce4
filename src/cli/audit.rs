//! `os2nykode audit`: keys, verification and export of the audit log.

mod decide;

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use jiff::{Timestamp, civil::Date};
use ring::rand::SystemRandom;
use secrecy::ExposeSecret;

use super::{complain, say};
use crate::{
    audit::{
        AuditLog,
        chain::{
            inspect::LogInspection,
            verify::{NotVerified, Pass, Tampering, Whole},
        },
        export::{
            feed::Feed,
            json_lines::{Checkpoint, ExportLine},
        },
        log::cpr::Vault,
    },
    clock::{Clock, SystemClock},
    config::{Config, Secret},
    flow::{
        RequestContext,
        audit::export::{Export, ExportFormat, Period},
    },
    model::{
        ad::dn::dns_name,
        audit::{
            AuditEvent, AuditOutcome, EventKind,
            signing::{Signer, Verifiers},
        },
    },
    operator_file::{self, OperatorFileError},
    store::{DerivedKeys, Store, StoreError},
};
use decide::Decision;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Create a signing key in a new file that only its owner can read, and its public key in FILE.pub.
    Keygen {
        /// The private key's file.
        file: PathBuf,
    },
    /// Verify the log, and print the first entry that was changed. Needs the database or an export,
    /// and the public key; the configuration only if these are not given. Writes nothing into the database, except,
    /// with the configuration, the audit entry about the verification.
    Verify {
        /// The database, as store.url: a copy of the file, or PostgreSQL with a user that may only read.
        #[arg(long, value_name = "URL", conflicts_with = "export")]
        database: Option<String>,
        /// An export with its seals (JSON Lines), instead of the database.
        #[arg(long)]
        export: Option<PathBuf>,
        /// Public keys that the log may be signed with; otherwise the one of audit.signing_key_file.
        #[arg(long = "public-key")]
        public_keys: Vec<PathBuf>,
        /// Checkpoints stored outside the database: lines of forwarded JSON, after any prefix of a syslog server.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Write a part of the log to standard output. The audit entry about the export is written first.
    Export {
        /// First day, Danish time, such as 2026-11-01. Default: the beginning of the log.
        #[arg(long)]
        from: Option<Date>,
        /// Last day, included. Default: today.
        #[arg(long)]
        to: Option<Date>,
        /// csv: a table. jsonl: with seals, for `audit verify --export`; whole segments between two checkpoints.
        #[arg(long)]
        format: ExportFormat,
    },
    /// Sign the log, where the service refuses to: after its secret was changed while entries were unsigned, or after you
    /// have examined a foreign write to the database. Entries that the service did not write go on a signed list, and
    /// stay marked as foreign. Stop the service before. The signature is logged.
    Vouch {
        /// Take the seals that do not belong to the chain out of it, onto the signed list. Their entries are sealed again.
        #[arg(long)]
        set_aside: bool,
    },
    /// Go on after a backup of the database was restored: the machine's anchor names a checkpoint that the restored log
    /// does not have. Logged and signed. Stop the service before.
    Restored,
    /// Encrypt the CPR numbers in the log with the first key of audit.cpr_key_files. May be interrupted and started
    /// again.
    RotateCpr,
}

/// Beginning of a forwarded checkpoint.
const CHECKPOINT: &str = "{\"checkpoint\":";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    Unusable(PathBuf, OperatorFileError),
    #[error("{0}: {1}")]
    Key(PathBuf, crate::model::audit::signing::BadKey),
    #[error("{0}")]
    Anothers(String),
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
    #[error(transparent)]
    Fault(#[from] crate::flow::FlowError),
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    #[error("{0}: the file contains no checkpoint")]
    NoCheckpoint(PathBuf),
    #[error("{0}: the checkpoint in line {1} is not readable")]
    BadCheckpoint(PathBuf, u64),
    #[error("no public key: give --public-key, or set audit.signing_key_file")]
    NoKey,
    #[error("audit.cpr_key_files is empty: there is no key to encrypt with")]
    NoCprKey,
    #[error("--database {0}")]
    Database(&'static str),
    #[error("the database is of another version than this program")]
    OtherVersion,
    #[error("{0}")]
    Broken(#[from] Tampering),
    #[error("{0} of the CPR numbers cannot be decrypted with any key of audit.cpr_key_files: keep the old keys there")]
    Lost(u64),
}

/// Creates the two files of a signing key.
pub(super) fn keygen(file: &Path) -> ExitCode {
    match generate(file) {
        Ok(public) => say(&public, ExitCode::SUCCESS),
        Err(trouble) => complain(&format!("{trouble}\n"), ExitCode::FAILURE),
    }
}

fn generate(file: &Path) -> Result<String, CommandError> {
    let private = Signer::generate(&SystemRandom::new()).map_err(|bad| CommandError::Key(file.to_owned(), bad))?;
    let signer = Signer::from_pem(private.as_bytes()).map_err(|bad| CommandError::Key(file.to_owned(), bad))?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    for (path, text, mode) in [(file, private.as_str(), 0o600), (Path::new(&beside), signer.public_pem().as_str(), 0o644)] {
        let new = File::options().write(true).create_new(true).mode(mode).open(path);
        new.and_then(|mut new| new.write_all(text.as_bytes())).map_err(|error| CommandError::File(path.to_owned(), error))?;
    }
    Ok(signer.public_pem())
}

/// Verifies an export or a database without the configuration.
pub(super) async fn verify_alone(export: Option<&Path>, database: &str, public_keys: &[PathBuf], checkpoint: Option<&Path>) -> ExitCode {
    let found = match (keys(public_keys, None), export) {
        (Err(trouble), _) => Err(trouble),
        (Ok(keys), Some(export)) => exported(export, &keys, checkpoint),
        (Ok(keys), None) => inspected_at(database, &keys, checkpoint).await,
    };
    told(found)
}

/// Runs a command that needs the configuration.
pub(super) async fn run(config: &Config, command: AuditCommand) -> ExitCode {
    match command {
        AuditCommand::Keygen { file } => keygen(&file),
        AuditCommand::Verify { export: Some(export), database: _, public_keys, checkpoint } => {
            told(keys(&public_keys, config.audit.signer.as_ref()).and_then(|keys| exported(&export, &keys, checkpoint.as_deref())))
        }
        AuditCommand::Verify { export: None, database: Some(database), public_keys, checkpoint } => {
            told(match keys(&public_keys, config.audit.signer.as_ref()) {
                Ok(keys) => inspected_at(&database, &keys, checkpoint.as_deref()).await,
                Err(trouble) => Err(trouble),
            })
        }
        AuditCommand::Verify { export: None, database: None, public_keys, checkpoint } => {
            told(verify(config, &public_keys, checkpoint.as_deref()).await)
        }
        AuditCommand::Export { from, to, format } => match export(config, Period { from, to }, format).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(trouble) => complain(&format!("{trouble}\n"), ExitCode::FAILURE),
        },
        AuditCommand::Vouch { set_aside } => decide::run(config, if set_aside { Decision::SetAside } else { Decision::Vouch }).await,
        AuditCommand::Restored => decide::run(config, Decision::Restored).await,
        AuditCommand::RotateCpr => match rotate(config).await {
            Ok(moved) => say(&format!("{moved} CPR numbers are encrypted with the new key.\n"), ExitCode::SUCCESS),
            Err(trouble) => complain(&format!("{trouble}\n"), ExitCode::FAILURE),
        },
    }
}

impl From<NotVerified> for CommandError {
    fn from(not: NotVerified) -> Self {
        match not {
            NotVerified::Broken(broken) => Self::Broken(broken),
            NotVerified::Store(error) => Self::Store(error),
        }
    }
}

fn told(found: Result<Whole, CommandError>) -> ExitCode {
    match found {
        Ok(whole) => say(&in_words(&whole), if is_good(&whole) { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        Err(CommandError::Broken(broken)) => complain(&format!("The log is not intact: {broken}.\n"), ExitCode::FAILURE),
        Err(trouble) => complain(&format!("{trouble}\n"), ExitCode::from(super::UNUSABLE)),
    }
}

fn in_words(whole: &Whole) -> String {
    let mut text = format!("{} entries, numbers {} to {}: the chain is intact.\n", whole.entries, whole.first, whole.last);
    text += &format!("{} checkpoints cover it up to number {}.\n", whole.checkpoints, whole.vouched);
    if let Some(at) = whole.vouched_at.and_then(|at| Timestamp::from_microsecond(at).ok()) {
        text += &format!(
            "The last of them was signed at {}. Only checkpoints stored outside the database can reveal that later entries and checkpoints were removed.\n",
            at.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
    }
    if whole.last > whole.vouched {
        text += &format!("Numbers {} to {} are after the last checkpoint: no signature covers them yet.\n", whole.vouched + 1, whole.last);
    }
    if whole.waiting > 0 {
        text += &format!("{} entries are not sealed yet.\n", whole.waiting);
    }
    if whole.purged > 0 {
        text += &format!("{} older entries were deleted by retention.\n", whole.purged);
    }
    if whole.set_aside > 0 {
        text += &format!("{} foreign seals were taken out of the chain by operators.\n", whole.set_aside);
    }
    if whole.clock_back > 0 {
        text += &format!("The clock went back {} times.\n", whole.clock_back);
    }
    if whole.cpr_missing > 0 {
        text += &format!("{} CPR NUMBERS of entries ARE MISSING.\n", whole.cpr_missing);
    }
    if whole.unsound_entries > 0 {
        text += &format!(
            "{} ENTRIES WERE NOT WRITTEN BY THE SERVICE, or changed or deleted before they were sealed: numbers {:?}{}.\n",
            whole.unsound_entries,
            whole.unsound,
            if whole.unsound_entries > whole.unsound.len() as u64 { " and more" } else { "" }
        );
    }
    text
}

fn is_good(whole: &Whole) -> bool {
    whole.unsound_entries == 0 && whole.cpr_missing == 0
}

fn keys(files: &[PathBuf], signer: Option<&Signer>) -> Result<Verifiers, CommandError> {
    let mut keys = Verifiers::default();
    for file in files {
        let pem = operator_file::public_key(file).map_err(|error| CommandError::Unusable(file.clone(), error))?;
        keys.add(pem.as_bytes()).map_err(|bad| CommandError::Key(file.clone(), bad))?;
    }
    if let Some(signer) = signer {
        keys.also(signer.known());
    }
    if keys.is_empty() { Err(CommandError::NoKey) } else { Ok(keys) }
}

/// Checkpoints that were kept outside; other lines are skipped. A file without any checkpoint is an error: the operator
/// meant another file.
fn outside(file: Option<&Path>) -> Result<Vec<Checkpoint>, CommandError> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    for (number, line) in (1..).zip(lines(file)?) {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        // A syslog server puts a prefix before the JSON.
        let Some(json) = line.find(CHECKPOINT).and_then(|from| line.get(from..)) else { continue };
        match serde_json::Deserializer::from_str(json).into_iter::<ExportLine>().next() {
            Some(Ok(ExportLine::Checkpoint { checkpoint })) => kept.push(checkpoint),
            Some(Ok(ExportLine::Entry(_) | ExportLine::Purge { .. } | ExportLine::Foreign { .. }) | Err(_)) | None => {
                return Err(CommandError::BadCheckpoint(file.to_owned(), number));
            }
        }
    }
    if kept.is_empty() { Err(CommandError::NoCheckpoint(file.to_owned())) } else { Ok(kept) }
}

fn lines(file: &Path) -> Result<impl Iterator<Item = Result<Vec<u8>, CommandError>> + use<>, CommandError> {
    let path = file.to_owned();
    let open = File::open(file).map_err(|error| CommandError::File(path.clone(), error))?;
    Ok(BufReader::new(open).split(b'\n').map(move |line| line.map_err(|error| CommandError::File(path.clone(), error))))
}

/// Verifies an export. Reads the file twice: first the signed parts.
fn exported(file: &Path, keys: &Verifiers, checkpoint: Option<&Path>) -> Result<Whole, CommandError> {
    let (mut checkpoints, mut purges, mut listed): (Vec<Checkpoint>, Vec<_>, Vec<_>) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in (1..).zip(lines(file)?) {
        let line = line?;
        // Entries are parsed in the second pass only.
        if line.starts_with(b"{\"number\":") {
            continue;
        }
        match serde_json::from_slice(&line).map_err(|_| Tampering::Unreadable(number))? {
            ExportLine::Entry(_) => {}
            ExportLine::Checkpoint { checkpoint } => checkpoints.push(checkpoint),
            ExportLine::Purge { purge } => purges.push(purge),
            ExportLine::Foreign { foreign } => listed.push(foreign),
        }
    }
    let mut pass = Pass::new(keys, checkpoints, &purges).listing(&listed).of_part();
    for kept in outside(checkpoint)? {
        pass.vouched_outside(kept)?;
    }
    for (number, line) in (1..).zip(lines(file)?) {
        if let ExportLine::Entry(entry) = serde_json::from_slice(&line?).map_err(|_| Tampering::Unreadable(number))? {
            pass.add(&entry.as_ref().into())?;
        }
    }
    Ok(pass.finish()?)
}

async fn verify(config: &Config, public_keys: &[PathBuf], checkpoint: Option<&Path>) -> Result<Whole, CommandError> {
    let keys = keys(public_keys, config.audit.signer.as_ref())?;
    let url = config.store.url.expose_secret();
    let found = inspected(url, &keys, checkpoint, Some(&DerivedKeys::new(config.server.secret.bytes()))).await;
    let (outcome, note) = match &found {
        Ok(whole) if is_good(whole) => (AuditOutcome::Succeeded, format!("up to number {}", whole.last)),
        Ok(whole) => (
            AuditOutcome::Failed,
            format!("{} entries not written by the service, {} CPR numbers missing", whole.unsound_entries, whole.cpr_missing),
        ),
        Err(CommandError::Broken(broken)) => (AuditOutcome::Failed, broken.to_string()),
        // The log was not verified.
        Err(_) => return found,
    };
    // The result is printed even if its audit entry cannot be written.
    if let Err(trouble) = note_found(config, url, outcome, note).await {
        complain(&format!("The audit entry about the verification was not written: {trouble}.\n"), ExitCode::SUCCESS);
    }
    found
}

/// Logs the result. A newer program must not migrate the database for a verification.
async fn note_found(config: &Config, url: &str, outcome: AuditOutcome, note: String) -> Result<(), CommandError> {
    let inspection = LogInspection::open(url).await?;
    let is_current = inspection.version().await? == Store::version_of(url);
    inspection.close().await;
    if !is_current {
        return Err(CommandError::OtherVersion);
    }
    let store = Store::open(url).await?;
    note_verified(config, &log(config, &store), outcome, note).await?;
    store.close().await;
    Ok(())
}

/// Verifies the database that the command line names. The TLS of a remote server is verified as that of `store.url` is.
async fn inspected_at(database: &str, keys: &Verifiers, checkpoint: Option<&Path>) -> Result<Whole, CommandError> {
    if database.starts_with("sqlite:") {
        return inspected(database, keys, checkpoint, None).await; // a copy may be named by a relative path
    }
    let store = crate::config::StoreConfig::at(database).map_err(CommandError::Database)?;
    inspected(store.url.expose_secret(), keys, checkpoint, None).await
}

async fn inspected(url: &str, keys: &Verifiers, checkpoint: Option<&Path>, secret: Option<&DerivedKeys>) -> Result<Whole, CommandError> {
    let outside = outside(checkpoint)?;
    let inspection = LogInspection::open(url).await?;
    let inspection = secret.into_iter().fold(inspection, LogInspection::with_secret);
    let found = inspection.verify(keys, &outside).await;
    inspection.close().await;
    Ok(found?)
}

async fn note_verified(config: &Config, log: &AuditLog, outcome: AuditOutcome, note: String) -> Result<(), CommandError> {
    log.append(&entry(config, EventKind::LogVerified, outcome, note)?).await?;
    Ok(())
}

/// An audit entry of a command.
fn entry(config: &Config, kind: EventKind, outcome: AuditOutcome, note: String) -> Result<AuditEvent, CommandError> {
    let random = DerivedKeys::new(config.server.secret.bytes()).random().map_err(|_| StoreError::NoRandomness)?;
    let visit = RequestContext {
        id: uuid::Uuid::from_bytes(random),
        client: std::net::Ipv4Addr::UNSPECIFIED.into(),
        user_agent: None,
        browser: None,
    };
    Ok(crate::flow::at_command_line(&visit, SystemClock.now(), kind, outcome, Some(note)))
}

async fn export(config: &Config, period: Period, format: ExportFormat) -> Result<(), CommandError> {
    let url = config.store.url.expose_secret();
    if let Some(problem) = super::account::anothers(url, "audit") {
        return Err(CommandError::Anothers(problem));
    }
    let store = Store::open(url).await?;
    let entry = entry(config, EventKind::LogExported, AuditOutcome::Succeeded, format!("{} {}", format.code(), period.in_words()))?;
    let log = log(config, &store);
    let mut export = Export::begin(&log, &Feed::new(&store).judged_by(&log), &entry, period, format).await?;
    let mut out = std::io::stdout().lock();
    while let Some(text) = export.next().await? {
        out.write_all(text.as_bytes()).map_err(CommandError::Output)?;
    }
    out.flush().map_err(CommandError::Output)?;
    store.close().await;
    Ok(())
}

async fn rotate(config: &Config) -> Result<u64, CommandError> {
    if config.audit.cpr_keys.is_empty() {
        return Err(CommandError::NoCprKey);
    }
    let store = Store::open(config.store.url.expose_secret()).await?;
    let log = log(config, &store);
    let (mut after, mut moved, mut lost) = (0, 0, 0);
    while let Some(batch) = log.move_cpr(after).await? {
        moved += batch.moved;
        lost += batch.lost;
        match batch.last {
            Some(seq) => after = seq,
            None => break,
        }
    }
    let outcome = if lost == 0 { AuditOutcome::Succeeded } else { AuditOutcome::Failed };
    let note = format!("{moved} moved, {lost} can't be opened");
    log.append(&entry(config, EventKind::CprKeyRotated, outcome, note)?).await?;
    store.close().await;
    if lost == 0 { Ok(moved) } else { Err(CommandError::Lost(lost)) }
}

fn log(config: &Config, store: &Store) -> AuditLog {
    let vault = Vault::new(config.audit.cpr_keys.iter().map(Secret::bytes));
    let known = config.audit.signer.as_ref().map(|signer| signer.known().clone()).unwrap_or_default();
    AuditLog::new(store, &DerivedKeys::new(config.server.secret.bytes()))
        .with(vault, &dns_name(&config.directory.base_dn))
        .knowing(&known)
        .anchored(config.audit.anchor.as_deref())
}
