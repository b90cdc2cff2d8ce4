//! The chain and its checkpoints, against every kind of tampering through the database.

use jiff::{SignedDuration, Timestamp};
use os2nykode::{
    audit::{
        AuditLog,
        chain::{
            inspect::LogInspection,
            sealer::{ChainMemory, SealOutcome, SignOutcome},
            verify::{NotVerified, Tampering, Whole},
        },
        export::json_lines::Checkpoint,
    },
    model::{
        audit::{
            AuditEvent, AuditOutcome, EventKind, RetentionClass,
            signing::{Signer, Verifiers},
        },
        cpr::Cpr,
    },
    store::{DerivedKeys, Store},
};
use ring::rand::SystemRandom;

use super::{
    audit_log,
    log::{at, event},
    place::{Place, each_store},
};

pub fn signer() -> Signer {
    Signer::from_pem(Signer::generate(&SystemRandom::new()).expect("random").as_bytes()).expect("a key")
}

fn public(signers: &[&Signer]) -> Verifiers {
    let mut keys = Verifiers::default();
    for signer in signers {
        keys.add(signer.public_pem().as_bytes()).expect("a key");
    }
    keys
}

/// Writes entries of all retention classes.
pub async fn write(log: &AuditLog, numbers: std::ops::Range<u8>) {
    let kinds = [EventKind::SignIn, EventKind::ChangeOutcome, EventKind::AccountViewed, EventKind::ServiceStarted];
    for n in numbers {
        let kind = kinds[usize::from(n) % kinds.len()];
        log.append(&AuditEvent { kind, outcome: AuditOutcome::Succeeded, ..event(n) }).await.expect("appended");
    }
}

/// A log of twelve entries, with checkpoints at 8 and 12.
pub async fn sealed_log(store: &Store) -> (AuditLog, Signer, ChainMemory) {
    let (signer, memory) = (signer(), ChainMemory::default());
    let log = audit_log(store).knowing(signer.known());
    write(&log, 0..8).await;
    assert_eq!(log.seal(&memory).await.expect("sealed"), SealOutcome { entries: 8, unsound: 0 });
    assert_eq!(log.checkpoint(&signer, &memory, at(100)).await.expect("signed"), SignOutcome::UpTo(8));
    write(&log, 8..12).await;
    log.seal(&memory).await.expect("sealed");
    assert_eq!(log.checkpoint(&signer, &memory, at(200)).await.expect("signed"), SignOutcome::UpTo(12));
    assert_eq!(log.checkpoint(&signer, &memory, at(300)).await.expect("signed"), SignOutcome::NothingNew);
    (log, signer, memory)
}

pub async fn verified(place: &Place, signer: &Signer) -> Result<Whole, Tampering> {
    with_keys(place, &public(&[signer]), Vec::new()).await
}

async fn with_outside(place: &Place, signer: &Signer, outside: Vec<Checkpoint>) -> Result<Whole, Tampering> {
    with_keys(place, &public(&[signer]), outside).await
}

/// Verifies like the command: beside the service, without writing.
async fn with_keys(place: &Place, keys: &Verifiers, outside: Vec<Checkpoint>) -> Result<Whole, Tampering> {
    let inspection = LogInspection::open(&place.url).await.expect("it can be looked at");
    let found = inspection.verify(keys, &outside).await;
    inspection.close().await;
    match found {
        Ok(whole) => Ok(whole),
        Err(NotVerified::Broken(broken)) => Err(broken),
        Err(NotVerified::Store(error)) => panic!("{error}"),
    }
}

