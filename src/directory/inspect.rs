//! Queries of the check command to one controller. No request uses them.

mod own_account;
mod schema;

pub use own_account::OwnAccount;
pub use schema::Attribute;

use ldap3::Scope;

use super::{AdPolicy, Connection, Controller, Directory, DirectoryError, RootDse, lookup::PERSON, security_descriptor::AccessList};
use crate::directory::password::{
    bad_pwd_count,
    policy::{PSO_ATTRIBUTES, from_pso},
};
use crate::model::ad::sid::Sid;

/// A connection of the service account for the check command.
#[derive(Debug)]
pub struct ControllerInspection<'a> {
    directory: &'a Directory,
    connection: Connection,
}

/// A sample account, on which rights are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub dn: String,
    pub sam: String,
    /// Whether AdminSDHolder protects the account (adminCount is 1).
    pub protected: bool,
    /// DN of the password settings object that applies.
    pub resultant_pso: Option<String>,
    /// The requested attributes that have a readable value.
    pub readable: Vec<String>,
}

/// A password settings object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pso {
    pub dn: String,
    /// Its rules; `None` if a part can't be read.
    pub policy: Option<AdPolicy>,
}

impl Directory {
    /// Opens a connection and binds the service account on it.
    pub async fn inspect(&self, controller: &Controller) -> Result<ControllerInspection<'_>, DirectoryError> {
        let connection = Connection::open_as_service(controller.endpoint(), controller.account()).await?;
        Ok(ControllerInspection { directory: self, connection })
    }
}

impl ControllerInspection<'_> {
    /// The controller's rootDSE.
    pub async fn root_dse(&mut self) -> Result<RootDse, DirectoryError> {
        self.connection.root_dse().await
    }

    /// DN of the PDC emulator's settings object.
    pub async fn pdc(&mut self) -> Result<Option<String>, DirectoryError> {
        let entry = self.connection.read_object(&self.directory.base_dn, "(objectClass=*)", &["fSMORoleOwner"]).await?;
        Ok(entry.and_then(|e| e.text("fSMORoleOwner").map(str::to_owned)))
    }

    /// A DN in the directory's spelling; `None` if the object does not exist or can't be read.
    pub async fn spelling(&mut self, dn: &str) -> Result<Option<String>, DirectoryError> {
        Ok(self.connection.read_object(dn, "(objectClass=*)", &["objectClass"]).await?.map(|entry| entry.dn))
    }

    /// The named account below an OU, or any ordinary one, with the readable ones of these attributes.
    pub async fn sample(&mut self, base: &str, account_name: Option<&str>, attributes: &[&str]) -> Result<Option<Sample>, DirectoryError> {
        let by = match account_name {
            Some(name) => format!("(sAMAccountName={})", ldap3::ldap_escape(name)),
            None => "(!(adminCount=1))(!(userAccountControl:1.2.840.113556.1.4.803:=2))".to_owned(),
        };
        let filter = format!("(&{PERSON}{by})");
        let found = self.connection.search_some(base, &filter, &["sAMAccountName"], 1, self.connection.timeout() * 4).await?;
        let Some(dn) = found.into_iter().next().map(|entry| entry.dn) else { return Ok(None) };
        // AD returns tokenGroups for a base search only.
        let own = ["sAMAccountName", "adminCount", "msDS-ResultantPSO"];
        let entry = self.connection.read_object(&dn, "(objectClass=*)", own.iter().chain(attributes)).await?;
        let Some(entry) = entry else { return Ok(None) };
        let mut readable: Vec<String> =
            attributes.iter().filter(|name| !entry.all(name).is_empty()).map(|name| (*name).to_owned()).collect();
        // A missing badPwdCount, as on a controller that joined later, does not prove a missing right.
        let count = "badPwdCount";
        if attributes.contains(&count) && entry.all(count).is_empty() && bad_pwd_count::counts_of(&mut self.connection, &entry.dn).await? {
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

    /// DN of an account anywhere in the domain.
    pub async fn anywhere(&mut self, account_name: &str) -> Result<Option<String>, DirectoryError> {
        let filter = format!("(&{PERSON}(sAMAccountName={}))", ldap3::ldap_escape(account_name));
        let found =
            self.connection.search_some(&self.directory.base_dn, &filter, &["sAMAccountName"], 1, self.connection.timeout() * 4).await?;
        Ok(found.into_iter().next().map(|entry| entry.dn))
    }

    /// All visible password settings objects.
    pub async fn psos(&mut self) -> Result<Vec<Pso>, DirectoryError> {
        let container = self.pso_container();
        let filter = "(objectClass=msDS-PasswordSettings)";
        let found = self.connection.search(&container, Scope::OneLevel, filter, PSO_ATTRIBUTES).await?;
        Ok(found.into_iter().map(|entry| Pso { policy: from_pso(&entry), dn: entry.dn }).collect())
    }

    /// DNS name of the controller with this settings object.
    pub async fn server_name(&mut self, settings_dn: &str) -> Result<Option<String>, DirectoryError> {
        let Some((_, server)) = settings_dn.split_once(',') else { return Ok(None) };
        let entry = self.connection.read_object(server, "(objectClass=*)", &["dNSHostName"]).await?;
        Ok(entry.and_then(|entry| entry.text("dNSHostName").map(str::to_owned)))
    }

    /// The domain's NetBIOS name.
    pub async fn netbios_name(&mut self) -> Result<Option<String>, DirectoryError> {
        let partitions = format!("CN=Partitions,{}", self.connection.root_dse().await?.configuration_dn);
        let filter = format!("(&(objectClass=crossRef)(nCName={}))", ldap3::ldap_escape(self.directory.base_dn.as_str()));
        let found = self.connection.search(&partitions, Scope::OneLevel, &filter, &["nETBIOSName"]).await?;
        Ok(found.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned))
    }

    /// DN of the container of password settings objects.
    pub fn pso_container(&self) -> String {
        format!("CN=Password Settings Container,CN=System,{}", self.directory.base_dn)
    }

    /// All SIDs of the service account's token (rootDSE tokenGroups).
    pub async fn own_sids(&mut self) -> Result<Vec<Sid>, DirectoryError> {
        bad_pwd_count::own_sids(&mut self.connection).await
    }

    /// The access list of an object; `None` if it can't be read.
    pub async fn access_list(&mut self, dn: &str) -> Result<Option<AccessList>, DirectoryError> {
        bad_pwd_count::access_list(&mut self.connection, dn).await
    }
}
