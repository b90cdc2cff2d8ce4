//! Latency of a visitor at one address during attacks from another.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use reqwest::Client;
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{
    number,
    program::Program,
    say,
    visitor::{Visitor, after, client, summary},
};

const ATTACKER: u8 = 7;
const VISITOR: u8 = 8;

#[derive(Debug, Clone, Copy)]
enum Attack {
    None,
    SilentConnections,
    OneByteOfBody,
    LoginsGivenUp,
    LoginsAtOnce,
}

pub async fn measure() {
    let seconds = number("OS2NYKODE_SOAK_ATTACK_SECONDS", 30);
    for attack in [Attack::None, Attack::SilentConnections, Attack::OneByteOfBody, Attack::LoginsGivenUp, Attack::LoginsAtOnce] {
        let dir = tempfile::tempdir().expect("a folder");
        let program = Program::start(dir.path(), None).await;
        let attacker = tokio::spawn(run(attack, program.address, program.url("")));
        tokio::time::sleep(Duration::from_secs(2)).await; // the attack is under way by then
        let (mut visitor, ends) = (Visitor::new(VISITOR, program.url("")), Instant::now() + Duration::from_secs(seconds as u64));
        while Instant::now() < ends {
            visitor.get("/").await;
            visitor.log_in("ukendt-besoegende", "Helt-Forkert-99").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        attacker.abort();
        say(&format!("{attack:?}: the visitor's {}; {} descriptors", summary(&visitor.seen), program.descriptors()));
    }
}

async fn connect(to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from(([127, 0, 0, ATTACKER], 0))).ok()?;
    socket.connect(to).await.ok()
}

async fn run(attack: Attack, address: SocketAddr, base: String) {
    let mut all = JoinSet::new();
    match attack {
        Attack::None => {}
        Attack::SilentConnections => loop {
            let mut held = Vec::new();
            for _ in 0..1500 {
                held.extend(connect(address).await);
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        },
        Attack::OneByteOfBody => loop {
            let client = client(ATTACKER);
            for _ in 0..300 {
                let (client, url) = (client.clone(), format!("{base}/language"));
                all.spawn(async move {
                    let _ = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(one_byte()).send().await;
                });
            }
            while all.join_next().await.is_some() {}
        },
        Attack::LoginsGivenUp | Attack::LoginsAtOnce => {
            let client = client(ATTACKER);
            let html = client.get(format!("{base}/login")).send().await.expect("a page").text().await.expect("text");
            let token = after(&html, "name=\"csrf\" value=\"");
            let (count, patience) = if matches!(attack, Attack::LoginsGivenUp) { (200, 20) } else { (100, 30_000) };
            for number in 0..count {
                all.spawn(log_in_for_ever(client.clone(), base.clone(), token.clone(), number, Duration::from_millis(patience)));
            }
            while all.join_next().await.is_some() {}
        }
    }
}

async fn log_in_for_ever(client: Client, base: String, token: String, number: usize, patience: Duration) {
    loop {
        let name = format!("angriber-{number}");
        let fields = [("csrf", token.as_str()), ("name", &name), ("password", "Helt-Forkert-99")];
        let _ = client.post(format!("{base}/login")).form(&fields).timeout(patience).send().await;
    }
}

/// A body of one byte that never ends.
fn one_byte() -> reqwest::Body {
    let first = futures_util::stream::iter([Ok::<_, std::io::Error>(http_body::Frame::data(axum::body::Bytes::from_static(b"l")))]);
    reqwest::Body::wrap(http_body_util::StreamBody::new(futures_util::StreamExt::chain(first, futures_util::stream::pending())))
}
