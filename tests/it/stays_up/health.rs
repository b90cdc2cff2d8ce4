//! `/health/ready` reports whether the service can do its work, and pages name the part that is missing.

use std::{process::Command, time::Duration};

use reqwest::{Client, Method, StatusCode};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use super::{from, until};
use crate::{
    environment::unique,
    process::{PROGRAM, free_address, start, start_by, write_config},
    proxy::{Mischief, Proxy},
    service::{Service, Setup},
    store::postgres_database,
    visitor::Visitor,
};

async fn ready(client: &Client, base: &str) -> StatusCode {
    client.get(format!("{base}/health/ready")).send().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_takes_nobody_new_is_no_controller() {
    let proxy = Proxy::start().await;
    let service = Setup { controllers: vec![proxy.address], ..Setup::default() }.start().await;
    let visitor = service.visitor();
    visitor.log_in(&unique("ukendt"), "Helt-Forkert-99").await; // leaves a connection in the pool
    assert_eq!(ready(&visitor.client, &visitor.base).await, 200);
    proxy.set(Mischief::Refuse); // existing connections stay open
    until("not ready", 10, async || ready(&visitor.client, &visitor.base).await == 503).await;
    proxy.set(Mischief::None);
    until("ready again", 10, async || ready(&visitor.client, &visitor.base).await == 200).await;
}

async fn run(url: &str, sql: String) {
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("done");
    connection.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_only_reads_is_told_of() {
    let store = postgres_database().await;
    let service = Setup { store: Some(store.clone()), ..Setup::default() }.start().await;
    let visitor = service.visitor();
    assert_eq!(ready(&visitor.client, &visitor.base).await, 200);
    let name = store.rsplit_once('/').expect("a name").1;
    let set = async |how: &str| {
        run(crate::environment::environment().fact("PG_URL"), format!("ALTER DATABASE {name} {how}")).await;
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        run(crate::environment::environment().fact("PG_URL"), end).await;
    };
    set("SET default_transaction_read_only = on").await;
    until("not ready", 15, async || ready(&visitor.client, &visitor.base).await == 503).await;
    let page = visitor.log_in(&unique("ukendt"), "Helt-Forkert-99").await;
    assert_eq!(page.status, 503);
    page.says("Vi kan ikke få fat i vores database lige nu");
    assert_eq!(page.headers["retry-after"], "60");
    set("RESET default_transaction_read_only").await;
    until("ready again", 15, async || ready(&visitor.client, &visitor.base).await == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_of() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = free_address();
    write_config(dir.path(), &Setup::default(), address);
    drop(start(dir.path(), address).await); // creates the database
    // Limits the file size in blocks of 512 bytes, which the database's journal reaches soon.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$0\" \"$@\"", PROGRAM]);
    let running = start_by(shell, dir.path(), address).await;
    let visitor = Visitor::new(address);
    until("a login is refused", 60, async || visitor.log_in(&unique("ukendt"), "Helt-Forkert-99").await.status == 503).await;
    until("not ready", 20, async || ready(&visitor.client, &visitor.base).await == 503).await;
    drop(running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_in_both_languages_that_the_directory_is_away() {
    let proxy = Proxy::start().await;
    proxy.set(Mischief::Refuse);
    let service: Service = Setup { controllers: vec![proxy.address], ..Setup::default() }.start().await;
    let mut visitor = service.visitor();
    visitor.log_in("anna", "Helt-Forkert-99").await.says("Vi kan ikke få fat i kommunens brugerregister lige nu");
    visitor.language = "en";
    let page = visitor.log_in("anna", "Helt-Forkert-99").await;
    page.says("We can't reach the municipality's user directory right now");
    assert!(!page.text.contains("Reference"), "there is nothing to look up");
    let head = from(9).request(Method::GET, format!("{}/health/live", visitor.base)).timeout(Duration::from_secs(5)).send().await;
    assert_eq!(head.expect("an answer").status(), 200);
}
