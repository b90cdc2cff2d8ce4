//! API tokens in the store.
//!
//! Invariants: the store has only the SHA-256 of a secret; comparisons take constant time.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use sqlx::{Row, any::AnyRow};
use subtle::ConstantTimeEq;

use super::{Store, StoreError, stored, within};
use crate::model::credential::api_token::{ApiToken, Presented, TokenName, TokenScope};

const COLUMNS: &str = "id, name, scope, digest, created_at, expires_at, revoked_at, logged_at";

#[derive(Debug, Clone)]
pub struct ApiTokens {
    store: Store,
}

impl ApiTokens {
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// `false` if a token of this name exists that is not revoked.
    pub async fn add(
        &self,
        token: &Presented,
        name: &TokenName,
        scope: TokenScope,
        created: Timestamp,
        expires: Timestamp,
    ) -> Result<bool, StoreError> {
        let insert = "INSERT INTO api_tokens (id, name, scope, digest, created_at, expires_at, logged_at)
            VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert)
            .bind(token.id.clone())
            .bind(name.as_str().to_owned())
            .bind(scope.code())
            .bind(digest(&SHA256, token.secret()).as_ref().to_vec())
            .bind(stored(created))
            .bind(stored(expires));
        Ok(within(insert.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// The token with this id and secret, valid or not. `None` if there is none.
    pub async fn find(&self, shown: &Presented) -> Result<Option<ApiToken>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM api_tokens WHERE id = $1"))).bind(shown.id.clone());
        let row = within(query.fetch_optional(&self.store.durable)).await?;
        let known = row.as_ref().map(|row| row.try_get::<Vec<u8>, _>("digest")).transpose()?.unwrap_or_else(|| vec![0; 32]);
        let same: bool = digest(&SHA256, shown.secret()).as_ref().ct_eq(&known).into();
        row.as_ref().filter(|_| same).map(token).transpose()
    }

    /// All tokens, oldest first.
    pub async fn all(&self) -> Result<Vec<ApiToken>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM api_tokens ORDER BY created_at, id")));
        within(query.fetch_all(&self.store.durable)).await?.iter().map(token).collect()
    }

    /// Revokes the token of this name. `false` if there is none that is not revoked.
    pub async fn revoke(&self, name: &TokenName, now: Timestamp) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE api_tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL");
        let update = update.bind(name.as_str().to_owned()).bind(stored(now));
        Ok(within(update.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// Records that a read with this token was logged now.
    pub async fn logged(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE api_tokens SET logged_at = $2 WHERE id = $1").bind(id.to_owned()).bind(stored(now));
        within(update.execute(&self.store.pool)).await?;
        Ok(())
    }
}

fn token(row: &AnyRow) -> Result<ApiToken, StoreError> {
    let corrupt = || StoreError::Corrupt("api_tokens");
    let at = |micros| Timestamp::from_microsecond(micros).map_err(|_| corrupt());
    Ok(ApiToken {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scope: TokenScope::from_code(row.try_get("scope")?).ok_or_else(corrupt)?,
        created: at(row.try_get("created_at")?)?,
        expires: at(row.try_get("expires_at")?)?,
        revoked: row.try_get::<Option<i64>, _>("revoked_at")?.map(at).transpose()?,
        logged: at(row.try_get("logged_at")?)?,
    })
}
