//! Certificates of a controller, and the reasons why they are not trusted.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use rustls::{RootCertStore, pki_types::CertificateDer};
use x509_parser::{
    prelude::{FromDer, GeneralName, X509Certificate, X509Name},
    public_key::PublicKey,
};

use crate::check::{Id, Report, day};

/// A certificate that expires within this time is reported.
const SOON: SignedDuration = SignedDuration::from_hours(24 * 30);
const TEMPLATE: &str = "get a new one from your CA: certlm.msc on the controller, Personal, All Tasks, Request New Certificate…, template Kerberos Authentication\nthen delete the old one there; no restart is needed";
/// OIDs of signature algorithms with SHA-1 or MD5.
const BROKEN_HASHES: [(&str, &str); 4] =
    [("1.2.840.113549.1.1.5", "SHA-1"), ("1.3.14.3.2.29", "SHA-1"), ("1.2.840.10045.4.1", "SHA-1"), ("1.2.840.113549.1.1.4", "MD5")];
const LEAST_RSA_BITS: usize = 2048;

/// A certificate of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainLink {
    pub subject: String,
    pub issuer: String,
    /// DNS names and IP addresses of the Subject Alternative Name.
    pub names: Vec<String>,
    /// Start of validity.
    pub begins: Option<Timestamp>,
    /// End of validity.
    pub ends: Option<Timestamp>,
    /// Hash of its signature, if it can be forged.
    pub broken_hash: Option<&'static str>,
    /// Bits of its RSA key, if they are too few.
    pub weak_bits: Option<usize>,
    /// Whether it lists purposes without Server Authentication.
    pub not_for_servers: bool,
    /// Whether subject and issuer are the same.
    pub self_signed: bool,
}

