//! Makes a list of the public download: reads it once, writes a new list beside the one in use, checks it, and replaces the old one.
//!
//! Invariants: the list in use is whole at every moment; an import that was cut off goes on where it was; memory does not grow with the
//! source (one buffer of 1 MB, 8 bytes a page); no error quotes a line.

mod checkpoint;
mod error;
mod lines;
mod source;

pub use error::ImportError;
pub(crate) use lines::{digit, number};
pub use source::SourceError;

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use ring::rand::SecureRandom;

use self::{
    checkpoint::{ImportCheckpoint, NO_LINK, with_ending},
    lines::{LineError, SourceEntry, SourceLines},
    source::{ImportSource, SourcePart, Tally},
};
use super::{
    digest::HashKind,
    header::{ListHeader, is_list},
    page::ListId,
    verify::verify,
    writer::{Facts, ListWriter},
};

/// Pages between two checkpoints: 64 MB of the list, about half a gigabyte of the download.
pub const CHECKPOINT_PAGES: u64 = 16 * 1024;
/// Entries between two reports.
const REPORT: u64 = 1 << 16;
/// Hashes from which on the ends of a list tell whether it is whole.
const TELLING: u64 = 1000;
/// A list is cut off where the gap at an end is so many times the usual one. By chance that happens once in e^64 lists.
const GAP: u64 = 64;

/// Arguments of an import.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The download: a text, or a folder of range files.
    pub source: &'a Path,
    /// The list to make.
    pub target: &'a Path,
    /// The source is known to be a part of the whole list.
    pub partial: bool,
    /// SHA-256 that the source has to have; of a single file only.
    pub sha256: Option<[u8; 32]>,
    /// Begins anew even where an import of this source was cut off.
    pub restart: bool,
    /// Pages between two checkpoints, usually [`CHECKPOINT_PAGES`].
    pub checkpoint_pages: u64,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The running step.
    pub step: Step,
    /// The share of it that is done, 0 to 1.
    pub share: f64,
    /// Hashes so far.
    pub hashes: u64,
}

/// The two passes of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reads the source and writes the list.
    Import,
    /// Reads the new list back.
    Verify,
}

/// Result of an import.
#[derive(Debug, Clone)]
pub struct ImportedList {
    /// Facts about the list.
    pub header: ListHeader,
    /// An earlier import went on.
    pub resumed: bool,
}

/// Makes the list. Blocks until it is done.
pub fn import(
    job: &Import<'_>,
    now: Timestamp,
    random: &dyn SecureRandom,
    progress: &mut dyn FnMut(Progress),
) -> Result<ImportedList, ImportError> {
    let source = ImportSource::look(job.source).map_err(|error| ImportError::ImportSource { path: job.source.to_owned(), error })?;
    if job.sha256.is_some() && source.is_folder() {
        return Err(ImportError::DigestOfFolder);
    }
    if !job.partial && source.missing() > 0 {
        return Err(ImportError::MissingRanges(source.missing()));
    }
    is_ours(job.target)?;
    let work = WorkFiles { part: with_ending(job.target, ".part"), checkpoint: with_ending(job.target, ".part.json") };
    let file = work.lock().map_err(ImportError::Target)?;
    let file = file.ok_or(ImportError::Busy)?;
    let made = ImportRun::begin(job, source, &work, file, random).and_then(|run| run.finish(job, &work, now, progress));
    if made.as_ref().is_err_and(|error| !error.can_go_on()) {
        work.remove();
    }
    made
}

/// Files beside the target while the import is under way.
struct WorkFiles {
    part: PathBuf,
    checkpoint: PathBuf,
}

impl WorkFiles {
    /// The unfinished list, alone; `None`: another import has it.
    fn lock(&self) -> io::Result<Option<File>> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o644).custom_flags(NO_LINK);
        let file = options.open(&self.part)?;
        if let Err(error) = file.try_lock() {
            return match error {
                fs::TryLockError::WouldBlock => Ok(None),
                fs::TryLockError::Error(error) => Err(error),
            };
        }
        // An import that ended between the two calls above has made this file the list in use.
        let (ours, there) = (file.metadata()?, fs::symlink_metadata(&self.part));
        Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())).then_some(file))
    }

    fn remove(&self) {
        for path in [&self.part, &self.checkpoint] {
            let _ = fs::remove_file(path); // the next import begins anew by itself
        }
    }
}