/// Runs the statements as the database's owner, without the log's triggers.
pub async fn intrude(place: &Place, statements: &[&str]) {
    for table in ["audit", "audit_seals", "audit_checkpoints", "audit_purges", "audit_unsealed", "audit_cpr"] {
        let names = if place.sqlite {
            ["no_update", "no_delete", "no_replace", "in_order"]
        } else {
            ["no_change", "no_delete", "no_truncate", "in_order"]
        };
        for name in names {
            let drop = format!("DROP TRIGGER IF EXISTS {table}_{name}");
            place.run(&if place.sqlite { drop } else { format!("{drop} ON {table}") }).await.expect("dropped");
        }
    }
    for statement in statements {
        assert!(place.run(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}")) > 0, "{statement}");
    }
}

#[tokio::test]
async fn a_log_that_nobody_touched_is_whole() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.entries, whole.first, whole.last, whole.vouched, whole.checkpoints), (12, 1, 12, 12, 2));
        assert_eq!((whole.unsound.as_slice(), whole.clock_back), ([].as_slice(), 0));
        // Unsealed entries are no fault. Entries after the last checkpoint are not vouched for.
        write(&log, 20..22).await;
        log.seal(&memory).await.expect("sealed");
        write(&log, 22..23).await;
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.last, whole.vouched, whole.waiting), (14, 12, 1));
        // A checkpoint by an unknown key is an error.
        let broken = verified(place, &self::signer()).await;
        assert!(matches!(broken, Err(Tampering::UnknownKey { number: 8, .. })), "{broken:?}");
    })
    .await;
}

type Cases = Vec<(Vec<String>, Tampering)>;

/// The finding about a changed entry.
fn changed(number: i64) -> Tampering {
    Tampering::Changed { number, seq: number }
}

/// Cases with changed entries.
fn changed_entries() -> Cases {
    let columns = [
        "visit",
        "kind",
        "outcome",
        "reason",
        "actor_guid",
        "actor_account",
        "actor_name",
        "unknown_name",
        "method",
        "client",
        "target_guid",
        "target_account",
        "target_name",
        "controller",
        "attempt",
        "provider",
        "level",
        "assertion",
        "authority",
        "note",
        "ticket",
        "user_agent",
        "role",
        "mac",
    ];
    let mut cases = Cases::new();
    for column in columns {
        cases.push((vec![format!("UPDATE audit SET {column} = 'x' WHERE seq = 5")], changed(5)));
        if column != "reason" {
            // its reason is empty already
            cases.push((vec![format!("UPDATE audit SET {column} = '' WHERE seq = 6")], changed(6)));
        }
    }
    for column in ["actor_cpr", "target_cpr", "target_domain"] {
        cases.push((vec![format!("UPDATE audit SET {column} = 'x' WHERE seq = 7")], changed(7)));
    }
    cases.push((vec!["UPDATE audit SET at = at + 1 WHERE seq = 1".into()], changed(1)));
    cases.push((vec!["UPDATE audit SET password_set_before = 0 WHERE seq = 12".into()], changed(12)));
    cases.push((vec!["UPDATE audit SET note = ticket, ticket = note WHERE seq = 3".into()], changed(3)));
    let swap =
        ["UPDATE audit SET seq = -1 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = -1"];
    cases.push((swap.map(str::to_owned).to_vec(), changed(3)));
    cases
}

