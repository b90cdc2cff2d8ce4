//! The end of the chain.

use crate::audit::chain::hash::Link;

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The last sequence number; 0 where there is none.
    pub number: i64,
    /// Its chain hash.
    pub link: Link,
}
