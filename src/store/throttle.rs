//! Failure counts by account name and client address; they survive a restart and are shared by all instances.

use std::net::{IpAddr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;

use super::{Keys, Store, StoreError, stored, within};
use crate::model::guid::ObjectGuid;
use crate::model::throttle::{Count, Decision, Limits, decide};

/// Nobody changes the same row so often that this is not enough.
const ROUNDS: usize = 50;

/// Whose failures are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey(String);

impl ThrottleKey {
    /// An account name; stored as a keyed fingerprint, since people type their password into the wrong field.
    pub fn name(keys: &Keys, name: &str) -> Self {
        Self(format!("name:{}", keys.fingerprint(name)))
    }

    /// A name that is typed with a one-time code: a count of its own, so that wrong passwords with the name keep no caller from using the code.
    pub fn code(keys: &Keys, name: &str) -> Self {
        Self(format!("code:{}", keys.fingerprint(name)))
    }

    /// The name of a local staff account: a count of its own, so that wrong logins with a name in AD keep nobody out here.
    pub fn staff(keys: &Keys, name: &str) -> Self {
        Self(format!("staff:{}", keys.fingerprint(name)))
    }

    /// An account, however its name was spelled: AD takes names without regard to case, width and accents.
    pub fn account(account: ObjectGuid) -> Self {
        Self(format!("account:{account}"))
    }

    /// Changes of an account by its owner: a count of its own, so that wrong logins by strangers keep nobody from changing.
    pub fn change(account: ObjectGuid) -> Self {
        Self(format!("change:{account}"))
    }

    /// Of a client address, what was tried on others' accounts without a right to: a count of its own, so that it keeps nobody there from logging in.
    pub fn denied(address: IpAddr) -> Self {
        Self(format!("denied:{}", Self::address(address).0))
    }

    /// Somebody who tries accounts that are none of theirs: it makes nobody else wait.
    pub fn stranger(person: ObjectGuid) -> Self {
        Self(format!("stranger:{person}"))
    }

    /// Somebody for whom the family service is asked.
    pub fn family(person: ObjectGuid) -> Self {
        Self(format!("family:{person}"))
    }

    /// An account that others unlock: whoever unlocks it again and again lets somebody guess its password for ever.
    pub fn unlock(account: ObjectGuid) -> Self {
        Self(format!("unlock:{account}"))
    }

    /// A client address that asks the log's API: a count of its own, so that a program with an old token keeps nobody from logging in.
    pub fn api(address: IpAddr) -> Self {
        Self(Self::address(address).0.replacen("address:", "api:", 1))
    }

    /// A client address: one IPv4 address, or one IPv6 /64, which is what one household gets.
    pub fn address(address: IpAddr) -> Self {
        let counted = match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        };
        Self(format!("address:{counted}"))
    }
}

/// What became of a charge.
#[derive(Debug)]
pub enum Charge {
    /// The try may be made; it counts as a failure until it is forgiven.
    Taken(Receipt),
    /// Not before this time; nothing was counted.
    Wait(Timestamp),
}

/// What was counted, so that a success can be taken off again.
#[derive(Debug)]
#[must_use]
pub struct Receipt {
    charged: Vec<Charged>,
}

#[derive(Debug)]
struct Charged {
    key: ThrottleKey,
    before: Option<Count>,
    now: Count,
}

/// The counts in the store.
#[derive(Debug, Clone)]
pub struct Throttles {
    store: Store,
}

impl Throttles {
    /// In this store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Counts one try for every key, or for none where one of them has to wait. Many at once can't slip through: each count is only
    /// changed from the value that was judged. `Contended` where others were always faster; then nothing may be tried.
    pub async fn charge(&self, keys: &[(ThrottleKey, Limits)], now: Timestamp) -> Result<Charge, StoreError> {
        for _ in 0..ROUNDS {
            let mut judged = Vec::with_capacity(keys.len());
            for (key, limits) in keys {
                let before = self.read(key).await?;
                match decide(*limits, before, now) {
                    Decision::Wait(until) => return Ok(Charge::Wait(until)),
                    Decision::Take(now) => judged.push(Charged { key: key.clone(), before, now }),
                }
            }
            if let Some(receipt) = self.count(judged).await? {
                return Ok(Charge::Taken(receipt));
            }
        }
        Err(StoreError::Contended)
    }

