//! What is read, what is refused, and what a refusal says.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::*;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const MINIMAL: &str = r#"
[site]
name = "Prøve Kommune"
contact = { da = "Ring" }
[server]
listen = "127.0.0.1:0"
public_url = "https://adgangskode.kommune.dk"
trusted_proxies = ["127.0.0.1/32"]
secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
[store]
url = "sqlite:///tmp.db"
[directory]
controllers = [{ name = "dc1.kommune.dk" }]
base_dn = "DC=kommune,DC=dk"
bind_user = "svc@kommune.dk"
bind_password = "hemmelig-tjeneste"
"#;

struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder") }
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        path
    }

    fn load(&self, text: &str, environment: &[(&str, &str)]) -> Result<Config, Problems> {
        let path = self.file("config.toml", text, 0o600);
        load(&path, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }
}

fn problems(text: &str, environment: &[(&str, &str)]) -> String {
    Case::new().load(text, environment).expect_err("refused").to_string()
}

#[test]
fn the_least_that_is_needed_gets_the_documented_defaults() {
    let config = Case::new().load(MINIMAL, &[]).expect("read");
    assert_eq!(config.directory.timeout.as_millis(), 2000);
    assert_eq!(config.directory.search_bases, ["DC=kommune,DC=dk"]);
    assert_eq!(config.login.ad_password.lockout_reserve, 2);
    assert_eq!((config.session.idle_minutes, config.session.absolute_minutes), (10, 30));
    assert_eq!(config.policy.default.policy().min_length, 12);
    assert!(config.site.after_change.in_language(Language::En).contains("VPN"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_key() {
    let text = MINIMAL
        .replace("name = \"dc1.kommune.dk\"", "name = \"ldap://dc1.kommune.dk\"")
        .replace("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:80\"\ntrusted_proxy = []")
        .replace("https://adgangskode.kommune.dk", "http://adgangskode.kommune.dk/x")
        .replace("trusted_proxies = [\"127.0.0.1/32\"]\n", "")
        + "timeout_seconds = 99\n[sesion]\nidle_minutes = 1\n[session]\nidle_minutes = \"ti\"\n[policy.default]\nmin_length = 20\nmax_length = 10\n[[policy.group]]\nmin_lenght = 3\n";
    let told = problems(&text, &[("OS2NYKODE__LOG__LEVEL", "lots of"), ("OS2NYKODE__LOG__FROMAT", "text")]);
    for key in [
        "server.trusted_proxy: unknown key",
        "server.listen: would send passwords in clear text",
        "server.public_url: ",
        "directory.controllers.name: plain LDAP",
        "directory.timeout_seconds: ",
        "sesion: unknown section; did you mean",
        "session.idle_minutes: ",
        "policy.default: no password has at least 20 and at most 10",
        "policy.group: a group has no name",
        "min_lenght: unknown key",
        "log.fromat: unknown key",
    ] {
        assert!(told.contains(key), "{key:?} in\n{told}");
    }
}

#[test]
fn no_problem_tells_a_secret() {
    let broken = MINIMAL.replace("bind_password = \"hemmelig-tjeneste\"", "bind_password = \"hemmelig-tjeneste");
    let wrong_type = MINIMAL.replace("bind_password = \"hemmelig-tjeneste\"", "bind_password = { hemmelig-tjeneste = 1 }");
    let bad_secret = MINIMAL.replace(SECRET, "hemmelig-tjeneste");
    let bad_url = MINIMAL.replace("sqlite:///tmp.db", "mysql://hemmelig-tjeneste@x/y");
    let twice = MINIMAL.to_owned() + "bind_password_file = \"/x\"\n";
    let number = MINIMAL.replace("\"hemmelig-tjeneste\"", "4711");
    assert!(!problems(&number, &[]).contains("4711"));
    for text in [broken, wrong_type, bad_secret, bad_url, twice] {
        let told = problems(&text, &[]);
        assert!(!told.contains("hemmelig"), "{told}");
        assert!(!told.is_empty());
    }
    let shown = format!("{:?}", Case::new().load(MINIMAL, &[]).expect("read"));
    assert!(!shown.contains("hemmelig") && !shown.contains("AAECAw") && !shown.contains("tmp.db"), "{shown}");
}

#[test]
fn the_environment_overrides_text_numbers_lists_and_tables() {
    let environment = [
        ("OS2NYKODE__DIRECTORY__BASE_DN", "DC=anden,DC=dk"),
        ("OS2NYKODE__DIRECTORY__BIND_PASSWORD", "p#w \"x\" = [1"),
        ("OS2NYKODE__SERVER__TRUSTED_PROXIES", "[\"10.0.0.5/32\"]"),
        ("OS2NYKODE__SESSION__IDLE_MINUTES", "5"),
        ("OS2NYKODE__LOGIN__AD_PASSWORD__ENABLED", "false"),
        ("ANOTHER", "thing"),
    ];
    let config = Case::new().load(MINIMAL, &environment).expect("read");
    assert_eq!(config.directory.base_dn, "DC=anden,DC=dk");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), "p#w \"x\" = [1");
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.session.idle_minutes, 5);
    assert!(!config.login.ad_password.enabled);
}

