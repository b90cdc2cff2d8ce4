//! The chain: hashes, seals, checkpoints, and their verification.

pub mod anchor;
pub(crate) mod checkpoints;
pub mod foreign;
pub mod hash;
pub mod head;
pub mod inspect;
pub mod sealer;
pub(crate) mod stored;
pub mod verify;
pub(crate) mod vet;