/// Only a list is replaced: a slip of the keyboard costs no other file.
fn is_ours(target: &Path) -> Result<(), ImportError> {
    let about = match fs::metadata(target) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ImportError::Target(error)),
    };
    if !about.is_file() {
        return Err(ImportError::TargetForeign);
    }
    let mut begin = Vec::new();
    File::open(target).and_then(|file| file.take(8).read_to_end(&mut begin)).map_err(ImportError::Target)?;
    if about.len() == 0 || is_list(&begin) { Ok(()) } else { Err(ImportError::TargetForeign) }
}

/// An import under way.
struct ImportRun {
    source: ImportSource,
    writer: ListWriter,
    tally: Tally,
    id: ListId,
    kind: Option<HashKind>,
    last: Option<[u8; 20]>,
    modified: Timestamp,
    /// Where reading begins.
    from: Option<ImportCheckpoint>,
    next_checkpoint: u64,
    checkpoint_pages: u64,
}

impl ImportRun {
    fn begin(job: &Import<'_>, source: ImportSource, work: &WorkFiles, file: File, random: &dyn SecureRandom) -> Result<Self, ImportError> {
        let checkpoint_pages = job.checkpoint_pages;
        let from = if job.restart { None } else { ImportCheckpoint::read(&work.checkpoint) };
        let tally = if job.sha256.is_some() { Tally::with_digest() } else { Tally::default() };
        if let Some(from) = from.filter(|from| from.source == source.identity && from.part < source.parts()) {
            let again = file.try_clone().and_then(|file| ListWriter::resume(file, from.id, from.pages)).map_err(ImportError::Target)?;
            if let Some(writer) = again.filter(|writer| writer.hashes() == from.hashes) {
                let (id, kind, last, modified) = (from.id, Some(from.kind), Some(from.last), from.modified);
                let next_checkpoint = from.pages + job.checkpoint_pages;
                return Ok(Self { source, writer, tally, id, kind, last, modified, from: Some(from), next_checkpoint, checkpoint_pages });
            }
        }
        let mut id = [0; 16];
        random.fill(&mut id).map_err(|_| ImportError::NoRandomness)?;
        file.set_len(0).map_err(ImportError::Target)?;
        let _ = fs::remove_file(&work.checkpoint); // it describes the file before this one
        let mut file = file;
        io::Seek::rewind(&mut file).map_err(ImportError::Target)?;
        let writer = ListWriter::begin(file, id).map_err(ImportError::Target)?;
        let (modified, next_checkpoint) = (Timestamp::UNIX_EPOCH, job.checkpoint_pages);
        Ok(Self { source, writer, tally, id, kind: None, last: None, modified, from: None, next_checkpoint, checkpoint_pages })
    }

    fn finish(
        mut self,
        job: &Import<'_>,
        work: &WorkFiles,
        now: Timestamp,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<ImportedList, ImportError> {
        let resumed = self.from.is_some();
        self.copy(job, work, progress)?;
        self.is_as_announced(job)?;
        let kind = self.kind.ok_or(ImportError::Empty)?;
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now); // a header counts whole seconds
        let facts = Facts { kind, partial: job.partial, source_modified: self.modified.min(now), imported: now };
        let header = self.writer.finish(&facts).map_err(ImportError::Target)?;
        let hashes = header.hashes;
        let read = verify(&work.part, &mut |share| progress(Progress { step: Step::Verify, share, hashes }))?;
        if read != header {
            return Err(ImportError::WrittenOtherwise);
        }
        fs::rename(&work.part, job.target).map_err(ImportError::Target)?;
        let folder = job.target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(ImportError::Target)?;
        let _ = fs::remove_file(&work.checkpoint); // without the unfinished list it counts for nothing
        Ok(ImportedList { header, resumed })
    }

