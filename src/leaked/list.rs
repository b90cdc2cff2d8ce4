//! A list on disk: looked up by two reads of one page each.
//!
//! Invariants: no more than the root pages is in memory (24 KB for a billion hashes); an open list stays the same file, whatever its
//! name stands for later; each page is checked before it is believed.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

use super::{
    header::{BadHeader, ListHeader},
    page::{Bytes, Damaged, FANOUT, LeakPage, PAGE, PageKind},
};

/// Why a list can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It can't be opened or read.
    #[error("the list of leaked passwords can't be read: {0}")]
    Io(#[from] io::Error),
    /// It is another kind of file, or an import that has not come to its end.
    #[error("the file is no list made by `os2nykode leaked import`")]
    NotAList,
    /// Another version of this program wrote it.
    #[error("the list has format {0}, which this version can't read: import it again")]
    Version(u16),
    /// It is shorter or longer than it was when it was written.
    #[error("the list has {found} bytes instead of {expected}: copy or import it again")]
    Length {
        /// From its header.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// Its first page is damaged.
    #[error("the header of the list is damaged")]
    HeaderDamaged,
    /// Another page is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

/// Reads at a place, as a file does; a test puts a disk that hangs in its stead.
pub trait ReadAt: Send + Sync + 'static {
    /// Fills the buffer from this place on.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

/// An open list.
pub struct List {
    file: Box<dyn ReadAt>,
    header: ListHeader,
    /// First key of each index page.
    roots: Vec<u64>,
}

impl std::fmt::Debug for List {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").field("header", &self.header).finish_non_exhaustive()
    }
}

impl List {
    /// Opens a list. Blocks for as long as the disk takes.
    pub fn open(path: &Path) -> Result<Self, ListError> {
        if !fs::metadata(path)?.is_file() {
            return Err(ListError::NotAList); // opening a pipe would wait for its writer
        }
        let file = File::open(path)?;
        let found = file.metadata()?.len();
        // Reading ahead would read 128 KB where 4 are wanted. A file system that ignores the advice costs time only.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random);
        Self::over(Box::new(file), found)
    }

    /// The same over anything that is read like a file of so many bytes.
    pub fn over(file: Box<dyn ReadAt>, length: u64) -> Result<Self, ListError> {
        if length < PAGE as u64 {
            return Err(ListError::NotAList);
        }
        let mut page = [0; PAGE];
        file.read_exact_at(&mut page, 0)?;
        let header = ListHeader::decode(&page).map_err(|bad| match bad {
            BadHeader::NotAList => ListError::NotAList,
            BadHeader::Version(version) => ListError::Version(version),
            BadHeader::Damaged => ListError::HeaderDamaged,
        })?;
        let expected = header.file_bytes();
        if length != expected {
            return Err(ListError::Length { expected, found: length });
        }
        let mut list = Self { file, header, roots: Vec::new() };
        let first = 1 + list.header.data_pages + list.header.index_pages;
        for number in first..first + list.header.root_pages {
            let root = list.page(&mut page, PageKind::Root, number)?;
            list.roots.extend(root.keys());
        }
        Ok(list)
    }

    /// Facts about it.
    pub fn header(&self) -> &ListHeader {
        &self.header
    }

    /// How often the digest with these first 64 bits was seen in leaks. Two reads of 4 KB at most.
    pub(crate) fn find(&self, key: u64) -> Result<Option<u64>, ListError> {
        let above = self.roots.partition_point(|first| *first <= key) as u64;
        let Some(place) = above.checked_sub(1) else { return Ok(None) };
        let mut bytes = [0; PAGE];
        let index = self.page(&mut bytes, PageKind::Index, 1 + self.header.data_pages + place)?;
        let Some(below) = index.below(key) else { return Ok(None) };
        let number = 1 + place * FANOUT as u64 + below;
        Ok(self.page(&mut bytes, PageKind::Data, number)?.find(key)?)
    }

    fn page<'b>(&self, bytes: &'b mut Bytes, kind: PageKind, number: u64) -> Result<LeakPage<'b>, ListError> {
        self.file.read_exact_at(bytes, number.saturating_mul(PAGE as u64))?;
        Ok(LeakPage::read(bytes, kind, &self.header.id, number)?)
    }
}
