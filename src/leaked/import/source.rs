//! The source of an import: one text, or a folder of range files named by the first five digits; gzip or not.
//!
//! Invariant: reading is sequential and holds one file open.

use std::{
    cell::{Cell, RefCell},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    rc::Rc,
    time::UNIX_EPOCH,
};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// Range files of a whole list: 16 to the power of 5.
pub(crate) const RANGES: usize = 1 << 20;
/// How the name of a range file may go on.
const ENDINGS: [&str; 4] = [".txt", "", ".txt.gz", ".gz"];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What a source is recognised by when an import goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    bytes: u64,
    modified_seconds: i64,
    files: usize,
}

/// A source that was looked at.
pub(crate) struct ImportSource {
    path: PathBuf,
    /// Of a folder: for each prefix, the place of the name's ending in [`ENDINGS`] and one; 0 = there is no file.
    ranges: Option<Vec<u8>>,
    pub(crate) identity: FileIdentity,
}

/// Why a source can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It can't be looked at.
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
    /// A device, a pipe …
    #[error("is neither a file nor a folder")]
    Neither,
    /// No file of the folder has the name of a range.
    #[error("holds no range files, such as 00000.txt")]
    NoRanges,
    /// Two files of the folder are for one range.
    #[error("holds range {0} twice")]
    Twice(String),
}

/// Counts, and where asked for digests, the bytes of the file itself.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) bytes: Rc<Cell<u64>>,
    pub(crate) digest: Option<Rc<RefCell<Context>>>,
}

impl Tally {
    pub(crate) fn with_digest() -> Self {
        Self { digest: Some(Rc::new(RefCell::new(Context::new(&SHA256)))), ..Self::default() }
    }
}

pub(crate) struct Counted {
    file: File,
    tally: Tally,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.tally.bytes.set(self.tally.bytes.get() + read as u64);
        if let Some(digest) = &self.tally.digest {
            digest.borrow_mut().update(&buffer[..read]);
        }
        Ok(read)
    }
}

pub(crate) type SourcePart = Box<dyn Read>;

/// One text of a source, opened.
pub(crate) struct Opened {
    pub(crate) reader: SourcePart,
    pub(crate) modified: Timestamp,
}

impl ImportSource {
    pub(crate) fn look(path: &Path) -> Result<Self, SourceError> {
        let about = fs::metadata(path)?;
        let mut identity = FileIdentity { bytes: about.len(), modified_seconds: modified(&about).as_second(), files: 1 };
        let ranges = if about.is_dir() {
            let ranges = ranges(path)?;
            identity.files = ranges.iter().filter(|ending| **ending > 0).count();
            if identity.files == 0 {
                return Err(SourceError::NoRanges);
            }
            Some(ranges)
        } else if about.is_file() {
            None
        } else {
            return Err(SourceError::Neither);
        };
        Ok(Self { path: path.to_owned(), ranges, identity })
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.ranges.is_some()
    }

    /// How many texts it may have; a folder's are numbered by their prefix.
    pub(crate) fn parts(&self) -> usize {
        self.ranges.as_ref().map_or(1, Vec::len)
    }

    /// Range files that are missing, 0 for a single file.
    pub(crate) fn missing(&self) -> usize {
        if self.is_folder() { RANGES - self.identity.files } else { 0 }
    }

    /// Five digits for a part of a folder; empty for a single file.
    pub(crate) fn prefix(&self, part: usize) -> String {
        if self.is_folder() { format!("{part:05X}") } else { String::new() }
    }

    /// The share that is done, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a share for a progress line")]
    pub(crate) fn share(&self, part: usize, tally: &Tally) -> f64 {
        let (done, all) =
            if self.is_folder() { (part as f64, RANGES as f64) } else { (tally.bytes.get() as f64, self.identity.bytes as f64) };
        if all > 0.0 { (done / all).min(1.0) } else { 1.0 }
    }

    /// The path of a part; `None`: there is no such range file.
    pub(crate) fn part_path(&self, part: usize) -> Option<PathBuf> {
        let Some(ranges) = &self.ranges else { return Some(self.path.clone()) };
        let ending = ENDINGS[usize::from(ranges.get(part)?.checked_sub(1)?)];
        let upper = self.path.join(format!("{part:05X}{ending}"));
        // Names may be in lower case; asking for them costs nothing where they are not.
        if upper.exists() { Some(upper) } else { Some(self.path.join(format!("{part:05x}{ending}"))) }
    }

    /// Opens a part, at this byte of its uncompressed text.
    pub(crate) fn open(&self, path: &Path, offset: u64, tally: &Tally) -> io::Result<Opened> {
        let mut file = File::open(path)?;
        let modified = modified(&file.metadata()?);
        let mut begin = Vec::new();
        (&mut file).take(GZIP.len() as u64).read_to_end(&mut begin)?;
        let gzip = begin == GZIP;
        let seek = if gzip || tally.digest.is_some() { 0 } else { offset };
        file.seek(SeekFrom::Start(seek))?;
        if !self.is_folder() {
            tally.bytes.set(seek);
        }
        let counted = Counted { file, tally: tally.clone() };
        let mut reader: SourcePart = if gzip { Box::new(MultiGzDecoder::new(counted)) } else { Box::new(counted) };
        let left = offset - seek;
        if io::copy(&mut (&mut reader).take(left), &mut io::sink())? < left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Opened { reader, modified })
    }
}

fn modified(about: &fs::Metadata) -> Timestamp {
    let since = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| Timestamp::from_second(since.as_secs().cast_signed()).ok()).unwrap_or_default()
}

fn ranges(folder: &Path) -> Result<Vec<u8>, SourceError> {
    let mut ranges = vec![0; RANGES];
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some((prefix, ending)) = name.to_str().and_then(range_name) else { continue };
        if ranges[prefix] > 0 {
            return Err(SourceError::Twice(format!("{prefix:05X}")));
        }
        ranges[prefix] = ending + 1;
    }
    Ok(ranges)
}

/// The prefix and the place of the ending in [`ENDINGS`].
fn range_name(name: &str) -> Option<(usize, u8)> {
    let (digits, rest) = name.split_at_checked(5)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let ending = ENDINGS.iter().position(|ending| *ending == rest)?;
    Some((usize::from_str_radix(digits, 16).ok()?, u8::try_from(ending).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_files_are_known_by_five_digits_and_their_ending() {
        assert_eq!(range_name("00000.txt"), Some((0, 0)));
        assert_eq!(range_name("fffff.gz"), Some((RANGES - 1, 3)));
        assert_eq!(range_name("5BAA6"), Some((0x5baa6, 1)));
        for name in ["", "0000", "0000.txt", "000000.txt", "0000G.txt", "00000.bin", "README.txt", "+0000.txt", "ø000.txt"] {
            assert_eq!(range_name(name), None, "{name}");
        }
    }
}