/// Cases with entries, sequence numbers and checkpoints that are deleted, added, moved or forged.
fn changed_chains() -> Cases {
    let mut cases = Cases::new();
    cases.push((vec!["DELETE FROM audit WHERE seq = 9".into()], Tampering::Deleted { number: 9, seq: 9 }));
    let both = ["DELETE FROM audit WHERE seq = 9", "DELETE FROM audit_seals WHERE number = 9"].map(str::to_owned);
    cases.push((both.to_vec(), Tampering::Gap { from: 9, to: 9 }));
    let first = ["DELETE FROM audit WHERE seq < 3", "DELETE FROM audit_seals WHERE number < 3"].map(str::to_owned);
    cases.push((first.to_vec(), Tampering::Gap { from: 1, to: 2 }));
    let tail = ["DELETE FROM audit WHERE seq > 10", "DELETE FROM audit_seals WHERE number > 10"].map(str::to_owned);
    cases.push((tail.to_vec(), Tampering::Truncated { ends: 10, vouched: 12 }));
    let all = ["DELETE FROM audit", "DELETE FROM audit_seals"].map(str::to_owned);
    cases.push((all.to_vec(), Tampering::Truncated { ends: 0, vouched: 12 }));
    let everything = ["DELETE FROM audit", "DELETE FROM audit_seals", "DELETE FROM audit_checkpoints"].map(str::to_owned);
    cases.push((everything.to_vec(), Tampering::NothingVouched));
    cases.push((vec!["DELETE FROM audit_checkpoints".into()], Tampering::NothingVouched));
    let far =
        "INSERT INTO audit_seals SELECT 9223372036854775807, 9223372036854775807, 1, chain, NULL, NULL FROM audit_seals WHERE number = 1";
    cases.push((vec![far.into()], Tampering::Gap { from: 13, to: i64::MAX - 1 }));
    cases.push((vec!["UPDATE audit_seals SET number = 0 WHERE number = 1".into()], Tampering::Gap { from: 1, to: -1 }));
    cases.push((vec!["UPDATE audit_seals SET authentic = 2 WHERE number = 4".into()], changed(4)));
    cases.push((vec!["UPDATE audit_seals SET class = 'logins', content = chain WHERE number = 4".into()], changed(4)));
    let exchanged = [
        "UPDATE audit_seals SET number = -1 WHERE number = 3",
        "UPDATE audit_seals SET number = 3 WHERE number = 4",
        "UPDATE audit_seals SET number = 4 WHERE number = -1",
    ];
    cases.push((exchanged.map(str::to_owned).to_vec(), Tampering::Changed { number: 3, seq: 4 }));
    cases.push((vec!["UPDATE audit_seals SET authentic = 0 WHERE number = 4".into()], changed(4)));
    cases.push((vec!["UPDATE audit_seals SET seq = 100 WHERE number = 4".into()], Tampering::Deleted { number: 4, seq: 100 }));
    cases.push((
        vec!["UPDATE audit_seals SET chain = (SELECT chain FROM audit_seals WHERE number = 1) WHERE number = 4".into()],
        changed(4),
    ));
    let insert = "INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (1, 'x', 'sign_in', 'succeeded', '')";
    cases.push((vec![insert.into(), "DELETE FROM audit_unsealed WHERE seq = 13".into()], Tampering::Inserted(13)));
    cases.push((
        vec!["UPDATE audit_checkpoints SET at = at + 1 WHERE number = 8".into()],
        Tampering::Signature { what: "checkpoint", number: 8 },
    ));
    cases.push((
        vec!["UPDATE audit_checkpoints SET number = 11 WHERE number = 12".into()],
        Tampering::Signature { what: "checkpoint", number: 11 },
    ));
    cases.push((
        vec!["UPDATE audit_checkpoints SET signature = chain WHERE number = 8".into()],
        Tampering::Signature { what: "checkpoint", number: 8 },
    ));
    // Imitates the retention job without its signing key.
    let purge = "INSERT INTO audit_purges SELECT 'logins', 12, at, key_id, signature FROM audit_checkpoints WHERE number = 12";
    let taken = "UPDATE audit_seals SET class = 'logins', content = chain WHERE number = 5";
    cases.push(([purge, taken, "DELETE FROM audit WHERE seq = 5"].map(str::to_owned).to_vec(), Tampering::Deleted { number: 5, seq: 5 }));
    cases.push((vec![purge.into()], Tampering::Signature { what: "purge", number: 12 }));
    // An unsigned checkpoint does not hide a fault of the chain. Without such a fault, it is reported itself.
    let high =
        "INSERT INTO audit_checkpoints SELECT 9000000000000000000, at, chain, key_id, signature FROM audit_checkpoints WHERE number = 8";
    cases.push((vec![high.into()], Tampering::Signature { what: "checkpoint", number: 9_000_000_000_000_000_000 }));
    cases.push((vec![high.into(), "UPDATE audit SET note = 'x' WHERE seq = 5".into()], changed(5)));
    let masked = [insert, "DELETE FROM audit_unsealed WHERE seq = 13", "INSERT INTO audit_unsealed (seq) VALUES (4)"];
    cases.push((masked.map(str::to_owned).to_vec(), Tampering::Inserted(13)));
    cases.push((["DELETE FROM audit WHERE seq = 5", taken].map(str::to_owned).to_vec(), Tampering::Deleted { number: 5, seq: 5 }));
    cases
}

