//! One-time codes: one for an account, five tries, one login, one password. Shared by all instances.
//!
//! Invariants: a try is taken before the code is compared, so that guesses in parallel get no more of them; a guess that does not begin like
//! the code takes none, so that no stranger uses them up; of several who have the right code at
//! once, one wins; a new code for the account, or a new password, ends the one before.

use std::{collections::HashSet, sync::Arc};

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Row, any::AnyRow};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Keys, Store, StoreError, stored, within, written};
use crate::model::{audit::Party, code::Code, guid::ObjectGuid, slow_hash::SlowHash};

/// Codes that count at once, in memory: far more than any helpdesk gives out in a quarter of an hour.
const MOST: i64 = 10_000;
/// Memory is as old as this at most.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// Wrong codes that are taken, of those that begin like the right one.
const TRIES: i64 = 5;
/// Clocks of instances may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// What is over is kept so long, so that the log can say why a code was refused.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A code as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its own number.
    pub id: Uuid,
    /// What the code is compared with.
    pub hash: SlowHash,
    /// Who gave it out.
    pub issuer: Party,
}

/// May a code be compared?
#[derive(Debug, Clone)]
pub enum Try {
    /// Yes; one try is taken.
    Compare(Kept),
    /// No, and why, for the log.
    No(&'static str),
}

/// Codes in the store.
#[derive(Debug, Clone)]
pub struct Codes {
    store: Store,
    keys: Keys,
    /// Names with the selectors of the codes that count now, as read at that time.
    live: Arc<Mutex<Option<Live>>>,
}

/// When it was read, and what.
type Live = (Timestamp, HashSet<String>);

/// By what a code is found before it is compared: fingerprints, for the account itself and for the names that its owner may type.
#[derive(Debug, Clone)]
pub struct Selectors {
    account: String,
    by_sam: String,
    by_upn: Option<String>,
}

impl Codes {
    /// In this store.
    pub fn new(store: &Store, keys: &Keys) -> Self {
        Self { store: store.clone(), keys: keys.clone(), live: Arc::default() }
    }

    /// Of a code of this account. The names as a login's are counted: without domain, in lower case.
    pub fn selectors(&self, account: ObjectGuid, sam: &str, upn: Option<&str>, code: &Code) -> Selectors {
        let of = |name: &str| self.keys.code_selector(name, code.selector());
        Selectors { account: of(&account.to_string()), by_sam: of(sam), by_upn: upn.map(of) }
    }

    /// Has an account of this name a code that begins like this one? From memory, which is read again each second: a flood of guesses asks the database for
    /// nothing.
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

    /// Keeps a new code in the place of any other for the account. On disk when this returns.
    pub async fn issue(
        &self,
        account: ObjectGuid,
        code: &Kept,
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

    /// Takes one of the tries of the code that has this selector.
    pub async fn begin(&self, account: ObjectGuid, code: Option<&Code>, now: Timestamp) -> Result<Try, StoreError> {
        // A clock that went back must not make a code live longer.
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
            (Some(_), _) => "code_used",
            (None, TRIES..) => "code_tries_used_up",
            (None, _) if until > stored(now) && issued <= stored(soonest) => "wrong_code",
            (None, _) => "code_expired",
        }))
    }

    /// Begins a login with it: true for one only, and only while it is the account's code.
    pub async fn redeem(&self, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let statement = "UPDATE codes SET redeemed = $3 WHERE account = $1 AND id = $2 AND redeemed IS NULL";
        self.once(statement, account, id, now).await
    }

    /// May the login that was begun with it still set a password? Not after it has, nor after a new code was given out.
    pub async fn is_good(&self, account: ObjectGuid, id: Uuid) -> Result<bool, StoreError> {
        let statement = "SELECT 1 FROM codes WHERE account = $1 AND id = $2 AND redeemed IS NOT NULL AND spent IS NULL";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        Ok(within(query.fetch_optional(&self.store.durable)).await?.is_some())
    }

    /// Who gave it out, while it is the account's code.
    pub async fn issuer_of(&self, account: ObjectGuid, id: Uuid) -> Result<Option<Party>, StoreError> {
        let statement = "SELECT issuer_guid, issuer_account, issuer_name FROM codes WHERE account = $1 AND id = $2";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        let row: Option<AnyRow> = within(query.fetch_optional(&self.store.durable)).await?;
        row.as_ref().map(issuer).transpose()
    }

    /// Its one password is about to be set: true for one only.
    pub async fn spend(&self, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let statement = "UPDATE codes SET spent = $3 WHERE account = $1 AND id = $2 AND redeemed IS NOT NULL AND spent IS NULL";
        self.once(statement, account, id, now).await
    }

    /// No password was set after all.
    pub async fn give_back(&self, account: ObjectGuid, id: Uuid) -> Result<(), StoreError> {
        let statement = "UPDATE codes SET spent = NULL WHERE account = $1 AND id = $2 AND spent IS NOT NULL";
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string());
        within(query.execute(&self.store.durable)).await?;
        Ok(())
    }

    /// Ends whatever code the account has, and the login that was begun with it: its password is another now.
    pub async fn void(&self, account: ObjectGuid, now: Timestamp) -> Result<(), StoreError> {
        let statement = "UPDATE codes SET redeemed = COALESCE(redeemed, $2), spent = COALESCE(spent, $2) WHERE account = $1";
        within(sqlx::query(statement).bind(account.to_string()).bind(stored(now)).execute(&self.store.durable)).await?;
        Ok(())
    }

    async fn once(&self, statement: &'static str, account: ObjectGuid, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query(statement).bind(account.to_string()).bind(id.to_string()).bind(stored(now));
        Ok(within(query.execute(&self.store.durable)).await?.rows_affected() == 1)
    }

    /// Codes that ran out without being used, each told once: the account, and who gave it out.
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

    /// Forgets what is long over.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let delete = sqlx::query("DELETE FROM codes WHERE until < $1").bind(stored(now - KEPT));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }
}

fn kept(row: &AnyRow) -> Result<Kept, StoreError> {
    let corrupt = || StoreError::Corrupt("codes");
    let text = |column: &str| Ok::<String, StoreError>(row.try_get(column)?);
    let bytes = |column: &str| HEXLOWER.decode(text(column)?.as_bytes()).map_err(|_| corrupt());
    let hash =
        SlowHash { salt: bytes("salt")?.try_into().map_err(|_| corrupt())?, hash: bytes("hash")?.try_into().map_err(|_| corrupt())? };
    Ok(Kept { id: Uuid::try_parse(&text("id")?).map_err(|_| corrupt())?, hash, issuer: issuer(row)? })
}

fn issuer(row: &AnyRow) -> Result<Party, StoreError> {
    let text = |column: &str| Ok::<String, StoreError>(row.try_get(column)?);
    let guid = ObjectGuid::parse(&text("issuer_guid")?).ok_or(StoreError::Corrupt("codes"))?;
    Ok(Party { guid, account_name: text("issuer_account")?, name: text("issuer_name")? })
}
