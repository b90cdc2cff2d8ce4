//! The clock jumps while the service runs: retention refuses to delete and reports it.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use os2nykode::{
    jobs::seal,
    model::audit::{AuditEvent, AuditOutcome, EventKind, signing::Signer},
};
use ring::rand::SystemRandom;
use uuid::Uuid;

use crate::{
    service::{Service, Setup},
    store::place::{Place, each_place},
};

async fn service_at(place: &Place) -> Service {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("audit.key");
    std::fs::write(&key, Signer::generate(&SystemRandom::new()).expect("random").as_bytes()).expect("written");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("the owner's only");
    let more = format!("[audit]\nsigning_key_file = \"{}\"\n[audit.retention]\nlogins = 1\n", key.display());
    let setup = Setup { store: Some(place.url.clone()), more: more.leak(), ..Setup::default() };
    let config = setup.config(dir.path());
    Service::of(config, dir).await
}

/// Writes an entry of a login at this time, sealed and signed.
async fn log_in(service: &Service) {
    let app = &service.app;
    let kind = EventKind::SignIn;
    let event = os2nykode::flow::service_event::service_event(app, kind, AuditOutcome::Succeeded, "", None).expect("random");
    app.audit.append(&AuditEvent { note: None, ..event }).await.expect("written");
    seal::last_word(app).await;
}

const DAY: i64 = 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_has_nothing_deleted_and_an_alert_raised() {
    each_place(async |place| {
        let service = service_at(place).await;
        let holder = Uuid::from_u128(1);
        for _ in 0..8 {
            log_in(&service).await;
        }
        service.clock.shift_to(900 * DAY);
        // The sealing job signs at once, with the wrong time.
        log_in(&service).await;
        assert_eq!(seal::retain_once(&service.app, holder).await.expect("asked"), None, "not in the first hour");
        service.clock.run_for(Duration::from_hours(2));
        assert_eq!(seal::retain_once(&service.app, holder).await.expect("asked"), Some(0));
        let count = async |part: &str| place.one::<i64>(&format!("SELECT COUNT(*) FROM audit WHERE {part}")).await;
        assert_eq!(count("kind = 'sign_in'").await, 9);
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit_purges").await, 0);
        assert_eq!(count("kind = 'retention_ran' AND outcome = 'refused' AND reason = 'clock_jumped'").await, 1);
        assert_eq!(count("kind = 'alert_raised' AND reason = 'clock_jumped'").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_steady_clock_has_the_oldest_entries_deleted_a_share_a_day() {
    each_place(async |place| {
        let service = service_at(place).await;
        for week in 0..10 {
            service.clock.shift_to(week * 7 * DAY);
            log_in(&service).await;
        }
        service.clock.run_for(Duration::from_hours(2));
        assert_eq!(seal::retain_once(&service.app, Uuid::from_u128(1)).await.expect("asked"), Some(2));
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit WHERE kind = 'sign_in'").await, 8);
        service.clock.shift_to(64 * DAY);
        assert!(seal::retain_once(&service.app, Uuid::from_u128(2)).await.expect("asked").is_some_and(|deleted| deleted > 0));
    })
    .await;
}
