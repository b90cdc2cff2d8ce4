//! Check of the certificate that the service itself shows to browsers (`server.tls`).

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rustls::{
    CertificateError as Fault, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Id, Report, day};
use crate::{
    clock::Clock,
    config::{Config, Tls},
    operator_file,
    tls::{self, Certificate, CertificateError},
};

const AREA: &str = "web site";
/// A certificate that expires within this time is reported.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);
const FULL_CHAIN: &str = "append the issuer's intermediate certificates to the same file (the CA calls it \"full chain\")";
const RENEW: &str = "put a new certificate in the same file, then: systemctl reload os2nykode";

/// Checks files, validity, name and chain. Behind a proxy that speaks TLS there is nothing to check.
pub(super) fn check(config: &Config, clock: &dyn Clock, report: &mut Report) {
    let Some(files) = &config.server.tls else { return };
    match Certificate::read(files) {
        Ok(_) => {}
        Err(CertificateError::Unfit(rustls::Error::InconsistentKeys(_))) => {
            let what = format!("{} is not the key of {}", files.key_file.display(), files.certificate_file.display());
            let remedy = "put the key that the certificate was requested with in server.tls.key_file";
            report.problem(Id::WebKeyForeign, AREA, &what, remedy);
        }
        Err(error) => {
            let remedy = format!(
                "server.tls: the certificate with its intermediates, and its key without passphrase, both PEM\nchown root:os2nykode '{0}' && chmod 640 '{0}'",
                files.key_file.display()
            );
            return report.problem(Id::WebCertificateUnreadable, AREA, &error.to_string(), &remedy);
        }
    }
    let chain = operator_file::certificates(&files.certificate_file).unwrap_or_default();
    let Some(own) = chain.first() else { return };
    validity(own, clock.now(), report);
    name(own, &config.server.public_url, report);
    chain_verifies(&chain, files, config, clock.now(), report);
}

fn validity(own: &CertificateDer<'_>, now: Timestamp, report: &mut Report) {
    let Ok((_, certificate)) = X509Certificate::from_der(own) else { return };
    let second = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).unwrap_or(now);
    let (begins, ends) = (second(certificate.validity().not_before), second(certificate.validity().not_after));
    if ends <= now {
        report.problem(Id::WebCertificateEnded, AREA, &format!("the certificate expired on {}", day(ends)), RENEW);
    } else if begins > now {
        let what = format!("the certificate is valid from {}", day(begins));
        report.problem(Id::WebCertificateNotYet, AREA, &what, "use the old certificate until then, and compare this machine's clock");
    } else if ends < now + SOON {
        report.warning(Id::WebCertificateEnds, AREA, &format!("the certificate expires on {}", day(ends)), RENEW);
    } else {
        report.ok(AREA, &format!("the certificate is valid until {}", day(ends)));
    }
}

/// By the rule of the browsers: Subject Alternative Name only.
fn name(own: &CertificateDer<'_>, public_url: &str, report: &mut Report) {
    let Some(host) = host(public_url) else { return };
    let fits = match (ParsedCertificate::try_from(own), ServerName::try_from(host.as_str())) {
        (Ok(certificate), Ok(name)) => verify_server_name(&certificate, &name).is_ok(),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    };
    if fits {
        return report.ok(AREA, &format!("the certificate is for {host}"));
    }
    let what = format!("the certificate is not for {host}, the host of server.public_url");
    let remedy = "get one with that host as Subject Alternative Name, or correct server.public_url";
    report.problem(Id::WebCertificateName, AREA, &what, remedy);
}

/// Verifies each signature from our certificate up to a CA that this machine or the controllers' CA file trusts, at a time when ours is valid.
fn chain_verifies(chain: &[CertificateDer<'_>], files: &Tls, config: &Config, now: Timestamp, report: &mut Report) {
    let Some((own, issuers)) = chain.split_first() else { return };
    let Some(host) = host(&config.server.public_url) else { return };
    let Ok(name) = ServerName::try_from(host) else { return };
    // A municipality's own CA is often known by the controllers' CA file only.
    let mut roots = RootCertStore::empty();
    for file in [None, config.directory.ca_file.as_deref()] {
        roots.extend(tls::roots(file).map(|trusted| trusted.roots).unwrap_or_default());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verified = match WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() {
        Ok(verifier) => verifier.verify_server_cert(own, issuers, &name, &[], within_validity(own, now)).map(|_| ()),
        Err(_) => Err(rustls::Error::InvalidCertificate(Fault::UnknownIssuer)), // there is no trusted CA at all
    };
    match verified {
        // The name is judged after the chain, and has its own finding.
        Ok(()) | Err(rustls::Error::InvalidCertificate(Fault::NotValidForName | Fault::NotValidForNameContext { .. })) => {
            report.ok(AREA, "the certificate's chain leads to a CA that this machine trusts");
        }
        Err(rustls::Error::InvalidCertificate(Fault::UnknownIssuer)) => unknown_issuer(chain, files, report),
        Err(error) => {
            let (why, remedy) = reason(&error);
            let what = format!("{}: browsers reject the certificate: {why}", files.certificate_file.display());
            report.problem(Id::WebCertificateChain, AREA, &what, remedy);
        }
    }
}

/// Cause and remedy of a chain that does not verify.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enums, which grow")]
fn reason(error: &rustls::Error) -> (String, &'static str) {
    const NEW: &str = "get a new certificate with the purpose Server Authentication, ECDSA P-256 or RSA 2048 bits, signed with SHA-256";
    let rustls::Error::InvalidCertificate(fault) = error else { return (error.to_string(), FULL_CHAIN) };
    match fault {
        Fault::BadSignature | Fault::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            ("an issuer's certificate has the right name, but its key did not make the signature".to_owned(), FULL_CHAIN)
        }
        Fault::Expired | Fault::ExpiredContext { .. } => ("an issuer's certificate has expired".to_owned(), FULL_CHAIN),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => ("an issuer's certificate is not valid yet".to_owned(), FULL_CHAIN),
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => ("it lacks the purpose Server Authentication".to_owned(), NEW),
        Fault::UnsupportedSignatureAlgorithmContext { .. } => {
            ("it is signed in a way that is no longer safe, such as SHA-1".to_owned(), NEW)
        }
        _ => (error.to_string(), FULL_CHAIN),
    }
}

fn unknown_issuer(chain: &[CertificateDer<'_>], files: &Tls, report: &mut Report) {
    let Some((_, last)) = chain.last().and_then(|der| X509Certificate::from_der(der).ok()) else { return };
    let what = format!(
        "{}: the chain leads to no CA that this machine trusts; the file ends with `{}`, issued by `{}`",
        files.certificate_file.display(),
        last.subject(),
        last.issuer()
    );
    let remedy = format!(
        "{FULL_CHAIN}\nif the CA is your own and the users' machines trust it, install it on this machine too (update-ca-certificates)"
    );
    report.warning(Id::WebCertificateChain, AREA, &what, &remedy);
}

/// The time of the verification: now, or the end of our certificate's validity that is nearest to now.
fn within_validity(own: &CertificateDer<'_>, now: Timestamp) -> UnixTime {
    let validity = X509Certificate::from_der(own).ok().map(|(_, certificate)| certificate.validity().clone());
    let seconds = validity
        .map_or(now.as_second(), |validity| now.as_second().min(validity.not_after.timestamp()).max(validity.not_before.timestamp()));
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

/// The host of our public address, an IPv6 address without brackets.
fn host(public_url: &str) -> Option<String> {
    let url = reqwest::Url::parse(public_url).ok()?;
    Some(url.host_str()?.trim_matches(['[', ']']).to_owned())
}
