//! The names that people may put beside an account name: the domain's DNS and NetBIOS name, and the forest's UPN suffixes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ldap3::{Scope, ldap_escape};

use super::{Connection, Directory, Fault};
use crate::model::dn::dns_name;

/// A domain's names hardly ever change: they are read again after this long.
const FRESH: Duration = Duration::from_mins(10);

/// The names of the domain.
#[derive(Debug)]
pub(super) struct DomainNames {
    /// `kommune.dk`.
    dns: String,
    /// `KOMMUNE`: of the configuration, else as the directory has it.
    netbios: String,
    /// uPNSuffixes of the forest: `skole.dk`.
    suffixes: Vec<String>,
}

/// The names, and when they were read.
pub(super) type Cache = Mutex<Option<(Instant, Arc<DomainNames>)>>;

impl DomainNames {
    /// May it stand before the backslash of `DOMAIN\\name`? Both names may (MS-ADTS 5.1.1.1.1).
    pub fn is_domain(&self, name: &str) -> bool {
        same(name, &self.netbios) || same(name, &self.dns)
    }

    /// Is `name@suffix` the account `name`, where no userPrincipalName says otherwise? AD takes the domain's names and each UPN suffix of the forest.
    pub fn is_suffix(&self, suffix: &str) -> bool {
        self.is_domain(suffix) || self.suffixes.iter().any(|known| same(known, suffix))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Directory {
    pub(super) async fn domain_names(&self, connection: &mut Connection) -> Result<Arc<DomainNames>, Fault> {
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
            found.first().and_then(|entry| entry.text("nETBIOSName")).map(str::to_owned).ok_or(Fault::Unreadable("nETBIOSName"))?
        };
        let names = Arc::new(DomainNames { dns: dns_name(&self.base_dn), netbios, suffixes });
        *self.domain_names.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), names.clone()));
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
