//! Identification of the protocol on a port where our handshake fails: old TLS, LDAP without TLS, or another one. No credentials are sent.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use rustls::pki_types::CertificateDer;

use crate::directory::ControllerEndpoint;

/// The protocol that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer {
    /// TLS of any version, from the first byte or after StartTLS.
    Tls(OldTls),
    /// LDAP without TLS from the first byte.
    PlainLdap,
    /// Another protocol.
    SomethingElse,
    /// The connection is accepted, but there is no answer.
    Silent,
    /// Each connection is closed.
    Closes,
}

/// A handshake with all versions and ciphers that OpenSSL supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OldTls {
    /// OpenSSL's name of the version, such as `TLSv1.1`.
    pub version: &'static str,
    /// OpenSSL's name of the cipher, such as `ECDHE-RSA-AES256-SHA`.
    pub cipher: String,
    /// The offered certificates, the server's own first.
    pub chain: Vec<CertificateDer<'static>>,
}

impl OldTls {
    /// Whether the version is older than TLS 1.2.
    pub fn is_old(&self) -> bool {
        !matches!(self.version, "TLSv1.2" | "TLSv1.3")
    }

    /// Whether the cipher is no longer safe: without forward secrecy, or no AEAD.
    pub fn has_weak_cipher(&self) -> bool {
        let safe = ["GCM", "CHACHA20"].iter().any(|mode| self.cipher.contains(mode));
        self.version == "TLSv1.2" && !(safe && self.cipher.starts_with("ECDHE"))
    }
}

/// Identifies the protocol. `starttls`: requests TLS first.
pub(super) async fn look(endpoint: &ControllerEndpoint, starttls: bool) -> Peer {
    let Ok(Some(first)) = connected(endpoint).await else { return Peer::Closes };
    let with_tls = tokio::task::spawn_blocking(move || old_tls(first, starttls)).await;
    if let Ok(Some(found)) = with_tls {
        return Peer::Tls(found);
    }
    let Ok(Some(second)) = connected(endpoint).await else { return Peer::Closes };
    tokio::task::spawn_blocking(move || without_tls(second)).await.unwrap_or(Peer::Closes)
}

async fn connected(endpoint: &ControllerEndpoint) -> std::io::Result<Option<TcpStream>> {
    let Ok(stream) = tokio::time::timeout(endpoint.timeout(), endpoint.tcp()).await else { return Ok(None) };
    let stream = stream?.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(endpoint.timeout()))?;
    stream.set_write_timeout(Some(endpoint.timeout()))?;
    Ok(Some(stream))
}

const STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

fn old_tls(mut stream: TcpStream, starttls: bool) -> Option<OldTls> {
    if starttls {
        stream.write_all(STARTTLS).ok()?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).ok()?;
        answer[..length].first().filter(|byte| **byte == 0x30)?;
    }
    let mut builder = SslConnector::builder(SslMethod::tls_client()).ok()?;
    builder.set_verify(SslVerifyMode::NONE); // the connection only identifies the protocol; no data is sent or trusted
    builder.set_min_proto_version(Some(SslVersion::TLS1)).ok()?;
    builder.set_cipher_list("ALL:@SECLEVEL=0").ok()?;
    let configuration = builder.build().configure().ok()?.use_server_name_indication(false).verify_hostname(false);
    let stream = configuration.connect("", stream).ok()?;
    let ssl = stream.ssl();
    let chain = ssl.peer_cert_chain().map(|chain| chain.iter().filter_map(|one| one.to_der().ok()).map(CertificateDer::from).collect());
    Some(OldTls {
        version: ssl.version_str(),
        cipher: ssl.current_cipher().map(|cipher| cipher.name().to_owned()).unwrap_or_default(),
        chain: chain.unwrap_or_default(),
    })
}

fn without_tls(mut stream: TcpStream) -> Peer {
    if stream.write_all(STARTTLS).is_err() {
        return Peer::Closes;
    }
    let mut answer = [0; 16];
    match stream.read(&mut answer) {
        Ok(0) => Peer::Closes,
        Ok(_) if answer[0] == 0x30 => Peer::PlainLdap,
        // A TLS alert: the peer speaks TLS but refuses this handshake.
        Ok(_) if answer[0] == 0x15 => Peer::Closes,
        Ok(_) => Peer::SomethingElse,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => Peer::Silent,
        Err(_) => Peer::Closes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_ciphers_that_are_no_longer_safe_are_known() {
        for (version, cipher, old, weak) in [
            ("TLSv1.3", "TLS_AES_256_GCM_SHA384", false, false),
            ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", false, false),
            ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", false, false),
            ("TLSv1.2", "ECDHE-RSA-AES256-SHA384", false, true),
            ("TLSv1.2", "AES256-GCM-SHA384", false, true),
            ("TLSv1.2", "DHE-RSA-AES256-GCM-SHA384", false, true),
            ("TLSv1.1", "ECDHE-RSA-AES256-SHA", true, false),
            ("TLSv1", "AES128-SHA", true, false),
        ] {
            let tls = OldTls { version, cipher: cipher.to_owned(), chain: Vec::new() };
            assert_eq!((tls.is_old(), tls.has_weak_cipher()), (old, weak), "{version} {cipher}");
        }
    }
}
