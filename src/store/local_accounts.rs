//! Local accounts in the store.
//!
//! Invariants: the database alone is not enough to compute a one-time password of the second factor; a TOTP step is used once over all
//! instances; reads are never cached.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{Row, any::AnyRow};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{DerivedKeys, Store, StoreError, stored, within};
use crate::model::credential::local_account::{Role, StaffAccount, StaffName, roles_code};

const COLUMNS: &str = "id, name, full_name, roles, stamp, disabled, created_at";

#[derive(Debug, Clone)]
pub struct LocalAccounts {
    store: Store,
    keys: DerivedKeys,
}

/// The credentials of a local account.
pub struct LocalCredentials {
    /// argon2id, in PHC string format.
    pub hash: String,
    /// Secret of the authenticator app.
    pub totp: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for LocalCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A local account as found at a login.
#[derive(Debug)]
pub struct FoundLocalAccount {
    /// The account, disabled or not.
    pub account: StaffAccount,
    /// `None`: the credentials were sealed with another secret and have to be set again.
    pub credentials: Option<LocalCredentials>,
}

impl LocalAccounts {
    pub fn new(store: &Store, keys: &DerivedKeys) -> Self {
        Self { store: store.clone(), keys: keys.clone() }
    }

    /// `false` if the name is taken.
    pub async fn add(&self, account: &StaffAccount, name: &StaffName, credentials: &LocalCredentials) -> Result<bool, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO staff (id, name, name_key, full_name, roles, hash, totp, last_step, stamp, disabled, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10) ON CONFLICT DO NOTHING",
        );
        let insert = insert
            .bind(account.id.to_string())
            .bind(name.as_str().to_owned())
            .bind(name.key())
            .bind(account.full_name.clone())
            .bind(roles_code(&account.roles))
            .bind(credentials.hash.clone())
            .bind(self.seal(account.id, &credentials.totp)?)
            .bind(account.stamp.to_string())
            .bind(i64::from(account.disabled))
            .bind(stored(account.created));
        Ok(within(insert.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// The account of this name, disabled or not.
    pub async fn find(&self, name: &StaffName) -> Result<Option<FoundLocalAccount>, StoreError> {
        let statement = format!("SELECT {COLUMNS}, hash, totp FROM staff WHERE name_key = $1");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(name.key());
        let Some(row) = within(query.fetch_optional(&self.store.durable)).await? else { return Ok(None) };
        let account = account(&row)?;
        let totp = self.open(account.id, &row.try_get::<Vec<u8>, _>("totp")?);
        let hash: String = row.try_get("hash")?;
        Ok(Some(FoundLocalAccount { account, credentials: totp.map(|totp| LocalCredentials { hash, totp }) }))
    }

    /// The account, read again at every use. `None`: removed or disabled.
    pub async fn current(&self, id: Uuid) -> Result<Option<StaffAccount>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM staff WHERE id = $1 AND disabled = 0");
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id.to_string());
        within(query.fetch_optional(&self.store.durable)).await?.as_ref().map(account).transpose()
    }

    /// All accounts, ordered by name.
    pub async fn all(&self) -> Result<Vec<StaffAccount>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM staff ORDER BY name_key")));
        within(query.fetch_all(&self.store.durable)).await?.iter().map(account).collect()
    }

    /// Uses a TOTP step. `false`: this step or a later one was used, or the account was disabled, removed or reset since it was read.
    pub async fn use_step(&self, account: &StaffAccount, step: i64) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE staff SET last_step = $3 WHERE id = $1 AND stamp = $2 AND disabled = 0 AND last_step < $3");
        let update = update.bind(account.id.to_string()).bind(account.stamp.to_string()).bind(step);
        Ok(within(update.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// Disables or enables the account. `stamp`: a new stamp. `false`: the account does not exist.
    pub async fn set_disabled(&self, id: Uuid, disabled: bool, stamp: Uuid) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE staff SET disabled = $2, stamp = $3 WHERE id = $1");
        let update = update.bind(id.to_string()).bind(i64::from(disabled)).bind(stamp.to_string());
        Ok(within(update.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// Sets a new password and second factor. `stamp`: a new stamp. `false`: the account does not exist.
    pub async fn reset(&self, id: Uuid, credentials: &LocalCredentials, stamp: Uuid) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE staff SET hash = $2, totp = $3, last_step = 0, stamp = $4 WHERE id = $1");
        let update = update.bind(id.to_string()).bind(credentials.hash.clone());
        let update = update.bind(self.seal(id, &credentials.totp)?).bind(stamp.to_string());
        Ok(within(update.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// `false`: the account does not exist.
    pub async fn remove(&self, id: Uuid) -> Result<bool, StoreError> {
        let delete = sqlx::query("DELETE FROM staff WHERE id = $1").bind(id.to_string());
        Ok(within(delete.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    fn seal(&self, id: Uuid, totp: &[u8]) -> Result<Vec<u8>, StoreError> {
        let id = id.to_string();
        self.keys.seal_with(&self.keys.staff(&id), &id, totp).map_err(|_| StoreError::NoRandomness)
    }

    fn open(&self, id: Uuid, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let id = id.to_string();
        DerivedKeys::open_with(&self.keys.staff(&id), &id, sealed)
    }
}

fn account(row: &AnyRow) -> Result<StaffAccount, StoreError> {
    let corrupt = || StoreError::Corrupt("staff");
    let text = |column| row.try_get::<String, _>(column);
    let uuid = |column| Uuid::try_parse(&text(column)?).map_err(|_| corrupt());
    let roles: Option<BTreeSet<Role>> = text("roles")?.split(',').map(Role::from_code).collect();
    Ok(StaffAccount {
        id: uuid("id")?,
        name: text("name")?,
        full_name: text("full_name")?,
        roles: roles.ok_or_else(corrupt)?,
        stamp: uuid("stamp")?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        created: Timestamp::from_microsecond(row.try_get("created_at")?).map_err(|_| corrupt())?,
    })
}
