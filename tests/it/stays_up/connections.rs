//! Silent and slow connections.

use std::{io, net::SocketAddr, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::Instant,
};
use tokio_rustls::TlsConnector;

use super::from;
use crate::{
    environment::environment,
    service::{Service, Setup},
};

async fn connect(last: u8, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
    socket.connect(to).await
}

/// Time until the other side ends the connection.
async fn ended(mut stream: impl AsyncRead + Unpin) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await.expect("it is ended"); // a reset ends it too
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_is_closed_before_and_after_the_handshake() {
    let service = Service::start().await;
    let tls = TlsConnector::from(os2nykode::tls::client_config(Some(environment().fact("CA_FILE").as_ref())).expect("the test CA"));
    let name = ServerName::try_from("localhost").expect("a name");
    let silent = connect(1, service.address).await.expect("connected");
    let mut one_byte = connect(1, service.address).await.expect("connected");
    one_byte.write_all(&[0x16]).await.expect("sent");
    let after = tls.connect(name.clone(), connect(1, service.address).await.expect("connected")).await.expect("TLS");
    let mut begun = tls.connect(name, connect(1, service.address).await.expect("connected")).await.expect("TLS");
    begun.write_all(b"G").await.expect("sent");
    let (a, b, c, d) = tokio::join!(ended(silent), ended(one_byte), ended(after), ended(begun));
    for waited in [a, b, c, d] {
        assert!((Duration::from_secs(8)..Duration::from_secs(14)).contains(&waited), "ten seconds, not {waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_only_its_share_of_connections() {
    let service = Setup { server: "max_connections_per_address = 20\n", ..Setup::default() }.start().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(connect(7, service.address).await.expect("connected"));
    }
    // Connections are accepted in order, so this is the first one over the limit.
    let next = connect(7, service.address).await.expect("the system accepts it");
    assert!(ended(next).await < Duration::from_secs(5), "it is closed at once");
    let page = from(8).get(format!("https://localhost:{}/", service.address.port())).send().await.expect("an answer");
    assert_eq!(page.status(), 200, "others don't notice");
}
