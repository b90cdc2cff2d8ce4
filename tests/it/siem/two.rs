//! Two instances on one database, and the loss of one of them.

use std::time::Duration;

use os2nykode::jobs::forward::{Round, Sender, start};
use serde_json::Value;

use super::{place, until, write};
use crate::{service::Setup, store::postgres_database};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_instances_one_sends_and_the_other_takes_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    let more: &'static str = format!("[[audit.forward]]\nid = \"siem\"\nkind = \"file\"\npath = \"{}\"\n", path.display()).leak();
    let store = postgres_database().await;
    let one = Setup { more, store: Some(store.clone()), ..Setup::default() }.start().await;
    let two = Setup { more, store: Some(store), ..Setup::default() }.start().await;
    let mut first = Sender::new(&one.app);
    let mut second = Sender::new(&two.app);
    let numbers = || -> Vec<i64> {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["number"].as_i64().expect("a number")).collect()
    };
    write(&one, 500).await;
    let mut rounds = (0, 0);
    while numbers().len() < 500 {
        let (mine, theirs) =
            tokio::join!(first.round(&one.app, &one.app.forward_targets[0]), second.round(&two.app, &two.app.forward_targets[0]));
        rounds.0 += usize::from(!matches!(mine.expect("no fault"), Round::NotOurs));
        rounds.1 += usize::from(!matches!(theirs.expect("no fault"), Round::NotOurs));
        assert!(rounds.0 + rounds.1 < 10);
    }
    assert!(rounds.0 == 0 || rounds.1 == 0, "only one of them: {rounds:?}");
    assert_eq!(numbers(), (1..=500).collect::<Vec<_>>());
    // The sending instance vanishes without releasing its lease, which expires.
    let (_gone, stays) = if rounds.0 > 0 { (one, two) } else { (two, one) };
    write(&stays, 10).await;
    start(&stays.app).detach_all();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(numbers().len(), 500, "not before");
    place(&stays).run("UPDATE leases SET until = 1").await.expect("a minute later");
    until("taken over", async || numbers().len() >= 510).await;
    assert_eq!(numbers(), (1..=510).collect::<Vec<_>>());
}
