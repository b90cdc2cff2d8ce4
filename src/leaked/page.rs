//! Pages of a list: 4096 bytes each, sorted, with a checksum of their own.
//!
//! A page begins with a header of 16 bytes: CRC-32, number of entries, kind, one byte unused, first key. A data page continues with the
//! first entry's count, then the difference to the key before and the count of each further entry, all as LEB128. An index page holds the
//! first key of each page below it, 8 bytes little-endian.
//!
//! Invariants: a checksum covers the list's id and the page's number, so a page of another list or from another place is not believed;
//! reading never panics, for any bytes.

/// Bytes of a page; a block of every usual file system.
pub(crate) const PAGE: usize = 4096;
const HEAD: usize = 16;
/// First keys that an index page holds at most.
pub(crate) const FANOUT: usize = (PAGE - HEAD) / 8;
/// Bytes of the longest LEB128 of 64 bits.
const LONGEST: usize = 10;

pub(crate) type Bytes = [u8; PAGE];
/// What belongs to one import: 16 random bytes.
pub(crate) type ListId = [u8; 16];

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageKind {
    Data,
    /// Of data pages.
    Index,
    /// Of index pages.
    Root,
}

impl PageKind {
    fn code(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Index => 2,
            Self::Root => 3,
        }
    }
}

/// A page is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("page {page} of the list is damaged")]
pub struct Damaged {
    /// The page's number in the file.
    pub page: u64,
}

/// A page that is being filled.
pub(crate) struct PageBuilder {
    bytes: Box<Bytes>,
    used: usize,
    entries: u16,
    last: u64,
}

impl PageBuilder {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([0; PAGE]), used: HEAD, entries: 0, last: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds an entry whose key is not below the one before. `false`: the page is full, and nothing was added.
    pub(crate) fn push_entry(&mut self, key: u64, count: u64) -> bool {
        let mut text = [0; 2 * LONGEST];
        let mut length = 0;
        if self.entries == 0 {
            self.bytes[8..HEAD].copy_from_slice(&key.to_le_bytes());
        } else {
            length = put(key - self.last, &mut text);
        }
        length += put(count, &mut text[length..]);
        self.append(&text[..length], key)
    }

    /// Adds the first key of a page below. `false`: the page is full.
    pub(crate) fn push_key(&mut self, key: u64) -> bool {
        if self.entries == 0 {
            self.bytes[8..HEAD].copy_from_slice(&key.to_le_bytes());
        }
        self.append(&key.to_le_bytes(), key)
    }

    fn append(&mut self, text: &[u8], key: u64) -> bool {
        let Some(place) = self.bytes.get_mut(self.used..self.used + text.len()) else { return false };
        place.copy_from_slice(text);
        self.used += text.len();
        self.entries += 1;
        self.last = key;
        true
    }

    pub(crate) fn first(&self) -> u64 {
        first_key(&self.bytes)
    }

    /// The finished page; the builder begins an empty one.
    pub(crate) fn take(&mut self, kind: PageKind, id: &ListId, number: u64) -> Box<Bytes> {
        let mut page = std::mem::replace(self, Self::new()).sealed_by(kind);
        let sum = checksum(id, number, &page);
        page[..4].copy_from_slice(&sum.to_le_bytes());
        page
    }

    fn sealed_by(self, kind: PageKind) -> Box<Bytes> {
        let mut page = self.bytes;
        page[4..6].copy_from_slice(&self.entries.to_le_bytes());
        page[6] = kind.code();
        page
    }
}

/// A page whose checksum and kind are right.
pub(crate) struct LeakPage<'p> {
    number: u64,
    entries: u16,
    bytes: &'p Bytes,
}

/// An entry of a data page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageEntry {
    pub(crate) key: u64,
    pub(crate) count: u64,
}

impl<'p> LeakPage<'p> {
    pub(crate) fn read(bytes: &'p Bytes, kind: PageKind, id: &ListId, number: u64) -> Result<Self, Damaged> {
        let sum = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let entries = u16::from_le_bytes([bytes[4], bytes[5]]);
        if sum != checksum(id, number, bytes) || bytes[6] != kind.code() || entries == 0 {
            return Err(Damaged { page: number });
        }
        Ok(Self { number, entries, bytes })
    }

    pub(crate) fn first(&self) -> u64 {
        first_key(self.bytes)
    }

    /// The entries of a data page, in order.
    pub(crate) fn entries(&self) -> Entries<'p> {
        Entries { number: self.number, rest: &self.bytes[HEAD..], left: self.entries, key: None, first: self.first() }
    }

    /// The count of this key, where the data page holds it.
    pub(crate) fn find(&self, key: u64) -> Result<Option<u64>, Damaged> {
        let mut found = None;
        for entry in self.entries() {
            let entry = entry?;
            if entry.key > key {
                break;
            }
            if entry.key == key {
                found = found.max(Some(entry.count)); // two digests may share their first 64 bits
            }
        }
        Ok(found)
    }

    /// The first keys of the pages below an index page, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> + 'p {
        self.bytes[HEAD..].as_chunks().0.iter().take(self.entries.into()).map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// The place among the pages below of the last whose first key is not above this one.
    pub(crate) fn below(&self, key: u64) -> Option<u64> {
        (self.keys().take_while(|first| *first <= key).count() as u64).checked_sub(1)
    }
}

