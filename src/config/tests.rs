//! Tests of accepted and refused configurations, and of the messages.

mod files;
mod schools;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::*;
use crate::model::audit::signing::Signer;
use crate::model::identity::level::AssuranceLevel;

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

/// The least that is needed, and more.
pub(crate) fn load_text(more: &str) -> Result<Config, Problems> {
    Case::new().load(&format!("{MINIMAL}{more}"), &[])
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
    let closed = case.file("closed", "\u{feff}hemmelig \r\n", 0o640);
    let with =
        |file: &PathBuf| MINIMAL.replace("bind_password = \"hemmelig-tjeneste\"", &format!("bind_password_file = \"{}\"", file.display()));
    let told = case.load(&with(&open), &[]).expect_err("refused").to_string();
    assert!(told.contains("directory.bind_password_file") && told.contains("(mode 0644): chmod 640"), "{told}");
    let config = case.load(&with(&closed), &[]).expect("read");
    assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), "hemmelig");
    let told = case.load(&with(&case.dir.path().join("missing")), &[]).expect_err("refused").to_string();
    assert!(told.contains("can't be read"), "{told}");
}

#[test]
fn an_empty_password_of_the_service_account_is_refused() {
    let told = problems(&MINIMAL.replace("hemmelig-tjeneste", ""), &[]);
    assert!(told.contains("directory.bind_password"), "{told}");
}

#[test]
fn every_missing_key_is_named_at_once() {
    let told = problems(
        "[site]\nname = \"Prøve\"\ncontact = { en = \"Call\" }\n[directory]\ncontrollers = [{ name = \"dc1\" }, { port = 636 }]\n",
        &[],
    );
    for key in
        ["site.contact.da: missing", "server.listen: missing", "server.public_url: missing", "directory.controllers[1].name: missing"]
    {
        assert!(told.contains(key), "{key:?} in\n{told}");
    }
    let told = problems("[site]\n[directory]\n", &[]);
    for key in [
        "site.name",
        "site.contact",
        "directory.controllers",
        "directory.base_dn",
        "directory.bind_user",
        "directory.bind_password",
        "store.url",
    ] {
        assert!(told.contains(&format!("{key}: missing")), "{key:?} in\n{told}");
    }
}