    fn copy(&mut self, job: &Import<'_>, work: &WorkFiles, progress: &mut dyn FnMut(Progress)) -> Result<(), ImportError> {
        let from = self.from.take();
        let (first, offset, line) = from.map_or((0, 0, 0), |from| (from.part, from.offset, from.line));
        let mut lines: Option<SourceLines<SourcePart>> = None;
        for part in first..self.source.parts() {
            let Some(path) = self.source.part_path(part) else { continue };
            let prefix = self.source.prefix(part);
            let (offset, line) = if part == first { (offset, line) } else { (0, 0) };
            let unreadable = |error| ImportError::Unreadable { path: path.clone(), error };
            let opened = self.source.open(&path, offset, &self.tally).map_err(unreadable)?;
            self.modified = self.modified.max(opened.modified);
            let mut text = match lines {
                Some(lines) => lines.next_text(opened.reader, &prefix),
                None => SourceLines::new(opened.reader, &prefix, self.kind),
            }
            .at(offset, line);
            let before = self.writer.hashes();
            self.text(part, &path, &mut text, work, progress)?;
            if self.source.is_folder() && !job.partial && self.writer.hashes() == before && offset == 0 {
                return Err(ImportError::EmptyRange(path));
            }
            lines = Some(text);
        }
        Ok(())
    }

    /// Takes over every entry of one text.
    fn text(
        &mut self,
        part: usize,
        path: &Path,
        lines: &mut SourceLines<SourcePart>,
        work: &WorkFiles,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), ImportError> {
        loop {
            let entry = lines.entry().map_err(|error| match error {
                LineError::Io(error) => ImportError::Unreadable { path: path.to_owned(), error },
                LineError::Malformed => ImportError::Malformed { path: path.to_owned(), line: lines.number },
            })?;
            let Some(SourceEntry { digest, count, offset }) = entry else { return Ok(()) };
            if count == 0 {
                continue; // padding
            }
            if self.last.is_some_and(|last| digest <= last) {
                return Err(ImportError::Unsorted { path: path.to_owned(), line: lines.number });
            }
            let key = u64::from_be_bytes(*digest.first_chunk().expect("8 of 20 bytes"));
            let begins = self.writer.push(key, count).map_err(ImportError::Target)?;
            self.kind = lines.kind();
            if begins && self.writer.pages() >= self.next_checkpoint {
                self.checkpoint(part, offset, lines.number - 1, work).map_err(ImportError::Target)?;
                self.next_checkpoint = self.writer.pages() + self.checkpoint_pages;
            }
            self.last = Some(digest);
            if self.writer.hashes().is_multiple_of(REPORT) {
                let share = self.source.share(part, &self.tally);
                progress(Progress { step: Step::Import, share, hashes: self.writer.hashes() });
            }
        }
    }

    fn checkpoint(&mut self, part: usize, offset: u64, line: u64, work: &WorkFiles) -> io::Result<()> {
        let (Some(kind), Some(last)) = (self.kind, self.last) else { return Ok(()) };
        self.writer.sync()?;
        let (source, id, modified) = (self.source.identity.clone(), self.id, self.modified);
        let (pages, hashes) = (self.writer.pages(), self.writer.hashes() - 1); // the entry at hand is in no complete page
        ImportCheckpoint { source, id, kind, pages, hashes, part, offset, line, last, modified }.write(&work.checkpoint)
    }

    /// Is the source whole, as far as can be known?
    fn is_as_announced(&mut self, job: &Import<'_>) -> Result<(), ImportError> {
        if let (Some(expected), Some(digest)) = (job.sha256, self.tally.digest.take())
            && digest.borrow().clone().finish().as_ref() != expected
        {
            return Err(ImportError::OtherDigest);
        }
        let Some(last) = self.last else { return Err(ImportError::Empty) };
        let hashes = self.writer.hashes();
        if job.partial || hashes < TELLING {
            return Ok(());
        }
        let last = u64::from_be_bytes(*last.first_chunk().expect("8 of 20 bytes"));
        let gap = (u64::MAX / hashes).saturating_mul(GAP);
        if u64::MAX - last > gap || self.writer.first().is_some_and(|first| first > gap) {
            return Err(ImportError::CutOff);
        }
        Ok(())
    }
}