#[test]
fn a_password_of_digits_stays_text() {
    let config = Case::new().load(MINIMAL, &[("OS2NYKODE__DIRECTORY__BIND_PASSWORD", "0123456")]).expect("read");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), "0123456");
    let config = Case::new().load(MINIMAL, &[("OS2NYKODE__DIRECTORY__BIND_PASSWORD", "123456")]).expect("read");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), "123456");
}

#[test]
fn a_secret_file_that_everybody_can_read_is_refused_and_its_newline_is_no_part_of_it() {
    let case = Case::new();
    let open = case.file("open", "hemmelig\n", 0o644);
    let closed = case.file("closed", "hemmelig \n", 0o640);
    let with =
        |file: &PathBuf| MINIMAL.replace("bind_password = \"hemmelig-tjeneste\"", &format!("bind_password_file = \"{}\"", file.display()));
    let told = case.load(&with(&open), &[]).expect_err("refused").to_string();
    assert!(told.contains("directory.bind_password_file") && told.contains("chmod"), "{told}");
    let config = case.load(&with(&closed), &[]).expect("read");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), "hemmelig ");
    let told = case.load(&with(&case.dir.path().join("missing")), &[]).expect_err("refused").to_string();
    assert!(told.contains("can't be read"), "{told}");
}

#[test]
fn an_empty_password_of_the_service_account_is_refused() {
    let told = problems(&MINIMAL.replace("hemmelig-tjeneste", ""), &[]);
    assert!(told.contains("directory.bind_password"), "{told}");
}

/// The example with every commented key switched on, and its files where this machine has them.
fn example(case: &Case) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/example.toml")).expect("the example");
    let secret = case.file("secret", SECRET, 0o600);
    let other = case.file("other", "hemmelig", 0o600);
    text.replace("/etc/os2nykode/secret", &secret.display().to_string())
        .replace("/etc/os2nykode/bind-password", &other.display().to_string())
}

#[test]
fn the_example_can_be_loaded_as_it_stands() {
    let case = Case::new();
    let config = case.load(&example(&case), &[]).expect("the example is right");
    assert_eq!(config.directory.controllers.len(), 1);
}

#[test]
fn the_example_explains_every_key_and_no_other() {
    let case = Case::new();
    let uncommented: String = example(&case)
        .lines()
        .map(|line| {
            let trimmed = line.trim_start();
            let key = trimmed.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[' || c == '{'));
            // alternatives of a key that is set already, and files that are not there
            let skip = [
                "secret = ",
                "bind_password = ",
                "url_file",
                "logo_file",
                "ca_file",
                "tls = ",
                "forbidden_words_file",
                "allowed_characters",
            ];
            match key {
                Some(rest) if !skip.iter().any(|s| rest.starts_with(s)) => format!("{rest}\n"),
                _ => format!("{line}\n"),
            }
        })
        .collect();
    let config = case.load(&uncommented, &[]).unwrap_or_else(|p| panic!("{p}\n{uncommented}"));
    assert_eq!(config.policy.groups.len(), 1);
    assert_eq!(config.directory.controllers.len(), 2);
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/example.toml")).expect("the example");
    let sources = ["directory", "log", "login", "policy", "server", "site", "store", "throttle"];
    for source in sources {
        let path = format!("{}/src/config/{source}.rs", env!("CARGO_MANIFEST_DIR"));
        let code = fs::read_to_string(path).expect("source");
        for raw in code.split("struct Raw").skip(1).chain(code.split("pub struct AdPassword").skip(1)) {
            let fields =
                raw.split('}').next().unwrap_or_default().lines().filter_map(|l| l.trim().trim_start_matches("pub ").split_once(": "));
            for (field, _) in fields.filter(|(f, _)| f.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
                assert!(text.contains(field), "config/example.toml explains {field}");
            }
        }
    }
}
