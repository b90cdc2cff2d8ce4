//! What the chain's hashes and the signatures are over. Pure.
//!
//! Invariant: what is hashed or signed says what it is, and each part has its length in front, so that nothing can be taken for something else.

use ring::digest::{Context, SHA256};

use crate::model::audit::EventKind;

/// A link of the chain, SHA-256.
pub type Link = [u8; 32];

/// What comes before the first entry.
pub const START: Link = [0; 32];

/// The class of entries that no version of the service knows: kept for ever.
pub const UNKNOWN: &str = "unknown";

/// The place of an entry in the chain, with everything that its link is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// From 1, without gaps.
    pub number: i64,
    /// The entry's key in the log.
    pub seq: i64,
    /// `Class::code` of its kind, or [`UNKNOWN`].
    pub class: &'a str,
    /// Its mac was right when it got its place.
    pub sound: bool,
    /// `StoredEntry::digest`.
    pub content: &'a Link,
}

/// The link of an entry, from the one before.
pub fn link(before: &Link, place: &Place<'_>) -> Link {
    hash(&[
        b"os2nykode audit link 1",
        before,
        &place.number.to_be_bytes(),
        &place.seq.to_be_bytes(),
        place.class.as_bytes(),
        &[u8::from(place.sound)],
        place.content,
    ])
}

/// What a checkpoint's signature is over: up to this number, the chain was this.
pub fn of_checkpoint(number: i64, at: i64, chain: &Link) -> Vec<u8> {
    framed(&[b"os2nykode audit checkpoint 1", &number.to_be_bytes(), &at.to_be_bytes(), chain])
}

/// What a purge's signature is over: entries of this class were deleted up to this number.
pub fn of_purge(class: &str, through: i64, at: i64) -> Vec<u8> {
    framed(&[b"os2nykode audit purge 1", class.as_bytes(), &through.to_be_bytes(), &at.to_be_bytes()])
}

/// How long an entry of this kind is kept goes by this word.
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
    use super::*;

    #[test]
    fn every_part_of_a_place_changes_its_link() {
        let place = Place { number: 1, seq: 2, class: "logins", sound: true, content: &[7; 32] };
        let right = link(&START, &place);
        for other in [
            link(&[1; 32], &place),
            link(&START, &Place { number: 2, ..place }),
            link(&START, &Place { seq: 1, ..place }),
            link(&START, &Place { class: "views", ..place }),
            link(&START, &Place { sound: false, ..place }),
            link(&START, &Place { content: &[8; 32], ..place }),
        ] {
            assert_ne!(right, other);
        }
        assert_ne!(of_checkpoint(1, 2, &START), of_purge("logins", 1, 2));
        assert_eq!((class_of("sign_in"), class_of("made_up")), ("logins", UNKNOWN));
    }
}
