//! Writes config.toml from the original's settings. A line that the operator has to complete ends with "yours".

use std::{fmt::Write, net::IpAddr};

use toml::Value;

use super::{
    keys::RULES,
    settings::{Settings, is_reference},
};

/// Shortest password by default here: no imported rule is weaker.
pub(super) const LEAST: u32 = 12;
pub(super) const BIND_PASSWORD: &str = "bind-password";

/// One controller of `ldap.url`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ImportedController {
    /// `None`: the file has an IP address only.
    pub name: Option<String>,
    pub address: Option<IpAddr>,
    /// A port other than LDAPS' own.
    pub port: Option<u16>,
}

/// The controllers of a JNDI address: `ldaps://dc1.kommune.dk:636 ldaps://dc2.kommune.dk`.
pub(super) fn controllers(url: &str) -> Vec<ImportedController> {
    let each = url.split([' ', ',']).filter(|part| !part.is_empty());
    each.map(|part| {
        let authority = part.split_once("://").map_or(part, |(_, rest)| rest).split('/').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, port.parse().ok()),
            Some(_) | None => (authority, None),
        };
        let address = host.trim_matches(['[', ']']).parse().ok();
        let name = address.is_none().then(|| host.to_owned()).filter(|host| !host.is_empty());
        ImportedController { name, address, port: port.filter(|port| ![636, 389, 0].contains(port)) }
    })
    .collect()
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// The value of a key, without references to somewhere else.
fn taken<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.value(key).filter(|value| !is_reference(value))
}

pub(super) fn config(settings: &Settings) -> String {
    let mut text = String::from("# Made by `os2nykode config import`. config/example.toml explains every key.\n\n");
    text += "[site]\nname = \"Kommune\" # yours\ncontact = { da = \"Servicedesk\", en = \"Service desk\" } # yours\n\n";
    text += "[server]\nlisten = \"127.0.0.1:8080\"\ntrusted_proxies = [\"127.0.0.1/32\"]\nsecret_file = \"/etc/os2nykode/secret\" # os2nykode config secret\n";
    let url = taken(settings, "saml.baseUrl").filter(|url| url.starts_with("https://")).map(|url| url.trim_end_matches('/'));
    line(&mut text, "public_url", url, "https://adgangskode.kommune.dk");
    text += "\n[store]\nurl = \"sqlite:///var/lib/os2nykode/os2nykode.db\"\n\n[directory]\n";
    directory(&mut text, settings);
    text += "\n[policy.default]\n";
    rules(&mut text, settings, "password.defaultPolicy");
    for index in settings.policies() {
        let start = format!("password.policies[{index}]");
        match taken(settings, &format!("{start}.groupName")) {
            Some(group) => _ = writeln!(text, "\n[[policy.group]]\ngroup = {}", quoted(group)),
            None => continue,
        }
        rules(&mut text, settings, &start);
    }
    delegation(&mut text, settings);
    provider(&mut text, settings);
    registers(&mut text, settings);
    text
}

fn line(text: &mut String, key: &str, value: Option<&str>, example: &str) {
    let _ = match value {
        Some(value) => writeln!(text, "{key} = {}", quoted(value)),
        None => writeln!(text, "#{key} = {} # yours", quoted(example)),
    };
}

fn directory(text: &mut String, settings: &Settings) {
    let all = taken(settings, "ldap.url").map(controllers).unwrap_or_default();
    let usable = !all.is_empty() && all.iter().all(|controller| controller.name.is_some());
    let tables: Vec<String> = all
        .iter()
        .map(|controller| {
            let mut table = format!("name = {}", quoted(controller.name.as_deref().unwrap_or("dc1.kommune.dk")));
            if let Some(address) = controller.address {
                let _ = write!(table, ", address = \"{address}\"");
            }
            if let Some(port) = controller.port {
                let _ = write!(table, ", port = {port}");
            }
            format!("{{ {table} }}")
        })
        .collect();
    let mark = if usable { ("", "") } else { ("#", " # yours") };
    let tables = if tables.is_empty() { "{ name = \"dc1.kommune.dk\" }".to_owned() } else { tables.join(", ") };
    let _ = writeln!(text, "{}controllers = [{tables}]{}", mark.0, mark.1);
    line(text, "base_dn", taken(settings, "ldap.base"), "DC=kommune,DC=dk");
    *text += "#search_bases = [\"OU=Ansatte,DC=kommune,DC=dk\"] # yours\n";
    line(text, "bind_user", taken(settings, "ldap.username"), "svc-nykode@kommune.dk");
    let _ = writeln!(text, "bind_password_file = \"/etc/os2nykode/{BIND_PASSWORD}\"");
    *text += "#ca_file = \"/etc/os2nykode/ca.pem\" # yours, unless the system trusts the controllers' CA\n";
}

