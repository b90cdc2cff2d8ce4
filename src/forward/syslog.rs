//! Syslog over TLS or TCP, with the best proof of delivery that the protocol allows.
//!
//! Syslog has no acknowledgement: written bytes may be lost in a receiver's buffers when it dies. Each batch therefore has a connection of
//! its own. The service closes its side after the batch, and the batch counts as taken once the receiver has closed its side after that. If
//! the receiver closes with unread bytes, its system resets the connection. Processing after the read cannot be proven.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::forward::{
    DeliveryError, ForwardMessage, SetupError,
    framing::{frame, printable},
};
use crate::{config::ForwardTls, tcp, tls};

/// The largest body in bytes. With its header it stays below the 8 KiB that rsyslog and others accept by default.
pub(crate) const LARGEST: usize = 7_900;
/// Time for a reset of the connection to arrive, before and after the service closes its side.
const SETTLE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Syslog {
    host: String,
    port: u16,
    hostname: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Syslog {
    pub(crate) fn new(id: &str, host: &str, port: u16, tls: Option<&ForwardTls>, hostname: &str) -> Result<Self, SetupError> {
        let tls = match tls {
            None => None,
            Some(ForwardTls { ca_file, certificate }) => {
                let config = tls::client_config_as(ca_file.as_deref(), certificate.as_ref())
                    .map_err(|source| SetupError::Tls { id: id.to_owned(), source })?;
                let name = ServerName::try_from(host.to_owned()).map_err(|_| SetupError::Host { id: id.to_owned() })?;
                Some((config, name))
            }
        };
        Ok(Self { host: host.to_owned(), port, hostname: printable(hostname, 255), tls })
    }

    /// Sends all messages over one connection.
    pub(crate) async fn send(&self, parcels: &[ForwardMessage]) -> Result<(), DeliveryError> {
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
fn unreachable(error: std::io::Error) -> DeliveryError {
    DeliveryError::Unreachable(error.to_string())
}

/// Writes, closes our side, and waits until the receiver closes its side.
async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(stream: S, bytes: &[u8], socket: fn(&S) -> &TcpStream) -> Result<(), DeliveryError> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    // A receiver that closes its side before ours is closed has not read everything.
    tokio::select! {
        biased;
        ended = until_closed(&mut reader) => return Err(ended.err().unwrap_or(DeliveryError::ClosedEarly)),
        written = async {
            writer.write_all(bytes).await?;
            writer.flush().await?;
            tokio::time::sleep(SETTLE).await;
            Ok(())
        } => written.map_err(broken)?,
    }
    writer.shutdown().await.map_err(broken)?;
    until_closed(&mut reader).await?;
    // If the receiver closed with unread bytes, the reset arrives a moment after the end of the stream.
    tokio::time::sleep(SETTLE).await;
    match socket(&reader.unsplit(writer)).take_error() {
        Ok(None) => Ok(()),
        Ok(Some(_)) | Err(_) => Err(DeliveryError::ClosedEarly),
    }
}

/// Reads until the receiver closes its side. Receivers send nothing; data that arrives is discarded.
async fn until_closed(reader: &mut (impl AsyncRead + Unpin)) -> Result<(), DeliveryError> {
    let mut bytes = [0; 1024];
    loop {
        match reader.read(&mut bytes).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Many receivers end TLS by closing TCP. An attacker who can forge this can drop all messages anyway.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn broken(error: std::io::Error) -> DeliveryError {
    if matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) {
        DeliveryError::ClosedEarly
    } else {
        DeliveryError::Unreachable(error.to_string())
    }
}