impl ChainLink {
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let second = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).ok();
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        let bits = match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => Some(key.key_size()),
            Ok(_) | Err(_) => None,
        };
        let purposes = certificate.extended_key_usage().ok().flatten();
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names(&certificate),
            begins: second(certificate.validity().not_before),
            ends: second(certificate.validity().not_after),
            broken_hash: BROKEN_HASHES.iter().find(|(oid, _)| *oid == algorithm).map(|(_, hash)| *hash),
            weak_bits: bits.filter(|bits| *bits < LEAST_RSA_BITS),
            not_for_servers: purposes.is_some_and(|purposes| !purposes.value.any && !purposes.value.server_auth),
            self_signed: certificate.subject() == certificate.issuer(),
        })
    }

    fn is_for(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.names.iter().map(|known| known.to_lowercase()).any(|known| {
            known == name || known.strip_prefix("*.").is_some_and(|domain| name.split_once('.').is_some_and(|(_, rest)| rest == domain))
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum: other kinds of names are not for servers")]
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(ip) => match ip.len() {
            4 => <[u8; 4]>::try_from(*ip).ok().map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            _ => <[u8; 16]>::try_from(*ip).ok().map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

/// The chain as text, one certificate a line.
fn described(chain: &[ChainLink], now: Timestamp) -> String {
    chain.iter().fold(String::new(), |mut text, link| {
        let ends = link.ends.map_or_else(|| "an unreadable date".to_owned(), day);
        let ended = if link.ends.is_some_and(|e| e <= now) { " (EXPIRED)" } else { "" };
        let names = if link.names.is_empty() { String::new() } else { format!(", for {}", link.names.join(", ")) };
        let _ = write!(text, "\n           {} (issued by {}), until {ends}{ended}{names}", link.subject, link.issuer);
        text
    })
}

/// Reports a trusted chain and certificates that expire soon.
pub(super) fn good(area: &str, chain: &[ChainLink], now: Timestamp, report: &mut Report) {
    report.ok(area, &format!("its certificate is trusted{}", described(chain, now)));
    for link in chain {
        if let Some(ends) = link.ends.filter(|ends| now < *ends && ends.duration_since(now) < SOON) {
            let what = format!("the certificate of {} expires on {}", link.subject, day(ends));
            report.warning(Id::ControllerCertificateEnds, area, &what, "renew it on the controller; the service needs no change");
        }
    }
}

/// Reports all visible reasons why a chain is not trusted. `error`: message of the TLS library.
pub(super) fn bad(area: &str, chain: &[ChainLink], roots: &RootCertStore, error: &str, now: Timestamp, report: &mut Report) {
    let Some(leaf) = chain.first() else {
        let remedy = format!("it needs one with the purpose Server Authentication: {TEMPLATE}");
        return report.problem(Id::ControllerCertificateMissing, area, "it offers no certificate", &remedy);
    };
    let shown = described(chain, now);
    let mut reasons = of_leaf(area, leaf, now);
    reasons.extend(of_chain(chain, roots, error, now));
    if reasons.is_empty() {
        let remedy = "read the chain above: it has to lead from the controller to a CA in directory.ca_file".to_owned();
        reasons.push((Id::ControllerCertificateOther, error.to_owned(), remedy));
    }
    for (id, why, remedy) in reasons {
        report.problem(id, area, &format!("its certificate is not trusted: {why}{shown}"), &remedy);
    }
}

type Reason = (Id, String, String);

fn of_leaf(area: &str, leaf: &ChainLink, now: Timestamp) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if leaf.ends.is_some_and(|ends| ends <= now) {
        let what = format!("it expired on {}", leaf.ends.map(day).unwrap_or_default());
        reasons.push((Id::ControllerCertificateEnded, what, format!("renew the controller's certificate: {TEMPLATE}")));
    }
    if leaf.begins.is_some_and(|begins| begins > now) {
        let what = format!("it is valid from {} on, but this machine's date is {}", leaf.begins.map(day).unwrap_or_default(), day(now));
        let remedy = "compare the clocks of this machine and the controller: timedatectl here, w32tm /query /status there".to_owned();
        reasons.push((Id::ControllerCertificateNotYet, what, remedy));
    }
    if leaf.names.is_empty() {
        let what = "it has no Subject Alternative Name; a name in its subject (CN) alone is not accepted".to_owned();
        reasons.push((
            Id::ControllerCertificateNoSan,
            what,
            format!("its DNS name ({area}) has to be a Subject Alternative Name: {TEMPLATE}"),
        ));
    } else if !leaf.is_for(area) {
        let names = leaf.names.join(", ");
        let remedy = format!(
            "the certificate is for: {names}\nset the controller's `name` to one of these (and `address` if DNS does not know it), instead of `{area}`"
        );
        reasons.push((Id::ControllerCertificateName, format!("it is not valid for the name {area}"), remedy));
    }
    if leaf.not_for_servers {
        reasons.push((Id::ControllerCertificatePurpose, "it lacks the purpose Server Authentication".to_owned(), TEMPLATE.to_owned()));
    }
    if leaf.self_signed {
        let remedy = format!("it needs a certificate from a CA: {TEMPLATE}");
        reasons.push((Id::ControllerCertificateSelfSigned, "it is self-signed".to_owned(), remedy));
    }
    reasons
}

fn of_chain(chain: &[ChainLink], roots: &RootCertStore, error: &str, now: Timestamp) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let known = |name: &str| roots.roots.iter().any(|root| subject_of(root).is_some_and(|subject| subject == name));
    // A root that the controller sends is trusted or not by itself; its own signature proves nothing.
    for link in chain.iter().filter(|link| !link.self_signed || chain.len() == 1) {
        if let Some(hash) = link.broken_hash {
            let remedy = format!(
                "let the CA sign with SHA-256: certutil -setreg ca\\csp\\CNGHashAlgorithm SHA256 there, and restart CertSvc\nthen {TEMPLATE}"
            );
            reasons.push((Id::ControllerCertificateSha1, format!("{} is signed with {hash}", link.subject), remedy));
        }
        if let Some(bits) = link.weak_bits {
            let what = format!("the key of {} has {bits} bits (RSA)", link.subject);
            reasons.push((Id::ControllerCertificateWeakKey, what, format!("RSA with 2048 bits or more, or ECDSA P-256: {TEMPLATE}")));
        }
    }
    for link in chain.iter().skip(1).filter(|link| link.ends.is_some_and(|ends| ends <= now)) {
        let what = format!("the certificate of its issuer {} has expired", link.subject);
        reasons.push((Id::ControllerCertificateEnded, what, "renew the CA's certificate, and install it on the controller".to_owned()));
    }
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else { return reasons };
    if leaf.self_signed {
        return reasons;
    }
    let issuer = &last.issuer;
    let export = format!(
        "add the certificate of `{issuer}` (PEM) to directory.ca_file; export it on the CA with `certutil -ca.cert ca.cer`, or in certlm.msc as Base-64 encoded X.509"
    );
    if known(issuer) {
        if reasons.is_empty() && ["UnknownIssuer", "BadSignature"].iter().any(|word| error.contains(word)) {
            let what = format!("directory.ca_file holds another certificate of `{issuer}`, perhaps from before a renewal of the CA");
            reasons.push((Id::ControllerCertificateIssuer, what, export));
        }
    } else if chain.len() == 1 {
        let what = format!(
            "UnknownIssuer: the controller sends only its own certificate, and the certificate of its issuer `{issuer}` is not in directory.ca_file"
        );
        let remedy = format!(
            "{export}\nif `{issuer}` is an intermediate CA: install its certificate on the controller too (certlm.msc, Intermediate Certification Authorities)"
        );
        reasons.push((Id::ControllerCertificateChain, what, remedy));
    } else {
        let what = format!("UnknownIssuer: `{issuer}` is not in directory.ca_file");
        reasons.push((Id::ControllerCertificateIssuer, what, export));
    }
    reasons
}

fn subject_of(root: &rustls::pki_types::TrustAnchor<'_>) -> Option<String> {
    // A trust anchor holds the name without its tag and length.
    let subject = root.subject.as_ref();
    let length = subject.len();
    let mut der = vec![0x30];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => der.push(short),
        _ => {
            der.push(0x82);
            der.extend(u16::try_from(length).ok()?.to_be_bytes());
        }
    }
    der.extend_from_slice(subject);
    X509Name::from_der(&der).ok().map(|(_, name)| name.to_string())
}

/// Parses the certificates that a server offered.
pub(super) fn chain(offered: &[CertificateDer<'_>]) -> Vec<ChainLink> {
    offered.iter().filter_map(|der| ChainLink::read(der)).collect()
}
