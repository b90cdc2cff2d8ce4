//! The original's keys, and what becomes of each.

use super::{
    Fate, ImportLine,
    render::{LEAST, controllers},
    settings::{Setting, Settings, is_reference, policy},
};

pub(super) const UNKNOWN: &str = "unknown key: not one of the original's";

const NEMID: &str = "NemID has ended: MitID by a broker; paste a section of config/providers (docs/providers/README.md)";
const SMS: &str = "no SMS is sent; a web hook ([[audit.forward]] kind = \"hook\") informs another system";
const FAMILY: &str = "of the container omfamilie, which stays in use behind [parents] if it is reachable by https or on loopback";
const OLD_DATABASE: &str = "the database is SQLite, or PostgreSQL by store.url; keep the old log as long as your retention rules demand";
const TLS: &str = "server.tls takes PEM: openssl pkcs12 -in FILE.pfx -nodes; or let a proxy end TLS (packaging/proxies)";
const OLD_KEY: &str = "`os2nykode saml keygen` makes new keys; give AD FS the metadata of /saml/metadata again";
const SQL: &str = "[[registers.sql]] in config.toml is commented out: complete url_file and query (the account in the first column)";
const REST: &str = "[[registers.rest]] in config.toml is commented out: complete it (docs/registers.md)";
const FORWARD_ONLY: &str = "only the accounts of a CPR number are looked up, never the reverse";

/// Key, fate and text for a value that is set.
const KEYS: [(&str, Fate, &str); 68] = [
    ("server.port", Fate::ReplacedBy, "server.listen"),
    ("server.ssl.key-store", Fate::NeedsYou, TLS),
    ("server.ssl.key-store-password", Fate::NeedsYou, TLS),
    ("server.ssl.key-password", Fate::NeedsYou, TLS),
    ("server.ssl.key-store-type", Fate::NeedsYou, TLS),
    ("spring.datasource.driver-class-name", Fate::Dropped, OLD_DATABASE),
    ("spring.datasource.url", Fate::ReplacedBy, OLD_DATABASE),
    ("spring.datasource.username", Fate::Dropped, OLD_DATABASE),
    ("spring.datasource.password", Fate::Dropped, OLD_DATABASE),
    ("spring.datasource.hikari.minimum-idle", Fate::Dropped, OLD_DATABASE),
    ("spring.datasource.hikari.maximum-pool-size", Fate::Dropped, OLD_DATABASE),
    ("spring.thymeleaf.cache", Fate::Dropped, "of the original's programming framework"),
    ("spring.messages.cache-duration", Fate::Dropped, "of the original's programming framework"),
    ("ldap.url", Fate::TakenOver, "directory.controllers; add the other controllers, the PDC emulator among them"),
    ("ldap.base", Fate::TakenOver, "directory.base_dn; set directory.search_bases to the OUs with people"),
    ("ldap.username", Fate::TakenOver, "directory.bind_user; docs/operations.md lists the few rights that it needs: reduce them"),
    ("ldap.password", Fate::TakenOver, "the file of directory.bind_password_file (with --into; otherwise write it yourself)"),
    ("ldap.cert.trustall", Fate::NeedsYou, "certificates are always verified: put the CA's certificate into directory.ca_file"),
    ("ldap.field.ssn", Fate::ReplacedBy, "match.ad_attribute of the MitID provider's section, and delegation.must_change.cpr_attribute"),
    ("ldap.field.mobile", Fate::Dropped, SMS),
    ("ldap.groups.pwdCirclesOU", Fate::TakenOver, "delegation.circles.ou"),
    ("ldap.groups.canChangeOthersPwd", Fate::TakenOver, "delegation.circles.admins"),
    ("ldap.groups.masterPwdAdmins", Fate::TakenOver, "delegation.circles.master_admins"),
    ("ldap.groups.cannotBeChangedPwdOn", Fate::TakenOver, "delegation.excluded_groups"),
    ("ldap.groups.cannotChangePwd", Fate::TakenOver, "delegation.blocked_groups; applies to children too"),
    ("omfamilie.url", Fate::NeedsYou, "[parents] in config.toml is commented out: complete it (docs/registers.md)"),
    ("OmFamilieService:certPath", Fate::Dropped, FAMILY),
    ("OmFamilieService:certPassword", Fate::Dropped, FAMILY),
    ("ServiceAgreement:uuid", Fate::Dropped, FAMILY),
    ("ServiceAgreement:userUuid", Fate::Dropped, FAMILY),
    ("ServiceAgreement:systemUuid", Fate::Dropped, FAMILY),
    ("sms.url", Fate::Dropped, SMS),
    ("sms.gateway.url", Fate::Dropped, SMS),
    ("sms.message", Fate::Dropped, SMS),
    ("type", Fate::Dropped, SMS),
    ("username", Fate::Dropped, SMS),
    ("password", Fate::Dropped, SMS),
    ("MYSQL_RANDOM_ROOT_PASSWORD", Fate::Dropped, OLD_DATABASE),
    ("MYSQL_ROOT_PASSWORD", Fate::Dropped, OLD_DATABASE),
    ("MYSQL_PASSWORD", Fate::Dropped, OLD_DATABASE),
    ("MYSQL_USER", Fate::Dropped, OLD_DATABASE),
    ("MYSQL_DATABASE", Fate::Dropped, OLD_DATABASE),
    ("login.enable.nemid", Fate::ReplacedBy, NEMID),
    ("login.enable.unilogin", Fate::ReplacedBy, "config/providers/unilogin.toml (OpenID Connect) or unilogin-saml.toml"),
    ("login.enable.idp", Fate::ReplacedBy, "login with the AD password ([login.ad_password], on), and the provider ad-fs below"),
    ("saml.baseUrl", Fate::TakenOver, "server.public_url"),
    ("saml.keystore.location", Fate::ReplacedBy, OLD_KEY),
    ("saml.keystore.password", Fate::Dropped, OLD_KEY),
    ("saml.metadata.idp.url", Fate::TakenOver, "metadata_url of [[saml.provider]] ad-fs; its level is low, so it resets no passwords"),
    ("saml.metadata.idp.entityid", Fate::TakenOver, "entity_id of [[saml.provider]] ad-fs"),
    ("saml.metadata.unilogin.url", Fate::ReplacedBy, "config/providers/unilogin.toml: the address of 2020 has closed"),
    ("saml.metadata.unilogin.entityid", Fate::ReplacedBy, "config/providers/unilogin.toml: the address of 2020 has closed"),
    (
        "ssn.lookup.method",
        Fate::ReplacedBy,
        "the attribute of match.ad_attribute, [[registers.sql]] or [[registers.rest]], or several of them",
    ),
    ("sql.connection.url", Fate::NeedsYou, SQL),
    ("sql.connection.username", Fate::NeedsYou, SQL),
    ("sql.connection.password", Fate::NeedsYou, SQL),
    ("sql.query.getSAMAccountNames", Fate::NeedsYou, SQL),
    ("sql.query.getSsn", Fate::Dropped, FORWARD_ONLY),
    ("rest.username", Fate::NeedsYou, REST),
    ("rest.password", Fate::NeedsYou, REST),
    ("rest.sAMAccountNameLookupUrl", Fate::NeedsYou, REST),
    ("rest.ssnLookupUrl", Fate::Dropped, FORWARD_ONLY),
    ("oces2.environment", Fate::ReplacedBy, NEMID),
    ("nemid.serviceprovider.logonto", Fate::ReplacedBy, NEMID),
    ("pid.serviceproviderid", Fate::ReplacedBy, NEMID),
    ("pid.url", Fate::ReplacedBy, NEMID),
    ("pid.keystore.location", Fate::ReplacedBy, NEMID),
    ("pid.keystore.password", Fate::Dropped, NEMID),
];

