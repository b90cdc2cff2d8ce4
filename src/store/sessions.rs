//! Sessions of logged-in users.
//!
//! Invariants: the database alone is not enough to make a cookie or to read a session; idle and absolute limits use the injected clock; a
//! session that has ended does not come back.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Row, any::AnyRow};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};
use zeroize::Zeroizing;

use super::{DerivedKeys, Store, StoreError, stored, within};
use crate::{
    clock::Clock,
    config,
    model::{
        ad::guid::ObjectGuid,
        device::Device,
        identity::{LoginMethod, provider::ProviderId},
    },
};

/// Key in the session data: the account whose new password ends the session, by objectGUID or local account id, as text. See
/// [`Sessions::end_all_of`].
pub const SUBJECT: &str = "subject";
/// Key in the session data: the provider login that began the session, for logout by the provider.
pub const PROVIDER_LOGIN: &str = "provider_login";
/// Key in the session data: the linked accounts of a provider's login, and the person, as texts. Ending an account's sessions ends this
/// session too.
pub const OWNERS: &str = "owners";
/// Key in the session data: a [`Label`] for the list of sessions.
pub const LABEL: &str = "label";
/// Longest list of sessions.
const MOST: i64 = 50;
/// The time of last use is written at most this often.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(20);
/// Tolerated difference between the clocks of instances.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The session of the current request, which continues when the account's other sessions end. It is the content of the cookie, so Debug
/// does not print it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Asking(Id);

impl From<Id> for Asking {
    fn from(id: Id) -> Self {
        Self(id)
    }
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Asking(…)")
    }
}

/// Description of a session, by which its owner recognises it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub method: LoginMethod,
    /// `None` for logins without an identity provider.
    pub provider: Option<ProviderId>,
    pub device: Device,
}

/// A session in the owner's list. It holds nothing that leads to the session's cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// Name of the session in forms: a keyed fingerprint.
    pub handle: String,
    /// `None`: the session was begun by an earlier version of the service.
    pub label: Option<Label>,
    /// Begin of the session.
    pub since: Timestamp,
    /// True for the session of the current request.
    pub this: bool,
}