fn rules(text: &mut String, settings: &Settings, start: &str) {
    for (original, key) in RULES {
        let Some(value) = taken(settings, &format!("{start}.{original}")) else { continue };
        let _ = match value.parse::<u32>() {
            Ok(length) if key.ends_with("_length") && length >= LEAST => writeln!(text, "{key} = {length}"),
            Err(_) if !key.ends_with("_length") && value.eq_ignore_ascii_case("true") => writeln!(text, "{key} = true"),
            Ok(_) | Err(_) => Ok(()),
        };
    }
}

fn delegation(text: &mut String, settings: &Settings) {
    let group = |key: &str| taken(settings, &format!("ldap.groups.{key}"));
    let _ = writeln!(text, "\n[delegation]");
    for (key, original) in [("blocked_groups", "cannotChangePwd"), ("excluded_groups", "cannotBeChangedPwdOn")] {
        if let Some(value) = group(original) {
            let _ = writeln!(text, "{key} = [{}]", quoted(value));
        }
    }
    if let Some(unit) = group("pwdCirclesOU") {
        let _ = writeln!(text, "\n[delegation.circles]\nou = {}", quoted(&whole(unit, taken(settings, "ldap.base"))));
        for (key, original) in [("admins", "canChangeOthersPwd"), ("master_admins", "masterPwdAdmins")] {
            if let Some(value) = group(original) {
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        }
    }
}

/// The unit's whole DN: the original accepts it with and without the base.
fn whole(unit: &str, base: Option<&str>) -> String {
    let plain = |dn: &str| dn.replace(' ', "").to_lowercase();
    match base {
        Some(base) if !plain(unit).ends_with(&plain(base)) && !plain(unit).contains("dc=") => format!("{unit},{base}"),
        Some(_) | None => unit.to_owned(),
    }
}

fn provider(text: &mut String, settings: &Settings) {
    let Some(url) = taken(settings, "saml.metadata.idp.url").filter(|_| settings.is_true("login.enable.idp")) else { return };
    let mark = if url.starts_with("https://") { "" } else { "#" };
    let _ = write!(text, "\n# os2nykode saml keygen makes the keys. AD FS has no NSIS level: see config/providers/ad-fs.toml\n");
    let _ = writeln!(text, "{mark}[saml]\n{mark}keys_dir = \"/etc/os2nykode/saml\"\n{mark}cache_dir = \"/var/lib/os2nykode/metadata\"");
    let _ = writeln!(text, "\n{mark}[[saml.provider]]\n{mark}id = \"ad-fs\"\n{mark}metadata_url = {}", quoted(url));
    if let Some(id) = taken(settings, "saml.metadata.idp.entityid") {
        let _ = writeln!(text, "{mark}entity_id = {}", quoted(id));
    }
    let _ = writeln!(text, "{mark}button = {{ da = \"Log ind med arbejdslogin\", en = \"Log in with work login\" }}");
    let _ = writeln!(text, "{mark}match = {{ by = \"account_name\", from = \"NameID\" }}\n{mark}fixed_level = \"low\"");
}

/// Sections that the operator completes: a guess might give accounts to the wrong person.
fn registers(text: &mut String, settings: &Settings) {
    if let Some(query) = taken(settings, "sql.query.getSAMAccountNames") {
        *text += "\n# The account has to be the query's first column. The URL with its password is a file.\n";
        let _ = writeln!(
            text,
            "#[[registers.sql]]\n#id = \"cpr\"\n#url_file = \"/etc/os2nykode/cpr-url\" # mysql://user:password@host/database"
        );
        let _ = writeln!(text, "#query = {} # yours\n#cpr_format = \"digits\"\n#account_key = \"account_name\"", quoted(query));
    }
    if let Some(url) = taken(settings, "rest.sAMAccountNameLookupUrl").or_else(|| taken(settings, "rest.ssnLookupUrl")) {
        let _ = writeln!(
            text,
            "\n#[[registers.rest]]\n#id = \"cpr\"\n#url = {} # yours\n#method = \"get\"",
            quoted(&url.replace("{SSN}", "{cpr}"))
        );
        *text += "#cpr_in_address = true # better: method = \"post\"\n#cpr_format = \"digits\"\n#accounts_at = \"accounts\"\n#account_key = \"account_name\"\n";
    }
    if let Some(url) = taken(settings, "omfamilie.url") {
        let _ = writeln!(text, "\n#[parents]\n#url = {} # yours: https, or http on loopback", quoted(&format!("{url}?cpr={{cpr}}")));
        *text += "#method = \"get\"\n#cpr_in_address = true\n#cpr_format = \"digits\"\n#name_field = \"name\"\n#cpr_field = \"cpr\"\n";
        *text += "#groups = [\"Elever\"] # yours\n";
    }
}