    /// Until when a try would have to wait; counts nothing.
    pub async fn wait(&self, key: &ThrottleKey, limits: Limits, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(match decide(limits, self.read(key).await?, now) {
            Decision::Wait(until) => Some(until),
            Decision::Take(_) => None,
        })
    }

    /// Counts all of them, or none where one has changed since it was judged.
    async fn count(&self, judged: Vec<Charged>) -> Result<Option<Receipt>, StoreError> {
        let mut receipt = Receipt { charged: Vec::with_capacity(judged.len()) };
        for charged in judged {
            if !self.swap(&charged).await? {
                self.forgive(receipt, false).await?;
                return Ok(None);
            }
            receipt.charged.push(charged);
        }
        Ok(Some(receipt))
    }

    /// Takes a success off again. `reset_name`: the name's count begins anew, because its owner has just proven to be there.
    pub async fn forgive(&self, receipt: Receipt, reset_name: bool) -> Result<(), StoreError> {
        for Charged { key, before, now } in receipt.charged {
            if reset_name && !key.0.starts_with("address:") {
                within(sqlx::query("DELETE FROM throttles WHERE name = $1").bind(&key.0).execute(&self.store.pool)).await?;
                continue;
            }
            // The time of the last failure goes back as well, unless somebody else has failed since: a success makes nobody wait.
            let statement = "UPDATE throttles SET failures = failures - 1, last = CASE WHEN last = $2 THEN $3 ELSE last END
                WHERE name = $1 AND failures > 0";
            let last = before.map_or(now.last, |count| count.last);
            let update = sqlx::query(statement).bind(&key.0).bind(stored(now.last)).bind(stored(last));
            within(update.execute(&self.store.pool)).await?;
        }
        Ok(())
    }

    /// Deletes counts that nobody has added to for 40 days.
    pub async fn delete_stale(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = stored(now - SignedDuration::from_hours(24 * 40));
        Ok(within(sqlx::query("DELETE FROM throttles WHERE last < $1").bind(before).execute(&self.store.pool)).await?.rows_affected())
    }

    async fn read(&self, key: &ThrottleKey) -> Result<Option<Count>, StoreError> {
        let query = sqlx::query("SELECT failures, last FROM throttles WHERE name = $1").bind(&key.0);
        let Some(row) = within(query.fetch_optional(&self.store.pool)).await? else { return Ok(None) };
        let failures: i64 = row.try_get("failures")?;
        let last: i64 = row.try_get("last")?;
        let corrupt = StoreError::Corrupt("throttles");
        let failures = u32::try_from(failures).map_err(|_| corrupt.clone())?;
        Ok(Some(Count { failures, last: Timestamp::from_microsecond(last).map_err(|_| corrupt)? }))
    }

    /// Changes the count if it still is what was judged.
    async fn swap(&self, Charged { key, before, now }: &Charged) -> Result<bool, StoreError> {
        let (failures, last) = (i64::from(now.failures), stored(now.last));
        let done = match before {
            None => {
                let insert = "INSERT INTO throttles (name, failures, last) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
                within(sqlx::query(insert).bind(&key.0).bind(failures).bind(last).execute(&self.store.pool)).await?
            }
            Some(before) => {
                let update = "UPDATE throttles SET failures = $2, last = $3 WHERE name = $1 AND failures = $4 AND last = $5";
                let update = sqlx::query(update).bind(&key.0).bind(failures).bind(last);
                within(update.bind(i64::from(before.failures)).bind(stored(before.last)).execute(&self.store.pool)).await?
            }
        };
        Ok(done.rows_affected() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_household_counts_as_one_and_a_mapped_ipv4_address_as_itself() {
        let key = |text: &str| ThrottleKey::address(text.parse().expect("an address")).0;
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "address:2001:db8:1:2::");
        assert_eq!(key("2001:db8:1:2::9"), key("2001:db8:1:2:3:4:5:6"));
        assert_ne!(key("2001:db8:1:3::9"), key("2001:db8:1:2::9"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }
}
