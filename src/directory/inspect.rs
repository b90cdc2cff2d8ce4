//! What the check command asks of one controller: nothing here is used on a request path.

use ldap3::{Scope, controls::RawControl};

use super::{Connection, Controller, Directory, Fault, RootDse, entry::Entry, security_descriptor::AccessList};
use crate::model::sid::Sid;

/// LDAP_SERVER_SD_FLAGS_OID: which parts of a security descriptor are wanted (MS-ADTS 3.1.1.3.4.1.11).
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
/// SEQUENCE { INTEGER 4 }: the DACL only, which needs no more than the right to read permissions.
const DACL_ONLY: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x04];

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
    /// An attribute that every login needs and that can't be read.
    pub unreadable: Option<&'static str>,
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

    /// The account named, or any ordinary one below the search bases.
    pub async fn sample(&mut self, account_name: Option<&str>) -> Result<Option<Sample>, Fault> {
        const ATTRIBUTES: &[&str] = &[
            "sAMAccountName",
            "adminCount",
            "msDS-ResultantPSO",
            "pwdLastSet",
            "userAccountControl",
            "badPwdCount",
            "msDS-User-Account-Control-Computed",
        ];
        let by = match account_name {
            Some(name) => format!("(sAMAccountName={})", ldap3::ldap_escape(name)),
            None => "(!(adminCount=1))(!(userAccountControl:1.2.840.113556.1.4.803:=2))".to_owned(),
        };
        let filter = format!("(&(objectCategory=person)(objectClass=user){by})");
        for base in &self.directory.search_bases {
            let found = self.connection.search_some(base, &filter, ATTRIBUTES, 1).await?;
            if let Some(entry) = found.first() {
                return Ok(Some(sample(entry)));
            }
        }
        Ok(None)
    }

    /// How many password settings objects can be read.
    pub async fn readable_psos(&mut self) -> Result<usize, Fault> {
        let container = self.pso_container();
        Ok(self
            .connection
            .search(&container, Scope::OneLevel, "(objectClass=msDS-PasswordSettings)", &["msDS-MinimumPasswordLength"])
            .await?
            .len())
    }

    /// Where password settings objects are.
    pub fn pso_container(&self) -> String {
        format!("CN=Password Settings Container,CN=System,{}", self.directory.base_dn)
    }

    /// Every SID that the service account has when it asks (rootDSE tokenGroups).
    pub async fn own_sids(&mut self) -> Result<Vec<Sid>, Fault> {
        let entry = self.connection.read_object("", "(objectClass=*)", &["tokenGroups"]).await?.unwrap_or_default();
        Ok(entry.all("tokenGroups").iter().filter_map(|sid| Sid::from_ad(sid)).collect())
    }

    /// Who may do what to an object; `None` where it can't be read.
    pub async fn access_list(&mut self, dn: &str) -> Result<Option<AccessList>, Fault> {
        let control = RawControl { ctype: SD_FLAGS.to_owned(), crit: true, val: Some(DACL_ONLY.to_vec()) };
        let entry = self.connection.read_object_with(dn, &["nTSecurityDescriptor"], control).await?;
        Ok(entry.as_ref().and_then(|e| e.bytes("nTSecurityDescriptor")).and_then(AccessList::parse))
    }
}

/// Without these nobody can log in: the service never guesses an account's state.
const NEEDED: [&str; 4] = ["pwdLastSet", "userAccountControl", "badPwdCount", "msDS-User-Account-Control-Computed"];

fn sample(entry: &Entry) -> Sample {
    Sample {
        dn: entry.dn.clone(),
        sam: entry.text("sAMAccountName").unwrap_or_default().to_owned(),
        protected: entry.number("adminCount") == Some(1),
        resultant_pso: entry.text("msDS-ResultantPSO").map(str::to_owned),
        unreadable: NEEDED.into_iter().find(|attribute| entry.number(attribute).is_none()),
    }
}
