//! Lookup of accounts by login name, GUID or claim.

pub(crate) mod by_reference;
pub(crate) mod class_groups;
pub(crate) mod cpr;
pub(crate) mod groups;
pub(crate) mod login_domains;
pub(crate) mod members;
pub(crate) mod name_index;

use ldap3::{Scope, ldap_escape};
use tracing::warn;

use super::{Connection, ControllerSession, Directory, DirectoryError};
use crate::directory::session::entry::LdapEntry;
use crate::model::{
    account::{Account, PasswordExpiry, PasswordState, WrongTries, name::LoginName},
    ad::{dn::is_under, filetime, guid::ObjectGuid, password_version::PasswordVersion, sid::Sid},
    identity::claim::Match,
};

/// Filter for people's accounts: no computers, contacts, groups or trusts (MS-SAMR 2.2.1.9, SAM_USER_OBJECT). The class `user` alone would
/// include trust accounts.
pub(super) const PERSON: &str = "(sAMAccountType=805306368)";

pub(super) const ATTRIBUTES: &[&str] = match ATTRIBUTES_AND_GROUPS.split_last() {
    Some((_groups, others)) => others,
    None => &[],
};

/// [`ATTRIBUTES`] and, last, tokenGroups, which AD computes for a base search only.
const ATTRIBUTES_AND_GROUPS: &[&str] = &[
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "givenName",
    "sn",
    "department",
    "physicalDeliveryOfficeName",
    "telephoneNumber",
    "mobile",
    "userAccountControl",
    "accountExpires",
    "msDS-User-Account-Control-Computed",
    "pwdLastSet",
    "msDS-UserPasswordExpiryTimeComputed",
    "lastLogonTimestamp",
    "badPwdCount",
    "badPasswordTime",
    "msDS-ResultantPSO",
    "adminCount",
    "tokenGroups",
];

/// Attributes that a guesser of the password may know.
const CONTACT_DETAILS: [&str; 4] = ["department", "physicalDeliveryOfficeName", "telephoneNumber", "mobile"];

/// Replication metadata, some kilobytes an account. Lists leave it out.
const METADATA: &str = "replPropertyMetaData";

const DISABLED: i64 = 0x2;
const NEVER_EXPIRES: i64 = 0x1_0000;
const LOCKED: i64 = 0x10;

/// Maximum accounts of one person. More accounts with the value of a claim show that the attribute does not identify people.
const MOST: i32 = 20;

/// Result of a search for a login name.
#[derive(Debug)]
pub enum LoginMatch {
    /// The only account with this name, and the session that found it.
    Account(Box<Account>, ControllerSession),
    /// No account, or more than one, and the session that searched.
    Nobody(ControllerSession),
}

impl Directory {
    /// Finds the account of a login name, without its groups.
    pub async fn find(&self, name: &LoginName) -> Result<LoginMatch, DirectoryError> {
        let (found, pinned) = self.read(|mut pinned| async move { (self.find_on(pinned.connection(), name).await, pinned) }).await?;
        Ok(match found {
            Some(account) => self.where_it_was_written(account, pinned).await?,
            None => LoginMatch::Nobody(pinned),
        })
    }

    /// Moves to the controller that recently wrote the account's password, if it is another one and up.
    async fn where_it_was_written(&self, account: Account, pinned: ControllerSession) -> Result<LoginMatch, DirectoryError> {
        let writer = self.writes.writer(account.guid).filter(|writer| writer != pinned.name());
        if !writer.is_some_and(|writer| self.controllers.iter().any(|c| c.name() == writer && c.is_up())) {
            return Ok(LoginMatch::Account(Box::new(account), pinned));
        }
        drop(pinned);
        let (there, pinned) = self.account(account.guid).await?;
        Ok(match there {
            Some(there) => LoginMatch::Account(Box::new(there), pinned),
            None => LoginMatch::Nobody(pinned),
        })
    }

    async fn find_on(&self, connection: &mut Connection, name: &LoginName) -> Result<Option<Account>, DirectoryError> {
        let mut found = Vec::new();
        for filter in self.filters(connection, name).await? {
            found = connection.search(&self.base_dn, Scope::Subtree, &filter, ATTRIBUTES).await?;
            found.retain(|entry| self.serves(&entry.dn));
            if !found.is_empty() {
                break;
            }
        }
        if found.len() > 1 {
            warn!(matches = found.len(), "login name matches more than one account; treated as unknown");
            return Ok(None);
        }
        found.pop().map(|entry| account(&entry)).transpose()
    }

