//! TCP connections to host names with several addresses, the first of which may not answer (RFC 8305, Happy Eyeballs).
//!
//! HTTP connections do not come here: reqwest's connector divides the time among the addresses itself.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};

/// Delay before the next address is tried in parallel (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that answers. The caller's timeout bounds it and ends all attempts.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    connect_any(in_turns(lookup_host((host, port)).await?.collect())).await
}

async fn connect_any(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let more = waiting.len() > 0;
        let ended = if more { timeout(HEAD_START, attempts.join_next()).await } else { Ok(attempts.join_next().await) };
        match ended {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last = error,
            Ok(Some(Err(ended))) => last = io::Error::other(ended),
            Ok(None) if !more => return Err(last),
            Ok(None) | Err(_) => {}
        }
    }
}

/// Addresses with alternating families, beginning with the resolver's choice (RFC 8305, section 4).
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    std::iter::from_fn(|| Some([one.next(), other.next()]).filter(|pair| pair.iter().any(Option::is_some))).flatten().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[test]
    fn families_take_turns_and_none_is_lost() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let [a, b, c, v4] = ["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"].map(address);
        assert_eq!(in_turns(vec![a, b, c, v4]), [a, v4, b, c]);
        assert_eq!(in_turns(vec![v4, a, b]), [v4, a, b]);
        assert_eq!(in_turns(Vec::new()), []);
    }

    /// An address whose connection queue is full: the next connection hangs, as at a firewall that drops packets.
    async fn silent() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("bound");
        let listener = socket.listen(1).expect("listening");
        let address = listener.local_addr().expect("bound");
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queue.push(stream);
        }
        (address, queue, listener)
    }

    #[tokio::test]
    async fn a_silent_first_address_costs_a_quarter_of_a_second() {
        let (silent, _queue, _listener) = silent().await;
        let good = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let good = (good.local_addr().expect("bound"), good);
        let started = Instant::now();
        let stream = connect_any(vec![silent, good.0]).await.expect("connected");
        assert_eq!(stream.peer_addr().expect("connected"), good.0);
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn one_that_refuses_costs_nothing_and_nobody_is_an_error() {
        let closed = {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            listener.local_addr().expect("bound")
        };
        let good = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = good.local_addr().expect("bound");
        assert_eq!(connect_any(vec![closed, address]).await.expect("connected").peer_addr().expect("connected"), address);
        assert_eq!(connect_any(vec![closed]).await.expect_err("refused").kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect_any(Vec::new()).await.expect_err("nobody").kind(), io::ErrorKind::NotFound);
    }
}
