//! What the check command asks of one controller: nothing here is used on a request path.

mod own_account;
mod schema;

pub use own_account::OwnAccount;
pub use schema::Attribute;

use ldap3::Scope;

use super::{
    AdPolicy, Connection, Controller, Directory, Fault, RootDse,
    lookup::PERSON,
    policy::{PSO_ATTRIBUTES, from_pso},
    readable,
    security_descriptor::AccessList,
};
use crate::model::sid::Sid;

/// A connection of the service account for looking around.
#[derive(Debug)]
pub struct Inspection<'a> {
    directory: &'a Directory,
    connection: Connection,
}

/// An account to look at rights by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its DN.
    pub dn: String,
    /// Its sAMAccountName.
    pub sam: String,
    /// adminCount is 1: AdminSDHolder protects it.
    pub protected: bool,
    /// DN of the password settings object that applies.
    pub resultant_pso: Option<String>,
    /// Which of the attributes that were asked for have a value that can be read.
    pub readable: Vec<String>,
}

/// A password settings object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pso {
    /// Its DN.
    pub dn: String,
    /// What it demands; `None` where a part can't be read.
    pub policy: Option<AdPolicy>,
}

impl Directory {
    /// Logs the service account in on a connection of its own.
    pub async fn inspect(&self, controller: &Controller) -> Result<Inspection<'_>, Fault> {
        let connection = Connection::open_as_service(controller.endpoint(), controller.account()).await?;
        Ok(Inspection { directory: self, connection })
    }
}

impl Inspection<'_> {
    /// What the controller says of itself.
    pub async fn root_dse(&mut self) -> Result<RootDse, Fault> {
        self.connection.root_dse().await
    }

    /// The settings object of the PDC emulator.
    pub async fn pdc(&mut self) -> Result<Option<String>, Fault> {
        let entry = self.connection.read_object(&self.directory.base_dn, "(objectClass=*)", &["fSMORoleOwner"]).await?;
        Ok(entry.and_then(|e| e.text("fSMORoleOwner").map(str::to_owned)))
    }

    /// The DN of an object as the directory spells it; `None` where it is not there or may not be read.
    pub async fn spelling(&mut self, dn: &str) -> Result<Option<String>, Fault> {
        Ok(self.connection.read_object(dn, "(objectClass=*)", &["objectClass"]).await?.map(|entry| entry.dn))
    }

    /// The account named, or any ordinary one, below a unit; with what can be read of these attributes.
    pub async fn sample(&mut self, base: &str, account_name: Option<&str>, attributes: &[&str]) -> Result<Option<Sample>, Fault> {
        let by = match account_name {
            Some(name) => format!("(sAMAccountName={})", ldap3::ldap_escape(name)),
            None => "(!(adminCount=1))(!(userAccountControl:1.2.840.113556.1.4.803:=2))".to_owned(),
        };
        let filter = format!("(&{PERSON}{by})");
        let found = self.connection.search_some(base, &filter, &["sAMAccountName"], 1, self.connection.timeout() * 4).await?;
        let Some(dn) = found.into_iter().next().map(|entry| entry.dn) else { return Ok(None) };
        // tokenGroups is told for a base search only.
        let own = ["sAMAccountName", "adminCount", "msDS-ResultantPSO"];
        let entry = self.connection.read_object(&dn, "(objectClass=*)", own.iter().chain(attributes)).await?;
        let Some(entry) = entry else { return Ok(None) };
        let mut readable: Vec<String> =
            attributes.iter().filter(|name| !entry.all(name).is_empty()).map(|name| (*name).to_owned()).collect();
        // A count that isn't there yet, as on a controller that joined later, is no lack of a right.
        let count = "badPwdCount";
        if attributes.contains(&count) && entry.all(count).is_empty() && readable::counts_of(&mut self.connection, &entry.dn).await? {
            readable.push(count.to_owned());
        }
        Ok(Some(Sample {
            sam: entry.text("sAMAccountName").unwrap_or_default().to_owned(),
            protected: entry.number("adminCount") == Some(1),
            resultant_pso: entry.text("msDS-ResultantPSO").map(str::to_owned),
            readable,
            dn: entry.dn,
        }))
    }

    /// The DN of an account anywhere in the domain.
    pub async fn anywhere(&mut self, account_name: &str) -> Result<Option<String>, Fault> {
        let filter = format!("(&{PERSON}(sAMAccountName={}))", ldap3::ldap_escape(account_name));
        let found =
            self.connection.search_some(&self.directory.base_dn, &filter, &["sAMAccountName"], 1, self.connection.timeout() * 4).await?;
        Ok(found.into_iter().next().map(|entry| entry.dn))
    }

    /// Every password settings object that can be seen.
    pub async fn psos(&mut self) -> Result<Vec<Pso>, Fault> {
        let container = self.pso_container();
        let filter = "(objectClass=msDS-PasswordSettings)";
        let found = self.connection.search(&container, Scope::OneLevel, filter, PSO_ATTRIBUTES).await?;
        Ok(found.into_iter().map(|entry| Pso { policy: from_pso(&entry), dn: entry.dn }).collect())
    }

    /// The DNS name of the controller whose settings object this is.
    pub async fn server_name(&mut self, settings_dn: &str) -> Result<Option<String>, Fault> {
        let Some((_, server)) = settings_dn.split_once(',') else { return Ok(None) };
        let entry = self.connection.read_object(server, "(objectClass=*)", &["dNSHostName"]).await?;
        Ok(entry.and_then(|entry| entry.text("dNSHostName").map(str::to_owned)))
    }

    /// The domain's NetBIOS name.
    pub async fn netbios_name(&mut self) -> Result<Option<String>, Fault> {
        let partitions = format!("CN=Partitions,{}", self.connection.root_dse().await?.configuration_dn);
        let filter = format!("(&(objectClass=crossRef)(nCName={}))", ldap3::ldap_escape(self.directory.base_dn.as_str()));
        let found = self.connection.search(&partitions, Scope::OneLevel, &filter, &["nETBIOSName"]).await?;
        Ok(found.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned))
    }

    /// Where password settings objects are.
    pub fn pso_container(&self) -> String {
        format!("CN=Password Settings Container,CN=System,{}", self.directory.base_dn)
    }

    /// Every SID that the service account has when it asks (rootDSE tokenGroups).
    pub async fn own_sids(&mut self) -> Result<Vec<Sid>, Fault> {
        readable::own_sids(&mut self.connection).await
    }

    /// Who may do what to an object; `None` where it can't be read.
    pub async fn access_list(&mut self, dn: &str) -> Result<Option<AccessList>, Fault> {
        readable::access_list(&mut self.connection, dn).await
    }
}
