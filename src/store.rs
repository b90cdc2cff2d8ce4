//! STUB
use jiff::Timestamp;
use uuid::Uuid;
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("x")]
    X,
}
#[derive(Debug)]
pub struct Keys;
impl Keys {
    pub fn new(_: &[u8; 32]) -> Self {
        Keys
    }
    pub fn random(&self) -> [u8; 16] {
        [0; 16]
    }
    pub fn fingerprint(&self, _: &str) -> String {
        String::new()
    }
}
#[derive(Debug)]
pub struct Store;
impl Store {
    pub async fn open(_: &str, _: &Keys) -> Result<Self, StoreError> {
        Ok(Store)
    }
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
pub mod sessions {
    use super::*;
    #[derive(Debug)]
    pub struct Sessions;
    impl Sessions {
        pub fn new(_: &Store, _: &Keys, _: &crate::config::Session, _: std::sync::Arc<dyn crate::clock::Clock>) -> Self {
            Sessions
        }
    }
}
pub mod leases {
    use super::*;
    #[derive(Debug)]
    pub struct Leases;
    pub struct Acquired {
        pub last_released: Option<Timestamp>,
    }
    impl Leases {
        pub fn new(_: &Store) -> Self {
            Leases
        }
        pub async fn try_acquire(&self, _: &str, _: Uuid, _: Timestamp, _: jiff::SignedDuration) -> Result<Option<Acquired>, StoreError> {
            Err(StoreError::X)
        }
        pub async fn release(&self, _: &str, _: Uuid, _: Timestamp) -> Result<(), StoreError> {
            Err(StoreError::X)
        }
    }
}
pub mod throttle {
    use super::*;
    use crate::model::throttle::Limits;
    #[derive(Debug)]
    pub struct Throttles;
    #[derive(Debug)]
    pub struct Receipt;
    #[derive(Debug)]
    pub enum Charge {
        Taken(Receipt),
        Wait(Timestamp),
    }
    #[derive(Debug)]
    pub struct ThrottleKey;
    impl ThrottleKey {
        pub fn name(_: &Keys, _: &str) -> Self {
            ThrottleKey
        }
        pub fn address(_: std::net::IpAddr) -> Self {
            ThrottleKey
        }
    }
    impl Throttles {
        pub fn new(_: &Store, _: &Keys) -> Self {
            Throttles
        }
        pub async fn charge(&self, _: &[(ThrottleKey, Limits)], _: Timestamp) -> Result<Charge, StoreError> {
            Err(StoreError::X)
        }
        pub async fn forgive(&self, _: Receipt, _reset: bool) -> Result<(), StoreError> {
            Err(StoreError::X)
        }
    }
}
