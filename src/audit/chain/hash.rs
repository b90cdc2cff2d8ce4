//! Input of the chain hashes and signatures of the audit log. Pure.
//!
//! Invariant: every hashed or signed text begins with its purpose, and each part is preceded by its length. No text can
//! be confused with another.

use ring::digest::{Context, SHA256};

use crate::model::audit::EventKind;

/// Chain hash of an entry, SHA-256.
pub type Link = [u8; 32];

/// Chain hash before the first entry.
pub const START: Link = [0; 32];

/// Class of entries whose kind this version does not know. They are kept forever.
pub const UNKNOWN: &str = "unknown";

/// The input of an entry's chain hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainPosition<'a> {
    /// Sequence number, from 1, without gaps.
    pub number: i64,
    /// Row key in table `audit`.
    pub seq: i64,
    /// `Class::code` of the entry's kind, or [`UNKNOWN`].
    pub class: &'a str,
    /// Whether the MAC was valid when the entry got its sequence number.
    pub authentic: bool,
    /// `StoredEntry::digest`.
    pub content: &'a Link,
}

/// The chain hash of an entry, from the previous one.
pub fn link(before: &Link, place: &ChainPosition<'_>) -> Link {
    hash(&[
        b"os2nykode audit link 1",
        before,
        &place.number.to_be_bytes(),
        &place.seq.to_be_bytes(),
        place.class.as_bytes(),
        &[u8::from(place.authentic)],
        place.content,
    ])
}

/// The text that a checkpoint signs: the chain hash at this sequence number, and the time.
pub fn of_checkpoint(number: i64, at: i64, chain: &Link) -> Vec<u8> {
    framed(&[b"os2nykode audit checkpoint 1", &number.to_be_bytes(), &at.to_be_bytes(), chain])
}

/// The text that a purge signs: entries of this class were deleted up to this sequence number.
pub fn of_purge(class: &str, through: i64, at: i64) -> Vec<u8> {
    framed(&[b"os2nykode audit purge 1", class.as_bytes(), &through.to_be_bytes(), &at.to_be_bytes()])
}

/// The text that a row of the list of foreign rows signs.
pub fn of_foreign(number: i64, seq: i64, what: &str, chain: &[u8], at: i64) -> Vec<u8> {
    framed(&[b"os2nykode audit foreign 1", &number.to_be_bytes(), &seq.to_be_bytes(), what.as_bytes(), chain, &at.to_be_bytes()])
}

/// The class that decides how long entries of this kind are kept.
pub fn class_of(kind: &str) -> &'static str {
    EventKind::from_code(kind).map_or(UNKNOWN, |kind| kind.class().code())
}

fn hash(parts: &[&[u8]]) -> Link {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut link = START;
    link.copy_from_slice(context.finish().as_ref());
    link
}

fn framed(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use crate::audit::chain::hash::*;

    #[test]
    fn every_part_of_a_place_changes_its_link() {
        let place = ChainPosition { number: 1, seq: 2, class: "logins", authentic: true, content: &[7; 32] };
        let right = link(&START, &place);
        for other in [
            link(&[1; 32], &place),
            link(&START, &ChainPosition { number: 2, ..place }),
            link(&START, &ChainPosition { seq: 1, ..place }),
            link(&START, &ChainPosition { class: "views", ..place }),
            link(&START, &ChainPosition { authentic: false, ..place }),
            link(&START, &ChainPosition { content: &[8; 32], ..place }),
        ] {
            assert_ne!(right, other);
        }
        assert_ne!(of_checkpoint(1, 2, &START), of_purge("logins", 1, 2));
        assert_eq!((class_of("sign_in"), class_of("made_up")), ("logins", UNKNOWN));
    }
}
