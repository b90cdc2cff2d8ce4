//! The first page of a list: which kind it is, how many hashes it holds, and where its pages stand.
//!
//! Layout: header page, data pages, index pages, root pages. All numbers are little-endian.

use jiff::Timestamp;

use super::{
    digest::HashKind,
    page::{Bytes, ListId, PAGE},
};

const MAGIC: &[u8; 8] = b"NYKLEAK\n";
const VERSION: u16 = 1;
/// Where the header's own checksum stands.
const SUM: usize = PAGE - 4;

/// Facts about a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListHeader {
    pub(crate) id: ListId,
    /// By which digest it names passwords.
    pub kind: HashKind,
    /// It was imported from a source that the operator calls a part of the whole list.
    pub partial: bool,
    /// How many hashes it holds.
    pub hashes: u64,
    pub(crate) data_pages: u64,
    pub(crate) index_pages: u64,
    pub(crate) root_pages: u64,
    /// When the newest file of the source was written: the age of the list.
    pub source_modified: Timestamp,
    /// When it was imported.
    pub imported: Timestamp,
}

/// Why the first page is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadHeader {
    NotAList,
    Version(u16),
    Damaged,
}

impl ListHeader {
    /// Bytes of the whole file.
    pub fn file_bytes(&self) -> u64 {
        let pages = self.data_pages.saturating_add(self.index_pages).saturating_add(self.root_pages).saturating_add(1);
        pages.saturating_mul(PAGE as u64)
    }

    pub(crate) fn encode(&self) -> Box<Bytes> {
        let mut page = Box::new([0; PAGE]);
        page[..8].copy_from_slice(MAGIC);
        page[8..10].copy_from_slice(&VERSION.to_le_bytes());
        page[10] = match self.kind {
            HashKind::Sha1 => 1,
            HashKind::Nt => 2,
        };
        page[11] = self.partial.into();
        page[16..32].copy_from_slice(&self.id);
        let numbers = [self.hashes, self.data_pages, self.index_pages, self.root_pages].map(u64::to_le_bytes);
        let times = [self.source_modified, self.imported].map(|at| at.as_second().to_le_bytes());
        for (place, bytes) in page[32..80].chunks_exact_mut(8).zip(numbers.iter().chain(&times)) {
            place.copy_from_slice(bytes);
        }
        let sum = crc32fast::hash(&page[..SUM]);
        page[SUM..].copy_from_slice(&sum.to_le_bytes());
        page
    }

    pub(crate) fn decode(page: &Bytes) -> Result<Self, BadHeader> {
        if !is_list(page) {
            return Err(BadHeader::NotAList);
        }
        let version = u16::from_le_bytes([page[8], page[9]]);
        if version != VERSION {
            return Err(BadHeader::Version(version));
        }
        let kind = match page[10] {
            1 => HashKind::Sha1,
            2 => HashKind::Nt,
            _ => return Err(BadHeader::Damaged),
        };
        if page[SUM..] != crc32fast::hash(&page[..SUM]).to_le_bytes() {
            return Err(BadHeader::Damaged);
        }
        let number = |index: usize| u64::from_le_bytes(page[32..].as_chunks().0[index]);
        let time = |index| Timestamp::from_second(number(index).cast_signed()).map_err(|_| BadHeader::Damaged);
        let header = Self {
            id: *page[16..].first_chunk().expect("16 bytes of 4096"),
            kind,
            partial: page[11] != 0,
            hashes: number(0),
            data_pages: number(1),
            index_pages: number(2),
            root_pages: number(3),
            source_modified: time(4)?,
            imported: time(5)?,
        };
        if header.root_pages > MOST_ROOTS { Err(BadHeader::Damaged) } else { Ok(header) }
    }
}

/// Root pages that are read into memory at most: enough for 100 billion hashes, 2 MB.
const MOST_ROOTS: u64 = 512;

/// Does a file that begins so hold a list of any version, whole or not?
pub(crate) fn is_list(begin: &[u8]) -> bool {
    begin.starts_with(MAGIC)
}

/// The beginning of a file whose import has not come to its end.
pub(crate) fn unfinished() -> Box<Bytes> {
    Box::new([0; PAGE])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> ListHeader {
        ListHeader {
            id: [9; 16],
            kind: HashKind::Nt,
            partial: true,
            hashes: 1_000_000_007,
            data_pages: 5,
            index_pages: 2,
            root_pages: 1,
            source_modified: Timestamp::from_second(1_790_000_000).expect("a time"),
            imported: Timestamp::from_second(1_790_000_001).expect("a time"),
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        assert_eq!(ListHeader::decode(&header().encode()), Ok(header()));
        assert_eq!(header().file_bytes(), 9 * 4096);
    }

    #[test]
    fn other_files_other_versions_and_damage_are_told_apart() {
        assert_eq!(ListHeader::decode(&unfinished()), Err(BadHeader::NotAList));
        let mut newer = header().encode();
        newer[8] = 2;
        assert_eq!(ListHeader::decode(&newer), Err(BadHeader::Version(2)));
        for at in [10, 11, 16, 33, 70, 79, 200, SUM] {
            let mut damaged = header().encode();
            damaged[at] ^= 0x40;
            assert_eq!(ListHeader::decode(&damaged), Err(BadHeader::Damaged), "byte {at}");
        }
        let endless = ListHeader { root_pages: u64::MAX, ..header() };
        assert_eq!((ListHeader::decode(&endless.encode()), endless.file_bytes()), (Err(BadHeader::Damaged), u64::MAX));
    }
}
