//! Findings of the check command about a controller's TLS, with a peer for each fault.

use std::net::SocketAddr;

use openssl::{hash::MessageDigest, ssl::SslVersion};
use os2nykode::{
    check::{FindingLevel, Id, Report},
    clock::ShiftedClock,
};

use super::{
    check, has,
    peer::{self, Behaviour, GOOD, Kind, Pair},
};
use crate::{environment::environment, service::Setup};

async fn check_at(address: SocketAddr, ca: &Pair, directory: &'static str, replace: &[(&str, &str)]) -> Report {
    let dir = tempfile::tempdir().expect("a folder");
    let file = ca.written(dir.path()).display().to_string();
    let replace: Vec<(&str, &str)> = [(environment().fact("CA_FILE"), file.as_str())].into_iter().chain(replace.iter().copied()).collect();
    check(Setup { controllers: vec![address], directory, ..Setup::default() }, &replace, None, &ShiftedClock::default()).await
}

/// Asserts that the report has this id, and a problem with these texts.
fn found(report: &Report, id: Id, what: &str, advice: &str) {
    assert!(report.has(id), "{id:?} in\n{report}");
    has(report, FindingLevel::Problem, what, advice);
    assert!(!report.to_string().contains('\u{0}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_certificate_is_named_with_its_remedy() {
    let ca = Pair::ca("Prøve CA", None);
    let leaf = |kind: Kind| Behaviour::with(Pair::new("dc1.kommune.test", kind, Some(&ca)), &[]);
    for (behaviour, id, what, advice) in [
        (leaf(Kind { names: &[], ..GOOD }), Id::ControllerCertificateNoSan, "Subject Alternative Name", "Kerberos Authentication"),
        (leaf(Kind { hash: MessageDigest::sha1, ..GOOD }), Id::ControllerCertificateSha1, "SHA-1", "CNGHashAlgorithm SHA256"),
        (leaf(Kind { rsa: Some(1024), ..GOOD }), Id::ControllerCertificateWeakKey, "1024 bits", "2048 bits or more"),
        (leaf(Kind { until_days: -1, ..GOOD }), Id::ControllerCertificateEnded, "EXPIRED", "renew"),
        (leaf(Kind { from_days: 2, ..GOOD }), Id::ControllerCertificateNotYet, "valid from", "timedatectl"),
        (
            leaf(Kind { names: &["andet.kommune.test"], ..GOOD }),
            Id::ControllerCertificateName,
            "not valid for the name",
            "andet.kommune.test",
        ),
        (
            leaf(Kind { for_servers: false, ..GOOD }),
            Id::ControllerCertificatePurpose,
            "lacks the purpose Server Authentication",
            "Kerberos",
        ),
        (
            Behaviour::with(Pair::new("dc1.kommune.test", GOOD, None), &[]),
            Id::ControllerCertificateSelfSigned,
            "self-signed",
            "needs a certificate from a CA",
        ),
    ] {
        let report = check_at(peer::start(behaviour), &ca, "", &[]).await;
        found(&report, id, what, advice);
        assert_eq!(
            report.findings.iter().filter(|finding| finding.level == FindingLevel::Problem).count(),
            2,
            "it and no controller: {report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_does_not_reach_the_ca_is_told_with_what_is_missing() {
    let (ca, other) = (Pair::ca("Prøve CA", None), Pair::ca("Fremmed CA", None));
    let between = Pair::ca("Mellem CA", Some(&ca));
    let own = Pair::new("dc1.kommune.test", GOOD, Some(&between));
    let alone = check_at(peer::start(Behaviour::with(own.clone(), &[])), &ca, "", &[]).await;
    found(&alone, Id::ControllerCertificateChain, "sends only its own certificate", "Intermediate Certification Authorities");
    has(&alone, FindingLevel::Problem, "`CN=Mellem CA`", "directory.ca_file");
    let whole = check_at(peer::start(Behaviour::with(own, &[&between])), &ca, "", &[]).await;
    has(&whole, FindingLevel::Ok, "certificate is trusted", "");
    let below = Pair::ca("Fremmed mellem", Some(&other));
    let foreign = Pair::new("dc1.kommune.test", GOOD, Some(&below));
    let report = check_at(peer::start(Behaviour::with(foreign, &[&below])), &ca, "", &[]).await;
    found(&report, Id::ControllerCertificateIssuer, "`CN=Fremmed CA` is not in directory.ca_file", "certutil -ca.cert");
    let namesake = Pair::ca("Prøve CA", None);
    let renewed = Pair::new("dc1.kommune.test", GOOD, Some(&namesake));
    let report = check_at(peer::start(Behaviour::with(renewed, &[])), &ca, "", &[]).await;
    found(&report, Id::ControllerCertificateIssuer, "another certificate of `CN=Prøve CA`", "certutil -ca.cert");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tls_and_weak_ciphers_are_named() {
    let ca = Pair::ca("Prøve CA", None);
    let tls = |newest, ciphers, rsa| Behaviour::Tls {
        own: Pair::new("dc1.kommune.test", Kind { rsa, ..GOOD }, Some(&ca)),
        behind: Vec::new(),
        newest,
        ciphers,
    };
    let old = check_at(peer::start(tls(SslVersion::TLS1_1, "ALL:@SECLEVEL=0", None)), &ca, "", &[]).await;
    found(&old, Id::ControllerTlsVersion, "at most TLSv1.1", "TLS 1.2\\Server");
    let cbc = "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:AES256-SHA:@SECLEVEL=0";
    let cbc = check_at(peer::start(tls(SslVersion::TLS1_2, cbc, Some(2048))), &ca, "", &[]).await;
    found(&cbc, Id::ControllerTlsCipher, "ECDHE-RSA-AES256-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_tls_is_not_told_as_a_certificate_that_is_not_trusted() {
    let ca = Pair::ca("Prøve CA", None);
    let starttls = [("port = ", "transport = \"starttls\", port = ")];
    for (behaviour, replace, id, what, advice) in [
        (Behaviour::Silent, &[][..], Id::ControllerTlsStalls, "does not answer in time", "openssl s_client"),
        (Behaviour::Silent, &starttls[..], Id::ControllerTlsStalls, "does not answer in time", "openssl s_client"),
        (Behaviour::Says(b"SSH-2.0-OpenSSH_9.2\r\n"), &[], Id::ControllerNotTls, "neither TLS nor LDAP", "636"),
        (Behaviour::Closes, &[], Id::ControllerTlsFailed, "closes the connection", "Server Authentication"),
        // An extended response with result 52 (unavailable), which a controller without a certificate sends.
        (
            Behaviour::Answers(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"),
            &starttls,
            Id::ControllerStarttlsRefused,
            "does not offer StartTLS",
            "636",
        ),
    ] {
        let report = check_at(peer::start(behaviour), &ca, "timeout_seconds = 1\n", replace).await;
        found(&report, id, what, advice);
        assert!(!report.to_string().contains("is not trusted"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_does_not_go_with_the_transport_is_named() {
    let right = "port = 636";
    for (wrong, what, advice) in [
        ("port = 389", "port 389 speaks LDAP without TLS at first", "transport = \"starttls\""),
        ("port = 636, transport = \"starttls\"", "port 636 speaks TLS from the first byte", "389"),
    ] {
        let report = check(Setup::default(), &[(right, wrong)], None, &ShiftedClock::default()).await;
        found(&report, Id::ControllerTransportWrong, what, advice);
        assert!(!report.to_string().contains("not trusted"), "{report}");
    }
    for port in ["port = 3269", "port = 3268, transport = \"starttls\""] {
        let report = check(Setup::default(), &[(right, port)], None, &ShiftedClock::default()).await;
        found(&report, Id::ControllerPortGlobalCatalog, "global catalog", "636");
    }
}