    /// Filters for a name, used until one finds an account. An explicit userPrincipalName precedes the implicit sAMAccountName@domain, as
    /// in AD (MS-ADTS 5.1.1.1.1).
    async fn filters(&self, connection: &mut Connection, name: &LoginName) -> Result<Vec<String>, DirectoryError> {
        let by_sam = |sam: &str| format!("(&{PERSON}(sAMAccountName={}))", ldap_escape(sam));
        Ok(match name {
            LoginName::Sam { domain: None, name } => vec![by_sam(name)],
            LoginName::Sam { domain: Some(domain), name } => {
                let names = self.domain_names(connection).await?;
                if names.is_domain(domain) { vec![by_sam(name)] } else { Vec::new() }
            }
            LoginName::Upn(upn) => {
                let explicit = format!("(&{PERSON}(userPrincipalName={}))", ldap_escape(upn.as_str()));
                let Some((user, suffix)) = upn.rsplit_once('@') else { return Ok(vec![explicit]) };
                let names = self.domain_names(connection).await?;
                if names.is_suffix(suffix) { vec![explicit, by_sam(user)] } else { vec![explicit] }
            }
        })
    }

    /// Reads an account by its GUID, with its groups. `None`: it does not exist, is not a person's, or is outside the search bases.
    pub async fn account(&self, guid: ObjectGuid) -> Result<(Option<Account>, ControllerSession), DirectoryError> {
        self.read_of(Some(guid), |mut pinned| async move { (self.account_on(pinned.connection(), guid).await, pinned) }).await
    }

    /// All accounts that match a claim, without their groups, by name. More than 20 are an error.
    pub async fn matching(&self, by: &Match) -> Result<(Vec<Account>, ControllerSession), DirectoryError> {
        let filter = filter(by);
        let attributes = with(ATTRIBUTES, by);
        self.heavy_read(|mut pinned| {
            let (filter, attributes) = (filter.clone(), attributes.clone());
            async move { (self.matching_on(pinned.connection(), by, &filter, attributes).await, pinned) }
        })
        .await
    }

    /// Same in an existing controller session.
    pub async fn matching_again(&self, pinned: &mut ControllerSession, by: &Match) -> Result<Vec<Account>, DirectoryError> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        self.matching_on(pinned.connection(), by, &filter(by), with(ATTRIBUTES, by)).await
    }

    pub(super) async fn matching_on(
        &self,
        connection: &mut Connection,
        by: &Match,
        filter: &str,
        attributes: Vec<String>,
    ) -> Result<Vec<Account>, DirectoryError> {
        let found = connection.search_some(&self.base_dn, filter, attributes, MOST + 1, self.timeout * 4).await?;
        if found.len() > usize::try_from(MOST).unwrap_or_default() {
            return Err(DirectoryError::TooMany(by.attribute.clone()));
        }
        let ours = found.iter().filter(|entry| self.serves(&entry.dn) && holds(entry, by));
        let mut accounts = ours.map(account).collect::<Result<Vec<_>, _>>()?;
        accounts.sort_by(|a, b| a.sam.cmp(&b.sam));
        Ok(accounts)
    }

    /// [`Self::account`] for an account that must match the claim. `None` also if it does not match.
    pub async fn account_matching(&self, guid: ObjectGuid, by: &Match) -> Result<(Option<Account>, ControllerSession), DirectoryError> {
        let work =
            |mut pinned: ControllerSession| async move { (self.account_matching_on(pinned.connection(), guid, Some(by)).await, pinned) };
        self.read_of(Some(guid), work).await
    }

    /// [`Self::account`] in an existing controller session.
    pub async fn account_again(&self, pinned: &mut ControllerSession, guid: ObjectGuid) -> Result<Option<Account>, DirectoryError> {
        if !pinned.connection().is_usable() {
            pinned.reconnect().await?;
        }
        self.account_on(pinned.connection(), guid).await
    }

    async fn account_on(&self, connection: &mut Connection, guid: ObjectGuid) -> Result<Option<Account>, DirectoryError> {
        self.account_matching_on(connection, guid, None).await
    }

    async fn account_matching_on(
        &self,
        connection: &mut Connection,
        guid: ObjectGuid,
        by: Option<&Match>,
    ) -> Result<Option<Account>, DirectoryError> {
        let mut attributes = by.map_or_else(|| names(ATTRIBUTES_AND_GROUPS), |by| with(ATTRIBUTES_AND_GROUPS, by));
        attributes.push(METADATA.to_owned());
        let found = connection.read_object(&guid.as_dn(), &format!("(&{PERSON})"), attributes).await?;
        let ours = |entry: &LdapEntry| self.serves(&entry.dn) && by.is_none_or(|by| holds(entry, by));
        let Some(entry) = found.filter(ours) else { return Ok(None) };
        let account = account(&entry)?;
        if account.guid != guid {
            return Err(DirectoryError::Unreadable("objectGUID"));
        }
        if account.groups.is_empty() {
            return Err(DirectoryError::Unreadable("tokenGroups")); // every account has a primary group, so an empty answer means a missing right
        }
        Ok(Some(account))
    }

    pub(super) fn serves(&self, dn: &str) -> bool {
        self.search_bases.iter().any(|base| is_under(dn, base))
    }
}

