//! A controller with a chosen fault: TLS by OpenSSL with certificates made for the test, or a socket with another protocol.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion},
    x509::{
        X509, X509NameBuilder,
        extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName},
    },
};

use os2nykode::clock::{Clock, SystemClock};

/// Differences of a certificate from a valid one.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Size of the RSA key in bits. Without it, the key is ECDSA P-256.
    pub rsa: Option<u32>,
    pub hash: fn() -> MessageDigest,
    /// Subject Alternative Names.
    pub names: &'static [&'static str],
    pub from_days: i64,
    pub until_days: i64,
    pub is_ca: bool,
    pub for_servers: bool,
}

pub const GOOD: Kind = Kind {
    rsa: None,
    hash: MessageDigest::sha256,
    names: &["dc1.kommune.test"],
    from_days: -30,
    until_days: 365,
    is_ca: false,
    for_servers: true,
};

/// A certificate and its key.
#[derive(Clone)]
pub struct Pair {
    pub certificate: X509,
    pub key: PKey<Private>,
}

impl Pair {
    /// Signed by `issuer`, or self-signed.
    pub fn new(subject: &str, kind: Kind, issuer: Option<&Self>) -> Self {
        let key = if let Some(bits) = kind.rsa {
            PKey::from_rsa(Rsa::generate(bits).expect("a key")).expect("a key")
        } else {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
            PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
        };
        let mut name = X509NameBuilder::new().expect("a name");
        name.append_entry_by_nid(Nid::COMMONNAME, subject).expect("a name");
        let name = name.build();
        let mut builder = X509::builder().expect("a certificate");
        let mut serial = BigNum::new().expect("a number");
        serial.rand(120, MsbOption::MAYBE_ZERO, false).expect("random");
        let now = SystemClock.now().as_second();
        let day = |days: i64| Asn1Time::from_unix(now + days * 86_400).expect("a day");
        builder.set_version(2).expect("version 3");
        builder.set_serial_number(&serial.to_asn1_integer().expect("a number")).expect("a serial");
        builder.set_subject_name(&name).expect("a subject");
        builder.set_issuer_name(issuer.map_or(&*name, |issuer| issuer.certificate.subject_name())).expect("an issuer");
        builder.set_not_before(&day(kind.from_days)).expect("a day");
        builder.set_not_after(&day(kind.until_days)).expect("a day");
        builder.set_pubkey(&key).expect("a key");
        let mut constraints = BasicConstraints::new();
        if kind.is_ca {
            constraints.ca();
        }
        builder.append_extension(constraints.critical().build().expect("constraints")).expect("constraints");
        if !kind.is_ca {
            let mut usage = ExtendedKeyUsage::new();
            let usage = if kind.for_servers { usage.server_auth() } else { usage.client_auth() };
            builder.append_extension(usage.build().expect("usage")).expect("usage");
        }
        if !kind.names.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for name in kind.names {
                names.dns(name);
            }
            let names = names.build(&builder.x509v3_context(issuer.map(|issuer| &*issuer.certificate), None)).expect("names");
            builder.append_extension(names).expect("names");
        }
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), (kind.hash)()).expect("signed");
        Self { certificate: builder.build(), key }
    }

    pub fn ca(subject: &str, issuer: Option<&Self>) -> Self {
        Self::new(subject, Kind { is_ca: true, names: &[], ..GOOD }, issuer)
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("PEM")
    }

    /// Writes the certificate to a file for `ca_file`.
    pub fn written(&self, dir: &Path) -> PathBuf {
        let path = dir.join("ca.pem");
        std::fs::write(&path, self.pem()).expect("written");
        path
    }
}

/// Behaviour towards a connection.
#[derive(Clone)]
pub enum Behaviour {
    /// TLS with `own`, the certificates `behind` it, at most version `newest`, and these ciphers of TLS 1.2 and older.
    Tls { own: Pair, behind: Vec<Pair>, newest: SslVersion, ciphers: &'static str },
    /// Sends nothing.
    Silent,
    /// Sends these bytes and waits.
    Says(&'static [u8]),
    /// Sends these bytes after the first bytes of the client.
    Answers(&'static [u8]),
    /// Closes the connection.
    Closes,
}

impl Behaviour {
    /// Ordinary TLS with these certificates.
    pub fn with(own: Pair, behind: &[&Pair]) -> Self {
        Self::Tls {
            own,
            behind: behind.iter().map(|pair| (*pair).clone()).collect(),
            newest: SslVersion::TLS1_3,
            ciphers: "ALL:@SECLEVEL=0",
        }
    }
}

/// Starts a peer that runs until the test ends. Returns its address.
pub fn start(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let behaviour = behaviour.clone();
            std::thread::spawn(move || serve(stream, behaviour));
        }
    });
    address
}

fn serve(mut stream: TcpStream, behaviour: Behaviour) {
    use std::io::Read;
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let mut bytes = [0; 1024];
    match behaviour {
        Behaviour::Closes => {}
        // Reads to the end of the connection, so that it is not reset.
        Behaviour::Silent => while stream.read(&mut bytes).is_ok_and(|length| length > 0) {},
        Behaviour::Says(text) => {
            let _ = stream.write_all(text);
            while stream.read(&mut bytes).is_ok_and(|length| length > 0) {}
        }
        Behaviour::Answers(text) => {
            if stream.read(&mut bytes).is_ok_and(|length| length > 0) {
                let _ = stream.write_all(text);
            }
            while stream.read(&mut bytes).is_ok_and(|length| length > 0) {}
        }
        Behaviour::Tls { own, behind, newest, ciphers } => {
            let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
            acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
            acceptor.set_min_proto_version(Some(SslVersion::TLS1)).expect("a version");
            acceptor.set_max_proto_version(Some(newest)).expect("a version");
            acceptor.set_cipher_list(ciphers).expect("ciphers");
            acceptor.set_certificate(&own.certificate).expect("a certificate");
            acceptor.set_private_key(&own.key).expect("its key");
            for pair in behind {
                acceptor.add_extra_chain_cert(pair.certificate).expect("a chain");
            }
            if let Ok(mut stream) = acceptor.build().accept(stream) {
                while stream.read(&mut bytes).is_ok_and(|length| length > 0) {}
            }
        }
    }
}