/// Each case has a database of its own.
#[tokio::test]
async fn every_tampering_is_found_and_named() {
    let cases = [changed_entries(), changed_chains()].concat();
    assert!(cases.len() > 60);
    // SQLite runs all cases. PostgreSQL runs every fifth, because its databases take longer to create.
    for (n, (statements, expected)) in cases.into_iter().enumerate() {
        each_store(async |store, place| {
            if !place.sqlite && n % 5 != 0 {
                return;
            }
            let (_, signer, _) = sealed_log(&store).await;
            intrude(place, &statements.iter().map(String::as_str).collect::<Vec<_>>()).await;
            assert_eq!(verified(place, &signer).await, Err(expected.clone()), "{statements:?}");
        })
        .await;
    }
}

/// An attacker who knows the algorithm recomputes the chain from the first changed entry.
#[tokio::test]
async fn a_chain_that_was_computed_anew_contradicts_the_checkpoint() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let outside = log.checkpoints().await.expect("read");
        intrude(place, &["UPDATE audit SET note = 'x' WHERE seq = 10", "DELETE FROM audit_seals WHERE number > 8"]).await;
        for seq in 9..=12 {
            place.run(&format!("INSERT INTO audit_unsealed (seq) VALUES ({seq})")).await.expect("inserted");
        }
        let forger = ChainMemory::default();
        let SealOutcome { unsound, .. } = AuditLog::new(&store, &DerivedKeys::new(&[66; 32])).seal(&forger).await.expect("sealed");
        assert_eq!(unsound, 4, "without the service's secret");
        assert_eq!(verified(place, &signer).await, Err(Tampering::Rewritten { after: 8, at: 12 }));
        // The running service refuses to sign.
        write(&log, 30..31).await;
        assert_eq!(log.checkpoint(&signer, &memory, at(400)).await.expect("asked"), SignOutcome::Changed(12));
        // Without the last checkpoint in the database, only its external copy shows the change.
        place.run("DELETE FROM audit_checkpoints WHERE number = 12").await.expect("deleted");
        let within = verified(place, &signer).await.expect("the chain itself is consistent");
        assert_eq!((within.vouched, within.unsound.len()), (8, 4));
        assert_eq!(with_outside(place, &signer, outside.clone()).await, Err(Tampering::Rewritten { after: 8, at: 12 }));
        // The same for a log that was truncated together with its checkpoint.
        place.run("DELETE FROM audit_seals WHERE number > 8").await.expect("deleted");
        place.run("DELETE FROM audit WHERE seq > 8").await.expect("deleted");
        place.run("DELETE FROM audit_unsealed").await.expect("deleted");
        assert_eq!(verified(place, &signer).await.map(|whole| whole.last), Ok(8));
        assert_eq!(with_outside(place, &signer, outside).await, Err(Tampering::Truncated { ends: 8, vouched: 12 }));
    })
    .await;
}