/// The original's names of rules, and the keys here.
pub(super) const RULES: [(&str, &str); 6] = [
    ("minlength", "min_length"),
    ("maxlength", "max_length"),
    ("upperandlowercaserequired", "upper_and_lower"),
    ("specialcharactersrequired", "special"),
    ("lettersrequired", "letters"),
    ("digitsrequired", "digits"),
];

/// Beginnings of keys of the original's libraries.
const LIBRARIES: [(&str, Fate, &str); 3] = [
    ("nemid", Fate::ReplacedBy, NEMID),
    ("saml", Fate::Dropped, "of the original's SAML library; docs/saml.md has the settings here"),
    ("spring", Fate::Dropped, "of the original's programming framework"),
];

pub(super) fn fate_of(setting: &Setting, settings: &Settings) -> ImportLine {
    let (fate, text) = judged(setting, settings);
    ImportLine { key: setting.key.clone(), fate, text }
}

fn judged(setting: &Setting, settings: &Settings) -> (Fate, String) {
    let (value, name) = (setting.value.as_str(), setting.name.as_str());
    let rule = policy(name).map(|(index, rule)| (Some(index), rule)).or_else(|| Some((None, name.strip_prefix("passworddefaultpolicy")?)));
    let known = KEYS.iter().find(|(key, _, _)| super::settings::name(key) == name).map(|(_, fate, text)| (*fate, *text));
    let found = known.or_else(|| LIBRARIES.iter().find(|(start, _, _)| name.starts_with(start)).map(|(_, fate, text)| (*fate, *text)));
    match (rule, found) {
        (None, None) => (Fate::NeedsYou, UNKNOWN.to_owned()),
        (Some(_), None | Some(_)) | (None, Some(_)) if value.is_empty() => (Fate::Dropped, "empty".to_owned()),
        (None, Some((Fate::TakenOver, text))) if is_reference(value) => {
            (Fate::NeedsYou, format!("Docker Compose takes it from {value}: set it yourself; {text}"))
        }
        (Some(_), None | Some(_)) if is_reference(value) => {
            (Fate::NeedsYou, format!("Docker Compose takes it from {value}: set it yourself"))
        }
        (Some((Some(index), _)), None | Some(_)) if !has_group(index, settings) => {
            (Fate::NeedsYou, format!("left out: password.policies[{index}] has no groupName"))
        }
        (Some((index, rule)), _) => policy_rule(index, rule, value),
        (None, Some((fate, text))) => special(name, value, settings).unwrap_or_else(|| (fate, text.to_owned())),
    }
}