/// The sessions in the store.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    keys: DerivedKeys,
    idle: SignedDuration,
    absolute: SignedDuration,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    pub fn new(store: &Store, keys: &DerivedKeys, limits: &config::SessionConfig, clock: Arc<dyn Clock>) -> Self {
        let minutes = |n: u32| SignedDuration::from_mins(n.into());
        Self {
            store: store.clone(),
            keys: keys.clone(),
            idle: minutes(limits.idle_minutes),
            absolute: minutes(limits.absolute_minutes),
            clock,
        }
    }

    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM sessions WHERE used_at < $1 OR created_at < $2";
        let delete = sqlx::query(statement).bind(stored(now - self.idle)).bind(stored(now - self.absolute));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }

    /// Ends all sessions of an account, in AD or local, except the given one. Returns their number.
    pub async fn end_all_of(&self, account: ObjectGuid, except: Option<Asking>) -> Result<u64, StoreError> {
        let spared = except.map(|Asking(id)| self.keys.session_id(id.0)).unwrap_or_default();
        let statement = "DELETE FROM sessions
            WHERE (subject = $1 OR id IN (SELECT session FROM session_people WHERE subject = $1)) AND id <> $2";
        let delete = sqlx::query(statement);
        let delete = delete.bind(self.keys.session_subject(&account.to_string())).bind(spared);
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }

    /// The live sessions of these accounts and people, the newest first.
    pub async fn all_of(&self, owners: &[ObjectGuid], asking: Option<Asking>) -> Result<Vec<ListedSession>, StoreError> {
        let now = self.clock.now();
        let places = (0..owners.len()).map(|n| format!("${}", n + 4)).collect::<Vec<_>>().join(", ");
        let statement = format!(
            "SELECT id, label, created_at FROM sessions WHERE used_at > $1 AND created_at > $2 AND id IN
             (SELECT session FROM session_people WHERE subject IN ({places})) ORDER BY created_at DESC, id LIMIT $3"
        );
        let mut query =
            sqlx::query(sqlx::AssertSqlSafe(statement)).bind(stored(now - self.idle)).bind(stored(now - self.absolute)).bind(MOST);
        for owner in owners {
            query = query.bind(self.keys.session_subject(&owner.to_string()));
        }
        let this = asking.map(|Asking(id)| self.keys.session_id(id.0));
        let rows = within(query.fetch_all(&self.store.pool)).await?;
        let known = |row: &AnyRow| {
            let id: String = row.try_get("id")?;
            let sealed: Option<String> = row.try_get("label")?;
            let label = sealed.and_then(|sealed| serde_json::from_slice(&self.keys.open(&label_of(&id), &sealed)?).ok());
            let since = Timestamp::from_microsecond(row.try_get("created_at")?).map_err(|_| StoreError::Corrupt("sessions"))?;
            Ok(ListedSession { handle: self.keys.session_handle(&id), label, since, this: this.as_ref() == Some(&id) })
        };
        rows.iter().map(known).collect()
    }

    /// Ends one session of these accounts and people, by its handle. False: they have no such session.
    pub async fn end_one_of(&self, owners: &[ObjectGuid], handle: &str) -> Result<bool, StoreError> {
        for owner in owners {
            let owner = self.keys.session_subject(&owner.to_string());
            let query = sqlx::query("SELECT session FROM session_people WHERE subject = $1").bind(owner);
            let rows = within(query.fetch_all(&self.store.pool)).await?;
            for row in rows {
                let id: String = row.try_get("session")?;
                if self.keys.session_handle(&id) == handle {
                    let delete = sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id);
                    return Ok(within(delete.execute(&self.store.pool)).await?.rows_affected() > 0);
                }
            }
        }
        Ok(false)
    }

    /// Ends the sessions that began with logins of this person at the provider. Returns their number.
    pub async fn end_of_person_there(&self, provider: &str, person: &str) -> Result<u64, StoreError> {
        let delete =
            sqlx::query("DELETE FROM sessions WHERE provider_subject = $1").bind(self.keys.session_subject(&of_person(provider, person)));
        Ok(within(delete.execute(&self.store.pool)).await?.rows_affected())
    }

    /// Ends the sessions that began in these sessions of the provider; if `person` is given, only sessions of that person. Also ends the
    /// person's sessions for which the provider gave no session, because they may belong to one of these. Returns their number.
    pub async fn end_of_sessions_there(&self, provider: &str, sessions: &[String], person: Option<&str>) -> Result<u64, StoreError> {
        let person = person.map(|person| self.keys.session_subject(&of_person(provider, person)));
        let mut ended = 0;
        if let Some(person) = &person {
            let delete = sqlx::query("DELETE FROM sessions WHERE provider_subject = $1 AND provider_session IS NULL").bind(person);
            ended += within(delete.execute(&self.store.pool)).await?.rows_affected();
        }
        for session in sessions {
            let session = self.keys.session_subject(&of_session(provider, session));
            let delete = match &person {
                Some(person) => {
                    sqlx::query("DELETE FROM sessions WHERE provider_session = $1 AND provider_subject = $2").bind(session).bind(person)
                }
                None => sqlx::query("DELETE FROM sessions WHERE provider_session = $1").bind(session),
            };
            ended += within(delete.execute(&self.store.pool)).await?.rows_affected();
        }
        Ok(ended)
    }

    /// The keys by which a provider's logout finds a session: person and session at the provider.
    fn provider(&self, record: &Record) -> (Option<String>, Option<String>) {
        let Some(login) = record.data.get(PROVIDER_LOGIN) else { return (None, None) };
        let text = |key: &str| login.get(key).and_then(Value::as_str);
        let Some(provider) = text("provider") else { return (None, None) };
        let person = text("person").map(|person| self.keys.session_subject(&of_person(provider, person)));
        (person, text("session").map(|session| self.keys.session_subject(&of_session(provider, session))))
    }

    fn subject(&self, record: &Record) -> Option<String> {
        record.data.get(SUBJECT).and_then(Value::as_str).map(|account| self.keys.session_subject(account))
    }

    /// Encrypts with a key of this session: the data cannot be read with the database and the secret alone, without the cookie.
    fn seal(&self, id: Id, data: &HashMap<String, Value>) -> Result<Vec<u8>, StoreError> {
        let text = Zeroizing::new(serde_json::to_vec(data).map_err(|_| StoreError::Corrupt("sessions"))?);
        let sealed = self.keys.seal_with(&self.keys.session_data(id.0), &self.keys.session_id(id.0), &text);
        sealed.map_err(|_| StoreError::NoRandomness)
    }

    fn open(&self, id: Id, sealed: &[u8]) -> Option<HashMap<String, Value>> {
        let text = DerivedKeys::open_with(&self.keys.session_data(id.0), &self.keys.session_id(id.0), sealed)?;
        serde_json::from_slice(&text).ok()
    }

    async fn read(&self, id: &Id) -> Result<Option<Record>, StoreError> {
        let query = sqlx::query("SELECT data, created_at, used_at FROM sessions WHERE id = $1").bind(self.keys.session_id(id.0));
        let Some(row) = within(query.fetch_optional(&self.store.pool)).await? else { return Ok(None) };
        let sealed: Vec<u8> = row.try_get("data")?;
        let time = |column| Timestamp::from_microsecond(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Corrupt("sessions"));
        let (created_at, used_at) = (time("created_at")?, time("used_at")?);
        let now = self.clock.now();
        let live = now.duration_since(used_at) < self.idle && now.duration_since(created_at) < self.absolute && created_at < now + SKEW;
        let data = if live { self.open(*id, &sealed) } else { None };
        let Some(data) = data else {
            if live {
                tracing::warn!("session data not authentic or of another secret; session ended");
            }
            self.remove(id).await?;
            return Ok(None);
        };
        if now.duration_since(used_at) >= TOUCH_EVERY {
            let touch = sqlx::query("UPDATE sessions SET used_at = $2 WHERE id = $1").bind(self.keys.session_id(id.0)).bind(stored(now));
            within(touch.execute(&self.store.pool)).await?;
        }
        Ok(Some(Record { id: *id, data, expiry_date: OffsetDateTime::UNIX_EPOCH }))
    }

    /// The owners of the session: subject and linked accounts, as keyed fingerprints.
    fn owners(&self, record: &Record) -> BTreeSet<String> {
        let owners = record.data.get(OWNERS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let owners = owners.iter().filter_map(Value::as_str).map(|owner| self.keys.session_subject(owner));
        owners.chain(self.subject(record)).collect()
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let now = stored(self.clock.now());
        let (person, session) = self.provider(record);
        let id = self.keys.session_id(record.id.0);
        let label = record.data.get(LABEL).map(|label| self.keys.seal(&label_of(&id), label.to_string().as_bytes()));
        let label = label.transpose().map_err(|_| StoreError::NoRandomness)?;
        let statement = "INSERT INTO sessions (id, subject, data, created_at, used_at, provider_subject, provider_session, label)
            VALUES ($1, $2, $3, $4, $4, $5, $6, $7)";
        let insert = sqlx::query(statement)
            .bind(id.clone())
            .bind(self.subject(record))
            .bind(self.seal(record.id, &record.data)?)
            .bind(now)
            .bind(person)
            .bind(session)
            .bind(label);
        let owners = self.owners(record);
        within(async {
            let mut transaction = self.store.pool.begin().await?;
            insert.execute(&mut *transaction).await?;
            for owner in owners {
                let owned = sqlx::query("INSERT INTO session_people (session, subject) VALUES ($1, $2)").bind(id.clone()).bind(owner);
                owned.execute(&mut *transaction).await?;
            }
            transaction.commit().await
        })
        .await
    }

    async fn update(&self, record: &Record) -> Result<(), StoreError> {
        let (person, session) = self.provider(record);
        let update = sqlx::query("UPDATE sessions SET subject = $2, data = $3, provider_subject = $4, provider_session = $5 WHERE id = $1")
            .bind(self.keys.session_id(record.id.0))
            .bind(self.subject(record))
            .bind(self.seal(record.id, &record.data)?)
            .bind(person)
            .bind(session);
        within(update.execute(&self.store.pool)).await?;
        Ok(())
    }

    async fn remove(&self, id: &Id) -> Result<(), StoreError> {
        within(sqlx::query("DELETE FROM sessions WHERE id = $1").bind(self.keys.session_id(id.0)).execute(&self.store.pool)).await?;
        Ok(())
    }
}

/// The name under which a session's label is sealed. It holds the session's id, so that labels cannot be exchanged.
fn label_of(id: &str) -> String {
    format!("session label {id}")
}

/// Unambiguous, because a provider's name holds no colon.
fn of_person(provider: &str, person: &str) -> String {
    format!("person {provider}:{person}")
}

fn of_session(provider: &str, session: &str) -> String {
    format!("session {provider}:{session}")
}

fn backend(error: &StoreError) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.insert(record).await.map_err(|e| backend(&e))
    }

    /// Updates an existing session; a session that has ended meanwhile stays ended.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.update(record).await.map_err(|e| backend(&e))
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.read(id).await.map_err(|e| backend(&e))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.remove(id).await.map_err(|e| backend(&e))
    }
}
