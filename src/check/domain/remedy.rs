//! Instructions that grant the service account a right: by dsacls, PowerShell, and Active Directory Users and Computers.

/// schemaIDGUID of the class user.
const USER: &str = "bf967aba-0de6-11d0-a285-00aa003049e2";

/// The service account's names in commands. dsacls accepts no DN and not every UPN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trustee {
    /// Name with domain, such as `KOMMUNE\svc-nykode`.
    pub name: String,
    /// sAMAccountName, such as `svc-nykode`.
    pub sam: String,
}

/// A right on the people below an OU.
#[derive(Debug, Clone, Copy)]
pub(super) struct RightBelow<'a> {
    /// Notation of dsacls, such as `CA;Reset Password`.
    pub dsacls: &'a str,
    /// Notation of .NET, such as `ExtendedRight`.
    pub kind: &'a str,
    /// GUID of the right or attribute; `None` for all attributes.
    pub guid: Option<&'a str>,
    /// Box to tick in the delegation wizard.
    pub tick: &'a str,
}

/// The three instructions, each on a line.
pub(super) fn on_people(unit: &str, trustee: &Trustee, right: RightBelow<'_>) -> String {
    let object = right.guid.unwrap_or("00000000-0000-0000-0000-000000000000");
    let inherited = format!("'{}','Allow',([guid]'{object}'),'Descendents',([guid]'{USER}')", right.kind);
    format!(
        "dsacls \"{}\" /I:S /G \"{}:{};user\"\n{}\nor in Active Directory Users and Computers: right-click {unit}, Delegate Control…, {}, Create a custom task, only User objects, tick {}",
        quoted(unit),
        trustee.name,
        right.dsacls,
        powershell(unit, trustee, &inherited),
        trustee.sam,
        right.tick,
    )
}

/// Instructions for the right to read a container and all objects in it.
pub(super) fn read_below(container: &str, trustee: &Trustee) -> String {
    format!(
        "dsacls \"{}\" /I:T /G \"{}:GR\"\n{}\nor in Active Directory Users and Computers, View, Advanced Features: Properties of {container}, Security, Advanced: {} may Read this object and all descendant objects",
        quoted(container),
        trustee.name,
        powershell(container, trustee, "'GenericRead','Allow','All'"),
        trustee.sam,
    )
}

fn powershell(place: &str, trustee: &Trustee, rest: &str) -> String {
    format!(
        "or PowerShell: $p = 'AD:{}'; $a = Get-Acl $p; $s = (Get-ADUser '{}').SID; $a.AddAccessRule((New-Object DirectoryServices.ActiveDirectoryAccessRule $s,{rest})); Set-Acl $p $a",
        place.replace('\'', "''"),
        trustee.sam.replace('\'', "''"),
    )
}

/// Escapes text for a quoted argument of a Windows command line.
fn quoted(text: &str) -> String {
    text.replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_name_the_unit_and_the_account_as_windows_wants_them() {
        let trustee = Trustee { name: r"KOMMUNE\svc-nykode".to_owned(), sam: "svc-nykode".to_owned() };
        let right = RightBelow { dsacls: "WP;lockoutTime", kind: "WriteProperty", guid: Some("28630ebf"), tick: "Write lockoutTime" };
        let told = on_people("OU=O'Connor,DC=kommune,DC=dk", &trustee, right);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], r#"dsacls "OU=O'Connor,DC=kommune,DC=dk" /I:S /G "KOMMUNE\svc-nykode:WP;lockoutTime;user""#);
        assert!(lines[1].contains("'AD:OU=O''Connor,DC=kommune,DC=dk'") && lines[1].contains("'WriteProperty','Allow',([guid]'28630ebf')"));
        assert!(lines[2].contains("Delegate Control…") && lines[2].contains("tick Write lockoutTime"));
        assert!(read_below("CN=P", &trustee).starts_with(r#"dsacls "CN=P" /I:T /G "KOMMUNE\svc-nykode:GR""#));
    }
}