/// Whether a policy has a group to apply to.
fn has_group(index: u32, settings: &Settings) -> bool {
    settings.value(&format!("password.policies[{index}].groupName")).is_some_and(|group| !is_reference(group))
}

/// Keys whose value decides.
fn special(name: &str, value: &str, settings: &Settings) -> Option<(Fate, String)> {
    let off = name.starts_with("loginenable") && !value.eq_ignore_ascii_case("true");
    let (ldap, metadata) = (name == "ldapurl", name == "samlmetadataidpurl" || name == "samlmetadataidpentityid");
    if off && name == "loginenableidp" {
        return Some((
            Fate::NeedsYou,
            "off; the login with the AD password is on here: set login.ad_password.enabled = false to keep it off".to_owned(),
        ));
    }
    if off {
        return Some((Fate::Dropped, "off in the original".to_owned()));
    }
    if metadata && !settings.is_true("login.enable.idp") {
        return Some((Fate::Dropped, "login.enable.idp is off".to_owned()));
    }
    let admins = name == "ldapgroupscanchangeotherspwd" || name == "ldapgroupsmasterpwdadmins";
    if admins && settings.value("ldap.groups.pwdCirclesOU").is_none_or(is_reference) {
        return Some((Fate::NeedsYou, "left out: ldap.groups.pwdCirclesOU is not set; see [delegation.circles]".to_owned()));
    }
    if name == "samlbaseurl" && !value.starts_with("https://") {
        return Some((Fate::NeedsYou, "server.public_url has to begin with https://".to_owned()));
    }
    if name == "samlmetadataidpurl" && !value.starts_with("https://") {
        return Some((Fate::NeedsYou, "metadata_url has to begin with https://, or use metadata_file".to_owned()));
    }
    if name == "ldapcerttrustall" && !value.eq_ignore_ascii_case("true") {
        return Some((Fate::Dropped, "certificates are always verified".to_owned()));
    }
    let unusable = ldap && controllers(value).iter().any(|controller| controller.name.is_none());
    unusable.then(|| (Fate::NeedsYou, "directory.controllers: an IP address needs the name on the controller's certificate".to_owned()))
}

fn policy_rule(index: Option<u32>, rule: &str, value: &str) -> (Fate, String) {
    let section = index.map_or_else(|| "[policy.default]".to_owned(), |index| format!("[[policy.group]] number {}", index + 1));
    if index.is_some() && rule == "groupname" {
        return (Fate::TakenOver, format!("{section}: group; its rules add to the default's, the strictest applies"));
    }
    let Some((_, key)) = RULES.iter().find(|(original, _)| *original == rule) else {
        return (Fate::NeedsYou, UNKNOWN.to_owned());
    };
    match (*key, value.parse::<u32>()) {
        ("min_length", Ok(length)) if length < LEAST => (
            Fate::NeedsYou,
            format!("{section}: below the default of {LEAST}, which stays; for pupils see docs/passwords.md (min_guesses of a group)"),
        ),
        ("max_length", Ok(length)) if length < LEAST => {
            (Fate::NeedsYou, format!("{section}: a limit below {LEAST} makes every password easy to guess, and is left out"))
        }
        ("min_length" | "max_length", Err(_)) => (Fate::NeedsYou, format!("{section}: {key} has to be a number")),
        ("min_length" | "max_length", Ok(_)) => (Fate::TakenOver, format!("{section}: {key}")),
        (_, Ok(_) | Err(_)) if !["true", "false"].contains(&value.to_ascii_lowercase().as_str()) => {
            (Fate::NeedsYou, format!("{section}: {key} has to be true or false"))
        }
        (_, Ok(_) | Err(_)) => (Fate::TakenOver, format!("{section}: {key}")),
    }
}
