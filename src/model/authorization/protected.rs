//! Accounts that may administer the domain, recognised by the RIDs that AD fixes: renaming a group or an account changes nothing.

use crate::model::{account::Account, ad::sid::Sid};

/// RIDs of a domain's groups that AD protects (MS-ADTS 3.1.1.6.1.1; "Protected Accounts and Groups in Active Directory", Appendix C):
/// Domain Admins, Domain Controllers, Schema Admins, Enterprise Admins, Read-only Domain Controllers, Key Admins, Enterprise Key Admins.
/// Two more groups lead to the same rights: Cert Publishers, Group Policy Creator Owners.
const GROUPS: [u32; 9] = [512, 516, 518, 519, 521, 526, 527, 517, 520];

/// RIDs of built-in groups: Administrators, Account Operators, Server Operators, Print Operators, Backup Operators, Replicator.
const BUILTIN: [u32; 6] = [544, 548, 549, 550, 551, 552];

/// RIDs of Administrator and krbtgt.
const ACCOUNTS: [u32; 2] = [500, 502];

/// True if the account is protected by adminCount, by its own RID, or by the RID of one of its groups.
pub fn is_protected(account: &Account) -> bool {
    account.admin_count || account.sid.rid().is_some_and(|rid| ACCOUNTS.contains(&rid)) || account.groups.iter().any(is_protected_group)
}

fn is_protected_group(sid: &Sid) -> bool {
    sid.rid().is_some_and(|rid| GROUPS.contains(&rid)) || sid.builtin().is_some_and(|rid| BUILTIN.contains(&rid))
}
