//! How far an import has come, in a file beside the list that is being written.
//!
//! Invariant: what a checkpoint counts is on the disk already.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::source::FileIdentity;
use crate::leaked::{digest::HashKind, page::ListId};

/// A link in the place of a file beside the list is not followed: the service's user may write there, and root may import.
pub(crate) const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Everything that is needed to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportCheckpoint {
    pub(crate) source: FileIdentity,
    pub(crate) id: ListId,
    pub(crate) kind: HashKind,
    /// Complete data pages.
    pub(crate) pages: u64,
    /// Entries in them.
    pub(crate) hashes: u64,
    /// Which part of the source comes next, and from which byte of its text on.
    pub(crate) part: usize,
    pub(crate) offset: u64,
    /// Lines before that place.
    pub(crate) line: u64,
    /// The digest before that place.
    pub(crate) last: [u8; 20],
    /// When the newest file so far was written.
    pub(crate) modified: Timestamp,
}

impl ImportCheckpoint {
    /// The stored progress; `None` where there is none, or it is unreadable.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Replaces the stored progress.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let new = with_ending(path, ".new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o644).custom_flags(NO_LINK).open(&new)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}

/// The path with something behind the file's name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
