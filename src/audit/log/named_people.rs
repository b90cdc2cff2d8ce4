//! Index of the people named in audit entries, so that a search by name needs no scan of the log.

use sqlx::Row;

use crate::audit::{AuditLog, log::entry::StoredEntry, search::SearchError};
use crate::store::{StoreError, within};

/// Most people that a search by name may match. A search with more matches is too broad.
pub const MOST: usize = 20;
/// Characters and words of a name that a search uses. No name is longer, and each word costs a scan of all names.
const LONGEST: usize = 200;
const WORDS: usize = 8;
/// Rows in one statement.
const ROWS: usize = 200;

/// A person as named in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NamedInEntry {
    guid: String,
    words: String,
    account: String,
}

impl NamedInEntry {
    /// Actor and target of an entry.
    pub(crate) fn in_entry(entry: &StoredEntry) -> impl Iterator<Item = Self> + use<> {
        let named = |guid: &Option<String>, account: &Option<String>, name: &Option<String>| {
            let account = account.as_deref().unwrap_or_default().to_lowercase();
            let name = name.as_deref().unwrap_or_default().to_lowercase();
            let words = [account.as_str()].into_iter().chain(name.split_whitespace());
            let words: String = words.filter(|word| !word.is_empty()).map(|word| format!(" {word}")).collect();
            guid.clone().filter(|_| !words.is_empty()).map(|guid| Self { guid, words, account })
        };
        let actor = named(&entry.actor_guid, &entry.actor_account, &entry.actor_name);
        let target = named(&entry.target_guid, &entry.target_account, &entry.target_name);
        actor.into_iter().chain(target)
    }
}

impl AuditLog {
    /// Adds people that are not in the index yet.
    pub(crate) async fn take_up(&self, people: &[NamedInEntry]) -> Result<(), StoreError> {
        for rows in people.chunks(ROWS) {
            let values =
                (0..rows.len()).map(|n| format!("(${}, ${}, ${})", n * 3 + 1, n * 3 + 2, n * 3 + 3)).collect::<Vec<_>>().join(", ");
            let insert = format!("INSERT INTO audit_people (guid, words, account) VALUES {values} ON CONFLICT DO NOTHING");
            let mut insert = sqlx::query(sqlx::AssertSqlSafe(insert));
            for person in rows {
                insert = insert.bind(person.guid.clone()).bind(person.words.clone()).bind(person.account.clone());
            }
            within(insert.execute(&self.store.durable)).await?;
        }
        Ok(())
    }

    /// The objectGUIDs of the people with this account name, this objectGUID, or a name with words that begin like
    /// this.
    pub async fn people_named(&self, text: &str) -> Result<Result<Vec<String>, SearchError>, StoreError> {
        let text: String = text.trim().chars().take(LONGEST).collect::<String>().to_lowercase();
        if let Ok(guid) = uuid::Uuid::try_parse(&text) {
            return Ok(Ok(vec![guid.to_string()]));
        }
        let exact = sqlx::query("SELECT DISTINCT guid FROM audit_people WHERE account = $1 LIMIT $2").bind(text.clone());
        let rows = within(exact.bind(most()).fetch_all(&self.store.readers)).await?;
        if !rows.is_empty() {
            return found(rows.iter().map(|row| row.try_get("guid")).collect::<Result<_, _>>()?);
        }
        let words: Vec<String> = text.split_whitespace().take(WORDS).map(|word| format!("% {}%", escaped(word))).collect();
        let conditions: Vec<String> = (1..=words.len()).map(|n| format!("words LIKE ${n} ESCAPE '!'")).collect();
        let statement = format!("SELECT DISTINCT guid FROM audit_people WHERE {} LIMIT ${}", conditions.join(" AND "), words.len() + 1);
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
        for word in words {
            query = query.bind(word);
        }
        let rows = within(query.bind(most()).fetch_all(&self.store.readers)).await?;
        found(rows.iter().map(|row| row.try_get("guid")).collect::<Result<_, _>>()?)
    }

    /// Deletes people without a remaining entry.
    pub async fn forget_people(&self) -> Result<u64, StoreError> {
        let delete = "DELETE FROM audit_people WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.target_guid = audit_people.guid)
            AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.actor_guid = audit_people.guid)
            AND NOT EXISTS (SELECT 1 FROM audit_unsealed)";
        Ok(within(sqlx::query(delete).execute(&self.store.durable)).await?.rows_affected())
    }
}

fn most() -> i64 {
    i64::try_from(MOST + 1).unwrap_or(i64::MAX)
}

#[expect(clippy::unnecessary_wraps, reason = "as the caller returns it")]
fn found(guids: Vec<String>) -> Result<Result<Vec<String>, SearchError>, StoreError> {
    Ok(if guids.len() > MOST { Err(SearchError::TooManyPeople) } else { Ok(guids) })
}

/// Escapes LIKE's special characters.
fn escaped(word: &str) -> String {
    word.chars().flat_map(|c| if matches!(c, '%' | '_' | '!') { vec!['!', c] } else { vec![c] }).collect()
}
