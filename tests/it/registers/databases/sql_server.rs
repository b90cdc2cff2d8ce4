//! SQL Server without a server: the packets before the login, timeouts, and error texts without personal data.
//!
//! Queries and their rows are not tested.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod, SslStream};
use os2nykode::registers::RegisterErrorCause;

use crate::{
    environment::environment,
    registers::{ANNA, cpr, lookups, tells_nothing, trouble},
};

/// Packet types (MS-TDS 2.2.3.1.1).
const PRELOGIN: u8 = 0x12;
const ANSWER: u8 = 0x04;
const LOGIN: u8 = 0x10;

/// Behaviour of the fake server.
#[derive(Clone, Copy)]
enum Server {
    /// Accepts the connection and sends nothing.
    Silent,
    /// Answers in another protocol.
    Http,
    /// Offers no TLS (ENCRYPT_NOT_SUP), or only for the login (ENCRYPT_OFF).
    Without(u8),
    /// TLS with this certificate of the environment. Refuses every login with a text that contains a CPR number.
    Tls(&'static str),
}

/// Whether each packet came in clear or inside TLS, and its type.
type Came = Arc<Mutex<Vec<(&'static str, u8)>>>;

fn serve(server: Server) -> (SocketAddr, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let came = Came::default();
    let record = came.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = talk(stream.expect("a connection"), server, &record);
        }
    });
    (address, came)
}

fn packet(stream: &mut impl Read) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 8];
    stream.read_exact(&mut header)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]])) - 8];
    stream.read_exact(&mut body)?;
    Ok((header[0], body))
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 8).expect("short").to_be_bytes();
    [&[kind, 1, length[0], length[1], 0, 0, 1, 0], body].concat()
}

/// VERSION and ENCRYPTION (MS-TDS 2.2.6.5).
fn prelogin(encryption: u8) -> Vec<u8> {
    let body = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 15, 0, 7, 0xd0, 0, 0, encryption];
    framed(ANSWER, &body)
}