fn names(attributes: &[&str]) -> Vec<String> {
    attributes.iter().map(|name| (*name).to_owned()).collect()
}

/// The names of the attributes to read, with the claim's attribute.
pub(super) fn with(attributes: &[&str], by: &Match) -> Vec<String> {
    let mut all = names(attributes);
    if !all.iter().any(|name| name.eq_ignore_ascii_case(&by.attribute)) {
        all.push(by.attribute.clone());
    }
    all
}

/// Filter for a claim. AD compares more loosely than we do, so it finds at least the matching accounts; [`holds`] compares again.
pub(super) fn filter(by: &Match) -> String {
    let same = |value: Vec<u8>| format!("({}={})", by.attribute, escaped(&value));
    format!("(&{PERSON}(|{}))", by.claim.spellings().into_iter().map(same).collect::<String>())
}

/// Escapes every byte that is no ASCII letter or digit as `\\XX` (RFC 4515, section 3).
pub(super) fn escaped(value: &[u8]) -> String {
    let one = |b: &u8| if b.is_ascii_alphanumeric() { char::from(*b).to_string() } else { format!("\\{b:02x}") };
    value.iter().map(one).collect()
}

/// Whether a value of the claim's attribute equals the claim, by our comparison.
fn holds(entry: &LdapEntry, by: &Match) -> bool {
    entry.all(&by.attribute).iter().any(|value| by.claim.is(value))
}

/// An entry as an account. A missing mandatory attribute is an error; no value is guessed.
pub(super) fn account(entry: &LdapEntry) -> Result<Account, DirectoryError> {
    let text = |name| entry.text(name).map(str::to_owned);
    let number = |name: &'static str| entry.number(name).ok_or(DirectoryError::Unreadable(name));
    let control = number("userAccountControl")?;
    let last_set_ticks = number("pwdLastSet")?;
    let computed = number("msDS-User-Account-Control-Computed")?;
    let expires = filetime::point(entry.number("accountExpires").unwrap_or_default());
    let groups = entry
        .all("tokenGroups")
        .iter()
        .map(|sid| Sid::from_ad(sid).ok_or(DirectoryError::Unreadable("tokenGroups")))
        .collect::<Result<_, _>>()?;
    Ok(Account {
        guid: entry.bytes("objectGUID").and_then(ObjectGuid::from_ad).ok_or(DirectoryError::Unreadable("objectGUID"))?,
        dn: entry.dn.clone(),
        sid: entry.bytes("objectSid").and_then(Sid::from_ad).ok_or(DirectoryError::Unreadable("objectSid"))?,
        sam: text("sAMAccountName").ok_or(DirectoryError::Unreadable("sAMAccountName"))?,
        upn: text("userPrincipalName"),
        display_name: text("displayName"),
        given_name: text("givenName"),
        surname: text("sn"),
        contact_details: CONTACT_DETAILS.into_iter().filter_map(text).collect(),
        disabled: control & DISABLED != 0,
        expires,
        locked: computed & LOCKED != 0,
        password: PasswordState {
            last_set_ticks,
            last_set: filetime::point(last_set_ticks),
            expiry: expiry(control, last_set_ticks, entry.number("msDS-UserPasswordExpiryTimeComputed")),
        },
        last_logon: entry.number("lastLogonTimestamp").and_then(filetime::point),
        wrong_tries: wrong_tries(entry),
        resultant_pso: text("msDS-ResultantPSO"),
        password_version: entry.bytes(METADATA).and_then(PasswordVersion::from_ad),
        admin_count: entry.number("adminCount").is_some_and(|count| count != 0),
        groups,
    })
}

/// A missing badPwdCount becomes [`WrongTries::NOT_SHOWN`]; [`crate::directory::password::bad_pwd_count`] decides whether it means zero.
pub(super) fn wrong_tries(entry: &LdapEntry) -> WrongTries {
    let count = entry.number("badPwdCount").and_then(|n| u32::try_from(n).ok()).unwrap_or(WrongTries::NOT_SHOWN);
    WrongTries { count, last: filetime::point(entry.number("badPasswordTime").unwrap_or_default()) }
}

fn expiry(control: i64, last_set_ticks: i64, computed: Option<i64>) -> PasswordExpiry {
    if control & NEVER_EXPIRES != 0 {
        PasswordExpiry::Never
    } else if last_set_ticks == 0 {
        PasswordExpiry::MustChange
    } else {
        computed.and_then(filetime::point).map_or(PasswordExpiry::Never, PasswordExpiry::At)
    }
}
