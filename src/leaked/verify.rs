//! Reads a whole list once, in order, and checks what a look-up relies on.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use super::{
    header::ListHeader,
    list::{List, ListError},
    page::{Damaged, FANOUT, LeakPage, PAGE, PageKind},
};

/// Bytes that are read at once.
const CHUNK: usize = 1024 * 1024;

/// Checks every page's checksum, the order of the keys, the index against the pages, and the number of hashes. `step` is called with the share
/// that is done, 0 to 1.
pub fn verify(path: &Path, step: &mut dyn FnMut(f64)) -> Result<ListHeader, ListError> {
    let header = List::open(path)?.header().clone();
    let mut reader = BufReader::with_capacity(CHUNK, File::open(path)?);
    let mut bytes = [0; PAGE];
    reader.read_exact(&mut bytes)?;
    if ListHeader::decode(&bytes).as_ref() != Ok(&header) {
        return Err(ListError::HeaderDamaged); // another list has taken its name meanwhile
    }
    let (mut firsts, mut hashes, mut last) = (Vec::new(), 0, 0);
    for number in 1..=header.data_pages {
        reader.read_exact(&mut bytes)?;
        for entry in LeakPage::read(&bytes, PageKind::Data, &header.id, number)?.entries() {
            let entry = entry?;
            if entry.key < last || entry.count == 0 {
                return Err(Damaged { page: number }.into());
            }
            last = entry.key;
            hashes += 1;
        }
        firsts.push(LeakPage::read(&bytes, PageKind::Data, &header.id, number)?.first());
        if number % 4096 == 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share for a progress line")]
            step(number as f64 / header.data_pages as f64);
        }
    }
    let mut number = 1 + header.data_pages;
    for (kind, pages) in [(PageKind::Index, header.index_pages), (PageKind::Root, header.root_pages)] {
        firsts = level(&mut reader, &header, kind, number, pages, &firsts)?;
        number += pages;
    }
    if hashes == header.hashes { Ok(header) } else { Err(ListError::HeaderDamaged) }
}

/// Checks one level of the index against the first keys of the pages below; the first key of each of its pages.
fn level(
    reader: &mut impl Read,
    header: &ListHeader,
    kind: PageKind,
    first: u64,
    pages: u64,
    below: &[u64],
) -> Result<Vec<u64>, ListError> {
    if below.chunks(FANOUT).len() as u64 != pages {
        return Err(ListError::HeaderDamaged);
    }
    let mut bytes = [0; PAGE];
    let mut firsts = Vec::new();
    for (number, keys) in (first..).zip(below.chunks(FANOUT)) {
        reader.read_exact(&mut bytes)?;
        let page = LeakPage::read(&bytes, kind, &header.id, number)?;
        if !page.keys().eq(keys.iter().copied()) {
            return Err(Damaged { page: number }.into());
        }
        firsts.push(page.first());
    }
    Ok(firsts)
}
