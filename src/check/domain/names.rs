//! Check of configured names against AD: the NetBIOS domain, and the attributes that claims are matched with.

use crate::{
    check::{Id, Report},
    config::Config,
    directory::{ControllerInspection, DirectoryError},
};

pub(super) async fn check(
    inspection: &mut ControllerInspection<'_>,
    config: &Config,
    netbios: Option<&str>,
    report: &mut Report,
) -> Result<(), DirectoryError> {
    if let (Some(ours), Some(theirs)) = (&config.directory.netbios_domain, netbios)
        && !ours.eq_ignore_ascii_case(theirs)
    {
        let what = format!("directory.netbios_domain is {ours:?}, but the domain's NetBIOS name is {theirs:?}");
        report.problem(Id::NetbiosDomainWrong, "names", &what, "remove directory.netbios_domain: the service then reads it from AD");
    }
    let claims: Vec<(&str, String)> = config
        .providers()
        .filter_map(|provider| Some((provider.match_attribute.as_deref()?, format!("logins at {}", provider.id.as_str()))))
        .collect();
    if claims.is_empty() {
        return Ok(());
    }
    let schema = inspection.schema(&claims.iter().map(|(name, _)| *name).collect::<Vec<_>>()).await?;
    for (name, what_for) in claims {
        let found = schema.get(&name.to_lowercase());
        match found {
            // AD indexes these, or finds them without an index, although the schema's flags need not show it.
            Some(_) if ["objectguid", "samaccountname", "userprincipalname", "objectsid"].contains(&name.to_lowercase().as_str()) => {}
            Some(attribute) if attribute.indexed => report.ok("names", &format!("{name} ({what_for}) has an index")),
            Some(_) => {
                let what = format!("{name} ({what_for}) has no index in AD: each search by it reads all accounts");
                let remedy = format!(
                    "as a schema administrator, PowerShell: $a = Get-ADObject -SearchBase (Get-ADRootDSE).schemaNamingContext -LDAPFilter '(lDAPDisplayName={name})' -Properties searchFlags; Set-ADObject $a -Replace @{{ searchFlags = ($a.searchFlags -bor 1) }}\nor in the console Active Directory Schema (regsvr32 schmmgmt.dll): Attributes, {name}, Index this attribute"
                );
                report.warning(Id::ClaimAttributeUnindexed, "names", &what, &remedy);
            }
            None => {
                let what = format!("{name} ({what_for}) is not an attribute of this AD");
                let remedy = "use its LDAP name, such as employeeNumber: Get-ADUser NAME -Properties * shows them";
                report.problem(Id::ClaimAttributeUnknown, "names", &what, remedy);
            }
        }
    }
    Ok(())
}
