//! TLS to PostgreSQL: a server on another machine by its name must prove its identity before it receives any data.

use os2nykode::{
    check::{FindingLevel, Id, Options},
    clock::ShiftedClock,
    config,
    store::{Store, StoreError},
};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::postgres_database;
use crate::{environment::environment, service::Setup};

/// URL of the server by its own address, or by a spelling that counts as another machine and is not in the certificate.
async fn url(elsewhere: bool, rest: &str) -> String {
    let url = postgres_database().await;
    let (host, port) = (environment().fact("PG_HOST"), environment().fact("PG_PORT"));
    let spelling = if elsewhere { "::ffff:" } else { "" };
    format!("postgres://nykode@localhost:{port}/{}?host={spelling}{host}{rest}", url.rsplit_once('/').expect("a name").1)
}

async fn open(url: &str) -> Result<(), StoreError> {
    let place = config::StoreConfig::at(url).expect("a store");
    Store::open(place.url.expose_secret()).await?.close().await;
    Ok(())
}

#[tokio::test]
async fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
    let ca = environment().fact("CA_FILE");
    let other = environment().tls("other-ca.pem");
    for (rest, opens) in [
        ("&sslmode=require".to_owned(), true),
        (format!("&sslmode=verify-ca&sslrootcert={ca}"), true),
        (format!("&sslmode=verify-ca&sslrootcert={}", other.display()), false),
        (String::new(), false),
        (format!("&sslrootcert={ca}"), false), // the certificate is for another name
    ] {
        match open(&url(true, &rest).await).await {
            Ok(()) => assert!(opens, "{rest:?} opens"),
            Err(StoreError::Unavailable(what)) => assert!(!opens && what.contains("certificate"), "{rest:?}: {what}"),
            Err(other) => panic!("{rest:?}: {other:?}"),
        }
    }
    open(&url(false, &format!("&sslmode=verify-full&sslrootcert={ca}")).await).await.expect("the name on the certificate");
}

/// PostgreSQL's SSLRequest: eight bytes, the last four of which are its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[tokio::test]
async fn a_server_elsewhere_that_has_no_tls_hears_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let heard = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        let mut request = [0; 8];
        client.read_exact(&mut request).await.expect("its first words");
        client.write_all(b"N").await.expect("no TLS here");
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await; // it may hang up at once
        (request, rest)
    });
    let error = open(&format!("postgres://nykode:hemmelig@localhost:{port}/x?host=::ffff:127.0.0.1")).await.expect_err("no TLS");
    assert_eq!(error, StoreError::Unavailable("TLS to the database failed: server does not support TLS".to_owned()));
    assert_eq!(heard.await.expect("heard"), (SSL_REQUEST, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_is_not_verified_is_told_of() {
    let ca = environment().fact("CA_FILE");
    for (url, weak) in [
        (url(true, "&sslmode=require").await, true),
        (url(true, &format!("&sslmode=verify-ca&sslrootcert={ca}")).await, true),
        (url(false, "").await, false),
        (postgres_database().await, false),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Setup { store: Some(url.clone()), ..Setup::default() }.config(dir.path());
        let report = os2nykode::check::run(&config, &Options::default(), &ShiftedClock::default()).await;
        let found = report.findings.iter().find(|finding| finding.id == Some(Id::StoreTlsWeak));
        assert_eq!(found.map(|finding| finding.level), weak.then_some(FindingLevel::Warning), "{url}: {report}");
        assert!(report.is_good(), "{report}");
    }
}
