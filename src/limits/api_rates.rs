//! Rate limits of API tokens, in each instance.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::model::rate_limit::bucket::{Bucket, Rate};

/// Rate limit of one token, in each instance.
const RATE: Rate = Rate { burst: 60.0, per_second: 20.0 };

/// Recent use of each token.
#[derive(Debug, Default)]
pub struct ApiRates(Mutex<BTreeMap<String, Bucket>>);

impl ApiRates {
    /// `Err`: seconds until the next request is possible. Only valid tokens are counted, so that strangers cannot fill
    /// the map.
    pub(crate) fn take(&self, token: &str, now: Timestamp) -> Result<(), f64> {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rates.entry(token.to_owned()).or_insert_with(|| Bucket::full(RATE, now)).take(RATE, now)
    }
}
