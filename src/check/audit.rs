//! Check of the audit log: signatures, sealing, CPR keys, and the database's triggers. It writes nothing.

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::{Id, Report};
use crate::{
    audit::{
        chain::{
            anchor::AnchorFile,
            hash,
            inspect::{LogInspection, Waiting},
        },
        log::cpr::Vault,
    },
    clock::Clock,
    config::{Config, Secret},
    model::audit::signing::Signer,
    store::{self, Store, StoreError, inspect},
};

const AREA: &str = "audit";
/// Longest normal wait for a seal. Entries are sealed within a second while the service runs.
const SEALED_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// Triggers of the migrations, without which the database would permit changes of the log.
const SQLITE_TRIGGERS: [&str; 26] = [
    "audit_closes",
    "audit_opens",
    "audit_no_update",
    "audit_no_delete",
    "audit_no_replace",
    "audit_no_other_attempt",
    "audit_no_other_settlement",
    "audit_unsealed_from_birth",
    "audit_unsealed_no_update",
    "audit_unsealed_no_delete",
    "audit_seals_no_update",
    "audit_seals_no_delete",
    "audit_seals_no_replace",
    "audit_checkpoints_no_update",
    "audit_checkpoints_no_delete",
    "audit_checkpoints_no_replace",
    "audit_purges_no_update",
    "audit_purges_no_delete",
    "audit_purges_no_replace",
    "audit_cpr_no_update",
    "audit_cpr_no_delete",
    "audit_cpr_no_replace",
    "audit_seals_in_order",
    "audit_foreign_no_update",
    "audit_foreign_no_delete",
    "audit_foreign_no_replace",
];
const POSTGRES_TRIGGERS: [&str; 14] = [
    "audit_opens_and_closes",
    "audit_no_change",
    "audit_no_delete",
    "audit_unsealed_from_birth",
    "audit_unsealed_no_change",
    "audit_unsealed_no_truncate",
    "audit_seals_no_change",
    "audit_seals_no_truncate",
    "audit_checkpoints_no_change",
    "audit_purges_no_change",
    "audit_cpr_no_change",
    "audit_cpr_no_truncate",
    "audit_seals_in_order",
    "audit_foreign_no_change",
];

/// Runs the check. A database that does not exist yet has no log.
pub(super) async fn check(config: &Config, clock: &dyn Clock, report: &mut Report) {
    if config.audit.signer.is_none() {
        report.warning(
            Id::AuditUnsigned,
            AREA,
            "no signing key: a user of the database can rewrite the whole log unnoticed, and retention deletes nothing",
            "create a key with `os2nykode audit keygen FILE`, set it as audit.signing_key_file, and keep FILE.pub on another machine",
        );
    }
    if let Some(file) = &config.audit.anchor {
        anchored(&AnchorFile::new(file), report);
    }
    let url = config.store.url.expose_secret();
    if store::missing_file(url).is_some() {
        return;
    }
    match inspect::look(url).await {
        Ok(look) if look.version == Some(Store::version_of(url)) => {}
        // The store's step has reported this: no tables, another version, or no database.
        Ok(_) | Err(_) => return,
    }
    match look(config, url, clock.now(), report).await {
        Ok(()) => {}
        Err(error) => {
            report.problem(Id::AuditUnreadable, AREA, &format!("the log cannot be inspected: {error}"), "solve the store's problem first");
        }
    }
}

fn anchored(file: &AnchorFile, report: &mut Report) {
    match file.is_writable() {
        Ok(()) => report.ok(AREA, &format!("the anchor {} is writable for this user", file.path().display())),
        Err(error) => report.problem(
            Id::AuditAnchorNotWritable,
            AREA,
            &format!("the anchor cannot be written: {error}"),
            "set audit.anchor_file to a file in a folder that the service may write, such as /var/lib/os2nykode/audit.anchor",
        ),
    }
}