fn talk(mut stream: TcpStream, server: Server, came: &Came) -> std::io::Result<()> {
    let note = |how: &'static str, kind: u8| came.lock().expect("alone").push((how, kind));
    match server {
        Server::Silent => {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Server::Http => stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        Server::Without(encryption) => {
            note("clear", packet(&mut stream)?.0);
            stream.write_all(&prelogin(encryption))?;
            note("clear", packet(&mut stream)?.0);
            Ok(())
        }
        Server::Tls(name) => {
            note("clear", packet(&mut stream)?.0);
            stream.write_all(&prelogin(3))?;
            let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
            acceptor.set_certificate_chain_file(environment().tls(&format!("{name}.pem")))?;
            acceptor.set_private_key_file(environment().tls(&format!("{name}.key")), SslFiletype::PEM)?;
            // In TLS 1.2 the server ends the handshake, so nothing after it is wrapped in packets.
            acceptor.set_max_proto_version(Some(openssl::ssl::SslVersion::TLS1_2))?;
            let wrapped = Wrapped { stream, left: Vec::new(), shaking: true };
            let mut tls: SslStream<Wrapped> = acceptor.build().accept(wrapped).map_err(|_| std::io::Error::other("no TLS"))?;
            tls.get_mut().shaking = false;
            note("tls", packet(&mut tls)?.0);
            let text: Vec<u8> = format!("Login failed for {ANNA} with hemmelig").encode_utf16().flat_map(u16::to_le_bytes).collect();
            let count = u16::try_from(text.len() / 2).expect("short");
            // ERROR 18456, class 14, and DONE (MS-TDS 2.2.7.10, 2.2.7.6).
            let rest = [&18456_u32.to_le_bytes()[..], &[1, 14], &count.to_le_bytes(), &text, &[0, 0], &1_u32.to_le_bytes()].concat();
            let length = u16::try_from(rest.len()).expect("short").to_le_bytes();
            let done = [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            tls.write_all(&framed(ANSWER, &[&[0xaa][..], &length, &rest, &done].concat()))
        }
    }
}

/// A stream that wraps the TLS handshake in packets.
#[derive(Debug)]
struct Wrapped {
    stream: TcpStream,
    left: Vec<u8>,
    shaking: bool,
}

impl Read for Wrapped {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if !self.shaking {
            return self.stream.read(into);
        }
        if self.left.is_empty() {
            self.left = packet(&mut self.stream)?.1;
        }
        let count = into.len().min(self.left.len());
        into[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }
}

impl Write for Wrapped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.shaking {
            return self.stream.write(bytes);
        }
        self.stream.write_all(&framed(PRELOGIN, bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

fn section(address: SocketAddr, rest: &str) -> String {
    format!(
        "[[registers.sql]]\nid = \"mssql\"\nurl = \"sqlserver://os2:hemmelig@localhost:{}/people{rest}\"\n\
         query = \"SELECT konto FROM p WHERE cpr = @P1\"\naccount_key = \"account_name\"\ntimeout_seconds = 0.6\n",
        address.port()
    )
}

async fn ask(address: SocketAddr, rest: &str) -> RegisterErrorCause {
    let started = Instant::now();
    let wrong = trouble(lookups(&section(address, rest)).accounts_of(&cpr(ANNA)).await, "mssql");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    wrong
}

fn trusted() -> String {
    format!("?sslrootcert={}", environment().fact("CA_FILE"))
}

#[tokio::test]
async fn a_server_that_is_none_or_says_nothing_is_a_fault_in_time() {
    assert_eq!(ask(serve(Server::Silent).0, "").await, RegisterErrorCause::TimedOut);
    assert!(matches!(ask(serve(Server::Http).0, "").await, RegisterErrorCause::Unreachable(_) | RegisterErrorCause::TimedOut));
    assert!(matches!(ask("127.0.0.1:1".parse().expect("an address"), "").await, RegisterErrorCause::Unreachable(_)));
    for rest in ["?encrypt=false", "?sslmode=disable", "?sslmode=require&sslrootcert=/x"] {
        assert_eq!(
            ask("127.0.0.1:1".parse().expect("an address"), rest).await,
            RegisterErrorCause::Unreachable("its URL can't be understood".into())
        );
    }
}

#[tokio::test]
async fn nothing_goes_to_a_server_that_offers_no_tls() {
    for encryption in [2, 0] {
        let (address, came) = serve(Server::Without(encryption));
        assert!(matches!(ask(address, "").await, RegisterErrorCause::Unreachable(_)));
        assert_eq!(*came.lock().expect("alone"), [("clear", PRELOGIN)], "and no login");
    }
}

#[tokio::test]
async fn the_login_goes_to_a_verified_server_only_unless_the_url_says_otherwise() {
    for (certificate, rest) in [("foreign", trusted()), ("wrong-name", trusted()), ("expired", trusted()), ("web", String::new())] {
        let (address, came) = serve(Server::Tls(certificate));
        let wrong = ask(address, &rest).await;
        assert!(matches!(&wrong, RegisterErrorCause::Unreachable(what) if what.contains("TLS")), "{certificate}: {wrong:?}");
        assert_eq!(*came.lock().expect("alone"), [("clear", PRELOGIN)], "{certificate}: and no login");
    }
    for (certificate, rest) in [("web", trusted()), ("foreign", "?sslmode=require".to_owned())] {
        let (address, came) = serve(Server::Tls(certificate));
        let wrong = ask(address, &rest).await;
        assert_eq!(wrong, RegisterErrorCause::NotLetIn("error 18456".into()), "{certificate}: its own words are not told");
        assert_eq!(*came.lock().expect("alone"), [("clear", PRELOGIN), ("tls", LOGIN)], "{certificate}");
        let probed = lookups(&section(address, &rest)).probe().await;
        assert!(format!("{probed:?}").contains("Login failed for"), "in the check, where the number is nobody's, they are");
    }
    tells_nothing("");
}
