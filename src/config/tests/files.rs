//! Files that everybody can read, and files as editors leave them.

use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};

use super::*;

/// The minimal configuration with its two secrets in files, read with a mode.
fn read_with_mode(case: &Case, added: &str, mode: u32) -> Result<Config, Problems> {
    let (secret, password) = (case.file("secret", SECRET, 0o600), case.file("password", "hemmelig", 0o600));
    let text = MINIMAL
        .replace(&format!("secret = \"{SECRET}\""), &format!("secret_file = \"{}\"", secret.display()))
        .replace("bind_password = \"hemmelig-tjeneste\"", &format!("bind_password_file = \"{}\"", password.display()));
    load(&case.file("config.toml", &(text + added), mode), std::iter::empty())
}

#[test]
fn a_configuration_with_secrets_in_it_is_refused_where_everybody_can_read_it() {
    let case = Case::new();
    let told = load(&case.file("config.toml", MINIMAL, 0o644), std::iter::empty()).expect_err("open").to_string();
    let path = case.dir.path().join("config.toml");
    assert!(told.contains("(directory.bind_password)") && told.contains("(mode 0644): chmod 640"), "{told}");
    assert!(told.contains(&path.display().to_string()) && !told.contains("hemmelig"), "{told}");
    read_with_mode(&case, "", 0o644).expect("no secret is in it");
    let register = "[[registers.sql]]\nid = \"db\"\nquery = \"SELECT a FROM b WHERE c = $1\"\naccount_key = \"upn\"\nurl = ";
    let url = |url: &str| format!("{register}\"{url}\"\n");
    read_with_mode(&case, &url("postgres://reader@db.kommune.dk/x"), 0o644).expect("a URL without a password is no secret");
    for more in [
        url("postgres://reader:hemmelig@db.kommune.dk/x"),
        url("postgres://reader@db.kommune.dk/x?password=hemmelig"),
        "[[audit.forward]]\nid = \"krog\"\nkind = \"hook\"\nurl = \"https://siem.kommune.dk/\"\nsigning_key = \"hemmelig\"\n".to_owned(),
        "[[oidc.provider]]\nid = \"op\"\nclient_secret = \"hemmelig\"\n".to_owned(),
    ] {
        let told = read_with_mode(&case, &more, 0o604).expect_err("open").to_string();
        assert!(told.contains("holds a secret") && told.contains("(mode 0604)") && !told.contains("hemmelig"), "{more}: {told}");
    }
}

#[test]
fn a_tls_key_that_everybody_can_read_is_refused() {
    let case = Case::new();
    crate::identity::keys::generate(case.dir.path(), "x", "2026-11-23T08:10:00Z".parse().expect("a time")).expect("made");
    let (certificate, key) = (case.dir.path().join("signing.crt"), case.dir.path().join("signing.key"));
    let text = MINIMAL.replace(
        "[store]",
        &format!("tls = {{ certificate_file = \"{}\", key_file = \"{}\" }}\n[store]", certificate.display(), key.display()),
    );
    case.load(&text, &[]).expect("for its owner only");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("mode");
    let told = case.load(&text, &[]).expect_err("open").to_string();
    assert!(told.contains("server.tls.key_file: ") && told.contains(&format!("chmod 640 {}", key.display())), "{told}");
}

#[test]
fn a_list_of_words_is_read_in_every_encoding_that_editors_write() {
    let case = Case::new();
    let words = "\u{feff}kommune\r\nrådhus\r\n";
    let wide: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for content in [words.as_bytes().to_vec(), words.replace("kommune", "kommune \t").into_bytes(), wide] {
        let file = case.dir.path().join("words");
        fs::write(&file, content).expect("written");
        let text = format!("{MINIMAL}[policy.default]\nforbidden_words_file = \"{}\"\n", file.display());
        let config = case.load(&text, &[]).expect("read");
        let found = &config.policy.default.policy().forbidden_words;
        assert!(found.len() == 2 && ["kommune", "rådhus"].iter().all(|word| found.contains(*word)), "{found:?}");
    }
}

#[test]
fn keys_are_read_as_pem_or_der_and_what_is_none_is_refused_by_its_name() {
    let case = Case::new();
    let pem = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
    let public_pem = Signer::from_pem(pem.as_bytes()).expect("a key").public_pem();
    let private_der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a key");
    let public_der = SubjectPublicKeyInfoDer::from_pem_slice(public_pem.as_bytes()).expect("a key");
    let (private, public) = (case.dir.path().join("audit.key"), case.dir.path().join("earlier.pub"));
    let text =
        format!("{MINIMAL}[audit]\nsigning_key_file = \"{}\"\nearlier_public_key_files = [\"{}\"]\n", private.display(), public.display());
    let load = |private_bytes: &[u8], public_bytes: &[u8]| {
        fs::write(&private, private_bytes).expect("written");
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).expect("mode");
        fs::write(&public, public_bytes).expect("written");
        case.load(&text, &[]).map(|config| config.audit.signer.as_ref().expect("a key").id().to_owned())
    };
    let id = load(pem.as_bytes(), public_pem.as_bytes()).expect("PEM");
    let der = load(private_der.secret_pkcs8_der(), &public_der).expect("DER");
    assert_eq!(der, id);
    let marked = |text: &[u8]| [b"\xef\xbb\xbf".as_slice(), text].concat();
    assert_eq!(load(&marked(pem.as_bytes()), &marked(public_pem.as_bytes())).expect("marked"), id);
    let told = load(public_pem.as_bytes(), pem.as_bytes()).expect_err("exchanged").to_string();
    assert!(told.contains("audit.signing_key_file") && told.contains("it is a public key"), "{told}");
    let told = load(pem.as_bytes(), pem.as_bytes()).expect_err("the private one").to_string();
    assert!(told.contains("audit.earlier_public_key_files") && told.contains("it is a private key"), "{told}");
}

#[test]
fn a_client_secret_is_no_part_of_the_fingerprint() {
    let provider = "[[oidc.provider]]\nid = \"op\"\nbutton = { da = \"X\" }\nissuer = \"https://localhost:1\"\nclient_id = \"x\"\nscopes = [\"openid\"]\n\
                    fixed_level = \"low\"\nname = { from = \"name\" }\nmatch = { by = \"cpr\", from = \"cpr\", ad_attribute = \"mail\" }\nclient_secret = \"x-hemmelig\"\n";
    let fingerprint = |secret: &str| {
        let text = format!("{MINIMAL}{}", provider.replace("x-hemmelig", secret));
        Case::new().load(&text, &[]).map_or_else(|problems| panic!("{problems}"), |config| config.fingerprint.clone())
    };
    assert_eq!(fingerprint("hemmelig-nok-1"), fingerprint("hemmelig-nok-2"), "a secret is no part of the fingerprint");
}
