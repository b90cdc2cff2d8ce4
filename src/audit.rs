//! STUB
use crate::{
    model::{attempt::AttemptId, audit::*, guid::ObjectGuid},
    store::*,
};
use jiff::Timestamp;
#[derive(Debug)]
pub struct Log;
#[derive(Debug)]
pub struct Entry;
pub enum Begun {
    New,
    AlreadySent,
}
impl Log {
    pub fn new(_: &Store) -> Self {
        Log
    }
    pub async fn append(&self, _: &AuditEvent) -> Result<i64, StoreError> {
        Err(StoreError::X)
    }
    pub async fn begin(&self, _: &AuditEvent) -> Result<Begun, StoreError> {
        Err(StoreError::X)
    }
    pub async fn history_of(&self, _: ObjectGuid, _: u32, _: Timestamp) -> Result<Vec<Entry>, StoreError> {
        Err(StoreError::X)
    }
    pub async fn outcome_of(&self, _: ObjectGuid, _: AttemptId) -> Result<Option<AuditEvent>, StoreError> {
        Err(StoreError::X)
    }
    pub async fn unsettled(&self, _: Timestamp, _: u32) -> Result<Vec<AuditEvent>, StoreError> {
        Err(StoreError::X)
    }
    pub async fn settle(&self, _: &AuditEvent) -> Result<bool, StoreError> {
        Err(StoreError::X)
    }
}
