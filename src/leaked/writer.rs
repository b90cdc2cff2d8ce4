//! Writes a list: data pages as entries come, then the index, then the header.
//!
//! Invariants: the header comes last, so that a file whose import was cut off is no list; memory grows by 8 bytes a page only.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
};

use jiff::Timestamp;

use super::{
    digest::HashKind,
    header::{ListHeader, unfinished},
    page::{FANOUT, LeakPage, ListId, PAGE, PageBuilder, PageKind},
};

/// Bytes that are written at once.
const CHUNK: usize = 1024 * 1024;

pub(crate) struct ListWriter {
    file: BufWriter<File>,
    id: ListId,
    page: PageBuilder,
    /// First key of each data page that is written.
    firsts: Vec<u64>,
    hashes: u64,
}

/// The fields of the header that the caller knows, beside the counted ones.
pub(crate) struct Facts {
    pub(crate) kind: HashKind,
    pub(crate) partial: bool,
    pub(crate) source_modified: Timestamp,
    pub(crate) imported: Timestamp,
}

impl ListWriter {
    /// Begins a list in an empty file.
    pub(crate) fn begin(file: File, id: ListId) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(CHUNK, file);
        file.write_all(&*unfinished())?;
        Ok(Self { file, id, page: PageBuilder::new(), firsts: Vec::new(), hashes: 0 })
    }

    /// Goes on behind so many data pages, each of which is read and checked first. `None`: one of them is not sound.
    pub(crate) fn resume(file: File, id: ListId, pages: u64) -> io::Result<Option<Self>> {
        let mut writer = Self { file: BufWriter::with_capacity(CHUNK, file), id, page: PageBuilder::new(), firsts: Vec::new(), hashes: 0 };
        let file = writer.file.get_mut();
        if file.metadata()?.len() < (1 + pages) * PAGE as u64 {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(PAGE as u64))?;
        let mut reader = io::BufReader::with_capacity(CHUNK, &*file);
        let mut bytes = [0; PAGE];
        for number in 1..=pages {
            reader.read_exact(&mut bytes)?;
            let Ok(page) = LeakPage::read(&bytes, PageKind::Data, &id, number) else { return Ok(None) };
            writer.firsts.push(page.first());
            writer.hashes += page.entries().count() as u64;
        }
        drop(reader);
        file.set_len((1 + pages) * PAGE as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some(writer))
    }

    /// Adds an entry whose key is not below the one before. `true`: the pages before it are complete, and it begins a new one.
    pub(crate) fn push(&mut self, key: u64, count: u64) -> io::Result<bool> {
        self.hashes += 1;
        if self.page.push_entry(key, count) {
            return Ok(false);
        }
        self.end_page()?;
        assert!(self.page.push_entry(key, count), "an empty page has room for an entry");
        Ok(true)
    }

    fn end_page(&mut self) -> io::Result<()> {
        self.firsts.push(self.page.first());
        let page = self.page.take(PageKind::Data, &self.id, self.firsts.len() as u64);
        self.file.write_all(&*page)
    }

    /// Complete data pages.
    pub(crate) fn pages(&self) -> u64 {
        self.firsts.len() as u64
    }

    /// The least key.
    pub(crate) fn first(&self) -> Option<u64> {
        self.firsts.first().copied().or_else(|| (!self.page.is_empty()).then(|| self.page.first()))
    }

    pub(crate) fn hashes(&self) -> u64 {
        self.hashes
    }

    /// Brings the complete pages to the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }

    /// Writes the index and the header, and brings everything to the disk.
    pub(crate) fn finish(mut self, facts: &Facts) -> io::Result<ListHeader> {
        if !self.page.is_empty() {
            self.end_page()?;
        }
        let data_pages = self.pages();
        let firsts = std::mem::take(&mut self.firsts);
        let indexed = self.index(&firsts, PageKind::Index, 1 + data_pages)?;
        let roots = self.index(&indexed, PageKind::Root, 1 + data_pages + indexed.len() as u64)?;
        let header = ListHeader {
            id: self.id,
            kind: facts.kind,
            partial: facts.partial,
            hashes: self.hashes,
            data_pages,
            index_pages: indexed.len() as u64,
            root_pages: roots.len() as u64,
            source_modified: facts.source_modified,
            imported: facts.imported,
        };
        self.sync()?;
        let file = self.file.get_ref();
        file.write_all_at(&*header.encode(), 0)?;
        file.sync_all()?;
        Ok(header)
    }

    /// Writes the pages of one level of the index; the first key of each.
    fn index(&mut self, keys: &[u64], kind: PageKind, first_number: u64) -> io::Result<Vec<u64>> {
        let mut firsts = Vec::with_capacity(keys.len().div_ceil(FANOUT));
        for (number, part) in (first_number..).zip(keys.chunks(FANOUT)) {
            let mut page = PageBuilder::new();
            for key in part {
                assert!(page.push_key(*key), "a page has room for so many keys");
            }
            firsts.push(page.first());
            self.file.write_all(&*page.take(kind, &self.id, number))?;
        }
        Ok(firsts)
    }
}
