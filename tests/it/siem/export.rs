//! Exports: tables without formulas, and lines that can be verified.

use jiff::{SignedDuration, Timestamp, civil::Date};
use os2nykode::{
    audit::{
        AuditLog,
        chain::{
            sealer::ChainMemory,
            verify::{Pass, Tampering, Whole},
        },
        export::{feed::Feed, json_lines::ExportLine},
    },
    clock::{SystemClock, danish_midnight},
    flow::audit::export::{Export, ExportFormat, Period},
    model::audit::{
        AuditEvent, AuditOutcome, EventKind,
        signing::{Signer, Verifiers},
    },
    store::Store,
};

use super::{EVIL, event, kept, seal};
use crate::store::{audit_log, place::each_store};

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn at(day_of: &str, hour: i64) -> Timestamp {
    danish_midnight(day(day_of)) + SignedDuration::from_hours(hour)
}

async fn append(log: &AuditLog, at: Timestamp, note: &str) {
    let plain = event(&SystemClock, EventKind::ResetOutcome, AuditOutcome::Succeeded, Some(1), Some(2));
    log.append(&AuditEvent { at, note: Some(note.to_owned()), ..plain }).await.expect("written");
}

async fn export(store: &Store, log: &AuditLog, from: Option<&str>, to: Option<&str>, format: ExportFormat) -> String {
    let period = Period { from: from.map(day), to: to.map(day) };
    let entry = event(&SystemClock, EventKind::LogExported, AuditOutcome::Succeeded, None, None);
    let mut export = Export::begin(log, &Feed::new(store), &entry, period, format).await.expect("begun");
    let mut text = String::new();
    while let Some(part) = export.next().await.expect("read") {
        text += &part;
    }
    text
}

/// The cells of a table by RFC 4180, parsed independently of the writer.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => cell.push(chars.next().expect("peeked")),
            ('"', _) => quoted = !quoted,
            (';', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => assert_eq!(chars.peek(), Some(&'\n')),
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (c, _) => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "whole");
    rows
}

#[tokio::test]
async fn a_table_has_the_days_that_were_asked_for_and_computes_nothing() {
    each_store(async |store, place| {
        let log = audit_log(&store);
        for (when, hour, note) in [
            ("2026-10-31", 23, "before"),
            ("2026-11-01", 0, "first"),
            ("2026-11-15", 12, EVIL),
            ("2026-11-30", 23, "last"),
            ("2026-12-01", 0, "after"),
        ] {
            append(&log, at(when, hour), note).await;
        }
        let forged = "INSERT INTO audit (at, visit, kind, outcome, reason, note, actor_guid, actor_account, actor_name)
            VALUES (0, '=1+1', '+x', '-y', '@z', 'a' || chr(13) || chr(10) || '\"=1', '=g', '=a', '=n')";
        place.run(&if place.sqlite { forged.replace("chr(", "char(") } else { forged.to_owned() }).await.expect("an intruder");
        seal(&log).await;
        let text = export(&store, &log, Some("2026-11-01"), Some("2026-11-30"), ExportFormat::Csv).await;
        assert!(text.starts_with("\u{FEFF}\"number\";\"authentic\";\"at\";"), "{text}");
        let rows = cells(text.trim_start_matches('\u{FEFF}'));
        let column = |name: &str| rows[0].iter().position(|head| head == name).expect("a column");
        let notes: Vec<_> = rows[1..].iter().map(|row| row[column("note")].as_str()).collect();
        assert_eq!(notes, ["first", &format!("'{}", kept(EVIL)), "last", "a\u{FFFD}\u{FFFD}\"=1"]);
        let whole: Vec<_> = rows.iter().flatten().collect();
        assert!(whole.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{whole:?}");
        assert!(rows.iter().all(|row| row.len() == rows[0].len()));
        assert_eq!(rows[4][column("authentic")], "false");
        let all = export(&store, &log, None, None, ExportFormat::Csv).await;
        assert_eq!(cells(all.trim_start_matches('\u{FEFF}')).len(), 7);
        // The log has an entry for each export.
        seal(&log).await;
        let taken = super::entries(&store, EventKind::LogExported).await.len();
        assert_eq!(taken, 2);
    })
    .await;
}

/// Verifies lines as `os2nykode audit verify --export` does.
fn verified(text: &str, keys: &Verifiers) -> Result<Whole, Tampering> {
    let lines: Vec<ExportLine> = text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    let (mut checkpoints, mut purges) = (Vec::new(), Vec::new());
    for line in &lines {
        match line {
            ExportLine::Entry(_) => {}
            ExportLine::Checkpoint { checkpoint } => checkpoints.push(checkpoint.clone()),
            ExportLine::Purge { purge } => purges.push(purge.clone()),
            ExportLine::Foreign { foreign } => panic!("no row is foreign: {foreign:?}"),
        }
    }
    let mut pass = Pass::new(keys, checkpoints, &purges).of_part();
    for line in &lines {
        if let ExportLine::Entry(entry) = line {
            pass.add(&entry.as_ref().into())?;
        }
    }
    pass.finish()
}

#[tokio::test]
async fn lines_with_seals_are_verified_from_any_checkpoint_and_a_changed_one_is_found() {
    each_store(async |store, _| {
        let log = audit_log(&store);
        let private = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
        let signer = Signer::from_pem(private.as_bytes()).expect("a key");
        let mut keys = Verifiers::default();
        keys.add(signer.public_pem().as_bytes()).expect("a key");
        let memory = ChainMemory::default();
        for n in 0..20 {
            for m in 0..60 {
                append(&log, at("2026-11-01", 24 * n) + SignedDuration::from_mins(m), EVIL).await;
            }
            while log.seal(&memory).await.expect("sealed").entries > 0 {}
            log.checkpoint(&signer, &memory, at("2026-11-01", 24 * n + 1)).await.expect("signed");
        }
        let all = export(&store, &log, None, None, ExportFormat::JsonLines).await;
        let whole = verified(&all, &keys).expect("whole");
        assert_eq!((whole.entries, whole.first, whole.last, whole.vouched, whole.checkpoints), (1200, 1, 1200, 1200, 20));
        let part = export(&store, &log, Some("2026-11-08"), Some("2026-11-10"), ExportFormat::JsonLines).await;
        let whole = verified(&part, &keys).expect("whole");
        // The export includes a day on each side, because entries may be out of the order of their times.
        assert_eq!((whole.first, whole.last, whole.vouched), (361, 660, 660));
        assert!(!part.contains("\"mac\":null") && !part.contains('\u{1b}'), "as it is stored");
        let changed = part.replacen("bruger2", "bruger3", 1);
        assert_ne!(changed, part);
        assert!(matches!(verified(&changed, &keys), Err(Tampering::Changed { number: 361, .. })));
        let without_first_checkpoint = part.lines().skip(1).collect::<Vec<_>>().join("\n");
        assert!(matches!(verified(&without_first_checkpoint, &keys), Err(Tampering::Gap { from: 1, to: 360 })));
        let cut = part.lines().take(part.lines().count() - 1).collect::<Vec<_>>().join("\n");
        assert!(matches!(verified(&cut, &keys), Err(Tampering::Truncated { ends: 659, vouched: 660 })));
    })
    .await;
}