#[test]
fn a_wrong_value_is_told_by_what_it_has_to_be() {
    let told = problems(
        &(MINIMAL.replace("127.0.0.1:0", "8080")
            + "pool_size = -1\n[log]\nformat = \"jsn\"\n[session]\nidle_minutes = \"ti\"\n[login]\nad_password = 5\n[policy.default]\ndigits = 1\n[rate_limit.name]\nattempts_before_delay = 1.5\n"),
        &[("OS2NYKODE__SITE", "Prøve")],
    );
    for line in [
        "site: has to be a section",
        "server.listen: invalid socket address",
        "directory.pool_size: has to be a whole number, 0 or more",
        "login.ad_password: has to be a section",
        "session.idle_minutes: has to be a whole number",
        "rate_limit.name.attempts_before_delay: has to be a whole number",
        "policy.default.digits: has to be true or false",
        "log.format: has to be `json` or `text`",
    ] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_the_only_problem_and_its_lines_are_not_told() {
    for line in [
        "bind_password = hemmelig",
        "bind_password = 'hemmelig",
        "bind_password = \"hem\\qhemmelig\"",
        "bind_password = \"a\"hemmelig",
        "bind_password = 12hemmelig",
        "hemmelig",
        "hemmelig = 1\nhemmelig = 2",
        "[hemmelig]\n[hemmelig]",
    ] {
        let told = problems(&format!("[directory]\n{line}\n"), &[]);
        assert!(told.lines().count() == 1 && told.contains("is not TOML") && !told.contains("hemmelig"), "{line}: {told}");
    }
    let told = load(&Case::new().dir.path().join("missing.toml"), std::iter::empty()).expect_err("refused").to_string();
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn a_value_is_never_told_however_it_is_quoted() {
    for value in [r#""a\"hemmelig""#, r#"", expected hemmelig""#, r"'`hemmelig'", "\"\"\"\n, expected \nhemmelig\"\"\"", "{ hemmelig = 1 }"]
    {
        for start in ["pool_size = ", "controllers = ", "[log]\nformat = ", "[session]\nidle_minutes = ", "[policy.default]\ndigits = "] {
            let text = MINIMAL.replace("controllers = [{ name = \"dc1.kommune.dk\" }]\n", "") + start + value + "\n";
            let told = problems(&text, &[]);
            let told = told.lines().filter(|line| !line.contains("unknown key"));
            assert!(
                told.clone().count() > 0 && told.clone().all(|line| !line.contains("hemmelig")),
                "{text}: {:?}",
                told.collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn a_partly_written_default_policy_keeps_the_rest_of_the_standard_and_a_group_demands_only_what_it_says() {
    let text = MINIMAL.to_owned() + "[policy.default]\nmax_length = 64\n[[policy.group]]\ngroup = \"Ledere\"\ndigits = true\n";
    let policy = Case::new().load(&text, &[]).expect("read").policy;
    let default = policy.default.policy();
    assert_eq!((default.min_length, default.max_length, default.no_names), (12, Some(64), true));
    let group = policy.groups[0].rules.policy();
    assert_eq!((group.min_length, group.no_names, group.digits), (0, false, true));
    let environment = [("OS2NYKODE__POLICY__DEFAULT__NO_NAMES", "false"), ("OS2NYKODE__POLICY__DEFAULT__MIN_LENGTH", "0")];
    let default = Case::new().load(MINIMAL, &environment).expect("read").policy.default.policy();
    assert_eq!((default.min_length, default.no_names), (0, false), "what is asked for is done");
}

#[test]
fn a_level_that_would_silence_the_log_is_refused() {
    for level in ["inof", "off", "", "info,ldap", "lots of"] {
        assert!(problems(MINIMAL, &[("OS2NYKODE__LOG__LEVEL", level)]).contains("log.level: "), "{level}");
    }
    for level in ["info", "WARN", "warn,os2nykode=debug", "info,ldap3=off"] {
        assert!(Case::new().load(MINIMAL, &[("OS2NYKODE__LOG__LEVEL", level)]).is_ok(), "{level}");
    }
}

#[test]
fn what_is_close_to_a_section_or_a_key_is_suggested() {
    let told = problems(&(MINIMAL.to_owned() + "bind_pasword_file = \"/x\"\n[sesion]\n[session]\nidle_minuts = 5\n[qwerty]\n"), &[]);
    for line in [
        "did you mean bind_password_file?",
        "sesion: unknown section; did you mean [session]?",
        "did you mean idle_minutes?",
        "qwerty: unknown section; there are",
    ] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
}

#[test]
fn a_proxy_that_is_everybody_is_refused() {
    for net in ["0.0.0.0/0", "::/0"] {
        assert!(problems(&MINIMAL.replace("127.0.0.1/32", net), &[]).contains("server.trusted_proxies: would trust"), "{net}");
    }
}

#[test]
fn the_public_url_is_an_origin_as_browsers_send_it() {
    let with = |url: &str| Case::new().load(&MINIMAL.replace("https://adgangskode.kommune.dk", url), &[]);
    for url in [
        "https://Host.dk",
        "https://host.dk:443",
        "https://:8443",
        "https://a\\nb",
        "https://host:x",
        "https://host:+1",
        "https://u@host",
        "http://host.dk",
        "https://host/",
    ] {
        assert!(with(url).is_err(), "{url}");
    }
    for url in ["https://host.dk", "https://host.dk:8443", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080"] {
        assert!(with(url).is_ok(), "{url}");
    }
}

#[test]
fn the_outcome_does_not_hang_on_the_order_of_the_environment() {
    let mut environment =
        [("OS2NYKODE__LOGIN__AD_PASSWORD__ENABLED", "false"), ("OS2NYKODE__LOGIN", "{ ad_password = { lockout_reserve = 5 } }")];
    for _ in 0..2 {
        environment.reverse();
        let login = Case::new().load(MINIMAL, &environment).expect("read").login.ad_password;
        assert_eq!((login.enabled, login.lockout_reserve), (false, 5));
    }
}

#[test]
fn text_that_looks_like_something_else_is_read_as_documented() {
    let environment = [
        ("OS2NYKODE__SITE__NAME", "2026-11-23"),
        ("OS2NYKODE__DIRECTORY__NETBIOS_DOMAIN", "\"4711\""),
        ("OS2NYKODE__DIRECTORY__BIND_USER", "1\nx = 2"),
    ];
    let config = Case::new().load(MINIMAL, &environment).expect("read");
    assert_eq!((config.site.name.as_str(), config.directory.netbios_domain.as_deref()), ("2026-11-23", Some("4711")));
    assert_eq!(config.directory.bind_user, "1\nx = 2");
}

proptest::proptest! {
    #[test]
    fn a_secret_from_the_environment_is_what_was_set_whatever_it_looks_like(password in "\\PC{1,40}") {
        let config = Case::new().load(MINIMAL, &[("OS2NYKODE__DIRECTORY__BIND_PASSWORD", &password)]).expect("read");
        proptest::prop_assert_eq!(secrecy::ExposeSecret::expose_secret(&config.directory.bind_password), &password);
    }

    #[test]
    fn no_environment_makes_it_panic(name in "[A-Z_]{0,24}", value in "\\PC{0,24}") {
        let _ = Case::new().load(MINIMAL, &[(&format!("OS2NYKODE__{name}"), &value)]);
    }
}

/// The example with every commented key switched on, and its files where this machine has them.
fn example(case: &Case) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/example.toml")).expect("the example");
    let secret = case.file("secret", SECRET, 0o600);
    let other = case.file("other", "hemmelig", 0o600);
    let cpr_key = case.file("audit-cpr.key", SECRET, 0o600);
    let hook_key = case.file("hook.key", SECRET, 0o600);
    let signing = Signer::generate(&ring::rand::SystemRandom::new()).expect("random");
    let signing = case.file("audit.key", &signing, 0o600);
    text.replace("/etc/os2nykode/audit.key", &signing.display().to_string())
        .replace("/etc/os2nykode/audit-cpr.key", &cpr_key.display().to_string())
        .replace("/etc/os2nykode/hook.key", &hook_key.display().to_string())
        .replace("/etc/os2nykode/secret", &secret.display().to_string())
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
            // alternatives of a key that is set already, and files that do not exist
            let skip = [
                "secret = ",
                "bind_password = ",
                "url_file",
                "logo_file",
                "ca_file",
                "tls = ",
                "forbidden_words_file",
                "allowed_characters",
                "metadata_file",
                "fixed_level",
                "password_file",
                "client_certificate_file",
                "client_key_file",
                "username",
                "token_file",
            ];
            match key {
                Some(rest) if !skip.iter().any(|s| rest.starts_with(s)) => format!("{rest}\n"),
                _ => format!("{line}\n"),
            }
        })
        .collect();
    let config = case.load(&uncommented, &[]).unwrap_or_else(|p| panic!("{p}\n{uncommented}"));
    assert_eq!(config.policy.groups.len(), 2);
    assert_eq!(config.directory.controllers.len(), 2);
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/example.toml")).expect("the example");
    let sources = [
        "audit",
        "audit/alerts",
        "audit/forward",
        "delegation/parents",
        "delegation/teachers",
        "directory",
        "identity/oidc",
        "identity/saml",
        "log",
        "login",
        "policy",
        "policy/leaked",
        "rate_limit",
        "registers/rest",
        "registers/service",
        "registers/sql",
        "reset",
        "server",
        "site",
        "store",
    ];
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

const SQL: &str = "[[registers.sql]]\nid = \"db\"\nurl = \"postgres://a:hemmelig@x.dk/y\"\nquery = \"SELECT konto FROM p WHERE cpr = $1\"\naccount_key = \"upn\"\n";
const REST: &str = "[[registers.rest]]\nid = \"idm\"\nurl = \"https://idm.dk/x\"\ntoken = \"hemmelig\"\naccount_key = \"account_name\"\n";

#[test]
fn what_can_not_be_right_of_a_register_is_told() {
    let case = Case::new();
    let open = case.file("open.key", "hemmelig", 0o644).display().to_string();
    let right = format!("{SQL}{REST}[parents]\nurl = \"https://familie.dk/x\"\n");
    let config = case.load(&format!("{MINIMAL}{right}"), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.registers.sql[0].verified && config.registers.sql[0].timeout.as_secs() == 3);
    let parents = config.parents.as_ref().expect("set");
    assert_eq!((parents.name_field.as_str(), parents.cpr_field.as_str(), parents.age_limit), ("name", "cpr", 18));
    assert_eq!(parents.service.asks, Asks::Json("cpr".to_owned()));
    assert!(!format!("{config:?}").contains("hemmelig"), "no secret is printed");
    let get = "url = \"https://idm.dk/{cpr}\"\nmethod = \"get\"\ncpr_in_address = true";
    let url = "url = \"https://idm.dk/x\"";
    for (what, with, told) in [
        ("id = \"db\"", "id = \"DB\"", "id: has to be 1 to 32"),
        ("id = \"db\"", "id = \"idm\"", "two sources have this id"),
        ("postgres://a:hemmelig@x.dk/y", "oracle://a:hemmelig@x.dk/y", "url: has to be postgres://"),
        ("cpr = $1", "cpr = ?", "query: has no $1"),
        ("account_key = \"upn\"", "", "account_key: missing"),
        ("account_key = \"upn\"", "account_key = \"upn\"\ntimeout_seconds = 0", "timeout_seconds: has to be"),
        ("account_key = \"upn\"", "account_key = \"mail\"", "has to be"),
        ("account_key = \"upn\"", "account_key = \"upn\"\nurl_file = \"/x\"", "url: given twice"),
        ("account_key = \"upn\"", "account_key = \"upn\"\nfield = \"x\"", "field: unknown key"),
        (url, "url = \"http://idm.dk/x\"", "url: has to begin with https://"),
        (url, "url = \"https://hemmelig@idm.dk/x\"", "url: has to begin with https://"),
        (url, "url = \"https://idm.dk/{cpr}\"", "url: can hold {cpr} only with"),
        (url, &get.replace("\ncpr_in_address = true", ""), "cpr_in_address: and method = \"get\" belong together"),
        (url, &get.replace("method = \"get\"\n", ""), "cpr_in_address: and method = \"get\" belong together"),
        (url, &get.replace("/{cpr}", "/x"), "url: has to hold {cpr} once"),
        (url, &get.replace("/{cpr}", "/{cpr}/{cpr}"), "url: has to hold {cpr} once"),
        (url, &get.replace("idm.dk/{cpr}", "{cpr}.dk/"), "url: has to hold {cpr} once"),
        (url, &format!("{get}\nbody = \"form\""), "cpr_parameter: and body are for POST only"),
        ("token = \"hemmelig\"", "token = \"hemmelig\"\nusername = \"x\"\npassword = \"y\"", "keep one"),
        ("token = \"hemmelig\"", "token = \"hemmelig æ\"", "token: holds a character"),
        ("token = \"hemmelig\"", "username = \"a:b\"\npassword = \"hemmelig\"", "username: can't hold a colon"),
        ("token = \"hemmelig\"", "username = \"a\"", "password: missing"),
        ("token = \"hemmelig\"", "password = \"hemmelig\"", "username: missing"),
        ("token = \"hemmelig\"", "client_key_file = \"/x\"", "belong together"),
        (
            "token = \"hemmelig\"",
            &format!("client_certificate_file = \"/x\"\nclient_key_file = \"{open}\""),
            "everybody on this machine has rights on it (mode ",
        ),
        ("token = \"hemmelig\"", "ca_file = \"/nowhere\"", "ca_file: /nowhere"),
        ("token = \"hemmelig\"", "accounts_at = \"/a~2\"", "accounts_at: is neither a member name"),
        ("token = \"hemmelig\"", "field = \"\"", "field: is neither a member name"),
        ("token = \"hemmelig\"", "not_found_statuses = [404, 401]", "not_found_statuses: can hold"),
        ("url = \"https://familie.dk/x\"", "url = \"https://familie.dk/x\"\nage_limit = 26", "parents.age_limit: has to be"),
        ("url = \"https://familie.dk/x\"", "url = \"https://familie.dk/x\"\nage_limt = 2", "did you mean age_limit?"),
        ("url = \"https://familie.dk/x\"", "url = \"https://familie.dk/x\"\nunits = [\"Skole\"]", "parents.units: \"Skole\" is not a DN"),
        ("url = \"https://familie.dk/x\"", "url = \"https://familie.dk/x\"\ngroups = [\" \"]", "parents: a name is empty"),
        ("url = \"https://familie.dk/x\"", "", "parents.url: missing"),
    ] {
        let text = right.replace(what, with);
        assert_ne!(text, right, "{with}");
        let problems = case.load(&format!("{MINIMAL}{text}"), &[]).expect_err(with).to_string();
        assert!(problems.contains(told) && !problems.contains("hemmelig"), "{with}: {problems}");
    }
}

#[test]
fn an_age_to_go_by_needs_somebody_who_tells_it() {
    let case = Case::new();
    let section = |keys: &str| format!("{MINIMAL}[delegation.must_change]\n{keys}\n");
    let family = "[parents]\nurl = \"https://familie.dk/x\"\n";
    for (keys, more, told) in [
        ("from_age = 13", "", "delegation.must_change.from_age: no source of an age"),
        ("from_age = 100\ncpr_attribute = \"x\"", "", "delegation.must_change.from_age: has to be 0 to 99"),
        ("from_age = -1", family, "delegation.must_change.from_age: has to be 0 to 99"),
        ("from_age = 13\ncpr_attribute = \"a)(b=*\"", "", "delegation.must_change.cpr_attribute: has to be the LDAP name"),
        ("cpr_attribute = \"employeeNumber\"", "", "delegation.must_change.cpr_attribute: is not used"),
        ("from_ages = 13", "", "did you mean from_age?"),
    ] {
        let problems = case.load(&format!("{}{more}", section(keys)), &[]).expect_err(keys).to_string();
        assert!(problems.contains(told), "{keys}: {problems}");
    }
    for (keys, more) in [("from_age = 0\ncpr_attribute = \"employeeNumber\"", ""), ("from_age = 99", family), ("default = false", "")] {
        case.load(&format!("{}{more}", section(keys)), &[]).unwrap_or_else(|problems| panic!("{keys}: {problems}"));
    }
}

#[test]
fn a_number_leads_to_accounts_by_an_attribute_or_by_a_register() {
    let case = Case::new();
    let provider = "[[oidc.provider]]\nid = \"mitid\"\nmitid = true\nissuer = \"https://broker.dk/op\"\nclient_id = \"x\"\nclient_secret = \"s\"\nfixed_level = \"low\"\n\
                    match = { by = \"cpr\", from = \"dk.cpr\" }\n";
    let told = case.load(&format!("{MINIMAL}{provider}"), &[]).expect_err("nothing leads on").to_string();
    assert!(told.contains("provider \"mitid\".match.ad_attribute: missing") && told.contains("[registers]"), "{told}");
    let config = case.load(&format!("{MINIMAL}{provider}{SQL}"), &[]).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.oidc.providers[0].common.match_attribute, None);
    let unilogin = provider.replace("\"cpr\"", "\"unilogin_id\"");
    let told = case.load(&format!("{MINIMAL}{unilogin}{SQL}"), &[]).expect_err("a register knows CPR numbers only").to_string();
    assert!(told.contains("match.ad_attribute: has to be"), "{told}");
}

/// A configuration with this section, and with its secret files.
fn with_section(case: &Case, section: &str) -> Result<Config, Problems> {
    let text = section.lines().map(|line| match line.split_once("client_secret_file = \"") {
        Some((start, rest)) => {
            let file = case.file("client-secret", "hemmelig", 0o600);
            format!("{start}client_secret_file = \"{}\"{}\n", file.display(), rest.split_once('"').map_or("", |(_, rest)| rest))
        }
        None => format!("{line}\n"),
    });
    case.load(&format!("{MINIMAL}\n{}", text.collect::<String>()), &[])
}

/// The configuration with a section of config/providers.
pub(crate) fn preset(name: &str) -> Config {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/providers").join(name).with_extension("toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    with_section(&Case::new(), &text).unwrap_or_else(|problems| panic!("{name}: {problems}"))
}

#[test]
fn every_preset_can_be_pasted() {
    let case = Case::new();
    let presets = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/providers")).expect("presets");
    let mut count = 0;
    for preset in presets {
        let path = preset.expect("a file").path();
        let config = with_section(&case, &fs::read_to_string(&path).expect("text")).unwrap_or_else(|p| panic!("{}: {p}", path.display()));
        match (config.oidc.providers.as_slice(), config.saml.providers.as_slice()) {
            ([provider], []) => {
                assert!(provider.prompt_login && provider.require_auth_time, "{}: a fresh login", path.display());
                if provider.common.mitid {
                    assert_eq!(
                        (provider.common.button.da.as_str(), provider.minimum_level),
                        ("Log ind med MitID", AssuranceLevel::Substantial)
                    );
                }
            }
            ([], [provider]) => assert!(provider.force_authn, "{}: a fresh login", path.display()),
            other => panic!("{}: one provider, not {other:?}", path.display()),
        }
        let page = path.file_stem().and_then(|name| name.to_str()).expect("a name").trim_end_matches("-saml").to_owned() + ".md";
        assert!(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/providers").join(&page).is_file(), "{page}");
        count += 1;
    }
    assert_eq!(count, 12);
}

#[test]
fn what_can_not_be_right_of_an_openid_provider_is_told() {
    let case = Case::new();
    let right = "[[oidc.provider]]\nid = \"mitid\"\nmitid = true\nissuer = \"https://broker.dk/op\"\nclient_id = \"x\"\nclient_secret = \"s\"\nfixed_level = \"low\"\n\
                 match = { by = \"cpr\", from = \"dk.cpr\", in = \"userinfo\", ad_attribute = \"employeeNumber\" }\n";
    let config = with_section(&case, right).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.oidc.providers[0].asks_userinfo() && !config.oidc.providers[0].needs_keys());
    for (what, with, told) in [
        ("issuer = \"https://broker.dk/op\"", "issuer = \"http://broker.dk/op\"", "issuer: has to begin with https://"),
        ("issuer = \"https://broker.dk/op\"", "issuer = \"https://127.0.0.1@evil.dk\"", "issuer: has to begin with https://"),
        ("issuer = \"https://broker.dk/op\"", "issuer = \"https://broker.dk/?x\"", "issuer: has to begin with https://"),
        ("client_id = \"x\"", "client_id = \"\"", "client_id: is empty"),
        ("client_secret = \"s\"\n", "", "client_secret: missing"),
        ("client_secret = \"s\"", "client_auth = \"private_key_jwt\"", "oidc.keys_dir: missing"),
        ("client_secret = \"s\"", "client_secret = \"s\"\nclient_auth = \"private_key_jwt\"", "client_secret: is not used"),
        ("client_secret = \"s\"", "client_secret = \"s\"\nassertion_algorithm = \"PS256\"", "private_key_jwt"),
        ("client_secret = \"s\"", "client_secret = \"s\"\nscopes = [\"ssn\"]", "scopes: has to hold \"openid\""),
        ("client_secret = \"s\"", "client_secret = \"s\"\nalgorithms = []", "algorithms: is empty"),
        ("client_secret = \"s\"", "client_secret = \"s\"\nalgorithms = [\"HS256\"]", "has to be"),
        (
            "client_secret = \"s\"",
            "client_secret = \"s\"\nparameters = { redirect_uri = \"https://evil.dk\" }",
            "is set by the service itself",
        ),
        ("client_secret = \"s\"", "client_secret = \"s\"\nencrypted_id_token = true", "oidc.keys_dir: missing"),
        ("fixed_level = \"low\"\n", "", "needs fixed_level or"),
        ("fixed_level = \"low\"", "fixed_level = \"low\"\nminimum_level = \"high\"", "minimum_level: is above every level"),
        ("mitid = true", "mitid = true\nbutton = { da = \"MitID login\" }", "the text of MitID's button is fixed"),
        ("mitid = true\n", "", "button: missing"),
        ("from = \"dk.cpr\"", "from = \"/a~2b\"", "is neither a claim name"),
        ("ad_attribute = \"employeeNumber\"", "ad_attribute = \"a)(b=*\"", "match.ad_attribute"),
        ("[[oidc.provider]]", "[oidc]\nrefresh_hours = 0\n[[oidc.provider]]", "oidc.refresh_hours: has to be"),
    ] {
        let text = right.replace(what, with);
        assert_ne!(text, right, "{with}");
        let problems = with_section(&case, &text).expect_err(with).to_string();
        assert!(problems.contains(told), "{with}: {problems}");
    }
    let twice = format!(
        "{right}[saml]\nkeys_dir = \"/x\"\n[[saml.provider]]\nid = \"mitid\"\nmitid = true\nmetadata_file = \"/x\"\nmatch = {{ by = \"upn\", from = \"NameID\" }}\n"
    );
    assert!(with_section(&case, &twice).expect_err("two of one name").to_string().contains("two providers have this id"));
    let named =
        format!("{right}[reset]\nproviders = [\"mitid\"]\n[[reset.group]]\ngroup = \"x\"\nlevel = \"low\"\nproviders = [\"other\"]\n");
    let told = with_section(&case, &named).expect_err("another").to_string();
    assert!(told.contains("there is no provider \"other\"") && !told.contains("\"mitid\""), "{told}");
    assert!(!format!("{:?}", config.oidc).contains("\"s\""), "no secret is printed");
}
