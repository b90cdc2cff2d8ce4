//! Accounts of a test's own, created over LDAP by the domain's administrator.

use std::collections::HashSet;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry};
use os2nykode::model::ad::guid::ObjectGuid;

use crate::environment::{environment, unique};

/// A password that satisfies every policy of the environment and contains no person's name.
pub const PASSWORD: &str = "Grønne-Cykler-88";

/// The administrator's connection to a controller.
pub struct Admin(Ldap);

/// An account of a test's own.
#[derive(Debug, Clone)]
pub struct Person {
    pub sam: String,
    pub dn: String,
}

pub fn utf16(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn set<const N: usize>(values: [&str; N]) -> HashSet<Vec<u8>> {
    values.map(|v| v.as_bytes().to_vec()).into()
}

impl Admin {
    pub async fn new() -> Self {
        Self::on(environment().fact("DC_IP")).await
    }

    /// A connection to another controller.
    pub async fn on(ip: &str) -> Self {
        let environment = environment();
        let mut ldap = connect_to(ip).await;
        ldap.simple_bind(environment.fact("ADMIN_DN"), environment.fact("ADMIN_PASSWORD"))
            .await
            .expect("sent")
            .success()
            .expect("the administrator");
        Self(ldap)
    }

    /// A new, ordinary person with [`PASSWORD`], old enough to be changed.
    pub async fn person(&mut self) -> Person {
        let person = self.young_person().await;
        environment().age(&person.sam, 10);
        person
    }

    /// The same with a password that was set just now.
    pub async fn young_person(&mut self) -> Person {
        self.person_named(&unique("p"), "Testa", "Prøvesen").await
    }

    pub async fn person_named(&mut self, sam: &str, given: &str, surname: &str) -> Person {
        let dn = format!("CN={sam},{}", environment().fact("PEOPLE_OU"));
        let upn = format!("{sam}@{}", environment().fact("REALM").to_lowercase());
        let display = format!("{given} {surname}");
        let attributes: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = vec![
            (b"objectClass".to_vec(), set(["user"])),
            (b"sAMAccountName".to_vec(), set([sam])),
            (b"userPrincipalName".to_vec(), set([&upn])),
            (b"givenName".to_vec(), set([given])),
            (b"sn".to_vec(), set([surname])),
            (b"displayName".to_vec(), set([&display])),
            (b"userAccountControl".to_vec(), set(["512"])),
            (b"unicodePwd".to_vec(), HashSet::from([utf16(PASSWORD)])),
        ];
        self.0.add(&dn, attributes).await.expect("sent").success().expect("added");
        Person { sam: sam.to_owned(), dn }
    }

    pub async fn replace(&mut self, dn: &str, attribute: &str, value: &str) {
        let values = if value.is_empty() { HashSet::new() } else { set([value]) };
        let change: Vec<Mod<Vec<u8>>> = vec![Mod::Replace(attribute.as_bytes().to_vec(), values)];
        self.0.modify(dn, change).await.expect("sent").success().expect("modified");
    }

    pub async fn add_to_group(&mut self, group_dn: &str, member_dn: &str) {
        self.add(group_dn, "member", member_dn).await;
    }

    pub async fn add(&mut self, dn: &str, attribute: &str, value: &str) {
        let change: Vec<Mod<Vec<u8>>> = vec![Mod::Add(attribute.as_bytes().to_vec(), set([value]))];
        self.0.modify(dn, change).await.expect("sent").success().expect("added");
    }

    pub async fn group(&mut self, name: &str) -> String {
        self.group_in(name, environment().fact("PEOPLE_OU")).await
    }

    /// Creates an organizational unit below the people's.
    pub async fn unit(&mut self, name: &str) -> String {
        let dn = format!("OU={name},{}", environment().fact("PEOPLE_OU"));
        let attributes = vec![(b"objectClass".to_vec(), set(["organizationalUnit"]))];
        self.0.add(&dn, attributes).await.expect("sent").success().expect("added");
        dn
    }

    pub async fn group_in(&mut self, name: &str, unit: &str) -> String {
        let dn = format!("CN={name},{unit}");
        let attributes: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = vec![
            (b"objectClass".to_vec(), set(["group"])),
            (b"sAMAccountName".to_vec(), set([name])),
            (b"groupType".to_vec(), set(["-2147483646"])),
        ];
        self.0.add(&dn, attributes).await.expect("sent").success().expect("added");
        dn
    }

    /// Resets a password as an administrator does.
    pub async fn set_password(&mut self, person: &Person, new: &str) {
        let change: Vec<Mod<Vec<u8>>> = vec![Mod::Replace(b"unicodePwd".to_vec(), HashSet::from([utf16(new)]))];
        self.0.modify(&person.dn, change).await.expect("sent").success().expect("set");
    }

    pub async fn must_change(&mut self, person: &Person) {
        self.replace(&person.dn, "pwdLastSet", "0").await;
    }

    /// Creates a contact: a group member without an account.
    pub async fn contact(&mut self, name: &str, unit: &str) -> String {
        let dn = format!("CN={name},{unit}");
        self.0.add(&dn, vec![(b"objectClass".to_vec(), set(["contact"]))]).await.expect("sent").success().expect("added");
        dn
    }

    pub async fn add_all(&mut self, dn: &str, attribute: &str, values: &[String]) {
        let values: HashSet<Vec<u8>> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let change: Vec<Mod<Vec<u8>>> = vec![Mod::Add(attribute.as_bytes().to_vec(), values)];
        self.0.modify(dn, change).await.expect("sent").success().expect("added");
    }

    pub async fn remove(&mut self, dn: &str, attribute: &str, value: &str) {
        let change: Vec<Mod<Vec<u8>>> = vec![Mod::Delete(attribute.as_bytes().to_vec(), set([value]))];
        self.0.modify(dn, change).await.expect("sent").success().expect("removed");
    }

    /// Renames an object, or moves it to another unit.
    pub async fn rename(&mut self, dn: &str, name: &str, unit: Option<&str>) {
        self.0.modifydn(dn, &format!("CN={name}"), true, unit).await.expect("sent").success().expect("renamed");
    }

    pub async fn delete(&mut self, dn: &str) {
        self.0.delete(dn).await.expect("sent").success().expect("deleted");
    }

    /// A text attribute of an account by its sAMAccountName. Empty if it is not set.
    pub async fn value(&mut self, sam: &str, attribute: &str) -> String {
        let entry = self.entry(sam, attribute).await;
        entry.attrs.get(attribute).and_then(|v| v.first()).cloned().unwrap_or_default()
    }

    /// The same for an account that may not be replicated yet.
    pub async fn value_if_known(&mut self, sam: &str, attribute: &str) -> Option<String> {
        let filter = format!("(sAMAccountName={})", ldap3::ldap_escape(sam));
        let base = environment().fact("BASE_DN");
        let (found, _) = self.0.search(base, Scope::Subtree, &filter, [attribute]).await.expect("sent").success().expect("answered");
        let entry = SearchEntry::construct(found.into_iter().next()?);
        entry.attrs.get(attribute).and_then(|values| values.first()).cloned()
    }

    pub async fn guid(&mut self, sam: &str) -> ObjectGuid {
        let entry = self.entry(sam, "objectGUID").await;
        let text = entry.attrs.get("objectGUID").and_then(|v| v.first()).map(|v| v.clone().into_bytes());
        let bytes = text.or_else(|| entry.bin_attrs.get("objectGUID").and_then(|v| v.first()).cloned());
        ObjectGuid::from_ad(&bytes.expect("an objectGUID")).expect("16 bytes")
    }

    /// The RID of a group.
    pub async fn rid(&mut self, group_dn: &str) -> String {
        let found =
            self.0.search(group_dn, Scope::Base, "(objectClass=group)", ["objectSid"]).await.expect("sent").success().expect("found").0;
        let entry = SearchEntry::construct(found.into_iter().next().expect("the group"));
        let sid = entry.bin_attrs.get("objectSid").and_then(|values| values.first()).expect("a SID");
        let (_, last) = sid.split_last_chunk::<4>().expect("a number");
        u32::from_le_bytes(*last).to_string()
    }

    #[allow(dead_code, reason = "the benchmark uses it")]
    pub async fn dn(&mut self, sam: &str) -> String {
        self.entry(sam, "cn").await.dn
    }

    async fn entry(&mut self, sam: &str, attribute: &str) -> SearchEntry {
        let filter = format!("(sAMAccountName={})", ldap3::ldap_escape(sam));
        let base = environment().fact("BASE_DN");
        let (mut found, _) = self.0.search(base, Scope::Subtree, &filter, [attribute]).await.expect("sent").success().expect("found");
        SearchEntry::construct(found.pop().unwrap_or_else(|| panic!("{sam} exists")))
    }
}

/// A TLS connection to a controller, not bound.
pub async fn connect_to(ip: &str) -> Ldap {
    let environment = environment();
    let stream = std::net::TcpStream::connect((ip, 636)).expect("the controller listens");
    stream.set_nodelay(true).expect("a TCP stream");
    let tls = os2nykode::tls::client_config(Some(environment.fact("CA_FILE").as_ref())).expect("the test CA");
    let settings = LdapConnSettings::new().set_config(tls).set_std_stream(ldap3::StdStream::Tcp(stream));
    let (driver, ldap) =
        LdapConnAsync::with_settings(settings, &format!("ldaps://{}:636", environment.fact("DC_NAME"))).await.expect("TLS");
    tokio::spawn(driver.drive());
    ldap
}

/// Binds on the controller. `Err` has the `data` code of the refusal.
pub async fn bind(dn: &str, password: &str) -> Result<(), String> {
    bind_on(environment().fact("DC_IP"), dn, password).await
}

/// The same on another controller.
pub async fn bind_on(ip: &str, dn: &str, password: &str) -> Result<(), String> {
    let result = connect_to(ip).await.simple_bind(dn, password).await.expect("sent");
    if result.rc == 0 {
        Ok(())
    } else {
        Err(result.text.rsplit("data ").next().unwrap_or_default().split(',').next().unwrap_or_default().to_owned())
    }
}
