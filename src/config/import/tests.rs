//! The translation of whole files, and the fate of single settings.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::config::load;

const COMPOSE: &str = r#"
version: "2.1"
services:
  mysql:
    image: mysql:5.6
    environment:
      MYSQL_PASSWORD: "hemmelig-mysql"
      MYSQL_DATABASE: "os2nykode"
  smsgateway:
    environment:
      type: "Computopic"
      username: "KommuneIT"
      password: "hemmelig-sms"
  os2nykode:
    image: os2nykode/os2nykode:2020-02-28
    ports:
      - 9500:9500
    environment:
      spring.datasource.url: "jdbc:mysql://mysql/os2nykode"
      spring.datasource.password: "hemmelig-database"
      ldap.url: "ldaps://dc01.kommune.dk ldaps://dc02.kommune.dk:3269"
      ldap.base: "dc=kommune,dc=dk "
      ldap.username: "pwdadmin@kommune.dk"
      ldap.password: "hemmelig-ad"
      ldap.cert.trustall: "true"
      ldap.field.ssn: "employeeID"
      ldap.groups.pwdCirclesOU: "ou=pwdgrupper"
      ldap.groups.cannotChangePwd: "cn=NoChangePwd,ou=grupper,dc=kommune,dc=dk"
      ldap.groups.cannotBeChangedPwdOn: "CN=PwdDisabled,ou=grupper,dc=kommune,DC=dk"
      ldap.groups.canChangeOthersPwd: "cn=PwdAdmins,ou=grupper,dc=kommune,dc=dk"
      ldap.groups.masterPwdAdmins: ""
      omfamilie.url: "http://omfamilie:5000/api/CPRLookup"
      sms.gateway.url: "http://smsgateway:5000/"
      login.enable.nemid: "true"
      login.enable.unilogin: "false"
      login.enable.idp: "true"
      saml.baseUrl: "https://skiftkode.kommune.dk/"
      saml.keystore.password: "hemmelig-saml"
      saml.metadata.idp.url: "https://adfs.kommune.dk/FederationMetadata/2007-06/FederationMetadata.xml"
      saml.metadata.idp.entityid: "http://adfs.kommune.dk/adfs/services/trust"
      password.defaultPolicy.minLength: "4"
      password.defaultPolicy.maxLength: "64"
      password.defaultPolicy.lettersRequired: "true"
      password.defaultPolicy.digitsRequired: "false"
      password.policies[0].groupName: " cn=politik1,ou=groups,dc=kommune,dc=dk "
      password.policies[0].minLength: "14"
      password.policies[0].maxLength: "8"
      password.policies[0].specialCharactersRequired: "true"
      nogetAndet: "1"
"#;

#[test]
fn a_compose_file_becomes_a_configuration_that_loads() {
    let imported = import(COMPOSE).expect("known settings");
    let dir = tempfile::tempdir().expect("a folder");
    let private = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("mode");
        file
    };
    let [password] = imported.secrets.as_slice() else { panic!("one secret") };
    private(password.file, secrecy::ExposeSecret::expose_secret(&password.value));
    private("secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let file = private("config.toml", &imported.config.replace("/etc/os2nykode", &dir.path().display().to_string()));
    let config = load(&file, std::iter::empty()).unwrap_or_else(|problems| panic!("{problems}\n{}", imported.config));
    assert_eq!(config.server.public_url, "https://skiftkode.kommune.dk");
    let controllers: Vec<_> = config.directory.controllers.iter().map(|one| (one.name.as_str(), one.port)).collect();
    assert_eq!(controllers, [("dc01.kommune.dk", None), ("dc02.kommune.dk", Some(3269))]);
    let lower = |dn: &str| dn.to_lowercase(); // the case of a DN has no meaning
    assert_eq!(
        (lower(&config.directory.base_dn).as_str(), config.directory.bind_user.as_str()),
        ("dc=kommune,dc=dk", "pwdadmin@kommune.dk")
    );
    let groups = |groups: &[String]| groups.iter().map(|group| lower(group)).collect::<Vec<_>>();
    assert_eq!(groups(&config.delegation.blocked_groups), ["cn=nochangepwd,ou=grupper,dc=kommune,dc=dk"]);
    assert_eq!(groups(&config.delegation.excluded_groups), ["cn=pwddisabled,ou=grupper,dc=kommune,dc=dk"]);
    let circles = config.delegation.circles.expect("circles");
    assert_eq!(
        (lower(&circles.ou), lower(&circles.admins)),
        ("ou=pwdgrupper,dc=kommune,dc=dk".into(), "cn=pwdadmins,ou=grupper,dc=kommune,dc=dk".into())
    );
    assert_eq!(config.policy.groups.len(), 1);
    let (everyone, member) = (config.policy.of_member([]), config.policy.of_member(&config.policy.groups));
    assert_eq!((everyone.min_length, everyone.letters, everyone.digits, everyone.special), (12, true, false, false));
    assert_eq!((member.min_length, member.max_length, member.special), (14, Some(64), true));
    assert_eq!(config.saml.providers.len(), 1);
}

#[test]
fn no_secret_is_in_the_configuration_or_in_the_report() {
    let imported = import(COMPOSE).expect("known settings");
    let shown = imported.config.clone() + &imported.report() + &format!("{imported:?}");
    assert!(!shown.contains("hemmelig"), "{shown}");
}

