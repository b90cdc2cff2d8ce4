//! Password hashing with argon2id, two hashes at a time, outside the threads that serve requests. Hashes contain their parameters, so that
//! the parameters can be raised.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::credential::{password::Password, slow_hash::argon2id};

/// Concurrent hashes. Each takes 19 MiB and a core. One-time codes have a [`Hasher`] of their own, so that a flood of them does not block
/// local accounts.
const AT_ONCE: usize = 2;
/// Longest wait for a slot.
const PATIENCE: Duration = Duration::from_secs(3);
/// Hash for unknown accounts, so that they take as long. No password has this hash, and a match would not count.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bmluZ2VuIGhhciBkZW5uZQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Reasons why a hash or a verification failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No slot became free in time.
    #[error("too many concurrent password or code checks")]
    Busy,
    /// The stored hash is malformed, or memory is short.
    #[error("password hashing failed")]
    Failed,
}

/// Slots for hashing. Clones share them.
#[derive(Debug, Clone)]
pub struct Hasher {
    places: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// A slot for one hash.
#[derive(Debug)]
pub struct HashSlot(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Default for Hasher {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), waiting: Arc::default() }
    }
}

impl Hasher {
    /// A hash in PHC string format, which contains its parameters.
    pub async fn hash(&self, password: &Password, salt: [u8; 16]) -> Result<String, HashError> {
        let password = password.clone();
        self.alone(move || {
            let hash: Result<PasswordHash, _> = argon2id().hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|hash| hash.to_string()).map_err(|_| HashError::Failed)
        })
        .await
    }

    /// Whether the password has this hash. `None`: unknown account, which takes as long and is never right.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, HashError> {
        let (password, known) = (password.clone(), hash.is_some());
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        self.alone(move || {
            let hash = PasswordHash::new(&hash).map_err(|_| HashError::Failed)?;
            let right = match argon2id().verify_password(password.expose().as_bytes(), &hash) {
                Ok(()) => true,
                Err(argon2::password_hash::Error::PasswordInvalid) => false,
                Err(_) => return Err(HashError::Failed),
            };
            Ok(right && known)
        })
        .await
    }

    /// Waits for a slot, at most `PATIENCE`.
    pub async fn place(&self) -> Result<HashSlot, HashError> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Ok(HashSlot(place.map_err(|_| HashError::Busy)?.map_err(|_| HashError::Busy)?))
    }

    /// Number of waiting callers, for tests.
    #[doc(hidden)]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A slot, if one is free now.
    pub fn free_place(&self) -> Option<HashSlot> {
        self.places.clone().try_acquire_owned().ok().map(HashSlot)
    }

    async fn alone<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T, HashError> + Send + 'static) -> Result<T, HashError> {
        self.place().await?.work(work).await
    }
}

impl HashSlot {
    /// Runs the work and frees the slot when it is done, even if the caller is cancelled.
    pub async fn work<T: Send + 'static>(self, work: impl FnOnce() -> Result<T, HashError> + Send + 'static) -> Result<T, HashError> {
        let worked = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(self);
            done
        });
        worked.await.map_err(|_| HashError::Failed)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text.into()).expect("a password")
    }

    #[tokio::test]
    async fn a_hash_has_the_parameters_in_it_and_fits_its_own_password_only() {
        let hasher = Hasher::default();
        let hash = hasher.hash(&password("Rolig-Cykel-472"), [7; 16]).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.len() < 120, "{hash}");
        assert_ne!(hasher.hash(&password("Rolig-Cykel-472"), [8; 16]).await.expect("hashed"), hash);
        assert_eq!(hasher.verify(&password("Rolig-Cykel-472"), Some(&hash)).await, Ok(true));
        assert_eq!(hasher.verify(&password("rolig-Cykel-472"), Some(&hash)).await, Ok(false));
        assert_eq!(hasher.verify(&password("Rolig-Cykel-472"), None).await, Ok(false));
        assert_eq!(hasher.verify(&password("Rolig-Cykel-472"), Some("x")).await, Err(HashError::Failed));
    }

    /// From argon2's reference implementation (github.com/P-H-C/phc-winner-argon2, src/test.c), argon2id with one lane.
    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_is_understood() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = Hasher::default();
        assert_eq!(hasher.verify(&password("password"), Some(hash)).await, Ok(true));
        assert_eq!(hasher.verify(&password("differentpassword"), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn the_password_of_nobody_costs_as_much() {
        let hasher = Hasher::default();
        let hash = hasher.hash(&password("Rolig-Cykel-472"), [7; 16]).await.expect("hashed");
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        let lengths = |hash: &str| hash.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!((parameters(NOBODYS), lengths(NOBODYS)), (parameters(&hash), lengths(&hash)));
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_place() {
        let hasher = Hasher::default();
        let all = u32::try_from(AT_ONCE).expect("few");
        let places = hasher.places.clone().acquire_many_owned(all).await.expect("places");
        assert_eq!(hasher.verify(&password("Rolig-Cykel-472"), None).await, Err(HashError::Busy));
        drop(places);
        assert_eq!(hasher.verify(&password("Rolig-Cykel-472"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn no_more_than_two_are_worked_on_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (hasher, now, most) = (Hasher::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let all = (0..8).map(|_| {
            let (hasher, now, most) = (hasher.clone(), now.clone(), most.clone());
            tokio::spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(30));
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                hasher.alone(work).await
            })
        });
        for done in futures_util::future::join_all(all).await {
            assert_eq!(done.expect("joined"), Ok(()));
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