/// Entries written or changed between writing and sealing have no valid MAC.
#[tokio::test]
async fn what_is_written_or_changed_before_the_seal_is_marked() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        write(&log, 20..23).await;
        let insert = "INSERT INTO audit (at, visit, kind, outcome, reason) VALUES (1, 'x', 'sign_in', 'succeeded', '')";
        place.run(insert).await.expect("a plain insert is no crime to the database");
        intrude(place, &["UPDATE audit SET note = 'x' WHERE seq = 14", "DELETE FROM audit WHERE seq = 15"]).await;
        assert_eq!(log.seal(&memory).await.expect("sealed"), SealOutcome { entries: 4, unsound: 3 });
        let whole = verified(place, &signer).await.expect("the chain is whole");
        assert_eq!(whole.unsound, [14, 15, 16], "changed, deleted, inserted");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_write_one_chain_without_gaps() {
    each_store(async |store, place| {
        let second = place.open().await;
        let signer = signer();
        let mut work = Vec::new();
        for (instance, store) in [&store, &second].into_iter().enumerate() {
            let log = audit_log(store);
            for writer in 0..4_u8 {
                let log = log.clone();
                let first = writer * 25 + u8::try_from(instance).expect("two") * 100;
                work.push(tokio::spawn(async move { write(&log, first..first + 25).await }));
            }
            work.push(tokio::spawn(async move {
                let memory = ChainMemory::default();
                for _ in 0..40 {
                    log.seal(&memory).await.expect("sealed");
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }));
        }
        for done in work {
            done.await.expect("no panic");
        }
        let (log, memory) = (audit_log(&store), ChainMemory::default());
        while log.seal(&memory).await.expect("sealed").entries > 0 {}
        log.checkpoint(&signer, &memory, at(0)).await.expect("signed");
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.entries, whole.last, whole.unsound.len()), (200, 200, 0));
        assert_eq!(log.backlog().await.expect("read").waiting, 0);
        second.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_key_may_be_changed_and_both_verify() {
    each_store(async |store, place| {
        let (log, old, memory) = sealed_log(&store).await;
        let new = signer();
        write(&log, 20..22).await;
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&new, &memory, at(500)).await.expect("signed");
        assert_eq!(with_keys(place, &public(&[&old, &new]), Vec::new()).await.expect("whole").vouched, 14);
        assert!(verified(place, &new).await.is_err(), "the old one is still needed");
    })
    .await;
}

#[tokio::test]
async fn retention_deletes_whole_segments_and_the_chain_still_verifies() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let count = async |table: &str| place.one::<i64>(&format!("SELECT COUNT(*) FROM {table}")).await;
        for refused in [
            "DELETE FROM audit WHERE seq = 1",
            "DELETE FROM audit_seals",
            "UPDATE audit_seals SET class = 'logins'",
            "DELETE FROM audit_checkpoints",
        ] {
            place.run(refused).await.expect_err(refused);
        }
        // The first segment was closed at 100, the second at 200.
        let deleted = log.purge_class(&signer, RetentionClass::Logins, at(150), at(1000), u64::MAX).await.expect("deleted");
        assert_eq!((deleted, count("audit").await), (2, 10));
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.entries, whole.purged, whole.last), (10, 2, 12));
        place.run("DELETE FROM audit WHERE seq = 2").await.expect_err("of another class");
        place.run("DELETE FROM audit WHERE seq = 9").await.expect_err("of a later segment");
        // A segment keeps its seals as long as it has an entry.
        assert_eq!(log.purge_seals(&signer, at(150), at(1000), u64::MAX).await.expect("asked"), 0);
        for class in RetentionClass::ALL {
            log.purge_class(&signer, *class, at(150), at(1001), u64::MAX).await.expect("deleted");
        }
        assert_eq!(log.purge_seals(&signer, at(150), at(1001), u64::MAX).await.expect("deleted"), 8);
        assert_eq!((count("audit").await, count("audit_seals").await, count("audit_checkpoints").await), (4, 4, 2));
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.first, whole.last, whole.entries, whole.vouched), (9, 12, 4, 12));
        // The log is empty and continues from the last checkpoint.
        for class in RetentionClass::ALL {
            log.purge_class(&signer, *class, at(900), at(1002), u64::MAX).await.expect("deleted");
        }
        log.purge_seals(&signer, at(900), at(1002), u64::MAX).await.expect("deleted");
        assert_eq!((count("audit").await, count("audit_seals").await), (0, 0));
        verified(place, &signer).await.expect("whole");
        write(&log, 30..32).await;
        log.seal(&memory).await.expect("sealed");
        assert_eq!(log.checkpoint(&signer, &memory, at(2000)).await.expect("signed"), SignOutcome::UpTo(14));
        assert_eq!(verified(place, &signer).await.expect("whole").first, 13);
    })
    .await;
}

