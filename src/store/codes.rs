//! One-time codes: one for an account, five attempts, one login, one password. Shared by all instances.
//!
//! Invariants: an attempt is counted before the code is compared, so that parallel guesses get no more of them; a guess with a wrong
//! selector counts no attempt, so that a stranger cannot use them up; of several logins with the right code at once, one succeeds; a new
//! code for the account, or a new password, ends the earlier code.

use std::{collections::HashSet, sync::Arc};

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Row, any::AnyRow};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{DerivedKeys, Store, StoreError, stored, within, written};
use crate::model::{
    ad::guid::ObjectGuid,
    audit::Party,
    credential::{one_time_code::Code, slow_hash::SlowHash},
};

/// Most codes in memory: far more than are valid at a time.
const MOST: i64 = 10_000;
/// Maximum age of the codes in memory.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// Wrong codes with the right selector that are accepted before the code ends.
const TRIES: i64 = 5;
/// Tolerated difference between the clocks of instances.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// Ended codes are kept for this long, so that the audit log can give the reason of a refusal.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A code as stored.
#[derive(Debug, Clone)]
pub struct StoredCode {
    pub id: Uuid,
    /// Hash of the code.
    pub hash: SlowHash,
    pub issuer: Party,
}

/// Result of the start of an attempt.
#[derive(Debug, Clone)]
pub enum Try {
    /// The code may be compared; the attempt is counted.
    Compare(StoredCode),
    /// Refused; the reason in the audit log.
    No(&'static str),
}

#[derive(Debug, Clone)]
pub struct Codes {
    store: Store,
    keys: DerivedKeys,
    /// Names with the selectors of the valid codes, and the time at which they were read.
    live: Arc<Mutex<Option<Live>>>,
}

/// Time of reading, and selectors.
type Live = (Timestamp, HashSet<String>);

/// Keyed fingerprints by which a code is found before it is compared: of the account, and of the names that its owner may type.
#[derive(Debug, Clone)]
pub struct Selectors {
    account: String,
    by_sam: String,
    by_upn: Option<String>,
}

impl Codes {
    pub fn new(store: &Store, keys: &DerivedKeys) -> Self {
        Self { store: store.clone(), keys: keys.clone(), live: Arc::default() }
    }

    /// The selectors of a code for this account. Names are in the form of [`crate::model::account::name::LoginName::key`].
    pub fn selectors(&self, account: ObjectGuid, sam: &str, upn: Option<&str>, code: &Code) -> Selectors {
        let of = |name: &str| self.keys.code_selector(name, code.selector());
        Selectors { account: of(&account.to_string()), by_sam: of(sam), by_upn: upn.map(of) }
    }

    /// True if an account of this name has a code with this selector. Answers from memory, which is read again each second, so that a flood
    /// of guesses does not reach the database.
    pub async fn selects(&self, name: &str, code: &Code, now: Timestamp) -> Result<bool, StoreError> {
        let wanted = self.keys.code_selector(name, code.selector());
        let mut live = self.live.lock().await;
        if let Some((at, all)) = live.as_ref()
            && *at <= now
            && now.duration_since(*at) < FRESH
        {
            return Ok(all.contains(&wanted));
        }
        let statement =
            "SELECT by_sam, by_upn FROM codes WHERE until > $1 AND redeemed IS NULL AND tries < $2 ORDER BY until DESC LIMIT $3";
        let query = sqlx::query(statement).bind(stored(now)).bind(TRIES).bind(MOST);
        let rows: Vec<AnyRow> = within(query.fetch_all(&self.store.pool)).await?;
        let mut all = HashSet::with_capacity(rows.len());
        for row in &rows {
            let (by_sam, by_upn): (Option<String>, Option<String>) = (row.try_get("by_sam")?, row.try_get("by_upn")?);
            all.extend(by_sam.into_iter().chain(by_upn));
        }
        let selects = all.contains(&wanted);
        *live = Some((now, all));
        Ok(selects)
    }

    /// Stores a new code in place of any earlier one for the account. On disk when this returns.
    pub async fn issue(
        &self,
        account: ObjectGuid,
        code: &StoredCode,
        selectors: &Selectors,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = "INSERT INTO codes (account, id, salt, hash, issuer_guid, issuer_account, issuer_name, issued, until, tries, selector, by_sam, by_upn)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12)
            ON CONFLICT (account) DO UPDATE SET id = $2, salt = $3, hash = $4, issuer_guid = $5, issuer_account = $6, issuer_name = $7,
                issued = $8, until = $9, tries = 0, redeemed = NULL, spent = NULL, expired = NULL, selector = $10, by_sam = $11, by_upn = $12";
        let query = sqlx::query(statement)
            .bind(account.to_string())
            .bind(code.id.to_string())
            .bind(HEXLOWER.encode(&code.hash.salt))
            .bind(HEXLOWER.encode(&code.hash.hash))
            .bind(code.issuer.guid.to_string())
            .bind(code.issuer.account_name.clone())
            .bind(code.issuer.name.clone())
            .bind(stored(now))
            .bind(stored(until))
            .bind(selectors.account.clone())
            .bind(selectors.by_sam.clone())
            .bind(selectors.by_upn.clone());
        within(query.execute(&self.store.durable)).await?;
        *self.live.lock().await = None;
        Ok(())
    }