/// Reads entries one by one.
pub(crate) struct Entries<'p> {
    number: u64,
    rest: &'p [u8],
    left: u16,
    key: Option<u64>,
    first: u64,
}

impl Entries<'_> {
    fn entry(&mut self) -> Option<PageEntry> {
        let key = match self.key {
            None => self.first,
            Some(before) => before.checked_add(take(&mut self.rest)?)?,
        };
        self.key = Some(key);
        Some(PageEntry { key, count: take(&mut self.rest)? })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<PageEntry, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.entry();
        if entry.is_none() {
            self.left = 0;
        }
        Some(entry.ok_or(Damaged { page: self.number }))
    }
}

fn first_key(bytes: &Bytes) -> u64 {
    u64::from_le_bytes(*bytes[8..].first_chunk().expect("a page is longer than its header"))
}

fn checksum(id: &ListId, number: u64, bytes: &Bytes) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(id);
    sum.update(&number.to_le_bytes());
    sum.update(&bytes[4..]);
    sum.finalize()
}

/// Writes a number as LEB128; its length.
fn put(mut value: u64, to: &mut [u8]) -> usize {
    let mut length = 0;
    loop {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        to[length] = low | if value == 0 { 0 } else { 0x80 };
        length += 1;
        if value == 0 {
            return length;
        }
    }
}

/// Reads a number of at most 64 bits.
fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        let low = u64::from(byte & 0x7f);
        if low.leading_zeros() < shift {
            return None; // bits beyond 64 would be lost
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: ListId = [7; 16];

    fn built(entries: &[(u64, u64)]) -> Box<Bytes> {
        let mut builder = PageBuilder::new();
        for (key, count) in entries {
            assert!(builder.push_entry(*key, *count));
        }
        builder.take(PageKind::Data, &ID, 5)
    }

    #[test]
    fn entries_are_read_as_they_were_written_from_the_least_to_the_largest() {
        let entries = [(0, 1), (1, u64::MAX), (1, 3), (u64::MAX - 1, 127), (u64::MAX, 128)];
        let bytes = built(&entries);
        let page = LeakPage::read(&bytes, PageKind::Data, &ID, 5).expect("sound");
        let read: Vec<(u64, u64)> = page.entries().map(|entry| entry.map(|e| (e.key, e.count)).expect("sound")).collect();
        assert_eq!(read, entries);
        assert_eq!(page.find(1), Ok(Some(u64::MAX)));
        assert_eq!((page.find(2), page.find(u64::MAX)), (Ok(None), Ok(Some(128))));
    }

    #[test]
    fn a_page_of_another_list_place_or_kind_is_damaged() {
        let mut bytes = built(&[(1, 1)]);
        for (kind, id, number) in [(PageKind::Index, ID, 5), (PageKind::Data, [8; 16], 5), (PageKind::Data, ID, 6)] {
            assert_eq!(LeakPage::read(&bytes, kind, &id, number).err(), Some(Damaged { page: number }));
        }
        bytes[PAGE - 1] ^= 1;
        assert!(LeakPage::read(&bytes, PageKind::Data, &ID, 5).is_err());
    }

    #[test]
    fn a_full_page_takes_no_more_and_keeps_what_it_has() {
        let mut builder = PageBuilder::new();
        let mut count = 0;
        while builder.push_entry(count << 34, 300) {
            count += 1;
        }
        assert_eq!(u64::from(builder.entries), count);
        let bytes = builder.take(PageKind::Data, &ID, 1);
        assert_eq!(LeakPage::read(&bytes, PageKind::Data, &ID, 1).expect("sound").entries().flatten().count() as u64, count);
        let mut index = PageBuilder::new();
        assert_eq!((0..PAGE as u64).take_while(|key| index.push_key(*key)).count(), FANOUT);
    }

    proptest! {
        #[test]
        fn reading_never_panics_whatever_a_page_holds(body in proptest::collection::vec(any::<u8>(), PAGE - 4), key in any::<u64>()) {
            let mut bytes = [0; PAGE];
            bytes[4..].copy_from_slice(&body);
            bytes[6] = PageKind::Data.code();
            let sum = checksum(&ID, 1, &bytes);
            bytes[..4].copy_from_slice(&sum.to_le_bytes());
            if let Ok(page) = LeakPage::read(&bytes, PageKind::Data, &ID, 1) {
                let _ = page.find(key);
                prop_assert!(page.entries().count() <= PAGE * 16);
            }
        }

        #[test]
        fn a_number_is_read_as_it_was_written(value in any::<u64>()) {
            let mut text = [0; LONGEST];
            let length = put(value, &mut text);
            let mut rest = &text[..length];
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }
    }
}
