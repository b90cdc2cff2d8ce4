//! The database stalls between an attempt and its outcome while the sealing job runs.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use os2nykode::{
    audit::chain::inspect::LogInspection,
    config,
    jobs::{reconcile, seal},
    model::audit::{
        AuditOutcome, EventKind,
        signing::{Signer, Verifiers},
    },
};
use ring::rand::SystemRandom;
use sqlx::{AnyConnection, Connection};

use crate::{
    people::{Admin, PASSWORD, bind},
    proxy::{MODIFY_ANSWER, Mischief, Proxy},
    service::{Service, Setup},
    store::place::each_place,
};

const NEW: &str = "Blå-Sejlbåd-4711";

/// Blocks all writes to the log.
async fn hold(connection: &mut AnyConnection, sqlite: bool) {
    let statements: &[&str] = if sqlite { &["BEGIN IMMEDIATE"] } else { &["BEGIN", "LOCK TABLE audit IN EXCLUSIVE MODE"] };
    for statement in statements {
        sqlx::query(*statement).execute(&mut *connection).await.expect("held");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_stalls_after_the_attempt_leaves_a_log_that_tells_the_truth_and_is_whole() {
    each_place(async |place| {
        let proxy = Proxy::start().await;
        let dir = tempfile::tempdir().expect("a folder");
        let key = dir.path().join("audit.key");
        std::fs::write(&key, Signer::generate(&SystemRandom::new()).expect("random").as_bytes()).expect("written");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("the owner's only");
        let more = format!("[login.ad_password]\nanswer_after_ms = 0\n[audit]\nsigning_key_file = \"{}\"\n", key.display());
        let setup = Setup {
            controllers: vec![proxy.address],
            directory: "write_timeout_seconds = 1\nretry_after_seconds = 1\n",
            store: Some(place.url.clone()),
            more: more.leak(),
            ..Setup::default()
        };
        let config: config::Config = setup.config(dir.path());
        let service = Service::of(config, dir).await;
        let app = service.app.clone();
        let sealer = tokio::spawn(async move { seal::run_sealing(&app).await });
        let person = Admin::new().await.person().await;
        let visitor = service.visitor();
        let account = visitor.logged_in(&person.sam, PASSWORD).await;
        // The proxy holds back the controller's answer, so that there is time between the attempt and the outcome.
        proxy.set(Mischief::KeepAnswer(MODIFY_ANSWER));
        let changing = tokio::spawn(async move { visitor.change(&account, PASSWORD, NEW).await });
        while place.one::<i64>("SELECT COUNT(*) FROM audit WHERE kind = 'change_attempt'").await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut stalling = place.intruder().await;
        hold(&mut stalling, place.sqlite).await;
        let page = changing.await.expect("an answer");
        assert!(!page.text.contains("blev ikke skiftet"), "{}", page.text);
        assert_eq!(place.one::<i64>("SELECT COUNT(*) FROM audit WHERE kind = 'change_outcome'").await, 0, "it could not be written");
        sqlx::query("ROLLBACK").execute(&mut stalling).await.expect("let go");
        stalling.close().await.expect("closed");
        proxy.set(Mischief::None);
        assert_eq!(bind(&person.dn, NEW).await, Ok(()));
        // The reconcile job asks AD for the outcome and logs it.
        service.clock.shift_to(120);
        assert_eq!(reconcile::settle(&service.app).await.expect("settled"), 1);
        let guid = Admin::new().await.guid(&person.sam).await;
        let history = service.app.audit.history_of(guid, 1, jiff::Timestamp::UNIX_EPOCH).await.expect("read");
        assert_eq!((history[0].event.kind, history[0].event.outcome), (EventKind::ChangeReconciled, AuditOutcome::Succeeded));
        // The sealing job recovers.
        for _ in 0..200 {
            if place.one::<i64>("SELECT COUNT(*) FROM audit_unsealed").await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let signer = service.app.config.audit.signer.as_ref().expect("a key");
        sealer.abort();
        seal::last_word(&service.app).await;
        let mut keys = Verifiers::default();
        keys.add(signer.public_pem().as_bytes()).expect("a key");
        let inspection = LogInspection::open(&place.url).await.expect("opened");
        let whole = inspection.verify(&keys, &[]).await.expect("whole");
        assert_eq!((whole.waiting, whole.unsound_entries, whole.vouched), (0, 0, whole.last));
        assert_eq!(Some(whole.last), Some(place.one::<i64>("SELECT COUNT(*) FROM audit").await), "nothing is lost");
        inspection.close().await;
    })
    .await;
}