#[test]
fn each_setting_has_one_line_with_its_fate() {
    let imported = import(COMPOSE).expect("known settings");
    assert_eq!(imported.lines.len(), 36);
    for (key, fate, part) in [
        ("MYSQL_PASSWORD", Fate::Dropped, "SQLite"),
        ("password", Fate::Dropped, "SMS"),
        ("spring.datasource.url", Fate::ReplacedBy, "store.url"),
        ("ldap.url", Fate::TakenOver, "directory.controllers"),
        ("ldap.password", Fate::TakenOver, "bind_password_file"),
        ("ldap.cert.trustall", Fate::NeedsYou, "ca_file"),
        ("ldap.field.ssn", Fate::ReplacedBy, "ad_attribute"),
        ("ldap.groups.masterPwdAdmins", Fate::Dropped, "empty"),
        ("omfamilie.url", Fate::NeedsYou, "[parents]"),
        ("login.enable.nemid", Fate::ReplacedBy, "MitID"),
        ("login.enable.unilogin", Fate::Dropped, "off"),
        ("login.enable.idp", Fate::ReplacedBy, "ad-fs"),
        ("saml.metadata.idp.url", Fate::TakenOver, "metadata_url"),
        ("password.defaultPolicy.minLength", Fate::NeedsYou, "default of 12"),
        ("password.defaultPolicy.maxLength", Fate::TakenOver, "max_length"),
        ("password.policies[0].groupName", Fate::TakenOver, "number 1: group"),
        ("password.policies[0].minLength", Fate::TakenOver, "number 1: min_length"),
        ("password.policies[0].maxLength", Fate::NeedsYou, "left out"),
        ("nogetAndet", Fate::NeedsYou, "unknown"),
    ] {
        let line = imported.lines.iter().find(|line| line.key == key).expect(key);
        assert!(line.fate == fate && line.text.contains(part), "{line:?}");
    }
    assert!(imported.report().contains("\n36 settings: "));
}

#[test]
fn the_value_decides_for_some_settings() {
    for (text, fate, part) in [
        ("ldap.url=ldaps://10.0.0.1", Fate::NeedsYou, "name on the controller's certificate"),
        ("ldap.url=", Fate::Dropped, "empty"),
        ("ldap.password=${PASSWORD}", Fate::NeedsYou, "Docker Compose takes it from ${PASSWORD}"),
        ("ldap.cert.trustall=false", Fate::Dropped, "always verified"),
        ("login.enable.idp=false", Fate::NeedsYou, "login.ad_password.enabled"),
        ("login.enable.nemid=false", Fate::Dropped, "off"),
        ("saml.metadata.idp.url=https://fs.kommune.dk/m", Fate::Dropped, "login.enable.idp is off"),
        ("saml.baseUrl=http://kode.kommune.dk", Fate::NeedsYou, "https://"),
        ("password.defaultPolicy.minLength=mange", Fate::NeedsYou, "a number"),
        ("password.policies[3].noget=1", Fate::NeedsYou, "no groupName"),
        ("password.defaultPolicy.noget=1", Fate::NeedsYou, "unknown"),
        ("password.defaultPolicy.digitsRequired=ja", Fate::NeedsYou, "true or false"),
        ("password.defaultPolicy.digitsRequired=${DIGITS}", Fate::NeedsYou, "Docker Compose"),
        ("ldap.groups.masterPwdAdmins=cn=x", Fate::NeedsYou, "pwdCirclesOU"),
        ("sql.query.getSAMAccountNames=SELECT navn, id FROM t WHERE cpr = ?", Fate::NeedsYou, "first column"),
        ("LDAP_GROUPS_PWDCIRCLESOU=ou=x,dc=a,dc=b", Fate::TakenOver, "circles.ou"),
        ("nemid.applet.server.url.prefix=x", Fate::ReplacedBy, "MitID"),
    ] {
        let imported = import(&format!("server.port=9500\n{text}\n")).expect("known settings");
        let line = &imported.lines[1];
        assert!(line.fate == fate && line.text.contains(part), "{text}: {line:?}");
    }
}

#[test]
fn what_needs_the_operator_is_a_comment_and_never_a_guess() {
    let text = "ldap.url=ldaps://10.0.0.1\nldap.password=$SECRET\nsql.query.getSAMAccountNames=SELECT navn, id FROM t WHERE cpr = ?\nrest.sAMAccountNameLookupUrl=https://idm/{SSN}\nomfamilie.url=http://omfamilie/x\n";
    let imported = import(text).expect("known settings");
    assert!(imported.secrets.is_empty());
    let active: Vec<_> = imported.config.lines().filter(|line| !line.starts_with('#')).collect();
    for word in ["controllers", "registers", "parents", "base_dn", "public_url"] {
        assert!(!active.iter().any(|line| line.contains(word)), "{word}: {active:?}");
        assert!(imported.config.contains(word), "{word}");
    }
    let problems = toml::from_str::<toml::Table>(&imported.config);
    assert!(problems.is_ok(), "{problems:?}");
    let quotes = import("ldap.base=\"dc=a\\\"]\\nsecret = 1\"\n").expect("known settings");
    assert!(toml::from_str::<toml::Table>(&quotes.config).expect("TOML")["directory"].as_table().is_some_and(|table| table.len() == 2));
}

#[test]
fn a_file_without_a_setting_is_no_import() {
    for text in ["", "services:\n  web:\n    image: x\n", "a=b\nc: d\n"] {
        assert!(import(text).is_none(), "{text}");
    }
}
