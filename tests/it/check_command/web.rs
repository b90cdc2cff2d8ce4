//! What the check command says of the certificate that the service itself shows to browsers.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use openssl::pkey::{PKey, Private};
use os2nykode::{
    check::{self, FindingLevel, Id, Options, Report},
    clock::ShiftedClock,
    config,
};

use super::peer::{GOOD, Kind, Pair};
use crate::{
    environment::environment,
    service::{Setup, write_private},
};

const OURS: Kind = Kind { names: &["localhost"], ..GOOD };

fn configured(dir: &Path, certificates: &[&Pair], key: &PKey<Private>, ca: &Pair) -> String {
    let (chain, key_file) = (dir.join("web.pem"), dir.join("web.key"));
    fs::write(&chain, certificates.iter().flat_map(|pair| pair.pem()).collect::<Vec<u8>>()).expect("written");
    write_private(&key_file, key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
    let environment = environment();
    Setup::default()
        .text(dir, "127.0.0.1:0")
        .replace(environment.fact("WEB_CERT"), &chain.display().to_string())
        .replace(environment.fact("WEB_KEY"), &key_file.display().to_string())
        .replace(environment.fact("CA_FILE"), &ca.written(dir).display().to_string())
}

async fn report(dir: &Path, text: &str) -> Report {
    let path = dir.join("config.toml");
    write_private(&path, text).expect("written");
    let config = config::load(&path, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}"));
    check::run(&config, &Options::default(), &ShiftedClock::default()).await
}

fn found(report: &Report) -> Vec<(Id, FindingLevel)> {
    let ours = |id: &Id| id.code().starts_with("web_");
    report.findings.iter().filter_map(|finding| Some((finding.id.filter(ours)?, finding.level))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_our_own_certificate_is_named() {
    let ca = Pair::ca("Prøve CA", None);
    let between = Pair::ca("Mellem CA", Some(&ca));
    let impostor = Pair::ca("Prøve CA", None);
    let stale = Pair::new("Gammel CA", Kind { is_ca: true, names: &[], until_days: -1, ..GOOD }, Some(&ca));
    let right = Pair::new("localhost", OURS, Some(&ca));
    let below = Pair::new("localhost", OURS, Some(&between));
    let of = |kind: Kind| Pair::new("localhost", kind, Some(&ca));
    for (certificates, expected) in [
        (vec![&right], vec![]),
        (vec![&below, &between], vec![]),
        (vec![&below], vec![(Id::WebCertificateChain, FindingLevel::Warning)]),
        (vec![&of(Kind { until_days: 5, ..OURS })], vec![(Id::WebCertificateEnds, FindingLevel::Warning)]),
        (vec![&of(Kind { until_days: -1, ..OURS })], vec![(Id::WebCertificateEnded, FindingLevel::Problem)]),
        (vec![&of(Kind { from_days: 2, ..OURS })], vec![(Id::WebCertificateNotYet, FindingLevel::Problem)]),
        (vec![&of(Kind { names: &["andet.kommune.test"], ..OURS })], vec![(Id::WebCertificateName, FindingLevel::Problem)]),
        (vec![&of(Kind { names: &[], ..OURS })], vec![(Id::WebCertificateName, FindingLevel::Problem)]),
        (vec![&Pair::new("Selvudstedt til prøve", OURS, None)], vec![(Id::WebCertificateChain, FindingLevel::Warning)]),
        // Names that fit prove nothing: the signature has to be the CA's.
        (vec![&Pair::new("localhost", OURS, Some(&impostor))], vec![(Id::WebCertificateChain, FindingLevel::Problem)]),
        (vec![&right, &impostor], vec![]),
        (vec![&Pair::new("localhost", OURS, Some(&stale)), &stale], vec![(Id::WebCertificateChain, FindingLevel::Problem)]),
        (vec![&of(Kind { for_servers: false, ..OURS })], vec![(Id::WebCertificateChain, FindingLevel::Problem)]),
        (vec![&Pair::new("localhost", OURS, Some(&right)), &right], vec![(Id::WebCertificateChain, FindingLevel::Problem)]),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let text = configured(dir.path(), &certificates, &certificates[0].key, &ca);
        let report = report(dir.path(), &text).await;
        assert_eq!(found(&report), expected, "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_and_files_that_hold_something_else_are_named() {
    let ca = Pair::ca("Prøve CA", None);
    let (own, other) = (Pair::new("localhost", OURS, Some(&ca)), Pair::new("localhost", OURS, Some(&ca)));
    let dir = tempfile::tempdir().expect("a folder");
    let text = configured(dir.path(), &[&own], &other.key, &ca);
    let foreign = report(dir.path(), &text).await;
    assert_eq!(found(&foreign), [(Id::WebKeyForeign, FindingLevel::Problem)], "{foreign}");
    write_private(dir.path().join("web.key"), own.pem()).expect("written");
    let no_key = report(dir.path(), &text).await;
    assert_eq!(found(&no_key), [(Id::WebCertificateUnreadable, FindingLevel::Problem)], "{no_key}");
    assert!(no_key.to_string().contains("web.key: holds no private key: it is a certificate"), "{no_key}");
    // DER, as Windows' certificate wizard writes it.
    fs::write(dir.path().join("web.pem"), own.certificate.to_der().expect("DER")).expect("written");
    write_private(dir.path().join("web.key"), own.key.private_key_to_pkcs8().expect("DER")).expect("written");
    let der = report(dir.path(), &text).await;
    assert_eq!(found(&der), [], "{der}");
    // A key that everybody can read is refused with the configuration.
    fs::set_permissions(dir.path().join("web.key"), fs::Permissions::from_mode(0o644)).expect("its mode");
    let told = config::load(&dir.path().join("config.toml"), std::iter::empty()).expect_err("open").to_string();
    assert!(told.contains("server.tls.key_file") && told.contains("chmod 640"), "{told}");
}
