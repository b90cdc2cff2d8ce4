//! Names that may accompany an account name: the domain's DNS and NetBIOS name, and the forest's UPN suffixes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use crate::directory::{Connection, Directory, DirectoryError};
use crate::model::ad::dn::dns_name;

/// Lifetime of the cached names, which hardly ever change.
const FRESH: Duration = Duration::from_mins(10);

/// Names of the domain.
#[derive(Debug)]
pub(crate) struct DomainNames {
    /// DNS name, such as `kommune.dk`.
    dns: String,
    /// NetBIOS name, such as `KOMMUNE`: from the configuration, else from the directory.
    netbios: String,
    /// uPNSuffixes of the forest, such as `skole.dk`.
    suffixes: Vec<String>,
}

/// The names with the time of their reading.
pub(crate) type LoginDomainCache = Mutex<Option<(Instant, Arc<DomainNames>)>>;

impl DomainNames {
    /// Whether the name may precede the backslash of `DOMAIN\\name`. AD accepts the DNS and the NetBIOS name (MS-ADTS 5.1.1.1.1).
    pub fn is_domain(&self, name: &str) -> bool {
        same(name, &self.netbios) || same(name, &self.dns)
    }

    /// Whether `name@suffix` denotes the account `name`, unless it is another account's userPrincipalName. AD accepts the domain's names
    /// and the forest's UPN suffixes.
    pub fn is_suffix(&self, suffix: &str) -> bool {
        self.is_domain(suffix) || self.suffixes.iter().any(|known| same(known, suffix))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Directory {
    pub(crate) async fn domain_names(&self, connection: &mut Connection) -> Result<Arc<DomainNames>, DirectoryError> {
        let kept = self.domain_names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, names)) = kept.filter(|(at, _)| at.elapsed() < FRESH) {
            return Ok(names);
        }
        let partitions = format!("CN=Partitions,{}", connection.root_dse().await?.configuration_dn);
        let container = connection.read_object(&partitions, "(objectClass=*)", ["uPNSuffixes"]).await?;
        let suffixes =
            container.iter().flat_map(|entry| entry.all("uPNSuffixes")).filter_map(|value| String::from_utf8(value.clone()).ok()).collect();
        let netbios = if let Some(name) = &self.netbios_domain {
            name.clone()
        } else {
            let filter = format!("(&(objectClass=crossRef)(nCName={}))", ldap_escape(self.base_dn.as_str()));
            let found = connection.search(&partitions, Scope::OneLevel, &filter, &["nETBIOSName"]).await?;
            found.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned).ok_or(DirectoryError::Unreadable("nETBIOSName"))?
        };
        let names = Arc::new(DomainNames { dns: dns_name(&self.base_dn), netbios, suffixes });
        *self.domain_names.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::lookup::login_domains::*;

    #[test]
    fn names_are_compared_without_case() {
        let names = DomainNames { dns: "kommune.dk".into(), netbios: "KOMMUNE".into(), suffixes: vec!["Skole.dk".into()] };
        for (name, domain, suffix) in
            [("kommune", true, true), ("Kommune.DK", true, true), ("skole.dk", false, true), ("andre.dk", false, false), ("", false, false)]
        {
            assert_eq!((names.is_domain(name), names.is_suffix(name)), (domain, suffix), "{name}");
        }
    }
}
