//! The limit of concurrent requests.

use std::time::Duration;

use reqwest::Body;

use super::{from, until};
use crate::{
    proxy::{Mischief, Proxy, SEARCH},
    service::Setup,
    visitor::Visitor,
};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_holds_a_place_by_sending_slowly() {
    let service = Setup { server: "max_concurrent_requests = 4\n", ..Setup::default() }.start().await;
    let base = format!("https://localhost:{}", service.address.port());
    let (slow, other) = (from(7), from(8)); // created before, because that takes time
    let drops: Vec<_> = (0..12)
        .map(|_| {
            let (client, url) = (slow.clone(), format!("{base}/language"));
            tokio::spawn(async move {
                client.post(url).header("content-type", "application/x-www-form-urlencoded").body(one_byte()).send().await
            })
        })
        .collect();
    until("the thirteenth of one address is told to wait", 10, async || {
        let answer = slow.get(format!("{base}/")).send().await.expect("an answer");
        let refused = answer.status() == 503;
        if refused {
            assert_eq!(answer.headers()["retry-after"], "60");
            assert!(answer.text().await.expect("a page").contains("Der er travlt lige nu"));
        }
        refused
    })
    .await;
    assert_eq!(other.get(format!("{base}/")).send().await.expect("an answer").status(), 200, "others have all places");
    for sent in drops {
        assert_eq!(sent.await.expect("joined").expect("an answer").status(), 408);
    }
    assert_eq!(slow.get(format!("{base}/")).send().await.expect("an answer").status(), 200);
}

/// A body of one byte that never ends.
fn one_byte() -> Body {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(http_body::Frame::data(axum::body::Bytes::from_static(b"l")))]);
    Body::wrap(http_body_util::StreamBody::new(futures_util::StreamExt::chain(first, futures_util::stream::pending())))
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_are_given_up_go_on_within_the_limit() {
    let proxy = Proxy::start().await;
    let setup = Setup { controllers: vec![proxy.address], server: "max_concurrent_requests = 4\n", ..Setup::default() };
    let service = setup.start().await;
    let visitor = Visitor::new(service.address);
    let token = visitor.get("/login").await.token();
    visitor.post("/login", &[("csrf", &token), ("name", "ukendt-plads"), ("password", "Helt-Forkert-99")]).await;
    proxy.set(Mischief::Slow(Duration::from_millis(1500)));
    proxy.forget();
    for _ in 0..20 {
        let fields = [("csrf", token.as_str()), ("name", "ukendt-plads"), ("password", "Helt-Forkert-99")];
        let sent = visitor.request(reqwest::Method::POST, "/login").form(&fields).timeout(Duration::from_millis(60)).send().await;
        assert!(sent.is_err(), "given up");
    }
    assert!((1..=2).contains(&proxy.count(SEARCH)), "half of the places at most, not {}", proxy.count(SEARCH));
    let other = from(8).get(format!("{}/health/live", visitor.base)).send().await.expect("an answer");
    assert_eq!(other.status(), 200);
}