async fn look(config: &Config, url: &str, now: Timestamp, report: &mut Report) -> Result<(), StoreError> {
    let inspection = LogInspection::open(url).await?;
    sealed(inspection.waiting().await?, now, report);
    if let Some(signer) = &config.audit.signer {
        signed(signer, &inspection, report).await?;
    }
    guarded(url, &inspection.triggers().await?, report);
    let vault = Vault::new(config.audit.cpr_keys.iter().map(Secret::bytes));
    if vault.current().is_none() {
        report.ok(AREA, "the log contains no CPR numbers: audit.cpr_key_files is empty");
    }
    for (key, many) in inspection.cpr_keys().await? {
        if !vault.has(&key) {
            report.warning(
                Id::AuditCprKeyMissing,
                AREA,
                &format!("{many} CPR numbers in the log are encrypted with the key {key}, which is not in audit.cpr_key_files"),
                "add that key's file after the others, and run `os2nykode audit rotate-cpr`",
            );
        }
    }
    inspection.close().await;
    Ok(())
}

fn sealed(waiting: Waiting, now: Timestamp, report: &mut Report) {
    // An unsealed entry that is missing or unreadable was not written by the service.
    let since = waiting.since.and_then(|at| Timestamp::from_microsecond(at).ok()).unwrap_or(Timestamp::MIN);
    if waiting.entries == 0 || since + SEALED_WITHIN > now {
        report.ok(AREA, "all entries are sealed, except those of the last minute");
    } else {
        report.problem(
            Id::AuditUnsealed,
            AREA,
            &format!("{} entries have waited for their seal for over a minute", waiting.entries),
            "start the service, which seals them; if it runs, its log has the cause",
        );
    }
}

async fn signed(signer: &Signer, inspection: &LogInspection, report: &mut Report) -> Result<(), StoreError> {
    let unsigned = inspection.unsigned().await?;
    let Some(last) = inspection.last_checkpoint().await? else {
        if unsigned > 0 {
            report.problem(
                Id::AuditCheckpointMissing,
                AREA,
                &format!("{unsigned} entries, but no checkpoint"),
                "start the service, which signs one; if it ran before, checkpoints were deleted: run `os2nykode audit verify`",
            );
        }
        return Ok(());
    };
    let when = Timestamp::from_microsecond(last.at).map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let chain = hash::Link::try_from(last.chain.as_slice()).unwrap_or(hash::START);
    match signer.known().verify(&last.key_id, &hash::of_checkpoint(last.number, last.at, &chain), &last.signature) {
        Some(true) => {
            report.ok(AREA, &format!("the last checkpoint, of {when}, has a valid signature; {unsigned} entries follow it"));
        }
        Some(false) => report.problem(Id::AuditCheckpointForged,
            AREA,
            &format!("the last checkpoint, of {when}, has an invalid signature: the database was changed from outside the service"),
            "keep the database as it is, and run `os2nykode audit verify`",
        ),
        None => report.warning(Id::AuditCheckpointKeyUnknown,
            AREA,
            &format!("the last checkpoint, of {when}, was signed with an unknown key ({})", last.key_id),
            "if it is an earlier key of yours, add its public key to audit.earlier_public_key_files; otherwise the database was changed from outside: run `os2nykode audit verify`",
        ),
    }
    Ok(())
}

fn guarded(url: &str, there: &[String], report: &mut Report) {
    let wanted: &[&str] = if url.starts_with("sqlite:") { &SQLITE_TRIGGERS } else { &POSTGRES_TRIGGERS };
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !there.iter().any(|known| known == name)).collect();
    if missing.is_empty() {
        report.ok(AREA, "the database refuses changes and deletions of entries");
    } else {
        report.problem(
            Id::AuditGuardsMissing,
            AREA,
            &format!("the database no longer refuses changes and deletions of entries: the triggers {} are missing", missing.join(", ")),
            "entries may have been changed: keep the database as it is, and run `os2nykode audit verify`",
        );
    }
}