    /// Counts an attempt of the code with this selector.
    pub async fn begin(&self, account: ObjectGuid, code: Option<&Code>, now: Timestamp) -> Result<Try, StoreError> {
        // A clock that went back must not prolong a code.
        let statement = "UPDATE codes SET tries = tries + 1
            WHERE account = $1 AND redeemed IS NULL AND until > $2 AND issued <= $3 AND tries < $4 AND selector = $5
            RETURNING id, salt, hash, issuer_guid, issuer_account, issuer_name";
        let soonest = now.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
        let query = sqlx::query(statement).bind(account.to_string()).bind(stored(now)).bind(stored(soonest)).bind(TRIES);
        let selector = code.map(|code| self.keys.code_selector(&account.to_string(), code.selector())).unwrap_or_default();
        let query = query.bind(selector);
        if let Some(row) = written(query, &self.store.durable).await? {
            return Ok(Try::Compare(kept(&row)?));
        }
        let query = sqlx::query("SELECT redeemed, tries, issued, until FROM codes WHERE account = $1").bind(account.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        let Some(row) = row else { return Ok(Try::No("no_code")) };
        let (redeemed, tries): (Option<i64>, i64) = (row.try_get("redeemed")?, row.try_get("tries")?);
        let (issued, until): (i64, i64) = (row.try_get("issued")?, row.try_get("until")?);
        Ok(Try::No(match (redeemed, tries) {
            (Some(_), _) => "code_redeemed",
            (None, TRIES..) => "code_tries_used_up",
            (None, _) if until > stored(now) && issued <= stored(soonest) => "wrong_code",
            (None, _) => "code_expired",
        }))
    }

    /// Redeems the code by a login. True for one login only, and only while it is the account's current code.
    pub async fn redeem(&self, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let statement = "UPDATE codes SET redeemed = $3 WHERE account = $1 AND id = $2 AND redeemed IS NULL";
        self.once(statement, account, id, now).await
    }

    /// True if the login with this code may still set a password: none was set with it, and no new code was issued.
    pub async fn is_good(&self, account: ObjectGuid, id: Uuid) -> Result<bool, StoreError> {
        let statement = "SELECT 1 FROM codes WHERE account = $1 AND id = $2 AND redeemed IS NOT NULL AND spent IS NULL";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        Ok(within(query.fetch_optional(&self.store.durable)).await?.is_some())
    }

    /// The issuer, while it is the account's current code.
    pub async fn issuer_of(&self, account: ObjectGuid, id: Uuid) -> Result<Option<Party>, StoreError> {
        let statement = "SELECT issuer_guid, issuer_account, issuer_name FROM codes WHERE account = $1 AND id = $2";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.as_ref().map(issuer).transpose()
    }

    /// Claims the one password of the code before it is set. True once only.
    pub async fn spend(&self, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let statement = "UPDATE codes SET spent = $3 WHERE account = $1 AND id = $2 AND redeemed IS NOT NULL AND spent IS NULL";
        self.once(statement, account, id, now).await
    }

    /// Returns the claim after no password was set.
    pub async fn give_back(&self, account: ObjectGuid, id: Uuid) -> Result<(), StoreError> {
        let statement = "UPDATE codes SET spent = NULL WHERE account = $1 AND id = $2 AND spent IS NOT NULL";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        within(query.execute(&self.store.durable)).await?;
        Ok(())
    }

    /// Ends the account's code and the login with it, because the password was changed.
    pub async fn void(&self, account: ObjectGuid, now: Timestamp) -> Result<(), StoreError> {
        let statement = "UPDATE codes SET redeemed = COALESCE(redeemed, $2), spent = COALESCE(spent, $2) WHERE account = $1";
        within(sqlx::query(statement).bind(account.to_string()).bind(stored(now)).execute(&self.store.durable)).await?;
        Ok(())
    }

    async fn once(&self, statement: &'static str, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string()).bind(stored(now));
        Ok(within(query.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// Codes that expired unused, each returned once: the account and the issuer.
    pub async fn take_expired(&self, now: Timestamp) -> Result<Vec<(ObjectGuid, Party)>, StoreError> {
        let statement = "UPDATE codes SET expired = $1 WHERE until <= $1 AND redeemed IS NULL AND expired IS NULL
            RETURNING account, issuer_guid, issuer_account, issuer_name";
        let rows: Vec<AnyRow> = within(sqlx::query(statement).bind(stored(now)).fetch_all(&self.store.durable)).await?;
        let read = |row: &AnyRow| {
            let account: String = row.try_get("account")?;
            Ok((ObjectGuid::parse(&account).ok_or(StoreError::Corrupt("codes"))?, issuer(row)?))
        };
        rows.iter().map(read).collect()
    }

    /// Deletes codes that ended more than a day ago.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM codes WHERE until < $1").bind(stored(now - KEPT));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }
}

fn kept(row: &AnyRow) -> Result<StoredCode, StoreError> {
    let corrupt = || StoreError::Corrupt("codes");
    let text = |column: &str| Ok::<String, StoreError>(row.try_get(column)?);
    let bytes = |column: &str| HEXLOWER.decode(text(column)?.as_bytes()).map_err(|_| corrupt());
    let hash =
        SlowHash { salt: bytes("salt")?.try_into().map_err(|_| corrupt())?, hash: bytes("hash")?.try_into().map_err(|_| corrupt())? };
    Ok(StoredCode { id: Uuid::try_parse(&text("id")?).map_err(|_| corrupt())?, hash, issuer: issuer(row)? })
}

fn issuer(row: &AnyRow) -> Result<Party, StoreError> {
    let text = |column: &str| Ok::<String, StoreError>(row.try_get(column)?);
    let guid = ObjectGuid::parse(&text("issuer_guid")?).ok_or(StoreError::Corrupt("codes"))?;
    Ok(Party { guid, account_name: text("issuer_account")?, name: text("issuer_name")? })
}
