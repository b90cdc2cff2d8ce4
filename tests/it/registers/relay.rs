//! A TCP relay to a database whose connections can go silent without being closed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone)]
pub struct Relay {
    pub address: SocketAddr,
    made: Arc<AtomicUsize>,
    /// Number of silent connections: the first so many.
    dead: Arc<AtomicUsize>,
}

impl Relay {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let relay = Self { address: listener.local_addr().expect("an address"), made: Arc::default(), dead: Arc::default() };
        let serving = relay.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = serving.made.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(server).await.expect("the server");
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::spawn(serving.clone().carry(number, from_client, to_server));
                tokio::spawn(serving.clone().carry(number, from_server, to_client));
            }
        });
        relay
    }

    /// Silences all current connections. Later ones work.
    pub fn die(&self) {
        self.dead.store(self.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub fn connections(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    async fn carry(self, number: usize, mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            while number < self.dead.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }
}
