//! Syslog over TLS or TCP, with the proof of delivery that the protocol can give.
//!
//! Syslog has no acknowledgement: what was written may be lost in a receiver's buffers when it dies. So each batch has a connection of its own; after it,
//! our side is closed, and it counts as taken when the receiver closes its own after that, in order: a receiver that closes with something unread makes
//! its system reset the connection. What a receiver does with what it has read, nobody can prove.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{
    Parcel, SetupError, Trouble,
    octets::{frame, printable},
};
use crate::{config::PushTls, tcp, tls};

/// The largest body: with its head below the 8 KiB that rsyslog and others take as they are installed.
pub(super) const LARGEST: usize = 7_900;
/// How long a receiver that went away in the middle has to show it, before we close, and after.
const SETTLE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Syslog {
    host: String,
    port: u16,
    hostname: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Syslog {
    pub(super) fn new(id: &str, host: &str, port: u16, tls: Option<&PushTls>, hostname: &str) -> Result<Self, SetupError> {
        let tls = match tls {
            None => None,
            Some(PushTls { ca_file, certificate }) => {
                let config = tls::client_config_as(ca_file.as_deref(), certificate.as_ref())
                    .map_err(|source| SetupError::Tls { id: id.to_owned(), source })?;
                let name = ServerName::try_from(host.to_owned()).map_err(|_| SetupError::Host { id: id.to_owned() })?;
                Some((config, name))
            }
        };
        Ok(Self { host: host.to_owned(), port, hostname: printable(hostname, 255), tls })
    }

    /// One connection for all of them.
    pub(super) async fn send(&self, parcels: &[Parcel]) -> Result<(), Trouble> {
        let frames: String = parcels.iter().map(|parcel| frame(parcel, &self.hostname)).collect();
        let stream = tcp::connect(&self.host, self.port).await.map_err(unreachable)?;
        match &self.tls {
            None => deliver(stream, frames.as_bytes(), |stream| stream).await,
            Some((config, name)) => {
                let stream = TlsConnector::from(config.clone()).connect(name.clone(), stream).await.map_err(unreachable)?;
                deliver(stream, frames.as_bytes(), |stream| stream.get_ref().0).await
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn unreachable(error: std::io::Error) -> Trouble {
    Trouble::Unreachable(error.to_string())
}

/// Writes, closes our side, and waits for the other to close after that.
async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(stream: S, bytes: &[u8], socket: fn(&S) -> &TcpStream) -> Result<(), Trouble> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    // A receiver that ends its side before we have ended ours has not read everything.
    tokio::select! {
        biased;
        ended = until_closed(&mut reader) => return Err(ended.err().unwrap_or(Trouble::ClosedEarly)),
        written = async {
            writer.write_all(bytes).await?;
            writer.flush().await?;
            tokio::time::sleep(SETTLE).await;
            Ok(())
        } => written.map_err(broken)?,
    }
    writer.shutdown().await.map_err(broken)?;
    until_closed(&mut reader).await?;
    // One that closed with something unread: its system says so a moment after it said goodbye.
    tokio::time::sleep(SETTLE).await;
    match socket(&reader.unsplit(writer)).take_error() {
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(Trouble::ClosedEarly),
    }
}

/// Reads until the other side ends. Receivers say nothing; one that does is not listened to.
async fn until_closed(reader: &mut (impl AsyncRead + Unpin)) -> Result<(), Trouble> {
    let mut bytes = [0; 1024];
    loop {
        match reader.read(&mut bytes).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Many end TLS by ending TCP. Whoever could forge that could as well swallow everything.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn broken(error: std::io::Error) -> Trouble {
    if matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) {
        Trouble::ClosedEarly
    } else {
        Trouble::Unreachable(error.to_string())
    }
}