/// The service dies after it has signed the purge and before it has deleted all entries.
#[tokio::test]
async fn a_purge_that_was_cut_off_is_whole_and_is_finished_the_next_time() {
    each_store(async |store, place| {
        let (log, signer, _) = sealed_log(&store).await;
        let trigger = if place.sqlite {
            "CREATE TRIGGER stuck BEFORE DELETE ON audit WHEN OLD.seq > 5 BEGIN SELECT RAISE(ABORT, 'stuck'); END"
        } else {
            "CREATE RULE stuck AS ON DELETE TO audit WHERE OLD.seq > 5 DO INSTEAD SELECT 1 / (OLD.seq - OLD.seq)"
        };
        place.run(trigger).await.expect("made");
        log.purge_class(&signer, RetentionClass::Logins, at(900), at(1000), u64::MAX).await.expect_err("stuck");
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit_purges").await, 1, "it is signed");
        assert_eq!(verified(place, &signer).await.expect("whole").purged, 0);
        place.run(if place.sqlite { "DROP TRIGGER stuck" } else { "DROP RULE stuck ON audit" }).await.expect("dropped");
        assert_eq!(log.purge_class(&signer, RetentionClass::Logins, at(900), at(1001), u64::MAX).await.expect("deleted"), 3);
        assert_eq!(verified(place, &signer).await.expect("whole").purged, 3);
    })
    .await;
}

#[tokio::test]
async fn cpr_numbers_get_another_key_and_the_chain_stays() {
    use os2nykode::audit::log::cpr::Vault;
    each_store(async |store, place| {
        let cpr = Cpr::parse("010190-1234").expect("a CPR number");
        let (old, new) = ([1; 32], [2; 32]);
        let with = |keys: &[[u8; 32]]| audit_log(&store).with(Vault::new(keys), "kommune.test");
        let (log, signer, memory) = (with(&[old]), signer(), ChainMemory::default());
        for n in 0..5 {
            let event = AuditEvent { actor_cpr: Some(cpr.clone()), target_cpr: Some(cpr.clone()), kind: EventKind::SignIn, ..event(n) };
            log.append(&event).await.expect("appended");
        }
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, at(0)).await.expect("signed");
        let rotating = with(&[new, old]);
        let moved = rotating.move_cpr(0).await.expect("moved").expect("a key");
        assert_eq!((moved.moved, moved.lost), (10, 0));
        assert_eq!(rotating.move_cpr(0).await.expect("moved").expect("a key").moved, 0, "once");
        let found = Vault::new(&[new]).blinds(&cpr);
        let numbers = place.one::<i64>(&format!("SELECT COUNT(*) FROM audit_cpr WHERE blind = '{}'", found[0])).await;
        assert_eq!(numbers, 10);
        assert_eq!(verified(place, &signer).await.expect("whole").entries, 5);
        // CPR numbers sealed with a missing key are counted and stay.
        let lost = with(&[[3; 32]]).move_cpr(0).await.expect("asked").expect("a key");
        assert_eq!((lost.moved, lost.lost), (0, 10));
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_went_back_is_told_and_breaks_nothing() {
    each_store(async |store, place| {
        let (log, signer, memory) = sealed_log(&store).await;
        let back = AuditEvent { at: at(0) - SignedDuration::from_hours(1), kind: EventKind::SignIn, ..event(50) };
        log.append(&back).await.expect("appended");
        log.seal(&memory).await.expect("sealed");
        log.checkpoint(&signer, &memory, Timestamp::UNIX_EPOCH).await.expect("signed");
        let whole = verified(place, &signer).await.expect("whole");
        assert_eq!((whole.clock_back, whole.vouched), (1, 13));
    })
    .await;
}
